/**
 * The transport over `net.Socket`'s public API: works for TCP, unix sockets and TLS alike, on every Node. Decides how
 * writes become system calls; knows no HTTP.
 *
 * Listeners are functions shared by all sockets that find their transport through the socket: a connection costs no
 * closure.
 */
import type { Socket } from 'node:net';
import type { Transport, TransportEvents } from './transport.js';

const TRANSPORT = Symbol('transport');
type WireSocket = Socket & { [TRANSPORT]: NetTransport };

export class NetTransport implements Transport {
  readonly ownsChunks = true;
  owner: unknown = null;
  isBlocked = false;
  private isCorked = false;
  private isGone = false;

  /** @param socket must have `allowHalfOpen`; the transport takes it over */
  constructor(
    readonly socket: Socket,
    public events: TransportEvents,
  ) {
    (socket as WireSocket)[TRANSPORT] = this;
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on('drain', onDrain);
  }

  get waitingOctets(): number {
    return this.socket.writableLength;
  }

  write(buffer: Buffer, start: number, end: number, hasMore: boolean): void {
    if (this.isGone) return;
    const { socket } = this;
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
    if (!this.isGone) this.socket.end();
  }

  close(): void {
    if (this.isGone) return;
    this.isGone = true;
    // Nothing more is wanted from the peer, but its octets must not fill the buffers while ours are flushed.
    this.socket.resume();
    // A peer that stopped reading must not keep the connection for ever.
    if (this.socket.writableLength > 0) this.socket.setTimeout(FLUSH_TIMEOUT_MS, onFlushTimeout);
    this.socket.destroySoon();
  }

  destroy(reset: boolean): void {
    if (this.isGone) return;
    this.isGone = true;
    // Only an established TCP connection can be reset.
    if (reset && this.socket.remotePort !== undefined) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /** @internal */
  chunk(chunk: Buffer): void {
    if (!this.isGone) this.events.onChunk(this, chunk, 0, chunk.length);
  }

  /** @internal */
  ended(): void {
    if (!this.isGone) this.events.onEnd(this);
  }

  /** @internal */
  failed(detail: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.events.onFailure(this, detail);
  }

  /** @internal */
  drained(): void {
    if (!this.isBlocked || this.isGone) return;
    this.isBlocked = false;
    this.events.onDrain(this);
  }
}

/** The transport that took `socket` over. */
export function transportOf(socket: Socket): NetTransport {
  return (socket as WireSocket)[TRANSPORT];
}

/** How long a closed connection may wait without progress for its last octets to be taken (nginx's send_timeout). */
const FLUSH_TIMEOUT_MS = 60_000;

function onFlushTimeout(this: Socket): void {
  this.destroy();
}

function onData(this: Socket, chunk: Buffer): void {
  (this as WireSocket)[TRANSPORT].chunk(chunk);
}

function onEnd(this: Socket): void {
  (this as WireSocket)[TRANSPORT].ended();
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  (this as WireSocket)[TRANSPORT].failed(error.code ?? error.message);
}

function onClose(this: Socket): void {
  // After an error or a close of our own this finds the transport gone already.
  (this as WireSocket)[TRANSPORT].failed('');
}

function onDrain(this: Socket): void {
  (this as WireSocket)[TRANSPORT].drained();
}
