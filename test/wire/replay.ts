/**
 * Feeds one message to a reader in every way in which a connection can deliver it. Decides how octets are cut and
 * where they stand in memory; leaves to the caller which reader takes them and what it logs.
 *
 * Why every way: a reader that keeps state between two reads is wrong most easily at a cut, and a peer chooses where
 * the cuts are. Two intermediaries that read the same octets differently are how requests are smuggled.
 */
import { expect } from 'chai';
import { visible } from './escapes.js';

/** Reads the pieces one after another and answers what happened, a line for each event. */
export type Replay = (pieces: readonly Buffer[]) => readonly string[];

/** What happened, in lines; content that comes in several spans is one line. */
export class EventLog {
  readonly lines: string[] = [];
  private label = '';
  private joined: Buffer[] = [];

  /** Octets under a label; those that follow under the same label go on the same line. Copied at once. */
  data(label: string, octets: Uint8Array): void {
    if (this.label !== label) this.flush();
    this.label = label;
    this.joined.push(Buffer.from(octets));
  }

  add(line: string): void {
    this.flush();
    this.lines.push(line);
  }

  /** The lines so far, joined content included. */
  end(): readonly string[] {
    this.flush();
    return this.lines;
  }

  private flush(): void {
    const octets = Buffer.concat(this.joined);
    if (octets.length > 0) this.lines.push(`${this.label} ${visible(octets)}`);
    this.joined = [];
    this.label = '';
  }
}

/** What stands around a piece in the read buffer, and in its place once it was read. */
const POISON = 0xa5;

/**
 * Hands each piece to `take` as a driver does: in one buffer used over and over, at changing places, between octets
 * that are not the message's, and overwritten as soon as `take` is back. `take` answers false to be fed no more.
 */
export function feed(
  pieces: readonly Buffer[],
  take: (chunk: Buffer, start: number, end: number) => boolean,
): void {
  const longest = pieces.reduce((most, piece) => Math.max(most, piece.length), 0);
  const chunk = Buffer.alloc(longest + 8, POISON);
  for (let i = 0; i < pieces.length; i++) {
    const start = i % 5;
    const end = start + pieces[i].copy(chunk, start);
    const goesOn = take(chunk, start, end);
    chunk.fill(POISON, start, end);
    if (!goesOn) return;
  }
}

/** octets cut at each of `cuts`, which rise. The pieces are views. */
export function cut(octets: Buffer, ...cuts: number[]): Buffer[] {
  return [0, ...cuts].map((from, i) => octets.subarray(from, cuts[i] ?? octets.length));
}

/** Up to this length every cut in two is tried; beyond, the places where a reader's own strides end, and a sample. */
const EVERY_TWO_PARTS_OCTETS = 1500;
/** Up to this length every cut in three is tried as well: n²/2 replays. */
const EVERY_THREE_PARTS_OCTETS = 72;
/** llhttp is fed in strides of this many octets. */
const STRIDE_OCTETS = 8192;

/** Places at which to cut octets of this length in two. */
export function cutsInTwo(length: number): number[] {
  const all = Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1);
  if (length <= EVERY_TWO_PARTS_OCTETS) return all;
  return all.filter((at) => {
    const fromStride = Math.min(at % STRIDE_OCTETS, STRIDE_OCTETS - (at % STRIDE_OCTETS));
    return fromStride <= 24 || at <= 64 || length - at <= 64 || at % 311 === 0;
  });
}

/**
 * Mocha tests that replay `octets` whole, octet by octet, at every cut in two and, when short, at every cut in three,
 * and that ask for the same log each time.
 * @param where stands in the names of the tests, such as a file and line
 */
export function itReplaysEverySplit(
  octets: Buffer,
  log: readonly string[],
  replay: Replay,
  where = '',
): void {
  const suffix = where === '' ? '' : ` (${where})`;
  it(`whole${suffix}`, () => {
    expect(replay([octets])).to.deep.equal(log);
  });
  if (octets.length < 2) return;
  it(`octet by octet${suffix}`, () => {
    expect(replay(Array.from(octets, (_, i) => octets.subarray(i, i + 1)))).to.deep.equal(log);
  });
  it(`in two parts${suffix}`, () => {
    for (const at of cutsInTwo(octets.length)) expectSame(replay, octets, [at], log);
  });
  if (octets.length < 3 || octets.length > EVERY_THREE_PARTS_OCTETS) return;
  it(`in three parts${suffix}`, () => {
    for (let a = 1; a < octets.length - 1; a++) {
      for (let b = a + 1; b < octets.length; b++) expectSame(replay, octets, [a, b], log);
    }
  });
}

/** chai's deep comparison costs more than a replay: strings first, chai for the message. */
function expectSame(replay: Replay, octets: Buffer, cuts: number[], log: readonly string[]): void {
  const found = replay(cut(octets, ...cuts));
  if (found.length === log.length && found.every((line, i) => line === log[i])) return;
  expect(found, `cut at ${cuts.join(' and ')}`).to.deep.equal(log);
}
