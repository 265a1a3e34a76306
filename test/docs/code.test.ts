/**
 * Every program in the documentation: type-checked, then run as it stands in a project that has the package installed.
 * Ports of the text become free ones; two origins stand where the text assumes them.
 */
import { expect } from 'chai';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { install, lend, ROOT, run } from '../package/installed.js';
import { freePorts } from '../e2e/harness.js';
import { startOrigin, type Origin } from './origin.js';
import { BLOCKS, type Block, runnable } from './pages.js';
import { USES } from './uses.js';

/** Where the documentation assumes origins. */
const ORIGIN_PORTS = [3000, 3001];
/** Where its programs listen. */
const LISTENING_PORTS = [8080, 8081, 5173];

/** A block as a module of the project. */
interface Program {
  readonly block: Block;
  /** Path in the project, without extension. */
  readonly name: string;
  readonly text: string;
}

/** Bare names that a module imports, as the packages that they belong to. */
function packagesOf(text: string): string[] {
  return [...text.matchAll(/from '([^'.][^']*)'|import\('([^'.][^']*)'\)/g)]
    .map(([, from, dynamic]) => (from ?? dynamic).split('/').slice(0, (from ?? dynamic).startsWith('@') ? 2 : 1).join('/'))
    .filter((name) => name !== 'wirehop' && !name.startsWith('node:'));
}

/** Packages with those of their types that are packages of their own. */
function withTypes(names: readonly string[]): string[] {
  const types = names.map((name) => `@types/${name.replace(/^@(.*)\//, '$1__')}`);
  return [...names, ...types.filter((name) => existsSync(join(ROOT, 'node_modules', name)))];
}

/** What is wrong with these modules, by file and line. JavaScript is checked as TypeScript, but may leave types out. */
function typeFaults(files: readonly string[]): string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.NodeNext,
    types: ['node'],
    strict: true,
    noImplicitAny: false,
    allowJs: true,
    checkJs: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const program = ts.createProgram(files, options);
  return ts
    .getPreEmitDiagnostics(program)
    .map((problem) => {
      const text = ts.flattenDiagnosticMessageText(problem.messageText, '\n');
      if (problem.file === undefined) return text;
      const { line } = problem.file.getLineAndCharacterOfPosition(problem.start ?? 0);
      return `${problem.file.fileName}:${line + 1}: ${text}\n${problem.file.text.split('\n')[line]}`;
    });
}

describe('documentation: programs', function () {
  this.timeout(60_000);
  const blocks = runnable('js', 'ts');
  const ports = new Map<number, number>();
  const origins: Origin[] = [];
  let project: string;
  let programs: Program[];

  before(async () => {
    ({ project } = await install());
    for (const port of ORIGIN_PORTS) {
      const origin = await startOrigin(String(port));
      origins.push(origin);
      ports.set(port, origin.port);
    }
    const free = await freePorts(LISTENING_PORTS.length);
    LISTENING_PORTS.forEach((port, i) => ports.set(port, free[i]));
    const pattern = new RegExp(`\\b(${[...ports.keys()].join('|')})\\b`, 'g');
    programs = blocks.map((block) => {
      const use = USES[block.id]?.use ?? '';
      const text = `${block.text}\n${use}`.replace(pattern, (port) => String(ports.get(Number(port))));
      return { block, name: `docs/${block.where.replace(/^docs\//, '').replace(/\W+/g, '-')}`, text };
    });
    mkdirSync(join(project, 'docs'), { recursive: true });
    const packages = programs.flatMap(({ text }) => packagesOf(text));
    lend(project, ['@types/node', 'undici-types', ...withTypes(packages)]);
    for (const { block, name, text } of programs) writeFileSync(join(project, `${name}.${block.language}`), text);
  });
  after(() => Promise.all(origins.map((origin) => origin.close())));

  it('have the types that the package declares', () => {
    const files = programs.map(({ block, name }) => join(project, `${name}.${block.language}`));
    expect(typeFaults(files)).to.deep.equal([]);
  });

  for (const block of blocks) {
    it(`${block.where} runs: ${block.id}`, async () => {
      const { name, text } = programs.find((program) => program.block === block)!;
      const file = join(project, `${name}.${block.language}`);
      let module = file;
      if (block.language === 'ts') {
        module = join(project, `${name}-run.js`);
        const target = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
        writeFileSync(module, ts.transpileModule(text, { compilerOptions: target }).outputText);
      }
      const { stdout, stderr } = await run(dirname(module), process.execPath, module);
      expect(stderr).to.equal('');
      const { prints } = USES[block.id] ?? {};
      if (prints !== undefined) expect(stdout).to.match(prints);
    });
  }

  it('are all there that something is done with', () => {
    const ids = BLOCKS.filter(({ language }) => language === 'js' || language === 'ts').map(({ id }) => id);
    expect(ids).to.include.members(Object.keys(USES));
  });

  it('keep the README as short as it promises: embedding takes about ten lines', () => {
    const [example] = blocks.filter(({ page }) => page === 'README.md');
    expect(example.text.trim().split('\n').length).to.be.at.most(10);
    expect(readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n').length).to.be.below(200);
  });
});
