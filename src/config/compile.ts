/**
 * From the text of a configuration to what `proxy/` decides by. Decides the order of the steps: read, expand, walk,
 * build; tells every fault of every step, in that order, so that one run names them all.
 */
import { availableParallelism, hostname, userInfo } from 'node:os';
import { posix } from 'node:path';
import { ConfigError } from '../error.js';
import type { NameService, ResolverRules, WatchedName } from '../proxy/balancing/names.js';
import type { UserFiles } from '../proxy/access/users.js';
import type {
  ErrorLog,
  ListenAddress,
  ListenerModel,
  LogCacheRules,
  LogLevel,
  NamedLogs,
  Policy,
} from '../proxy/model.js';
import { AddressPolicy } from '../proxy/address-policy.js';
import { ProxyPolicy } from '../proxy/policy.js';
import type { FigureBoard } from '../proxy/status.js';
import { isWildcard, wildcardOf } from './address.js';
import {
  MainLevel,
  type HttpLevel,
  type LocationLevel,
  type ProxyPassLine,
  type ServerLevel,
} from './blocks.js';
import { AccessBuilder } from './build/access.js';
import { buildListeners } from './build/listeners.js';
import { Logs } from './build/logs.js';
import { Resolvers } from './build/resolvers.js';
import { Site, type OpenLog, type OpenSyslog } from './build/site.js';
import { TlsBuilder } from './build/tls.js';
import { Upstreams } from './build/upstreams.js';
import { buildVariables } from './build/variables.js';
import { adviseOnConnection } from './advice.js';
import { ERROR_PAGES } from './directives/errors.js';
import { TRY_FILES } from './directives/files.js';
import { entriesOf } from './directives/index.js';
import { ENVIRONMENT, PID, WORKER_CONNECTIONS } from './directives/main.js';
import { RESOLVER } from './directives/resolver.js';
import * as processes from './directives/processes.js';
import type { WorkerUser } from './directives/processes.js';
import type { ConfigFiles } from './files.js';
import { assemble, type SourceText } from './include.js';
import { faultAt } from './syntax.js';
import type { Environment } from './table.js';
import { walkTree } from './walk.js';

/** What to compile, and what of the world around it is used. */
export interface CompileOptions {
  /** Absolute path of the main file. */
  readonly file: string;
  readonly files: ConfigFiles;
  /** Absolute path that relative paths of files to send begin with (-p). Default: the main file's directory. */
  readonly prefix?: string;
  /** Text of -g. */
  readonly globals?: string;
  /** Numeric addresses of a name; rejects when there are none. Asked once per name and use. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Asks name servers while the proxy runs. Absent: `resolver` and what needs it are refused. */
  readonly nameService?: (rules: ResolverRules) => NameService;
  /** The sink of an access log. `path` as written. Asked once per path; may throw the system's error. */
  readonly openLog: OpenLog;
  /** Logs with variables in their names. Absent: they are refused. */
  readonly openNamedLogs?: (rules: LogCacheRules | null) => NamedLogs;
  /** A log at a syslog server. Absent: `syslog:` is refused. */
  readonly openSyslog?: OpenSyslog;
  /** A log that lets `level` and what is more severe pass. `path` as written, or `stderr`; may throw the system's error. */
  readonly openErrorLog: (path: string, level: LogLevel) => ErrorLog;
  /** Looks users up while the proxy runs. Absent: `auth_basic_user_file` is refused. */
  readonly users?: UserFiles;
  /** Where errors go when no error_log says it (-e). */
  readonly defaultErrorLog?: string;
  /**
   * What keys for session tickets are drawn from: give the same to all workers, so that they resume each other's
   * sessions. Absent: keys are random.
   */
  readonly ticketSecret?: Buffer;
  /** Who reads the configuration: this process, unless a test says otherwise. */
  readonly environment?: Environment;
}

/** What the file says about the process. */
export interface MainSettings {
  /** Path as written, relative to the prefix. */
  readonly pid: string;
  /** The file's own error log, null when it names none. */
  readonly errorLog: ErrorLog | null;
  readonly daemon: boolean;
  /** false: one process does all. */
  readonly masterProcess: boolean;
  readonly workerProcesses: number;
  /** Of each worker. */
  readonly workerConnections: number;
  /** 0 for no limit. */
  readonly workerShutdownTimeoutMs: number;
  /** Whom workers run as; null for whoever started them. */
  readonly workerUser: WorkerUser | null;
  /** Set in the process that serves (env). */
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** Most open files of a worker; 0 leaves the limit as it is. */
  readonly workerRlimitNofile: number;
  /** As nice(1) has it; null leaves it as it is. */
  readonly workerPriority: number | null;
}

