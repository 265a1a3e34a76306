/** `npm run bench:workers`: rates with one worker and with two, and how evenly workers share connections. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { print, runCommand } from '../command.js';
import { describeEnvironment } from '../environment.js';
import { clearProgress, showProgress } from '../progress.js';
import { table } from '../table.js';
import { fairnessCells, rateCells } from './cells.js';
import { QUICK_WORKERS_EFFORT, runWorkers, WORKERS_EFFORT, WORKERS_PARTS } from './run.js';

const HELP = `npm run bench:workers -- [--only rates|shares] [--quick] [--json FILE]

  --only PART  rates, or shares of connections that stay: two and four minutes
  --quick      enough to see that everything works
  --json FILE  all figures, for programs

Rates want root: each worker is given the same part of a core, so that two cores are enough for two workers and the load.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string', default: '' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return print(HELP);
  const effort = values.quick ? QUICK_WORKERS_EFFORT : WORKERS_EFFORT;
  const parts = WORKERS_PARTS.filter((part) => values.only === '' || values.only === part);
  if (parts.length === 0)
    throw new RangeError(`no part is called "${values.only}"; there are: rates, shares`);
  const command = `npm run bench:workers${parts.length === 1 ? ` -- --only ${parts[0]}` : ''}`;
  const report = await runWorkers(parts, effort, command, showProgress);
  clearProgress();
  print(`${describeEnvironment(report.environment)}\n\n`);
  for (const { head, rows } of [rateCells(report), fairnessCells(report)]) {
    if (rows.length > 0) print(`${table(head, rows, 2)}\n\n`);
  }
  for (const reason of report.skipped) print(`skipped ${reason}\n`);
  if (values.json !== '') writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
  return 0;
}

runCommand(main);
