/** `npm run fuzz -- --minutes M --seed S`: cases until the time is over; findings are printed small, at most ten. */
import { parseArgs } from 'node:util';
import { type Finding, playCase, type Tally } from './run.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
  },
});
const seed = Number(values.seed);
const endsAt = performance.now() + Number(values.minutes) * 60_000;
if (!Number.isFinite(seed) || !Number.isFinite(endsAt)) throw new RangeError('a number was expected');
const tally: Tally = { cases: 0, forwarded: 0, returned: 0, askedNode: 0 };
const findings: Finding[] = [];
const startedAt = performance.now();
for (let index = Number(values.from); performance.now() < endsAt && findings.length < 10; index++) {
  const finding = await playCase(seed, index, tally, 4);
  if (finding === null) continue;
  findings.push(finding);
  console.log(`case ${index}, ${finding.kind}: ${finding.wrong}\n  ${JSON.stringify(finding.text)}`);
}
const seconds = (performance.now() - startedAt) / 1000;
console.log(
  `seed ${seed}: ${tally.cases} cases in ${seconds.toFixed(1)} s (${Math.round(tally.cases / seconds)}/s), ` +
    `${tally.forwarded} requests forwarded, ${tally.returned} responses judged, ${tally.askedNode} shown to Node, ${findings.length} findings`,
);
if (findings.length > 0) process.exitCode = 1;
