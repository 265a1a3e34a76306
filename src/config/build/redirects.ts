/**
 * `proxy_redirect default`: where an upstream redirects to itself, the downstream side is sent to the location. Decides
 * what is replaced; leaves the fields that are not redirections alone.
 */
import { FieldEdits, fieldSet, type FieldSet, type ValueSource } from '../../message/field-edits.js';
import { FIELD_NAMES } from '../../message/field-names.js';
import type { Exchange } from '../../proxy/model.js';

type Out = Parameters<ValueSource<Exchange>['put']>[1];

/** The received value of one field, with `from` at its front replaced by `to`; nothing when the field is not there. */
class RewrittenField implements ValueSource<Exchange> {
  private readonly id: number;

  /** @param target where the redirection stands in a value: the position of its first octet, or -1 */
  constructor(
    name: string,
    private readonly from: string,
    private readonly to: string,
    private readonly target: (value: string) => number,
  ) {
    this.id = FIELD_NAMES.intern(name);
  }

  put(exchange: Exchange, out: Out): void {
    const { response } = exchange;
    const index = response.findField(this.id);
    if (index < 0) return;
    const value = response.valueText(index);
    const at = this.target(value);
    if (at < 0 || !value.startsWith(this.from, at)) out.putLatin1(value);
    else out.putLatin1(value.slice(0, at) + this.to + value.slice(at + this.from.length));
  }
}

/** `edits`, with Location and Refresh rewritten: `from` at the front of a target becomes `to`. */
export function withRedirects(edits: FieldEdits<Exchange>, from: string, to: string): FieldEdits<Exchange> {
  const dropped = Array.from(edits.drops, (drops, id) => (drops === 1 ? FIELD_NAMES.name(id) : '')).filter(
    Boolean,
  );
  const rewritten: FieldSet<Exchange>[] = [
    fieldSet<Exchange>('Location', new RewrittenField('location', from, to, () => 0), true),
    fieldSet<Exchange>('Refresh', new RewrittenField('refresh', from, to, refreshTarget), true),
  ].filter((set) => edits.drops[set.id] !== 1);
  return new FieldEdits<Exchange>(dropped, [...edits.first, ...rewritten], edits.last);
}

/** `5; url=http://host/`: nginx looks for "url=" in any case. */
function refreshTarget(value: string): number {
  const at = value.toLowerCase().indexOf('url=');
  return at < 0 ? -1 : at + 'url='.length;
}
