/** Every micro suite, and the order in which their groups are measured. */
import { measureGroup, type Effort, type Figures } from '../measure.js';
import type { Case, Skipped, Suite } from '../suite.js';
import { CHOICE_SUITE } from './choice.js';
import { CHUNKED_SUITE } from './chunked.js';
import { EDIT_SUITE } from './edit.js';
import { EMBED_SUITE } from './embed.js';
import { HEAD_SUITE } from './head.js';
import { MACHINE_SUITE } from './machine.js';
import { VALUE_SUITE } from './value.js';

export const MICRO_SUITES: readonly Suite[] = [
  HEAD_SUITE,
  EDIT_SUITE,
  CHUNKED_SUITE,
  CHOICE_SUITE,
  VALUE_SUITE,
  MACHINE_SUITE,
  EMBED_SUITE,
];

export interface MicroReport {
  readonly suite: string;
  readonly figures: readonly Figures[];
  readonly skipped: readonly Skipped[];
}

/** Checks one suite and measures its groups, or those that are wanted. Throws CheckError when a case does not do what it claims. */
export async function runMicro(
  suite: Suite,
  effort: Effort,
  onProgress: (what: string) => void,
  wanted: (group: string) => boolean = () => true,
): Promise<MicroReport> {
  const { cases, skipped } = await suite.cases();
  const groups = new Map<string, Case[]>();
  for (const one of cases.filter(({ group }) => wanted(group)))
    groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  const figures: Figures[] = [];
  for (const [group, members] of groups) {
    onProgress(`${suite.name}: ${group}`);
    figures.push(...measureGroup(members, effort));
  }
  return { suite: suite.name, figures, skipped };
}
