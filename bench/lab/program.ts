/** Starts the processes of a run, each on its core, and sees to it that they end with it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { onCleanUp } from '../../test/e2e/harness.js';

/** Who runs where: the proxy alone on one core, all else on the other. */
export type Place = 'proxy' | 'rest';
const CORES: Record<Place, string> = { proxy: '1', rest: '0' };
/** The core of the proxy. */
export const PROXY_CORE = 1;

let pins: boolean | undefined;

/** Whether processes are bound to cores here. */
export function isPinning(): boolean {
  return (pins ??= availableParallelism() > 1 && runs('taskset', ['-c', '0', 'true']));
}

/** Whether a program is there and ends well. */
export function runs(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Starts a program; it is ended at the next clean-up at the latest. */
export function startProgram(place: Place, program: string, args: readonly string[], cwd?: string): Program {
  return new Program(place, program, args, { cwd, ipc: false });
}

/** Starts one of the bench's own programs with an IPC channel. */
export function startOwn(name: 'origin' | 'load'): Program {
  const file = fileURLToPath(new URL(`../${name}/main.js`, import.meta.url));
  return new Program('rest', process.execPath, [file], { cwd: undefined, ipc: true });
}

const END_LIMIT_MS = 3000;

/** A running program. */
export class Program {
  readonly child: ChildProcess;
  /** What it said on stderr. */
  stderr = '';
  hasEnded = false;
  private readonly ended: Promise<void>;

  constructor(
    place: Place,
    program: string,
    args: readonly string[],
    options: { readonly cwd: string | undefined; readonly ipc: boolean },
  ) {
    // taskset replaces itself by the program: the pid is the program's own.
    const command = isPinning() ? ['taskset', '-c', CORES[place], program, ...args] : [program, ...args];
    this.child = spawn(command[0], command.slice(1), {
      cwd: options.cwd,
      stdio: ['ignore', 'ignore', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.hasEnded = true;
        resolve();
      };
      this.child.once('exit', end).once('error', end);
    });
    onCleanUp(() => this.stop());
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The next IPC message. Rejects when the program ends first or takes too long. */
  async message<T>(what: string, limitMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<T>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${what}: ${why}\n${this.stderr}`));
      this.child.once('message', (message) => resolve(message as T));
      void this.ended.then(() => fail('the program ended'));
      timer = setTimeout(() => fail(`nothing for ${limitMs} ms`), limitMs);
    });
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks it to end, so that it can end its own children; kills it when it does not. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    this.child.kill('SIGTERM');
    const killer = setTimeout(() => this.child.kill('SIGKILL'), END_LIMIT_MS);
    await this.ended;
    clearTimeout(killer);
  }
}
