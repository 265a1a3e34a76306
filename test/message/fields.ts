/**
 * A head with the given field lines, put together by hand: the rules of message/ are tested without a reader.
 */
import { FIELD_NAMES } from '../../src/message/field-names.js';
import * as h from '../../src/message/head.js';
import { Head } from '../../src/message/head.js';

/** @param lines `Name: value` each, Latin-1; OWS around the value is left out as a reader does. */
export function headWith(lines: readonly string[], minorVersion = 1): Head {
  const text = lines.map((line) => `${line}\r\n`).join('') + '\r\n';
  const head = new Head(text.length);
  head.octets.write(text, 'latin1');
  head.length = text.length;
  head.minorVersion = minorVersion;
  head.fields = new Int32Array(Math.max(1, lines.length) * h.FIELD_STRIDE);
  let start = 0;
  for (const line of lines) {
    const f = head.count++ * h.FIELD_STRIDE;
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '');
    const at = value === '' ? colon + 1 : line.indexOf(value, colon + 1);
    head.fields.set([start, start + colon, start + at, start + at + value.length], f);
    head.fields[f + h.NAME_ID] = FIELD_NAMES.find(head.octets, start, start + colon);
    start += line.length + 2;
  }
  return head;
}
