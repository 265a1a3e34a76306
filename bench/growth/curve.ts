/** What a growth run finds: the cost of one operation against how many there are of something. */
import type { Environment } from '../environment.js';

/** How one thing may grow. */
export interface Axis {
  /** As `--axis` takes it. */
  readonly name: string;
  /** What there are more and more of. */
  readonly title: string;
  /** What is done, and what its cost is told for. */
  readonly operation: string;
  /** Ascending. */
  readonly sizes: readonly number[];
  /** Growth counts from this size on: one connection alone costs more, because nothing shares its wake-ups. */
  readonly from?: number;
  /**
   * Most that the cost at the last size may be of the cost at the first one, or at `from`. Far below the growth of the sizes: what
   * grows with them breaks it by orders of magnitude, a cold cache does not.
   */
  readonly bound: number;
}

export interface Point {
  readonly size: number;
  /** Microseconds: the least disturbed sample. */
  readonly cost: number;
}

/** One axis through one subject. */
export interface Curve {
  readonly axis: string;
  readonly title: string;
  readonly operation: string;
  /** Whether it is judged by {@link Axis.bound}: others stand beside it for comparison. */
  readonly bound: number | null;
  readonly from?: number;
  readonly subject: string;
  readonly points: readonly Point[];
}

export interface GrowthReport {
  readonly environment: Environment;
  readonly command: string;
  readonly curves: readonly Curve[];
  /** Axes or subjects that were left out, and why. */
  readonly skipped: readonly string[];
}

/** The sizes that growth is told between. */
function endsOf({ points, from = 0 }: Pick<Curve, 'points' | 'from'>): readonly [Point, Point] {
  return [points.find(({ size }) => size >= from) ?? points[0], points[points.length - 1]];
}

/** Cost at the last size to cost at the first, or at the one that growth counts from. */
export function growthOf(curve: Pick<Curve, 'points' | 'from'>): number {
  const [first, last] = endsOf(curve);
  return last.cost / first.cost;
}

/** A sentence for each curve that grows more than it may. */
export function complaints(curves: readonly Curve[]): string[] {
  return curves.flatMap((curve) => {
    const { bound, title, subject, operation } = curve;
    const growth = growthOf(curve);
    if (bound === null || growth <= bound) return [];
    const [first, last] = endsOf(curve);
    const sizes = `${first.size} to ${last.size}`;
    return [
      `grows: ${operation} by ${title}, ${subject}: ${growth.toFixed(2)} times from ${sizes}, the bound is ${bound}`,
    ];
  });
}
