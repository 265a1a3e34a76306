/** What a run with several workers finds, as stored in JSON. */
import type { Environment } from '../environment.js';
import type { Spread } from '../statistics.js';

/** One work through so many workers. */
export interface RateFigure {
  readonly peer: string;
  readonly work: string;
  readonly operation: string;
  readonly workers: number;
  /** Operations per second. */
  readonly rate: Spread;
  /** Microseconds of CPU time of all of the proxy's processes per operation. */
  readonly cost: Spread;
  /** Most and least that a worker had to do: multiples of an even share of the workers' CPU time. */
  readonly most: number;
  readonly least: number;
}

/** How evenly connections that stay are shared: multiples of an even share. */
export interface FairnessFigure {
  readonly peer: string;
  readonly workers: number;
  /** How clients came. */
  readonly way: string;
  /** Of the worker that got most: median and worst of the rounds. */
  readonly most: number;
  readonly worstMost: number;
  /** Of the one that got least. */
  readonly least: number;
  readonly worstLeast: number;
}

export interface WorkersReport {
  readonly environment: Environment;
  readonly command: string;
  /** Share of a core that each worker was allowed. */
  readonly quota: number;
  readonly connections: number;
  readonly rates: readonly RateFigure[];
  readonly fairness: readonly FairnessFigure[];
  readonly skipped: readonly string[];
}

/** How many times the rate of one worker the others of the same peer and work have; null where there is none. */
export function timesOne({ rates }: Pick<WorkersReport, 'rates'>, figure: RateFigure): number | null {
  const { peer, work } = figure;
  const one = rates.find((other) => other.peer === peer && other.work === work && other.workers === 1);
  return one === undefined ? null : figure.rate.median / one.rate.median;
}
