/**
 * A coarse timer wheel: many connections, one timer. Decides when a connection is looked at again; what is due then is
 * the machine's business. Nothing is re-armed when octets flow: a connection whose deadline moved on is found early
 * and put back.
 */

/** Times are honoured to within this. */
export const TICK_MS = 100;
const SLOTS = 1024;

/** Something that may be due. Extend it: the wheel links entries through these fields. */
export class WheelEntry {
  /** Monotonic ms at which the wheel will look; Infinity while it is not in the wheel. */
  scheduledAt = Infinity;
  /** @internal */
  before: WheelEntry | null = null;
  /** @internal */
  after: WheelEntry | null = null;
  /** @internal */
  slot = -1;

  /** Called when due, or early: schedule again if there is still a deadline. The entry has left the wheel. */
  due(_now: number): void {
    // Nothing unless overridden.
  }
}

export class Wheel {
  private readonly slots: (WheelEntry | null)[] = new Array<WheelEntry | null>(SLOTS).fill(null);
  private tick: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly clock: () => number = () => performance.now()) {
    this.tick = Math.floor(clock() / TICK_MS);
  }

  /** Starts the timer; it does not keep the process alive. */
  start(): void {
    this.timer ??= setInterval(() => this.turn(this.clock()), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /**
   * Sees to it that the wheel looks at `entry` at `deadline` or earlier. A deadline that moves away costs a
   * comparison; only one that comes nearer moves the entry.
   */
  schedule(entry: WheelEntry, deadline: number): void {
    if (deadline >= entry.scheduledAt || deadline === Infinity) return;
    this.cancel(entry);
    // Rounded up: looked at no earlier than due. Beyond the horizon it is looked at early, and put back.
    const due = Math.min(Math.max(Math.ceil(deadline / TICK_MS), this.tick + 1), this.tick + SLOTS - 1);
    const slot = due % SLOTS;
    const head = this.slots[slot];
    entry.scheduledAt = due * TICK_MS;
    entry.slot = slot;
    entry.after = head;
    entry.before = null;
    if (head !== null) head.before = entry;
    this.slots[slot] = entry;
  }

  /** Takes the entry out of the wheel, if it is in. */
  cancel(entry: WheelEntry): void {
    if (entry.slot < 0) return;
    if (entry.before !== null) entry.before.after = entry.after;
    else this.slots[entry.slot] = entry.after;
    if (entry.after !== null) entry.after.before = entry.before;
    entry.before = entry.after = null;
    entry.slot = -1;
    entry.scheduledAt = Infinity;
  }

  /** Looks at everything due by `now`. */
  turn(now: number): void {
    const until = Math.floor(now / TICK_MS);
    // After a long pause of the process one turn of the wheel sees everything.
    if (until - this.tick > SLOTS) this.tick = until - SLOTS;
    while (this.tick < until) {
      this.tick++;
      const slot = this.tick % SLOTS;
      for (let entry = this.slots[slot]; entry !== null; entry = this.slots[slot]) {
        this.cancel(entry);
        entry.due(now);
      }
    }
  }
}
