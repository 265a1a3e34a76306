/**
 * What the machine wants done, in order. Decides nothing; the machine appends, the driver drains after every input.
 * Entries are used again, so an exchange allocates none.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { Fault } from '../error.js';
import type { ContentSource, Decision, Peer } from './policy.js';
import type { DialRules } from './security.js';

/** The side that sends requests: whoever connected to the proxy. */
export const DOWNSTREAM = 0;
/** The side that answers them: whom the proxy connects to. */
export const UPSTREAM = 1;
/** {@link DOWNSTREAM} or {@link UPSTREAM}. */
export type SideIndex = 0 | 1;

/** Write buffer[start, end) to the side. The octets are valid until the next input to any machine: see {@link Effect}. */
export const WRITE = 1;
/** Half-close the side once everything before is written. */
export const END = 2;
/** Close the side once everything before is written. */
export const CLOSE = 3;
/** Close the side now and drop what is not written: the peer must not take what it has for a whole message. */
export const ABORT = 4;
/** Find or make a connection to `peer`; `fresh` forbids an idle one. Answer with `connected` or `connectFailed`. */
export const CONNECT = 5;
/** The upstream connection is clean: keep it for another request, or close it. */
export const RELEASE = 6;
/** Close the downstream side now, without a reset: what is not written is dropped, and the peer can tell. */
export const DROP = 7;
/**
 * Read `source` as if it were the upstream side: what it gives comes as `receive`, its end and its failure as `ended`
 * and `failed` of {@link UPSTREAM}, and it is read while `readsUpstream` says so. CLOSE and ABORT let go of it.
 */
export const OPEN = 8;

/** Wait for `finding`, and answer with `found`: it brings the peers of the exchange under way. */
export const FIND = 9;

/** A decision is promised: give it to {@link Connection.decide} when it is there. */
export const AWAIT = 10;

/** Content up to this size is copied behind what was just laid down: one write, and cheaper than a second span. */
const JOIN_OCTETS = 4096;

/**
 * One thing to do. `buffer` is either the shared {@link OctetWriter}'s slab or the chunk that was received last: the
 * driver must have written or copied the octets, or own the chunk, before it gives the machine another input.
 */
export class Effect {
  /** WRITE, END, CLOSE, ABORT, CONNECT, RELEASE, DROP, OPEN, FIND or AWAIT. */
  kind = 0;
  /** Whose connection it concerns. */
  side: SideIndex = DOWNSTREAM;
  /** WRITE: where the octets stand. */
  buffer: Buffer | null = null;
  /** WRITE: the first octet. */
  start = 0;
  /** WRITE: behind the last octet. */
  end = 0;
  /** CONNECT: where to. */
  peer: Peer | null = null;
  /** CONNECT: how it begins; null for TCP alone. */
  dial: DialRules | null = null;
  /** CONNECT: an idle connection will not do. */
  fresh = false;
  /** OPEN: what is read. Whoever carries the effect out takes it: it is not cleared. */
  source: ContentSource | null = null;
  /** FIND: what is waited for. Taken as `source` is. */
  finding: Promise<Fault | null> | null = null;
  /** AWAIT: what is awaited. */
  promise: Promise<Decision> | null = null;
}

/** A list of effects that is filled and drained over and over. One may serve many machines, drained between inputs. */
export class Effects {
  /** How many there are. */
  count = 0;
  private readonly entries: Effect[] = [];

  /** The effect at `index`, from 0. It belongs to this list, and is used again. */
  at(index: number): Effect {
    return this.entries[index];
  }

  /** All of them have been carried out. */
  clear(): void {
    for (let i = 0; i < this.count; i++) {
      this.entries[i].buffer = null;
      this.entries[i].peer = null;
      this.entries[i].dial = null;
    }
    this.count = 0;
  }

  /** Appends a write; a span that continues the last write to that side becomes part of it. */
  write(side: SideIndex, buffer: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (this.count > 0) {
      const last = this.entries[this.count - 1];
      if (last.kind === WRITE && last.side === side && last.buffer === buffer && last.end === start) {
        last.end = end;
        return;
      }
    }
    const effect = this.add(WRITE, side);
    effect.buffer = buffer;
    effect.start = start;
    effect.end = end;
  }

  /**
   * Appends a write of octets[start, end), joined to what was just laid down in `out` where that is the last write to
   * that side and the octets are few.
   */
  join(side: SideIndex, out: OctetWriter, octets: Buffer, start: number, end: number): void {
    const count = end - start;
    if (count <= JOIN_OCTETS && this.endsWith(side, out) && out.position + count <= out.octets.length) {
      const from = out.position;
      out.put(octets, start, end);
      this.write(side, out.octets, from, out.position);
    } else {
      this.write(side, octets, start, end);
    }
  }

  /** Whether the last effect writes octets of `out` up to its position to `side`: more can be laid down behind them. */
  private endsWith(side: SideIndex, out: OctetWriter): boolean {
    if (this.count === 0) return false;
    const last = this.entries[this.count - 1];
    return (
      last.kind === WRITE && last.side === side && last.buffer === out.octets && last.end === out.position
    );
  }

  /** Appends an effect that needs no more than its kind and side. */
  add(kind: number, side: SideIndex): Effect {
    if (this.count === this.entries.length) this.entries.push(new Effect());
    const effect = this.entries[this.count++];
    effect.kind = kind;
    effect.side = side;
    return effect;
  }

  /** Appends an AWAIT. */
  await(promise: Promise<Decision>): void {
    this.add(AWAIT, DOWNSTREAM).promise = promise;
  }

  /** Appends a CONNECT. */
  connect(peer: Peer, dial: DialRules | null, fresh: boolean): void {
    const effect = this.add(CONNECT, UPSTREAM);
    effect.peer = peer;
    effect.dial = dial;
    effect.fresh = fresh;
  }

  /** Appends an OPEN. */
  open(source: ContentSource): void {
    this.add(OPEN, UPSTREAM).source = source;
  }

  /** Appends a FIND. */
  find(finding: Promise<Fault | null>): void {
    this.add(FIND, UPSTREAM).finding = finding;
  }
}
