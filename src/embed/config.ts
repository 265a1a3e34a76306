/**
 * nginx's configuration language for an embedded proxy: a text becomes a {@link Config}, which `createProxy` runs. Opens
 * no file but those that an `include` names, and no log at all: lines go to the proxy's `onLog` and `onAccess`.
 */
import { lookup } from 'node:dns/promises';
import { resolve } from 'node:path';
import { compileConfig, type CompiledConfig } from '../config/compile.js';
import { type ConfigFiles, DISK, memoryFiles } from '../config/files.js';
import { DnsNameService } from '../driver/name-service.js';
import { UserFileService } from '../driver/passwords/user-files.js';
import { ConfigError } from '../error.js';
import type { ErrorLog, LogLevel, LogSink } from '../proxy/model.js';

/** How a configuration is read. */
export interface LoadOptions {
  /**
   * Name of the text in messages; relative ones are looked up from the current directory. Default `nginx.conf`.
   */
  readonly file?: string;
  /** Texts that `include` may name, by absolute path. Absent: the disk's files. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Where the lines of a configuration's logs go: set by the proxy that runs it. */
export interface ConfigLogs {
  log(level: LogLevel, text: string): void;
  access(path: string, line: string): void;
}

/** A configuration that can be run, by one proxy. Immutable but for that. */
export class Config {
  private logs: ConfigLogs | null = null;
  /** What is right and probably not meant: one line each, with its place. */
  readonly warnings: readonly string[];

  /** @internal Use {@link loadConfig}. */
  constructor(
    /** @internal */
    readonly compiled: CompiledConfig,
    warnings: readonly ConfigError[],
    sinks: Sinks,
  ) {
    this.warnings = warnings.map(({ message }) => message);
    sinks.config = this;
  }

  /** @internal Gives the logs to a proxy. Answers false if another one runs this configuration already. */
  claim(logs: ConfigLogs): boolean {
    if (this.logs !== null) return false;
    this.logs = logs;
    return true;
  }

  /** @internal */
  log(level: LogLevel, text: string): void {
    this.logs?.log(level, text);
  }

  /** @internal */
  access(path: string, line: string): void {
    this.logs?.access(path, line);
  }
}

/** The logs of a configuration that is being compiled: it is not there yet when they are opened. */
class Sinks {
  config: Config | null = null;
}

/**
 * Compiles a configuration in nginx's language: main, `events` and `http` blocks. Host names of upstreams are resolved
 * once, now.
 * @throws ConfigError (as a rejection) that names the first fault with file and line; all are in its `cause`
 */
export async function loadConfig(text: string, options: LoadOptions = {}): Promise<Config> {
  const file = resolve(options.file ?? 'nginx.conf');
  const memory = memoryFiles({ ...options.files, [file]: text });
  const onDisk: ConfigFiles = {
    readFile: (path) => (path === file ? memory : DISK).readFile(path),
    glob: DISK.glob,
  };
  const sinks = new Sinks();
  const errorLog: ErrorLog = { log: (level, line) => sinks.config?.log(level, line) };
  const { config, errors, warnings } = await compileConfig({
    file,
    prefix: resolve('.'),
    files: options.files === undefined ? onDisk : memory,
    resolve: async (host) =>
      (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address),
    nameService: (rules) => new DnsNameService(rules),
    users: new UserFileService(),
    openLog: (path): LogSink => ({ write: (line) => sinks.config?.access(path, line) }),
    openNamedLogs: () => ({
      write(path, line) {
        sinks.config?.access(path, line);
        return '';
      },
    }),
    openErrorLog: () => errorLog,
  });
  if (config === undefined) {
    throw Object.assign(errors[0] ?? new ConfigError('the configuration cannot be used'), { cause: errors });
  }
  return new Config(config, warnings, sinks);
}
