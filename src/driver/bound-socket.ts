/**
 * Sockets that one process binds and others accept on. Decides nothing about who does.
 *
 * Node has no public way to bind a socket without accepting on it; its cluster module does it by the parts used here, and
 * closes the socket when the last worker has gone, which is why it is not used: connections would be refused until the
 * next one is there. These parts are private to Node and stay in this file; {@link canShareSockets} asks for them.
 */
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Address, BoundSocket } from './transport.js';

/** As far as the parts of Node are used. */
interface PrivateNet {
  /** @returns a handle, or a negative system error number */
  _createServerHandle?(
    address: string | null,
    port: number | null,
    family: number | null,
    fd?: number,
    flags?: number,
  ): Handle | number;
}

interface PrivateServer {
  _handle: unknown;
  /** Listens on `_handle`. */
  _listen2?(address: null, port: number, family: number, backlog: number): void;
}

interface Handle {
  close(): void;
  getsockname?(record: { address?: string; port?: number }): number;
}

/** UV_TCP_IPV6ONLY. */
const IPV6_ONLY = 1;

/** Whether this Node has what the functions below need. */
export function canShareSockets(): boolean {
  const { _listen2 } = net.Server.prototype as unknown as PrivateServer;
  return typeof (net as PrivateNet)._createServerHandle === 'function' && typeof _listen2 === 'function';
}

/**
 * Binds a socket to `address` without listening on it. It can be sent to a child process beside a message, any number of
 * times. The caller owns it; {@link closeSocket} ends it.
 * @throws NodeJS.ErrnoException the system's error, such as EADDRINUSE or EACCES
 */
export function bindSocket(address: Address): BoundSocket {
  const create = (net as PrivateNet)._createServerHandle!;
  const socket =
    'path' in address
      ? create(address.path, -1, -1)
      : create(
          address.host,
          address.port,
          address.host.includes(':') ? 6 : 4,
          undefined,
          address.ipv6Only === true ? IPV6_ONLY : 0,
        );
  if (typeof socket === 'number') throw systemError('bind', socket);
  // libuv keeps the error of bind(2) back until somebody asks.
  const error = 'path' in address ? 0 : (socket.getsockname?.({}) ?? 0);
  if (error === 0) return socket;
  socket.close();
  throw systemError('bind', error);
}

/** The listening socket behind a descriptor that this process was started with; null when there is none. */
export function adoptSocket(fd: number): BoundSocket | null {
  const create = (net as PrivateNet)._createServerHandle!;
  try {
    const socket = create(null, null, null, fd);
    return typeof socket === 'number' ? null : socket;
  } catch {
    return null;
  }
}

/** Where a TCP socket is bound, as `127.0.0.1:80` or `[::1]:80`; '' for any other. */
export function socketName(socket: BoundSocket): string {
  const record: { address?: string; port?: number } = {};
  if (((socket as Handle).getsockname?.(record) ?? -1) !== 0) return '';
  const { address = '', port = 0 } = record;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Closes this process's hold on the socket. What was bound to a path takes the path with it. */
export function closeSocket(socket: BoundSocket): void {
  (socket as Handle).close();
}

/** Makes `server` listen on a socket that was bound elsewhere. Errors come as the server's 'error' event. */
export function listenOnBound(server: net.Server, socket: BoundSocket, backlog: number): void {
  const bare = server as unknown as PrivateServer;
  bare._handle = socket;
  bare._listen2!(null, -1, -1, backlog);
}

function systemError(call: string, errno: number): Error {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${call} ${code}`), { errno, code, syscall: call });
}
