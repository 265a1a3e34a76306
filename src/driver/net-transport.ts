/**
 * The transport over `net.Socket`'s public API: works for TCP, unix sockets and TLS alike, on every Node. Decides how
 * writes become system calls; knows no HTTP.
 *
 * Listeners are functions shared by all sockets that find their transport through the socket: a connection costs no
 * closure.
 */
import net, { type AddressInfo, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ErrorCode } from '../error.js';
import type { Peer } from '../machine/policy.js';
import type { DialSocket } from '../machine/security.js';
import { listenOnBound } from './bound-socket.js';
import { freeOctets } from './free-octets.js';
import { dropLarge, giveLarge, type LargeBuffer, takeLarge } from './large-buffers.js';
import { warmSockets } from './socket-shapes.js';
import { tlsFacts } from './tls-facts.js';
import { failureText } from './tls-failure.js';
import {
  KEEPALIVE_PROBE_S,
  type Address,
  BACKLOG,
  type BoundSocket,
  type DialEvents,
  Endpoint,
  FLUSH_TIMEOUT_MS,
  type Listener,
  type Network,
  NO_DELAY_WRITE,
  NO_EVENTS,
  plainAddress,
  type Transport,
  type TransportEvents,
} from './transport.js';

const TRANSPORT = Symbol('transport');
type WireSocket = Socket & { [TRANSPORT]: NetTransport };

export class NetTransport implements Transport {
  readonly ownsChunks: boolean = true;
  /** A socket keeps the buffers that it is given, not their octets. */
  readonly keepsLent = false;
  owner: unknown = null;
  isBlocked = false;
  private isCorked = false;
  protected isGone = false;
  private hasEnded = false;
  /** Writes until TCP_NODELAY is set; 0: it is, or is not ours to set. See {@link setsNoDelay}. */
  private untilNoDelay = 0;

  /**
   * @param socket must have `allowHalfOpen`; the transport takes it over
   * @param tellsReset it is TCP, and nobody has asked for its peer's address: see {@link ended}
   * @param carrier the TCP socket under a TLS socket: only that one can be reset
   */
  constructor(
    readonly socket: Socket,
    public events: TransportEvents,
    private readonly tellsReset = false,
    private readonly carrier: Socket = socket,
  ) {
    (socket as WireSocket)[TRANSPORT] = this;
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on('drain', onDrain);
  }

  /** For a connection of our own: octets are not to wait for others. See {@link NO_DELAY_WRITE}. */
  setsNoDelay(): this {
    this.untilNoDelay = NO_DELAY_WRITE;
    return this;
  }

  get waitingOctets(): number {
    return this.socket.writableLength;
  }

  write(buffer: Buffer, start: number, end: number, hasMore: boolean): void {
    if (this.isGone) return;
    const { socket } = this;
    if (this.untilNoDelay !== 0 && --this.untilNoDelay === 0) socket.setNoDelay(true);
    if (hasMore && !this.isCorked) {
      // Corked writes leave in one writev.
      this.isCorked = true;
      socket.cork();
    }
    const isWhole = start === 0 && end === buffer.length;
    let goesOn = socket.write(isWhole ? buffer : buffer.subarray(start, end));
    if (!hasMore && this.isCorked) {
      this.isCorked = false;
      socket.uncork();
      goesOn = socket.writableLength < socket.writableHighWaterMark;
    }
    // Node says "stop" for every chunk above the high water mark, even when the kernel took it all at once.
    if (!goesOn && socket.writableLength > 0) this.isBlocked = true;
  }

  read(wanted: boolean): void {
    if (this.isGone) return;
    if (wanted) {
      if (this.socket.isPaused()) this.socket.resume();
    } else if (!this.socket.isPaused()) this.socket.pause();
  }

  end(): void {
    this.hasEnded = true;
    if (!this.isGone) this.socket.end();
  }

  close(flushMs = FLUSH_TIMEOUT_MS, whenGone?: () => void): void {
    if (this.isGone) {
      whenGone?.();
      return;
    }
    this.isGone = true;
    const { socket } = this;
    const waits = socket.writableLength > 0;
    if (!waits && !('encrypted' in socket)) {
      // The system has it all. What destroySoon would do besides, a half-close in front of the close, tells the peer
      // nothing more; TLS has its close_notify to send.
      socket.destroy();
      whenGone?.();
      return;
    }
    // Nothing more is wanted from the peer, but its octets must not fill the buffers while ours are flushed.
    socket.resume();
    // A peer that stopped reading must not keep the connection for ever.
    if (waits) {
      socket.setTimeout(flushMs, onFlushTimeout);
      if (whenGone !== undefined) socket.once('close', whenGone);
    } else {
      whenGone?.();
    }
    socket.destroySoon();
  }

  destroy(reset: boolean): void {
    if (this.isGone) {
      this.socket.destroy();
      return;
    }
    this.isGone = true;
    // Only an established TCP connection can be reset. Of a TLS socket that was made elsewhere nobody knows it: its peer
    // sees an end without close_notify.
    const { carrier } = this;
    if (reset && carrier.remotePort !== undefined && !(carrier instanceof TLSSocket))
      carrier.resetAndDestroy();
    this.socket.destroy();
  }

