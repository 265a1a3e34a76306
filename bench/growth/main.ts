/**
 * `npm run bench:growth`: the cost of one operation against the number of connections, fields, locations, servers, map
 * entries, peers and tunnels. Fails when one of them grows more than a table that is looked up may.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cleanUp } from '../../test/e2e/harness.js';
import { describeEnvironment, environment } from '../environment.js';
import { hasProc } from '../lab/accounting.js';
import { Lab } from '../lab/lab.js';
import { FULL, QUICK } from '../measure.js';
import { clearProgress, showProgress } from '../progress.js';
import { complaints, type Curve, type GrowthReport } from './curve.js';
import { growInMemory, MEMORY_AXES } from './in-memory.js';
import { growOnSockets, SOCKET_AXES, type SocketEffort } from './on-sockets.js';
import { showGrowth } from './text.js';

const AXES = [...MEMORY_AXES, ...SOCKET_AXES].map(({ name }) => name);

const HELP = `npm run bench:growth -- [--axis NAME]... [--quick] [--json FILE] [--svg FILE] [--from FILE]...

  --axis NAME  this one alone; may be given several times: ${AXES.join(', ')}
  --quick      enough to see that everything works
  --json FILE  all figures
  --svg FILE   the chart
  --from FILE  figures of earlier runs instead of a new one
`;

const SOCKET_EFFORT: SocketEffort = { rounds: 3, warmUpMs: 300, measureMs: 1000, mostSize: Infinity };
const QUICK_SOCKET_EFFORT: SocketEffort = { rounds: 1, warmUpMs: 100, measureMs: 200, mostSize: 100 };

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      axis: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      json: { type: 'string', default: '' },
      svg: { type: 'string', default: '' },
      from: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return print(HELP);
  const wanted = values.axis ?? AXES;
  const unknown = wanted.find((name) => !AXES.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`no axis is called "${unknown}"; there are: ${AXES.join(', ')}\n`);
    return 1;
  }
  const report =
    values.from === undefined ? await measure(wanted, values.quick) : join(values.from.map(read));
  clearProgress();
  print(`${describeEnvironment(report.environment)}\n\n${showGrowth(report)}\n`);
  if (values.json !== '') writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
  if (values.svg !== '') {
    const { growthChart } = await import('./chart.js');
    writeFileSync(values.svg, growthChart(report) ?? '');
  }
  const broken = values.quick ? [] : complaints(report.curves);
  for (const text of broken) process.stderr.write(`${text}\n`);
  return broken.length > 0 ? 1 : 0;
}

async function measure(wanted: readonly string[], isQuick: boolean): Promise<GrowthReport> {
  const curves: Curve[] = [];
  const skipped: string[] = [];
  for (const axis of MEMORY_AXES.filter(({ name }) => wanted.includes(name))) {
    showProgress(axis.title);
    curves.push(await growInMemory(axis, isQuick ? QUICK : FULL));
  }
  const onSockets = SOCKET_AXES.filter(({ name }) => wanted.includes(name));
  if (onSockets.length > 0 && !hasProc()) {
    skipped.push("connections and tunnels: CPU time per process is read from Linux's /proc");
  } else if (onSockets.length > 0) {
    const lab = await Lab.open();
    try {
      const effort = isQuick ? QUICK_SOCKET_EFFORT : SOCKET_EFFORT;
      for (const axis of onSockets) curves.push(...(await growOnSockets(lab, axis, effort, showProgress)));
    } finally {
      await lab.close();
    }
  }
  const command = `npm run bench:growth -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, '');
  return { environment: environment(), command, curves, skipped };
}

function read(file: string): GrowthReport {
  return JSON.parse(readFileSync(file, 'utf8')) as GrowthReport;
}

function join(reports: readonly GrowthReport[]): GrowthReport {
  return {
    ...reports[0],
    curves: reports.flatMap(({ curves }) => curves),
    skipped: reports.flatMap(({ skipped }) => skipped),
  };
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void cleanUp().finally(() => process.exit(1)));
}
main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    clearProgress();
    const { message, stack, code = '' } = error as Error & { code?: string };
    process.stderr.write(`${code.startsWith('ERR_PARSE_ARGS') ? message : stack}\n`);
    process.exitCode = 1;
  },
);
