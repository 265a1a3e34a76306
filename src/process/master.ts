/**
 * The master: holds the sockets, starts workers and replaces them, reloads, obeys nginx's signals. Serves nobody itself.
 * What a worker does is `worker.ts`'s.
 */
import type { MainSettings } from '../config/compile.js';
import type { TransportKind } from '../driver/driver.js';
import type { BoundSocket } from '../driver/transport.js';
import type { ErrorLog, ListenAddress } from '../proxy/model.js';
import type { CommandLine } from './command-line.js';
import type { Paths } from './configuration.js';
import { Balance, REST_LIMIT_MS, type Turn } from './balance.js';
import { ListeningSockets } from './listening-sockets.js';
import type { Logs } from './logs.js';
import { removePidFile, writePidFile } from './pid-file.js';
import { Respawns } from './respawn.js';
import { NO_BINARY_UPGRADE } from './serve.js';
import type { Snapshot } from './snapshot.js';
import { inheritedSockets, ServiceManager } from './service-manager.js';
import { describeCall } from './system-error.js';
import { WorkerProcess, type WorkerEnd } from './worker-process.js';

/** Workers that were told to stop are killed after this. */
const STOP_LIMIT_MS = 2000;
/** A new configuration's workers must serve within this; else the old ones stay. */
const BEGIN_LIMIT_MS = 30_000;

/** A configuration that can be used, and what goes with it. */
export interface Ready {
  readonly main: MainSettings;
  readonly addresses: readonly ListenAddress[];
  readonly snapshot: Snapshot;
  readonly logs: Logs;
  readonly log: ErrorLog;
  /** Absolute. */
  readonly pidFile: string;
}

export interface MasterOptions {
  readonly line: CommandLine;
  readonly paths: Paths;
  readonly first: Ready;
  /** Reads the configuration anew; null when it cannot be used, and every fault has been told to `log`. */
  readonly load: (log: ErrorLog) => Promise<Ready | null>;
  /** Called once, last, with the exit code. */
  readonly exit: (code: number) => void;
}

/** A configuration in force and the workers that serve it. */
class Generation {
  readonly workers = new Set<WorkerProcess>();
  readonly respawns: Respawns;
  readonly balance = new Balance<WorkerProcess>();
  /** Workers that wait for their time to start again. */
  readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    readonly ready: Ready,
    readonly sockets: ReadonlyMap<string, BoundSocket>,
  ) {
    this.respawns = new Respawns(ready.main.workerProcesses);
  }

  /** Its workers finish; none is started any more. */
  retire(): void {
    this.cancelTimers();
    for (const worker of this.workers) worker.quit();
  }

  cancelTimers(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }
}

export class Master {
  private readonly sockets: ListeningSockets;
  private readonly manager: ServiceManager;
  /** In force; null until the first one is. */
  private current: Generation | null = null;
  /** Every worker, those of former configurations too. */
  private readonly workers = new Set<WorkerProcess>();
  private log: ErrorLog;
  private ending: '' | 'draining' | 'stopping' = '';
  private isReloading = false;
  private reloadsAgain = false;
  /** How the first worker found that sockets are had. */
  private transport: TransportKind | null = null;
  private pidFile = '';

  constructor(private readonly options: MasterOptions) {
    this.log = options.first.log;
    this.sockets = new ListeningSockets(inheritedSockets(this.log));
    this.manager = new ServiceManager();
    process.once('exit', () => {
      if (this.pidFile !== '') removePidFile(this.pidFile);
    });
  }

  /**
   * Binds every port, starts the workers, and writes the pid file as soon as one of them serves. Returns one line for
   * each failure; with any, nothing is left open.
   */
  async start(): Promise<readonly string[]> {
    const { first } = this.options;
    const change = await this.sockets.change(first.addresses, this.log);
    if (change.failures.length > 0) {
      change.undo();
      return change.failures;
    }
    change.commit();
    for (const name of this.sockets.unused) {
      this.log.log('warn', `the socket of ${name} was handed over, and no server listens there`);
    }
    const generation = new Generation(first, change.sockets);
    this.current = generation;
    this.log.log('notice', 'start worker processes');
    const failures = await firstToBegin(this.startWorkers(generation));
    // Told to end before it served: that workers ended is what was asked for.
    if (this.ending !== '') return [];
    // Bound sockets and signals alone do not keep a process, and without workers there may be nothing else.
    const keepsRunning = setInterval(() => undefined, 2 ** 30);
    if (failures.length === 0) failures.push(...this.movePidFile(first.pidFile));
    if (failures.length > 0) {
      clearInterval(keepsRunning);
      await this.stopAll();
    } else void this.manager.ready(this.log);
    return failures;
  }

