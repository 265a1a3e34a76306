/**
 * Every line of every shell block: run in a project that has the package installed where that is quick and stays there,
 * held against package.json and the examples where it is not.
 */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install, manifest, ROOT, run } from '../package/installed.js';
import { freePorts, until } from '../e2e/harness.js';
import { BLOCKS, runnable } from './pages.js';

/** What is done with a line of that form. */
type Handler = (words: readonly string[], directory: string, port: number) => void | Promise<void>;

/** Whether somebody listens. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  const isThere = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isThere;
}

function hasScript(name: string): void {
  expect(manifest().scripts, `npm run ${name}`).to.have.property(name);
}

function hasFile(path: string): void {
  expect(existsSync(join(ROOT, path)), path).to.equal(true);
}

/** Runs the installed command to its end; without -t, -T, -v, -V or --help until it serves on this port. */
async function wirehop(words: readonly string[], directory: string, port: number): Promise<void> {
  const command = join(directory, 'node_modules/.bin/wirehop');
  if (words.some((word) => /^(-[tTvV]|--help)$/.test(word))) {
    await run(directory, command, ...words);
    return;
  }
  const child = spawn(command, words, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  const exit = once(child, 'exit');
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await until(`${words.join(' ')} to serve`, async () => hasEnded() || (await accepts(port)), 20_000);
  child.kill('SIGTERM');
  const [code] = (await exit) as [number | null];
  expect(code, `exit code of wirehop ${words.join(' ')}\n${said}`).to.equal(0);
}

const HANDLERS: readonly (readonly [RegExp, Handler])[] = [
  // What CI does first, and what the demo's own test drives.
  [/^npm (ci|test|start)$/, ([name]) => (name === 'ci' ? undefined : hasScript(name))],
  [/^npm run /, ([, ...words]) => hasScript(words.find((word) => !word.startsWith('-'))!)],
  // test/examples runs it.
  [/^node examples\//, ([path]) => hasFile(path)],
  [/^mkdir -p /, ([, path], directory) => void mkdirSync(join(directory, path), { recursive: true })],
  [/^npx wirehop /, ([, ...words], directory, port) => wirehop(words, directory, port)],
];

describe('documentation: commands', function () {
  this.timeout(60_000);
  let directory: string;
  before(async () => {
    const { project } = await install();
    directory = mkdtempSync(join(tmpdir(), 'wirehop-shell-'));
    symlinkSync(join(project, 'node_modules'), join(directory, 'node_modules'));
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const { where, page, text } of runnable('sh')) {
    it(where, async () => {
      const [port] = await freePorts(1);
      const free = (line: string): string => line.replace(/\b8080\b/g, String(port));
      // The page's configuration is what its commands are about.
      const config = BLOCKS.find((block) => block.page === page && block.language === 'nginx');
      if (config !== undefined) writeFileSync(join(directory, 'nginx.conf'), free(config.text));
      const commands = text
        .split('\n')
        .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split('&&'))
        .map((command) => free(command.trim()))
        .filter((command) => command !== '');
      for (const command of commands) {
        const handler = HANDLERS.find(([pattern]) => pattern.test(command))?.[1];
        expect(handler, `"${command}": teach shell.test.ts, or say why it is not run`).not.to.equal(undefined);
        await handler!(command.split(/\s+/).slice(1), directory, port);
      }
    });
  }
});
