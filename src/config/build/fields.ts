/**
 * Lines of proxy_set_header and add_header. Decides which can be sent; the others are faults, each told once, however
 * many levels inherit it.
 */
import type { AddedField } from '../../proxy/edits.js';
import type { FieldLine } from '../blocks.js';
import type { Site } from './site.js';

/** Fields that the machine writes by itself: a configuration cannot set them. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  ...FRAMING,
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
]);

/** Reads field lines for one configuration. */
export class FieldLines {
  /** The value of every line that was looked at; null for one that is not sent. */
  private readonly values = new Map<FieldLine, AddedField['value'] | null>();

  constructor(private readonly site: Site) {}

  /** Fields of a request (proxy_set_header). */
  ofRequest(lines: readonly FieldLine[]): AddedField[] {
    return this.read(lines, FRAMING);
  }

  /** Fields of a response (add_header). */
  ofResponse(lines: readonly FieldLine[]): AddedField[] {
    return this.read(lines, OF_THE_CONNECTION);
  }

  private read(lines: readonly FieldLine[], forbidden: ReadonlySet<string>): AddedField[] {
    const fields: AddedField[] = [];
    for (const line of lines) {
      const name = line.name.text;
      let value = this.values.get(line);
      if (value === undefined) this.values.set(line, (value = this.check(line, forbidden)));
      if (value !== null) fields.push({ name, value, always: line.always });
    }
    return fields;
  }

  private check(
    { name, value, directive }: FieldLine,
    forbidden: ReadonlySet<string>,
  ): AddedField['value'] | null {
    const { site } = this;
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name.text)) {
      site.fault(name, `"${name.text}" in "${directive.name}" directive is not a field name`);
      return null;
    }
    if (forbidden.has(name.text.toLowerCase())) {
      // `proxy_set_header Content-Length ""` goes with `proxy_pass_request_body off`: it says what happens anyway.
      if (value.text === '') return null;
      const hint = 'wirehop decides framing and connections by itself; leave the line out';
      site.fault(name, `"${name.text}" in "${directive.name}" directive is not supported`, hint);
      return null;
    }
    return site.template(value);
  }
}
