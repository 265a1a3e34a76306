/**
 * The sockets that a master holds for its workers: bound once, kept over reloads and deaths of workers, so that a
 * connection waits rather than being refused. Decides which are new, kept and gone when the configuration changes.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { bindSocket, closeSocket } from '../driver/bound-socket.js';
import type { BoundSocket } from '../driver/transport.js';
import type { ErrorLog, ListenAddress } from '../proxy/model.js';
import { describeErrno } from './system-error.js';

/** Everybody may connect to a unix socket, as in nginx; who may reach it is the folder's business. */
const UNIX_SOCKET_MODE = 0o666;

/** A change of the addresses that is not in force yet. */
export interface SocketChange {
  /** One line for each address that could not be bound; with any, only {@link undo} is left to do. */
  readonly failures: readonly string[];
  /** The sockets of the new addresses, by address. */
  readonly sockets: ReadonlyMap<string, BoundSocket>;
  /** Closes what the new addresses no longer have. */
  commit(): void;
  /** Closes what was bound for the change. */
  undo(): void;
}

export class ListeningSockets {
  private held = new Map<string, BoundSocket>();

  /** @param inherited sockets that were bound before this process began, by address: they are used instead of new ones */
  constructor(private readonly inherited = new Map<string, BoundSocket>()) {}

  /** Of the inherited sockets those that no address has had so far. */
  get unused(): string[] {
    return [...this.inherited.keys()];
  }

  /** Binds what `addresses` have and the present ones have not. */
  async change(addresses: readonly ListenAddress[], log: ErrorLog): Promise<SocketChange> {
    const failures: string[] = [];
    const sockets = new Map<string, BoundSocket>();
    const bound: BoundSocket[] = [];
    for (const address of addresses) {
      const name = addressText(address);
      const kept = this.held.get(name) ?? this.inherited.get(name);
      if (kept !== undefined) {
        sockets.set(name, kept);
        continue;
      }
      try {
        const socket = await takeAddress(address, log, () => bindSocket(address));
        if ('path' in address) openToAll(address.path);
        sockets.set(name, socket);
        bound.push(socket);
      } catch (error) {
        failures.push(bindFailure(address, error));
      }
    }
    return {
      failures,
      sockets,
      commit: () => {
        for (const [name, socket] of this.held) if (!sockets.has(name)) closeSocket(socket);
        for (const name of sockets.keys()) this.inherited.delete(name);
        this.held = sockets;
      },
      undo: () => bound.forEach(closeSocket),
    };
  }

  /** Closes all: connections are refused from here on. */
  close(): void {
    for (const socket of this.held.values()) closeSocket(socket);
    this.held.clear();
  }
}

export function bindFailure(address: ListenAddress, error: unknown): string {
  return `bind() to ${addressText(address)} failed (${describeErrno(error)})`;
}

/** Binds by `bind`. The path of a unix socket that nobody serves any more is taken over. */
export async function takeAddress<T>(
  address: ListenAddress,
  log: ErrorLog,
  bind: () => T | Promise<T>,
): Promise<T> {
  try {
    return await bind();
  } catch (error) {
    if (!('path' in address) || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    if (!(await isStaleSocket(address.path))) throw error;
    rmSync(address.path);
    log.log('notice', `removed the stale socket ${address.path}: nobody listened on it`);
    return await bind();
  }
}

/** As nginx writes addresses: `0.0.0.0:80`, `[::]:80`, `unix:/path`. */
export function addressText(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Lets everybody connect to a unix socket. @throws NodeJS.ErrnoException */
export function openToAll(path: string): void {
  chmodSync(path, UNIX_SOCKET_MODE);
}

/** A socket file whose owner is gone refuses connections. Anything else at that path is somebody's. */
function isStaleSocket(path: string): Promise<boolean> {
  try {
    if (!lstatSync(path).isSocket()) return Promise.resolve(false);
  } catch {
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.on('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
