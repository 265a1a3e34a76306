/** A growth run as a table. */
import { table, type Row } from '../table.js';
import { growthOf, type GrowthReport } from './curve.js';

export function showGrowth({ curves, skipped }: GrowthReport): string {
  const sizes = [...new Set(curves.flatMap(({ points }) => points.map(({ size }) => size)))].sort(
    (a, b) => a - b,
  );
  const rows = curves.map((curve): Row => {
    const cost = (size: number): string => {
      const point = curve.points.find((one) => one.size === size);
      return point === undefined ? '' : `${point.cost.toPrecision(3)} µs`;
    };
    return [
      `${curve.operation}, by ${curve.title}`,
      curve.subject,
      ...sizes.map(cost),
      growthOf(curve).toFixed(2),
      curve.bound === null ? '' : String(curve.bound),
    ];
  });
  const head = ['cost of', 'subject', ...sizes.map(String), 'last : first', 'bound'];
  return [table(head, rows, 2), ...skipped.map((text) => `skipped ${text}`)].join('\n');
}
