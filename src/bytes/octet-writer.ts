/**
 * Where new octets are laid down before they are written: heads, chunk framing, short content behind a head.
 * Decides where octets stand in memory; leaves to others when they are written and to whom.
 */
import { Buffer } from 'node:buffer';

/** Below this length a loop in JavaScript beats the call into Node's native copy (bench: micro/copy). */
const COPY_BY_LOOP_OCTETS = 48;
/** From this length on a whole array is set rather than looped over: it needs no view of itself. */
const SET_FROM_OCTETS = 12;
const ZERO = 0x30;
/** Larger numbers are rare, and do not fit the integers that V8 divides fastest. */
const MOST_BY_DIGITS = 999_999_999;
const SLAB_OCTETS = 65536;
/** Room for a head or chunk framing beside a large span. */
const SMALL_SPAN_OCTETS = 4096;

/**
 * An append-only stretch of memory. Spans handed out stay valid until {@link settle} is told that they were written:
 * a write that completes at once gives its octets back, one that does not keeps its part of the slab and the writer
 * goes on behind it, in a new slab when the old one is full. The collector frees a slab when its last write is done.
 */
export class OctetWriter {
  /** The slab. Replaced when it runs out, so read it again after every put. */
  octets: Buffer = Buffer.allocUnsafeSlow(SLAB_OCTETS);
  /** Next free octet. */
  position = 0;
  /** Where the next span begins when all is written: octets of this slab in front of it may still be waiting. */
  base = 0;
  /** First octet of the span that is being laid down. */
  private spanStart = 0;

  /** Begins a span and answers its first position. Spans do not nest. */
  begin(): number {
    this.spanStart = this.position;
    if (this.position === this.octets.length) this.replace(1);
    return this.spanStart;
  }

  /** First octet of the span laid down since {@link begin}; read it after the last put, as growth moves it. */
  get start(): number {
    return this.spanStart;
  }

  /**
   * Everything laid down was handed to be written.
   * @param waits some of it is not written yet: it keeps its place; else the place is used again
   */
  settle(waits: boolean): void {
    if (waits) this.base = this.position;
    else this.position = this.base;
  }

  /** Gives back all octets from `to` on: they are not wanted. */
  rewind(slab: Uint8Array, to: number): void {
    if (slab === this.octets && to <= this.position) this.position = to;
  }

  /** Makes room for `count` more octets behind the span that is being laid down; moves the span if it must. */
  reserve(count: number): void {
    if (this.position + count > this.octets.length) this.replace(count);
  }

  /** Appends one octet. */
  putOctet(octet: number): void {
    if (this.position === this.octets.length) this.replace(1);
    this.octets[this.position++] = octet;
  }

  /** Appends source[start, end). */
  put(source: Uint8Array, start = 0, end: number = source.length): void {
    const count = end - start;
    if (this.position + count > this.octets.length) this.replace(count);
    const octets = this.octets;
    let at = this.position;
    this.position = at + count;
    if (count === source.length && count > SET_FROM_OCTETS) {
      octets.set(source, at);
    } else if (count <= COPY_BY_LOOP_OCTETS) {
      let from = start;
      // Four to a round: bounds are checked once less often (bench: value, "log line").
      for (; from + 4 <= end; from += 4, at += 4) {
        octets[at] = source[from];
        octets[at + 1] = source[from + 1];
        octets[at + 2] = source[from + 2];
        octets[at + 3] = source[from + 3];
      }
      for (; from < end; from++) octets[at++] = source[from];
    } else if (source instanceof Buffer) {
      source.copy(octets, at, start, end);
    } else {
      octets.set(source.subarray(start, end), at);
    }
  }

  /** Appends Latin-1 text, one octet per code unit; the caller vouches that no code unit is above 255. */
  putLatin1(text: string): void {
    const count = text.length;
    if (this.position + count > this.octets.length) this.replace(count);
    if (count <= COPY_BY_LOOP_OCTETS) {
      const octets = this.octets;
      let at = this.position;
      for (let i = 0; i < count; i++) octets[at++] = text.charCodeAt(i);
      this.position = at;
    } else {
      this.position += this.octets.write(text, this.position, 'latin1');
    }
  }

  /** Appends a whole number in decimal digits. */
  putDecimal(value: number): void {
    if (!(value >= 0 && value <= MOST_BY_DIGITS)) return this.putLatin1(String(value));
    let count = 1;
    for (let limit = 10; value >= limit; limit *= 10) count++;
    if (this.position + count > this.octets.length) this.replace(count);
    const { octets } = this;
    let at = this.position + count;
    this.position = at;
    let rest = value;
    for (let i = 0; i < count; i++) {
      const next = (rest / 10) | 0;
      octets[--at] = ZERO + rest - next * 10;
      rest = next;
    }
  }

  /** Appends a whole number, not negative, in hexadecimal digits. */
  putHex(value: number): void {
    this.putLatin1(value.toString(16));
  }

  /** A new slab, with the span that is being laid down moved to its front. */
  private replace(atLeast: number): void {
    const open = this.position - this.spanStart;
    // A span that grows is likely to grow on. A large one that begins may have to wait, and then keeps all of its slab.
    const octets = open === 0 ? atLeast + SMALL_SPAN_OCTETS : (open + atLeast) * 2;
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB_OCTETS, octets));
    this.octets.copy(slab, 0, this.spanStart, this.position);
    this.octets = slab;
    this.base = 0;
    this.spanStart = 0;
    this.position = open;
  }
}
