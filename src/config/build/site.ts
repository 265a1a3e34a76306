/**
 * What the builders share: where faults go, and what the caller of the compiler gave. Decides nothing.
 */
import type { ConfigError } from '../../error.js';
import type { NameService, ResolverRules, WatchedName } from '../../proxy/balancing/names.js';
import { CompileError } from '../../proxy/compile-error.js';
import type { UserFiles } from '../../proxy/access/users.js';
import type { ErrorLog, LogCacheRules, LogLevel, LogSink, NamedLogs } from '../../proxy/model.js';
import type { Template } from '../../proxy/template.js';
import { FigureBoard, figureVariables } from '../../proxy/status.js';
import { compileTemplate } from '../../proxy/template.js';
import type { Assignable } from '../../proxy/set-variables.js';
import { builtinVariables, VariableTable, type Variable } from '../../proxy/variables.js';
import { faultAt, type Place, type Word } from '../syntax.js';
import type { ConfigFiles } from '../files.js';
import type { Environment } from '../table.js';
import { systemReason } from '../system-reason.js';

/**
 * Opens an access log. `path` as written. Asked once per path; may throw the system's error.
 * @param buffer octets that may be gathered before they are written, and ms after which they are written anyway
 */
export type OpenLog = (
  path: string,
  at: { readonly file: string; readonly line: number },
  buffer?: { readonly octets: number; readonly flushMs: number },
) => LogSink;

/** Numeric address and port of a syslog server, and what its lines say of themselves. */
export interface SyslogTarget {
  readonly host: string;
  readonly port: number;
  readonly facility: number;
  readonly severity: number;
  readonly tag: string;
  readonly hasHostName: boolean;
}

/** @param level what an error log lets pass; absent for an access log */
export type OpenSyslog = (target: SyslogTarget, level?: LogLevel) => LogSink & ErrorLog;

/** What a configuration needs of the world around it. */
export interface World {
  /** Numeric addresses of a name; rejects when there are none. Asked once per name. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Asks name servers while the proxy runs. Absent: `resolver` is refused. */
  readonly nameService?: (rules: ResolverRules) => NameService;
  /** Where an access log goes. Asked once per path; may throw the system's error. */
  readonly openLog: OpenLog;
  /** Logs with variables in their names. Absent: they are refused. */
  readonly openNamedLogs?: (rules: LogCacheRules | null) => NamedLogs;
  /** A log at a syslog server. Absent: `syslog:` is refused. */
  readonly openSyslog?: OpenSyslog;
  /** A log that lets `level` and what is more severe pass; may throw the system's error. */
  readonly openErrorLog: (path: string, level: LogLevel) => ErrorLog;
  readonly environment: Environment;
  /** What relative paths of files to send begin with. */
  readonly prefix: string;
  /** Looks users up (auth_basic_user_file). Absent: the directive is refused. */
  readonly users?: UserFiles;
  /** Where the main file stands, and its files. */
  readonly file: string;
  readonly files: ConfigFiles;
  /** What keys for session tickets are drawn from, so that all workers have the same; absent for random ones. */
  readonly ticketSecret?: Buffer;
  /** Where errors go when no error_log says it. */
  readonly defaultErrorLog: string;
}

/** One compilation on its way. */
export class Site {
  readonly errors: ConfigError[] = [];
  readonly warnings: ConfigError[] = [];
  /** Names that have to be kept up to date while the configuration is in force. */
  readonly watched: WatchedName[] = [];
  readonly variables: VariableTable;
  /** Figures of the process that runs the configuration. */
  readonly figures = new FigureBoard();
  /** What `set` gives values to, by lower-case name. */
  private readonly assignables = new Map<string, Assignable>();

  /** @param isRewritten the configuration changes paths, queries or methods on the way */
  constructor(
    readonly world: World,
    isRewritten = false,
  ) {
    this.variables = new VariableTable(builtinVariables(isRewritten));
    const figures = figureVariables(this.figures);
    for (const name in figures) this.variables.define(name, figures[name]);
  }

  fault(place: Place, text: string, hint = ''): void {
    this.errors.push(faultAt(place, text, hint));
  }

  warn(place: Place, text: string, hint = ''): void {
    this.warnings.push(faultAt(place, text, hint));
  }

  /** What `make` makes, or undefined after a fault of compilation, which is noted at `place`. */
  guard<T>(place: Place, make: () => T): T | undefined {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof CompileError || error instanceof RangeError)) throw error;
      this.fault(place, error.message);
      return undefined;
    }
  }

  /** What `open` opens, or undefined after a fault of the system's, which is noted at `place`. */
  open<T>(place: Place, path: string, open: () => T): T | undefined {
    try {
      return open();
    } catch (error) {
      // The system's error names the absolute path, as nginx does.
      const { path: opened = path } = error as { path?: string };
      const hint =
        (error as NodeJS.ErrnoException).code === 'ENOENT'
          ? 'create its folder, or name another place ("access_log off", "error_log stderr")'
          : '';
      this.fault(place, `open() "${opened}" failed (${systemReason(error)})`, hint);
      return undefined;
    }
  }

  /** A complex value; the empty one after a fault. */
  template(word: Word): Template {
    return this.guard(word, () => compileTemplate(word.text, this.variables)) ?? this.constant('');
  }

  /** One variable alone. @param name of wirehop's own */
  variable(name: string): Template {
    return compileTemplate(`$${name}`, this.variables);
  }

  /** Makes a name one that `set` can give a value to. */
  defineAssignable(name: string, target: Assignable & Partial<Variable>): void {
    this.assignables.set(name.toLowerCase(), target);
    if (target.text !== undefined) this.variables.define(name, target as Variable);
  }

  /** A place among the values of an exchange that no other variable has. */
  nextIndex(): number {
    return this.assignables.size;
  }

  /** What `set` gives a value to, or undefined for a name that was refused. */
  assignable(name: string): Assignable | undefined {
    return this.assignables.get(name.toLowerCase());
  }

  /** A template without variables. @param text holds no "$" */
  constant(text: string): Template {
    return compileTemplate(text, this.variables);
  }
}
