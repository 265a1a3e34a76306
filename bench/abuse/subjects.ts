/** The proxies under abuse: wirehop, and nginx where it is installed. Each scenario gets a fresh process. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, temporaryFolder, until } from '../../test/e2e/harness.js';
import { childrenOf } from '../lab/accounting.js';
import { startProgram, type Program } from '../lab/program.js';
import { abuseConfiguration, PID_FILE } from './configuration.js';
import type { Scenario } from './scenarios.js';

export type SubjectName = 'wirehop' | 'nginx';

const COMMAND = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));
const START_LIMIT_MS = 10_000;
/** Debian has nginx where an ordinary user's PATH does not look. */
const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path));

/** Why a subject cannot be run here, or null. */
export function missing(name: SubjectName): string | null {
  if (name === 'wirehop') return existsSync(COMMAND) ? null : 'not built: npm run build';
  return NGINX === undefined ? 'not installed' : null;
}

export function nginxPath(): string {
  return NGINX ?? '';
}

/** A proxy that serves, and what the system says about its process. */
export class Proxy {
  constructor(
    readonly port: number,
    /** The unix socket that it listens on, or ''. */
    readonly path: string,
    readonly folder: string,
    private readonly program: Program,
    /** The process that does the work. */
    readonly pid: number,
  ) {}

  /** Resident memory in KiB. */
  residentKib(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'))?.[1]);
  }

  openFiles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** What it said where it should say nothing: stderr, and alerts other than a shortage of connections. */
  faults(): string[] {
    const path = join(this.folder, 'error.log');
    const log = existsSync(path) ? readFileSync(path, 'latin1').split('\n') : [];
    const alerts = log.filter(
      (line) => /\[(alert|emerg|crit)\]/.test(line) && !line.includes('worker_connections are not enough'),
    );
    const complaints = this.program.stderr.split('\n').filter((line) => line !== '');
    return [...alerts, ...complaints, ...(this.program.hasEnded ? ['ended by itself'] : [])];
  }

  stop(): Promise<void> {
    return this.program.stop();
  }
}

/** Starts a proxy for a scenario and waits until it serves. @param origin its port and its unix socket */
export async function startProxy(
  subject: SubjectName,
  scenario: Scenario,
  isSmall: boolean,
  origin: { readonly port: number; readonly path: string },
): Promise<Proxy> {
  const folder = temporaryFolder();
  const port = await freePort();
  const workerConnections = isSmall ? scenario.fewWorkerConnections : scenario.workerConnections;
  const { lines, usesPaths = false } = scenario;
  const listenPath = usesPaths ? join(folder, 'proxy.sock') : '';
  const text = abuseConfiguration({
    listen: port,
    listenPath,
    origin: usesPaths ? `unix:${origin.path}` : `127.0.0.1:${origin.port}`,
    workerConnections,
    lines,
  });
  writeFileSync(join(folder, 'nginx.conf'), text);
  const flags = ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'error.log'];
  const program =
    subject === 'wirehop'
      ? startProgram('proxy', process.execPath, [COMMAND, '-g', 'master_process off;', ...flags], folder)
      : startProgram('proxy', nginxPath(), flags, folder);
  await until(
    'the pid file',
    () => {
      if (program.hasEnded) throw new Error(`the proxy ended: ${program.stderr}`);
      const file = join(folder, PID_FILE);
      return existsSync(file) && readFileSync(file, 'latin1').trim() === String(program.pid);
    },
    START_LIMIT_MS,
  );
  let pid = program.pid;
  if (subject === 'nginx') {
    await until("nginx's worker", () => (pid = childrenOf(program.pid)[0] ?? 0) > 0, START_LIMIT_MS);
  }
  return new Proxy(port, listenPath, folder, program, pid);
}
