/**
 * What a location does to a field section, compiled once and applied to every message. Decides which received lines
 * stay and which lines are added; leaves the octets to `wire/http1/head-writer`.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { latin1 } from '../bytes/octets.js';
import { CONTENT_LENGTH, FIELD_NAMES, HOP_BY_HOP } from './field-names.js';

/** Lays down a value for one message. */
export interface ValueSource<Context> {
  /**
   * Appends the value's octets to `out`; nothing when the value is empty. CR, LF and NUL may come out of a decoded
   * variable: the head writer makes them SP (RFC 9110 5.5), so a source need not care.
   */
  put(context: Context, out: OctetWriter): void;
}

/** A value that never changes. */
export class ConstantValue implements ValueSource<unknown> {
  /** The value as it is sent. */
  readonly octets: Uint8Array;
  /** @param text Latin-1 */
  constructor(readonly text: string) {
    this.octets = latin1(text);
  }
  put(_context: unknown, out: OctetWriter): void {
    out.put(this.octets);
  }
}

/** One line to add. */
export interface FieldSet<Context> {
  /** Of the name, in FIELD_NAMES. */
  readonly id: number;
  /** `Name: ` as it is sent. */
  readonly prefix: Uint8Array;
  /** Where the value comes from. */
  readonly value: ValueSource<Context>;
  /** The whole line with its CRLF, when the value never changes; empty when there is no line; null when it may change. */
  readonly line: Uint8Array | null;
  /** Responses: also on statuses other than 200, 201, 204, 206, 301-304, 307 and 308 (add_header ... always). */
  readonly always: boolean;
}

/** What {@link FieldEdits.drops} says of a field. */
export const KEEPS = 0;
export const DROPS = 1;
export const REWRITES = 2;

/** Changes the values of received lines where they stand. */
export interface FieldRewrites<Context> {
  /** Lower case. */
  readonly names: readonly string[];
  /** @returns the value that goes on, Latin-1. `id` is one of the names' */
  rewrite(id: number, value: string, context: Context): string;
}

/** Field lines to drop, to change and to add. Immutable after compilation. */
export class FieldEdits<Context> {
  /** By field id: one of the constants above. Ids interned later are beyond the end, and stay. */
  readonly drops: Uint8Array;

  /**
   * @param dropped names whose received lines are removed, beside the hop-by-hop ones and beside every name in `first`;
   *   or the `drops` of other edits, as they are
   * @param first lines written in front of the received ones, in this order
   * @param last lines written behind the received ones, in this order
   * @param rewrites changes of received lines; a name that is dropped stays dropped
   * @param keepsReceived false: no received line goes on, whatever its name (proxy_pass_request_headers off)
   */
  constructor(
    dropped: readonly string[] | Uint8Array,
    readonly first: readonly FieldSet<Context>[],
    readonly last: readonly FieldSet<Context>[] = [],
    readonly rewrites: FieldRewrites<Context> | null = null,
    readonly keepsReceived: boolean = true,
  ) {
    if (dropped instanceof Uint8Array) {
      this.drops = dropped;
      return;
    }
    const ids = dropped.map((name) => FIELD_NAMES.intern(name));
    const rewritten = rewrites === null ? [] : rewrites.names.map((name) => FIELD_NAMES.intern(name));
    this.drops = new Uint8Array(FIELD_NAMES.size);
    for (const id of rewritten) this.drops[id] = REWRITES;
    for (const id of [...ids, ...first.map((set) => set.id)]) this.drops[id] = DROPS;
    // Framing is decided once and written by the head writer, whatever a configuration asks for.
    this.drops[CONTENT_LENGTH] = KEEPS;
    for (const id of HOP_BY_HOP) this.drops[id] = DROPS;
  }

  /** The same edits with more lines in front, which stand in for received ones of their names. */
  with(lines: readonly FieldSet<Context>[]): FieldEdits<Context> {
    const dropped = Array.from(this.drops, (what, id) => (what === DROPS ? FIELD_NAMES.name(id) : ''));
    const first = [...this.first, ...lines];
    return new FieldEdits(dropped.filter(Boolean), first, this.last, this.rewrites, this.keepsReceived);
  }

  /**
   * These edits as one message needs them: without their own lines of certain names, and with more lines.
   * @param without names in lower case
   */
  amended(without: ReadonlySet<string>, more: readonly FieldSet<Context>[]): FieldEdits<Context> {
    const stays = ({ prefix }: FieldSet<Context>): boolean => !without.has(nameIn(prefix));
    const first = [...this.first.filter(stays), ...more];
    return new FieldEdits(this.drops, first, this.last.filter(stays), this.rewrites, this.keepsReceived);
  }
}

/** The name in `Name: `, in lower case. */
function nameIn(prefix: Uint8Array): string {
  return Buffer.from(prefix).toString('latin1').slice(0, -2).toLowerCase();
}

/** Makes one line for one message: as {@link fieldSet}, but no name of traffic's enters the table of names. */
export function fieldLine<Context>(name: string, value: string): FieldSet<Context> {
  const octets = latin1(name);
  const line = latin1(`${name}: ${value}\r\n`);
  const id = FIELD_NAMES.find(octets, 0, octets.length);
  return { id, prefix: latin1(`${name}: `), value: new ConstantValue(value), line, always: true };
}

/** Makes one line. `name` is sent as spelt here. Throws a RangeError if name is not a token or value not Latin-1. */
export function fieldSet<Context>(
  name: string,
  value: ValueSource<Context> | string,
  always = false,
): FieldSet<Context> {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name))
    throw new RangeError(`not a field name: ${JSON.stringify(name)}`);
  const source = typeof value === 'string' ? new ConstantValue(value) : value;
  let line: Uint8Array | null = null;
  if (source instanceof ConstantValue) {
    // Octets that could end the line become SP, as in a value that changes (RFC 9110 5.5).
    const text = source.text.replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ');
    line = latin1(text === '' ? '' : `${name}: ${text}\r\n`);
  }
  return { id: FIELD_NAMES.intern(name), prefix: latin1(`${name}: `), value: source, line, always };
}
