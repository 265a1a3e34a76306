/**
 * The corpus against several proxies side by side: `node dist/test/hostile/main.js [net] [handle] [nginx] [haproxy]`.
 * Prints what came of every case; a mark stands where the first proxy passes on what all others refuse.
 */
import { TABLES } from './cases/index.js';
import { type Outcome, requestsOf, summary } from './runner.js';
import { judge, place, type Placed, play, strike } from './stage.js';
import type { SubjectName } from './subject.js';

const names = process.argv.slice(2) as SubjectName[];
const all = TABLES.flatMap((table) => place(table).map((one) => ({ title: table.title, one })));
const outcomes = new Map<SubjectName, Map<Placed, Outcome>>();
for (const name of names) {
  const placed = all.map(({ one }) => one);
  outcomes.set(name, await play(name, placed));
}

function isRefusal(outcome: Outcome): boolean {
  const statuses = outcome.responses.messages.map(({ status }) => status);
  return (
    requestsOf(outcome.connections).every((line) => line.endsWith('...')) &&
    (statuses.length === 0 || statuses.at(-1)! >= 400)
  );
}

const failures = new Map<SubjectName, number>(names.map((name) => [name, 0]));
for (const { title, one } of all) {
  const of = names.map((name) => outcomes.get(name)!.get(one)!);
  const isLax = names.length > 1 && !isRefusal(of[0]) && of.slice(1).every(isRefusal);
  names.forEach((name, i) => {
    const found = judge(one, of[i]);
    if (found.length > 0) failures.set(name, failures.get(name)! + 1);
    process.stdout.write(
      `${i === 0 ? `${isLax ? 'LAX ' : ''}${title}: ${one.given.name}\n` : ''}  ${found.length > 0 ? '!' : ' '} ${name.padEnd(8)}${summary(of[i])}\n`,
    );
    if (process.env.WHY !== undefined && i === 0)
      for (const line of found) process.stdout.write(`      ${line}\n`);
  });
}
process.stdout.write(
  `${all.length} cases; not as expected: ${JSON.stringify(Object.fromEntries(failures))}\n`,
);
for (const line of await strike()) process.stdout.write(`${line}\n`);
