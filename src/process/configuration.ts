/**
 * Gets from a command line to a compiled configuration: which file, relative to what, and what is opened on the way.
 * Leaves the language to `config/`.
 */
import { resolve } from 'node:path';
import { compileConfig, currentEnvironment } from '../config/compile.js';
import type { CompiledConfig } from '../config/compile.js';
import { type ConfigFiles, memoryFiles } from '../config/files.js';
import { DnsNameService } from '../driver/name-service.js';
import { UserFileService } from '../driver/passwords/user-files.js';
import type { ConfigError } from '../error.js';
import type { ErrorLog, LogLevel, LogSink, NamedLogs } from '../proxy/model.js';
import { isOneLiner } from './command-line.js';
import type { CommandLine } from './command-line.js';
import { STDERR } from './logs.js';
import type { Logs } from './logs.js';
import { configurationText } from './one-liner.js';
import { SYSTEM_IDENTITIES } from './identity.js';
import type { Source } from './report.js';
import { emptySnapshot, recordingSurroundings, type Snapshot, type Surroundings } from './snapshot.js';
import { syslogOpener } from './syslog.js';

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
  /** What it was made from; a configuration that was made from a snapshot has an empty one. */
  readonly snapshot: Snapshot;
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
 * @param surroundings where its files and addresses come from; by default the disk, or the flags that stand for a file
 * @throws UsageError when flags stand for a configuration and one of them cannot be understood
 */
export async function loadConfiguration(
  line: CommandLine,
  paths: Paths,
  logs: Logs | null,
  surroundings?: Surroundings,
): Promise<Loaded> {
  const snapshot = emptySnapshot();
  const {
    files,
    resolve: resolveHost,
    ticketSecret,
  } = surroundings ?? recordingSurroundings(snapshot, filesOf(line));
  const absolute = (path: string): string => (path === STDERR ? STDERR : resolve(paths.prefix, path));
  const compiled = await compileConfig({
    file: paths.file,
    prefix: paths.prefix,
    files,
    globals: line.globals,
    resolve: resolveHost,
    ticketSecret,
    nameService: (rules) => new DnsNameService(rules),
    users: new UserFileService(),
    environment: { ...currentEnvironment(), identities: SYSTEM_IDENTITIES },
    openLog: (path, _at, buffer): LogSink =>
      logs === null ? SILENT : logs.sink(absolute(path), buffer ?? null),
    openNamedLogs: (rules) => (logs === null ? SILENT_NAMES : logs.named(absolute, rules)),
    openSyslog: logs === null ? () => SILENT : syslogOpener(),
    openErrorLog: (path, level: LogLevel): ErrorLog =>
      logs === null ? SILENT : logs.errorLog(absolute(path), level),
    defaultErrorLog: paths.errorLog,
  });
  return { ...compiled, snapshot };
}

/** The files that flags stand for; else the disk's. */
function filesOf(line: CommandLine): ConfigFiles | undefined {
  return isOneLiner(line) ? memoryFiles({ [FLAGS_FILE]: configurationText(line) }) : undefined;
}

const SILENT_NAMES: NamedLogs = { write: () => '' };
/** A log that keeps nothing. */
const SILENT: LogSink & ErrorLog = { write: () => undefined, log: () => undefined };
