/**
 * The table of names. Proves: it finds what was put in, in any case, and nothing else, wherever the name stands.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { NameTable } from '../../src/bytes/name-table.js';

const NAMES = ['host', 'te', 'x', 'content-length', 'content-lengtj', 'dontent-length', 'x_y', 'x-y'];

describe('name table', () => {
  const table = new NameTable();
  const ids = NAMES.map((name) => table.intern(name));
  const find = (text: string): number => {
    // Between octets that are not the name's.
    const octets = Buffer.from(`..${text}..`, 'latin1');
    return table.find(octets, 2, octets.length - 2);
  };

  it('numbers names from 1, in order', () => {
    expect(ids).to.deep.equal(NAMES.map((_, i) => i + 1));
    expect(table.size).to.equal(NAMES.length + 1);
  });
  it('gives a known name its number, in any case', () => {
    expect(table.intern('Content-Length')).to.equal(ids[3]);
    expect(table.size).to.equal(NAMES.length + 1);
  });
  it('tells the name of a number, in lower case', () => {
    expect(table.name(ids[3])).to.equal('content-length');
    expect(table.name(0)).to.equal('');
    expect(table.name(9999)).to.equal('');
  });
  it('finds every name in any case', () => {
    for (const [i, name] of NAMES.entries()) {
      expect(find(name)).to.equal(ids[i]);
      expect(find(name.toUpperCase())).to.equal(ids[i]);
    }
  });
  for (const text of ['', 'hos', 'hosts', 'ho\x13t', 'hOs\xf4', 'content-lengti', 'x.y', 'y'.repeat(5000)]) {
    it(`does not find ${JSON.stringify(text.slice(0, 20))}`, () => expect(find(text)).to.equal(0));
  }
  it('an empty table finds nothing', () => expect(new NameTable().find(Buffer.from('a'), 0, 1)).to.equal(0));
  it('refuses a name that is not Latin-1', () =>
    expect(() => new NameTable().intern('\u20ac')).to.throw(RangeError));

  it('answers as a Map of strings would', () => {
    const name = fc.string({
      unit: fc.constantFrom('a', 'A', 'b', '-', '_', '\x1f', '@', '`'),
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(name), fc.array(name), (put, asked) => {
        const own = new NameTable();
        const known = new Map<string, number>();
        for (const text of put) known.set(text.toLowerCase(), own.intern(text));
        for (const text of [...put, ...asked]) {
          const octets = Buffer.from(text, 'latin1');
          expect(own.find(octets, 0, octets.length)).to.equal(known.get(text.toLowerCase()) ?? 0);
        }
      }),
    );
  });
});
