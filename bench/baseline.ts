/**
 * The stored baseline: ratios between figures of one run, never times of a machine. Decides whether a run has become
 * worse than its threshold allows.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Environment } from './environment.js';

const FILE = fileURLToPath(new URL('../../bench/baseline.json', import.meta.url));

/** A figure of the run by its name, `suite/group/subject`; undefined when it was not measured. */
export type FigureLookup = (name: string) => number | undefined;

interface StoredRatio {
  /** Names of the two figures: a smaller `of` is better. */
  readonly of: string;
  readonly to: string;
  /** of / to when the baseline was recorded. */
  readonly value: number;
}

interface Baseline {
  readonly about: string;
  readonly recorded: Partial<Environment>;
  /** A ratio above value x threshold is a failure. */
  readonly threshold: number;
  readonly ratios: readonly StoredRatio[];
}

/** A ratio of this run beside its stored value. */
export interface ComparedRatio extends StoredRatio {
  readonly found: number;
  /** found / value: above 1 is worse than the baseline. */
  readonly change: number;
  readonly isWorse: boolean;
}

export interface Comparison {
  readonly threshold: number;
  readonly recorded: Partial<Environment>;
  readonly ratios: readonly ComparedRatio[];
  /** Ratios of which a figure was not measured in this run, as "of : to". */
  readonly absent: readonly string[];
}

/** Compares a run with the stored baseline. */
export function compareWithBaseline(lookup: FigureLookup): Comparison {
  const { threshold, ratios, recorded } = load();
  const compared: ComparedRatio[] = [];
  const absent: string[] = [];
  for (const stored of ratios) {
    const found = ratioOf(stored, lookup);
    if (found === undefined) {
      absent.push(`${stored.of} : ${stored.to}`);
      continue;
    }
    const change = found / stored.value;
    compared.push({ ...stored, found, change, isWorse: change > threshold });
  }
  return { threshold, recorded, ratios: compared, absent };
}

/** Stores this run's ratios as the new baseline; those it did not measure stay as they are. */
export function recordBaseline(lookup: FigureLookup, environment: Environment): void {
  const old = load();
  const ratios = old.ratios.map((stored) => {
    const found = ratioOf(stored, lookup);
    return found === undefined ? stored : { ...stored, value: Number(found.toPrecision(3)) };
  });
  writeFileSync(FILE, `${JSON.stringify({ ...old, recorded: environment, ratios }, null, 2)}\n`);
}

function ratioOf({ of, to }: StoredRatio, lookup: FigureLookup): number | undefined {
  const [a, b] = [lookup(of), lookup(to)];
  return a === undefined || b === undefined ? undefined : a / b;
}

function load(): Baseline {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Baseline;
}
