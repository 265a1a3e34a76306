/**
 * Runs a compiled configuration in this process: accepts, obeys signals, ends in order. Joins `driver/` and what `config/`
 * made. A worker serves through here on its master's sockets; the command without a master, and the demo, on their own.
 */
import type { CompiledConfig, CompiledListener } from '../config/compile.js';
import { closeSocket } from '../driver/bound-socket.js';
import { Driver, type TransportKind } from '../driver/driver.js';
import { NameWatcher } from '../driver/name-service.js';
import { tryHandles } from '../driver/handle-trial.js';
import type { BoundAddress, BoundSocket } from '../driver/transport.js';
import type { ErrorLog } from '../proxy/model.js';
import { addressText, bindFailure, openToAll, takeAddress } from './listening-sockets.js';
import type { Logs } from './logs.js';
import { connectionsWithin, openFileLimit } from './open-files.js';
import { removePidFile, writePidFile } from './pid-file.js';
import { describeCall } from './system-error.js';

/** Connections may need a moment to close after they were told to; then the process ends anyway. */
const CLOSE_TIMEOUT_MS = 1000;

/** What a service needs. All of it stays the caller's. */
export interface ServiceOptions {
  readonly config: CompiledConfig;
  /** Reopened on USR1. */
  readonly logs: Logs;
  /** The main error log. */
  readonly log: ErrorLog;
  readonly transport: TransportKind;
  /** Called for every connection that is accepted. */
  readonly onAccept?: () => void;
  /** Called once, last, with the exit code. */
  readonly exit: (code: number) => void;
}

/** One running configuration. */
export class Service {
  private readonly driver: Driver;
  private readonly names: NameWatcher;
  private readonly bound: BoundAddress[] = [];
  private ending: '' | 'draining' | 'stopping' = '';

  constructor(private readonly options: ServiceOptions) {
    const { config, log } = options;
    const { workerConnections, environment } = config.main;
    for (const [name, value] of environment) process.env[name] = value;
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
      ...(options.onAccept === undefined ? {} : { onAccept: options.onAccept }),
    });
    config.figures.source = () => this.driver.figures();
    this.names = new NameWatcher(config.names);
    void this.names.start();
  }

  /**
   * Binds every port itself and then writes the pid file. Returns one line for each failure; with any, nothing is left
   * open.
   * @param pidFile absolute path, or '' for none
   */
  async start(pidFile: string): Promise<string[]> {
    const failures: string[] = [];
    for (const { address, policy } of this.options.config.listeners) {
      try {
        await takeAddress(address, this.options.log, () => this.driver.listen(address, policy));
        if ('path' in address) openToAll(address.path);
      } catch (error) {
        failures.push(bindFailure(address, error));
      }
    }
    if (failures.length === 0 && pidFile !== '') failures.push(...keepPidFile(pidFile));
    if (failures.length > 0) await this.driver.close();
    return failures;
  }

  /**
   * Accepts on a socket that is bound already. Nobody listens at an address that the configuration does not have.
   * @param name the address, as {@link addressText} has it
   * @returns what failed, or ''
   */
  async listen(name: string, socket: BoundSocket): Promise<string> {
    if (this.ending !== '') {
      closeSocket(socket);
      return '';
    }
    const listener = this.options.config.listeners.find(({ address }) => addressText(address) === name);
    if (listener === undefined) return `no server listens at ${name}`;
    return this.listenAt(listener, socket);
  }

  private async listenAt({ address, policy }: CompiledListener, socket: BoundSocket): Promise<string> {
    try {
      this.bound.push(await this.driver.listen(address, policy, socket));
      return '';
    } catch (error) {
      return bindFailure(address, error);
    }
  }

  /** Stops listening on the sockets that {@link listen} was given. */
  rest(): void {
    for (const bound of this.bound.splice(0)) this.driver.stopListening(bound);
  }

  /** Connections accepted so far, and open now. */
  get load(): { accepted: number; open: number } {
    const { accepted, sessions } = this.driver.counters;
    return { accepted, open: sessions };
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

  /** Lets requests finish and tunnels close, no longer than worker_shutdown_timeout where that is set; then ends. */
  async drain(why: string): Promise<void> {
    if (this.ending !== '') return;
    this.ending = 'draining';
    this.options.log.log('notice', why);
    const limitMs = this.options.config.main.workerShutdownTimeoutMs;
    const drained = await within(this.driver.drain(), limitMs);
    // TERM may have come meanwhile: then it ends the process.
    if (this.ending !== 'draining') return;
    await this.stop(
      drained ? 'gracefully shut down' : 'worker_shutdown_timeout is over, closing what is left',
    );
  }

  /** Opens every log anew. */
  reopenLogs(): void {
    for (const failure of this.options.logs.reopen()) this.options.log.log('emerg', failure);
  }
}

/** Obeys the signals that nginx obeys, without a master. Call it early: a signal may come while ports are bound. */
export function obeySignals(service: Service, log: ErrorLog): void {
  process.on('SIGTERM', () => void service.stop('signal 15 (SIGTERM) received, exiting'));
  process.on('SIGINT', () => void service.stop('signal 2 (SIGINT) received, exiting'));
  process.on('SIGQUIT', () => void service.drain('signal 3 (SIGQUIT) received, shutting down'));
  process.on('SIGUSR1', () => {
    log.log('notice', 'signal 10 (SIGUSR1) received, reopening logs');
    service.reopenLogs();
  });
  process.on('SIGHUP', () => {
    log.log('notice', 'signal 1 (SIGHUP) received: without a master process nothing is reloaded, ignored');
  });
  process.on('SIGUSR2', () => log.log('notice', NO_BINARY_UPGRADE));
}

export const NO_BINARY_UPGRADE =
  'signal 12 (SIGUSR2) received: wirehop cannot replace its binary while it serves, ignored; ' +
  'reload with HUP for a new configuration, or stop this one with QUIT first and start the new version';

/** Writes the pid file and removes it however the process ends, short of being killed. Returns what failed. */
export function keepPidFile(path: string): string[] {
  try {
    writePidFile(path);
  } catch (error) {
    return [describeCall('open', path, error)];
  }
  process.once('exit', () => removePidFile(path));
  return [];
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
