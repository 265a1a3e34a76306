/**
 * A transport that is no socket: what a {@link ContentSource} gives comes as octets of the upstream side. Decides how
 * much is read at once; reads nothing ahead of what is wanted, so an answer that nobody takes holds one buffer.
 */
import type { ContentSource, Peer } from '../machine/policy.js';
import { Link } from './pool.js';
import { NO_EVENTS, type Transport, type TransportEvents } from './transport.js';

/** More saves little: a read costs a turn of the event loop, and most of what is read goes out at once. */
const READ_OCTETS = 65536;

/** Stands for the peer of a link that leads to none. */
const NOBODY: Peer = {
  name: '',
  host: '',
  port: 0,
  path: '',
  pool: { maxIdle: 0, idleTimeoutMs: 0, maxRequests: 0, maxAgeMs: 0 },
};

/** A link to a source: it is no connection, and no pool keeps it. @param sink where its octets go */
export function sourceLink(source: ContentSource, sink: Transport, now: number): Link {
  const link = new Link(NOBODY, now);
  link.transport = new SourceTransport(source, sink);
  return link;
}

/** Whether a link leads to a source. */
export function isSourceLink(link: Link): boolean {
  return link.peer === NOBODY;
}

class SourceTransport implements Transport {
  readonly ownsChunks = false;
  readonly keepsLent = true;
  readonly waitingOctets = 0;
  readonly isBlocked = false;
  events: TransportEvents = NO_EVENTS;
  owner: unknown = null;
  private buffer: Buffer | null = null;
  private isReading = false;
  private isWanted = false;
  private isGone = false;

  constructor(
    private readonly source: ContentSource,
    private readonly sink: Transport,
  ) {}

  read(wanted: boolean): void {
    this.isWanted = wanted;
    if (!wanted || this.isReading || this.isGone) return;
    this.isReading = true;
    // Octets that still wait to be written stay where they are: the next ones go elsewhere.
    if (this.buffer === null || this.sink.waitingOctets > 0) {
      this.buffer = Buffer.allocUnsafeSlow(Math.min(READ_OCTETS, this.source.octets));
    }
    this.source.read(this.buffer, this.done);
  }

  private readonly done = (count: number, detail: string): void => {
    this.isReading = false;
    if (this.isGone) return;
    const { events } = this;
    if (detail !== '') {
      this.isGone = true;
      events.onFailure(this, detail);
    } else if (count === 0) {
      this.isGone = true;
      events.onEnd(this);
    } else {
      events.onChunk(this, this.buffer!, 0, count);
      // Wanted all along, nobody may say so again.
      this.read(this.isWanted);
    }
  };

  write(): void {
    // Nothing is said to a source.
  }

  end(): void {
    // As for write.
  }

  close(_flushMs?: number, whenGone?: () => void): void {
    this.isGone = true;
    whenGone?.();
  }

  destroy(): void {
    this.isGone = true;
  }
}
