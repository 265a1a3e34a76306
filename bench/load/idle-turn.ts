/**
 * A turn of idle connections: how much memory the proxy needs for each. Every connection has carried one operation
 * before it idles, and carries another one afterwards: an idle connection that is dead is no saving.
 */
import { preciseCpuMs, residentKib } from '../lab/accounting.js';
import type { LoadJob, LoadResult } from '../lab/messages.js';
import type { ExpectedResponse } from './expected-response.js';
import type { Slot, Turn } from './slot.js';
import { NO_FIGURES } from './turn.js';

/** Operations under way at once while connections are opened and tried. */
const AT_ONCE = 64;
/** Share of the connections that is opened and closed first: pools and heaps grow to their usual size. */
const REHEARSAL_SHARE = 1 / 16;
const STEP_LIMIT_MS = 60_000;

export class IdleTurn implements Turn {
  expected: ExpectedResponse | null = null;
  private slots: Slot[] = [];
  private next = 0;
  private answered = 0;
  private stepDone: (() => void) | null = null;
  private isOver = false;

  constructor(
    readonly job: LoadJob,
    private readonly makeSlot: (turn: Turn, index: number) => Slot,
    private readonly report: (result: LoadResult) => void,
  ) {
    void this.run();
  }

  done(slot: Slot): void {
    slot.startedAt = 0;
    this.answered++;
    if (this.answered === 1) for (let i = 1; i < AT_ONCE; i++) this.goNext();
    else this.goNext();
    if (this.answered === this.slots.length) this.stepDone?.();
  }

  fail(why: string): void {
    if (this.isOver) return;
    this.finish({ ...NO_FIGURES, failure: why });
  }

  private async run(): Promise<void> {
    const { connections, pids, warmUpMs, measureMs } = this.job;
    await this.open(Math.ceil(connections * REHEARSAL_SHARE));
    this.closeAll();
    await pause(warmUpMs);
    if (this.isOver) return;
    const before = residentKib(pids);
    await this.open(connections);
    await pause(warmUpMs);
    if (this.isOver) return;
    const cpuBefore = preciseCpuMs(pids);
    const startedAt = performance.now();
    await pause(measureMs);
    const idleCpu = preciseCpuMs(pids) - cpuBefore;
    const elapsedMs = performance.now() - startedAt;
    const after = residentKib(pids);
    // Each of them must still work.
    await this.step('were not answered after they had idled');
    this.finish({
      ...NO_FIGURES,
      operations: connections,
      elapsedMs,
      proxyCpuMs: idleCpu,
      residentBeforeKib: before,
      residentKib: after,
    });
  }

  private async open(count: number): Promise<void> {
    this.slots = Array.from({ length: count }, (_, i) => this.makeSlot(this, i));
    await this.step('could not be opened');
  }

  /** One operation on each connection. */
  private async step(failure: string): Promise<void> {
    if (this.isOver) return;
    this.next = 0;
    this.answered = 0;
    const ended = new Promise<void>((resolve) => (this.stepDone = resolve));
    this.goNext();
    const timer = setTimeout(() => {
      this.fail(`${this.slots.length - this.answered} of ${this.slots.length} connections ${failure}`);
    }, STEP_LIMIT_MS);
    await ended;
    clearTimeout(timer);
    this.stepDone = null;
  }

  private goNext(): void {
    const slot = this.slots[this.next];
    if (slot === undefined || this.isOver) return;
    this.next++;
    slot.startedAt = performance.now();
    slot.go();
  }

  private closeAll(): void {
    for (const slot of this.slots) slot.stop();
    this.slots = [];
  }

  private finish(result: LoadResult): void {
    if (this.isOver) return;
    this.isOver = true;
    this.closeAll();
    this.stepDone?.();
    this.report(result);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
