import { expect } from 'chai';
import fc from 'fast-check';
import { TICK_MS, Wheel, WheelEntry } from '../../src/driver/wheel.js';

class Entry extends WheelEntry {
  dueAt: number[] = [];
  again = Infinity;
  constructor(private readonly wheel: Wheel) {
    super();
  }
  override due(now: number): void {
    this.dueAt.push(now);
    if (this.again !== Infinity) {
      const { again } = this;
      this.again = Infinity;
      this.wheel.schedule(this, again);
    }
  }
}

/** Turns the wheel tick by tick up to `until`. */
function turn(wheel: Wheel, from: number, until: number): void {
  for (let now = from; now <= until; now += TICK_MS) wheel.turn(now);
}

describe('driver: the timer wheel', () => {
  it('looks at an entry when its deadline has come, not before, and within a tick', () => {
    const wheel = new Wheel(() => 0);
    const entry = new Entry(wheel);
    wheel.schedule(entry, 1234);
    turn(wheel, 0, 5000);
    expect(entry.dueAt).to.deep.equal([1300]);
  });

  it('keeps the earlier of two deadlines, and moves only for an earlier one', () => {
    const wheel = new Wheel(() => 0);
    const entry = new Entry(wheel);
    wheel.schedule(entry, 60_000);
    wheel.schedule(entry, 75_000);
    expect(entry.scheduledAt).to.equal(60_000);
    wheel.schedule(entry, 1000);
    expect(entry.scheduledAt).to.equal(1000);
    turn(wheel, 0, 80_000);
    expect(entry.dueAt).to.deep.equal([1000]);
  });

  it('forgets a cancelled entry, also from the middle of a slot', () => {
    const wheel = new Wheel(() => 0);
    const entries = Array.from({ length: 5 }, () => new Entry(wheel));
    for (const entry of entries) wheel.schedule(entry, 500);
    for (const i of [2, 0, 4]) wheel.cancel(entries[i]);
    turn(wheel, 0, 1000);
    expect(entries.map(({ dueAt }) => dueAt.length)).to.deep.equal([0, 1, 0, 1, 0]);
  });

  it('lets an entry schedule itself again while it is looked at', () => {
    const wheel = new Wheel(() => 0);
    const entry = new Entry(wheel);
    entry.again = 700;
    wheel.schedule(entry, 300);
    turn(wheel, 0, 2000);
    expect(entry.dueAt).to.deep.equal([300, 700]);
  });

  it('honours deadlines beyond its horizon, by looking early', () => {
    const wheel = new Wheel(() => 0);
    const entry = new Entry(wheel);
    const deadline = 3_600_000;
    wheel.schedule(entry, deadline);
    for (let now = 0; now <= deadline; now += TICK_MS) {
      wheel.turn(now);
      // As a session does: not due yet, so scheduled again.
      if (entry.slot < 0 && now < deadline) wheel.schedule(entry, deadline);
    }
    expect(entry.dueAt.at(-1)).to.equal(deadline);
    expect(entry.dueAt.length).to.be.at.most(40);
  });

  it('looks at everything after the process has slept for hours', () => {
    const wheel = new Wheel(() => 0);
    const entries = [100, 5000, 100_000].map((deadline) => {
      const entry = new Entry(wheel);
      wheel.schedule(entry, deadline);
      return entry;
    });
    wheel.turn(50_000_000);
    expect(entries.map(({ dueAt }) => dueAt.length)).to.deep.equal([1, 1, 1]);
  });

  it('never looks late, whatever is scheduled and cancelled (property)', () => {
    const step = fc.tuple(fc.nat(19), fc.integer({ min: 0, max: 200_000 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const wheel = new Wheel(() => 0);
        const entries = Array.from({ length: 20 }, () => new Entry(wheel));
        const deadlines = new Array<number>(20).fill(Infinity);
        let now = 0;
        for (const [index, delay, cancels] of steps) {
          const entry = entries[index];
          if (cancels) {
            wheel.cancel(entry);
            deadlines[index] = Infinity;
          } else {
            wheel.schedule(entry, now + delay);
            deadlines[index] = Math.min(deadlines[index], now + delay);
          }
          now += 350;
          wheel.turn(now);
          entries.forEach((one, i) => {
            const isOverdue = deadlines[i] <= now - TICK_MS;
            if (isOverdue) expect(one.slot, `entry ${i} due ${deadlines[i]} at ${now}`).to.equal(-1);
            if (one.slot < 0) deadlines[i] = Infinity;
          });
        }
      }),
      { numRuns: 300 },
    );
  });
});
