/**
 * `npm run simulate -- --seed S --steps N [--from W] [--minutes M]`: plays worlds W, W+1, ... of seed S until N steps
 * were made (or M minutes are over). A violation is printed with the command that replays it, made small, and printed
 * again as the script that is left.
 */
import { parseArgs } from 'node:util';
import { type Outcome, playMany, shrink, worldSeed } from './runner.js';
import { Figures } from './figures.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '1000000' },
    from: { type: 'string', default: '0' },
    minutes: { type: 'string' },
  },
});
const seed = Number(values.seed);
const wanted = Number(values.steps);
const from = Number(values.from);
const minutes = values.minutes === undefined ? 0 : Number(values.minutes);
if (![seed, wanted, from, minutes].every(Number.isFinite)) throw new RangeError('a number was expected');

const total = new Figures();
const startedAt = performance.now();
let reportedAt = startedAt;
let steps = 0;

function add(figures: Figures): void {
  for (const name of Object.keys(total) as (keyof Figures)[]) {
    if (name.startsWith('most')) total[name] = Math.max(total[name], figures[name]);
    else total[name] += figures[name];
  }
}

function report(index: number, outcome: Outcome): void {
  steps += outcome.steps;
  add(outcome.figures);
  if (performance.now() - reportedAt < 5000) return;
  reportedAt = performance.now();
  const perSecond = Math.round((steps / (reportedAt - startedAt)) * 1000);
  console.log(
    `world ${index}: ${steps} steps, ${perSecond} steps/s, ${total.requests} requests, ${total.tunnels} tunnels`,
  );
}

const endsAt = minutes > 0 ? startedAt + minutes * 60_000 : Infinity;
const isEnough = (made: number): boolean => (minutes > 0 ? performance.now() >= endsAt : made >= wanted);
const { failed, worlds } = await playMany(seed, from, isEnough, report);
const seconds = (performance.now() - startedAt) / 1000;
console.log(
  `seed ${seed}, worlds ${from} to ${from + worlds - 1}: ${steps} steps in ${seconds.toFixed(1)} s (${Math.round(steps / seconds)} steps/s)`,
);
for (const [name, value] of Object.entries(total)) console.log(`  ${name}: ${value}`);
if (failed !== null) {
  const { index, outcome } = failed;
  console.log(
    `\nVIOLATION in world ${index} at step ${outcome.steps}: ${outcome.violation!.message}\n${outcome.stack}`,
  );
  console.log(`replay: npm run simulate -- --seed ${seed} --from ${index} --steps 1\n\nmaking it small ...`);
  const small = await shrink(worldSeed(seed, index), outcome);
  console.log(
    `${small.tries} tries; what is left breaks the rule at step ${small.outcome.steps}: ${small.outcome.violation!.message}\n${small.outcome.stack}`,
  );
  console.log(
    small.options.calmWires === true ? 'with wires that do nothing unusual:' : 'with wires as scripted:',
  );
  console.log(small.outcome.world.describe());
  process.exitCode = 1;
}
