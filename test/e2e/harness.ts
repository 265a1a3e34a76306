/**
 * What the end-to-end tests stand on: the real command in a folder of its own, upstreams and raw connections, all of
 * it ended again by {@link cleanUp}. Every wait is bounded and says what it waited for.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener, Server as HttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, NetConnectOpts, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The command under test, and the demo. */
const COMMAND = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));
export const DEMO = fileURLToPath(new URL('../../src/process/demo.js', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../../../test/e2e/fixtures/', import.meta.url));

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 8_000;
/** How long a test waits for something that should happen at once. */
export const SOON_MS = 5_000;
const POLL_MS = 10;

const cleanups: (() => unknown)[] = [];

/** Ends everything that the harness started since the last call, newest first. For `after` and `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (let end = cleanups.pop(); end !== undefined; end = cleanups.pop()) await end();
}

/** Runs `end` at the next {@link cleanUp}. */
export function onCleanUp(end: () => unknown): void {
  cleanups.push(end);
}

/** A folder that goes with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wirehop-e2e-'));
  onCleanUp(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A temporary folder with these files in it, text by name. */
export function folderWith(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** Where the kernel takes no port for a connection, so that a port which is free now is still free when it is used. */
const FIRST_PORT = 10_000;
const PORTS = 22_000;

/** `count` ports of 127.0.0.1 that are free now; random, as other tests run at the same time. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenSomewhere));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function listenSomewhere(): Promise<Server> {
  for (;;) {
    const server = createServer();
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    const listens = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (listens) return server;
  }
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0];
}

/** Waits until `condition` holds. @throws Error naming `what` when it does not in time */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = SOON_MS,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms for: ${what}`);
    await pause(POLL_MS);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Settles as `work` does, or fails naming `what` when that takes too long. */
export function soon<T>(what: string, work: Promise<T>, limitMs = SOON_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for: ${what}`)), limitMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** A running command. */
export class Command {
  stdout = '';
  stderr = '';
  /** Resolves with the exit code, or with the signal's name. */
  readonly exited: Promise<number | string>;
  ended = false;

  constructor(
    readonly child: ChildProcess,
    readonly folder: string,
  ) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.ended = true;
        resolve(code ?? signal ?? '');
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends `signal` and answers the exit code. A process that does not end is killed, and that is an error. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    if (!this.ended) this.kill(signal);
    try {
      return await soon(`the command to end after ${signal}`, this.exited, STOP_LIMIT_MS);
    } catch (error) {
      this.kill('SIGKILL');
      throw error;
    }
  }

  /** Text of a file in the command's folder, '' when it is not there. */
  file(name: string): string {
    const path = join(this.folder, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Resident memory, in KiB. */
  residentKib(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'))?.[1]);
  }

  /** What a healthy proxy never says or does; a test expects none. */
  faults(): string[] {
    const log = this.file('error.log').split('\n');
    const alerts = log.filter((line) => /\[(alert|emerg|crit)\]/.test(line));
    const complaints = this.stderr.split('\n').filter((line) => line !== '');
    if (this.ended) complaints.push(`ended by itself: ${this.child.exitCode ?? this.child.signalCode}`);
    return [...alerts, ...complaints, ...(this.stdout === '' ? [] : [`stdout: ${this.stdout}`])];
  }
}

/**
 * Runs the command with these arguments in a folder of its own (or a given one). Does not wait.
 * @param env added to the environment
 */
export function runCommand(
  args: readonly string[],
  folder = temporaryFolder(),
  env: Readonly<Record<string, string>> = {},
  script = COMMAND,
): Command {
  const serves = script === COMMAND && args.some((arg) => arg === '-c' || arg.startsWith('--listen'));
  const transport = process.env.WIREHOP_TEST_TRANSPORT;
  const all = serves && transport !== undefined ? ['--transport', transport, ...args] : args;
  const child = spawn(process.execPath, [script, ...all], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const command = new Command(child, folder);
  onCleanUp(() => (command.ended ? undefined : command.stop('SIGKILL')));
  return command;
}

/** Runs the command to its end. */
export async function runToEnd(
  args: readonly string[],
  folder?: string,
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const command = runCommand(args, folder);
  const code = await soon(`the end of: wirehop ${args.join(' ')}`, command.exited, START_LIMIT_MS);
  return { code, stdout: command.stdout, stderr: command.stderr };
}

/**
 * Starts the proxy with this configuration, which names `pid wirehop.pid`, and waits until it serves. It is one process,
 * which is quicker and easy to look at, unless the configuration says something about processes.
 */
export async function startProxy(
  configuration: string,
  folder = temporaryFolder(),
  env: Readonly<Record<string, string>> = {},
): Promise<Command> {
  writeFileSync(join(folder, 'nginx.conf'), configuration);
  // A process that was killed leaves its own behind.
  rmSync(join(folder, 'wirehop.pid'), { force: true });
  const flags = ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'];
  if (!/\b(master_process|worker_processes)\b/.test(configuration)) flags.push('-g', 'master_process off;');
  const command = runCommand(flags, folder, env);
  await until(
    'the pid file',
    () => {
      if (command.ended) throw new Error(`the command ended: ${command.stderr}${command.file('error.log')}`);
      return existsSync(join(folder, 'wirehop.pid'));
    },
    START_LIMIT_MS,
  );
  return command;
}

/** Parts of {@link configurationFor}. */
export interface ConfigurationParts {
  /** What stands behind `listen`. */
  listen: string | number;
  /** What stands behind `server` in the upstream block, one or several. */
  upstream: string | readonly string[];
  http?: string;
  server?: string;
  location?: string;
  /** Lines in the upstream block. */
  upstreamLines?: string;
}

/** One server with one location that passes everything to one upstream. */
export function configurationFor(parts: ConfigurationParts): string {
  const upstreams = typeof parts.upstream === 'string' ? [parts.upstream] : parts.upstream;
  return `daemon off;
pid wirehop.pid;
error_log error.log info;
events { worker_connections 4096; }
http {
    access_log access.log;
    ${parts.http ?? ''}
    upstream backend {
        ${upstreams.map((server) => `server ${server};`).join(' ')}
        ${parts.upstreamLines ?? ''}
    }
    server {
        listen ${typeof parts.listen === 'number' ? `127.0.0.1:${parts.listen}` : parts.listen};
        ${parts.server ?? ''}
        location / {
            proxy_pass http://backend;
            proxy_http_version 1.1;
            ${parts.location ?? ''}
        }
    }
}
`;
}

/** A fixture with its @NAMES@ filled in. */
export function fixture(name: string, values: Readonly<Record<string, string | number>>): string {
  return readFileSync(join(FIXTURES, name), 'utf8').replace(/@([A-Z]+)@/g, (whole, key: string) =>
    String(values[key] ?? whole),
  );
}

/** A `node:http` upstream on a free port of 127.0.0.1, or on the path of a unix socket. */
export async function startHttpUpstream(
  listener: RequestListener,
  path?: string,
): Promise<{ server: HttpServer; port: number }> {
  const server = createHttpServer({ keepAliveTimeout: 60_000 }, listener);
  await listening(server, path);
  onCleanUp(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { server, port: path === undefined ? (server.address() as AddressInfo).port : 0 };
}

/** A TCP upstream: `serve` gets each connection. Errors of its sockets are expected and ignored. */
export async function startRawUpstream(
  serve: (socket: Socket) => void,
  options: { path?: string; allowHalfOpen?: boolean; pauseOnConnect?: boolean } = {},
): Promise<{ server: Server; port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer(options, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    serve(socket);
  });
  await listening(server, options.path);
  onCleanUp(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { server, port: options.path === undefined ? (server.address() as AddressInfo).port : 0, sockets };
}

function listening(server: Server, path: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    if (path === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
}

/** One TCP connection whose octets a test writes and reads itself. Received octets are Latin-1 text. */
export class RawConnection {
  received = '';
  /** The other side sent its end. */
  ended = false;
  closed = false;
  error: NodeJS.ErrnoException | null = null;

  constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (octets) => (this.received += octets.toString('latin1')));
    socket.on('end', () => (this.ended = true));
    socket.on('close', () => (this.closed = true));
    socket.on('error', (error) => (this.error = error));
  }

  write(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Waits until what was received holds `wanted`. */
  async until(wanted: string | RegExp, limitMs = SOON_MS): Promise<string> {
    const holds = (): boolean =>
      typeof wanted === 'string' ? this.received.includes(wanted) : wanted.test(this.received);
    try {
      await until(String(wanted), () => holds() || this.closed || this.ended, limitMs);
    } catch (error) {
      throw new Error(`${(error as Error).message}; received ${JSON.stringify(this.received.slice(-2000))}`);
    }
    if (!holds())
      throw new Error(
        `closed before ${String(wanted)}; received ${JSON.stringify(this.received.slice(-2000))}`,
      );
    return this.received;
  }

  /** Waits for the other side's end, or a reset, and answers everything received. */
  async untilEnd(limitMs = SOON_MS): Promise<string> {
    await until('the end of the connection', () => this.ended || this.closed, limitMs);
    return this.received;
  }

  /** What was received so far, which is forgotten. */
  take(): string {
    const text = this.received;
    this.received = '';
    return text;
  }
}

/** Connects to a port of 127.0.0.1 (or of another host), or to a unix socket. */
export async function openRaw(
  to: number | string,
  options: { allowHalfOpen?: boolean; host?: string } = {},
): Promise<RawConnection> {
  const where: NetConnectOpts = typeof to === 'number' ? { port: to, host: '127.0.0.1' } : { path: to };
  const socket = connect({ ...where, ...options });
  onCleanUp(() => socket.destroy());
  await soon(
    `a connection to ${to}`,
    new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject)),
  );
  return new RawConnection(socket);
}

/** Writes `request` on a new connection and answers everything that comes until the end. */
export async function exchangeRaw(to: number | string, request: string, limitMs = SOON_MS): Promise<string> {
  const connection = await openRaw(to);
  connection.write(request);
  const received = await connection.untilEnd(limitMs);
  connection.socket.destroy();
  return received;
}

/** Reads request heads off a raw upstream's socket and hands each to `answer`; content is the caller's to avoid. */
export function onHeads(socket: Socket, answer: (head: string, ordinal: number) => void): void {
  let text = '';
  let ordinal = 0;
  socket.on('data', (octets) => {
    text += octets.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const head = text.slice(0, end + 4);
      text = text.slice(end + 4);
      answer(head, ++ordinal);
    }
  });
}
