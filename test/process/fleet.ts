/**
 * A master with workers for the tests of processes: started, looked at, signalled. Every wait is bounded.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exchangeRaw, freePort, startProxy, temporaryFolder, until, type Command } from '../e2e/harness.js';

/** Lines of a configuration. `%PORT%` stands for the fleet's port. */
export interface FleetParts {
  readonly workers?: number | string;
  readonly main?: string;
  readonly http?: string;
  readonly server?: string;
  /** Instead of `return 200 "$pid"`. */
  readonly location?: string;
}

export class Fleet {
  private constructor(
    readonly command: Command,
    readonly port: number,
    private readonly parts: FleetParts,
  ) {}

  static async start(parts: FleetParts = {}, folder = temporaryFolder()): Promise<Fleet> {
    const port = await freePort();
    return new Fleet(await startProxy(configuration(port, parts), folder), port, parts);
  }

  get folder(): string {
    return this.command.folder;
  }

  get errorLog(): string {
    return this.command.file('error.log');
  }

  /** Pids of the workers, those that are ending too. */
  get workers(): number[] {
    return childrenOf(this.command.pid);
  }

  /** Writes a new configuration and sends HUP. Waits until the log says what came of it. */
  async reload(parts: FleetParts | string): Promise<void> {
    const text = typeof parts === 'string' ? parts : configuration(this.port, { ...this.parts, ...parts });
    writeFileSync(join(this.folder, 'nginx.conf'), text);
    const before = outcomes(this.errorLog);
    this.command.kill('SIGHUP');
    await until('the end of the reload', () => outcomes(this.errorLog) > before, 15_000);
  }

  /** Waits for so many workers, none of them ending, that serve. */
  async untilWorkers(count: number): Promise<number[]> {
    const serves = (pid: number): boolean => this.errorLog.includes(`worker process ${pid} serves\n`);
    const all = (): boolean => this.workers.length === count && this.workers.every(serves);
    await until(`${count} workers`, all, 15_000);
    return this.workers;
  }

  async untilLogged(words: string | RegExp, limitMs = 10_000): Promise<void> {
    const found = (): boolean =>
      typeof words === 'string' ? this.errorLog.includes(words) : words.test(this.errorLog);
    try {
      await until(`"${String(words)}" in the error log`, found, limitMs);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.errorLog}`);
    }
  }

  /** Asks on a new connection; answers the content. */
  async ask(port = this.port): Promise<string> {
    const text = await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    if (!text.startsWith('HTTP/1.1 200')) throw new Error(`no answer: ${JSON.stringify(text)}`);
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  }
}

export function configuration(port: number, parts: FleetParts): string {
  const { workers = 2, main = '', http = '', server = '', location = 'return 200 "$pid";' } = parts;
  return `daemon off;
pid wirehop.pid;
error_log error.log info;
worker_processes ${workers};
${main}
events { worker_connections 1024; }
http {
    access_log access.log;
    ${http}
    server {
        listen 127.0.0.1:${port};
        ${server}
        location / { ${location} }
    }
}
`.replaceAll('%PORT%', String(port));
}

/** Pids of a process's children (proc(5)). */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').trim().split(' '))
      .filter((one) => one !== '')
      .map(Number);
  } catch {
    return [];
  }
}

function outcomes(log: string): number {
  return (log.match(/the new configuration is in force|the old (one|configuration) stays in force/g) ?? [])
    .length;
}
