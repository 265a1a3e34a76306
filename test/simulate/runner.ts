/** Plays worlds one after another, and makes a failing one small. */
import { Violation } from './ledger.js';
import { mix } from './prng.js';
import type { Figures } from './figures.js';
import { type Mask, World, type WorldOptions } from './world.js';

export interface Outcome {
  readonly steps: number;
  readonly figures: Figures;
  readonly violation: Violation | null;
  /** Where in wirehop's code it was noticed, or ''. */
  readonly stack: string;
  readonly world: World;
}

/** The seed of world `index` of a run. */
export function worldSeed(seed: number, index: number): number {
  return mix(seed, 17, index);
}

/** Plays one world to its end, or to what is wrong with it. Anything thrown counts. */
export async function play(options: WorldOptions): Promise<Outcome> {
  const world = new World(options);
  let violation: Violation | null = null;
  let stack = '';
  try {
    await world.run();
  } catch (error) {
    violation = error instanceof Violation ? error : new Violation('an error was thrown', String(error));
    stack = error instanceof Error ? (error.stack ?? '') : '';
  }
  return { steps: world.steps, figures: world.figures, violation, stack, world };
}

/** Plays worlds until `enough` says so. Stops at the first violation. */
export async function playMany(
  seed: number,
  from: number,
  enough: (steps: number) => boolean,
  onWorld: (index: number, outcome: Outcome) => void = () => undefined,
): Promise<{ steps: number; worlds: number; failed: { index: number; outcome: Outcome } | null }> {
  let steps = 0;
  let index = from;
  while (!enough(steps)) {
    const outcome = await play({ seed: worldSeed(seed, index) });
    steps += outcome.steps;
    onWorld(index, outcome);
    if (outcome.violation !== null) return { steps, worlds: index - from + 1, failed: { index, outcome } };
    index++;
  }
  return { steps, worlds: index - from, failed: null };
}

/** A small world that breaks the same rule as the whole one. */
export interface Shrunk {
  readonly outcome: Outcome;
  readonly options: WorldOptions;
  readonly tries: number;
}

/** Leaves out connections, then exchanges, then the wires' whims, as long as the same rule is broken. */
export async function shrink(seed: number, first: Outcome, maxTries = 400, maxMs = 120_000): Promise<Shrunk> {
  const endsAt = performance.now() + maxMs;
  const rule = first.violation!.rule;
  let options: WorldOptions = { seed };
  let outcome = first;
  let tries = 0;
  const attempt = async (candidate: WorldOptions): Promise<boolean> => {
    if (tries++ >= maxTries || performance.now() > endsAt) return false;
    const result = await play(candidate);
    if (result.violation?.rule !== rule) return false;
    options = candidate;
    outcome = result;
    return true;
  };
  // Those that had not begun cannot matter.
  let connections = first.world.connections(first.world.agenda.now);
  let without = new Set<string>();
  const mask = (): Mask => ({ connections: new Set(connections), without });
  // Often the connection that the message names is enough.
  const named = connections.filter((index) => first.violation!.message.includes(`t${index}.`));
  if (named.length > 0 && (await attempt({ seed, mask: { connections: new Set(named), without } })))
    connections = named;
  for (let part = Math.ceil(connections.length / 2); part >= 1 && performance.now() < endsAt;) {
    let isSmaller = false;
    for (let at = 0; at < connections.length && connections.length > 1;) {
      const kept = [...connections.slice(0, at), ...connections.slice(at + part)];
      if (kept.length > 0 && (await attempt({ seed, mask: { connections: new Set(kept), without } }))) {
        connections = kept;
        isSmaller = true;
      } else {
        at += part;
      }
    }
    if (part === 1 && !isSmaller) break;
    part = Math.max(1, Math.floor(part / 2));
    if (part === 1 && connections.length === 1) break;
  }
  for (const token of outcome.world.tokens()) {
    const more = new Set([...without, token]);
    if (await attempt({ seed, mask: { connections: new Set(connections), without: more } })) without = more;
  }
  await attempt({ seed, mask: mask(), calmWires: true });
  return { outcome, options, tries };
}
