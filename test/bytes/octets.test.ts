/**
 * The tables of octet classes against the grammars that they stand for, octet by octet.
 */
import { expect } from 'chai';
import {
  CLASS,
  DIGIT,
  equalsFolded,
  FIELD_VALUE,
  FOLD,
  HEX,
  HEX_VALUE,
  latin1,
  LOOSE_PATH,
  LOOSE_QUERY,
  REG_NAME,
  TARGET,
  TOKEN,
} from '../../src/bytes/octets.js';

const CLASSES: readonly [name: string, bit: number, grammar: RegExp][] = [
  ['TOKEN: tchar, RFC 9110 5.6.2', TOKEN, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/],
  ['HEX: HEXDIG, RFC 5234 B.1, in either case', HEX, /^[0-9A-Fa-f]$/],
  ['DIGIT: RFC 5234 B.1', DIGIT, /^[0-9]$/],
  ['TARGET: pchar "/" "?" and "%", RFC 3986 3.3 and 3.4', TARGET, /^[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]$/],
  ['REG_NAME: reg-name, RFC 3986 3.2.2', REG_NAME, /^[A-Za-z0-9\-._~!$&'()*+,;=%]$/],
  ['FIELD_VALUE: field-vchar, SP and HTAB, RFC 9110 5.5', FIELD_VALUE, /^[\t\x20-\x7e\x80-\xff]$/],
  ['LOOSE_PATH: what browsers leave in a path', LOOSE_PATH, /^[[\]^|]$/],
  ['LOOSE_QUERY: what browsers leave in a query', LOOSE_QUERY, /^[[\]\\^`{|}]$/],
];

describe('octet classes', () => {
  for (const [name, bit, grammar] of CLASSES) {
    it(name, () => {
      for (let octet = 0; octet < 256; octet++) {
        const text = String.fromCharCode(octet);
        expect((CLASS[octet] & bit) !== 0, `octet ${octet}`).to.equal(grammar.test(text));
      }
    });
  }

  it('what browsers send is what the URL Standard leaves unencoded', () => {
    // Node's URL follows that standard: of printable ASCII, what it does not encode must be allowed.
    for (let octet = 0x21; octet < 0x7f; octet++) {
      const text = String.fromCharCode(octet);
      const path = new URL(`http://a/x${text}y`).pathname.slice(2, -1);
      if (path === text && !'/?#'.includes(text)) {
        expect(CLASS[octet] & (TARGET | LOOSE_PATH), `path ${text}`).not.to.equal(0);
      }
      const query = new URL(`http://a/?x${text}y`).search.slice(2, -1);
      if (query === text && text !== '#') {
        expect(CLASS[octet] & (TARGET | LOOSE_QUERY), `query ${text}`).not.to.equal(0);
      }
    }
  });

  it('FOLD lowers ASCII letters and nothing else', () => {
    for (let octet = 0; octet < 256; octet++) {
      const text = String.fromCharCode(octet);
      expect(FOLD[octet]).to.equal(/[A-Z]/.test(text) ? text.toLowerCase().charCodeAt(0) : octet);
    }
  });

  it('HEX_VALUE is the digit, or 255', () => {
    for (let octet = 0; octet < 256; octet++) {
      const text = String.fromCharCode(octet);
      expect(HEX_VALUE[octet]).to.equal(/^[0-9a-f]$/i.test(text) ? parseInt(text, 16) : 255);
    }
  });
});

describe('latin1', () => {
  it('makes one octet of each code unit', () =>
    expect([...latin1('a\0\x80\xff')]).to.deep.equal([0x61, 0, 0x80, 0xff]));
  it('makes nothing of nothing', () => expect(latin1('')).to.have.length(0));
  for (const text of ['\u0100', 'a\u20ac', '\ud83d\ude00']) {
    it(`refuses ${JSON.stringify(text)}`, () =>
      expect(() => latin1(text)).to.throw(RangeError, 'not Latin-1'));
  }
});

describe('equalsFolded', () => {
  const octets = latin1('xChUnKeDx');
  const folded = latin1('chunked');
  it('compares without regard to case', () => expect(equalsFolded(octets, 1, 8, folded)).to.equal(true));
  it('compares lengths', () => {
    expect(equalsFolded(octets, 1, 7, folded)).to.equal(false);
    expect(equalsFolded(octets, 1, 9, folded)).to.equal(false);
    expect(equalsFolded(octets, 1, 1, folded)).to.equal(false);
    expect(equalsFolded(octets, 1, 1, latin1(''))).to.equal(true);
  });
  it('compares every octet', () => expect(equalsFolded(octets, 0, 7, folded)).to.equal(false));
  it('does not take octets that differ in the case bit alone for letters', () => {
    // "@" and "`", "[" and "{", 0xC0 and 0xE0 differ as "A" and "a" do.
    expect(equalsFolded(latin1('@'), 0, 1, latin1('`'))).to.equal(false);
    expect(equalsFolded(latin1('['), 0, 1, latin1('{'))).to.equal(false);
    expect(equalsFolded(latin1('\xc0'), 0, 1, latin1('\xe0'))).to.equal(false);
  });
});
