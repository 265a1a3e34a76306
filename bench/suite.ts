/**
 * What a micro suite is made of. A suite checks that its cases do what they claim before anybody measures them; a
 * fast reader that reads something else is no reader.
 */

/** One thing to measure. */
export interface Case {
  /** What is done; cases of one group do the same work, are measured in turns and compared with the first of them. */
  readonly group: string;
  /** Who does it. */
  readonly subject: string;
  /** Does it once. Must be ready to do it again at once. */
  run(): void;
  /** Octets handled by one run, where a rate says more than a time. */
  readonly octets?: number;
}

/** A subject that cannot be measured here, and why: shown, never dropped silently. */
export interface Skipped {
  readonly group: string;
  readonly subject: string;
  readonly reason: string;
}

export interface Suite {
  /** As `--only` names it. */
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** Makes the cases after checking that they do what they claim; throws {@link CheckError} when one does not. */
  cases(): Promise<{ readonly cases: readonly Case[]; readonly skipped: readonly Skipped[] }>;
}

/** Something that is measured does not do what it claims: its figures would mean nothing. */
export class CheckError extends Error {
  override readonly name = 'CheckError';
}

/** Throws {@link CheckError} unless both are the same as JSON. */
export function checkSame(what: string, found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new CheckError(`${what}: found ${a}, wanted ${b}`);
}

export function check(what: string, holds: boolean): void {
  if (!holds) throw new CheckError(what);
}
