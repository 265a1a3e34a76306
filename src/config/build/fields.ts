/**
 * Lines of proxy_set_header and add_header. Decides which can be sent; the others are faults, each told once, however
 * many levels inherit it.
 */
import type { AddedField, SetField } from '../../proxy/edits.js';
import { expiresLines, type ExpiresValue } from '../../proxy/expires.js';
import type { Exchange } from '../../proxy/model.js';
import type { Template } from '../../proxy/template.js';
import type { ExpiresLine, FieldLine } from '../blocks.js';
import { EXPIRES, readExpires } from '../directives/expires.js';
import { ADDED_FIELDS } from '../directives/location.js';
import type { Level } from '../level.js';
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
  private readonly values = new Map<FieldLine, Template | null>();

  constructor(private readonly site: Site) {}

  /** Fields of a request (proxy_set_header). */
  ofRequest(lines: readonly FieldLine[]): SetField[] {
    return this.read(lines, FRAMING);
  }

  /** Fields of a level's responses: expires in front of add_header, as in nginx. */
  ofResponse(level: Level): AddedField[] {
    return [...this.expires(level), ...this.read(level.get(ADDED_FIELDS), OF_THE_CONNECTION)];
  }

  private expires(level: Level): AddedField[] {
    const line = level.get(EXPIRES);
    if (line === null || line.value?.kind === 'off') return [];
    const { expires, cacheControl } = expiresLines(this.expiresValue(line));
    return [
      { name: 'Expires', value: expires, always: true, replaces: true },
      { name: 'Cache-Control', value: cacheControl, always: true, replaces: true },
    ];
  }

  private expiresValue({ value, word, isModified }: ExpiresLine): (exchange: Exchange) => ExpiresValue {
    if (value !== null) return () => value;
    const template = this.site.template(word);
    return (exchange) => {
      const found = readExpires(template.text(exchange), isModified);
      return typeof found === 'string' ? { kind: 'off' } : found;
    };
  }

  private read(lines: readonly FieldLine[], forbidden: ReadonlySet<string>): (SetField & AddedField)[] {
    const fields: (SetField & AddedField)[] = [];
    for (const line of lines) {
      const name = line.name.text;
      let value = this.values.get(line);
      if (value === undefined) this.values.set(line, (value = this.check(line, forbidden)));
      if (value !== null) fields.push({ name, value, always: line.always });
    }
    return fields;
  }

  private check({ name, value, directive }: FieldLine, forbidden: ReadonlySet<string>): Template | null {
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
