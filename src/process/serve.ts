/**
 * Runs a compiled configuration: binds every port, writes the pid file, obeys signals, ends in order. Joins `driver/`
 * and what `config/` made; both the command and the demo serve through here.
 */
import { lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { CompiledConfig } from '../config/compile.js';
import { Driver, type TransportKind } from '../driver/driver.js';
import { NameWatcher } from '../driver/name-service.js';
import { tryHandles } from '../driver/handle-trial.js';
import type { ErrorLog, ListenAddress } from '../proxy/model.js';
import type { Logs } from './logs.js';
import { connectionsWithin, openFileLimit } from './open-files.js';
import { removePidFile, writePidFile } from './pid-file.js';
import { describeCall, describeErrno } from './system-error.js';

/** Connections may need a moment to close after they were told to; then the process ends anyway. */
const CLOSE_TIMEOUT_MS = 1000;

/** What a service needs. All of it stays the caller's. */
export interface ServiceOptions {
  readonly config: CompiledConfig;
  /** Reopened on USR1. */
  readonly logs: Logs;
  /** The main error log. */
  readonly log: ErrorLog;
  /** Absolute path, or '' for no pid file. */
  readonly pidFile: string;
  readonly transport: TransportKind;
  /** Called once, last, with the exit code. */
  readonly exit: (code: number) => void;
}

/** One running configuration. */
export class Service {
  private readonly driver: Driver;
  private readonly names: NameWatcher;
  private ending: '' | 'draining' | 'stopping' = '';

  constructor(private readonly options: ServiceOptions) {
    const { config, log } = options;
    const { workerConnections } = config.main;
    const limit = openFileLimit();
    const fitting = connectionsWithin(limit, config.listeners.length);
    if (workerConnections > fitting) {
      const text = `${workerConnections} worker_connections exceed open file resource limit: ${limit}`;
      log.log('warn', `${text}, so there are ${fitting}`);
    }
    this.driver = new Driver({
      workerConnections: Math.min(workerConnections, fitting),
      transport: options.transport,
      onNotice: (level, text) => log.log(level, text),
    });
    this.names = new NameWatcher(config.names);
    void this.names.start();
  }

  /**
   * Binds every port and then writes the pid file. Returns one line for each failure; with any, nothing is left open.
   */
  async start(): Promise<string[]> {
    const failures: string[] = [];
    for (const { address, policy } of this.options.config.listeners) {
      try {
        await this.bind(address, policy);
      } catch (error) {
        failures.push(`bind() to ${addressText(address)} failed (${describeErrno(error)})`);
      }
    }
    if (failures.length === 0 && this.options.pidFile !== '') {
      try {
        const { pidFile } = this.options;
        writePidFile(pidFile);
        // However the process ends, short of being killed.
        process.once('exit', () => removePidFile(pidFile));
      } catch (error) {
        failures.push(describeCall('open', this.options.pidFile, error));
      }
    }
    if (failures.length > 0) await this.driver.close();
    return failures;
  }

  /** Obeys the signals that nginx obeys. Call it before {@link start}: a signal may come while ports are bound. */
  obeySignals(): void {
    process.on('SIGTERM', () => void this.stop('signal 15 (SIGTERM) received, exiting'));
    process.on('SIGINT', () => void this.stop('signal 2 (SIGINT) received, exiting'));
    process.on('SIGQUIT', () => void this.drain());
    process.on('SIGUSR1', () => this.reopenLogs());
    process.on('SIGHUP', () => {
      this.options.log.log(
        'notice',
        'signal 1 (SIGHUP) received: wirehop cannot reload yet, restart it instead',
      );
    });
    process.on('SIGUSR2', () => {
      this.options.log.log(
        'notice',
        'signal 12 (SIGUSR2) received: wirehop cannot replace its binary, ignored',
      );
    });
  }

  /** Ends everything now. */
  async stop(why: string): Promise<void> {
    if (this.ending === 'stopping') return;
    this.ending = 'stopping';
    this.options.log.log('notice', why);
    this.names.stop();
    await within(this.driver.close(), CLOSE_TIMEOUT_MS);
    this.options.log.log('notice', 'exit');
    this.options.exit(0);
  }

  /** Lets requests finish and tunnels close, no longer than worker_shutdown_timeout where that is set. */
  private async drain(): Promise<void> {
    if (this.ending !== '') return;
    this.ending = 'draining';
    this.options.log.log('notice', 'signal 3 (SIGQUIT) received, shutting down');
    const limitMs = this.options.config.main.workerShutdownTimeoutMs;
    const drained = await within(this.driver.drain(), limitMs);
    // TERM may have come meanwhile: then it ends the process.
    if (this.ending !== 'draining') return;
    await this.stop(
      drained ? 'gracefully shut down' : 'worker_shutdown_timeout is over, closing what is left',
    );
  }

  private reopenLogs(): void {
    this.options.log.log('notice', 'signal 10 (SIGUSR1) received, reopening logs');
    for (const failure of this.options.logs.reopen()) this.options.log.log('emerg', failure);
  }

  /** Binds one address. The path of a unix socket that nobody serves any more is taken over. */
  private async bind(address: ListenAddress, policy: Parameters<Driver['listen']>[1]): Promise<void> {
    try {
      await this.driver.listen(address, policy);
    } catch (error) {
      if (!('path' in address) || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (!(await isStaleSocket(address.path))) throw error;
      rmSync(address.path);
      this.options.log.log('notice', `removed the stale socket ${address.path}: nobody listened on it`);
      await this.driver.listen(address, policy);
    }
  }
}

/**
 * The transport to serve with: bare handles where a trial finds them in order, else `net` with a line in the log.
 * @param wish `handle` insists, and tells a fault the same way
 */
export async function chooseTransport(wish: 'auto' | TransportKind, log: ErrorLog): Promise<TransportKind> {
  if (wish === 'net') return 'net';
  const fault = await tryHandles();
  if (fault === '') return 'handle';
  log.log('warn', `bare handles do not work on Node.js ${process.version}, using net sockets: ${fault}`);
  return 'net';
}

/** As nginx writes addresses: `0.0.0.0:80`, `[::]:80`, `unix:/path`. */
export function addressText(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** A socket file whose owner is gone refuses connections. Anything else at that path is somebody's. */
function isStaleSocket(path: string): Promise<boolean> {
  try {
    if (!lstatSync(path).isSocket()) return Promise.resolve(false);
  } catch {
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.on('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** Whether `work` was done in time; `limitMs` 0 waits for ever. */
function within(work: Promise<void>, limitMs: number): Promise<boolean> {
  const done = work.then(() => true);
  if (limitMs <= 0) return done;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}
