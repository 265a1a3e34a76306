/** The figures that the ratios of bounds.json are made of, and no others. */
import { FULL, type Effort } from '../measure.js';
import { MICRO_SUITES, runMicro, type MicroReport } from '../micro/index.js';
import { nginx, wirehop } from '../peers/commands.js';
import { relay } from '../peers/node-proxies.js';
import { CheckError } from '../suite.js';
import type { VersusReport } from '../versus/figures.js';
import { runVersus, type VersusEffort } from '../versus/run.js';
import { workNamed } from '../works.js';
import type { RatioBound } from './bounds.js';

export const END_TO_END = 'end-to-end';
/** More than for a table: a group that is the first of its process must be as optimized as one that follows others. */
const MICRO_EFFORT: Effort = { ...FULL, warmUpSeconds: 0.2 };
/** Everything is measured so often, some time apart: what else the machine does hits one figure of a ratio alone. */
const PASSES = 2;
const EFFORT: VersusEffort = { rounds: 4, warmUpMs: 150, measureMs: 750, settleMs: 1200 };

/** A figure by its name; undefined when it was not measured. */
export type FigureLookup = (name: string) => number | undefined;

/**
 * The least disturbed sample of each figure: nanoseconds, and microseconds of CPU end to end. What else runs on a
 * machine only ever adds time, so the smallest sample says most about the code.
 */
export function figuresOf(micro: readonly MicroReport[], endToEnd: VersusReport | null): FigureLookup {
  const least = new Map<string, number>();
  const note = (name: string, value: number): void =>
    void least.set(name, Math.min(value, least.get(name) ?? Infinity));
  for (const { suite, figures } of micro) {
    for (const { group, subject, time } of figures) note(`${suite}/${group}/${subject}`, time.min);
  }
  for (const { work, peer, cost } of endToEnd?.figures ?? []) {
    if (cost !== null) note(`${END_TO_END}/${work}/${peer}`, cost.min);
  }
  return (name) => least.get(name);
}

/** Measures what `bounds` speak of. nginx is left out where it is not installed: the bare relay is always there. */
export async function measureRatios(
  bounds: readonly RatioBound[],
  onProgress: (what: string) => void,
): Promise<FigureLookup> {
  const names = new Set(bounds.flatMap(({ of, to }) => [of, to]));
  const groups = new Set([...names].map((name) => name.slice(0, name.lastIndexOf('/'))));
  const micro: MicroReport[] = [];
  for (let pass = 0; pass < PASSES; pass++) {
    for (const suite of MICRO_SUITES) {
      const wanted = (group: string): boolean => groups.has(`${suite.name}/${group}`);
      micro.push(await runMicro(suite, MICRO_EFFORT, onProgress, wanted));
    }
  }
  return figuresOf(micro, await measureEndToEnd(groups, onProgress));
}

async function measureEndToEnd(
  groups: ReadonlySet<string>,
  onProgress: (what: string) => void,
): Promise<VersusReport | null> {
  const works = [...groups].filter((group) => group.startsWith(`${END_TO_END}/`));
  if (works.length === 0) return null;
  const report = await runVersus(
    {
      works: works.map((group) => workNamed(group.slice(END_TO_END.length + 1))),
      peers: [wirehop(), relay(), nginx()],
      effort: EFFORT,
      command: 'npm run bench:guard',
    },
    ({ what }) => onProgress(what),
  );
  for (const { peer, work, reason } of report.failed) throw new CheckError(`${work}, ${peer}: ${reason}`);
  return report;
}
