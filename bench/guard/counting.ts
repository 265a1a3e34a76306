/** Counts of the works that have bounds, judged. */
import type { TransportKind } from '../../src/driver/driver.js';
import { countInside, countSystemCalls } from '../counts/run.js';
import { straceFault } from '../counts/system-calls.js';
import { COUNTED_WORKS } from '../counts/works.js';
import type { Bounds } from './bounds.js';
import { judgeCalls, judgeInside, type Verdict } from './judge.js';
import type { Plant } from './plants.js';

export const TRANSPORTS: readonly TransportKind[] = ['handle', 'net'];

export interface CountOptions {
  readonly transport: TransportKind;
  readonly plant?: Plant;
  /** Names of works; all of them unless given. */
  readonly works?: readonly string[];
}

/** Writes, copies and allocations. */
export async function judgedInside({ counts }: Bounds, options: CountOptions): Promise<Verdict[]> {
  const plan = { ...options, works: worksOf(options) };
  const found = await countInside(plan);
  return counts.flatMap((bounds) => {
    const own = bounds.transport === options.transport ? found.get(bounds.work) : undefined;
    return own === undefined ? [] : judgeInside(bounds, own);
  });
}

/** System calls. Throws where strace does not work: ask {@link straceFault} before. */
export async function judgedCalls({ counts }: Bounds, options: CountOptions): Promise<Verdict[]> {
  const plan = { ...options, works: worksOf(options) };
  const found = await countSystemCalls(plan);
  return counts.flatMap((bounds) => {
    const own = bounds.transport === options.transport ? found.get(bounds.work) : undefined;
    return own === undefined ? [] : judgeCalls(bounds, own);
  });
}

function worksOf({ works }: CountOptions): typeof COUNTED_WORKS {
  return works === undefined ? COUNTED_WORKS : COUNTED_WORKS.filter(({ name }) => works.includes(name));
}

export { straceFault };
