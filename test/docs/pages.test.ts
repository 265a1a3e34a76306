/** Every page: its links lead somewhere, and each of its blocks is of a kind that the tests know what to do with. */
import { expect } from 'chai';
import { load } from 'js-yaml';
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { manifest, ROOT } from '../package/installed.js';
import { BLOCKS, PAGES, read, runnable } from './pages.js';

/** What happens to a block, by language. Other tests of this directory run the first six. */
const LANGUAGES = ['js', 'ts', 'sh', 'nginx', 'json', 'yaml', 'mermaid', 'http', 'text'];

/** The anchor that GitHub gives a heading. */
function anchor(heading: string): string {
  const plain = heading.replace(/`|\*\*|\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return plain.replace(/[^\p{L}\p{N} _-]/gu, '').replace(/ /g, '-');
}

function anchors(page: string): string[] {
  const found = [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading));
  return found.map((name, i) => {
    const earlier = found.slice(0, i).filter((other) => other === name).length;
    return earlier === 0 ? name : `${name}-${earlier}`;
  });
}

describe('documentation', () => {
  for (const page of PAGES) {
    it(`links only to what exists: ${page}`, () => {
      const links = [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, link]) => link);
      for (const link of links) {
        const [path, fragment] = link.split('#');
        const target = path === '' ? page : normalize(join(dirname(page), path));
        expect(existsSync(join(ROOT, target)), link).to.equal(true);
        if (fragment !== undefined) expect(anchors(target), link).to.include(fragment);
      }
    });
  }

  it('names the language of every block, and gives a reason for each that is not run', () => {
    for (const { where, language, excuse } of BLOCKS) {
      expect(LANGUAGES, `${where}: language of the block`).to.include(language);
      if (excuse !== '') expect(excuse.length, `${where}: reason`).to.be.above(10);
    }
  });

  it('has JSON and YAML that can be read', () => {
    for (const { where, language, text } of runnable('json', 'yaml')) {
      expect(() => (language === 'json' ? JSON.parse(text) : load(text)), where).not.to.throw();
    }
  });

  it('names only scripts that package.json has', () => {
    const { scripts } = manifest() as { scripts: Record<string, string> };
    for (const page of PAGES) {
      for (const [, name] of read(page).matchAll(/\bnpm run (?:-s |--silent )?([\w:]+)/g)) {
        expect(scripts, `${page}: npm run ${name}`).to.have.property(name);
      }
    }
  });
});
