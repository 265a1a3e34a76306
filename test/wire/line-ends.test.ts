/** Heads whose lines end in a bare LF: read where that is allowed, as the same head with CRLF, however they are cut. */
import { expect } from 'chai';
import {
  HEAD_COMPLETE,
  HEAD_MORE,
  HEAD_REFUSED,
  type HeadLimits,
  HeadReader,
} from '../../src/wire/http1/head-reader.js';
import { TYPE_REQUEST, TYPE_RESPONSE } from '../../src/wire/http1/llhttp.js';
import { LIMITS } from './head-log.js';

const LENIENT: HeadLimits = { ...LIMITS, ignoresMissingCr: true };
const BODY = 'a\nb\r\n\n\n';

interface Read {
  readonly answer: number;
  readonly head: string;
  readonly fields: readonly string[];
  /** Octets of the text that were used. */
  readonly used: number;
}

/** Feeds the pieces of `text` until the head is whole or refused. */
function read(type: number, pieces: readonly string[], limits = LENIENT): Read {
  const reader = new HeadReader(type);
  reader.reset();
  let used = 0;
  let answer = HEAD_MORE;
  for (const piece of pieces) {
    const chunk = Buffer.from(`..${piece}..`, 'latin1');
    answer = reader.read(chunk, 2, 2 + piece.length, limits);
    used += reader.consumed - 2;
    if (answer !== HEAD_MORE) break;
  }
  const { head } = reader;
  const fields =
    answer === HEAD_COMPLETE ? Array.from({ length: head.count }, (_, i) => head.valueText(i)) : [];
  return { answer, head: answer === HEAD_COMPLETE ? head.text(0, head.length) : '', fields, used };
}

const HEADS: readonly (readonly [string, number, string])[] = [
  ['a request', TYPE_REQUEST, 'GET /a HTTP/1.1\nHost: a\nX: y \n\n'],
  ['a request, mixed', TYPE_REQUEST, 'GET /a HTTP/1.1\r\nHost: a\nX:\r\nY: z\n\r\n'],
  ['a request, the other way round', TYPE_REQUEST, 'GET /a HTTP/1.1\nHost: a\r\n\n'],
  ['a request behind empty lines', TYPE_REQUEST, '\n\r\nPOST /a HTTP/1.1\nHost: a\nContent-Length: 3\n\n'],
  ['a request with a method of its own', TYPE_REQUEST, 'BREW /a HTTP/1.1\nHost: a\n\n'],
  ['a request without fields', TYPE_REQUEST, 'GET /a HTTP/1.0\n\n'],
  ['a response', TYPE_RESPONSE, 'HTTP/1.1 200 OK\nContent-Length: 3\nX: y\n\n'],
  ['a response without a reason', TYPE_RESPONSE, 'HTTP/1.1 204\nX: y\n\n'],
];

describe('heads with a bare LF', () => {
  for (const [name, type, text] of HEADS) {
    const strict = text.replace(/\r?\n/g, '\r\n');
    const { head, fields } = read(type, [strict], LIMITS);
    const expected: Read = { answer: HEAD_COMPLETE, head, fields, used: text.length };

    it(`${name}: refused without the option`, () => {
      expect(read(type, [text], LIMITS).answer).to.equal(HEAD_REFUSED);
    });
    it(`${name}: read with it, content left alone, cut in two and three at every place`, () => {
      const whole = text + BODY;
      for (let at = 0; at <= whole.length; at++) {
        expect(read(type, [whole.slice(0, at), whole.slice(at)]), `cut at ${at}`).to.deep.equal(expected);
        const pieces = [whole.slice(0, at), whole.slice(at, at + 1), whole.slice(at + 1)];
        expect(read(type, pieces), `an octet at ${at}`).to.deep.equal(expected);
      }
    });
    it(`${name}: octet by octet`, () => {
      expect(read(type, Array.from(text))).to.deep.equal(expected);
    });
    it(`${name}: CRLF is read as ever`, () => {
      expect(read(type, [strict + BODY])).to.deep.equal({ ...expected, used: strict.length });
    });
  }

  const REFUSED: readonly (readonly [string, string])[] = [
    ['a bare CR in a line', 'GET / HTTP/1.1\nHost: a\rb\n\n'],
    ['a bare CR for a line end', 'GET / HTTP/1.1\rHost: a\n\n'],
    ['CR CR LF', 'GET / HTTP/1.1\nHost: a\r\r\n\n'],
    ['a folded line', 'GET / HTTP/1.1\nHost: a\n b\n\n'],
    ['NUL', 'GET / HTTP/1.1\nHost: a\nX: \0\n\n'],
    ['too many empty lines', '\n\n\n\n\n\nGET / HTTP/1.1\nHost: a\n\n'],
    ['white space before the colon', 'GET / HTTP/1.1\nHost : a\n\n'],
  ];
  for (const [name, text] of REFUSED) {
    it(`${name} stays refused`, () => {
      for (let at = 0; at < text.length; at++) {
        const { answer } = read(TYPE_REQUEST, [text.slice(0, at), text.slice(at)]);
        expect(answer, `cut at ${at}`).to.equal(HEAD_REFUSED);
      }
    });
  }
});
