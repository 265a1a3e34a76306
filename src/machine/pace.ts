/**
 * A response that goes downstream at a rate (limit_rate). Decides by nginx's rule (`ngx_http_write_filter`) how much of it
 * may go when: the rate times the seconds since the request began, and one second more; behind each part a pause as long
 * as that part takes at the rate. Holds what has to wait; it is little, as nothing more is read meanwhile.
 */
export class Pace {
  /** Monotonic ms from which on more may go. */
  nextAt = 0;
  /** Octets that went. */
  private sent = 0;
  private readonly waiting: Buffer[] = [];
  /** Of the first of them so many octets are gone. */
  private gone = 0;

  /**
   * @param perSecond octets a second, above 0
   * @param after octets in front of the limit (limit_rate_after)
   * @param since monotonic ms of the request
   */
  constructor(
    private readonly perSecond: number,
    private readonly after: number,
    private readonly since: number,
  ) {}

  /** Whether something waits. */
  get holds(): boolean {
    return this.waiting.length > 0;
  }

  /** Takes octets[start, end) in, behind what waits. */
  hold(octets: Buffer, start: number, end: number): void {
    if (start < end) this.waiting.push(Buffer.from(octets.subarray(start, end)));
  }

  /** The next octets that may go now: part of a buffer that nobody writes to any more; null for none. */
  take(now: number): Buffer | null {
    if (now < this.nextAt || this.waiting.length === 0) return null;
    const { perSecond, after } = this;
    const allowed = perSecond * (Math.floor((now - this.since) / 1000) + 1) + after - this.sent;
    if (allowed <= 0) {
      this.nextAt = now + Math.floor((-allowed * 1000) / perSecond) + 1;
      return null;
    }
    const first = this.waiting.length === 1 ? this.waiting[0] : Buffer.concat(this.waiting);
    const part = first.subarray(this.gone, this.gone + allowed);
    this.gone += part.length;
    this.waiting.length = 0;
    if (this.gone < first.length) this.waiting.push(first);
    else this.gone = 0;
    const before = Math.max(0, this.sent - after);
    this.sent += part.length;
    this.nextAt = now + Math.floor(((Math.max(0, this.sent - after) - before) * 1000) / perSecond);
    return part;
  }
}

/** A response that is read from upstream at a rate (proxy_limit_rate). Decides when the next read may be. */
export class ReadPace {
  /** Monotonic ms until which nothing is read. */
  restsUntil = 0;
  private octets = 0;

  /**
   * @param perSecond octets a second, above 0
   * @param since monotonic ms of the response's head
   */
  constructor(
    private readonly perSecond: number,
    private readonly since: number,
  ) {}

  /** So many octets were read. @returns monotonic ms of the next read */
  add(octets: number): number {
    this.octets += octets;
    return (this.restsUntil = this.since + Math.floor((this.octets * 1000) / this.perSecond));
  }
}
