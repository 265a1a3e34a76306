/** Proves that docs/limits.md speaks of what is there: the tests it names exist, and so do the directives and constants. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { directiveNames } from '../../src/config/directives/index.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8');
/** Rows of the tables, cells apart. */
const ROWS = PAGE.split('\n')
  .filter((line) => /^\| .* \| .* \| .* \| .* \|/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter((cells) => cells.length === 7 && cells[1] !== 'What' && !cells[1].startsWith('---'));

function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text);
}

describe('docs/limits.md', () => {
  it('names tests that exist', () => {
    const names = ROWS.flatMap((cells) => quoted(cells[5]));
    expect(names).to.have.length.above(30);
    const missing = names.filter((name) => {
      const folder = name.includes('/') ? 'test' : 'test/limits';
      return !existsSync(join(ROOT, folder, name));
    });
    expect(missing).to.deep.equal([]);
  });

  it('names directives that are honoured, and constants of the source', () => {
    const known = new Set(directiveNames());
    const source = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
      .join('\n');
    const strangers = ROWS.flatMap((cells) => quoted(cells[2])).filter((name) =>
      /^[A-Z0-9_]+$/.test(name) ? !source.includes(`const ${name} =`) : !known.has(name.split(' ')[0]),
    );
    expect(strangers).to.deep.equal([]);
  });
});
