/**
 * RFC 9112 6.3 by itself: every combination of the two fields, of version, status and HEAD. The same rules with octets
 * in front are among the cases of the head reader; here are those that llhttp would not let through.
 */
import { expect } from 'chai';
import { CONTENT_LENGTH, TRANSFER_ENCODING } from '../../src/message/field-names.js';
import { decideRequestFraming, decideResponseFraming } from '../../src/message/framing.js';
import * as h from '../../src/message/head.js';
import type { Head } from '../../src/message/head.js';
import { headWith } from './fields.js';

const BODIES = ['none', 'length', 'chunked', 'until-close'];

/** Number of lines with this id, and the place of the last one. */
function linesOf(head: Head, id: number): [count: number, field: number] {
  let count = 0;
  let field = -1;
  for (let i = 0; i < head.count; i++) {
    if (head.fields[i * h.FIELD_STRIDE + h.NAME_ID] !== id) continue;
    count++;
    field = i * h.FIELD_STRIDE;
  }
  return [count, field];
}

function shown(head: Head, fault: string | null): string {
  if (fault !== null) return fault;
  return head.body === h.BODY_LENGTH ? `length ${head.contentLength}` : BODIES[head.body];
}

function request(lines: readonly string[], minorVersion: number): string {
  const head = headWith(lines, minorVersion);
  const fault = decideRequestFraming(
    head,
    ...linesOf(head, CONTENT_LENGTH),
    ...linesOf(head, TRANSFER_ENCODING),
  );
  return shown(head, fault);
}

function response(lines: readonly string[], minorVersion: number, status: number, toHead: boolean): string {
  const head = headWith(lines, minorVersion);
  head.status = status;
  const fault = decideResponseFraming(
    head,
    toHead,
    ...linesOf(head, CONTENT_LENGTH),
    ...linesOf(head, TRANSFER_ENCODING),
  );
  return shown(head, fault);
}

const CL = (value: string): string => `Content-Length: ${value}`;
const TE = (value: string): string => `Transfer-Encoding: ${value}`;

/** Lines; what they make of a request in HTTP/1.1 and 1.0; of a 200 in HTTP/1.1 and 1.0; of a 204. */
const CASES: readonly [lines: string[], r11: string, r10: string, a11: string, a10: string, bare: string][] =
  [
    [[], 'none', 'none', 'until-close', 'until-close', 'none'],
    [[CL('0')], 'none', 'none', 'none', 'none', 'none'],
    [[CL('5')], 'length 5', 'length 5', 'length 5', 'length 5', 'none'],
    [[CL('005')], 'length 5', 'length 5', 'length 5', 'length 5', 'none'],
    [[TE('chunked')], 'chunked', 'TRANSFER_CODING_IN_1_0', 'chunked', 'TRANSFER_CODING_IN_1_0', 'none'],
    [[TE('CHUNKED')], 'chunked', 'TRANSFER_CODING_IN_1_0', 'chunked', 'TRANSFER_CODING_IN_1_0', 'none'],
  ];

/** Refused everywhere, with the same code. In HTTP/1.0 a request's coding is refused for its version first. */
const REFUSED: readonly [lines: string[], code: string][] = [
  ...['', 'x', '+5', '-5', '5 5', '5,5', '5.0', '0x5', '5a', '\xb2', '9007199254740992', '9'.repeat(40)].map(
    (value): [string[], string] => [[CL(value)], 'CONTENT_LENGTH_INVALID'],
  ),
  [[CL('5'), CL('5')], 'CONTENT_LENGTH_REPEATED'],
  [[CL('5'), CL('6')], 'CONTENT_LENGTH_REPEATED'],
  [[CL('5'), TE('chunked')], 'FRAMING_AMBIGUOUS'],
  [[TE('chunked'), CL('0')], 'FRAMING_AMBIGUOUS'],
  [[TE(''), CL('5')], 'FRAMING_AMBIGUOUS'],
  [[TE('chunked'), TE('chunked')], 'TRANSFER_CODING_REPEATED'],
  [[TE(''), TE('chunked')], 'TRANSFER_CODING_REPEATED'],
  ...[
    '',
    'gzip',
    'identity',
    'gzip, chunked',
    'chunked, chunked',
    'chunked,',
    ',chunked',
    'chunked;a=b',
    'xchunked',
    'chunkedx',
    'chunked\xa0',
  ].map((value): [string[], string] => [[TE(value)], 'TRANSFER_CODING_UNKNOWN']),
];

describe('framing', () => {
  for (const [lines, r11, r10, a11, a10, bare] of CASES) {
    it(JSON.stringify(lines), () => {
      expect(request(lines, 1), 'request').to.equal(r11);
      expect(request(lines, 0), 'request, HTTP/1.0').to.equal(r10);
      expect(response(lines, 1, 200, false), '200').to.equal(a11);
      expect(response(lines, 0, 200, false), '200, HTTP/1.0').to.equal(a10);
      expect(response(lines, 1, 200, true), 'to HEAD').to.equal('none');
      for (const status of [100, 101, 103, 199, 204, 304]) {
        expect(response(lines, 1, status, false), String(status)).to.equal(bare);
        // A coding in HTTP/1.0 is faulty framing, content or not (RFC 9112 6.1).
        const isFaulty = a10 === 'TRANSFER_CODING_IN_1_0';
        expect(response(lines, 0, status, false), `${status}, HTTP/1.0`).to.equal(isFaulty ? a10 : bare);
      }
      for (const status of [205, 303, 404, 500, 999]) {
        expect(response(lines, 1, status, false), String(status)).to.equal(a11);
      }
    });
  }

  for (const [lines, code] of REFUSED) {
    it(`${JSON.stringify(lines)} is refused`, () => {
      expect(request(lines, 1), 'request').to.equal(code);
      const isCoded = code.startsWith('TRANSFER_CODING');
      expect(request(lines, 0), 'request, HTTP/1.0').to.equal(isCoded ? 'TRANSFER_CODING_IN_1_0' : code);
      for (const status of [100, 200, 204, 304, 404]) {
        expect(response(lines, 1, status, false), String(status)).to.equal(code);
        expect(response(lines, 1, status, true), `${status} to HEAD`).to.equal(code);
      }
    });
  }

  it('reads every length up to 2^53 - 1 exactly', () => {
    for (let n = Number.MAX_SAFE_INTEGER; n > Number.MAX_SAFE_INTEGER - 200; n--) {
      expect(request([CL(String(n))], 1)).to.equal(`length ${n}`);
    }
    for (let n = BigInt(Number.MAX_SAFE_INTEGER) + 1n; n < BigInt(Number.MAX_SAFE_INTEGER) + 200n; n++) {
      expect(request([CL(String(n))], 1)).to.equal('CONTENT_LENGTH_INVALID');
    }
  });
});
