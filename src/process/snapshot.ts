/**
 * What a configuration was made from, so that a worker makes the same one: also hours later, when its files say something
 * else or nothing sound at all. Decides nothing about configurations.
 */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { DISK, type ConfigFiles } from '../config/files.js';

/**
 * Every answer that the world gave while a configuration was compiled: private keys are among them. Plain values: it
 * crosses processes.
 */
export interface Snapshot {
  /** Latin-1 text by path. */
  readonly texts: Record<string, string>;
  /** Paths by pattern. */
  readonly globs: Record<string, readonly string[]>;
  /** Numeric addresses by host name. */
  readonly hosts: Record<string, readonly string[]>;
  /** What keys for TLS session tickets are drawn from, base64: a session of one worker is resumed by another. */
  readonly ticketSecret: string;
}

/** What the compiler asks of the world. */
export interface Surroundings {
  readonly files: ConfigFiles;
  /** Numeric addresses of a name; rejects when there are none. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly ticketSecret: Buffer;
}

/** The disk, or `files`, and the system's resolver. Everything they answer is put down in `snapshot`. */
export function recordingSurroundings(snapshot: Snapshot, files: ConfigFiles = DISK): Surroundings {
  const { texts, globs, hosts } = snapshot;
  return {
    files: {
      readFile: (path) => (texts[path] = files.readFile(path)),
      glob: (pattern) => (globs[pattern] = files.glob(pattern)),
    },
    resolve: async (host) => (hosts[host] = await resolveHost(host)),
    ticketSecret: Buffer.from(snapshot.ticketSecret, 'base64'),
  };
}

/** Answers as the snapshot has them; what is not in it is asked of the world. */
export function replayingSurroundings({ texts, globs, hosts, ticketSecret }: Snapshot): Surroundings {
  return {
    files: {
      readFile: (path) => (Object.hasOwn(texts, path) ? texts[path] : DISK.readFile(path)),
      glob: (pattern) => (Object.hasOwn(globs, pattern) ? globs[pattern] : DISK.glob(pattern)),
    },
    resolve: (host) => (Object.hasOwn(hosts, host) ? Promise.resolve(hosts[host]) : resolveHost(host)),
    ticketSecret: Buffer.from(ticketSecret, 'base64'),
  };
}

export function emptySnapshot(): Snapshot {
  return { texts: {}, globs: {}, hosts: {}, ticketSecret: randomBytes(32).toString('base64') };
}

/** Every address of a host, in the order the system's resolver gives them. */
async function resolveHost(host: string): Promise<string[]> {
  const addresses = await lookup(host, { all: true, verbatim: true });
  return addresses.map(({ address }) => address);
}
