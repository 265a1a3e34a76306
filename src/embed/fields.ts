/**
 * The fields of one received message, to read and to edit: the field-edit API of hooks and route functions. Decides what
 * may be edited; the machine's head writer applies the edits, and received lines that nobody touched go on octet for
 * octet.
 */
import { equalsFolded, latin1 } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import { type FieldEdits, type FieldSet, fieldLine } from '../message/field-edits.js';
import { FIELD_STRIDE, type Head, NAME_END, NAME_ID, NAME_START, NOMINATED } from '../message/head.js';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Framing and what belongs to one connection: the proxy writes these itself (RFC 9110 7.6.1, RFC 9112 6). */
const OWN = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Why a field cannot be edited, or ''. For a TypeError or an option's message. */
export function fieldFault(name: string, value: string): string {
  if (!TOKEN.test(name)) return `${JSON.stringify(name)} is not a field name`;
  if (OWN.has(name.toLowerCase())) return `${name} is decided by the proxy and cannot be set or removed`;
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    return `the value of ${name} holds a control character or one beyond Latin-1; encode it first`;
  }
  return '';
}

/** Names without regard to case, values as Latin-1 text. Reading shows what goes on: edits included. */
export class Fields implements Iterable<readonly [name: string, value: string]> {
  private added: { readonly name: string; readonly value: string }[] = [];
  /** Names, in lower case, whose lines in the route's own edits do not count any more. */
  private readonly replaced = new Set<string>();
  /** Lines of the head that were taken away. */
  private readonly dropped = new Set<number>();

  /** @internal @param head null once its exchange is over */
  constructor(
    private head: Head | null,
    private readonly isRequest: boolean,
  ) {}

  /** Values of all lines of this name, joined by ", " (RFC 9110 5.3); undefined where there is none. */
  get(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(', ');
  }

  /** Values of all lines of this name, in order. What Set-Cookie needs. */
  getAll(name: string): string[] {
    const lower = name.toLowerCase();
    const folded = latin1(lower);
    const values: string[] = [];
    const head = this.received();
    for (let i = 0; i < head.count; i++) {
      const { octets, fields } = head;
      const f = i * FIELD_STRIDE;
      if (!equalsFolded(octets, fields[f + NAME_START], fields[f + NAME_END], folded)) continue;
      if (!this.dropped.has(i)) values.push(head.valueText(i));
    }
    for (const line of this.added) if (line.name.toLowerCase() === lower) values.push(line.value);
    return values;
  }

  /** Whether a line of this name goes on. */
  has(name: string): boolean {
    return this.getAll(name).length > 0;
  }

  /** Every line, in order, names as they were spelt. */
  *[Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    const head = this.received();
    for (let i = 0; i < head.count; i++) {
      if (!this.dropped.has(i)) yield [this.nameText(head, i), head.valueText(i)];
    }
    for (const { name, value } of this.added) yield [name, value];
  }

  /** One line in place of all of that name. @throws TypeError for a field that is the proxy's own, or no field */
  set(name: string, value: string): this {
    this.check(name, value);
    this.take(name);
    this.added.push({ name, value });
    return this;
  }

  /** One line more. @throws TypeError as {@link set} */
  append(name: string, value: string): this {
    this.check(name, value);
    this.added.push({ name, value });
    return this;
  }

  /** Takes every line of that name away, also one that the route sets. @throws TypeError as {@link set} */
  delete(name: string): this {
    this.check(name, '');
    if (this.isRequest && name.toLowerCase() === 'host')
      throw new TypeError('a request needs a Host: set it instead');
    this.take(name);
    return this;
  }

  /** @internal The edits that a plan has, and these behind them; null where there are none. */
  over(base: FieldEdits<Exchange>): FieldEdits<Exchange> | null {
    if (this.added.length === 0 && this.replaced.size === 0) return null;
    const lines = this.added
      .filter(({ value }) => value !== '')
      .map(({ name, value }): FieldSet<Exchange> => fieldLine(name, value));
    return base.amended(this.replaced, lines);
  }

  /** @internal The head belongs to another exchange from here on. */
  release(): void {
    this.head = null;
  }

  private received(): Head {
    if (this.head === null) {
      throw new Error('this head is gone with its exchange: read it before the "finished" hook returns');
    }
    return this.head;
  }

  private check(name: string, value: string): void {
    const fault = fieldFault(name, value);
    if (fault !== '') throw new TypeError(fault);
    this.received();
  }

  /** Received lines of that name go nowhere, and no variable sees them. */
  private take(name: string): void {
    const lower = name.toLowerCase();
    const head = this.received();
    for (let i = 0; i < head.count; i++) {
      if (this.dropped.has(i) || this.nameText(head, i).toLowerCase() !== lower) continue;
      this.dropped.add(i);
      head.fields[i * FIELD_STRIDE + NAME_ID] = NOMINATED;
    }
    this.added = this.added.filter((line) => line.name.toLowerCase() !== lower);
    this.replaced.add(lower);
  }

  private nameText(head: Head, i: number): string {
    const f = i * FIELD_STRIDE;
    return head.text(head.fields[f + NAME_START], head.fields[f + NAME_END]);
  }
}
