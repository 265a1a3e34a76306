/**
 * When a worker that ended by itself is replaced: at once, unless workers keep ending soon after they began. Pure
 * decisions; time is given.
 */

/** Whoever served this long is no part of a crash loop. */
const LONG_MS = 10_000;
/** Early ends that are forgiven in a row; at least one for each worker, since one cause may end them all. */
const FORGIVEN = 3;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 30_000;
/** Without an end for so long the count begins anew. */
const FORGET_MS = 60_000;

export class Respawns {
  private early = 0;
  private lastEnd = -Infinity;

  /** @param workers how many there are */
  constructor(private readonly workers: number) {}

  /** Ends in a row that came too early. */
  get count(): number {
    return this.early;
  }

  /**
   * A worker has ended that nobody told to.
   * @param servedSince monotonic ms at which it began to serve, -1 if it never did
   * @returns ms until the next one may start
   */
  ended(servedSince: number, now: number): number {
    const servedLong = servedSince >= 0 && now - servedSince >= LONG_MS;
    if (servedLong || now - this.lastEnd >= FORGET_MS) this.early = 0;
    this.lastEnd = now;
    if (servedLong) return 0;
    this.early++;
    const beyond = this.early - Math.max(FORGIVEN, this.workers);
    return beyond <= 0 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (beyond - 1));
  }
}
