/** The curves of a growth run as one SVG file: a small chart for each axis, number on a logarithmic scale. */
import * as Plot from '@observablehq/plot';
import { draw, type Chart } from '../versus/report/charts.js';
import { colourOf, paletteCss } from '../versus/report/palette.js';
import type { Curve, GrowthReport } from './curve.js';

const COLUMNS = 2;
const CHART_WIDTH = 520;
const CHART_HEIGHT = 230;
const GAP = 32;
const TITLE_HEIGHT = 30;

/** The chart of one axis. */
export interface AxisChart {
  readonly title: string;
  readonly chart: Chart;
}

/** A chart for each axis that there is. */
export function axisCharts({ curves }: GrowthReport): AxisChart[] {
  const axes = [...new Set(curves.map(({ axis }) => axis))];
  return axes.map((axis) => {
    const own = curves.filter((curve) => curve.axis === axis);
    return { title: `${own[0].operation}, by number of ${own[0].title}`, chart: chartOf(own) };
  });
}

/** All of them as one file; null when there is no curve. */
export function growthChart(report: GrowthReport): string | null {
  const charts = axisCharts(report);
  if (charts.length === 0) return null;
  let content = '';
  charts.forEach(({ title, chart }, i) => {
    const [x, y] = [
      (i % COLUMNS) * (CHART_WIDTH + GAP),
      Math.floor(i / COLUMNS) * (CHART_HEIGHT + TITLE_HEIGHT + GAP),
    ];
    content += `<text x="${x}" y="${y + 18}" font-size="14" font-weight="700">${title}</text>`;
    content += chart.svg.replace('<svg', `<svg x="${x}" y="${y + TITLE_HEIGHT}"`);
  });
  const rows = Math.ceil(charts.length / COLUMNS);
  const [width, height] = [
    COLUMNS * (CHART_WIDTH + GAP) - GAP,
    rows * (CHART_HEIGHT + TITLE_HEIGHT + GAP) - GAP,
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" fill="var(--ink)"><style>${paletteCss('svg')}</style>${content}</svg>\n`;
}

function chartOf(curves: readonly Curve[]): Chart {
  const rows = curves.flatMap(({ subject, points }) => points.map((point) => ({ ...point, subject })));
  const colour = ({ subject }: { subject: string }): string => colourOf(subject.split(',')[0]);
  const most = Math.max(...rows.map(({ cost }) => cost));
  const label = curves.map(sentenceOf).join(' ');
  return draw(label, {
    width: CHART_WIDTH,
    height: CHART_HEIGHT,
    marginLeft: 52,
    marginRight: 90,
    x: {
      type: 'log',
      label: null,
      tickFormat: (size: number) => size.toLocaleString('en-US'),
      ticks: [1, 10, 100, 1000, 10_000],
    },
    y: { domain: [0, most * 1.15], label: 'µs', grid: true },
    marks: [
      Plot.line(rows, { x: 'size', y: 'cost', z: 'subject', stroke: colour, strokeWidth: 2.5 }),
      Plot.dot(rows, { x: 'size', y: 'cost', fill: colour, r: 4 }),
      Plot.text(
        rows,
        Plot.selectLast({
          x: 'size',
          y: 'cost',
          z: 'subject',
          text: 'subject',
          textAnchor: 'start',
          dx: 8,
          fill: colour,
          fontWeight: 700,
        }),
      ),
    ],
  });
}

/** For those who cannot see it. */
function sentenceOf({ subject, title, points }: Curve): string {
  const [first, last] = [points[0], points[points.length - 1]];
  return `${subject}: ${first.cost.toPrecision(3)} µs with ${first.size} ${title}, ${last.cost.toPrecision(3)} µs with ${last.size}.`;
}