  /** Obeys the signals that nginx obeys. Call it before {@link start}. */
  obeySignals(): void {
    process.on('SIGTERM', () => void this.stop('signal 15 (SIGTERM) received, exiting'));
    process.on('SIGINT', () => void this.stop('signal 2 (SIGINT) received, exiting'));
    process.on('SIGQUIT', () => this.drain('signal 3 (SIGQUIT) received, shutting down'));
    process.on('SIGHUP', () => void this.reload());
    process.on('SIGUSR1', () => this.reopenLogs());
    process.on('SIGUSR2', () => this.log.log('notice', NO_BINARY_UPGRADE));
    process.on('SIGWINCH', () => this.dismiss());
  }

  /** Ends everything now. */
  private async stop(why: string): Promise<void> {
    if (this.ending === 'stopping') return;
    this.ending = 'stopping';
    this.log.log('notice', why);
    await Promise.all([this.stopAll(), this.manager.stopping(this.log)]);
    this.finish();
  }

  /** Lets workers finish what is under way. */
  private drain(why: string): void {
    if (this.ending !== '') return;
    this.ending = 'draining';
    this.log.log('notice', why);
    void this.manager.stopping(this.log);
    this.sockets.close();
    this.current?.cancelTimers();
    for (const worker of this.workers) worker.quit();
    this.finishWhenEmpty();
  }

  /** WINCH: workers finish, and the master waits with its sockets. nginx obeys it as a daemon only: terminals send it. */
  private dismiss(): void {
    if (this.current?.ready.main.daemon !== true || this.ending !== '') return;
    this.log.log('notice', 'signal 28 (SIGWINCH) received, gracefully shutting down workers');
    this.current.retire();
  }

  private reopenLogs(): void {
    this.log.log('notice', 'signal 10 (SIGUSR1) received, reopening logs');
    const { logs, main } = this.current?.ready ?? this.options.first;
    for (const failure of logs.reopen(main.workerUser)) this.log.log('emerg', failure);
    for (const worker of this.workers) worker.reopenLogs();
  }

  // ---- Reloading

  /** HUP: tests the new configuration, starts its workers, and only then lets the old ones finish. */
  private async reload(): Promise<void> {
    if (this.ending !== '') return;
    this.log.log('notice', 'signal 1 (SIGHUP) received, reconfiguring');
    if (this.isReloading) {
      this.reloadsAgain = true;
      return;
    }
    this.isReloading = true;
    do {
      this.reloadsAgain = false;
      void this.manager.reloading(this.log);
      await this.reconfigure();
      void this.manager.ready(this.log);
    } while (this.reloadsAgain && this.ending === '');
    this.isReloading = false;
  }

  private async reconfigure(): Promise<void> {
    const ready = await this.options.load(this.log);
    if (ready === null || this.ending !== '') {
      if (ready === null)
        this.log.log('error', 'the new configuration cannot be used: the old one stays in force');
      return;
    }
    const change = await this.sockets.change(ready.addresses, this.log);
    const next = new Generation(ready, change.sockets);
    const failures = change.failures.length > 0 ? change.failures : await this.begin(next);
    if (failures.length > 0 || this.ending !== '') {
      change.undo();
      ready.logs.close();
      this.forgo(next, failures);
      return;
    }
    change.commit();
    const old = this.current;
    this.current = next;
    old?.retire();
    // Old workers have logs of their own.
    old?.ready.logs.close();
    this.log = ready.log;
    for (const failure of this.movePidFile(ready.pidFile)) this.log.log('emerg', failure);
    this.log.log('notice', 'the new configuration is in force');
  }

  /** Starts a configuration's workers. Answers why not all of them serve, or nothing when they do. */
  private async begin(generation: Generation): Promise<readonly string[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<readonly string[]>((resolve) => {
      const failure = `new workers do not serve after ${BEGIN_LIMIT_MS / 1000} s`;
      timer = setTimeout(() => resolve([failure]), BEGIN_LIMIT_MS);
    });
    const begun = Promise.all(this.startWorkers(generation).map(({ began }) => began));
    const failures = await Promise.race([begun.then((lists) => lists.flat()), late]);
    clearTimeout(timer);
    return failures;
  }

