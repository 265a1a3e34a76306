/**
 * What a directive's entry says, and how names are found. Decides nothing about any directive: those stand in
 * `directives/`, one entry and one function each.
 */
import type { ConfigError } from '../error.js';
import type { Context, Level } from './level.js';
import type { Directive } from './syntax.js';

/**
 * How close a directive is to nginx's of that name. `nginx`: as documented there. `narrower`: some of its values are
 * refused, never ignored. `wirehop`: nginx has no such directive.
 */
export type Kind = 'nginx' | 'narrower' | 'wirehop';

/** What an entry's function may use of the walk it is part of. */
export interface Walk {
  /** Reads the directives of a block on their own level. */
  walk(directives: readonly Directive[], level: Level): void;
  /** Notes a fault and goes on. */
  fault(error: ConfigError): void;
  /** Notes something that is accepted, and worth knowing. */
  warn(warning: ConfigError): void;
  readonly environment: Environment;
}

/** What a configuration may ask about the process that reads it. */
export interface Environment {
  readonly isRoot: boolean;
  readonly userName: string;
  readonly hostName: string;
  /** How many processors may be used (worker_processes auto); absent: 1. */
  readonly processors?: number;
  /** Users and groups of the system; absent: nobody changes his user. */
  readonly identities?: Identities;
}

/** Numbers behind names of users and groups, or undefined for unknown ones. */
export interface Identities {
  user(name: string): number | undefined;
  group(name: string): number | undefined;
}

/** One directive. `L` is the class of level that its contexts have. */
export interface Entry<L extends Level = Level> {
  readonly name: string;
  readonly contexts: readonly Context[];
  /** Fewest and most arguments. */
  readonly args: readonly [number, number];
  readonly isBlock?: boolean;
  /** The arguments, as nginx's documentation writes them. */
  readonly syntax: string;
  /** What holds without it, as it would be written; '' for nothing. */
  readonly fallback: string;
  /** Page of nginx's documentation and the anchor in it, without the site. */
  readonly page: string;
  readonly kind: Kind;
  /** What differs from nginx, or is worth knowing; Markdown. */
  readonly note: string;
  /** Puts the directive's meaning on the level. Throws a ConfigError for a value that cannot be. */
  readonly apply: (directive: Directive, level: L, walk: Walk) => void;
}

/** Where nginx's documentation is. */
export const NGINX_DOCS = 'https://nginx.org/en/docs/';

/** Drops the class of level: the walk hands each entry only levels of its contexts. */
export function entry<L extends Level>(fields: Entry<L>): Entry {
  return fields as unknown as Entry;
}

/** A name that is accepted though it changes nothing here, and why it cannot. */
export interface Inert {
  readonly name: string;
  readonly contexts: readonly Context[];
  readonly reason: string;
}

/** A name of nginx's that is refused, and what to do instead. */
export interface Refused {
  readonly name: string;
  readonly reason: string;
}

/** The nearest of `names`, or '' when none is near enough to be meant. */
export function nearestName(name: string, names: Iterable<string>): string {
  // A third of the letters wrong is a slip of the hand; more is another word.
  let best = Math.max(1, Math.floor(name.length / 3)) + 1;
  let nearest = '';
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) >= best) continue;
    const distance = editDistance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

/** Insertions, deletions, replacements and swaps of neighbours that make `b` out of `a`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
      }
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}
