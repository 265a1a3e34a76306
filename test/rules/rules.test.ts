import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { RULES, renderRules } from './rules.js';

const ROOT = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

describe('the rules of the wire', () => {
  for (const { id, proofs } of RULES) {
    it(`${id} names tests that exist`, () => {
      expect(proofs).not.to.have.length(0);
      for (const [file, words] of proofs) expect(read(`test/${file}`), file).to.include(words);
    });
  }

  it('stand in docs/wire.md, up to date (npm run docs)', () => {
    expect(read('docs/wire.md')).to.include(renderRules());
  });
});
