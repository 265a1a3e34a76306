/**
 * Brings tables, origin and proxies together: one proxy of each kind for all tables, started by the first and stopped
 * behind the last. Cases run at the same time, each in a slot of its own.
 */
import type { HostileCase, Table } from './corpus.js';
import { Origin } from './origin.js';
import { complaints, listed, type Outcome, runCase, violations } from './runner.js';
import { inSlot } from './steps.js';
import { type Slot, startSubject, type Subject, type SubjectName } from './subject.js';

/** Cases under way at once: enough to hide the waiting, few enough for two cores. */
const AT_ONCE = 24;

const slots: Slot[] = [];

/** Reserves the next slot. When tables are read, so that every proxy knows all of them when it starts. */
export function reserve(location = ''): number {
  const slot = slots.length + 1;
  slots.push({ slot, location: inSlot(location, slot) });
  return slot;
}

const origins = new Map<SubjectName, Promise<[Origin, Subject]>>();

/** The proxy of this kind, and the origin behind it. */
export function staged(name: SubjectName): Promise<[Origin, Subject]> {
  let stage = origins.get(name);
  if (stage === undefined) {
    stage = start(name);
    origins.set(name, stage);
  }
  return stage;
}

async function start(name: SubjectName): Promise<[Origin, Subject]> {
  const origin = new Origin();
  await origin.start();
  return [origin, await startSubject(name, origin.port, slots)];
}

/** A line of either log: an error's time, or an address, and no control octet. */
const LOG_LINE = /^(?:\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[|127\.0\.0\.1 )[\t -~\x80-\xff]*$/;

/** Stops what was started. @returns what a healthy proxy does not say, by name */
export async function strike(): Promise<string[]> {
  const found: string[] = [];
  for (const [name, stage] of origins) {
    const [origin, subject] = await stage;
    for (const { received } of origin.of(0))
      found.push(`${name}: a stray request: ${JSON.stringify(received)}`);
    if (subject.hasEnded) found.push(`${name} has ended by itself`);
    if (subject.output !== '') found.push(`${name} says: ${subject.output}`);
    const lines = subject.errorLog
      .split('\n')
      .filter((line) => /\[(alert|crit|emerg)\]|UNEXPECTED_INPUT/.test(line));
    found.push(...lines);
    // A hostile peer must not write log lines of its own, nor escape sequences for whoever reads them.
    const logged = `${subject.errorLog}${subject.accessLog}`.split('\n').slice(0, -1);
    found.push(...logged.filter((line) => !LOG_LINE.test(line)).slice(0, 5));
    await subject.stop();
    origin.stop();
  }
  origins.clear();
  return found;
}

/** Runs `run` on every item, AT_ONCE of them at a time. */
export async function overlap<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) await run(items[i]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** A case with the slot that it runs in. */
export interface Placed {
  readonly given: HostileCase;
  readonly slot: number;
}

export function place(table: Table): Placed[] {
  return table.cases.map((given) => ({ given, slot: reserve(given.location) }));
}

export async function play(name: SubjectName, placed: readonly Placed[]): Promise<Map<Placed, Outcome>> {
  const [origin, subject] = await staged(name);
  const outcomes = new Map<Placed, Outcome>();
  // Those that wait for a timeout begin first, so that nobody waits for them.
  const isSlow = ({ given }: Placed): boolean => given.isSlow === true;
  await overlap([...placed.filter(isSlow), ...placed.filter((one) => !isSlow(one))], async (one) => {
    outcomes.set(one, await runCase(subject.port, origin, one.slot, one.given));
  });
  return outcomes;
}

/** Everything that is wrong with what came of a case; empty when all is well. */
export function judge({ given, slot }: Placed, outcome: Outcome): string[] {
  const found = violations(outcome);
  const misses = listed(given.expect).map((expected) => complaints(expected, outcome, slot));
  if (misses.every((miss) => miss.length > 0)) found.push(...misses.map((miss) => miss.join('; ')));
  if (found.length > 0) found.push(`received ${JSON.stringify(outcome.received.slice(0, 600))}`);
  return found;
}
