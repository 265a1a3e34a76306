/** Figures out of samples. Decides nothing about what was sampled. */

/** What a series of samples says, in the samples' own unit. */
export interface Summary {
  readonly mean: number;
  readonly median: number;
  /** Relative margin of error of the mean at 95 %, in percent (what benchmark.js calls RME). */
  readonly rme: number;
  readonly min: number;
  readonly max: number;
  /** Number of samples. */
  readonly runs: number;
}

/** Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom; beyond that the normal distribution's. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** Throws a RangeError when there is no sample. */
export function summarize(samples: readonly number[]): Summary {
  const runs = samples.length;
  if (runs === 0) throw new RangeError('no samples');
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / runs;
  const squares = samples.reduce((sum, sample) => sum + (sample - mean) ** 2, 0);
  const error = runs > 1 ? Math.sqrt(squares / (runs - 1) / runs) * (T[runs - 2] ?? 1.96) : 0;
  return {
    mean,
    median: median(samples),
    rme: mean === 0 ? 0 : (error / mean) * 100,
    min: Math.min(...samples),
    max: Math.max(...samples),
    runs,
  };
}

/** NaN when there is no sample. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value below which `share` of the samples lie; `sorted` ascending and not empty. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Middle half and ends of a series, in the samples' own unit. */
export interface Spread {
  readonly median: number;
  /** First and third quartile. */
  readonly q1: number;
  readonly q3: number;
  readonly min: number;
  readonly max: number;
  /** Number of samples. */
  readonly runs: number;
}

/** Quartiles between two samples are interpolated. Throws a RangeError when there is no sample. */
export function spreadOf(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new RangeError('no samples');
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number): number => {
    const position = share * (sorted.length - 1);
    const below = Math.floor(position);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
  };
  return {
    median: at(0.5),
    q1: at(0.25),
    q3: at(0.75),
    min: sorted[0],
    max: sorted[sorted.length - 1],
    runs: sorted.length,
  };
}
