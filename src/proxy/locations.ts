/**
 * Which location a path belongs to, in nginx's order: the exact one; else the longest prefix, unless it is final (`^~`)
 * then the first regular expression that matches; inside a location its nested ones by the same order, whose exact
 * and regular-expression matches come before the outer regular expressions.
 */
import { latin1, SLASH } from '../bytes/octets.js';
import { CompileError } from './compile-error.js';
import type { LocationModel } from './model.js';
import type { NormalPath } from './normal-path.js';
import { compileRegex } from './regex.js';

/** The outcome of a search. */
export const NOT_FOUND = 0;
/** A prefix matched; an enclosing level may still prefer a regular expression. */
export const FOUND_PREFIX = 1;
export const FOUND = 2;
/** Only the path with a slash behind it matches, and that location asks for a redirection there (301). */
export const FOUND_WITH_SLASH = 3;

/** What a search found. Used again for the next one. */
export class LocationSearch {
  location: LocationModel | null = null;
  /** Of the regular expression that decided, if one did. */
  captures: RegExpExecArray | null = null;
}

interface Entry {
  readonly model: LocationModel;
  readonly nested: LocationTree | null;
  /** nginx: a prefix ending in a slash that passes requests on also stands for its name without the slash. */
  readonly takesMissingSlash: boolean;
}

/** A node of a trie whose edges are runs of octets. */
interface Node {
  label: Uint8Array;
  children: Map<number, Node>;
  exact: Entry | null;
  prefix: Entry | null;
}

const NO_OCTETS = new Uint8Array(0);

/** The locations of one level. A search costs one step per octet of the path, however many prefixes there are. */
export class LocationTree {
  private readonly root: Node = node(NO_OCTETS);
  private readonly regexes: { readonly regex: RegExp; readonly entry: Entry }[] = [];

  /**
   * @param locations in the order of the configuration
   * @throws CompileError for two locations with the same name, and for an invalid regular expression
   */
  constructor(locations: readonly LocationModel[]) {
    for (const model of locations) {
      const { match, pattern } = model;
      const entry: Entry = {
        model,
        nested: model.locations.length === 0 ? null : new LocationTree(model.locations),
        takesMissingSlash:
          (model.action.kind === 'forward' || model.proxy !== undefined) && pattern.endsWith('/'),
      };
      if (match === 'regex' || match === 'regex-nocase') {
        this.regexes.push({ regex: compileRegex(pattern, match === 'regex-nocase'), entry });
        continue;
      }
      const leaf = this.insert(latin1(pattern));
      const slot = match === 'exact' ? 'exact' : 'prefix';
      if (leaf[slot] !== null) throw new CompileError(`duplicate location "${pattern}"`);
      leaf[slot] = entry;
    }
  }

  /**
   * Searches this level and those inside it.
   * @returns one of the constants above; unless it is NOT_FOUND, `search.location` is set
   */
  find(path: NormalPath, search: LocationSearch): number {
    search.location = null;
    search.captures = null;
    return this.search(path, search);
  }

  private search(path: NormalPath, search: LocationSearch): number {
    let found = NOT_FOUND;
    let isFinal = false;
    const entry = this.findByName(path);
    if (entry !== null) {
      search.location = entry.model;
      if (this.how !== FOUND_PREFIX) return this.how;
      found = FOUND_PREFIX;
      isFinal = entry.model.match === 'prefix-final';
      const inner = entry.nested === null ? NOT_FOUND : entry.nested.search(path, search);
      if (inner >= FOUND) return inner;
    }
    if (isFinal || this.regexes.length === 0) return found;
    const text = path.text();
    for (const { regex, entry: candidate } of this.regexes) {
      const captures = regex.exec(text);
      if (captures === null) continue;
      search.location = candidate.model;
      search.captures = captures;
      candidate.nested?.search(path, search);
      return FOUND;
    }
    return found;
  }

  /** How the last {@link findByName} found its entry. */
  private how = NOT_FOUND;

  /** The exact location, or the longest prefix. */
  private findByName(path: NormalPath): Entry | null {
    const { octets, end } = path;
    let at = path.start;
    let current = this.root;
    let best: Entry | null = null;
    this.how = FOUND_PREFIX;
    for (;;) {
      if (current.prefix !== null) best = current.prefix;
      if (at === end) {
        if (current.exact !== null) {
          this.how = FOUND;
          return current.exact;
        }
        if (current.prefix !== null) return best;
        return this.withSlash(current.children.get(SLASH), 0) ?? best;
      }
      const next = current.children.get(octets[at]);
      if (next === undefined) return best;
      const { label } = next;
      let matched = 1;
      while (matched < label.length && at + matched < end && label[matched] === octets[at + matched])
        matched++;
      if (matched < label.length) {
        return at + matched === end ? (this.withSlash(next, matched) ?? best) : best;
      }
      at += matched;
      current = next;
    }
  }

  /** The location that the path would have with a slash behind it, if that location takes paths without. */
  private withSlash(next: Node | undefined, matched: number): Entry | null {
    if (next === undefined || next.label.length !== matched + 1 || next.label[matched] !== SLASH) return null;
    const entry = next.exact ?? next.prefix;
    const takes = next.exact?.takesMissingSlash === true || next.prefix?.takesMissingSlash === true;
    if (entry === null || !takes) return null;
    this.how = FOUND_WITH_SLASH;
    return entry;
  }

  /** The node of a name, made if needed. */
  private insert(name: Uint8Array): Node {
    let current = this.root;
    let at = 0;
    while (at < name.length) {
      const next = current.children.get(name[at]);
      if (next === undefined) {
        const leaf = node(name.subarray(at));
        current.children.set(name[at], leaf);
        return leaf;
      }
      const { label } = next;
      let matched = 1;
      while (matched < label.length && label[matched] === name[at + matched]) matched++;
      if (matched < label.length) {
        const middle = node(label.subarray(0, matched));
        next.label = label.subarray(matched);
        middle.children.set(next.label[0], next);
        current.children.set(name[at], middle);
        current = middle;
      } else {
        current = next;
      }
      at += matched;
    }
    return current;
  }
}

function node(label: Uint8Array): Node {
  return { label, children: new Map(), exact: null, prefix: null };
}
