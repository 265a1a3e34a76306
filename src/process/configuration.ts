/**
 * Gets from a command line to a compiled configuration: which file, relative to what, and what is opened on the way.
 * Leaves the language to `config/`.
 */
import { lookup } from 'node:dns/promises';
import { resolve } from 'node:path';
import { compileConfig } from '../config/compile.js';
import type { CompiledConfig } from '../config/compile.js';
import { DISK, memoryFiles } from '../config/files.js';
import { DnsNameService } from '../driver/name-service.js';
import type { ConfigError } from '../error.js';
import type { ErrorLog, LogLevel, LogSink } from '../proxy/model.js';
import { isOneLiner } from './command-line.js';
import type { CommandLine } from './command-line.js';
import { STDERR } from './logs.js';
import type { Logs } from './logs.js';
import { configurationText } from './one-liner.js';
import type { Source } from './report.js';

const DEFAULT_FILE = 'conf/nginx.conf';
const DEFAULT_ERROR_LOG = 'logs/error.log';
/** Stands for the path of a file when the configuration is made from flags. */
const FLAGS_FILE = '/command-line';

/** Where a command line's paths lead. All absolute, except for a log that is `stderr`. */
export interface Paths {
  readonly prefix: string;
  readonly file: string;
  readonly errorLog: string;
}

/** A configuration that was read; without `config` it cannot be used, and `errors` say why. */
export interface Loaded {
  readonly config?: CompiledConfig;
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigError[];
  /** What is right, and seldom meant: told by -t alone. */
  readonly advice: readonly ConfigError[];
  readonly sources: readonly Source[];
}

/** nginx's rules: -c and -e are relative to -p, which is the current directory by default. */
export function resolvePaths(line: CommandLine): Paths {
  const prefix = resolve(line.prefix);
  const flagsOnly = isOneLiner(line);
  const errorLog = line.errorLog !== '' ? line.errorLog : flagsOnly ? STDERR : DEFAULT_ERROR_LOG;
  return {
    prefix,
    file: flagsOnly ? FLAGS_FILE : resolve(prefix, line.file === '' ? DEFAULT_FILE : line.file),
    errorLog: errorLog === STDERR ? STDERR : resolve(prefix, errorLog),
  };
}

/**
 * Reads and compiles the configuration.
 * @param logs opens what the configuration logs to; null compiles without opening anything
 * @throws UsageError when flags stand for a configuration and one of them cannot be understood
 */
export async function loadConfiguration(line: CommandLine, paths: Paths, logs: Logs | null): Promise<Loaded> {
  const files = isOneLiner(line) ? memoryFiles({ [FLAGS_FILE]: configurationText(line) }) : DISK;
  const absolute = (path: string): string => (path === STDERR ? STDERR : resolve(paths.prefix, path));
  return compileConfig({
    file: paths.file,
    files,
    globals: line.globals,
    resolve: resolveHost,
    nameService: (rules) => new DnsNameService(rules),
    openLog: (path): LogSink => (logs === null ? SILENT : logs.sink(absolute(path))),
    openErrorLog: (path, level: LogLevel): ErrorLog =>
      logs === null ? SILENT : logs.errorLog(absolute(path), level),
    defaultErrorLog: paths.errorLog,
  });
}

/** A log that keeps nothing. */
const SILENT: LogSink & ErrorLog = { write: () => undefined, log: () => undefined };

/** Every address of a host, in the order the system's resolver gives them. */
async function resolveHost(host: string): Promise<string[]> {
  const addresses = await lookup(host, { all: true, verbatim: true });
  return addresses.map(({ address }) => address);
}
