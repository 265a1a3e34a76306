// Runs the tests that dist/ holds: several mocha processes at once, each with some of the files, the longest first.
// What measures time runs at the end, alone. The counts are the sums of mocha's own.
//   npm test                                            everything
//   npm test -- 'dist/test/tls/**/*.test.js' -g reload  these files, and of them the tests with that name
//   npm test -- --transport net --jobs 1                on the other transport, one process at a time
//   npm test -- --node latest                           on the newest Node that npm has (or --node 24)
//   npm test -- --ci --counts FILE                      what CI runs (see ciPasses), and "PASSED FAILED" into a file
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { lookupFiles } from 'mocha/lib/cli/lookup-files.js';
import { installNode } from './newest-node.mjs';

/** A mocha process that has not ended by then is killed, and counts as one failure. */
const BATCH_LIMIT_MS = 300_000;
/** What a test has started must be gone when its mocha process is. */
const LEFT_BEHIND_MS = 10_000;
/** Tests of these judge by the clock: they run when everything else has ended, one after another. */
const ALONE = ['bench/growth.test.js'];
/** These begin first, in this order: the run is as long as the last of them to end. */
const LONG = [
  'soak',
  'simulate',
  'limits/abuse.test.js',
  'limits/faults.test.js',
  'process/workers.test.js',
  'limits/upstream.test.js',
  'e2e/websocket.test.js',
  'limits/downstream.test.js',
  'e2e/memory.test.js',
  'tls',
  'process',
  'e2e',
  'package',
  'bench',
];
/** Folders whose files share no costly preparation: a process for each file, so that they spread. */
const SINGLY = ['bench', 'e2e', 'limits', 'process', 'tls'];
/** These share a package that is packed and installed once for a process. */
const TOGETHER = ['docs', 'examples', 'package'];

const MOCHA = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const MOCHA_CONFIG = JSON.parse(readFileSync(new URL('../.mocharc.json', import.meta.url), 'utf8'));

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ci: { type: 'boolean', default: false },
    counts: { type: 'string' },
    grep: { type: 'string', short: 'g' },
    jobs: { type: 'string', default: String(availableParallelism() + 1) },
    node: { type: 'string' },
    transport: { type: 'string' },
  },
});

const ROOMS_ON_NODE = ['e2e', 'driver', 'process', 'tls'];

/** Everything; the end-to-end tests once more on the other transport; what touches Node's own parts on the newest Node. */
function ciPasses() {
  return [
    { node: undefined, transport: undefined, files: MOCHA_CONFIG.spec },
    { node: undefined, transport: 'net', files: ['dist/test/e2e/**/*.test.js'] },
    {
      node: 'latest',
      transport: undefined,
      files: ROOMS_ON_NODE.map((room) => `dist/test/${room}/**/*.test.js`),
    },
  ];
}

