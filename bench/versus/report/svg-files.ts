/** Charts as SVG files of their own, for Markdown: several in one picture, colours by the reader's preference. */
import { growthChart } from '../../growth/chart.js';
import type { VersusReport, WorkInfo } from '../figures.js';
import { costChart, latencyChart, overviewChart, type Chart } from './charts.js';
import { groupsOf } from './groups.js';
import { colourOf, paletteCss } from './palette.js';

/** A file of its own. */
export interface Picture {
  /** Without `.svg`. */
  readonly name: string;
  /** In words, for those who cannot see it. */
  readonly label: string;
  readonly svg: string;
}

const GROWTH_LABEL =
  'Cost of an operation by how many connections, tunnels, locations, servers, map entries, peers or fields there are; the table has the figures.';
const WIDTH = 1080;
const GAP = 28;
const TITLE_HEIGHT = 34;
const COLUMN = (WIDTH - GAP) / 2;

/** The overview and a picture for each group of works that has figures. */
export function picturesOf(report: VersusReport): Picture[] {
  const overview = overviewChart(report, WIDTH);
  const { figures } = report;
  const groups = groupsOf(report).map(({ name, title, works }) => {
    const draw = name === 'latency' ? latencyChart : costChart;
    const cards = works.flatMap((work) => {
      const chart = draw(work, figures, COLUMN);
      return chart === null ? [] : [{ work, chart }];
    });
    return {
      name,
      label: `${title}: a chart for each kind of work; the tables have the figures.`,
      svg: grid(cards),
    };
  });
  const growth = report.growth === undefined ? null : growthChart(report.growth);
  if (growth !== null) groups.push({ name: 'growth', label: GROWTH_LABEL, svg: growth });
  if (overview === null) return groups;
  const peers = [...new Set(figures.filter(({ toNginx }) => toNginx !== null).map(({ peer }) => peer))];
  const legend = legendRow(peers);
  const svg = document(WIDTH, overview.height + TITLE_HEIGHT, legend + place(overview, 0, TITLE_HEIGHT));
  return [{ name: 'overview', label: overview.label, svg }, ...groups];
}

function grid(cards: readonly { readonly work: WorkInfo; readonly chart: Chart }[]): string {
  let y = 0;
  let content = '';
  for (let i = 0; i < cards.length; i += 2) {
    const row = cards.slice(i, i + 2);
    row.forEach(({ work, chart }, column) => {
      const x = column * (COLUMN + GAP);
      content += heading(work.title, x, y + 20) + place(chart, x, y + TITLE_HEIGHT);
    });
    y += Math.max(...row.map(({ chart }) => chart.height)) + TITLE_HEIGHT + GAP;
  }
  return document(WIDTH, y - GAP, content);
}

function heading(text: string, x: number, y: number): string {
  return `<text x="${x}" y="${y}" font-size="14" font-weight="700">${escape(text)}</text>`;
}

function legendRow(peers: readonly string[]): string {
  let x = 0;
  return peers
    .map((peer) => {
      const item = `<rect x="${x}" y="8" width="12" height="12" rx="3" fill="${colourOf(peer)}"/><text x="${x + 18}" y="19" font-size="13">${escape(peer)}</text>`;
      x += 44 + peer.length * 7.2;
      return item;
    })
    .join('');
}

function place({ svg }: Chart, x: number, y: number): string {
  return svg.replace('<svg ', `<svg x="${x}" y="${y}" `);
}

function document(width: number, height: number, content: string): string {
  const style = `${paletteCss('svg')}svg{color:var(--ink)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-16 -8 ${width + 32} ${height + 24}" width="${width + 32}" height="${height + 24}" font-family="system-ui, sans-serif" fill="currentColor"><style>${style}</style><rect x="-16" y="-8" width="100%" height="100%" rx="12" fill="var(--card)"/>${content}</svg>\n`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
