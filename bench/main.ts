/**
 * `npm run bench`: micro suites and an end-to-end run; with --versus, versus/main.ts has the word. Tables on stdout, progress on stderr, exit code 1 when a
 * case does not do what it claims or a ratio has become worse than the stored baseline allows.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cleanUp } from '../test/e2e/harness.js';
import { compareWithBaseline, recordBaseline, type Comparison, type FigureLookup } from './baseline.js';
import { describeEnvironment, environment } from './environment.js';
import { FULL, QUICK } from './measure.js';
import { MICRO_SUITES, runMicro, type MicroReport } from './micro/index.js';
import { nginx, wirehop } from './peers/commands.js';
import { noProxy } from './peers/node-proxies.js';
import { clearProgress, showProgress } from './progress.js';
import { showComparison, showMicro } from './report.js';
import { CheckError } from './suite.js';
import type { VersusReport } from './versus/figures.js';
import { versusMain } from './versus/main.js';
import { runVersus, type VersusEffort } from './versus/run.js';
import { showVersus } from './versus/text.js';
import { workNamed } from './works.js';

const END_TO_END = 'end-to-end';
const FULL_RUN: VersusEffort = { rounds: 4, warmUpMs: 150, measureMs: 750, settleMs: 1200 };
const QUICK_RUN: VersusEffort = { rounds: 1, warmUpMs: 100, measureMs: 200, settleMs: 200 };
const NAMES = [...MICRO_SUITES.map(({ name }) => name), END_TO_END];

const HELP = `npm run bench -- [--only NAME]... [--quick] [--json FILE] [--record] [--list]

  --only NAME   this part alone; may be given several times: ${NAMES.join(', ')}
  --quick       enough to see that everything works; the figures say little and are not judged
  --json FILE   all figures, for programs
  --record      store this run's ratios as the new baseline, in bench/baseline.json
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
      record: { type: 'boolean', default: false },
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
  const lookup = lookupIn(micro, endToEnd);
  const comparison = compareWithBaseline(lookup);
  show(showComparison(comparison, !quick));
  if (values.json !== undefined) {
    const all = { environment: where, quick, micro, endToEnd, comparison };
    writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
  }
  if (values.record) recordBaseline(lookup, where);
  return quick || values.record ? 0 : judge(comparison);
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

/** Names the work that has become slower. */
function judge({ ratios, threshold }: Comparison): number {
  const worse = ratios.filter(({ isWorse }) => isWorse);
  for (const { of, to, found, value } of worse) {
    const bound = (value * threshold).toPrecision(3);
    process.stderr.write(`slower: ${of} takes ${found.toPrecision(3)} of ${to}, the bound is ${bound}\n`);
  }
  return worse.length > 0 ? 1 : 0;
}

/**
 * The least disturbed sample of each figure, by `suite/group/subject`: nanoseconds, and microseconds of CPU end to end.
 * What else runs on a machine only ever adds time, so the smallest sample says most about the code.
 */
function lookupIn(micro: readonly MicroReport[], endToEnd: VersusReport | null): FigureLookup {
  const least = new Map<string, number>();
  for (const { suite, figures } of micro) {
    for (const { group, subject, time } of figures) least.set(`${suite}/${group}/${subject}`, time.min);
  }
  for (const { work, peer, cost } of endToEnd?.figures ?? []) {
    if (cost !== null) least.set(`${END_TO_END}/${work}/${peer}`, cost.min);
  }
  return (name) => least.get(name);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function show(text: string): void {
  clearProgress();
  print(`${text}\n\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void cleanUp().finally(() => process.exit(1)));
}
main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    clearProgress();
    const { message, stack, code = '' } = error as Error & { code?: string };
    if (error instanceof CheckError) process.stderr.write(`check failed: ${message}\n`);
    else if (error instanceof RangeError || code.startsWith('ERR_PARSE_ARGS'))
      process.stderr.write(`${message}\n`);
    else process.stderr.write(`${stack}\n`);
    process.exitCode = 1;
  },
);
