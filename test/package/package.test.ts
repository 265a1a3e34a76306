/** The package that npm would publish: what is in it, and that every way of using it works once it is installed. */
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { expect } from 'chai';
import { build } from 'esbuild';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { publint } from 'publint';
import ts from 'typescript';
import { install, type Installed, lend, manifest, ROOT, run } from './installed.js';

/** What `typed.ts` prints. */
const TYPED_OUTPUT = [
  'proxy: 200 upstream saw /there',
  'http-proxy: 127.0.0.1',
  'config: line 1: unknown directive "no_such_directive"',
  'machine: complete HTTP/1.1 204 No Content',
  'wire: /here for example.org',
  'errors: 400',
];

/** Paths from the package's root, without those outside it and Node's own modules. */
function inPackage(paths: readonly string[]): string[] {
  return paths.map((path) => relative(ROOT, resolve(ROOT, path))).filter((path) => path.startsWith('dist/'));
}

/** The modules that these modules consist of, as esbuild finds them. */
async function modulesOf(entryPoints: readonly string[]): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [...entryPoints],
    absWorkingDir: ROOT,
    bundle: true,
    format: 'esm',
    platform: 'node',
    treeShaking: false,
    ignoreAnnotations: true,
    metafile: true,
    write: false,
    outdir: 'unused',
    logLevel: 'silent',
  });
  return inPackage(Object.keys(metafile.inputs));
}

/** The declarations that these consist of, as TypeScript finds them. */
function declarationsOf(entryPoints: readonly string[]): string[] {
  const options = { module: ts.ModuleKind.NodeNext, noLib: true, types: [] };
  const host = ts.createCompilerHost(options);
  const program = ts.createProgram({
    rootNames: entryPoints.map((path) => resolve(ROOT, path)),
    options,
    host,
  });
  return inPackage(program.getSourceFiles().map(({ fileName }) => fileName));
}

/**
 * Compiles a project as tsc would, and answers what is wrong. Declarations of the package are checked with it
 * (skipLibCheck off), those of @types/node are not: that takes seconds and says nothing about the package.
 */
