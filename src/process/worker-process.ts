/**
 * One worker as its master sees it: a process, what was sent to it, what it said. Decides nothing about when workers
 * begin and end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { TransportKind } from '../driver/driver.js';
import type { BoundSocket } from '../driver/transport.js';
import type { ToMaster, ToWorker, WorkerOrder } from './messages.js';

/** The command itself: with this one argument, and somebody to talk to, it is a worker. */
const COMMAND = fileURLToPath(new URL('./main.js', import.meta.url));
export const WORKER_ARGUMENT = '--worker-process';
/** Sets the limit of open files, as far as may be, and becomes the command behind it. */
const WITH_LIMIT = 'ulimit -n "$0" 2>/dev/null; exec "$@"';

/** How a worker ended. */
export interface WorkerEnd {
  /** As the log tells it: `exited with code 1`, `exited on signal 9`. */
  readonly how: string;
  /** It was killed by a signal. */
  readonly bySignal: boolean;
}

export interface WorkerOptions {
  readonly order: WorkerOrder;
  /** By address. They stay the master's. */
  readonly sockets: ReadonlyMap<string, BoundSocket>;
  /** Most open files; 0 leaves the limit as it is. */
  readonly openFiles: number;
  readonly onLoad: (worker: WorkerProcess, accepted: number, open: number) => void;
  readonly onEnd: (worker: WorkerProcess, end: WorkerEnd) => void;
}

export class WorkerProcess {
  readonly pid: number;
  /** Told to end: what comes next is no surprise. */
  isEnding = false;
  hasEnded = false;
  /** Monotonic ms at which it began to serve; -1 before. */
  servingSince = -1;
  /** How it has its sockets, once it serves. */
  transport: TransportKind | null = null;
  /** Resolves when it serves, or cannot: one line for each reason, none when it serves. */
  readonly began: Promise<readonly string[]>;
  private readonly child: ChildProcess;
  private settle: (failures: readonly string[]) => void = () => undefined;

  constructor(private readonly options: WorkerOptions) {
    this.began = new Promise((resolve) => (this.settle = resolve));
    this.child = this.spawn();
    this.pid = this.child.pid ?? 0;
    this.child.on('message', (message: ToMaster) => this.hear(message));
    this.child.on('error', (error) => this.fail(`cannot start a worker process: ${error.message}`));
    this.child.on('exit', (code, signal) => this.end(code, signal));
    this.tell({ kind: 'start', order: options.order });
    this.listen();
    this.tell({ kind: 'serve' });
  }

  /** Accept, or accept again. */
  listen(): void {
    if (this.isEnding) return;
    for (const [address, socket] of this.options.sockets) this.tell({ kind: 'listen', address }, socket);
  }

  /** Leave accepting to the others. */
  rest(): void {
    if (!this.isEnding) this.tell({ kind: 'rest' });
  }

  /** Finish what is under way, then end. */
  quit(): void {
    this.isEnding = true;
    this.tell({ kind: 'quit' });
  }

  /** End now. */
  stop(): void {
    this.isEnding = true;
    this.tell({ kind: 'stop' });
  }

  reopenLogs(): void {
    this.tell({ kind: 'reopen' });
  }

  /** Ends the process itself, whatever it does. */
  kill(): void {
    this.isEnding = true;
    this.child.kill('SIGKILL');
  }

  private spawn(): ChildProcess {
    const { openFiles } = this.options;
    const command = [process.execPath, ...process.execArgv, COMMAND, WORKER_ARGUMENT];
    const [program, ...args] =
      openFiles > 0 ? ['/bin/sh', '-c', WITH_LIMIT, String(openFiles), ...command] : command;
    return spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  private tell(message: ToWorker, socket?: BoundSocket): void {
    if (this.hasEnded || !this.child.connected) return;
    // A bare socket goes as it is; Node's types know only its streams.
    const handle = socket as Parameters<ChildProcess['send']>[1];
    // A worker that has gone meanwhile says so by its end.
    this.child.send(message, handle, {}, () => undefined);
  }

  private hear(message: ToMaster): void {
    if (message.kind === 'serving') {
      this.servingSince = performance.now();
      this.transport = message.transport;
      this.settle([]);
    } else if (message.kind === 'load') {
      this.options.onLoad(this, Number(message.accepted), Number(message.open));
    } else {
      this.settle(message.failures);
    }
  }

  private fail(why: string): void {
    this.settle([why]);
    if (this.child.pid === undefined) this.finish({ how: 'could not be started', bySignal: false });
  }

  private end(code: number | null, signal: NodeJS.Signals | null): void {
    const how =
      signal === null ? `exited with code ${code}` : `exited on signal ${constants.signals[signal]}`;
    this.settle([`worker process ${this.pid} ${how} before it served`]);
    this.finish({ how, bySignal: signal !== null });
  }

  private finish(end: WorkerEnd): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.options.onEnd(this, end);
  }
}
