/**
 * `npm run bench`: micro suites and the end-to-end smoke run. Tables on stdout, progress on stderr, exit code 1 when a
 * case does not do what it claims or a ratio has become worse than the stored baseline allows.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cleanUp } from '../test/e2e/harness.js';
import { compareWithBaseline, recordBaseline, type Comparison, type FigureLookup } from './baseline.js';
import { FULL_RUN, QUICK_RUN, runEndToEnd, type EndToEndReport } from './end-to-end/run.js';
import { describeEnvironment, environment } from './environment.js';
import { FULL, QUICK } from './measure.js';
import { MICRO_SUITES, runMicro, type MicroReport } from './micro/index.js';
import { showComparison, showEndToEnd, showMicro } from './report.js';
import { CheckError } from './suite.js';

const END_TO_END = 'end-to-end';
const NAMES = [...MICRO_SUITES.map(({ name }) => name), END_TO_END];

const HELP = `npm run bench -- [--only NAME]... [--quick] [--json FILE] [--record] [--list]

  --only NAME   this part alone; may be given several times: ${NAMES.join(', ')}
  --quick       enough to see that everything works; the figures say little and are not judged
  --json FILE   all figures, for programs
  --record      store this run's ratios as the new baseline, in bench/baseline.json
  --list        what there is
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
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
    throw new UsageError(`no part is called "${unknown}"; there are: ${NAMES.join(', ')}`);

  const where = environment();
  print(`${describeEnvironment(where)}\n\n`);
  const micro: MicroReport[] = [];
  for (const suite of MICRO_SUITES) {
    if (!only.includes(suite.name)) continue;
    const report = await runMicro(suite, quick ? QUICK : FULL, progress);
    micro.push(report);
    show(showMicro(report));
  }
  let endToEnd: EndToEndReport | null = null;
  if (only.includes(END_TO_END)) {
    endToEnd = await runEndToEnd(quick ? QUICK_RUN : FULL_RUN, (what) => progress(`${END_TO_END}: ${what}`));
    show(showEndToEnd(endToEnd));
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
function lookupIn(micro: readonly MicroReport[], endToEnd: EndToEndReport | null): FigureLookup {
  const least = new Map<string, number>();
  for (const { suite, figures } of micro) {
    for (const { group, subject, time } of figures) least.set(`${suite}/${group}/${subject}`, time.min);
  }
  for (const { work, subject, cpu } of endToEnd?.figures ?? []) {
    if (cpu !== null) least.set(`${END_TO_END}/${work}/${subject}`, cpu.min);
  }
  return (name) => least.get(name);
}

class UsageError extends Error {}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function show(text: string): void {
  progress('');
  print(`${text}\n\n`);
}

/** On a terminal one line that is written over, elsewhere a line each. '' wipes it. */
function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
  else if (what !== '') process.stderr.write(`${what}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void cleanUp().finally(() => process.exit(1)));
}
main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    progress('');
    const { message, stack, code = '' } = error as Error & { code?: string };
    if (error instanceof CheckError) process.stderr.write(`check failed: ${message}\n`);
    else if (error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS'))
      process.stderr.write(`${message}\n`);
    else process.stderr.write(`${stack}\n`);
    process.exitCode = 1;
  },
);
