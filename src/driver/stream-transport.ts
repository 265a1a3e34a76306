/**
 * The transport over any Duplex stream: an HTTP/2 stream, a pair in memory, whatever a program wraps around a socket.
 * Sockets of `node:net` and `node:tls` have net-transport.ts, which knows more of them.
 */
import type { Duplex } from 'node:stream';
import { Endpoint, FLUSH_TIMEOUT_MS, type Transport, type TransportEvents } from './transport.js';

/** What is known of a connection that is no socket. */
export interface StreamFacts {
  /** Numeric address of the peer. Default `unix:`. */
  readonly remoteAddress?: string | undefined;
  /** Default 0. */
  readonly remotePort?: number | undefined;
  /** Numeric address on this side. Default `unix:`. */
  readonly localAddress?: string | undefined;
  /** Default 0. */
  readonly localPort?: number | undefined;
  /** The peer speaks TLS. Default false. */
  readonly secure?: boolean | undefined;
}

export class StreamEndpoint extends Endpoint {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  override readonly secure: boolean;

  constructor(facts: StreamFacts) {
    super();
    this.remoteAddress = facts.remoteAddress ?? 'unix:';
    this.remotePort = facts.remotePort ?? 0;
    this.localAddress = facts.localAddress ?? 'unix:';
    this.localPort = facts.localPort ?? 0;
    this.secure = facts.secure ?? false;
  }
}

/**
 * Events that are told on a later turn, in order. Streams may speak while they are spoken to (a pair in memory answers
 * from inside a write), but a machine takes no input while it gives output.
 */
export class EventQueue {
  private readonly queue: (() => void)[] = [];
  private isScheduled = false;

  add(event: () => void): void {
    this.queue.push(event);
    if (this.isScheduled) return;
    this.isScheduled = true;
    process.nextTick(() => this.run());
  }

  private run(): void {
    this.isScheduled = false;
    for (let event = this.queue.shift(); event !== undefined; event = this.queue.shift()) event();
  }
}

/** A Duplex of octets. It is read as a stream that allows half-open, whatever it was made with. */
export class StreamTransport implements Transport {
  readonly ownsChunks = true;
  readonly keepsLent = true;
  owner: unknown = null;
  isBlocked = false;
  private isGone = false;
  private isCorked = false;
  private readonly queue = new EventQueue();

  /** @param stream taken over; not in object mode, no encoding set */
  constructor(
    private readonly stream: Duplex,
    public events: TransportEvents,
  ) {
    stream.allowHalfOpen = true;
    stream.on('data', (chunk: Buffer | Uint8Array) => this.queue.add(() => this.chunk(chunk)));
    stream.on('end', () => this.queue.add(() => this.ended()));
    stream.on('error', (error: NodeJS.ErrnoException) =>
      this.queue.add(() => this.failed(error.code ?? error.message)),
    );
    stream.on('close', () => this.queue.add(() => this.failed('')));
    stream.on('drain', () => this.queue.add(() => this.drained()));
  }

  get waitingOctets(): number {
    return this.stream.writableLength;
  }

  write(buffer: Buffer, start: number, end: number, hasMore: boolean): void {
    if (this.isGone) return;
    const { stream } = this;
    if (hasMore && !this.isCorked) {
      this.isCorked = true;
      stream.cork();
    }
    // A stream may keep what it is given for as long as it likes, and tells nobody: it gets octets of its own.
    stream.write(Buffer.from(buffer.subarray(start, end)));
    if (!hasMore && this.isCorked) {
      this.isCorked = false;
      stream.uncork();
    }
    if (stream.writableNeedDrain) this.isBlocked = true;
  }

  read(wanted: boolean): void {
    if (this.isGone) return;
    if (wanted) {
      if (this.stream.isPaused()) this.stream.resume();
    } else if (!this.stream.isPaused()) this.stream.pause();
  }

  end(): void {
    if (!this.isGone) this.stream.end();
  }

  close(flushMs = FLUSH_TIMEOUT_MS, whenGone?: () => void): void {
    const { stream } = this;
    if (this.isGone || stream.destroyed) {
      this.isGone = true;
      whenGone?.();
      return;
    }
    this.isGone = true;
    // Nothing more is wanted from the peer, but its octets must not fill the buffers while ours are flushed.
    stream.resume();
    let waiting = stream.writableLength;
    const look = setInterval(() => {
      if (stream.writableLength >= waiting) stream.destroy();
      waiting = stream.writableLength;
    }, flushMs).unref();
    stream.once('close', () => {
      clearInterval(look);
      whenGone?.();
    });
    stream.end(() => stream.destroy());
  }

  destroy(_reset: boolean): void {
    this.isGone = true;
    this.stream.destroy();
  }

  private chunk(chunk: Buffer | Uint8Array): void {
    if (this.isGone) return;
    const octets = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.events.onChunk(this, octets, 0, octets.length);
  }

  private ended(): void {
    if (!this.isGone) this.events.onEnd(this);
  }

  private failed(detail: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.events.onFailure(this, detail);
  }

  private drained(): void {
    if (!this.isBlocked || this.isGone) return;
    this.isBlocked = false;
    this.events.onDrain(this);
  }
}
