/**
 * What the pump and the driver need of sockets, whatever they are made of: one narrow interface, implemented over
 * `net.Socket` (net-transport.ts) and over Node's bare handles (handle-transport.ts). Decides nothing.
 */
import type { ErrorCode } from '../error.js';
import type { ConnectionFacts, Peer } from '../machine/policy.js';
import type { DialSocket, TlsFacts } from '../machine/security.js';
import type { ProxyHeader } from '../wire/proxy-protocol/reader.js';

/** Told by a transport about its connection. Every call comes from the event loop, never from inside a transport call. */
export interface TransportEvents {
  /** chunk[start, end) was received. See {@link Transport.ownsChunks}. */
  onChunk(transport: Transport, chunk: Buffer, start: number, end: number): void;
  /** The peer ended its half. */
  onEnd(transport: Transport): void;
  /**
   * The connection is gone without having been closed here.
   * @param detail a system error code, or ''
   * @param code what failed, where it is not the connection: TLS on it
   */
  onFailure(transport: Transport, detail: string, code?: ErrorCode): void;
  /** Everything written has been taken, after a write had to wait. */
  onDrain(transport: Transport): void;
}

/** Told about a connection that is being made; `onFailure` says that it could not be. */
export interface DialEvents extends TransportEvents {
  onConnect(transport: Transport): void;
}

/** One connection. Calls never throw; after the connection is gone they do nothing. */
export interface Transport {
  events: TransportEvents;
  /** Free for the owner: the session that the transport belongs to, or the link while it is idle in a pool. */
  owner: unknown;
  /**
   * Chunks given to `onChunk` are not used again: they may be kept, and written later without a copy. Otherwise they
   * are lent: good until `onChunk` returns.
   */
  readonly ownsChunks: boolean;
  /**
   * A write may be given octets that are lent: what has to wait is kept by the transport. Otherwise the pump lays them
   * down elsewhere before they are written.
   */
  readonly keepsLent: boolean;
  /**
   * What became of a chunk that came from here and is owned: nobody keeps it, and no write waits with its octets but one
   * of `waitsIn`, until that one's `waitingOctets` are 0. Not called: somebody keeps it. Absent: nobody wants to know.
   */
  taken?(chunk: Buffer, waitsIn: Transport | null): void;
  /** Octets written that still wait in this process. */
  readonly waitingOctets: number;
  /** Too much waits: stop giving more until `onDrain`. */
  readonly isBlocked: boolean;
  /**
   * Writes buffer[start, end), see {@link keepsLent}. Octets of an OctetWriter must stay as they are until `waitingOctets` is 0.
   * @param hasMore another write follows at once: both may go out together
   */
  write(buffer: Buffer, start: number, end: number, hasMore: boolean): void;
  /**
   * Whether the peer has taken octets since the last call, or since it began to block. Absent: it takes all that waits,
   * or nothing.
   */
  hasProgressed?(): boolean;
  /** Whether chunks are wanted. */
  read(wanted: boolean): void;
  /** Half-closes once everything is written. */
  end(): void;
  /**
   * Closes once everything is written. No event comes after this call.
   * @param flushMs how long the peer may take nothing of what waits; default {@link FLUSH_TIMEOUT_MS}
   * @param whenGone called once when the connection is gone, during the call if nothing waits
   */
  close(flushMs?: number, whenGone?: () => void): void;
  /**
   * Closes now, also what is closing already; `reset` makes sure that the peer notices that something is missing. No
   * event comes after this call.
   */
  destroy(reset: boolean): void;
}

/** A TCP port to listen on. */
export interface PortAddress {
  /** Numeric: `127.0.0.1`, `::`. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Most connections that wait to be accepted. Default 511, as nginx's on Linux. */
  readonly backlog?: number;
  /** With an IPv6 host: IPv4 connections are not taken. Default false. */
  readonly ipv6Only?: boolean;
  /** The system probes accepted connections that were silent for so many seconds. Absent: it does not. */
  readonly keepAliveS?: number;
}

/** A unix socket to listen on. */
export interface PathAddress {
  /** Path of the socket, which must not exist. */
  readonly path: string;
  /** As for a {@link PortAddress}. */
  readonly backlog?: number;
}

/** Where to listen. */
export type Address = PortAddress | PathAddress;

/** Where a listener accepts connections: with the port that was taken for port 0. */
export type BoundAddress = Pick<PortAddress, 'host' | 'port'> | Pick<PathAddress, 'path'>;

/**
 * A socket that is bound to an address already, by another process: see bound-socket.ts. Who listens on it owns it.
 */
export type BoundSocket = object;

export interface Listener {
  readonly bound: BoundAddress;
  /** Stops accepting. Connections that were accepted stay. */
  close(): void;
}

/** What a network knows of an accepted connection; the driver adds its serial number. */
export abstract class Endpoint implements ConnectionFacts {
  serial = 0;
  /** Free for the policy: what it renders once per connection. */
  cache: unknown = undefined;
  /** The driver's own: the session that serves this connection. */
  session: unknown = null;
  readonly openedAt: number = performance.now();
  /**
   * It is known who is there. Of a TCP connection that was reset before it was accepted it is not: what it sent could
   * still be read, but must not be taken for anybody's.
   */
  hasPeer = true;
  abstract readonly remoteAddress: string;
  abstract readonly remotePort: number;
  abstract readonly localAddress: string;
  abstract readonly localPort: number;
  secure = false;
  arrivedAt = this.openedAt;
  tls: TlsFacts | null = null;
  proxied: ProxyHeader | null = null;
}

/** A way of having sockets. */
export interface Network {
  /**
   * Rejects with the system's error (`EADDRINUSE`, `EACCES`...).
   * @param accept is given every connection; it must set the transport's events before it returns
   * @param onError an accept failed, by its system error code; listening goes on
   * @param socket is bound to `address` already and listened on instead of a new one
   */
  listen(
    address: Address,
    accept: (transport: Transport, endpoint: Endpoint) => void,
    onError: (code: string) => void,
    socket?: BoundSocket,
  ): Promise<Listener>;
  /** Begins to connect. The outcome comes later, never during the call. @param socket absent: the system's defaults */
  connect(peer: Peer, events: DialEvents, socket?: DialSocket): Transport;
}

/** nginx's default for `listen ... backlog=` on Linux. */
export const BACKLOG = 511;

/** How long a closed connection may wait without progress for its last octets to be taken (nginx's send_timeout). */
export const FLUSH_TIMEOUT_MS = 60_000;

/** An IPv4 address that came in through an IPv6 socket is shown as IPv4. */
export function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') === true ? address.slice(7) : address;
}

/** No events: a transport between its making and its owner's first word. */
export const NO_EVENTS: TransportEvents = {
  onChunk: () => undefined,
  onEnd: () => undefined,
  onFailure: () => undefined,
  onDrain: () => undefined,
};

/**
 * With which of its own writes a connection is told not to let octets wait for others (TCP_NODELAY): the second, which of
 * many connections never comes. Linux holds back nothing in the first one, as no small segment is unacknowledged yet
 * (tcp_minshall_check); other systems may hold back its end behind its beginning, and are told before it.
 */
export const NO_DELAY_WRITE = process.platform === 'linux' ? 2 : 1;

/** Seconds of silence before the system's first probe: Linux's own default, as nginx leaves it. */
export const KEEPALIVE_PROBE_S = 7200;