  /** Gives the socket back, without listeners and paused: somebody else goes on with it. No event comes after this call. */
  release(): Socket {
    const { socket } = this;
    this.isGone = true;
    if (this.untilNoDelay !== 0) socket.setNoDelay(true);
    socket.removeListener('data', onData);
    socket.removeListener('end', onEnd);
    socket.removeListener('error', onError);
    socket.removeListener('close', onClose);
    socket.removeListener('drain', onDrain);
    socket.pause();
    return socket;
  }

  /** @internal */
  chunk(chunk: Buffer): void {
    if (!this.isGone) this.events.onChunk(this, chunk, 0, chunk.length);
  }

  /** @internal */
  ended(): void {
    if (this.isGone) return;
    // What libuv calls an end may be a reset right behind octets, which is no end of content: then the system no longer
    // knows the peer. A socket tells only the first time, so this works for those that nobody asked before.
    if (this.tellsReset && !this.hasEnded && this.socket.remotePort === undefined) {
      this.failed('ECONNRESET');
      this.socket.destroy();
    } else {
      this.events.onEnd(this);
    }
  }

  /** @internal */
  failed(detail: string, code?: ErrorCode): void {
    if (this.isGone) return;
    this.isGone = true;
    this.events.onFailure(this, detail, code);
  }

  /** @internal */
  drained(): void {
    if (!this.isBlocked || this.isGone) return;
    this.isBlocked = false;
    this.events.onDrain(this);
  }
}

/** Read buffers of this size are shared. */
const SHARED_OCTETS = 65536;
/** What every dialled socket reads into: memory for each read would be most of what bulk data costs. */
const shared = Buffer.allocUnsafeSlow(SHARED_OCTETS);
/** Reads in a row below SHARED_OCTETS after which a socket goes back to the shared buffer. */
const CALM_READS = 16;

/**
 * A socket that was dialled with `onread`: all of them read into the shared buffer, whose octets are lent. One that fills
 * it reads into large buffers from then on, and is written from them without a copy, until it calms down; while some of
 * a read waits to be written, the next one goes elsewhere.
 */
class DialledTransport extends NetTransport {
  override ownsChunks = false;
  private large: LargeBuffer | null = null;
  private calmReads = 0;
  /** Nobody keeps the chunk under way. */
  private isTaken = false;

  get isDestroyed(): boolean {
    return this.socket.destroyed;
  }

  /** What the next read goes into. */
  get nextBuffer(): Buffer {
    return this.large === null ? shared : this.large.octets;
  }

  /** @internal octets came into {@link nextBuffer}. */
  received(count: number): void {
    const { large } = this;
    if (this.isGone) return;
    if (large === null) {
      this.events.onChunk(this, shared, 0, count);
      // A full read: more is waiting.
      if (count === SHARED_OCTETS && !this.isGone) this.large = takeLarge(this);
      this.calmReads = 0;
      return;
    }
    this.ownsChunks = true;
    this.isTaken = false;
    this.events.onChunk(this, large.octets, 0, count);
    this.ownsChunks = false;
    this.calmReads = count < SHARED_OCTETS ? this.calmReads + 1 : 0;
    const isCalm = this.isGone || this.calmReads >= CALM_READS;
    if (this.isTaken && large.sink === null && !isCalm) return;
    this.large = isCalm ? null : takeLarge(this);
    if (this.isTaken) giveLarge(large);
    else dropLarge(large);
  }

  taken(_chunk: Buffer, waitsIn: Transport | null): void {
    this.isTaken = true;
    this.large!.sink = waitsIn;
  }
}

/** Shorter chunks cost the collector less than it costs to free them. */
const FREED_OCTETS = 2048;

/**
 * A socket that was accepted. Node gives `onread` to those only by its private parts; it takes memory of its own for each
 * of their reads, which nobody but this transport and whom it tells about it ever sees.
 */
class AcceptedTransport extends NetTransport {
  taken(chunk: Buffer, waitsIn: Transport | null): void {
    if (chunk.length < FREED_OCTETS || waitsIn !== null) return;
    // Where a program has put a listener of its own on the socket, the chunk is that one's as well.
    if (this.socket.listenerCount('data') === 1) freeOctets(chunk);
  }
}

function onFlushTimeout(this: Socket): void {
  this.destroy();
}

/** Listener for the moment that a connection is there. */
export function onConnect(this: Socket): void {
  const transport = (this as WireSocket)[TRANSPORT];
  (transport.events as DialEvents).onConnect(transport);
}

function onData(this: Socket, chunk: Buffer): void {
  (this as WireSocket)[TRANSPORT].chunk(chunk);
}

function onEnd(this: Socket): void {
  (this as WireSocket)[TRANSPORT].ended();
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  (this as WireSocket)[TRANSPORT].failed(failureText(error));
}