/** A port to bind, and who decides about what comes in. */
export interface CompiledListener {
  readonly address: ListenAddress;
  readonly policy: Policy;
  readonly model: ListenerModel;
}

/** A configuration, ready to run. Immutable. */
export interface CompiledConfig {
  readonly main: MainSettings;
  readonly listeners: readonly CompiledListener[];
  /** Names that have to be kept up to date while the configuration is in force. */
  readonly names: readonly WatchedName[];
  /** Who runs it says here how many connections there are (stub_status). */
  readonly figures: FigureBoard;
}

/** The outcome: a configuration, or errors. */
export interface Compiled {
  readonly config?: CompiledConfig;
  /** In the order in which they were found; the first decides what nginx would say. */
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigError[];
  /** What is right as it stands, and seldom meant: for a check (-t), not for the log of a service. */
  readonly advice: readonly ConfigError[];
  /** Every file once, the main file first. */
  readonly sources: readonly SourceText[];
}

/** Whether a directive of this name can be honoured. */
export function knowsDirective(name: string): boolean {
  return entriesOf(name).length > 0;
}

/** Compiles a configuration. Rejects only for faults of wirehop's own; the file's are in `errors`. */
export async function compileConfig(options: CompileOptions): Promise<Compiled> {
  const environment = options.environment ?? currentEnvironment();
  const { directives, errors: readErrors, sources } = assemble(options.file, options.files, options.globals);
  const main = new MainLevel();
  const walked = walkTree(directives, main, environment);
  const site = new Site(
    {
      ...options,
      prefix: options.prefix ?? posix.dirname(options.file),
      environment,
      defaultErrorLog: options.defaultErrorLog ?? 'logs/error.log',
    },
    main.http !== null && rewrites(main.http),
  );
  const logs = new Logs(site);
  const mainErrorLog = logs.mainErrorLog(main);
  const models = main.http === null ? [] : await buildHttp(main.http, site, logs);
  const early = inFileOrder([...readErrors, ...walked.errors], sources);
  if (main.events === null && early.length === 0) {
    early.push(
      new ConfigError('no "events" section in configuration', '', 0, 0, 'an empty one will do: events {}'),
    );
  }
  const openFiles = main.get(processes.WORKER_RLIMIT_NOFILE);
  if (openFiles !== null && !main.get(processes.MASTER_PROCESS)) {
    const hint = 'without a master process nobody can set it: use "ulimit -n" in front of wirehop';
    early.push(
      faultAt(openFiles.place, '"worker_rlimit_nofile" cannot be honoured with "master_process off"', hint),
    );
  }
  const listeners = policies(models, site);
  const errors = unique([...early, ...site.errors]);
  const warnings = unique([...walked.warnings, ...site.warnings]);
  const advice = main.http === null ? [] : unique(adviseOnConnection(main.http));
  if (errors.length > 0) return { errors, warnings, advice, sources };
  const settings: MainSettings = {
    pid: main.get(PID),
    errorLog: mainErrorLog,
    daemon: main.get(processes.DAEMON),
    masterProcess: main.get(processes.MASTER_PROCESS),
    workerProcesses: main.get(processes.WORKER_PROCESSES),
    workerConnections: main.events?.get(WORKER_CONNECTIONS) ?? WORKER_CONNECTIONS.fallback,
    workerShutdownTimeoutMs: main.get(processes.WORKER_SHUTDOWN_TIMEOUT),
    workerUser: main.get(processes.WORKER_USER),
    environment: main.get(ENVIRONMENT),
    workerRlimitNofile: openFiles?.count ?? 0,
    workerPriority: main.get(processes.WORKER_PRIORITY),
  };
  return {
    config: { main: settings, listeners, names: site.watched, figures: site.figures },
    errors,
    warnings,
    advice,
    sources,
  };
}

async function buildHttp(http: HttpLevel, site: Site, logs: Logs): Promise<ListenerModel[]> {
  buildVariables(http, site);
  logs.defineFormats(http);
  const resolvers = new Resolvers(site);
  await resolvers.build([http, ...http.upstreams, ...http.servers, ...http.servers.flatMap(locationsOf)]);
  const upstreams = new Upstreams(site, logs, resolvers);
  await upstreams.build(http, http.servers.flatMap(passesOf));
  const [tls, access] = [new TlsBuilder(site), new AccessBuilder(http, site)];
  return buildListeners(http, { site, logs, upstreams, tls, access, resolvers });
}

