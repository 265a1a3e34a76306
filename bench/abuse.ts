/**
 * `npm run abuse`: memory of the proxy and latency of a well-behaved client while others misbehave. A table on stdout,
 * progress on stderr. Figures are shown, not judged: test/limits/abuse.test.ts judges a small run.
 */
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { cleanUp } from '../test/e2e/harness.js';
import { showAbuse, showAbuseMarkdown } from './abuse/report.js';
import { cannotRun, runScenario, SMALL, WHOLE, type ScenarioFigures } from './abuse/run.js';
import { SCENARIOS } from './abuse/scenarios.js';
import { missing, nginxPath, type SubjectName } from './abuse/subjects.js';
import { hasProc } from './lab/accounting.js';
import { describeEnvironment, environment } from './environment.js';

const HELP = `npm run abuse -- [--only SCENARIO]... [--no-nginx] [--quick] [--markdown] [--list]

  --only SCENARIO  this scenario alone; may be given several times
  --no-nginx       wirehop alone, even where nginx is installed
  --rounds N       each scenario N times, the proxies in turn; shown is the run with the median p99 (default 1)
  --quick          tens of connections, two seconds each: enough to see that everything works
  --markdown       the table as docs/limits.md has it
  --list           what there is
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      'no-nginx': { type: 'boolean', default: false },
      rounds: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return print(HELP);
  if (values.list) return print(SCENARIOS.map(({ name, about }) => `${name.padEnd(20)}${about}\n`).join(''));
  if (!hasProc()) return print("skipped: memory and descriptors are read from Linux's /proc\n");
  const names: readonly string[] = SCENARIOS.map(({ name }) => name);
  const unknown = values.only?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`no scenario is called "${unknown}"; there are: ${names.join(', ')}\n`);
    return 1;
  }
  const subjects: SubjectName[] = values['no-nginx'] ? ['wirehop'] : ['wirehop', 'nginx'];
  const figures: ScenarioFigures[] = [];
  const skipped: string[] = subjects.flatMap((name) =>
    missing(name) === null ? [] : [`${name}: ${String(missing(name))}`],
  );
  const effort = values.quick ? SMALL : WHOLE;
  for (const scenario of SCENARIOS) {
    if (values.only !== undefined && !values.only.includes(scenario.name)) continue;
    const reason = values.quick ? null : cannotRun(scenario);
    if (reason !== null) {
      skipped.push(`${scenario.name}: ${reason}`);
      continue;
    }
    const runs = new Map<SubjectName, ScenarioFigures[]>();
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const subject of subjects.filter((name) => missing(name) === null)) {
        process.stderr.write(`${scenario.name}, ${subject}, round ${round}\n`);
        runs.set(subject, [...(runs.get(subject) ?? []), await runScenario(scenario, subject, effort)]);
      }
    }
    for (const all of runs.values()) figures.push(middle(all));
  }
  const nginx = subjects.includes('nginx') && missing('nginx') === null ? nginxVersion() : '';
  const load = loadavg().map((value) => value.toFixed(1));
  print(`${describeEnvironment(environment())}\n${nginx}load averages at the end: ${load.join(' ')}\n\n`);
  print(`${values.markdown ? showAbuseMarkdown(figures) : showAbuse(figures)}\n`);
  for (const one of skipped) print(`skipped ${one}\n`);
  for (const { scenario, subject, faults } of figures) {
    for (const fault of faults.slice(0, 5)) print(`${scenario.name}, ${subject}: ${fault}\n`);
  }
  return 0;
}

/** The run with the median 99th percentile during the attack. */
function middle(runs: readonly ScenarioFigures[]): ScenarioFigures {
  const p99 = ({ during }: ScenarioFigures): number => during.client.proxy.p99;
  return [...runs].sort((a, b) => p99(a) - p99(b))[runs.length >> 1];
}

/** As `nginx -v` says it, on stderr. */
function nginxVersion(): string {
  return execFileSync('/bin/sh', ['-c', `exec "${nginxPath()}" -v 2>&1`], { encoding: 'utf8' });
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void cleanUp().finally(() => process.exit(1)));
}
main()
  .finally(cleanUp)
  .then(
    (code) => (process.exitCode = code),
    (error: unknown) => {
      process.stderr.write(`${(error as Error).stack}\n`);
      process.exitCode = 1;
    },
  );
