/** What happens when: events in the order of virtual time, those of one moment in the order they were made. */

/** Something that will happen, unless it is cancelled. */
export class Happening {
  isCancelled = false;
  constructor(
    /** Virtual ms. */
    readonly at: number,
    readonly order: number,
    readonly act: () => void,
  ) {}
}

export class Agenda {
  /** Virtual ms. */
  now = 0;
  /** Events that have happened. */
  steps = 0;
  private order = 0;
  private readonly heap: Happening[] = [];

  /** Events still to come, cancelled ones included. */
  get size(): number {
    return this.heap.length;
  }

  /** `act` will happen `delayMs` from now, behind everything that is due then already. */
  after(delayMs: number, act: () => void): Happening {
    const happening = new Happening(this.now + delayMs, this.order++, act);
    const { heap } = this;
    let i = heap.push(happening) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(happening, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = happening;
    return happening;
  }

  /** Lets the next event happen; answers false when there is none. */
  step(): boolean {
    for (;;) {
      const next = this.take();
      if (next === undefined) return false;
      if (next.isCancelled) continue;
      this.now = next.at;
      this.steps++;
      next.act();
      return true;
    }
  }

  /** Forgets what has not happened. */
  clear(): void {
    this.heap.length = 0;
  }

  private take(): Happening | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
