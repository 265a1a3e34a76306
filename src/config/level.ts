/**
 * Levels of a configuration and what is set on them. Decides nginx's inheritance: a setting that is made on a level
 * replaces the outer one whole, lists too; a level without it has the outer one's.
 */
import type { Directive, Place } from './syntax.js';
import { faultAt } from './syntax.js';

/**
 * Where a directive may stand. `if` in a server and in a location are two: they take different ones. The blocks of `map`
 * and `types` hold pairs, not directives, and are not contexts.
 */
export type Context =
  | 'main'
  | 'events'
  | 'http'
  | 'server'
  | 'location'
  | 'upstream'
  | 'if in server'
  | 'if in location'
  | 'limit_except';

/** One thing that can be set, and what holds when nobody sets it. Identity is the key; `T` keeps reading typed. */
export class Setting<T> {
  constructor(readonly fallback: T) {}
}

/** A level: the file itself, or a block. */
export class Level {
  private readonly own = new Map<Setting<unknown>, unknown>();

  /**
   * @param parent the level whose settings are inherited, null for none
   * @param place the directive that opened it; null for the file
   */
  constructor(
    readonly context: Context,
    readonly parent: Level | null,
    readonly place: Place | null,
  ) {}

  /** What holds here. */
  get<T>(setting: Setting<T>): T {
    if (this.own.has(setting)) return this.own.get(setting) as T;
    return this.parent === null ? setting.fallback : this.parent.get(setting);
  }

  /** Whether the setting was made on this very level. */
  has<T>(setting: Setting<T>): boolean {
    return this.own.has(setting);
  }

  /** Makes a setting. Throws a ConfigError when it was made here before. */
  set<T>(setting: Setting<T>, value: T, directive: Directive): void {
    if (this.own.has(setting)) throw faultAt(directive, `"${directive.name}" directive is duplicate`);
    this.own.set(setting, value);
  }

  /** Makes a setting, or makes it anew. */
  put<T>(setting: Setting<T>, value: T): void {
    this.own.set(setting, value);
  }

  /** Adds to this level's own list; the first addition hides the outer level's. */
  append<T>(setting: Setting<readonly T[]>, value: T): void {
    const list = this.own.get(setting) as T[] | undefined;
    if (list === undefined) this.own.set(setting, [value]);
    else list.push(value);
  }
}
