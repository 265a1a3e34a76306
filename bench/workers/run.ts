/** A run with several workers: rates, then shares. */
import { environment } from '../environment.js';
import { hasProc } from '../lab/accounting.js';
import { CONNECTIONS, measureFairness } from './fairness.js';
import type { RateFigure, WorkersReport } from './figures.js';
import { measureRates, QUOTA, type RateEffort } from './rates.js';

export interface WorkersEffort extends RateEffort {
  readonly fairnessRounds: number;
}

export const WORKERS_EFFORT: WorkersEffort = {
  rounds: 3,
  warmUpMs: 200,
  measureMs: 1000,
  fairnessRounds: 3,
};
export const QUICK_WORKERS_EFFORT: WorkersEffort = {
  rounds: 1,
  warmUpMs: 100,
  measureMs: 200,
  fairnessRounds: 1,
};

/** The two halves of a run. */
export type WorkersPart = 'rates' | 'shares';
export const WORKERS_PARTS: readonly WorkersPart[] = ['rates', 'shares'];

/** Needs a machine that nobody else uses meanwhile. Leaves no process behind. */
export async function runWorkers(
  parts: readonly WorkersPart[],
  effort: WorkersEffort,
  command: string,
  onProgress: (what: string) => void,
): Promise<WorkersReport> {
  const skipped: string[] = [];
  let rates: RateFigure[] = [];
  if (parts.includes('rates')) {
    try {
      if (!hasProc()) throw new Error("CPU time per process is read from Linux's /proc");
      rates = await measureRates(effort, onProgress);
    } catch (error) {
      skipped.push(`rates by number of workers: ${(error as Error).message}`);
    }
  }
  const fairness = parts.includes('shares') ? await measureFairness(effort.fairnessRounds, onProgress) : [];
  return {
    environment: environment(),
    command,
    quota: QUOTA,
    connections: CONNECTIONS,
    rates,
    fairness,
    skipped,
  };
}

/** Halves of a run as one. */
export function joinWorkers(reports: readonly WorkersReport[]): WorkersReport {
  return {
    ...reports[0],
    command: [...new Set(reports.map(({ command }) => command))].join('\n'),
    rates: reports.flatMap(({ rates }) => rates),
    fairness: reports.flatMap(({ fairness }) => fairness),
    skipped: reports.flatMap(({ skipped }) => skipped),
  };
}
