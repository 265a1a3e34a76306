/** What a side-by-side run found, as stored in JSON: samples of each round become medians, spreads and ratios. */
import type { Environment } from '../environment.js';
import { cpuPerOperation } from '../lab/lab.js';
import type { GrowthReport } from '../growth/curve.js';
import type { LoadResult } from '../lab/messages.js';
import { median, spreadOf, type Spread } from '../statistics.js';
import type { WorkersReport } from '../workers/figures.js';
import type { Work } from '../works.js';

/** The peer that ratios are taken to. */
export const MEASURE = 'nginx';

/** One work through one peer. Microseconds unless a name says otherwise. */
export interface Figure {
  readonly work: string;
  readonly peer: string;
  /**
   * What one operation costs: microseconds of the proxy's CPU time, or KB of its memory for idle connections. null
   * where there is no proxy.
   */
  readonly cost: Spread | null;
  /** Cost to nginx's of the same round; null where either is missing. */
  readonly toNginx: Spread | null;
  /** Share of the CPU time spent outside the kernel, 0 to 1. */
  readonly userShare: number;
  /** Operations per second; 0 for idle connections. */
  readonly rate: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  readonly p999: Spread;
  /** Resident memory at the end of a round, in MB. */
  readonly residentMb: Spread | null;
  /** Shares of a core, 0 to 1: what each of the three used. */
  readonly proxyShare: number;
  readonly loadShare: number;
  readonly originShare: number;
  /** Share of the time in which the proxy's core was busy with anything at all. */
  readonly coreBusy: number;
  /** The load program was late by so much at most, in ms: works at a fixed rate. */
  readonly lateMs: number;
}

/** Something that was not measured, and why. */
export interface Skipped {
  readonly peer: string;
  /** '' for every work. */
  readonly work: string;
  readonly reason: string;
}

/** The work as a report needs it. */
export type WorkInfo = Pick<Work, 'name' | 'title' | 'operation' | 'kind' | 'rate'> & {
  readonly isSecure: boolean;
  /** When it was measured: UTC, to the minute; '' when it was not. */
  readonly date: string;
};

export function infoOf(
  { name, title, operation, kind, rate, isSecure = false }: Work,
  date: string,
): WorkInfo {
  return { name, title, operation, kind, isSecure, date, ...(rate === undefined ? {} : { rate }) };
}

export interface PeerInfo {
  readonly name: string;
  readonly about: string;
  readonly version: string;
}

/** One run, or several of one machine joined. */
export interface VersusReport {
  readonly environment: Environment;
  /** The command line that gave it. */
  readonly command: string;
  readonly rounds: number;
  readonly measureMs: number;
  /** Whether the proxy had a core of its own. */
  readonly isPinned: boolean;
  readonly works: readonly WorkInfo[];
  readonly peers: readonly PeerInfo[];
  readonly figures: readonly Figure[];
  readonly skipped: readonly Skipped[];
  /** Peers that answered wrongly or not at all: their figures of that work are missing. */
  readonly failed: readonly Skipped[];
  /** Where these were measured too, they are part of the reports. */
  readonly growth?: GrowthReport;
  readonly workers?: WorkersReport;
}

/** Above this share of the proxy's core, what else ran there may have shown in the figures. */
const DISTURBING_SHARE = 0.1;

/** Works in which something else ran on the proxy's core, with the largest share of it, 0 to 1. */
export function disturbances({ figures }: Pick<VersusReport, 'figures'>): Map<string, number> {
  const found = new Map<string, number>();
  for (const { work, coreBusy, proxyShare } of figures) {
    const share = coreBusy - proxyShare;
    if (share > DISTURBING_SHARE) found.set(work, Math.max(share, found.get(work) ?? 0));
  }
  return found;
}

/** The same in a sentence, '' where there were none. */
export function describeDisturbances(report: Pick<VersusReport, 'figures'>): string {
  const found = disturbances(report);
  if (found.size === 0) return '';
  const most = Math.max(...found.values());
  return `The machine was not quiet: something else used up to ${(most * 100).toFixed(0)} % of the proxy's core (${[...found.keys()].join(', ')}).`;
}

/** @param measure results of nginx in the same rounds, or none */
export function figureOf(
  work: Work,
  peer: string,
  results: readonly LoadResult[],
  measure: readonly LoadResult[],
): Figure {
  const isProxy = results.some(({ residentKib }) => residentKib > 0);
  const isIdle = isIdleWork(work);
  const costs = results.map((result) => costOf(result, isIdle));
  const ratios = results.flatMap((_, i) =>
    isProxy && measure[i] !== undefined
      ? [costs[i] / costOf(measure[i], isIdle)].filter(Number.isFinite)
      : [],
  );
  const share = (of: (result: LoadResult) => number): number =>
    median(results.map((result) => of(result) / result.elapsedMs));
  return {
    work: work.name,
    peer,
    cost: isProxy ? spreadOf(costs) : null,
    toNginx: ratios.length > 0 ? spreadOf(ratios) : null,
    userShare: median(results.map(({ proxyUserShare }) => proxyUserShare)),
    rate: spreadOf(
      results.map(({ operations, elapsedMs }) => (isIdle ? 0 : (operations * 1000) / elapsedMs)),
    ),
    p50: spreadOf(results.map(({ p50 }) => p50)),
    p99: spreadOf(results.map(({ p99 }) => p99)),
    p999: spreadOf(results.map(({ p999 }) => p999)),
    residentMb: isProxy ? spreadOf(results.map(({ residentKib }) => residentKib / 1024)) : null,
    proxyShare: share(({ proxyCpuMs }) => proxyCpuMs),
    loadShare: share(({ loadCpuMs }) => loadCpuMs),
    originShare: share(({ originCpuMs }) => originCpuMs),
    coreBusy: median(results.map(({ proxyCoreBusy }) => proxyCoreBusy)),
    lateMs: Math.max(...results.map(({ lateMs }) => lateMs)),
  };
}

/** Whether the work's cost is memory. */
export function isIdleWork({ kind }: Pick<WorkInfo, 'kind'>): boolean {
  return kind === 'idle-tunnel' || kind === 'idle-connection';
}

function costOf(result: LoadResult, isIdle: boolean): number {
  if (!isIdle) return cpuPerOperation(result);
  // What the rehearsal left behind may hold them all: then they cost nothing more.
  return Math.max(0, result.residentKib - result.residentBeforeKib) / result.operations;
}
