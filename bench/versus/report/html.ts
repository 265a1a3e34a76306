/** The report as one HTML file: charts and tables, nothing to load, light and dark, readable without a mouse. */
import { describeEnvironment } from '../../environment.js';
import { describeDisturbances, isIdleWork, type VersusReport, type WorkInfo } from '../figures.js';
import { skippedLines } from '../text.js';
import { besideOf, type Beside } from './beside.js';
import { costChart, latencyChart, overviewChart, type Chart } from './charts.js';
import { groupsOf, type Group } from './groups.js';
import { CAPACITY_PEERS, capacitiesOf, headlinesOf, timesLess } from './headlines.js';
import { colourOf, paletteCss } from './palette.js';
import { cellsOf, type Cells } from './rows.js';

const STYLE = `${paletteCss(':root')}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1160px;margin:0 auto;padding:40px 20px 80px}
h1{font-size:2.1rem;line-height:1.15;letter-spacing:-.02em;margin:0 0 6px}
h2{font-size:1.4rem;letter-spacing:-.01em;margin:56px 0 4px}
h3{font-size:1rem;margin:0}
p{margin:0 0 12px;max-width:76ch}
.quiet{color:var(--quiet)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px;margin:28px 0 8px;padding:0;list-style:none}
.tiles li{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px}
.tiles b{display:block;font-size:1.65rem;line-height:1.2;letter-spacing:-.02em;color:var(--wirehop);font-variant-numeric:tabular-nums}
.tiles span{font-size:.86rem;color:var(--quiet)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:10px 0;padding:0;list-style:none;font-size:.9rem}
.legend i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:7px;vertical-align:-1px}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px 18px;min-width:0}
figure svg{display:block;width:100%;height:auto;margin-top:10px}
figcaption{display:flex;justify-content:space-between;gap:12px;align-items:baseline;font-size:.86rem;color:var(--quiet)}
figcaption h3{color:var(--ink)}
.scroll{overflow-x:auto}
.wide{min-width:760px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:16px;margin-top:14px}
table{border-collapse:collapse;font-size:.86rem;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:5px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}
thead th{color:var(--quiet);font-weight:600}
tbody tr.own{font-weight:700}
caption{text-align:left;font-weight:700;padding:18px 10px 4px}
details{margin-top:14px;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:10px 18px}
summary{cursor:pointer;font-weight:600}
summary:focus-visible,a:focus-visible{outline:3px solid var(--wirehop);outline-offset:2px}
.warning{border-left:4px solid var(--wirehop);padding-left:12px}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}
pre{white-space:pre-wrap;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px;margin:0 0 12px}
@media print{body{background:none}details{break-inside:avoid}figure{break-inside:avoid}}`;

