/** The charts, drawn by Observable Plot without a browser: SVG text whose colours are the palette's variables. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { isIdleWork, MEASURE, type Figure, type VersusReport, type WorkInfo } from '../figures.js';
import { showCost, showDuration, showNumber, showRatio, unitOf } from '../units.js';
import { colourOf, symbolOf } from './palette.js';

/** A chart, and in words what it shows. */
export interface Chart {
  /** An `svg` element. */
  readonly svg: string;
  readonly width: number;
  readonly height: number;
  readonly label: string;
}

const { document } = parseHTML('<!doctype html><html><body></body></html>') as unknown as {
  document: NonNullable<Plot.PlotOptions['document']>;
};
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** Draws a plot; `label` says in words what it shows. */
export function draw(label: string, options: Plot.PlotOptions): Chart {
  const element = Plot.plot({
    document,
    style: {
      fontSize: '12px',
      fontFamily: FONT,
      background: 'none',
      color: 'var(--ink)',
      overflow: 'visible',
    },
    ...options,
  });
  element.setAttribute('role', 'img');
  element.setAttribute('aria-label', label);
  return {
    // The element's own style sheet would set a white background.
    svg: element.outerHTML.replace(/<style>[^]*?<\/style>/, ''),
    width: Number(element.getAttribute('width')),
    height: Number(element.getAttribute('height')),
    label,
  };
}

const ROW_HEIGHT = 26;
const OVERVIEW_ROW_HEIGHT = 34;

/** Every work and peer as a ratio to nginx, on one logarithmic axis. null where nothing was measured against nginx. */
export function overviewChart({ works, figures }: VersusReport, width = 1080): Chart | null {
  const titles = new Map(works.map(({ name, title }) => [name, title]));
  const rows = figures
    // A logarithmic axis has no place for nothing.
    .filter(({ toNginx, peer }) => toNginx !== null && toNginx.median > 0 && peer !== MEASURE)
    .map((figure) => ({ ...figure, title: titles.get(figure.work) ?? '', ratio: figure.toNginx!.median }));
  if (rows.length === 0) return null;
  const shown = works.filter(({ name }) => rows.some(({ work }) => work === name)).map(({ title }) => title);
  const own = rows.filter(({ peer }) => peer === 'wirehop');
  const others = rows.filter(({ peer }) => peer !== 'wirehop');
  const ratios = rows.map(({ ratio }) => ratio);
  const tip = (row: (typeof rows)[number]): string =>
    `${row.peer}: ${showRatio(row.toNginx)} times nginx's cost (${row.title})`;
  const domain = [Math.min(0.2, ...ratios) * 0.9, Math.max(2, ...ratios) * 1.1];
  const ticks = TICKS.filter((tick) => tick >= domain[0] && tick <= domain[1]);
  return draw("Cost of each kind of work as a ratio to nginx's; a point left of 1 is cheaper than nginx.", {
    width,
    height: shown.length * OVERVIEW_ROW_HEIGHT + 44,
    marginLeft: 310,
    marginRight: 24,
    marginTop: 30,
    marginBottom: 14,
    x: { type: 'log', domain, label: null },
    y: { domain: shown, label: null },
    marks: [
      Plot.axisX({ anchor: 'top', ticks, tickSize: 0, tickFormat: formatTick, color: 'var(--quiet)' }),
      Plot.axisY({ tickSize: 0, fontSize: 13 }),
      Plot.gridX({ ticks, stroke: 'var(--line)', strokeOpacity: 1 }),
      Plot.gridY({ stroke: 'var(--line)', strokeOpacity: 0.7 }),
      Plot.ruleX([1], { stroke: colourOf(MEASURE), strokeWidth: 2 }),
      Plot.dot(others, {
        x: 'ratio',
        y: 'title',
        r: 4.5,
        symbol: ({ peer }: Figure) => symbolOf(peer),
        fill: ({ peer }: Figure) => colourOf(peer),
        stroke: 'var(--card)',
        strokeWidth: 0.75,
        title: tip,
      }),
      Plot.ruleY(own, {
        x1: ({ toNginx }: Figure) => Math.max(toNginx!.q1, domain[0]),
        x2: ({ toNginx }: Figure) => toNginx!.q3,
        y: 'title',
        stroke: colourOf('wirehop'),
        strokeWidth: 3,
      }),
      Plot.dot(own, {
        x: 'ratio',
        y: 'title',
        r: 7,
        fill: colourOf('wirehop'),
        stroke: 'var(--card)',
        strokeWidth: 1.5,
        title: tip,
      }),
      Plot.text(own, {
        x: 'ratio',
        y: 'title',
        dy: -13,
        text: ({ toNginx }: Figure) => showRatio(toNginx),
        fill: colourOf('wirehop'),
        fontWeight: 700,
        fontSize: 11,
        stroke: 'var(--card)',
        strokeWidth: 3,
      }),
    ],
  });
}

const TICKS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];

function formatTick(value: number): string {
  return value === 1 ? "nginx's" : `× ${value}`;
}

