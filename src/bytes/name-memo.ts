/**
 * What was found out about names before, found again by their very octets, four at a time: most heads hold the names
 * that other heads held. Decides nothing; whatever it forgets is found out once more.
 */

const ENTRIES = 256;
/** Longer and shorter names are not remembered. */
const MOST_OCTETS = 32;
const LEAST_OCTETS = 4;
/** Integers per entry: the length, what was found out, the words, and the last four octets, which overlap them. */
const STRIDE = 3 + MOST_OCTETS / 4;
const FOUND = 1;
const WORDS = 2;
const TAIL = STRIDE - 1;

/** A fixed number of names, each with a number; of two that fall on one place the later stays. Allocates nothing. */
export class NameMemo {
  private readonly entries = new Int32Array(ENTRIES * STRIDE);

  /** Forgets all. */
  clear(): void {
    this.entries.fill(0);
  }

  /** The number of the name in octets[start, end), case respected, or -1 if it is not remembered. */
  recall(octets: DataView, start: number, end: number): number {
    const length = end - start;
    if (length < LEAST_OCTETS || length > MOST_OCTETS) return -1;
    const first = octets.getInt32(start, true);
    const tail = octets.getInt32(end - 4, true);
    const { entries } = this;
    const entry = placeOf(length, first, tail);
    if (entries[entry] !== length || entries[entry + WORDS] !== first || entries[entry + TAIL] !== tail)
      return -1;
    for (let at = start + 4, word = entry + WORDS + 1; at < end - 4; at += 4, word++) {
      if (octets.getInt32(at, true) !== entries[word]) return -1;
    }
    return entries[entry + FOUND];
  }

  /** Remembers a number, not negative, for that name. */
  learn(octets: DataView, start: number, end: number, found: number): void {
    const length = end - start;
    if (length < LEAST_OCTETS || length > MOST_OCTETS) return;
    const { entries } = this;
    const tail = octets.getInt32(end - 4, true);
    const entry = placeOf(length, octets.getInt32(start, true), tail);
    entries[entry] = length;
    entries[entry + FOUND] = found;
    entries[entry + TAIL] = tail;
    for (let at = start, word = entry + WORDS; at <= end - 4; at += 4, word++) {
      entries[word] = octets.getInt32(at, true);
    }
  }
}

/** Where the entry of a name with these octets begins. */
function placeOf(length: number, first: number, tail: number): number {
  const mixed = Math.imul(first ^ Math.imul(tail, 0x9e3779b1) ^ length, 0x85ebca6b);
  return (mixed >>> 24) * STRIDE;
}