  /** The new configuration is not taken. */
  private forgo(generation: Generation, failures: readonly string[]): void {
    this.tellFailures(failures);
    for (const worker of generation.workers) worker.stop();
    if (this.ending === '') this.log.log('error', 'reload failed: the old configuration stays in force');
  }

  private movePidFile(path: string): string[] {
    const old = this.pidFile;
    if (path === old) return [];
    try {
      writePidFile(path);
    } catch (error) {
      return [describeCall('open', path, error)];
    }
    this.pidFile = path;
    if (old !== '') removePidFile(old);
    return [];
  }

  // ---- Workers

  private startWorkers(generation: Generation): WorkerProcess[] {
    const { workerProcesses } = generation.ready.main;
    return Array.from({ length: workerProcesses }, () => this.startWorker(generation));
  }

  private startWorker(generation: Generation): WorkerProcess {
    const { line, paths } = this.options;
    const { snapshot, main } = generation.ready;
    const worker = new WorkerProcess({
      order: { line, paths, snapshot, transport: this.transport },
      sockets: generation.sockets,
      openFiles: main.workerRlimitNofile,
      onLoad: (one, accepted, open) => this.turn(generation, generation.balance.report(one, accepted, open)),
      onEnd: (ended, end) => this.ended(generation, ended, end),
    });
    generation.workers.add(worker);
    this.workers.add(worker);
    this.log.log('notice', `start worker process ${worker.pid}`);
    void worker.began.then((failures) => {
      this.transport ??= worker.transport;
      if (failures.length === 0) {
        this.log.log('info', `worker process ${worker.pid} serves`);
        generation.balance.add(worker);
      }
      // At a start and a reload these are told to whoever waits for it.
      else if (this.current === generation && this.pidFile !== '') this.tellFailures(failures);
    });
    return worker;
  }

  /** Carries out who rests, and who does no longer. */
  private turn(generation: Generation, turns: readonly Turn<WorkerProcess>[]): void {
    for (const { worker, rests } of turns) {
      if (!rests) {
        worker.listen();
        continue;
      }
      worker.rest();
      const again = (): void => this.turn(generation, generation.balance.expire(worker));
      setTimeout(again, REST_LIMIT_MS).unref();
    }
  }

  private tellFailures(failures: readonly string[]): void {
    for (const failure of new Set(failures)) this.log.log('emerg', failure);
  }

  private ended(generation: Generation, worker: WorkerProcess, { how, bySignal }: WorkerEnd): void {
    generation.workers.delete(worker);
    this.workers.delete(worker);
    this.turn(generation, generation.balance.remove(worker));
    this.log.log(bySignal ? 'alert' : 'notice', `worker process ${worker.pid} ${how}`);
    if (this.ending !== '') this.finishWhenEmpty();
    else if (generation === this.current && !worker.isEnding && this.pidFile !== '')
      this.replace(generation, worker);
  }

  /** A worker ended by itself, or somebody ended it. */
  private replace(generation: Generation, worker: WorkerProcess): void {
    const { respawns, timers } = generation;
    const delayMs = respawns.ended(worker.servingSince, performance.now());
    if (delayMs === 0) {
      this.startWorker(generation);
      return;
    }
    const text = `workers keep ending soon after they began (${respawns.count} in a row)`;
    this.log.log('alert', `${text}: the next one starts in ${delayMs} ms`);
    const timer = setTimeout(() => {
      timers.delete(timer);
      this.startWorker(generation);
    }, delayMs);
    timers.add(timer);
  }

  private async stopAll(): Promise<void> {
    this.sockets.close();
    this.current?.cancelTimers();
    const { workers } = this;
    for (const worker of workers) worker.stop();
    const limit = performance.now() + STOP_LIMIT_MS;
    while (workers.size > 0) {
      if (performance.now() > limit) for (const worker of workers) worker.kill();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  private finishWhenEmpty(): void {
    if (this.ending === 'draining' && this.workers.size === 0) this.finish();
  }

  private finish(): void {
    this.log.log('notice', 'exit');
    this.options.exit(0);
  }
}

/** Waits for the first worker that serves; answers every failure when none does. */
async function firstToBegin(workers: readonly WorkerProcess[]): Promise<string[]> {
  const failures: string[] = [];
  const one = new Promise<boolean>((resolve) => {
    for (const { began } of workers) {
      void began.then((why) => {
        failures.push(...why);
        if (why.length === 0) resolve(true);
      });
    }
    void Promise.all(workers.map(({ began }) => began)).then(() => resolve(false));
  });
  return (await one) ? [] : [...new Set(failures)];
}
