/** When operations of a turn at a fixed rate are due. Decides how many; the turn decides which connections get them. */

/** How often the load program looks, in ms. */
export const TICK_MS = 1;
/** A load program that was late makes up for it at this multiple of the rate, not with a burst. */
const CATCH_UP = 2;

export class Pace {
  /** By how much the load program was late at most, in ms; whoever begins to count sets it to 0. */
  lateMs = 0;
  private readonly perMs: number;
  private readonly most: number;
  private owed = 0;

  /** @param rate operations per second @param tickedAt now, in ms */
  constructor(
    rate: number,
    private tickedAt: number,
  ) {
    this.perMs = rate / 1000;
    this.most = Math.max(1, Math.round(CATCH_UP * TICK_MS * this.perMs));
  }

  /**
   * How many operations are due at this tick: those of the time since the last one. They are due now: a load program
   * that is late says so, and does not blame the proxy, neither by counting from an earlier moment nor by a burst that
   * nobody asked for. What it owes is spread over the next ticks.
   */
  tick(now: number): number {
    const passed = now - this.tickedAt;
    this.tickedAt = now;
    this.lateMs = Math.max(this.lateMs, passed - TICK_MS);
    this.owed += passed * this.perMs;
    const due = Math.min(Math.floor(this.owed), this.most);
    this.owed -= due;
    return due;
  }
}
