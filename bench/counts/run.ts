/**
 * What one operation of each kind costs in counts: inside the proxy (writes, copies, allocation) and around it (system
 * calls). One proxy serves all works of a count, one after another.
 */
import type { TransportKind } from '../../src/driver/driver.js';
import { cleanUp, temporaryFolder } from '../../test/e2e/harness.js';
import type { Plant } from '../guard/plants.js';
import { startOrigin } from './origin.js';
import type { Probed } from './probe.js';
import { CountedProxy } from './proxy.js';
import { callsBetween, tracing } from './system-calls.js';
import type { CountedWork, Operations } from './works.js';

/** What one operation costs inside the proxy. */
export interface InsideCounts {
  /** Calls that hand octets to the system. */
  readonly writes: number;
  readonly copiedOctets: number;
  readonly heapOctets: number;
  readonly externalOctets: number;
}

type Allocation = Pick<InsideCounts, 'heapOctets' | 'externalOctets'>;

/** What is counted. */
export interface CountPlan {
  readonly works: readonly CountedWork[];
  readonly transport: TransportKind;
  /** A slowdown to build in. */
  readonly plant?: Plant | undefined;
}

/** Before allocation is measured: code that is not optimized yet allocates more. */
const WARM_UP = 3000;
/** So much may differ between two counts of the same. */
const AGREEMENT_OCTETS = 100;
const AGREEMENT_SHARE = 0.15;
const MOST_WARM_UPS = 4;
const OPERATIONS = 200;
/** What comes with the first calls of everything. */
const FIRST = 8;

/** Counts inside the proxy, by name of the work. */
export async function countInside(plan: CountPlan): Promise<Map<string, InsideCounts>> {
  try {
    const proxy = await CountedProxy.start({ ...plan, origin: await startOrigin() });
    const counts = new Map<string, InsideCounts>();
    const started: Operations[] = [];
    for (const work of plan.works) {
      const operations = await work.start(proxy.port);
      started.push(operations);
      const allocated = await settledAllocation(proxy, operations, work.isLong ? WARM_UP / 4 : WARM_UP);
      counts.set(work.name, { writes: 0, copiedOctets: 0, ...allocated });
    }
    // Only now: allocation is measured in untouched code.
    await proxy.probe('wrap');
    for (const [i, work] of plan.works.entries()) {
      const { run } = started[i];
      await run(FIRST);
      const idle = await between(proxy, () => Promise.resolve());
      const busy = await between(proxy, () => run(OPERATIONS));
      counts.set(work.name, {
        ...counts.get(work.name)!,
        writes: (busy.writes - idle.writes) / OPERATIONS,
        copiedOctets: (busy.copiedOctets - idle.copiedOctets) / OPERATIONS,
      });
    }
    return counts;
  } finally {
    await cleanUp();
  }
}

/**
 * The allocation of code that is optimized, which on a busy machine takes its time: warms up until two counts in a row
 * agree, and answers the lesser one.
 */
async function settledAllocation(
  proxy: CountedProxy,
  operations: Operations,
  warmUp: number,
): Promise<Allocation> {
  let last: Allocation | null = null;
  for (let attempt = 1; ; attempt++) {
    await operations.run(warmUp);
    const now = await allocation(proxy, operations);
    const apart = last === null ? Infinity : Math.abs(now.heapOctets - last.heapOctets);
    const agree = apart <= Math.max(AGREEMENT_OCTETS, AGREEMENT_SHARE * now.heapOctets);
    const least = last === null || now.heapOctets < last.heapOctets ? now : last;
    if (agree || attempt === MOST_WARM_UPS) return least;
    last = now;
  }
}

/** Octets allocated per operation; what the probe itself allocates is found by doing nothing, and taken off. */
async function allocation(proxy: CountedProxy, { run }: Operations): Promise<Allocation> {
  for (let count = OPERATIONS; count >= 1; count >>= 1) {
    const idle = await between(proxy, () => Promise.resolve());
    const grown = await between(proxy, () => run(count));
    if (grown.collections > 0 || idle.collections > 0) continue;
    return {
      heapOctets: Math.max(0, grown.heapOctets - idle.heapOctets) / count,
      externalOctets: Math.max(0, grown.externalOctets - idle.externalOctets) / count,
    };
  }
  throw new Error('the collector never stayed away');
}

async function between(proxy: CountedProxy, act: () => Promise<void>): Promise<Probed> {
  await proxy.probe('begin');
  await act();
  return proxy.probe('end');
}

/** System calls per operation, by name of the work and of the call. Needs strace. */
export async function countSystemCalls(plan: CountPlan): Promise<Map<string, Map<string, number>>> {
  try {
    const folder = temporaryFolder();
    const around = tracing(folder);
    const proxy = await CountedProxy.start({ ...plan, origin: await startOrigin(), around });
    for (const [i, work] of plan.works.entries()) {
      const { run, mark } = await work.start(proxy.port);
      await run(FIRST);
      await mark(`mark-${i}-begin`);
      await run(OPERATIONS);
      await mark(`mark-${i}-end`);
    }
    await proxy.stop();
    return new Map(
      plan.works.map(({ name }, i) => {
        const calls = callsBetween(folder, `/mark-${i}-begin`, `/mark-${i}-end`);
        // What was marked first is between the marks too.
        return [name, new Map([...calls].map(([call, count]) => [call, count / (OPERATIONS + 1)]))];
      }),
    );
  } finally {
    await cleanUp();
  }
}
