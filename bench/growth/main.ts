/**
 * `npm run bench:growth`: the cost of one operation against the number of connections, fields, locations, servers, map
 * entries, peers and tunnels. Fails when one of them grows more than a table that is looked up may.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { print, runCommand } from '../command.js';
import { describeEnvironment } from '../environment.js';
import { clearProgress, showProgress } from '../progress.js';
import { complaints, type GrowthReport } from './curve.js';
import { AXES, joinGrowth, runGrowth } from './run.js';
import { showGrowth } from './text.js';

const HELP = `npm run bench:growth -- [--axis NAME]... [--quick] [--json FILE] [--svg FILE] [--from FILE]...

  --axis NAME  this one alone; may be given several times: ${AXES.join(', ')}
  --quick      enough to see that everything works
  --json FILE  all figures
  --svg FILE   the chart
  --from FILE  figures of earlier runs instead of a new one
`;

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
  if (unknown !== undefined)
    throw new RangeError(`no axis is called "${unknown}"; there are: ${AXES.join(', ')}`);
  const report =
    values.from === undefined
      ? await runGrowth(wanted, values.quick, commandLine(), showProgress)
      : joinGrowth(values.from.map(read));
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

function commandLine(): string {
  return `npm run bench:growth -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, '');
}

function read(file: string): GrowthReport {
  return JSON.parse(readFileSync(file, 'utf8')) as GrowthReport;
}

runCommand(main);
