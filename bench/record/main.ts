/**
 * `npm run bench:record`: every work through every peer, growth and workers, part by part into a folder, and from that
 * the reports. A run that was ended, or whose time was up, goes on where it was.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { print, runCommand } from '../command.js';
import { describeEnvironment } from '../environment.js';
import type { GrowthReport } from '../growth/curve.js';
import { complaints } from '../growth/curve.js';
import { joinGrowth, runGrowth } from '../growth/run.js';
import { allPeers } from '../peers/index.js';
import { clearProgress, showProgress } from '../progress.js';
import type { VersusReport } from '../versus/figures.js';
import { joinReports } from '../versus/join.js';
import { writeReports } from '../versus/main.js';
import { runVersus } from '../versus/run.js';
import { showVersus } from '../versus/text.js';
import type { WorkersReport } from '../workers/figures.js';
import { joinWorkers, runWorkers, WORKERS_EFFORT } from '../workers/run.js';
import { partsOf, type RecordPart } from './parts.js';

const HELP = `npm run bench:record -- [--minutes N] [--into DIR] [--rounds N] [--seconds S] [--again NAME]... [--list]

Records everything that docs/performance.md shows: works side by side, growth, workers. About 50 minutes; wants a
machine that does nothing else. Each part is stored when it is done, and not done again.

  --minutes N      begin no part that would not be done by then; the same command goes on with the rest
  --into DIR       folder of the parts (default bench/results/record)
  --rounds N       rounds of each work (default 3)
  --seconds S      seconds that count, per peer, work and round (default 0.6)
  --again NAME     do this part anew, or all whose names begin so; may be given several times
  --html FILE      the report (default DIR/report.html)
  --markdown FILE  the figures (default docs/performance.md, and its charts beside it)
  --list           the parts, and which are done

The reports are written when every part is done. Exit code 0 then, 2 when parts are left, 1 when something is wrong.
`;

const PARTS_LEFT = 2;

interface Options {
  readonly into: string;
  readonly rounds: number;
  readonly measureMs: number;
  readonly untilMs: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: 'Infinity' },
      into: { type: 'string', default: 'bench/results/record' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '0.6' },
      again: { type: 'string', multiple: true, default: [] },
      html: { type: 'string' },
      markdown: { type: 'string', default: 'docs/performance.md' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return print(HELP);
  const [minutes, rounds, seconds] = [values.minutes, values.rounds, values.seconds].map(Number);
  if (!(minutes > 0 && rounds >= 1 && Number.isInteger(rounds) && seconds >= 0.05))
    throw new RangeError('--minutes and --seconds are numbers above 0, --rounds a whole one');
  const { into } = values;
  const options = { into, rounds, measureMs: seconds * 1000, untilMs: performance.now() + minutes * 60_000 };
  const parts = partsOf(
    allPeers().filter((peer) => peer.missing() === null).length,
    rounds,
    options.measureMs,
  );
  const isAgain = (name: string): boolean => values.again.some((start) => name.startsWith(start));
  mkdirSync(into, { recursive: true });
  checkRevision(into);
  const left = parts.filter(({ name }) => isAgain(name) || !existsSync(fileOf(into, name)));
  if (values.list) {
    for (const part of parts) {
      const state = left.includes(part) ? `about ${Math.round(part.seconds)} s` : 'done';
      print(`${part.name.padEnd(28)}${state}\n`);
    }
    return 0;
  }
  const rest = await recordAll(left, options);
  if (rest.length > 0) {
    const minutesLeft = Math.ceil(rest.reduce((sum, part) => sum + part.seconds, 0) / 60);
    print(
      `${rest.length} of ${parts.length} parts are left, about ${minutesLeft} minutes: the same command goes on\n`,
    );
    return PARTS_LEFT;
  }
  return report(parts, into, values.html ?? join(into, 'report.html'), values.markdown);
}

/** Parts of one recording are of one state of the code. Throws a RangeError when others are there. */
function checkRevision(into: string): void {
  const file = join(into, 'revision');
  const revision = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  if (!existsSync(file)) writeFileSync(file, revision);
  else if (readFileSync(file, 'utf8') !== revision)
    throw new RangeError(
      `${into} holds parts of another commit: remove it, or name another folder by --into`,
    );
}

/** Answers the parts for which the time did not suffice. */
async function recordAll(left: readonly RecordPart[], options: Options): Promise<readonly RecordPart[]> {
  for (const [i, part] of left.entries()) {
    // The first one in any case: else nothing would ever be done.
    if (i > 0 && performance.now() + part.seconds * 1000 > options.untilMs) return left.slice(i);
    const found = await record(part, options);
    clearProgress();
    writeFileSync(fileOf(options.into, part.name), `${JSON.stringify(found, null, 1)}\n`);
  }
  return [];
}

function record(
  part: RecordPart,
  { rounds, measureMs }: Options,
): Promise<VersusReport | GrowthReport | WorkersReport> {
  const command = 'npm run bench:record';
  switch (part.kind) {
    case 'versus': {
      const effort = { rounds, measureMs, warmUpMs: 200, settleMs: 1500 };
      const plan = { works: [part.work], peers: allPeers(), effort, command };
      return runVersus(plan, ({ what, share }) => showProgress(what, share));
    }
    case 'growth':
      return runGrowth([part.axis], false, command, showProgress);
    case 'workers':
      return runWorkers([part.half], WORKERS_EFFORT, command, showProgress);
  }
}

/** Joins the parts and writes the reports; the exit code. */
async function report(
  parts: readonly RecordPart[],
  into: string,
  html: string,
  markdown: string,
): Promise<number> {
  const read = <T>(kind: RecordPart['kind']): T[] =>
    parts
      .filter((part) => part.kind === kind)
      .map(({ name }) => JSON.parse(readFileSync(fileOf(into, name), 'utf8')) as T);
  const growth = joinGrowth(read<GrowthReport>('growth'));
  const workers = joinWorkers(read<WorkersReport>('workers'));
  const whole = { ...joinReports(read<VersusReport>('versus')), growth, workers };
  print(`${describeEnvironment(whole.environment)}\n\n${showVersus(whole)}\n`);
  await writeReports(whole, { html, markdown });
  writeFileSync(join(into, 'whole.json'), `${JSON.stringify(whole, null, 1)}\n`);
  const faults = [
    ...whole.failed.map(({ peer, work, reason }) => `${peer} failed at ${work}: ${reason}`),
    ...complaints(growth.curves),
  ];
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  print(`written: ${html}, ${markdown}\n`);
  return faults.length > 0 ? 1 : 0;
}

function fileOf(into: string, name: string): string {
  return join(into, `${name}.json`);
}

runCommand(main);
