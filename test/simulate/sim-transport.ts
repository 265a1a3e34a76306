/** The proxy's end of a simulated connection: a transport as the pump knows it. */
import { FLUSH_TIMEOUT_MS, type Transport, type TransportEvents } from '../../src/driver/transport.js';
import type { Happening } from './agenda.js';
import type { Wire } from './wire.js';

interface Waiting {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;
}

/** The proxy's end: a transport as the pump knows it. */
export class SimTransport implements Transport {
  owner: unknown = null;
  waitingOctets = 0;
  isBlocked = false;
  isGone = false;
  reads = false;
  /** @internal A connection that is being made takes no octets yet. */
  isConnected = true;
  private readonly waiting: Waiting[] = [];
  private endsAfter: 'none' | 'end' | 'close' = 'none';
  private failure: Happening | null = null;
  private flushTimer: Happening | null = null;
  private whenGone: (() => void) | null = null;
  private drain: Happening | null = null;
  private flushMs = FLUSH_TIMEOUT_MS;
  /** Octets that the system took, and of those the ones that were asked about. */
  private takenOctets = 0;
  private seenOctets = 0;

  constructor(
    private readonly wire: Wire,
    public events: TransportEvents,
    /** Otherwise it is like a socket of Node's, which keeps references. */
    readonly keepsLent: boolean,
  ) {}

  get ownsChunks(): boolean {
    return this.wire.observer.lent === null;
  }

  write(buffer: Buffer, start: number, end: number, hasMore: boolean): void {
    if (this.isGone) return;
    if (this.endsAfter !== 'none') throw new Error('a write behind the end');
    if (this.wire.toProxy.hasArrivedReset) {
      this.failSoon();
      return;
    }
    // Lent octets are kept in a copy if they have to wait; those of an OctetWriter must stay as they are.
    const isLent = buffer.buffer === this.wire.observer.lent?.buffer;
    if (isLent && !this.keepsLent) throw new Error('lent octets for a transport that keeps references');
    const kept = isLent ? Buffer.from(buffer.subarray(start, end)) : buffer;
    this.waiting.push(isLent ? { buffer: kept, at: 0, end: end - start } : { buffer, at: start, end });
    this.count(end - start);
    if (hasMore) return;
    this.flush();
    if (!this.isBlocked && this.waitingOctets > this.wire.profile.highWater) {
      this.isBlocked = true;
      this.seenOctets = this.takenOctets;
    }
  }

  read(wanted: boolean): void {
    if (this.isGone) return;
    this.reads = wanted;
    if (wanted) this.wire.toProxy.schedule();
  }

  end(): void {
    if (this.isGone || this.endsAfter !== 'none') return;
    this.endsAfter = 'end';
    this.flush();
  }

  hasProgressed(): boolean {
    const has = this.takenOctets > this.seenOctets;
    this.seenOctets = this.takenOctets;
    return has;
  }

  close(flushMs = FLUSH_TIMEOUT_MS, whenGone?: () => void): void {
    if (this.isGone) {
      whenGone?.();
      return;
    }
    this.isGone = true;
    this.whenGone = whenGone ?? null;
    this.flushMs = flushMs;
    const wasEnded = this.endsAfter === 'end' && this.waitingOctets === 0;
    this.endsAfter = wasEnded ? 'end' : 'close';
    if (this.failure !== null) this.failure.isCancelled = true;
    if (wasEnded) {
      this.letGo(true);
      return;
    }
    this.armFlushTimer();
    this.wire.toProxy.schedule();
    this.flush();
  }

  destroy(reset: boolean): void {
    if (this.isGone) {
      this.abandon();
      return;
    }
    this.isGone = true;
    if (this.failure !== null) this.failure.isCancelled = true;
    const wasEnded = this.endsAfter === 'end' && this.waitingOctets === 0;
    this.dropWaiting();
    this.letGo(wasEnded, reset);
  }

  /** @internal The system has room again. */
  flush(): void {
    const { waiting, wire } = this;
    const before = this.waitingOctets;
    while (waiting.length > 0) {
      const [first] = waiting;
      if (wire.isLeft) wire.bounce();
      const taken = wire.fromProxy.push(first.buffer.subarray(first.at, first.end), false);
      first.at += taken;
      this.takenOctets += taken;
      this.count(-taken);
      if (first.at < first.end) break;
      waiting.shift();
    }
    if (this.isGone && this.waitingOctets < before) this.armFlushTimer();
    if (waiting.length > 0) return;
    if (this.isGone) {
      if (this.endsAfter === 'close') this.letGo(false);
    } else if (this.endsAfter === 'end') {
      wire.fromProxy.sign('end');
    }
    if (this.isBlocked && !this.isGone && this.drain === null) {
      // Never from inside a call of the proxy's.
      this.drain = wire.observer.agenda.after(0, () => this.drained());
    }
  }

  private drained(): void {
    this.drain = null;
    if (!this.isBlocked || this.isGone || this.waitingOctets > 0) return;
    this.isBlocked = false;
    this.events.onDrain(this);
    this.wire.observer.onActed(this.wire);
  }

  /** @internal */
  receive(octets: Buffer): void {
    // Closed, and only flushing: what still comes is dropped.
    if (this.isGone) return;
    const { observer } = this.wire;
    observer.onReceived(this.wire, octets);
    const { lent } = observer;
    if (lent === null || octets.length > lent.length) {
      this.events.onChunk(this, octets, 0, octets.length);
    } else {
      octets.copy(lent, 0);
      this.events.onChunk(this, lent, 0, octets.length);
      lent.fill(0x21, 0, octets.length);
    }
    observer.onActed(this.wire);
  }

  /** @internal */
  receiveEnd(): void {
    if (this.isGone) return;
    this.events.onEnd(this);
    this.wire.observer.onActed(this.wire);
  }

  /** @internal The connection is gone. */
  fail(): void {
    if (this.isGone) {
      this.abandon();
      return;
    }
    this.isGone = true;
    this.dropWaiting();
    this.wire.lost();
    this.events.onFailure(this, 'ECONNRESET');
    this.wire.observer.onActed(this.wire);
  }

  /** @internal A write, or waiting octets, make the system notice a reset that nobody reads. */
  failSoon(): void {
    this.failure ??= this.wire.observer.agenda.after(0, () => {
      if (!this.isGone) this.fail();
    });
  }

  /** Closed while flushing, and the peer is gone: nothing is left to do. */
  private abandon(): void {
    if (this.endsAfter !== 'close') return;
    this.dropWaiting();
    this.letGo(true);
  }

  private letGo(wasEnded: boolean, reset = false): void {
    this.endsAfter = 'none';
    if (this.flushTimer !== null) this.flushTimer.isCancelled = true;
    this.wire.letGo(wasEnded, reset);
    const { whenGone } = this;
    this.whenGone = null;
    whenGone?.();
  }

  private armFlushTimer(): void {
    if (this.flushTimer !== null) this.flushTimer.isCancelled = true;
    this.flushTimer = this.wire.observer.agenda.after(this.flushMs, () => this.abandon());
  }

  private dropWaiting(): void {
    this.count(-this.waitingOctets);
    this.waiting.length = 0;
  }

  private count(octets: number): void {
    this.waitingOctets += octets;
    this.wire.observer.onWaiting(this.wire, octets);
  }
}
