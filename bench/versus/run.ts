/**
 * A side-by-side run: every work through every peer, in rounds, the peers in turns. Decides order and time; what a
 * turn is, the lab decides, and what it says, figures.ts.
 */
import { environment } from '../environment.js';
import { hasProc } from '../lab/accounting.js';
import { Lab, type Effort, type Started } from '../lab/lab.js';
import type { LoadResult } from '../lab/messages.js';
import { openFilesLimit } from '../lab/open-files.js';
import { isPinning } from '../lab/program.js';
import { cannotMakeCertificate } from '../peers/commands.js';
import type { Peer } from '../peers/peer.js';
import type { Work } from '../works.js';
import {
  figureOf,
  infoOf,
  isIdleWork,
  MEASURE,
  type Figure,
  type Skipped,
  type VersusReport,
} from './figures.js';

/** How much time goes into a run. */
export interface VersusEffort extends Effort {
  readonly rounds: number;
  /** Load through each peer before the first round of a work: code gets optimized, pools fill. */
  readonly settleMs: number;
  /** Idle connections: fewer for a quick run. */
  readonly idleConnections?: number;
}

export interface VersusPlan {
  readonly works: readonly Work[];
  readonly peers: readonly Peer[];
  readonly effort: VersusEffort;
  /** For the report. */
  readonly command: string;
}

/** What is going on, for people who wait. */
export interface Progress {
  readonly what: string;
  /** 0 to 1. */
  readonly share: number;
}

/** A peer has settled when it has used this share of the settling time as CPU time. */
const SETTLED_SHARE = 0.6;
const MOST_SETTLING_TURNS = 6;
/** Operations that a turn at a fixed rate consists of at least. */
const RATE_OPERATIONS = 10_000;
/** Rounds of a work at a fixed rate at least: the slowest hundredth of one round may be somebody else's doing. */
const RATE_ROUNDS = 5;
/** Shorter turns are there to see that everything works. */
const FULL_TURN_MS = 400;

/**
 * Runs everything. A peer that answers wrongly or not at all is in `failed`, by work; the others go on. Leaves no
 * process behind, however it ends.
 */
export async function runVersus(
  plan: VersusPlan,
  onProgress: (progress: Progress) => void,
): Promise<VersusReport> {
  if (!hasProc()) {
    const reason = "CPU time per process is read from Linux's /proc";
    return report(plan, [], [{ peer: 'every peer', work: '', reason }], []);
  }
  const lab = await Lab.open();
  try {
    return await new VersusRun(plan, lab, onProgress).run();
  } finally {
    await lab.close();
  }
}

/** A peer in one work: alive, with what it has given so far. */
interface Entrant {
  readonly peer: Peer;
  readonly results: LoadResult[];
  started: Started | null;
}

class VersusRun {
  private readonly skipped: Skipped[] = [];
  private readonly failed: Skipped[] = [];
  private readonly figures: Figure[] = [];
  private readonly dates = new Map<string, string>();
  private turns = 0;
  private totalTurns = 0;

  constructor(
    private readonly plan: VersusPlan,
    private readonly lab: Lab,
    private readonly onProgress: (progress: Progress) => void,
  ) {}

  async run(): Promise<VersusReport> {
    const { peers, effort } = this.plan;
    const works = this.plan.works.map((work) => this.scaled(work));
    const present = peers.filter((peer) => this.isPresent(peer));
    const able = works.map((work) => present.filter((peer) => this.isAble(peer, work)));
    const turnsOf = (i: number): number =>
      able[i].length * (roundsOf(works[i], effort) + settlingTurns(works[i]));
    this.totalTurns = works.reduce((sum, _, i) => sum + turnsOf(i), 0);
    for (const [i, work] of works.entries()) await this.doWork(work, able[i]);
    return report(this.plan, this.figures, this.skipped, this.failed, this.dates);
  }

  private scaled(work: Work): Work {
    const { idleConnections } = this.plan.effort;
    if (idleConnections === undefined || !isIdleWork(work)) return work;
    return { ...work, connections: idleConnections, openFiles: 0 };
  }

  private isPresent(peer: Peer): boolean {
    const reason = peer.missing();
    if (reason !== null) this.skipped.push({ peer: peer.name, work: '', reason });
    return reason === null;
  }

  private isAble(peer: Peer, work: Work): boolean {
    const reason = cannotMakeCertificate(work.front) ?? peer.cannot(work.front) ?? cannotDo(peer, work);
    if (reason !== null) this.skipped.push({ peer: peer.name, work: work.name, reason });
    return reason === null;
  }

