/**
 * A worker: compiles what its master compiled, becomes its user, accepts on its master's sockets. Obeys the master, and
 * the signals that nginx's workers obey. Ends when its master is gone: nobody could stop it any more.
 */
import { setPriority } from 'node:os';
import type { BoundSocket } from '../driver/transport.js';
import type { CompiledConfig } from '../config/compile.js';
import type { ErrorLog } from '../proxy/model.js';
import { loadConfiguration } from './configuration.js';
import { becomeUser } from './identity.js';
import { Logs } from './logs.js';
import type { ToMaster, ToWorker, WorkerOrder } from './messages.js';
import { openFileLimit } from './open-files.js';
import { logConfigError } from './report.js';
import { chooseTransport, Service } from './serve.js';
import { replayingSurroundings } from './snapshot.js';
import { describeErrno } from './system-error.js';

/** A burst of connections is told in one message, and yet soon enough to even out what follows. */
const REPORT_DELAY_MS = 10;
/** As nginx: a worker that could not begin. */
const CANNOT_SERVE = 2;

/** Ends a worker's beginning. */
class CannotServe extends Error {
  constructor(readonly failures: readonly string[]) {
    super(failures.join('; '));
  }
}

class Worker {
  private readonly logs = new Logs();
  private service: Service | null = null;
  private log: ErrorLog = { log: () => undefined };
  private transport: WorkerOrder['transport'] = null;
  /** A report to the master is on its way. */
  private reports = false;
  private rests = false;
  /** What came is done in order; each step may take its time. */
  private steps: Promise<void> = Promise.resolve();

  /** Something for the master's and everybody's ears: an error that nobody foresaw. */
  get errorLog(): ErrorLog {
    return this.log;
  }

  obey(message: ToWorker, socket: BoundSocket | undefined): void {
    switch (message.kind) {
      case 'start':
        this.then(() => this.start(message.order));
        break;
      case 'listen':
        this.then(() => this.listen(message.address, socket));
        break;
      case 'rest':
        this.then(() => this.rest());
        break;
      case 'serve':
        this.then(() => this.serve());
        break;
      case 'quit':
        this.quit('gracefully shutting down');
        break;
      case 'stop':
        this.stop('exiting');
        break;
      case 'reopen':
        // A worker that has just opened its logs may have opened those of before.
        this.then(() => this.reopen());
        break;
    }
  }

  quit(why: string): void {
    process.title = 'wirehop: worker process is shutting down';
    if (this.service === null) process.exit(0);
    void this.service.drain(why);
  }

  stop(why: string): void {
    if (this.service === null) process.exit(0);
    void this.service.stop(why);
  }

  reopen(): void {
    this.log.log('notice', 'reopening logs');
    this.service?.reopenLogs();
  }

  private then(step: () => Promise<void> | void): void {
    this.steps = this.steps.then(step).catch((error: unknown) => {
      if (!(error instanceof CannotServe)) throw error;
      tell({ kind: 'failed', failures: error.failures }, () => process.exit(CANNOT_SERVE));
      // Nothing more is done meanwhile.
      return new Promise(() => undefined);
    });
  }

  private async start(order: WorkerOrder): Promise<void> {
    const { line, paths, snapshot } = order;
    const loaded = await loadConfiguration(line, paths, this.logs, replayingSurroundings(snapshot));
    const { config } = loaded;
    if (config === undefined) throw new CannotServe(loaded.errors.map(logConfigError));
    this.log = config.main.errorLog ?? this.logs.errorLog(paths.errorLog, 'error');
    this.setUp(config);
    this.transport = order.transport ?? (await chooseTransport(line.transport, this.log));
    this.service = new Service({
      config,
      logs: this.logs,
      log: this.log,
      transport: this.transport,
      ...(config.main.workerProcesses > 1 ? { onAccept: () => this.reportSoon() } : {}),
      exit: (code) => process.exit(code),
    });
  }

  /** What needs the master's rights, and then gives them up. */
  private setUp({ main }: CompiledConfig): void {
    const { workerPriority, workerRlimitNofile, workerUser } = main;
    if (workerPriority !== null) {
      try {
        setPriority(workerPriority);
      } catch (error) {
        this.log.log('alert', `setpriority(${workerPriority}) failed (${describeErrno(error)})`);
      }
    }
    if (workerRlimitNofile > 0 && openFileLimit() !== workerRlimitNofile) {
      const found = `it is ${openFileLimit()}`;
      this.log.log('alert', `setrlimit(RLIMIT_NOFILE, ${workerRlimitNofile}) failed: ${found}`);
    }
    if (workerUser === null) return;
    try {
      becomeUser(workerUser);
    } catch (error) {
      const what = `setuid(${workerUser.uid}) for user "${workerUser.name}" failed`;
      throw new CannotServe([`${what} (${describeErrno(error)})`]);
    }
  }

  private async listen(address: string, socket: BoundSocket | undefined): Promise<void> {
    if (this.service === null || socket === undefined) return;
    this.rests = false;
    const failure = await this.service.listen(address, socket);
    if (failure !== '') throw new CannotServe([failure]);
  }

  /** Others are to accept for a while. */
  private rest(): void {
    this.service?.rest();
    this.rests = true;
    this.reportSoon();
  }

  /** Tells the master how many connections there are: soon after one was accepted, and over and over during a rest. */
  private reportSoon(): void {
    if (this.reports) return;
    this.reports = true;
    setTimeout(() => {
      this.reports = false;
      if (this.service !== null) tell({ kind: 'load', ...this.service.load });
      if (this.rests) this.reportSoon();
    }, REPORT_DELAY_MS).unref();
  }

  private serve(): void {
    if (this.transport !== null) tell({ kind: 'serving', transport: this.transport });
  }
}

function tell(message: ToMaster, then: () => void = () => undefined): void {
  // A master that is gone hears nothing: 'disconnect' looks after that.
  process.send?.(message, undefined, {}, then);
}

/** Makes this process a worker of the one that started it. */
export function runWorker(): void {
  const worker = new Worker();
  process.title = 'wirehop: worker process';
  process.on('message', (message: ToWorker, socket: BoundSocket | undefined) => worker.obey(message, socket));
  process.on('disconnect', () => {
    worker.errorLog.log('alert', 'the master process is gone, shutting down');
    worker.quit('gracefully shutting down');
  });
  process.on('SIGTERM', () => worker.stop('signal 15 (SIGTERM) received, exiting'));
  process.on('SIGINT', () => worker.stop('signal 2 (SIGINT) received, exiting'));
  process.on('SIGQUIT', () => worker.quit('signal 3 (SIGQUIT) received, gracefully shutting down'));
  process.on('SIGUSR1', () => worker.reopen());
  // Those of a terminal or a service manager that signals whole groups: the master decides.
  for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGWINCH'] as const) process.on(signal, () => undefined);
  process.on('uncaughtException', (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    worker.errorLog.log('alert', `wirehop ends by an error of its own: ${stack}`);
    process.exit(1);
  });
}
