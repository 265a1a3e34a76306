/**
 * One turn of a load: opens its slots, lets them warm up, counts for a while, waits until what is under way has been
 * answered. Decides what counts; the slots decide what is right.
 */
import { coreTicks, cpuTime, preciseCpuMs, residentKib } from '../lab/accounting.js';
import type { LoadJob, LoadResult } from '../lab/messages.js';
import type { ExpectedResponse } from './expected-response.js';
import { Histogram } from './histogram.js';
import { Pace, TICK_MS } from './pace.js';
import type { Slot, Turn } from './slot.js';

/** Slots that open at once: a listen queue must not overflow. */
const OPENING = 64;
/** A cold proxy on a busy machine may need a while for the first answers; nothing counts before all have one. */
const FIRST_ANSWER_LIMIT_MS = 8000;
/** What is under way when the time is up must be answered within this. */
const LAST_ANSWER_LIMIT_MS = 4000;
const POLL_MS = 10;

/** Accounts at one moment. */
interface Account {
  readonly at: number;
  readonly proxyMs: number;
  readonly proxyUserMs: number;
  readonly proxySystemMs: number;
  readonly loadMs: number;
  readonly originMs: number;
  readonly core: { readonly busy: number; readonly idle: number };
}

/** Slots in turn: every connection gets its share of a rate. Holds as many as there are. */
class SlotQueue {
  private readonly slots: Slot[];
  private first = 0;
  private count = 0;

  constructor(private readonly most: number) {
    this.slots = new Array<Slot>(most);
  }

  push(slot: Slot): void {
    this.slots[(this.first + this.count++) % this.most] = slot;
  }

  /** The one that has waited longest. */
  shift(): Slot | undefined {
    if (this.count === 0) return undefined;
    const slot = this.slots[this.first];
    this.first = (this.first + 1) % this.most;
    this.count--;
    return slot;
  }
}

type Stage = 'warming up' | 'counting' | 'resting' | 'over';

export class LoadTurn implements Turn {
  expected: ExpectedResponse | null = null;
  private stage: Stage = 'warming up';
  private readonly slots: Slot[] = [];
  private readonly openedAt = performance.now();
  private warm = 0;
  private operations = 0;
  private readonly latencies = new Histogram();
  private readonly residentBeforeKib: number;
  private before: Account | null = null;
  private result: LoadResult | null = null;
  /** With a rate: slots without an operation, due times without a slot, and the clock. */
  private readonly idle: SlotQueue;
  private readonly due: number[] = [];
  private pacer: NodeJS.Timeout | undefined;
  private pace: Pace | null = null;

  constructor(
    readonly job: LoadJob,
    private readonly makeSlot: (turn: Turn, index: number) => Slot,
    private readonly report: (result: LoadResult) => void,
  ) {
    this.residentBeforeKib = residentKib(job.pids);
    this.idle = new SlotQueue(job.connections);
    this.openNext();
    setTimeout(() => this.begin(), job.warmUpMs);
  }

  done(slot: Slot, operations = 1): void {
    const now = performance.now();
    if (this.stage === 'counting') {
      this.operations += operations;
      this.latencies.add(now - slot.startedAt);
    }
    slot.startedAt = 0;
    if (!slot.isWarm) {
      slot.isWarm = true;
      this.warm++;
      // The first one has learnt what the others must get.
      if (this.warm === 1) for (let i = 1; i < OPENING; i++) this.openNext();
      else this.openNext();
      if (this.warm === this.job.connections) this.goOn();
    }
    if (this.stage === 'resting' || this.stage === 'over') return;
    // Those that are open wait for the others, which would not get their turn else, and then all begin.
    const waits = this.warm < this.job.connections && this.job.rate === undefined;
    if (waits || slot.startedAt !== 0) return;
    if (this.job.rate === undefined) this.go(slot, now);
    else this.serveDue(slot);
  }

  fail(why: string): void {
    if (this.stage === 'over') return;
    this.finish(why);
  }

  private go(slot: Slot, dueAt: number): void {
    slot.startedAt = dueAt;
    slot.go();
  }

  /** All are open: those that waited for that begin. */
  private goOn(): void {
    if (this.job.rate !== undefined || this.stage !== 'warming up') return;
    const now = performance.now();
    for (const slot of this.slots) if (slot.isWarm && slot.startedAt === 0) this.go(slot, now);
  }

  private openNext(): void {
    const index = this.slots.length;
    if (index >= this.job.connections || this.stage !== 'warming up') return;
    const slot = this.makeSlot(this, index);
    this.slots.push(slot);
    this.go(slot, performance.now());
  }

