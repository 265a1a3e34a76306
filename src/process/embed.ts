/**
 * wirehop inside another program: a driver and a policy, joined. Decides nothing that the command does not; a proxy
 * made here reads nginx's language or stands in front of one upstream, writes no file and handles no signal.
 */
import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { compileConfig, type CompiledConfig } from '../config/compile.js';
import { memoryFiles } from '../config/files.js';
import { Driver, type DriverCounters, type NoticeLevel, type TransportKind } from '../driver/driver.js';
import type { Address, BoundAddress } from '../driver/transport.js';
import { ConfigError } from '../error.js';
import type { ErrorLog, LogLevel, LogSink } from '../proxy/model.js';
import { configurationText } from './one-liner.js';

/** Give `upstream` or `config`, not both. */
export interface ProxyOptions {
  /** `http://HOST:PORT[/PATH]` or `unix:/PATH`; several take turns. WebSocket upgrades and keep-alive are on. */
  readonly upstream?: string | readonly string[];
  /** A whole configuration in nginx's language: main, events and http blocks. Logs go to `onLog` and `onAccess`. */
  readonly config?: string;
  /**
   * `net` (default): Node's public sockets. `handle`: bare handles, private to Node and faster; `tryHandles` tells
   * whether they work here.
   */
  readonly transport?: TransportKind;
  /** What the error log would get. Default: nowhere. */
  readonly onLog?: (level: LogLevel | NoticeLevel, text: string) => void;
  /** What an access_log would get: its path as configured, and a line without its end. Default: nowhere. */
  readonly onAccess?: (path: string, line: string) => void;
}

/** A proxy that other code owns. */
export class Proxy {
  private readonly driver: Driver;

  /** @internal Use {@link createProxy}. */
  constructor(
    private readonly config: CompiledConfig,
    transport: TransportKind,
    onNotice: (level: NoticeLevel, text: string) => void,
  ) {
    this.driver = new Driver({ workerConnections: config.main.workerConnections, transport, onNotice });
  }

  /**
   * Accepts connections at `address`, by the rules of the configuration's first listener; without one, wherever the
   * configuration says (with `upstream`: 127.0.0.1:8080). A number is a port on 127.0.0.1, 0 takes a free one.
   * Rejects with the system's error, such as EADDRINUSE.
   */
  async listen(address?: number | Address): Promise<BoundAddress[]> {
    if (address !== undefined) {
      const where = typeof address === 'number' ? { host: '127.0.0.1', port: address } : address;
      return [await this.driver.listen(where, this.config.listeners[0].policy)];
    }
    const bound: BoundAddress[] = [];
    for (const listener of this.config.listeners) {
      bound.push(await this.driver.listen(listener.address, listener.policy));
    }
    return bound;
  }

  /** Serves a connection accepted elsewhere. The socket must allow half-open; from here on it belongs to the proxy. */
  handle(socket: Socket): void {
    this.driver.accept(socket, this.config.listeners[0].policy);
  }

  /** Figures of this moment. */
  get counters(): Readonly<DriverCounters> {
    return this.driver.counters;
  }

  /** Stops accepting and waits until every exchange and tunnel has ended by itself. */
  drain(): Promise<void> {
    return this.driver.drain();
  }

  /** Ends everything now. */
  close(): Promise<void> {
    return this.driver.close();
  }
}

const FILE = '/embedded';

/**
 * Makes a proxy. Rejects with a {@link ConfigError} that names the first fault (all are in its `cause`), and with a
 * TypeError for options that say too little or too much.
 */
export async function createProxy(options: ProxyOptions): Promise<Proxy> {
  if ((options.upstream === undefined) === (options.config === undefined)) {
    throw new TypeError('createProxy() needs either "upstream" or "config"');
  }
  const upstream = options.upstream ?? [];
  const text =
    options.config ??
    configurationText({
      listen: ['127.0.0.1:8080'],
      upstream: typeof upstream === 'string' ? [upstream] : upstream,
      accessLog: '',
    });
  const log = options.onLog ?? ((): void => undefined);
  const errorLog: ErrorLog = { log };
  const compiled = await compileConfig({
    file: FILE,
    files: memoryFiles({ [FILE]: text }),
    resolve: async (host) =>
      (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address),
    openLog: (path): LogSink => ({ write: (line) => options.onAccess?.(path, line) }),
    openErrorLog: () => errorLog,
  });
  for (const warning of compiled.warnings) log('warn', warning.message);
  if (compiled.config === undefined) {
    const [first] = compiled.errors;
    throw Object.assign(first ?? new ConfigError('the configuration cannot be used'), {
      cause: compiled.errors,
    });
  }
  return new Proxy(compiled.config, options.transport ?? 'net', log);
}
