/**
 * Content of the proxy's own that is read as it goes: the pattern of the request's answer, in pieces that take their
 * time. Where the connection is wild, some fail or end before their time.
 */
import type { ContentSource } from '../../src/machine/policy.js';
import type { Agenda } from './agenda.js';
import { type Entry, Violation } from './ledger.js';
import { mix, Prng } from './prng.js';

/** What a source gives. */
export interface SourceScript {
  readonly octets: number;
  /** Gives no more behind so many octets; -1 never. */
  readonly failsAt: number;
  /** Otherwise it says that there are no more. */
  readonly isError: boolean;
  /** Most octets of one read. */
  readonly pieceOctets: number;
  readonly mostDelayMs: number;
}

/** The source of an answer of the proxy's own; null where its content is at hand. */
export function sourceOf({ connection, script }: Entry): SourceScript | null {
  const prng = new Prng(mix(connection.seed, 25, script.ordinal));
  if (script.plan !== 'respond' || prng.chance(25)) return null;
  const octets = prng.chance(5) ? 0 : prng.size(prng.chance(10) ? 300_000 : 9000);
  return {
    octets,
    failsAt: !connection.isCalm && octets > 0 && prng.chance(30) ? prng.below(octets) : -1,
    isError: prng.chance(50),
    pieceOctets: Math.max(Math.ceil(octets / 40), prng.chance(50) ? 1 << 20 : prng.between(1, 3000)),
    mostDelayMs: prng.pick([1, 20, 300]),
  };
}

export class SimSource implements ContentSource {
  readonly octets: number;
  private readonly prng: Prng;
  private at = 0;
  private isReading = false;

  constructor(
    private readonly agenda: Agenda,
    private readonly entry: Entry,
    private readonly script: SourceScript,
  ) {
    this.octets = script.octets;
    this.prng = new Prng(mix(entry.connection.seed, 26, entry.script.ordinal));
  }

  read(into: Buffer, done: (count: number, detail: string) => void): void {
    if (this.isReading) throw new Violation('two reads of a source at a time', this.entry.script.token);
    this.isReading = true;
    // A kernel may write here from now on.
    into.fill(0x23);
    this.agenda.after(this.prng.below(this.script.mostDelayMs), () => {
      this.isReading = false;
      this.give(into, done);
    });
  }

  private give(into: Buffer, done: (count: number, detail: string) => void): void {
    const { octets, failsAt, isError, pieceOctets } = this.script;
    const end = failsAt < 0 ? octets : failsAt;
    const count = Math.min(into.length, pieceOctets, end - this.at);
    this.entry.answer.take(this.at, count).copy(into);
    this.at += count;
    done(count, count === 0 && isError ? 'EIO' : '');
  }
}
