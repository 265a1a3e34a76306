/**
 * Proves the shape of blocks, and nginx's words where it is broken.
 */
import { expect } from 'chai';
import { parse } from '../../src/config/parser.js';
import type { Directive } from '../../src/config/syntax.js';

function show(directives: readonly Directive[]): string {
  return directives
    .map(({ name, args, block }) => {
      const words = [name, ...args.map((word) => word.text)].join(' ');
      return block === null ? `${words};` : `${words}{${show(block)}}`;
    })
    .join('');
}

const FAULTS: readonly (readonly [string, string, string, string])[] = [
  // text, what is kept of it, line:column and fault, part of the hint
  ['a;}', 'a;', '1:3 unexpected "}"', 'no block is open'],
  ['a{b }', 'a{}', '1:5 unexpected "}"', '"b" in line 1 is not terminated'],
  [';', '', '1:1 unexpected ";"', ''],
  ['a;\n{', 'a;', '2:1 unexpected "{"', ''],
  ['a {\nb;\n', 'a{b;}', '3:1 unexpected end of file, expecting "}"', 'block of "a", opened in line 1'],
  ['a {\nb', 'a{}', '2:2 unexpected end of file, expecting ";" or "}"', '"b" in line 2'],
  ['a', '', '1:2 unexpected end of file, expecting ";" or "}"', ''],
];

describe('config parser', () => {
  it('nests blocks', () => {
    const { directives, error } = parse('a 1 "2";b{c{d;}e f{}}', '/f');
    expect(error).to.equal(null);
    expect(show(directives)).to.equal('a 1 2;b{c{d;}e f{}}');
  });

  for (const [text, kept, fault, hint] of FAULTS) {
    it(`refuses ${JSON.stringify(text)}, and keeps what stands in front`, () => {
      const { directives, error } = parse(text, '/f');
      expect(show(directives)).to.equal(kept);
      expect(`${error?.line}:${error?.column} ${error?.text}`).to.equal(fault);
      expect(error?.hint).to.contain(hint);
    });
  }

  it('takes no blocks from the command line, and words its end for it', () => {
    expect(parse('a {}', '').error?.text).to.equal('block directives are not supported in -g option');
    expect(parse('a', '').error?.text).to.equal('unexpected end of parameter, expecting ";"');
    expect(parse('a b; c;', '').error).to.equal(null);
  });
});
