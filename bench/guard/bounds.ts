/** What the hot path may cost, from bounds.json: counts of one operation, and ratios between figures of one run. */
import { readFileSync } from 'node:fs';
import type { InsideCounts } from '../counts/run.js';
import type { TransportKind } from '../../src/driver/driver.js';

const FILE = new URL('../../../bench/guard/bounds.json', import.meta.url);

/** Most that one operation of a kind may cost over a transport. */
export interface CountBounds {
  /** As counts/works.ts names it. */
  readonly work: string;
  readonly transport: TransportKind;
  readonly inside: InsideCounts;
  /** System calls by name; those that are not here must not happen at all. */
  readonly calls: Readonly<Record<string, number>>;
}

/** Most that a figure may be of another one. */
export interface RatioBound {
  /** The names of suite, group and subject with "/" between them; end to end those of work and peer. */
  readonly of: string;
  readonly to: string;
  readonly bound: number;
}

export interface Bounds {
  readonly about: readonly string[];
  readonly counts: readonly CountBounds[];
  readonly ratios: readonly RatioBound[];
}

export function loadBounds(): Bounds {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Bounds;
}
