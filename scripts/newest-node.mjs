// The newest Node that is published as an npm package, in a folder of its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const onWindows = process.platform === 'win32';
// The package `node` only fetches this one, by a script that may be forbidden to run.
const name = `node-${onWindows ? 'win' : process.platform}-${process.arch}`;

/** What a program writes to stdout; rejects, with all that it wrote, when it fails. */
function run(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: exit code ${status}\n${stdout}${stderr}`));
    });
  });
}

/**
 * Installs it into a temporary folder.
 * @param version of the npm package: `latest`, `24`, `26.1.0`
 * @returns the program, its version, and what removes it
 */
export async function installNode(version) {
  const folder = mkdtempSync(join(tmpdir(), 'wirehop-node-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const flags = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--loglevel', 'error'];
    await run('npm', ['install', ...flags, `${name}@${version}`]);
    const program = join(folder, 'node_modules', name, 'bin', onWindows ? 'node.exe' : 'node');
    return { program, version: (await run(program, ['--version'])).trim(), remove };
  } catch (error) {
    remove();
    throw new Error(`${name}@${version} cannot be had from the npm registry, or does not run here`, {
      cause: error,
    });
  }
}
