/** The proxies that are commands: wirehop on both transports, nginx, HAProxy. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { proxyConfiguration } from '../configuration.js';
import { startProgram, type Program } from '../lab/program.js';
import type { Front, Peer, PeerSettings } from './peer.js';

const COMMAND = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));
const PACKAGE = new URL('../../../package.json', import.meta.url);

/** Whole path of a program. Debian keeps some where an ordinary user's PATH does not look. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** The first line that a program says about itself, on either stream. */
export function versionLine(program: string | undefined, flag: string): string {
  if (program === undefined) return '';
  const { stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8' });
  return `${stdout}${stderr}`.split('\n')[0].trim();
}

/** Flags that wirehop and nginx share; writes the configuration. */
function nginxFlags(settings: PeerSettings): string[] {
  const { folder, front, listen, origin, certificate, extra } = settings;
  const text = proxyConfiguration({
    listen,
    origin,
    ...(front === 'logged' ? { accessLog: 'access.log' } : {}),
    ...(front === 'tls' ? { certificate } : {}),
    ...extra,
  });
  writeFileSync(join(folder, 'nginx.conf'), text);
  return ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'error.log'];
}

/** wirehop's command. */
export interface WirehopOptions {
  readonly transport?: 'handle' | 'net';
  /** Name in tables; "wirehop" and the transport otherwise. */
  readonly name?: string;
  /** Flags for Node, in front of the command. */
  readonly nodeFlags?: readonly string[];
}

export function wirehop({ transport = 'handle', name, nodeFlags = [] }: WirehopOptions = {}): Peer {
  const command = [...nodeFlags, COMMAND, '--transport', transport];
  return {
    name: name ?? (transport === 'handle' ? 'wirehop' : `wirehop (${transport})`),
    about:
      transport === 'handle'
        ? "wirehop's command on bare handles, its default"
        : "wirehop's command on net.Socket, the default when embedded",
    rewritesHeads: true,
    missing: () => (existsSync(COMMAND) ? null : 'not built: npm run build'),
    cannot: (front) => (front === 'tls' ? wirehopRefusesTls() : null),
    version: () => {
      const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };
      return `wirehop ${version} on Node ${process.version}`;
    },
    start: (settings) =>
      startProgram('proxy', process.execPath, [...command, ...nginxFlags(settings)], settings.folder),
  };
}

let tlsRefusal: string | null | undefined;

/** What wirehop says to `listen ... ssl`: null when it takes it. */
function wirehopRefusesTls(): string | null {
  if (tlsRefusal !== undefined) return tlsRefusal;
  const folder = mkdtempSync(join(tmpdir(), 'wirehop-tls-'));
  try {
    const certificate = makeCertificate(folder);
    const flags = nginxFlags({ front: 'tls', listen: 1, origin: 2, folder, certificate, extra: {} });
    const { status, stderr } = spawnSync(process.execPath, [COMMAND, '-t', ...flags], { encoding: 'utf8' });
    tlsRefusal =
      status === 0
        ? null
        : `it refuses the configuration: ${stderr
            .split('\n')[0]
            .replace(/ in \/.*$/, '')
            .trim()}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return tlsRefusal;
}

export function nginx(): Peer {
  const program = findProgram('nginx');
  return {
    name: 'nginx',
    about: 'the measure: every ratio is to it',
    rewritesHeads: true,
    missing: () => (program === undefined ? 'not installed: apt-get install nginx-light' : null),
    cannot: () => null,
    version: () => versionLine(program, '-v').replace(/^nginx version: nginx\//, 'nginx '),
    start: (settings) => startProgram('proxy', program ?? '', nginxFlags(settings), settings.folder),
  };
}

export function haproxy(): Peer {
  const program = findProgram('haproxy');
  return {
    name: 'HAProxy',
    about: 'in HTTP mode, one thread',
    rewritesHeads: true,
    missing: () => (program === undefined ? 'not installed: apt-get install haproxy' : null),
    cannot: (front) => (front === 'logged' ? 'it logs to syslog, not to a file' : null),
    version: () => versionLine(program, '-v').replace(/^HAProxy version (\S+).*/, 'HAProxy $1'),
    start: (settings) => startHaproxy(program ?? '', settings),
  };
}

function startHaproxy(
  program: string,
  { folder, front, listen, origin, certificate }: PeerSettings,
): Program {
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
    nbthread 1
    maxconn 9500
defaults
    mode http
    timeout connect 60s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
    timeout http-keep-alive 75s
    http-reuse always
frontend front
    bind 127.0.0.1:${listen}${front === 'tls' ? ` ssl crt ${certificate}` : ''}
    http-request set-header X-Real-IP %[src]
    option forwardfor
    default_backend origin
backend origin
    server origin 127.0.0.1:${origin}
`,
  );
  return startProgram('proxy', program, ['-db', '-f', file], folder);
}

/** A self-signed certificate and its key (ECDSA P-256) in one file. @throws Error when there is no openssl */
export function makeCertificate(folder: string): string {
  const file = join(folder, 'certificate.pem');
  const arguments_ =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost';
  execFileSync('openssl', [...arguments_.split(' '), '-keyout', file, '-out', `${file}.crt`], {
    stdio: 'ignore',
  });
  writeFileSync(file, readFileSync(`${file}.crt`, 'latin1') + readFileSync(file, 'latin1'));
  return file;
}

/** Why there can be no certificate here, or null. */
export function cannotMakeCertificate(front: Front): string | null {
  return front !== 'tls' || findProgram('openssl') !== undefined
    ? null
    : 'no certificate can be made: apt-get install openssl';
}
