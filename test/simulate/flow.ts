/**
 * One direction of a simulated connection: limited room, delays, cuts at any place, an end or a reset behind the last
 * octet.
 */
import type { Agenda, Happening } from './agenda.js';
import type { Prng } from './prng.js';

/** How a connection behaves. Times are virtual ms, sizes octets. */
export interface WireProfile {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** A segment in a hundred takes this much longer. */
  readonly stallMs: number;
  /** How received octets are cut: all that is there, at random, or a few at a time. */
  readonly cut: 'whole' | 'random' | 'few';
  /** What the system holds in each direction. */
  readonly roomToProxy: number;
  readonly roomFromProxy: number;
  /** The transport is blocked when more than this waits in it. */
  readonly highWater: number;
  /** In how many of a hundred cases a chunk still comes after reading was stopped. */
  readonly lateChunks: number;
}

/** A wire that does nothing unusual: what a script shrinks to. */
export const CALM_WIRE: WireProfile = {
  minDelayMs: 1,
  maxDelayMs: 1,
  stallMs: 0,
  cut: 'whole',
  roomToProxy: 65536,
  roomFromProxy: 65536,
  highWater: 16384,
  lateChunks: 0,
};

/** Largest read, as in the transports. */
export const READ_OCTETS = 65536;

interface Segment {
  octets: Buffer | null;
  readonly at: number;
  /** Its octets arrive together, or not at all. */
  readonly isAtomic: boolean;
  /** What the segment says when it holds no octets. */
  readonly sign: 'end' | 'reset' | null;
}

interface Receiver {
  /** Whether it takes octets now. */
  wants(): boolean;
  onChunk(octets: Buffer): void;
  onEnd(): void;
  onReset(): void;
}

/** Octets on their way, in order. */
export class Flow {
  used = 0;
  /** Nothing is delivered any more. */
  isDead = false;
  onSpace: () => void = () => undefined;
  private readonly queue: Segment[] = [];
  private lastAt = 0;
  private delivery: Happening | null = null;

  constructor(
    private readonly agenda: Agenda,
    private readonly prng: Prng,
    private readonly profile: WireProfile,
    private readonly room: number,
    private readonly receiver: Receiver,
  ) {}

  /** Takes what there is room for; answers how much. Copies it. */
  push(octets: Buffer, isAtomic: boolean): number {
    if (this.isDead) return octets.length;
    const count = isAtomic ? octets.length : Math.min(octets.length, this.room - this.used);
    if (count <= 0) return 0;
    this.used += count;
    this.append({ octets: Buffer.from(octets.subarray(0, count)), at: this.arrival(), isAtomic, sign: null });
    return count;
  }

  sign(sign: 'end' | 'reset'): void {
    if (this.isDead) return;
    this.append({ octets: null, at: this.arrival(), isAtomic: false, sign });
  }

  /** Octets that were not delivered are lost. */
  purge(): void {
    this.queue.length = 0;
    this.used = 0;
  }

  kill(): void {
    this.isDead = true;
    this.purge();
    if (this.delivery !== null) this.delivery.isCancelled = true;
  }

  /** A reset has come, or will as soon as it can be noticed. */
  get hasArrivedReset(): boolean {
    return this.queue.some(({ sign, at }) => sign === 'reset' && at <= this.agenda.now);
  }

  /** Sees to it that what is there is delivered, if it is wanted. */
  schedule(): void {
    if (this.delivery !== null || this.isDead || this.queue.length === 0 || !this.receiver.wants()) return;
    const wait = Math.max(0, this.queue[0].at - this.agenda.now);
    this.delivery = this.agenda.after(wait, () => {
      this.delivery = null;
      this.deliver();
    });
  }

  private append(segment: Segment): void {
    this.queue.push(segment);
    this.lastAt = segment.at;
    this.schedule();
  }

  private arrival(): number {
    const { prng, profile } = this;
    let delay = prng.between(profile.minDelayMs, profile.maxDelayMs);
    if (profile.stallMs > 0 && prng.chance(1)) delay += prng.below(profile.stallMs);
    return Math.max(this.lastAt, this.agenda.now + delay);
  }

  private deliver(): void {
    const { queue, receiver, prng, profile } = this;
    if (this.isDead || queue.length === 0) return;
    if (!receiver.wants() && !prng.chance(profile.lateChunks)) return;
    const [first] = queue;
    if (first.at > this.agenda.now) {
      this.schedule();
    } else if (first.octets === null) {
      queue.shift();
      if (first.sign === 'end') receiver.onEnd();
      else receiver.onReset();
    } else {
      const chunk = this.cut();
      this.used -= chunk.length;
      receiver.onChunk(chunk);
      if (!this.isDead) this.onSpace();
    }
    this.schedule();
  }

  /** Takes the next chunk out of the queue. */
  private cut(): Buffer {
    const { queue, prng, profile } = this;
    let there = 0;
    for (const { octets, at } of queue) {
      if (octets === null || at > this.agenda.now || there + octets.length > READ_OCTETS) break;
      there += octets.length;
    }
    if (there === 0) there = READ_OCTETS;
    let wanted = there;
    if (profile.cut === 'random') wanted = 1 + prng.below(there);
    else if (profile.cut === 'few') wanted = 1 + prng.below(prng.chance(80) ? 5 : 400);
    const parts: Buffer[] = [];
    let count = 0;
    while (count < wanted && queue.length > 0 && queue[0].octets !== null && queue[0].at <= this.agenda.now) {
      const segment = queue[0];
      const octets = segment.octets!;
      if (segment.isAtomic || count + octets.length <= wanted) {
        parts.push(octets);
        count += octets.length;
        queue.shift();
      } else {
        parts.push(octets.subarray(0, wanted - count));
        segment.octets = octets.subarray(wanted - count);
        count = wanted;
      }
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }
}
