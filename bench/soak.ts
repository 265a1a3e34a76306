/**
 * `npm run soak -- [--minutes M] [--seed S] [--clients N]`: the real command under mixed load with faults on loopback.
 * Figures on stdout; exit code 1 on any violation.
 */
import { parseArgs } from 'node:util';
import { MOST_GROWTH_KB, runSoak } from '../test/soak/soak.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    clients: { type: 'string', default: '40' },
  },
});
const [minutes, seed, clients] = [values.minutes, values.seed, values.clients].map(Number);
if (![minutes, seed, clients].every(Number.isFinite)) throw new RangeError('a number was expected');

const { violations, tally, before, after, most } = await runSoak({
  seconds: minutes * 60,
  seed,
  clients,
  mostOctets: 1_900_000,
  report: (line) => console.log(line),
});
for (const [name, value] of Object.entries(tally)) console.log(`  ${name}: ${value}`);
const megabytes = (kb: number): string => `${(kb / 1024).toFixed(1)} MB`;
console.log(
  `RSS: ${megabytes(before.rssKb)} at the start, ${megabytes(most.rssKb)} at most, ${megabytes(after.rssKb)} at the end (bound: ${megabytes(MOST_GROWTH_KB)} more than at the start)`,
);
console.log(
  `descriptors: ${before.descriptors} at the start, ${most.descriptors} at most, ${after.descriptors} at the end`,
);
for (const violation of violations) console.log(`VIOLATION ${violation}`);
process.exitCode = violations.length > 0 ? 1 : 0;
