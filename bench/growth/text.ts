/** A growth run as a table, for the terminal, HTML and Markdown alike. */
import { table } from '../table.js';
import type { Cells } from '../versus/report/rows.js';
import { growthOf, type GrowthReport } from './curve.js';

export function growthCells({ curves }: GrowthReport): Cells {
  const sizes = [...new Set(curves.flatMap(({ points }) => points.map(({ size }) => size)))].sort(
    (a, b) => a - b,
  );
  const rows = curves.map((curve) => {
    const cost = (size: number): string => {
      const point = curve.points.find((one) => one.size === size);
      return point === undefined ? '' : `${point.cost.toPrecision(3)} µs`;
    };
    const { operation, title, subject, bound } = curve;
    const growth = growthOf(curve).toFixed(2);
    return [
      `${operation}, by ${title}`,
      subject,
      ...sizes.map(cost),
      growth,
      bound === null ? '' : String(bound),
    ];
  });
  return { head: ['cost of', 'subject', ...sizes.map(String), 'last : first', 'bound'], rows };
}

export function showGrowth(report: GrowthReport): string {
  const { head, rows } = growthCells(report);
  return [table(head, rows, 2), ...report.skipped.map((text) => `skipped ${text}`)].join('\n');
}
