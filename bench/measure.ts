/**
 * Time by benchmark.js, allocation by the collector's own figures. Decides how long and in which order cases run;
 * leaves what they do to the suites.
 */
import { GCProfiler, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import Benchmark from 'benchmark';
import { median, summarize, type Summary } from './statistics.js';
import type { Case } from './suite.js';

/** How much time goes into each case. */
export interface Effort {
  /** Turns that the cases of a group take: what the machine does meanwhile hits all of them. */
  readonly rounds: number;
  /** Running a case before its first turn, so that what is measured is optimized code. */
  readonly warmUpSeconds: number;
  /** Shortest sample, in seconds: far above the clock's resolution. */
  readonly sampleSeconds: number;
  /** Longest time for the samples of one turn, in seconds. */
  readonly turnSeconds: number;
  readonly minSamples: number;
  /** Measurements of allocation, of which the median counts. */
  readonly allocationRuns: number;
}

export const FULL: Effort = {
  rounds: 3,
  warmUpSeconds: 0.06,
  sampleSeconds: 0.015,
  turnSeconds: 0.06,
  minSamples: 4,
  allocationRuns: 5,
};
/** Enough to see that everything works; its figures say little. */
export const QUICK: Effort = {
  rounds: 1,
  warmUpSeconds: 0,
  sampleSeconds: 0.001,
  turnSeconds: 0.004,
  minSamples: 2,
  allocationRuns: 1,
};

/** What was found out about one case. */
export interface Figures {
  readonly group: string;
  readonly subject: string;
  /** Nanoseconds per run. */
  readonly time: Summary;
  /** Octets allocated per run on the JavaScript heap. */
  readonly heapOctets: number;
  /** Octets allocated per run outside it (buffers and what C++ holds for JavaScript). */
  readonly externalOctets: number;
  /** Octets handled per run, if the case says so. */
  readonly octets?: number;
}

/**
 * Runs per call of the measured function. benchmark.js calls it through a property of its own object, which costs a
 * few nanoseconds; shared by so many runs they vanish.
 */
const BATCH = 16;

/** Measures the cases of one group, which all do the same work. */
export function measureGroup(cases: readonly Case[], effort: Effort): Figures[] {
  const batches = cases.map((one) => batchOf(one));
  const samples = cases.map((): number[] => []);
  const counts = batches.map(({ run }) => warmUp(run, effort.warmUpSeconds));
  for (let round = 0; round < effort.rounds; round++) {
    batches.forEach(({ run, size }, i) => {
      const benchmark = new Benchmark(run, {
        minTime: effort.sampleSeconds,
        maxTime: effort.turnSeconds,
        minSamples: effort.minSamples,
        initCount: counts[i],
      });
      benchmark.run({ async: false });
      const { error } = benchmark as { error?: Error };
      if (error !== undefined) throw error;
      // What the warm-up and the turns before found out about the length of a run spares the search.
      counts[i] = benchmark.count;
      for (const seconds of benchmark.stats.sample as number[]) samples[i].push((seconds * 1e9) / size);
    });
  }
  return cases.map(({ group, subject, octets }, i) => {
    const { run, size } = batches[i];
    const { heapOctets, externalOctets } = measureAllocation(run, effort.allocationRuns);
    return {
      group,
      subject,
      time: summarize(samples[i]),
      heapOctets: heapOctets / size,
      externalOctets: externalOctets / size,
      ...(octets === undefined ? {} : { octets }),
    };
  });
}

/** Calls `run` for so long; answers how often. */
function warmUp(run: () => void, seconds: number): number {
  const until = performance.now() + seconds * 1e3;
  let calls = 0;
  do run();
  while (++calls % 8 !== 0 || performance.now() < until);
  return calls;
}

/** A run that takes a millisecond needs no batch. */
function batchOf(one: Case): { readonly run: () => void; readonly size: number } {
  if (one.octets !== undefined) return { run: () => one.run(), size: 1 };
  return {
    run: () => {
      for (let i = 0; i < BATCH; i++) one.run();
    },
    size: BATCH,
  };
}

/** Calls per measurement to begin with; halved until the collector stays away. */
const ALLOCATION_CALLS = 256;

interface Allocation {
  readonly heapOctets: number;
  readonly externalOctets: number;
}

/**
 * Octets allocated by one call: the growth of the heap over many calls between which no collection ran (V8's
 * GCProfiler says so), less what the measurement itself allocates. The function should be warm: code that is not yet
 * optimized allocates more, such as a box for each number with a fraction.
 */
export function measureAllocation(run: () => void, runs: number): Allocation {
  const heap: number[] = [];
  const external: number[] = [];
  let calls = ALLOCATION_CALLS;
  while (heap.length < runs) {
    const grown = growth(run, calls);
    if (grown === null) {
      // A run that allocates more than the young generation holds cannot be measured at all.
      if (calls === 1) return { heapOctets: NaN, externalOctets: NaN };
      calls >>= 1;
      continue;
    }
    const idle = growth(doNothing, calls) ?? { heapOctets: 0, externalOctets: 0 };
    heap.push(Math.max(0, grown.heapOctets - idle.heapOctets) / calls);
    external.push(Math.max(0, grown.externalOctets - idle.externalOctets) / calls);
  }
  return { heapOctets: median(heap), externalOctets: median(external) };
}

/** What the heap grew by in so many calls, or null when a collection came between. */
function growth(run: () => void, calls: number): Allocation | null {
  collect();
  const profiler = new GCProfiler();
  profiler.start();
  const before = process.memoryUsage();
  for (let i = 0; i < calls; i++) run();
  const after = process.memoryUsage();
  if (profiler.stop().statistics.length > 0) return null;
  return { heapOctets: after.heapUsed - before.heapUsed, externalOctets: after.external - before.external };
}

function doNothing(): void {
  // The measurement's own cost.
}

let gc: ((options: { type: 'minor' }) => void) | undefined;

/** Empties the young generation. Works without --expose-gc on the command line too. */
function collect(): void {
  if (gc === undefined) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as NonNullable<typeof gc>;
  }
  // Twice: buffers that the first one found dead are freed beside us, and the second waits until they are.
  gc({ type: 'minor' });
  gc({ type: 'minor' });
}
