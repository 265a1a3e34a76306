/**
 * What the TLS tests stand on: a configuration served inside the test process, origins, and clients over TLS whose
 * octets a test writes and reads itself.
 */
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import { connect as connectPlainly, type AddressInfo, type Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { compileConfig } from '../../src/config/compile.js';
import { memoryFiles } from '../../src/config/files.js';
import { Driver, type DriverOptions } from '../../src/driver/driver.js';
import type { Policy } from '../../src/machine/policy.js';
import { onCleanUp, RawConnection, soon } from '../e2e/harness.js';
import { Authority, type Pair } from './authority.js';

const FILE = '/etc/wirehop/nginx.conf';

/** A configuration that is being served. */
export interface Stage {
  readonly port: number;
  readonly ports: readonly number[];
  readonly driver: Driver;
  /** Of the first listener. */
  readonly policy: Policy;
  /** `level text` of the error log, whatever the level. */
  readonly errors: string[];
  /** Lines of access logs. */
  readonly lines: string[];
}

/**
 * Serves the content of `http`; addresses are listened to on free ports instead of those that it names.
 * @param files texts by name, beside the configuration
 */
export async function serve(
  http: string,
  files: Readonly<Record<string, string>> = {},
  options: DriverOptions = {},
): Promise<Stage> {
  const errors: string[] = [];
  const lines: string[] = [];
  const more = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`/etc/wirehop/${name}`, text]),
  );
  const log = (level: string, text: string): void => void errors.push(`${level} ${text}`);
  const compiled = await compileConfig({
    file: FILE,
    files: memoryFiles({ [FILE]: `events {} error_log stderr debug; http { ${http} }`, ...more }),
    resolve: () => Promise.resolve(['127.0.0.1']),
    openLog: () => ({ write: (line) => void lines.push(line) }),
    openErrorLog: () => ({ log }),
  });
  if (compiled.config === undefined)
    throw new Error(compiled.errors.map((error) => error.message).join('\n'));
  const driver = new Driver({ onNotice: log, ...options });
  onCleanUp(() => driver.close());
  const ports: number[] = [];
  for (const { address, policy } of compiled.config.listeners) {
    const where = 'path' in address ? address : { ...address, port: 0 };
    const bound = await driver.listen(where, policy);
    ports.push('port' in bound ? bound.port : 0);
  }
  const [{ policy }] = compiled.config.listeners;
  return { port: ports[0], ports, driver, policy, errors, lines };
}

/** A certificate and its key as directives. */
export function pairLines({ cert, key }: Pair, prefix = 'ssl'): string {
  return `${prefix}_certificate "data:${cert}"; ${prefix}_certificate_key "data:${key}";`;
}

/** An HTTP origin on a free port; with a certificate over TLS. */
export async function origin(listener: RequestListener, secure?: ServerOptions): Promise<number> {
  const server = secure === undefined ? createServer(listener) : createSecureServer(secure, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanUp(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

let shared: Promise<{ root: Authority; server: Pair }> | undefined;

/** An authority and a certificate for `localhost`, `a.example` and 127.0.0.1, made once. */
export function basics(): Promise<{ root: Authority; server: Pair }> {
  shared ??= Authority.create('wirehop test root').then(async (root) => ({
    root,
    server: await root.issue({ names: ['localhost', 'a.example', '127.0.0.1'] }),
  }));
  return shared;
}

/** One connection over TLS. Certificates are looked at only if `ca` is given. */
export async function openSecure(
  port: number,
  options: ConnectionOptions & { carrier?: Socket } = {},
): Promise<RawConnection & { readonly socket: TLSSocket }> {
  const { carrier, ...rest } = options;
  const socket = connect({
    ...(carrier === undefined ? { port, host: '127.0.0.1' } : { socket: carrier }),
    rejectUnauthorized: options.ca !== undefined,
    ...rest,
  });
  onCleanUp(() => socket.destroy());
  const shaken = new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject);
    socket.once('close', () => reject(new Error('closed before the handshake was over')));
  });
  await soon(`a TLS connection to ${port}`, shaken);
  return new RawConnection(socket) as RawConnection & { readonly socket: TLSSocket };
}

/** Sends a request over TLS and answers everything that comes until the end. */
export async function exchangeSecure(
  port: number,
  options: ConnectionOptions & { carrier?: Socket } = {},
  head = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n',
): Promise<string> {
  const connection = await openSecure(port, options);
  connection.write(head);
  const received = await connection.untilEnd();
  connection.socket.destroy();
  return received;
}

/** Content of a response that ends with its connection. */
export function contentOf(response: string): string {
  return response.slice(response.indexOf('\r\n\r\n') + 4);
}

export function statusOf(response: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(response)?.[1] ?? 0);
}

/** Sends octets in the clear and answers everything that comes until the end, Latin-1. */
export async function exchangeClear(port: number, octets: string | Buffer): Promise<string> {
  const socket = connectPlainly(port, '127.0.0.1');
  onCleanUp(() => socket.destroy());
  const connection = new RawConnection(socket);
  connection.write(octets);
  return connection.untilEnd();
}