/** A whole document. */
export function renderHtml(report: VersusReport): string {
  const { environment } = report;
  const overview = overviewChart(report);
  const parts = [
    '<header>',
    '<h1>wirehop, side by side</h1>',
    `<p class="quiet">${escape(`${environment.date.slice(0, 10)} · ${environment.cores} cores of ${environment.cpu}, Linux ${environment.kernel} · wirehop ${environment.wirehop} on Node ${environment.node}`)}</p>`,
    tiles(report),
    failures(report),
    '</header>',
    overview === null
      ? ''
      : section(
          'overview',
          'Everything at a glance',
          "What an operation costs in the proxy, as a ratio to nginx's cost of the same: CPU time, or memory for idle connections. Left of the line is cheaper than nginx.",
          `${legend(report)}<figure><div class="scroll"><div class="wide">${overview.svg}</div></div></figure>`,
        ),
    ...groupsOf(report).map((group) => groupSection(group, report)),
    ...besideOf(report).map(besideSection),
    capacitySection(report),
    methodSection(report),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>wirehop, side by side</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${parts.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
}

function tiles(report: VersusReport): string {
  const all = headlinesOf(report);
  if (all.length === 0) return '';
  const items = all.map(({ value, text }) => `<li><b>${escape(value)}</b><span>${escape(text)}</span></li>`);
  const less = timesLess(report, 'http', 'http-proxy-3');
  const libraries =
    less === null ? '' : ` Node's http-proxy-3 takes ${less} times wirehop's CPU per HTTP request.`;
  return `<ul class="tiles">${items.join('')}</ul><p class="quiet">wirehop's cost as a multiple of nginx's.${libraries}</p>`;
}

function failures({ failed }: VersusReport): string {
  const items = failed.map(
    ({ peer, work, reason }) =>
      `<p class="warning"><b>${escape(peer)}</b> failed at <code>${escape(work)}</code>: ${escape(reason)}</p>`,
  );
  return items.join('');
}

function legend({ figures }: VersusReport): string {
  const peers = [...new Set(figures.filter(({ cost }) => cost !== null).map(({ peer }) => peer))];
  const items = peers.map((peer) => `<li><i style="background:${colourOf(peer)}"></i>${escape(peer)}</li>`);
  return `<ul class="legend" aria-label="Colours">${items.join('')}</ul>`;
}

function section(id: string, title: string, text: string, content: string): string {
  return `<section aria-labelledby="${id}"><h2 id="${id}">${escape(title)}</h2><p class="quiet">${escape(text)}</p>${content}</section>`;
}

function groupSection(group: Group, report: VersusReport): string {
  const { figures } = report;
  const isLatency = group.name === 'latency';
  const cards = group.works.map((work) =>
    card(work, isLatency ? latencyChart(work, figures) : costChart(work, figures), isLatency),
  );
  const tables = group.works.map((work) => table(cellsOf(report, work), `${work.title} (${work.date})`));
  const details = `<details><summary>Every figure as a table</summary><div class="scroll">${tables.join('')}</div></details>`;
  return section(group.name, group.title, group.text, `<div class="cards">${cards.join('')}</div>${details}`);
}

function besideSection({ name, title, text, charts, tables }: Beside): string {
  const cards = charts.map(
    (one) => `<figure><figcaption><h3>${escape(one.title)}</h3></figcaption>${one.chart.svg}</figure>`,
  );
  const all = `<div class="scroll">${tables.map(({ caption, cells }) => table(cells, caption)).join('')}</div>`;
  return section(
    name,
    title,
    text,
    cards.length === 0
      ? all
      : `<div class="cards">${cards.join('')}</div><details><summary>Every figure as a table</summary>${all}</details>`,
  );
}

function card(work: WorkInfo, chart: Chart | null, isLatency: boolean): string {
  if (chart === null) return '';
  const unit = isLatency ? '99 % below' : `${isIdleWork(work) ? 'memory' : 'CPU'} per ${work.operation}`;
  return `<figure><figcaption><h3>${escape(work.title)}</h3><span>${escape(unit)}</span></figcaption>${chart.svg}</figure>`;
}

function table({ head, rows }: Cells, caption: string): string {
  const cells = (row: readonly string[], tag: string): string =>
    row.map((cell) => `<${tag}${tag === 'th' ? ' scope="col"' : ''}>${escape(cell)}</${tag}>`).join('');
  const body = rows.map((row) => `<tr${row[0] === 'wirehop' ? ' class="own"' : ''}>${cells(row, 'td')}</tr>`);
  return `<table><caption>${escape(caption)}</caption><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

function capacitySection(report: VersusReport): string {
  const all = capacitiesOf(report);
  if (all.length === 0) return '';
  const cells = {
    head: ['', ...CAPACITY_PEERS],
    rows: all.map(({ title, cells: counts }) => [title, ...counts]),
  };
  return section(
    'capacity',
    'What to expect',
    'From CPU time and memory per operation: what one such core, or 1 GB of memory, carries when nothing else limits. Two digits are known.',
    `<div class="scroll">${table(cells, 'One core, one GB')}</div>`,
  );
}

function methodSection(report: VersusReport): string {
  const { peers, skipped, command, rounds, measureMs, environment, isPinned } = report;
  const versions = peers.map(
    ({ name, about, version }) =>
      `<tr><td>${escape(name)}</td><td>${escape(version)}</td><td>${escape(about)}</td></tr>`,
  );
  const disturbed = describeDisturbances(report);
  const skips = skippedLines(skipped).map((line) => `<li>${escape(line)}</li>`);
  return `<section aria-labelledby="method"><h2 id="method">How it was measured</h2>
<p>${rounds} rounds of ${measureMs} ms for each work and peer, the peers in turns; medians, and in the charts a dark line for the middle half of the rounds. Ratios are taken within a round. CPU time is what the kernel accounts to all processes of the proxy. ${isPinned ? 'The proxy has one core for itself, load and origin share the other.' : 'Nothing was bound to a core.'} Every octet that came back was compared with what had to come.</p>
${disturbed === '' ? '' : `<p class="warning">${escape(disturbed)}</p>`}
<pre>${escape(describeEnvironment(environment))}</pre>
<pre>${escape(command)}</pre>
<div class="scroll"><table><caption>Peers</caption><tbody>${versions.join('')}</tbody></table></div>
${skips.length === 0 ? '' : `<details><summary>What was left out, and why</summary><ul>${skips.join('')}</ul></details>`}
</section>`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
