/**
 * The package as a user gets it: packed by npm, installed from the tarball without a network, once for all tests.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const execute = promisify(execFile);

export interface Run {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in `cwd`; rejects with all that it wrote when it fails. At most 60 s. */
export async function run(cwd: string, program: string, ...args: readonly string[]): Promise<Run> {
  // Node's own warnings about what is experimental in one version are none of the package's.
  const env = { ...process.env, NODE_NO_WARNINGS: '1', NO_COLOR: '1' };
  try {
    return await execute(program, args, { cwd, env, timeout: 60_000 });
  } catch (error) {
    const { message, stdout, stderr } = error as Error & Run;
    throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** What `npm pack --json` says about the tarball. Sizes in octets. */
export interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number; readonly mode: number }[];
}

/** A tarball, and a project that has it installed. */
export interface Installed {
  readonly packed: Packed;
  /** Path of the tarball. */
  readonly tarball: string;
  /** The project's directory: package.json says "type": "module". */
  readonly project: string;
}

let installed: Promise<Installed> | undefined;
let directory: string | undefined;

/** Packs and installs at the first call; later ones get the same. Removed when all tests have run. */
export function install(): Promise<Installed> {
  return (installed ??= packAndInstall());
}

async function packAndInstall(): Promise<Installed> {
  directory = mkdtempSync(join(tmpdir(), 'wirehop-package-'));
  const project = join(directory, 'project');
  mkdirSync(project);
  cpSync(join(ROOT, 'test/package/consumer'), project, { recursive: true });
  // What the prepack script does, but for the build: the tests run on one.
  await run(ROOT, process.execPath, 'scripts/trim-package.mjs');
  const { stdout } = await run(
    ROOT,
    'npm',
    'pack',
    '--ignore-scripts',
    '--json',
    '--pack-destination',
    directory,
  );
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, Packed>);
  const tarball = join(directory, packed.filename);
  await run(project, 'npm', 'install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', tarball);
  return { packed, tarball, project };
}

/** Makes packages of the checkout's node_modules available to a project beside what it has installed. */
export function lend(project: string, names: readonly string[]): void {
  for (const name of names) {
    const to = join(project, 'node_modules', name);
    if (existsSync(to)) continue;
    mkdirSync(join(to, '..'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), to);
  }
}

/** package.json of the checkout. */
export function manifest(): Record<string, unknown> {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
}

after(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true });
});
