/**
 * Proves which files an include means, in what order they come, and that every file is listed once.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DISK, memoryFiles } from '../../src/config/files.js';
import { expandGlob } from '../../src/config/glob.js';
import { assemble } from '../../src/config/include.js';
import type { Directive } from '../../src/config/syntax.js';

function names(directives: readonly Directive[]): string {
  return directives.map(({ name, block }) => (block === null ? name : `${name}{${names(block)}}`)).join(' ');
}

function read(
  texts: Record<string, string>,
  globals = '',
): { tree: string; errors: string[]; sources: string[] } {
  const { directives, errors, sources } = assemble('/etc/main.conf', memoryFiles(texts), globals);
  return {
    tree: names(directives),
    errors: errors.map(({ text, file, line }) => `${text} in ${file}:${line}`),
    sources: sources.map((source) => source.path),
  };
}

describe('config include', () => {
  it('puts the directives of a file in its place, relative to the main file wherever it is named', () => {
    const { tree, errors, sources } = read({
      '/etc/main.conf': 'a; b { include sub/x.conf; } include /abs.conf; z;',
      '/etc/sub/x.conf': 'x; include y.conf;',
      '/etc/y.conf': 'y;',
      '/abs.conf': 'c;',
    });
    expect(errors).to.deep.equal([]);
    expect(tree).to.equal('a b{x y} c z');
    expect(sources).to.deep.equal(['/etc/main.conf', '/etc/sub/x.conf', '/etc/y.conf', '/abs.conf']);
  });

  it('expands a mask in sorted order, and takes one that matches nothing', () => {
    const { tree, errors } = read({
      '/etc/main.conf': 'include d/*.conf; include none/*.conf; include d/[ab]?;',
      '/etc/d/b.conf': 'b;',
      '/etc/d/a.conf': 'a;',
      '/etc/d/a1': 'a1;',
      '/etc/d/c1': 'c1;',
      '/etc/d/.c.conf': 'hidden;',
    });
    expect(errors).to.deep.equal([]);
    expect(tree).to.equal('a b a1');
  });

  it('lists a file once, however often it is included', () => {
    const { tree, sources } = read({ '/etc/main.conf': 'include a; include a;', '/etc/a': 'x;' });
    expect(tree).to.equal('x x');
    expect(sources).to.deep.equal(['/etc/main.conf', '/etc/a']);
  });

  it('reads -g in front of the file', () => {
    expect(read({ '/etc/main.conf': 'a;' }, 'g1; g2;').tree).to.equal('g1 g2 a');
  });

  const faults: readonly (readonly [string, Record<string, string>, string[]])[] = [
    [
      'a missing file',
      { '/etc/main.conf': 'a;\ninclude nope;' },
      ['open() "/etc/nope" failed (2: No such file or directory) in /etc/main.conf:2'],
    ],
    ['a missing main file', {}, ['open() "/etc/main.conf" failed (2: No such file or directory) in :0']],
    [
      'two arguments',
      { '/etc/main.conf': 'include a b;' },
      ['invalid number of arguments in "include" directive in /etc/main.conf:1'],
    ],
    [
      'a loop',
      { '/etc/main.conf': 'include a;', '/etc/a': 'x;\ninclude main.conf;' },
      ['include of "/etc/main.conf" never ends in /etc/a:2'],
    ],
    [
      'a brace that an included file closes and did not open',
      { '/etc/main.conf': 'a { include b; }', '/etc/b': '}' },
      ['unexpected "}" in /etc/b:1'],
    ],
    [
      'faults in several files',
      { '/etc/main.conf': 'include a; include b;', '/etc/a': 'x', '/etc/b': '{' },
      ['unexpected end of file, expecting ";" or "}" in /etc/a:1', 'unexpected "{" in /etc/b:1'],
    ],
  ];
  for (const [name, texts, expected] of faults) {
    it(`tells of ${name}`, () => expect(read(texts).errors).to.deep.equal(expected));
  }
});

describe('config glob', () => {
  const tree: Record<string, string[]> = {
    '/': ['a', 'b'],
    '/a': ['x.conf', 'y.conf', '.z.conf', 'X.conf', 'a-b', 'a]b', 'x+y'],
    '/b': ['x.conf', 'q'],
  };
  const cases: readonly (readonly [string, string[]])[] = [
    ['/a/*.conf', ['/a/X.conf', '/a/x.conf', '/a/y.conf']],
    ['/a/.*.conf', ['/a/.z.conf']],
    ['/a/?.conf', ['/a/X.conf', '/a/x.conf', '/a/y.conf']],
    ['/a/[xy].conf', ['/a/x.conf', '/a/y.conf']],
    ['/a/[!x].conf', ['/a/X.conf', '/a/y.conf']],
    ['/a/[^x].conf', ['/a/X.conf', '/a/y.conf']],
    ['/a/[a-z].conf', ['/a/x.conf', '/a/y.conf']],
    ['/a/a[]-]b', ['/a/a-b', '/a/a]b']],
    ['/a/x+?', ['/a/x+y']],
    ['/*/x.conf', ['/a/x.conf', '/b/x.conf']],
    ['/*/q', ['/b/q']],
    ['/*/*.conf', ['/a/X.conf', '/a/x.conf', '/a/y.conf', '/b/x.conf']],
    ['/c/*', []],
  ];
  for (const [pattern, expected] of cases) {
    it(pattern, () => expect(expandGlob(pattern, (path) => tree[path])).to.deep.equal(expected));
  }
});

describe('config files on a disk', () => {
  it('are read octet for octet and found by masks', () => {
    const directory = mkdtempSync(join(tmpdir(), 'wirehop-'));
    try {
      mkdirSync(join(directory, 'd'));
      writeFileSync(join(directory, 'd', 'b.conf'), Buffer.from([0x61, 0xe9, 0x0a]));
      writeFileSync(join(directory, 'd', 'a.conf'), '');
      expect(DISK.readFile(join(directory, 'd', 'b.conf'))).to.equal('a\u00e9\n');
      const found = DISK.glob(join(directory, 'd', '*.conf')).map((path) => path.slice(directory.length));
      expect(found).to.deep.equal(['/d/a.conf', '/d/b.conf']);
      expect(DISK.glob(join(directory, 'none', '*'))).to.deep.equal([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