  private async doWork(work: Work, peers: readonly Peer[]): Promise<void> {
    const entrants = peers.map((peer): Entrant => ({ peer, results: [], started: null }));
    const { effort } = this.plan;
    const rounds = roundsOf(work, effort);
    this.dates.set(work.name, `${new Date().toISOString().slice(0, 16)}Z`);
    if (!isIdleWork(work)) {
      const settling = { ...effort, measureMs: effort.settleMs };
      for (const one of entrants) await this.settle(work, one, settling);
    }
    const counting = { ...effort, measureMs: Math.max(effort.measureMs, leastMs(work, effort)) };
    for (let round = 0; round < rounds; round++) {
      // Each round begins with another peer: none always follows the same one.
      for (let i = 0; i < entrants.length; i++) {
        const one = entrants[(i + round) % entrants.length];
        await this.doTurn(`round ${round + 1} of ${rounds}`, work, one, counting, true);
      }
    }
    for (const { started } of entrants) await started?.stop();
    const whole = entrants.filter(({ results }) => results.length === rounds);
    const measure = whole.find(({ peer }) => peer.name === MEASURE)?.results ?? [];
    for (const { peer, results } of whole) this.figures.push(figureOf(work, peer.name, results, measure));
  }

  /**
   * Code is optimized after so much work, not after so much time: where others have the core, it takes longer, and at a
   * fixed rate so long that a run would weigh the optimizing. So what has a rate settles without one, as a proxy that
   * has run for a while has. Then once at the rate: it is the first time that a proxy sees many connections end, and
   * that it waits for events.
   */
  private async settle(work: Work, entrant: Entrant, effort: Effort): Promise<void> {
    const { rate, ...atFullSpeed } = work;
    await this.settleAtFullSpeed(atFullSpeed, entrant, effort);
    if (rate !== undefined) await this.doTurn('settling at the rate', work, entrant, effort, false);
  }

  private async settleAtFullSpeed(work: Work, entrant: Entrant, effort: Effort): Promise<void> {
    let usedMs = 0;
    for (let i = 0; i < MOST_SETTLING_TURNS && usedMs < effort.measureMs * SETTLED_SHARE; i++) {
      const result = await this.doTurn('settling', work, entrant, effort, false);
      if (i > 0) this.turns--;
      // Nothing to settle, or nothing to weigh.
      if (result === null || result.proxyCpuMs === 0) return;
      usedMs += result.proxyCpuMs;
    }
  }

  private async doTurn(
    what: string,
    work: Work,
    entrant: Entrant,
    effort: Effort,
    counts: boolean,
  ): Promise<LoadResult | null> {
    const { peer } = entrant;
    this.onProgress({
      what: `${work.title}: ${what}, ${peer.name}`,
      share: this.turns++ / this.totalTurns,
    });
    if (this.failed.some((one) => one.peer === peer.name && one.work === work.name)) return null;
    try {
      entrant.started ??= await this.lab.start(peer, work.front);
      const result = await this.lab.turn(work, entrant.started, effort);
      if (counts) entrant.results.push(result);
      // What idle connections have taken is not given back: each round begins anew.
      if (isIdleWork(work)) await this.stop(entrant);
      return result;
    } catch (error) {
      this.failed.push({ peer: peer.name, work: work.name, reason: (error as Error).message });
      await this.stop(entrant);
      return null;
    }
  }

  private async stop(entrant: Entrant): Promise<void> {
    const { started } = entrant;
    entrant.started = null;
    await started?.stop();
  }
}

/** Least time of a turn: at a fixed rate enough operations for a 99.9th percentile that is more than one of them. */
function leastMs({ rate }: Work, { measureMs }: Effort): number {
  return rate === undefined || measureMs < FULL_TURN_MS ? 0 : (RATE_OPERATIONS * 1000) / rate;
}

function roundsOf({ rate }: Work, { rounds, measureMs }: VersusEffort): number {
  return rate === undefined || measureMs < FULL_TURN_MS ? rounds : Math.max(rounds, RATE_ROUNDS);
}

/** Turns in front of the first round, for the progress that is shown. */
function settlingTurns(work: Work): number {
  if (isIdleWork(work)) return 0;
  return work.rate === undefined ? 1 : 2;
}

function cannotDo(peer: Peer, work: Work): string | null {
  if (isIdleWork(work) && peer.version() === '') return 'there is no process to weigh';
  const limit = openFilesLimit();
  return work.openFiles > limit
    ? `needs ${work.openFiles} open files, ${limit} are allowed (ulimit -Hn)`
    : null;
}

function report(
  { works, peers, effort, command }: VersusPlan,
  figures: readonly Figure[],
  skipped: readonly Skipped[],
  failed: readonly Skipped[],
  dates: ReadonlyMap<string, string> = new Map(),
): VersusReport {
  return {
    environment: environment(),
    command,
    rounds: effort.rounds,
    measureMs: effort.measureMs,
    isPinned: isPinning(),
    works: works.map((work) => infoOf(work, dates.get(work.name) ?? '')),
    peers: peers
      .filter((peer) => peer.missing() === null)
      .map((peer) => ({ name: peer.name, about: peer.about, version: peer.version() })),
    figures,
    skipped,
    failed,
  };
}