function compile(project: string, config: string): string[] {
  const path = join(project, config);
  const { options, fileNames } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path, (name) => ts.sys.readFile(name)).config,
    ts.sys,
    project,
    undefined,
    path,
  );
  const program = ts.createProgram(fileNames, { ...options, skipLibCheck: false });
  const files = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(project));
  const problems = [
    ...program.getConfigFileParsingDiagnostics(),
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...files.flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ]),
    ...(options.noEmit === true ? [] : program.emit().diagnostics),
  ];
  return problems.map(
    ({ file, messageText }) =>
      `${file?.fileName ?? config}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
  );
}

describe('package', function () {
  this.timeout(60_000);
  let installed: Installed;
  before(async () => {
    installed = await install();
    lend(installed.project, ['@types/node', 'undici-types']);
  });

  const { exports, bin } = manifest() as {
    exports: Record<string, string | { types: string; default: string }>;
    bin: Record<string, string>;
  };
  const conditions = Object.values(exports).filter((entry) => typeof entry === 'object');

  it('holds what its entry points and its command reach, and nothing else', async () => {
    const { files, size, unpackedSize, filename } = installed.packed;
    const paths = files.map(({ path }) => path);
    // The master starts its workers by path, and who checks passwords the thread for them.
    const started = ['./dist/src/process/worker.js', './dist/src/driver/passwords/hash-thread.js'];
    const commands = [...Object.values(bin), ...started];
    const code = await modulesOf([...conditions.map((entry) => entry.default), ...commands]);
    const types = declarationsOf(conditions.map((entry) => entry.types));
    const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD-PARTY.md', 'package.json'];
    expect(paths).to.have.members([...code, ...types, ...documents]);
    const kilo = (octets: number): string => `${(octets / 1000).toFixed(0)} kB`;
    console.log(
      `      ${filename}: ${kilo(size)}, unpacked ${kilo(unpackedSize)}, ${paths.length} files, no dependencies`,
    );
    expect(size).to.be.below(600_000);
    expect(manifest()).not.to.have.any.keys('dependencies', 'optionalDependencies', 'bundleDependencies');
  });

  it('runs nothing when it is installed', () => {
    const { scripts } = manifest() as { scripts: Record<string, string> };
    expect(scripts).not.to.have.any.keys('preinstall', 'install', 'postinstall', 'prepare');
  });

  it('has nothing that publint would mend', async () => {
    const octets = new Uint8Array(readFileSync(installed.tarball));
    const { messages } = await publint({ pack: { tarball: octets.buffer }, strict: true });
    expect(messages).to.deep.equal([]);
  });

  it('has types that resolve as the code does (Are the types wrong?)', async () => {
    const octets = new Uint8Array(readFileSync(installed.tarball));
    const analysis = await checkPackage(createPackageFromTarballData(octets));
    expect(analysis.types).to.have.property('kind', 'included');
    if (!('problems' in analysis)) return;
    // Two that are no fault: "node10" resolution knows no exports, and TypeScript gives it up; a CommonJS importer gets
    // an ES module, which require() reads in every Node that the package runs on.
    const faults = analysis.problems.filter(
      ({ kind, ...where }) =>
        !('resolutionKind' in where && where.resolutionKind === 'node10') && kind !== 'CJSResolvesToESM',
    );
    expect(faults).to.deep.equal([]);
    expect(Object.keys(analysis.entrypoints)).to.have.members(Object.keys(exports));
  });

  it('is used from TypeScript with NodeNext resolution, from ES modules and CommonJS', async () => {
    const { project } = installed;
    expect(compile(project, 'tsconfig.nodenext.json')).to.deep.equal([]);
    const typed = await run(project, process.execPath, 'out/typed.js');
    expect(typed.stdout.trimEnd().split('\n')).to.deep.equal(TYPED_OUTPUT);
    const required = await run(project, process.execPath, 'out/required.cjs');
    expect(required.stdout).to.equal('createProxy createProxyServer Connection HeadReader\n');
  });

  it('is used from TypeScript with Bundler resolution', () => {
    expect(compile(installed.project, 'tsconfig.bundler.json')).to.deep.equal([]);
  });

  it('is used from plain JavaScript with import', async () => {
    const { stdout } = await run(installed.project, process.execPath, 'plain.js');
    expect(stdout).to.equal(
      'createProxy createProxyServer Connection HeadReader wirehop\nERR_PACKAGE_PATH_NOT_EXPORTED\n',
    );
  });

  it('is used from plain JavaScript with require()', async function () {
    if (!('require_module' in process.features)) return this.skip();
    const { stdout } = await run(installed.project, process.execPath, 'plain.cjs');
    expect(stdout).to.equal('createProxy createProxyServer Connection HeadReader\n');
  });

  it('does nothing when it is imported', async () => {
    const { stdout } = await run(installed.project, process.execPath, 'silent.js');
    expect(stdout).to.equal('compiled 0\nglobals as before\nlisteners as before\nresources as before\n');
  });

  it('has a command', async () => {
    const command = join(installed.project, 'node_modules/.bin/wirehop');
    const { stdout, stderr } = await run(installed.project, command, '-v');
    expect(stdout + stderr).to.equal(`wirehop version: wirehop/${String(manifest().version)}\n`);
  });

  describe('bundled by esbuild', () => {
    let away: string;
    before(() => {
      away = mkdtempSync(join(tmpdir(), 'wirehop-bundled-'));
    });
    after(() => rmSync(away, { recursive: true }));

    for (const [format, extension] of [
      ['esm', 'mjs'],
      ['cjs', 'cjs'],
    ] as const) {
      it(`works as ${format}, WebAssembly included, in a directory with nothing else`, async () => {
        const outfile = join(away, format, `bundle.${extension}`);
        mkdirSync(dirname(outfile));
        const { warnings } = await build({
          entryPoints: [join(installed.project, 'typed.ts')],
          outfile,
          format,
          bundle: true,
          minify: true,
          platform: 'node',
          target: 'node20',
          logLevel: 'silent',
        });
        expect(warnings).to.deep.equal([]);
        const { stdout } = await run(dirname(outfile), process.execPath, outfile);
        expect(stdout.trimEnd().split('\n')).to.deep.equal(TYPED_OUTPUT);
      });
    }

    /** Octets of the bundle of this program. */
    async function octetsOf(contents: string): Promise<number> {
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: installed.project },
        format: 'esm',
        bundle: true,
        minify: true,
        write: false,
        platform: 'node',
        logLevel: 'silent',
      });
      return outputFiles[0].contents.length;
    }

    it('leaves behind what is not used', async () => {
      const sizes = {
        nothing: await octetsOf("import 'wirehop'; import 'wirehop/machine'; import 'wirehop/wire';"),
        wire: await octetsOf("import { HeadReader } from 'wirehop/wire'; console.log(HeadReader);"),
        machine: await octetsOf("import { Connection } from 'wirehop/machine'; console.log(Connection);"),
        all: await octetsOf("import { createProxy } from 'wirehop'; console.log(createProxy);"),
      };
      console.log(`      bundled and minified: ${JSON.stringify(sizes)}`);
      expect(sizes.nothing).to.be.below(200);
      expect(sizes.wire).to.be.below(sizes.machine);
      expect(sizes.machine).to.be.below(sizes.all);
    });
  });
});
