// Runs the tests on the newest Node that is published as an npm package, in a folder that is removed afterwards.
//   npm run test:newest                                   everything, on the command's default transport
//   npm run test:newest -- --transport net                everything, on the other one
//   npm run test:newest -- 'dist/test/e2e/**/*.test.js'   these files alone
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { transport: { type: 'string' }, node: { type: 'string', default: 'latest' } },
});
const platform = process.platform === 'win32' ? 'win' : process.platform;
// The package `node` only fetches this one, by a script that may be forbidden to run.
const name = `node-${platform}-${process.arch}`;
const folder = mkdtempSync(join(tmpdir(), 'wirehop-node-'));

function run(program, args, env = process.env) {
  const { status, signal, error } = spawnSync(program, args, { stdio: 'inherit', env });
  if (error !== undefined) throw error;
  return status ?? `ended by ${signal}`;
}

function test() {
  const flags = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--loglevel', 'error'];
  const installed = run('npm', ['install', ...flags, `${name}@${values.node}`]);
  if (installed !== 0) {
    process.stderr.write(`${name}@${values.node} could not be installed from the npm registry\n`);
    return 1;
  }
  const node = join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim();
  if (!version) {
    process.stderr.write(`${node} does not run here\n`);
    return 1;
  }
  process.stdout.write(`Node ${version}${values.transport ? `, transport ${values.transport}` : ''}\n`);
  // Tests start programs by process.execPath; what they start may look for `node` itself.
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
  if (values.transport !== undefined) env.WIREHOP_TEST_TRANSPORT = values.transport;
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  const files = positionals.length > 0 ? ['--no-config', '--timeout', '20000', ...positionals] : [];
  return run(node, [mocha, ...files], env);
}

try {
  process.exitCode = test() === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
