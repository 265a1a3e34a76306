/** What stands between load and origin: nothing, wirehop, nginx. Each is started once and serves the whole run. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts, temporaryFolder, until } from '../../test/e2e/harness.js';
import { PID_FILE, proxyConfiguration } from '../configuration.js';
import { childrenOf } from './cpu.js';
import { startProgram, type Program } from './children.js';

/** A proxy that serves. */
export interface Running {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** The processes that do the work. */
  readonly pids: readonly number[];
}

export interface Subject {
  readonly name: string;
  /** null when it can be run here; else why not, and what would help. */
  readonly missing: string | null;
  version(): string;
  start(originPort: number): Promise<Running>;
}

const COMMAND = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));
const START_LIMIT_MS = 10_000;
/** Debian has nginx where an ordinary user's PATH does not look. */
const NGINX = ['nginx', '/usr/sbin/nginx'].find((program) => nginxVersion(program) !== '');

/** Every subject; the first is the reference that shows what load and origin can do. */
export function endToEndSubjects(): Subject[] {
  return [
    {
      name: 'no proxy',
      missing: null,
      version: () => '',
      start: (port) => Promise.resolve({ port, pids: [] }),
    },
    {
      name: 'wirehop',
      missing: existsSync(COMMAND) ? null : 'not built: npm run build',
      version: () => `Node ${process.version}`,
      start: async (origin) => {
        const { port, program } = await startWithConfiguration(process.execPath, [COMMAND], origin);
        return { port, pids: [program.pid] };
      },
    },
    {
      name: 'nginx',
      missing: NGINX === undefined ? 'not installed: apt-get install nginx-light' : null,
      version: () => nginxVersion(NGINX ?? ''),
      start: async (origin) => {
        const { port, program } = await startWithConfiguration(NGINX ?? '', [], origin);
        let workers: number[] = [];
        await until("nginx's worker", () => (workers = childrenOf(program.pid)).length > 0, START_LIMIT_MS);
        return { port, pids: workers };
      },
    },
  ];
}

/** Runs a program that takes nginx's flags, in a folder of its own, until it serves. */
async function startWithConfiguration(
  program: string,
  args: readonly string[],
  origin: number,
): Promise<{ port: number; program: Program }> {
  const folder = temporaryFolder();
  const [port] = await freePorts(1);
  writeFileSync(join(folder, 'nginx.conf'), proxyConfiguration({ listen: port, origin }));
  const flags = ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'error.log'];
  const running = startProgram('proxy', program, [...args, ...flags], folder);
  await until(
    'the pid file',
    () => {
      if (running.hasEnded) throw new Error(`the proxy ended: ${running.stderr}`);
      const file = join(folder, PID_FILE);
      return existsSync(file) && readFileSync(file, 'latin1').trim() === String(running.pid);
    },
    START_LIMIT_MS,
  );
  return { port, program: running };
}

/** As `nginx -v` says it, on stderr; '' when there is no such program. */
function nginxVersion(program: string): string {
  try {
    return execFileSync('/bin/sh', ['-c', `exec "${program}" -v 2>&1`], { encoding: 'utf8' })
      .replace(/^nginx version: /, '')
      .trim();
  } catch {
    return '';
  }
}
