import { expect } from 'chai';
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { FieldEdits } from '../../src/message/field-edits.js';
import { PLAIN_NAME, PLAIN_NAME_UNDERSCORE } from '../../src/message/field-names.js';
import { acquireReader, HEAD_COMPLETE, releaseReader } from '../../src/wire/http1/head-reader.js';
import { writeRequestHead } from '../../src/wire/http1/head-writer.js';
import { TYPE_REQUEST } from '../../src/wire/http1/llhttp.js';

/** The names that go on of a request with these field names. */
function passing(names: readonly string[], nameOctets?: Uint8Array): string[] {
  const reader = acquireReader(TYPE_REQUEST);
  const head = Buffer.from(
    `GET / HTTP/1.1\r\nHost: a\r\n${names.map((name) => `${name}: 1\r\n`).join('')}\r\n`,
  );
  const limits = { maxLineOctets: 8192, maxHeadOctets: 32768, maxFields: 100 };
  const all = nameOctets === undefined ? limits : { ...limits, nameOctets };
  expect(reader.read(head, 0, head.length, all)).to.equal(HEAD_COMPLETE);
  const out = new OctetWriter();
  writeRequestHead(out, reader.head, new FieldEdits<null>([], []), null, 1, null, false);
  const text = out.octets.toString('latin1', 0, out.position);
  releaseReader(reader);
  return [...text.matchAll(/^([^:\r\n]+): 1/gm)].map((match) => match[1]);
}

describe('field names that nginx calls invalid (ignore_invalid_headers, underscores_in_headers)', () => {
  const names = ['X-Plain', 'x_under', 'X-9', 'x.dot', 'x!', 'content_length'];
  it('are dropped by default', () => expect(passing(names, PLAIN_NAME)).to.deep.equal(['X-Plain', 'X-9']));
  it('pass with an underscore where that is allowed', () =>
    expect(passing(names, PLAIN_NAME_UNDERSCORE)).to.deep.equal([
      'X-Plain',
      'x_under',
      'X-9',
      'content_length',
    ]));
  it('all pass where names are not looked at', () => expect(passing(names)).to.deep.equal(names));
});