/** One work: a bar for each peer. null where nothing was measured. */
export function costChart(work: WorkInfo, figures: readonly Figure[], width = 500): Chart | null {
  const rows = figures.filter(({ work: name, cost }) => name === work.name && cost !== null);
  if (rows.length === 0) return null;
  const longest = Math.max(...rows.map(({ cost }) => cost!.q3));
  const text = ({ cost, toNginx, peer }: Figure): string =>
    `${showCost(cost, work)}${toNginx === null || peer === MEASURE ? '' : `  ·  × ${showRatio(toNginx)}`}`;
  const what = isIdleWork(work) ? 'Memory' : 'CPU time';
  const said = rows.map((row) => `${row.peer} ${text(row).replace('  ·  ×', ', ratio')}`).join('; ');
  return draw(`${what} per ${work.operation}, ${work.title}: ${said}.`, {
    width,
    height: rows.length * ROW_HEIGHT + 8,
    marginLeft: 104,
    marginRight: 8,
    marginTop: 2,
    marginBottom: 2,
    // Room for the figures behind the longest bar.
    x: { axis: null, domain: [0, longest * 1.5] },
    y: { domain: rows.map(({ peer }) => peer), label: null, tickSize: 0, padding: 0.28 },
    marks: [
      Plot.barX(rows, {
        x: ({ cost }: Figure) => Math.max(0, cost!.median),
        y: 'peer',
        fill: ({ peer }: Figure) => colourOf(peer),
        rx2: 3,
        title: (row: Figure) =>
          `${row.peer}: ${text(row)}; middle half ${showNumber(row.cost!.q1)}-${showNumber(row.cost!.q3)} ${unitOf(work)}`,
      }),
      Plot.ruleY(rows, {
        x1: ({ cost }: Figure) => Math.max(0, cost!.q1),
        x2: ({ cost }: Figure) => Math.max(0, cost!.q3),
        y: 'peer',
        stroke: 'var(--ink)',
        strokeOpacity: 0.75,
        strokeWidth: 1.5,
      }),
      ...[true, false].map((isOwn) =>
        Plot.text(
          rows.filter(({ peer }) => (peer === 'wirehop') === isOwn),
          {
            x: ({ cost }: Figure) => Math.max(0, cost!.q3, cost!.median),
            y: 'peer',
            text,
            textAnchor: 'start',
            dx: 7,
            fill: 'var(--ink)',
            fontVariant: 'tabular-nums',
            fontWeight: isOwn ? 700 : 400,
          },
        ),
      ),
      Plot.ruleX([0], { stroke: 'var(--line)' }),
    ],
  });
}

/** Latency of one work at a fixed rate: median, 99 % and 99.9 %. null where nothing was measured. */
export function latencyChart(work: WorkInfo, figures: readonly Figure[], width = 500): Chart | null {
  const rows = figures.filter((figure) => figure.work === work.name);
  if (rows.length === 0) return null;
  const at = (of: 'p50' | 'p99' | 'p999') => (figure: Figure) => figure[of].median;
  const times = rows.flatMap((row) => [row.p50.median, row.p999.median]);
  const said = rows.map(
    (row) => `${row.peer} ${showDuration(row.p50.median)}, 99 % below ${showDuration(row.p99.median)}`,
  );
  const dot = (of: 'p50' | 'p99' | 'p999', isFull: boolean, name: string): Plot.Markish =>
    Plot.dot(rows, {
      x: at(of),
      y: 'peer',
      r: isFull ? 5.5 : 3.5,
      fill: isFull ? ({ peer }: Figure) => colourOf(peer) : 'var(--card)',
      stroke: ({ peer }: Figure) => colourOf(peer),
      strokeWidth: 2,
      title: (row: Figure) => `${row.peer}, ${name}: ${showDuration(at(of)(row))}`,
    });
  return draw(`Latency, ${work.title}: ${said.join('; ')}.`, {
    width,
    height: rows.length * ROW_HEIGHT + 40,
    marginLeft: 104,
    marginRight: 66,
    marginTop: 4,
    marginBottom: 28,
    x: {
      type: 'log',
      domain: [Math.min(...times) * 0.8, Math.max(...times) * 1.2],
      label: null,
      ticks: timeTicks(times),
      tickFormat: showTick,
      tickSize: 0,
    },
    y: { domain: rows.map(({ peer }) => peer), label: null, tickSize: 0 },
    marks: [
      Plot.gridX({ ticks: timeTicks(times), stroke: 'var(--line)', strokeOpacity: 1 }),
      Plot.ruleY(rows, {
        x1: at('p50'),
        x2: at('p999'),
        y: 'peer',
        stroke: ({ peer }: Figure) => colourOf(peer),
        strokeWidth: 2,
        strokeOpacity: 0.55,
      }),
      dot('p50', false, 'median'),
      dot('p999', false, '99.9 %'),
      dot('p99', true, '99 %'),
      Plot.text(rows, {
        frameAnchor: 'right',
        y: 'peer',
        text: (row: Figure) => showDuration(row.p99.median),
        textAnchor: 'start',
        dx: 6,
        fontVariant: 'tabular-nums',
      }),
    ],
  });
}

/** 1, 2, 5, 10 and so on in microseconds; only the powers of ten where that would be too many. */
function timeTicks(times: readonly number[]): number[] {
  const [least, most] = [Math.min(...times) * 0.8, Math.max(...times) * 1.2];
  const isWide = most / least > 150;
  return [1, 10, 100, 1e3, 1e4, 1e5, 1e6]
    .flatMap((power) => (isWide ? [power] : [power, 2 * power, 5 * power]))
    .filter((tick) => tick >= least && tick <= most);
}

function showTick(us: number): string {
  return us < 1000 ? `${us} µs` : `${us / 1000} ms`;
}
