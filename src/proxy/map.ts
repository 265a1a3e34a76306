/**
 * `map`: a variable whose value depends on another. Decides by nginx's order: the exact value; with `hostnames` the
 * longest leading, then the longest trailing mask; the first regular expression; the default.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import type { Exchange } from '../machine/exchange.js';
import { CompileError } from './compile-error.js';
import { contextOf } from './context.js';
import { compileRegex } from './regex.js';
import { HostTable } from './server-names.js';
import type { Template } from './template.js';
import type { Variable } from './variables.js';

/** What a `map` block says. */
export interface MapOptions {
  /** What the value depends on. */
  readonly source: Template;
  /** Masks in patterns are host names with wildcards. */
  readonly hostnames: boolean;
  /** Worked out anew each time it is asked for; without it, once per exchange. */
  readonly isVolatile: boolean;
  /**
   * In the order of the configuration, `default` and `hostnames` excluded. A pattern is as written: `~` and `~*` begin
   * regular expressions, and a leading `\` makes what follows a plain value. Define the names of named groups before
   * compiling the values (`defineCaptures`).
   */
  readonly entries: readonly { readonly pattern: string; readonly value: Template }[];
  readonly defaultValue: Template;
}

/**
 * Makes the variable of a `map`.
 * @throws CompileError (PatternError) for a pattern that cannot be compiled or is there twice
 */
export function compileMap(options: MapOptions): Variable {
  return new MapVariable(options);
}

/** Values match without regard to ASCII case, as in nginx; other octets are themselves. */
function fold(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/** Octets of a source's value that are compared with those of the last one. */
const MOST_RECALLED = 64;

/** Where values of sources are laid down to be compared. */
const scratch = new OctetWriter();

class MapVariable implements Variable {
  private readonly source: Template;
  private readonly exact = new Map<string, Template>();
  private readonly hosts: HostTable<Template> | null;
  private readonly regexes: { readonly regex: RegExp; readonly value: Template }[] = [];
  private readonly defaultValue: Template;
  /** For an empty source, which most requests have where a map looks at Upgrade. */
  private readonly emptyValue: Template;
  private readonly isVolatile: boolean;
  /** The source's value that was looked up last, lastCount octets, and what it was found to mean. */
  private readonly lastSubject = new Uint8Array(MOST_RECALLED);
  private lastCount = -1;
  private lastValue: Template;
  /** One lookup answers, and always the same: cheaper done again than kept. */
  readonly isStable: boolean;
  readonly put: ((exchange: Exchange, out: OctetWriter) => void) | undefined;

  constructor({ source, hostnames, isVolatile, entries, defaultValue }: MapOptions) {
    this.source = source;
    this.isVolatile = isVolatile;
    this.defaultValue = this.lastValue = defaultValue;
    this.hosts = hostnames ? new HostTable() : null;
    for (const { pattern, value } of entries) this.add(pattern, value);
    // nginx asks no regular expression about an empty value.
    this.emptyValue = this.exact.get('') ?? defaultValue;
    const values = [defaultValue, ...entries.map((entry) => entry.value)];
    this.isStable = source.isStable && this.regexes.length === 0 && values.every((value) => value.isStable);
    this.put = this.isStable ? (exchange, out) => this.recall(exchange).put(exchange, out) : undefined;
  }

  private add(pattern: string, value: Template): void {
    if (pattern.startsWith('~')) {
      const ignoresCase = pattern.startsWith('~*');
      this.regexes.push({ regex: compileRegex(pattern.slice(ignoresCase ? 2 : 1), ignoresCase), value });
      return;
    }
    const key = fold(pattern.startsWith('\\') ? pattern.slice(1) : pattern);
    const isMask = this.hosts !== null && (key.startsWith('.') || key.startsWith('*.') || key.endsWith('.*'));
    const isNew = isMask ? this.hosts.add(key, value) : !this.exact.has(key);
    if (!isNew) throw new CompileError(`conflicting parameter "${pattern}"`);
    if (!isMask) this.exact.set(key, value);
  }

  isFound(): boolean {
    return true;
  }

  text(exchange: Exchange): string {
    if (this.isStable) return this.choose(exchange).text(exchange);
    if (this.isVolatile) return this.choose(exchange).text(exchange);
    const context = contextOf(exchange);
    const kept = context.kept?.get(this);
    if (kept !== undefined) return kept;
    const text = this.choose(exchange).text(exchange);
    (context.kept ??= new Map()).set(this, text);
    return text;
  }

  /** As {@link choose}, for a value that depends on the source's octets alone: most requests have those of the last. */
  private recall(exchange: Exchange): Template {
    const { lastSubject } = this;
    // Not begun, as sources may be other maps: what this one lays down is taken back before it returns.
    const start = scratch.position;
    this.source.put(exchange, scratch);
    const { octets } = scratch;
    const count = scratch.position - start;
    scratch.position = start;
    if (count === 0) return this.emptyValue;
    if (count === this.lastCount) {
      let i = 0;
      while (i < count && octets[start + i] === lastSubject[i]) i++;
      if (i === count) return this.lastValue;
    }
    const value = this.choose(exchange);
    if (count <= lastSubject.length) {
      for (let i = 0; i < count; i++) lastSubject[i] = octets[start + i];
      this.lastCount = count;
      this.lastValue = value;
    }
    return value;
  }

  /** Notes the captures of a regular expression that matches, so it must be followed by the value's own text. */
  private choose(exchange: Exchange): Template {
    let subject = this.source.text(exchange);
    if (subject === '') return this.emptyValue;
    const { hosts } = this;
    // A name with its root dot is the same host.
    if (hosts !== null && subject.endsWith('.')) subject = subject.slice(0, -1);
    const key = fold(subject);
    const found = this.exact.get(key) ?? hosts?.find(key);
    if (found !== undefined) return found;
    for (const { regex, value } of this.regexes) {
      const match = regex.exec(subject);
      if (match === null) continue;
      contextOf(exchange).capture(match);
      return value;
    }
    return this.defaultValue;
  }
}
