/** Latencies of any number of operations in constant memory, to 1.6 %. */

/** Each power of two is cut into so many classes. */
const CLASSES_LOG2 = 6;
const CLASSES = 1 << CLASSES_LOG2;
/** The unit of the counts: a tenth of a microsecond, so that classes are exact up to 6.4 µs. */
const UNITS_PER_MS = 10_000;
const MAX_UNITS = 2 ** 31 - 1;

export class Histogram {
  private readonly counts = new Float64Array((32 - CLASSES_LOG2 + 1) * CLASSES);
  total = 0;

  /** @param ms of one operation; beyond 214 s it counts as that */
  add(ms: number): void {
    const units = Math.min(MAX_UNITS, Math.max(0, Math.round(ms * UNITS_PER_MS)));
    this.counts[classOf(units)]++;
    this.total++;
  }

  clear(): void {
    this.counts.fill(0);
    this.total = 0;
  }

  /** Microseconds below which `share` of the operations stayed (the middle of that class); NaN when there were none. */
  quantile(share: number): number {
    if (this.total === 0) return NaN;
    const wanted = Math.max(1, Math.ceil(this.total * share));
    let seen = 0;
    let index = -1;
    while (seen < wanted) seen += this.counts[++index];
    return (middleOf(index) * 1000) / UNITS_PER_MS;
  }
}

function classOf(units: number): number {
  if (units < CLASSES) return units;
  const shift = 32 - Math.clz32(units) - CLASSES_LOG2 - 1;
  // The highest bit is the class row, the six behind it the class in that row.
  return (shift + 1) * CLASSES + ((units >> shift) - CLASSES);
}

function middleOf(index: number): number {
  if (index < CLASSES) return index;
  const shift = (index >> CLASSES_LOG2) - 1;
  const low = (CLASSES + (index & (CLASSES - 1))) * 2 ** shift;
  return low + (2 ** shift - 1) / 2;
}
