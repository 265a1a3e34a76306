/**
 * `npm run bench`: micro suites and an end-to-end run; with --versus, versus/main.ts has the word. Tables on stdout,
 * progress on stderr, exit code 1 when a case does not do what it claims or a ratio breaks its bound.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { print, runCommand } from './command.js';
import { describeEnvironment, environment } from './environment.js';
import { loadBounds } from './guard/bounds.js';
import { complaint, judgeRatios } from './guard/judge.js';
import { END_TO_END, figuresOf } from './guard/ratios.js';
import { FULL, QUICK } from './measure.js';
import { MICRO_SUITES, runMicro, type MicroReport } from './micro/index.js';
import { nginx, wirehop } from './peers/commands.js';
import { noProxy } from './peers/node-proxies.js';
import { clearProgress, showProgress } from './progress.js';
import { showMicro, showRatios } from './report.js';
import { CheckError } from './suite.js';
import type { VersusReport } from './versus/figures.js';
import { versusMain } from './versus/main.js';
import { runVersus, type VersusEffort } from './versus/run.js';
import { showVersus } from './versus/text.js';
import { workNamed } from './works.js';

const FULL_RUN: VersusEffort = { rounds: 4, warmUpMs: 150, measureMs: 750, settleMs: 1200 };
const QUICK_RUN: VersusEffort = { rounds: 1, warmUpMs: 100, measureMs: 200, settleMs: 200 };
const NAMES = [...MICRO_SUITES.map(({ name }) => name), END_TO_END];

const HELP = `npm run bench -- [--only NAME]... [--quick] [--json FILE] [--list]

  --only NAME   this part alone; may be given several times: ${NAMES.join(', ')}
  --quick       enough to see that everything works; the figures say little and are not judged
  --json FILE   all figures, for programs
  --list        what there is

npm run bench -- --versus      side by side with other proxies; its own --help says more
`;

async function main(args: string[]): Promise<number> {
  if (args.includes('--versus')) return versusMain(args.filter((arg) => arg !== '--versus'));
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { quick } = values;
  if (values.help) return print(HELP);
  if (values.list) {
    for (const { name, about } of MICRO_SUITES) print(`${name.padEnd(12)}${about}\n`);
    return print(`${END_TO_END.padEnd(12)}the command between a load program and an origin, beside nginx\n`);
  }
  const only = values.only ?? NAMES;
  const unknown = only.find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new RangeError(`no part is called "${unknown}"; there are: ${NAMES.join(', ')}`);

  const where = environment();
  print(`${describeEnvironment(where)}\n\n`);
  const micro: MicroReport[] = [];
  for (const suite of MICRO_SUITES) {
    if (!only.includes(suite.name)) continue;
    const report = await runMicro(suite, quick ? QUICK : FULL, showProgress);
    micro.push(report);
    show(showMicro(report));
  }
  let endToEnd: VersusReport | null = null;
  if (only.includes(END_TO_END)) {
    endToEnd = await runEndToEnd(quick);
    show(showVersus(endToEnd));
  }
  const judged = judgeRatios(loadBounds().ratios, figuresOf(micro, endToEnd));
  show(showRatios(judged, !quick));
  if (values.json !== undefined) {
    const all = { environment: where, quick, micro, endToEnd, ratios: judged };
    writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
  }
  const broken = quick ? [] : judged.verdicts.filter(({ holds }) => !holds);
  for (const verdict of broken) process.stderr.write(`${complaint(verdict)}\n`);
  return broken.length > 0 ? 1 : 0;
}

/** The two works that show at a glance where wirehop stands. Throws a CheckError when an answer was wrong. */
async function runEndToEnd(quick: boolean): Promise<VersusReport> {
  const report = await runVersus(
    {
      works: [workNamed('http'), workNamed('tunnel-64b-64')],
      peers: [noProxy(), wirehop(), nginx()],
      effort: quick ? QUICK_RUN : FULL_RUN,
      command: `npm run bench -- --only ${END_TO_END}`,
    },
    ({ what }) => showProgress(`${END_TO_END}: ${what}`),
  );
  for (const { peer, work, reason } of report.failed) throw new CheckError(`${work}, ${peer}: ${reason}`);
  return report;
}

function show(text: string): void {
  clearProgress();
  print(`${text}\n\n`);
}

runCommand(() => main(process.argv.slice(2)));
