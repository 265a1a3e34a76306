/**
 * `npm run bench:guard`: fails, with the name of the work, the figure and its bound, when the hot path costs more than
 * bounds.json allows. With --prove it plants slowdowns and fails when one of them is not noticed.
 */
import { parseArgs } from 'node:util';
import { print, runCommand } from '../command.js';
import { describeEnvironment, environment } from '../environment.js';
import { clearProgress, showProgress } from '../progress.js';
import { table } from '../table.js';
import { loadBounds, type Bounds } from './bounds.js';
import { judgedCalls, judgedInside, straceFault, TRANSPORTS } from './counting.js';
import { complaint, judgeRatios, shown, type Verdict } from './judge.js';
import { PLANT_TEXTS, PLANTS, type Plant } from './plants.js';
import { measureRatios } from './ratios.js';

const HELP = `npm run bench:guard -- [--counts] [--ratios] [--prove]

  --counts   system calls, writes, copies and allocations per operation: the same on every machine
  --ratios   times and CPU time as ratios within this run, to Node's bare relay and to nginx where it is installed
  --prove    plants slowdowns in the running proxy, one after another, and fails unless the counts show each of them

Without a flag both counts and ratios. Exit code 1 when a bound of bench/guard/bounds.json is broken.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      counts: { type: 'boolean', default: false },
      ratios: { type: 'boolean', default: false },
      prove: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return print(HELP);
  print(`${describeEnvironment(environment())}\n\n`);
  const bounds = loadBounds();
  if (values.prove) return prove(bounds);
  const isWhole = !values.counts && !values.ratios;
  const broken: Verdict[] = [];
  if (values.counts || isWhole) broken.push(...(await guardCounts(bounds)));
  if (values.ratios || isWhole) broken.push(...(await guardRatios(bounds)));
  for (const verdict of broken) process.stderr.write(`${complaint(verdict)}\n`);
  return broken.length > 0 ? 1 : 0;
}

async function guardCounts(bounds: Bounds): Promise<Verdict[]> {
  const fault = straceFault();
  const verdicts: Verdict[] = [];
  for (const transport of TRANSPORTS) {
    showProgress(`counts inside, ${transport}`);
    verdicts.push(...(await judgedInside(bounds, { transport })));
    if (fault !== null) continue;
    showProgress(`system calls, ${transport}`);
    verdicts.push(...(await judgedCalls(bounds, { transport })));
  }
  show('per operation', verdicts);
  if (fault !== null) print(`skipped system calls: ${fault}\n\n`);
  return verdicts.filter(({ holds }) => !holds);
}

async function guardRatios({ ratios }: Bounds): Promise<Verdict[]> {
  const { verdicts, absent } = judgeRatios(ratios, await measureRatios(ratios, showProgress));
  show('ratio', verdicts);
  for (const name of absent) print(`skipped, one of the two is not here: ${name}\n`);
  return verdicts.filter(({ holds }) => !holds);
}

async function prove(bounds: Bounds): Promise<number> {
  let unnoticed = 0;
  for (const plant of PLANTS) {
    showProgress(`planting: ${PLANT_TEXTS[plant]}`);
    const broken = await brokenBy(bounds, plant);
    clearProgress();
    print(`${plant} (${PLANT_TEXTS[plant]}): ${broken.length > 0 ? 'noticed' : 'NOT NOTICED'}\n`);
    for (const verdict of broken) print(`  ${complaint(verdict)}\n`);
    if (broken.length === 0) unnoticed++;
  }
  return unnoticed > 0 ? 1 : 0;
}

async function brokenBy(bounds: Bounds, plant: Plant): Promise<Verdict[]> {
  const options = { transport: 'handle', plant } as const;
  const verdicts = await judgedInside(bounds, options);
  if (straceFault() === null) verdicts.push(...(await judgedCalls(bounds, options)));
  return verdicts.filter(({ holds }) => !holds);
}

function show(title: string, verdicts: readonly Verdict[]): void {
  clearProgress();
  const rows = verdicts.map(({ what, bound, found, holds }) => [
    what,
    shown(found),
    shown(bound),
    holds ? '' : 'SLOWER',
  ]);
  print(`${table([title, 'found', 'bound', ''], rows, 1)}\n\n`);
}

runCommand(main);
