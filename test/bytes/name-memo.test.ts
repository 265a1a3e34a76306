/**
 * The memo of names. Proves: it answers only for the very octets that it was told of, wherever they stand and whatever
 * stands around them; it may forget, and never mixes up.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { NameMemo } from '../../src/bytes/name-memo.js';

/** The name between other octets, with its place. */
function placed(name: string, before = '..', behind = '..'): [DataView, number, number] {
  const octets = Buffer.from(`${before}${name}${behind}`, 'latin1');
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  return [view, before.length, before.length + name.length];
}

describe('name memo', () => {
  it('answers what it was told, and -1 before and after', () => {
    const memo = new NameMemo();
    expect(memo.recall(...placed('content-length'))).to.equal(-1);
    memo.learn(...placed('content-length'), 7);
    expect(memo.recall(...placed('content-length', 'x', 'yyyyyyyyy'))).to.equal(7);
    memo.clear();
    expect(memo.recall(...placed('content-length'))).to.equal(-1);
  });

  it('knows case, lengths, and every octet', () => {
    for (const length of [4, 5, 7, 8, 9, 12, 15, 16, 31, 32]) {
      const memo = new NameMemo();
      const name = 'abcdefghijklmnopqrstuvwxyz012345'.slice(0, length);
      memo.learn(...placed(name), 3);
      expect(memo.recall(...placed(name, '', ''))).to.equal(3);
      for (let i = 0; i < length; i++) {
        const other = `${name.slice(0, i)}#${name.slice(i + 1)}`;
        expect(memo.recall(...placed(other)), `${length}: ${other}`).to.equal(-1);
      }
      expect(memo.recall(...placed(name.slice(0, -1)))).to.equal(-1);
      expect(memo.recall(...placed(`${name}z`))).to.equal(-1);
    }
  });

  it('remembers neither very short nor very long names', () => {
    for (const name of ['a', 'abc', 'x'.repeat(33), 'x'.repeat(500)]) {
      const memo = new NameMemo();
      memo.learn(...placed(name), 1);
      expect(memo.recall(...placed(name, '', ''))).to.equal(-1);
    }
  });

  it('answers as a Map would, or not at all (property)', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'A', 'b', '-'), minLength: 1, maxLength: 36 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, fc.nat(1000)), { maxLength: 200 }),
        fc.array(name),
        (told, asked) => {
          const memo = new NameMemo();
          const known = new Map<string, number>();
          for (const [text, number] of told) {
            memo.learn(...placed(text), number);
            known.set(text, number);
            expect(memo.recall(...placed(text, 'a', 'a'))).to.be.oneOf([-1, number]);
          }
          for (const text of [...known.keys(), ...asked]) {
            expect(memo.recall(...placed(text))).to.be.oneOf([-1, known.get(text) ?? -1]);
          }
        },
      ),
    );
  });
});
