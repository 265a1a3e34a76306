/**
 * Rates with one worker and with two. Each worker may use the same part of a core, so that a machine of two cores has
 * enough for both of them, and for load and origin: what limits is the workers.
 */
import { execFileSync } from 'node:child_process';
import { until } from '../../test/e2e/harness.js';
import { childrenOf, preciseCpuMs } from '../lab/accounting.js';
import { cpuPerOperation, Lab, type Effort, type Started } from '../lab/lab.js';
import { isPinning } from '../lab/program.js';
import type { LoadResult } from '../lab/messages.js';
import { nginx, wirehop } from '../peers/commands.js';
import type { Peer } from '../peers/peer.js';
import { spreadOf } from '../statistics.js';
import { workNamed, type Work } from '../works.js';
import type { RateFigure } from './figures.js';
import { allowShare } from './quota.js';

export const WORKERS = [1, 2];
/** Of a core, for each worker: load and origin, on the first core beside the second worker, need less than the rest. */
export const QUOTA = 0.2;
const WORKS = ['http', 'http-new', 'handshake'];
/** The first worker has a core that nobody else uses. */
const CORES = [1, 0];
const SETTLING_TURNS = 2;
const START_LIMIT_MS = 10_000;

/** How much time goes into the rates. */
export interface RateEffort extends Effort {
  readonly rounds: number;
}

/** A proxy with so many workers, and what its rounds gave. */
interface Entrant {
  readonly peer: Peer;
  readonly workers: number;
  readonly started: Started;
  readonly pids: readonly number[];
  readonly results: LoadResult[];
  /** CPU time of each worker. */
  readonly used: number[];
}

/** @throws Error when workers cannot be given parts of a core here */
export async function measureRates(
  effort: RateEffort,
  onProgress: (what: string) => void,
): Promise<RateFigure[]> {
  const lab = await Lab.open();
  try {
    const figures: RateFigure[] = [];
    for (const name of WORKS) figures.push(...(await measureWork(lab, workNamed(name), effort, onProgress)));
    return figures;
  } finally {
    await lab.close();
  }
}

async function measureWork(
  lab: Lab,
  work: Work,
  effort: RateEffort,
  onProgress: (what: string) => void,
): Promise<RateFigure[]> {
  const entrants: Entrant[] = [];
  for (const peer of [wirehop(), nginx()].filter((one) => one.missing() === null)) {
    for (const workers of WORKERS) {
      onProgress(`workers, ${work.title}: settling, ${peer.name}, ${workers}`);
      entrants.push(await enter(lab, peer, workers, work, effort));
    }
  }
  for (let round = 0; round < effort.rounds; round++) {
    for (const entrant of entrants) {
      const { peer, workers, started, pids, results, used } = entrant;
      onProgress(`workers, ${work.title}: round ${round + 1} of ${effort.rounds}, ${peer.name}, ${workers}`);
      const before = pids.map((pid) => preciseCpuMs([pid]));
      results.push(await lab.turn(work, started, effort));
      pids.forEach((pid, i) => (used[i] += preciseCpuMs([pid]) - before[i]));
    }
  }
  for (const { started } of entrants) await started.stop();
  return entrants.map((entrant) => figureOf(work, entrant));
}

async function enter(lab: Lab, peer: Peer, workers: number, work: Work, effort: Effort): Promise<Entrant> {
  const started = await lab.start(peer, work.front, { workers });
  const [master] = started.pids;
  await until(`${workers} workers`, () => childrenOf(master).length === workers, START_LIMIT_MS);
  const pids = childrenOf(master);
  for (let i = 0; i < SETTLING_TURNS; i++) await lab.turn(work, started, effort);
  pids.forEach((pid, i) => {
    if (isPinning()) execFileSync('taskset', ['-acp', String(CORES[i]), String(pid)], { stdio: 'ignore' });
    allowShare(pid, QUOTA);
  });
  return {
    peer,
    workers,
    started: { ...started, pids: [master, ...pids] },
    pids,
    results: [],
    used: pids.map(() => 0),
  };
}

function figureOf({ name, operation }: Work, { peer, workers, results, used }: Entrant): RateFigure {
  const even = used.reduce((sum, ms) => sum + ms, 0) / used.length;
  return {
    peer: peer.name,
    work: name,
    operation,
    workers,
    rate: spreadOf(results.map(({ operations, elapsedMs }) => (operations * 1000) / elapsedMs)),
    cost: spreadOf(results.map(cpuPerOperation)),
    most: Math.max(...used) / even,
    least: Math.min(...used) / even,
  };
}