  private begin(): void {
    if (this.stage !== 'warming up') return;
    if (this.warm < this.job.connections) {
      const cold = this.slots.findIndex(({ isWarm }) => !isWarm);
      if (performance.now() > this.openedAt + FIRST_ANSWER_LIMIT_MS + this.job.connections)
        this.finish(`connection ${cold} has got no answer in time`);
      else setTimeout(() => this.begin(), POLL_MS);
      return;
    }
    if (this.job.rate !== undefined && this.pacer === undefined) {
      // Once more the warm-up, at the rate.
      const pace = (this.pace = new Pace(this.job.rate, performance.now()));
      this.pacer = setInterval(() => this.tick(pace), TICK_MS);
      setTimeout(() => this.begin(), this.job.warmUpMs);
      return;
    }
    this.stage = 'counting';
    if (this.pace !== null) this.pace.lateMs = 0;
    this.before = this.account();
    setTimeout(() => this.settle(), this.job.measureMs);
  }

  /** Time is up: what is under way must still be answered. */
  private settle(): void {
    if (this.stage !== 'counting') return;
    // A short turn on a busy machine may have got no time at all.
    if (this.operations === 0 && performance.now() < this.before!.at + FIRST_ANSWER_LIMIT_MS) {
      setTimeout(() => this.settle(), POLL_MS);
      return;
    }
    this.result = this.figures();
    this.stage = 'resting';
    clearInterval(this.pacer);
    const deadline = performance.now() + LAST_ANSWER_LIMIT_MS;
    const look = (): void => {
      if (this.stage === 'over') return;
      const waiting = this.slots.filter((slot) => !slot.rest());
      if (waiting.length === 0) this.finish('');
      else if (performance.now() < deadline) setTimeout(look, POLL_MS);
      else this.finish(`${waiting.length} operations were not answered in ${LAST_ANSWER_LIMIT_MS} ms`);
    };
    look();
  }

  private finish(failure: string): void {
    this.stage = 'over';
    clearInterval(this.pacer);
    for (const slot of this.slots) slot.stop();
    const result = this.result ?? NO_FIGURES;
    const nothing = this.operations === 0 ? 'no operation was completed' : '';
    this.report({ ...result, failure: failure || nothing });
  }

  private account(): Account {
    const { pids, originPid, proxyCore } = this.job;
    const own = process.cpuUsage();
    const { user, system } = cpuTime(pids);
    return {
      at: performance.now(),
      proxyMs: preciseCpuMs(pids),
      proxyUserMs: user,
      proxySystemMs: system,
      loadMs: (own.user + own.system) / 1000,
      originMs: preciseCpuMs([originPid]),
      core: proxyCore < 0 ? { busy: 0, idle: 0 } : coreTicks(proxyCore),
    };
  }

  private figures(): LoadResult {
    const before = this.before!;
    let after: Account;
    try {
      after = this.account();
    } catch (error) {
      return { ...NO_FIGURES, failure: `the proxy is gone: ${(error as Error).message}` };
    }
    const user = after.proxyUserMs - before.proxyUserMs;
    const system = after.proxySystemMs - before.proxySystemMs;
    const busy = after.core.busy - before.core.busy;
    const idle = after.core.idle - before.core.idle;
    return {
      failure: '',
      operations: this.operations,
      elapsedMs: after.at - before.at,
      proxyCpuMs: after.proxyMs - before.proxyMs,
      proxyUserShare: user + system > 0 ? user / (user + system) : 0,
      loadCpuMs: after.loadMs - before.loadMs,
      originCpuMs: after.originMs - before.originMs,
      proxyCoreBusy: busy + idle > 0 ? busy / (busy + idle) : 0,
      p50: this.latencies.quantile(0.5),
      p99: this.latencies.quantile(0.99),
      p999: this.latencies.quantile(0.999),
      lateMs: this.pace?.lateMs ?? 0,
      residentBeforeKib: this.residentBeforeKib,
      residentKib: residentKib(this.job.pids),
    };
  }

  /** With a rate: a slot is free. What was due before goes first, and its latency counts from then. */
  private serveDue(slot: Slot): void {
    const dueAt = this.due.shift();
    if (dueAt === undefined) this.idle.push(slot);
    else this.go(slot, dueAt);
  }

  /** With a rate: what is due begins, and counts from now. */
  private tick(pace: Pace): void {
    const now = performance.now();
    for (let due = pace.tick(now); due > 0; due--) {
      const slot = this.idle.shift();
      if (slot === undefined) this.due.push(now);
      else this.go(slot, now);
    }
  }
}

export const NO_FIGURES: LoadResult = {
  failure: '',
  operations: 0,
  elapsedMs: 0,
  proxyCpuMs: 0,
  proxyUserShare: 0,
  loadCpuMs: 0,
  originCpuMs: 0,
  proxyCoreBusy: 0,
  p50: 0,
  p99: 0,
  p999: 0,
  lateMs: 0,
  residentBeforeKib: 0,
  residentKib: 0,
};
