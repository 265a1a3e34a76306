/**
 * What the tests of this room share: the real command with small limits in front of one raw upstream whose behaviour a
 * test sets, and what the system says about the process.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import {
  configurationFor,
  exchangeRaw,
  freePort,
  onHeads,
  startProxy,
  startRawUpstream,
  until,
} from '../e2e/harness.js';
import type { Command, ConfigurationParts, RawConnection } from '../e2e/harness.js';

export const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
export const GET_CLOSE = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
export const OFFER = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
export const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
/** Lines of a location that lets protocols be switched; requests without an offer close the upstream connection. */
export const UPGRADES =
  'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;';
export const UPGRADE_MAP = 'map $http_upgrade $connection_upgrade { default upgrade; "" close; }';

/** A proxy in front of one upstream. */
export interface Bench {
  proxy: Command;
  port: number;
  /** What the upstream does with a connection. */
  serve: (socket: Socket) => void;
  /** Upstream connections that are open. */
  sockets: Set<Socket>;
}

/** Answers every head with `ok`. */
export const healthy = (socket: Socket): void => onHeads(socket, () => socket.write(OK));

/**
 * @param parts as for configurationFor, less what is known here
 * @param connections worker_connections
 */
export async function startBench(
  parts: Partial<ConfigurationParts> = {},
  connections = 4096,
): Promise<Bench> {
  const bench = { serve: healthy } as unknown as Bench;
  const upstream = await startRawUpstream((socket) => bench.serve(socket));
  bench.sockets = upstream.sockets;
  bench.port = await freePort();
  const text = configurationFor({
    listen: bench.port,
    upstream: `127.0.0.1:${upstream.port} max_fails=0`,
    ...parts,
    // Each request gets an upstream connection of its own, so that none meets what a test has set for another.
    http: `proxy_set_header Connection close; ${parts.http ?? ''}`,
  });
  bench.proxy = await startProxy(text.replace(/worker_connections \d+/, `worker_connections ${connections}`));
  return bench;
}

/** The proxy answers, and complained to nobody. */
export async function expectHealthy(bench: Bench): Promise<void> {
  bench.serve = healthy;
  expect(await exchangeRaw(bench.port, GET_CLOSE)).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
  expect(bench.proxy.faults()).to.deep.equal([]);
}

export function openFiles(command: Command): number {
  return readdirSync(`/proc/${command.pid}/fd`).length;
}

/** CPU time of the process so far, in ms. */
export function cpuMs(command: Command): number {
  const stat = readFileSync(`/proc/${command.pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime and stime, in ticks of 10 ms everywhere that Node runs on Linux.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Lines of the error log that name this code. */
export function logged(command: Command, code: string): string[] {
  return command
    .file('error.log')
    .split('\n')
    .filter((line) => line.includes(`[${code},`));
}

/** Waits until the process has `count` files open again. */
export async function untilOpenFiles(command: Command, count: number, limitMs?: number): Promise<void> {
  try {
    await until(`${count} open files`, () => openFiles(command) <= count, limitMs);
  } catch {
    expect(openFiles(command), 'open files').to.equal(count);
  }
}

/** Octets of the one write under way that the system has not taken: what neither the kernel nor the proxy holds. */
export function unsentOctets({ socket }: RawConnection): number {
  // Public API tells only when a write is done as a whole.
  return (socket as unknown as { readonly _handle: { readonly writeQueueSize: number } })._handle
    .writeQueueSize;
}