function onClose(this: Socket): void {
  // After an error or a close of our own this finds the transport gone already.
  (this as WireSocket)[TRANSPORT].failed('');
}

function onDrain(this: Socket): void {
  (this as WireSocket)[TRANSPORT].drained();
}

/** What a socket knows of its addresses; asked of the system only when somebody wants to know. */
export class SocketEndpoint extends Endpoint {
  readonly remoteAddress: string;
  readonly remotePort: number;
  private local: Partial<AddressInfo> | null = null;

  /** @param path of the unix socket that it came in through, '' for any other */
  constructor(
    private readonly socket: Socket,
    private readonly path = '',
  ) {
    super();
    // Asked for at once: a socket that is gone no longer knows its peer, and a log line will want it.
    this.remoteAddress = plainAddress(socket.remoteAddress) ?? 'unix:';
    this.remotePort = socket.remotePort ?? 0;
    // A unix socket has no address on this side either.
    this.hasPeer = socket.remoteAddress !== undefined || path !== '' || socket.localAddress === undefined;
    if (socket instanceof TLSSocket) {
      this.secure = true;
      this.tls = tlsFacts(socket);
    }
  }

  get localAddress(): string {
    return plainAddress(this.localInfo.address) ?? `unix:${this.path}`;
  }

  get localPort(): number {
    return this.localInfo.port ?? 0;
  }

  private get localInfo(): Partial<AddressInfo> {
    return (this.local ??= this.socket.address() as Partial<AddressInfo>);
  }
}

function keepAliveOptions(address: Address): net.ServerOpts {
  const seconds = 'path' in address ? 0 : (address.keepAliveS ?? 0);
  return seconds === 0 ? {} : { keepAlive: true, keepAliveInitialDelay: seconds * 1000 };
}

/** Sockets of `node:net`, by its public API alone. */
export const NET: Network = {
  listen(address, accept, onError, bound): Promise<Listener> {
    warmSockets();
    const options = { allowHalfOpen: true, ...keepAliveOptions(address) };
    const path = 'path' in address ? address.path : '';
    const server = net.createServer(options, (socket) =>
      accept(new AcceptedTransport(socket, NO_EVENTS).setsNoDelay(), new SocketEndpoint(socket, path)),
    );
    return listenOn(server, address, onError, bound);
  },

  connect(peer: Peer, events: DialEvents, options?: DialSocket): Transport {
    let transport: DialledTransport | null = null;
    const callback = (count: number): boolean => {
      transport!.received(count);
      return true;
    };
    const socket = connectingSocket(peer, options, {
      buffer: () => transport?.nextBuffer ?? shared,
      callback,
    });
    // Not once(), which wraps the listener: the event comes once.
    socket.on('connect', onConnect);
    transport = new DialledTransport(socket, events, peer.path === '').setsNoDelay();
    return transport;
  },
};

/**
 * Options of a socket, with what Node sets in its copy of them whatever they say: where that stands there already, Node
 * 20 makes a socket in 0.3 us instead of 7. A literal each, for the same reason.
 */
interface StreamOptions {
  readonly emitClose: false;
  readonly autoDestroy: true;
  readonly decodeStrings: false;
}

/** A socket on its way to `peer`. @param onread what takes its octets, in place of `data` events */
export function connectingSocket(
  { host, port, path }: Peer,
  from?: DialSocket,
  onread?: net.OnReadOpts,
): Socket {
  if (path !== '') {
    const local: net.IpcNetConnectOpts & StreamOptions = {
      path,
      onread,
      allowHalfOpen: true,
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
    };
    return net.connect(local);
  }
  const options: net.TcpNetConnectOpts & StreamOptions = {
    host,
    port,
    onread,
    allowHalfOpen: true,
    noDelay: onread === undefined,
    autoSelectFamily: false,
    localAddress: from?.localAddress ?? '',
    localPort: from?.localPort ?? 0,
    keepAlive: from?.keepsAlive === true,
    keepAliveInitialDelay: KEEPALIVE_PROBE_S * 1000,
    emitClose: false,
    autoDestroy: true,
    decodeStrings: false,
  };
  return net.connect(options);
}

/** Binds a server, or gives it a socket that is bound already. Rejects with the system's error. */
export function listenOn(
  server: net.Server,
  address: Address,
  onError: (code: string) => void,
  socket?: BoundSocket,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const backlog = address.backlog ?? BACKLOG;
    const options =
      'path' in address
        ? { path: address.path, backlog }
        : { host: address.host, port: address.port, ipv6Only: address.ipv6Only ?? false, backlog };
    server.once('listening', () => {
      server.removeListener('error', reject);
      // Out of descriptors: the listener goes on when some are free again.
      server.on('error', (error: NodeJS.ErrnoException) => onError(error.code ?? error.message));
      const bound = server.address();
      const close = (): void => void server.close();
      if (bound === null || typeof bound === 'string') resolve({ bound: { path: String(bound) }, close });
      else resolve({ bound: { host: bound.address, port: bound.port }, close });
    });
    if (socket === undefined) server.listen(options);
    else listenOnBound(server, socket, backlog);
  });
}