function locationsOf({ locations }: ServerLevel | LocationLevel): LocationLevel[] {
  return locations.flatMap((location) => [location, ...locationsOf(location)]);
}

/** Every proxy_pass and tunnel_pass in a location, in a script, and in what is inside it. */
function passesOf(location: LocationLevel | ServerLevel): ProxyPassLine[] {
  const inner = [
    ...location.script.flatMap((line) => (line.kind === 'if' ? [line.level] : [])),
    ...('limitExcept' in location && location.limitExcept !== null ? [location.limitExcept.level] : []),
    ...location.locations,
  ].flatMap(passesOf);
  const own = [...('pass' in location ? [location.pass] : []), location.tunnel?.pass ?? null];
  // A resolver is asked about every host of a URL with variables, whatever stands in the variables.
  const isAsked = (pass: ProxyPassLine): boolean => pass.isDynamic && location.get(RESOLVER) !== null;
  return [...own.filter((pass) => pass !== null).filter((pass) => !isAsked(pass)), ...inner];
}

/** Whether anything changes the path, the query or the method of a request on its way. */
function rewrites(level: HttpLevel | ServerLevel | LocationLevel): boolean {
  if (level.has(ERROR_PAGES) || level.has(TRY_FILES) || servesFiles(level)) return true;
  const inner = 'servers' in level ? level.servers : level.locations;
  if (inner.some(rewrites)) return true;
  if ('servers' in level) return false;
  return level.script.some((line) => {
    if (line.kind === 'if') return rewrites(line.level);
    return line.kind === 'rewrite' || (line.kind === 'set' && line.name.toLowerCase() === 'args');
  });
}

/** Whether requests of a level may be answered from files, where index files change their path. */
function servesFiles(level: HttpLevel | ServerLevel | LocationLevel): boolean {
  if ('servers' in level) return false;
  if (level.tunnel !== null || level.script.some(({ kind }) => kind === 'return')) return false;
  if ('pass' in level) return level.pass === null;
  return !level.locations.some(({ match, pattern }) => pattern.text === '/' && match !== 'exact');
}

/**
 * One listener for each socket: addresses that the wildcard of their port covers are behind its socket. A policy looks at
 * names and expressions once more, so it is made only of what is sound so far.
 */
function policies(models: readonly ListenerModel[], site: Site): CompiledListener[] {
  if (site.errors.length > 0) return [];
  const made = models.flatMap((model) => {
    const policy = site.guard({ file: '', line: 0, column: 0 }, () => new ProxyPolicy(model));
    return policy === undefined ? [] : [{ address: model.address, policy, model }];
  });
  return made.flatMap((one): CompiledListener[] => {
    if (made.some((other) => covers(other.address, one.address))) return [];
    const covered = made.filter((other) => covers(one.address, other.address));
    if (covered.length === 0) return [one];
    const byAddress = new Map(
      covered.map(({ address, policy }) => ['host' in address ? address.host : '', policy]),
    );
    return [{ ...one, policy: new AddressPolicy(one.policy, byAddress) }];
  });
}

/** Whether `wide` is the wildcard of the port of `narrow`. */
function covers(wide: ListenAddress, narrow: ListenAddress): boolean {
  if ('path' in wide || 'path' in narrow || isWildcard(narrow.host)) return false;
  return wide.port === narrow.port && wide.host === wildcardOf(narrow.host);
}

/** nginx reads and applies in one pass, and so meets the fault that stands first. */
function inFileOrder(errors: readonly ConfigError[], sources: readonly SourceText[]): ConfigError[] {
  const rank = new Map(sources.map(({ path }, i) => [path, i]));
  const fileOf = (error: ConfigError): number => rank.get(error.file) ?? -1;
  return [...errors].sort((a, b) => fileOf(a) - fileOf(b) || a.line - b.line || a.column - b.column);
}

/** A fault on a level is met again by every level that inherits it. */
function unique(errors: readonly ConfigError[]): ConfigError[] {
  const seen = new Set<string>();
  return errors.filter(({ text, file, line, column }) => {
    const key = `${file}\0${line}\0${column}\0${text}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** This process's. Knows no users but its own; `process/` adds them. */
export function currentEnvironment(): Environment {
  let userName = '';
  try {
    userName = userInfo().username;
  } catch {
    // A user without an entry in the password file has no name.
  }
  return {
    isRoot: process.getuid?.() === 0,
    userName,
    hostName: hostname(),
    processors: availableParallelism(),
  };
}
