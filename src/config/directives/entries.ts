/**
 * Short forms for entries of the table. Decides nothing.
 */
import type { Context, Level } from '../level.js';
import type { Entry, Kind } from '../table.js';

export const IN_HTTP: readonly Context[] = ['http', 'server'];
export const IN_LOCATION: readonly Context[] = ['http', 'server', 'location'];

/** An entry with one argument that sets one thing. */
export function simple(fields: {
  readonly name: string;
  readonly contexts: readonly Context[];
  readonly syntax: string;
  readonly fallback: string;
  readonly page: string;
  readonly apply: Entry<Level>['apply'];
  readonly kind?: Kind;
  readonly note?: string;
}): Entry<Level> {
  const { kind = 'nginx', note = '', ...rest } = fields;
  return { ...rest, args: [1, 1], kind, note };
}