/** What the process of a file is called; files of one name share a process. */
function batchOf(file) {
  const path = file.replaceAll('\\', '/').replace(/^.*?dist\/test\//, '');
  const [folder] = path.split('/');
  if (SINGLY.includes(folder)) return path;
  return TOGETHER.includes(folder) ? 'package' : folder;
}

function rankOf(name) {
  const rank = LONG.findIndex((long) => name === long || name.startsWith(`${long}/`));
  return rank === -1 ? LONG.length : rank;
}

/** The batches of a pass: what one mocha process each is to run. */
function batchesOf(pass) {
  const byName = new Map();
  for (const file of pass.files.flatMap((pattern) => lookupFiles(pattern, ['js'], true))) {
    const name = batchOf(file);
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  return [...byName].map(([name, files]) => ({ name, files, pass }));
}

function titleOf({ name, pass }) {
  const { node, transport } = pass;
  return [name, node && `Node ${node}`, transport && `transport ${transport}`].filter(Boolean).join(', ');
}

/** The last "N passing" and "N failing" that mocha printed; null when it never got there. */
function countsIn(output) {
  const last = (word) => [...output.matchAll(new RegExp(`^ *(\\d+) ${word}\\b`, 'gm'))].at(-1);
  const passing = last('passing');
  if (passing === undefined) return null;
  const [failing, pending] = [last('failing'), last('pending')].map((match) => Number(match?.[1] ?? 0));
  return { passing: Number(passing[1]), failing, pending };
}

/** Runs mocha on a batch. @returns its counts; a process that did not end well counts as a failure at least */
function run(batch) {
  const { pass, files } = batch;
  const env = { ...process.env };
  if (pass.transport !== undefined) env.WIREHOP_TEST_TRANSPORT = pass.transport;
  // Tests start programs by process.execPath; what they start may look for `node` itself.
  env.PATH = `${dirname(pass.program)}${delimiter}${process.env.PATH}`;
  const options = ['--no-config', '--forbid-only', '--timeout', String(MOCHA_CONFIG.timeout)];
  if (process.stdout.isTTY) options.push('--color');
  if (flags.grep !== undefined) options.push('--grep', flags.grep);
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const child = spawn(pass.program, [MOCHA, ...options, ...files], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let leftBehind = false;
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    let limit = setTimeout(() => {
      output += `\nkilled: has not ended within ${BATCH_LIMIT_MS / 1000} s\n`;
      child.kill('SIGKILL');
    }, BATCH_LIMIT_MS);
    child.on('exit', () => {
      clearTimeout(limit);
      limit = setTimeout(() => {
        output += '\nmocha has ended, but something that it started still runs\n';
        child.stdout.destroy();
        child.stderr.destroy();
        leftBehind = true;
      }, LEFT_BEHIND_MS);
    });
    child.on('close', (status, signal) => {
      clearTimeout(limit);
      const counts = countsIn(stripVTControlCharacters(output));
      const whole = counts !== null && !leftBehind && (status === 0 || counts.failing > 0);
      if (!whole) output += `\nended by ${signal ?? `exit code ${status}`}: counts as one failure more\n`;
      const seconds = (performance.now() - startedAt) / 1000;
      process.stdout.write(`\n── ${titleOf(batch)}: ${seconds.toFixed(1)} s\n${output}`);
      resolve({
        passing: 0,
        pending: 0,
        ...counts,
        failing: (counts?.failing ?? 0) + (whole ? 0 : 1),
        batch,
        output,
      });
    });
  });
}

/** Runs all of the batches, so many at once; those that need a Node that is still being installed come later. */
async function runAll(batches, jobs) {
  const waiting = [...batches];
  const results = [];
  const next = () => {
    const at = waiting.findIndex(({ pass }) => pass.program !== undefined);
    return waiting.splice(Math.max(0, at), 1)[0];
  };
  const worker = async () => {
    for (let batch = next(); batch !== undefined; batch = next()) {
      await batch.pass.ready;
      results.push(await run(batch));
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return results;
}

/** Installs the Node that a pass asks for, while others already run. */
function prepare(pass) {
  if (pass.node === undefined) {
    pass.program = process.execPath;
    return;
  }
  pass.ready = installNode(pass.node).then((installed) => {
    Object.assign(pass, { program: installed.program, node: installed.version, remove: installed.remove });
  });
  // Whoever waits for it gets the error; until then it must not end the process.
  pass.ready.catch(() => undefined);
}

function summarize(results, seconds) {
  const sum = (of) => results.reduce((total, result) => total + result[of], 0);
  for (const { batch, output, failing } of results) {
    if (failing === 0) continue;
    const from = stripVTControlCharacters(output).search(/^ *\d+ failing\b/m);
    process.stdout.write(
      `\n── failed: ${titleOf(batch)}\n${from === -1 ? output.slice(-4000) : output.slice(from)}`,
    );
  }
  const minutes = `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, '0')}`;
  process.stdout.write(`\n\n  ${sum('passing')} passing (${minutes} in ${results.length} processes)\n`);
  if (sum('pending') > 0) process.stdout.write(`  ${sum('pending')} pending\n`);
  if (sum('failing') > 0) process.stdout.write(`  ${sum('failing')} failing\n`);
  if (flags.counts !== undefined) writeFileSync(flags.counts, `${sum('passing')} ${sum('failing')}\n`);
  return sum('failing') === 0;
}

const startedAt = performance.now();
const { node, transport } = flags;
const passes = flags.ci
  ? ciPasses()
  : [{ node, transport, files: positionals.length > 0 ? positionals : MOCHA_CONFIG.spec }];
try {
  passes.forEach(prepare);
  const batches = passes.flatMap(batchesOf).sort((a, b) => rankOf(a.name) - rankOf(b.name));
  const alone = batches.filter(({ name }) => ALONE.includes(name));
  const shared = batches.filter(({ name }) => !ALONE.includes(name));
  const results = [...(await runAll(shared, Math.max(1, Number(flags.jobs)))), ...(await runAll(alone, 1))];
  process.exitCode = summarize(results, (performance.now() - startedAt) / 1000) ? 0 : 1;
} finally {
  for (const pass of passes) {
    await pass.ready?.catch(() => undefined);
    pass.remove?.();
  }
}
