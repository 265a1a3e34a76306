/** The proxies that are libraries for Node, a bare relay, and nothing at all. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProgram } from '../lab/program.js';
import type { Peer } from './peer.js';

const LIBRARY_PROGRAM = fileURLToPath(new URL('./library-program.js', import.meta.url));
const RELAY_PROGRAM = fileURLToPath(new URL('./relay-program.js', import.meta.url));

/** What library-program.ts is told, as JSON in its first argument. */
export interface LibrarySettings {
  readonly library: string;
  readonly listen: number;
  readonly origin: number;
  /** '' for plain HTTP. */
  readonly certificate: string;
}

/** One of the libraries with the interface of http-proxy. */
export function library(name: string): Peer {
  return {
    name,
    about: 'a library for Node, with an agent that keeps connections',
    rewritesHeads: true,
    missing: () => (versionOf(name) === null ? `not installed: npm install --no-save ${name}` : null),
    cannot: (front) => (front === 'logged' ? 'it has no access log' : null),
    version: () => `${name} ${String(versionOf(name))} on Node ${process.version}`,
    start: ({ listen, origin, certificate, folder }) => {
      const settings: LibrarySettings = { library: name, listen, origin, certificate };
      return startProgram(
        'proxy',
        process.execPath,
        ['--no-deprecation', LIBRARY_PROGRAM, JSON.stringify(settings)],
        folder,
      );
    },
  };
}

/** From the package's own description, found upwards from its entry: some do not export it. */
function versionOf(name: string): string | null {
  try {
    let folder = dirname(createRequire(import.meta.url).resolve(name));
    for (; ; folder = dirname(folder)) {
      try {
        const text = readFileSync(join(folder, 'package.json'), 'utf8');
        const found = JSON.parse(text) as { name?: string; version?: string };
        if (found.name === name) return found.version ?? '?';
      } catch {
        // Not here.
      }
      if (folder === dirname(folder)) return '?';
    }
  } catch {
    return null;
  }
}

/** Octets from one net.Socket to another: what Node costs without any HTTP. */
export function relay(): Peer {
  return {
    name: 'bare relay',
    about: 'two net.Socket and their octets, no HTTP read: what Node itself costs',
    rewritesHeads: false,
    missing: () => null,
    cannot: (front) => (front === 'plain' ? null : 'it reads no HTTP and speaks no TLS'),
    version: () => `net.Socket of Node ${process.version}`,
    start: ({ listen, origin, folder }) =>
      startProgram('proxy', process.execPath, [RELAY_PROGRAM, String(listen), String(origin)], folder),
  };
}

/** Load and origin alone: what they could do. */
export function noProxy(): Peer {
  return {
    name: 'no proxy',
    about: 'load and origin alone: the most that they can do together',
    rewritesHeads: false,
    missing: () => null,
    cannot: (front) => (front === 'plain' ? null : 'there is nothing that could'),
    version: () => '',
    start: () => null,
  };
}
