/**
 * Logs of a level: opened once per path, formats compiled once per name. Decides nginx's inheritance of logs, and the
 * defaults of a level that names none.
 */
import { COMBINED, compileLogFormat, LogFormat } from '../../proxy/log-format.js';
import type { AccessLog, ErrorLog, LogCacheRules, LogLevel, LogSink, NamedLogs } from '../../proxy/model.js';
import type { AccessLogLine, ErrorLogLine, HttpLevel, SyslogLine } from '../blocks.js';
import { ACCESS_LOGS, ERROR_LOGS, LOG_CACHE } from '../directives/logs.js';
import type { Level } from '../level.js';
import type { Place } from '../syntax.js';
import type { Site } from './site.js';

/** RFC 3164 2. */
const SYSLOG_PORT = 514;
const DEFAULT_ACCESS_LOG = 'logs/access.log';
const NOWHERE: Place = { file: '', line: 0, column: 0 };

/** Stands for a log that could not be opened: the configuration is refused, nobody writes to it. */
const NO_LOG: LogSink & ErrorLog = { write: () => undefined, log: () => undefined };

/** Stands for a format that could not be compiled. */
const NO_FORMAT = new LogFormat([]);

const NO_NAMED_LOGS: NamedLogs = { write: () => '' };

export class Logs {
  private readonly sinks = new Map<
    string,
    { readonly sink: LogSink; readonly buffer: AccessLogLine['buffer'] }
  >();
  private readonly syslogs = new Map<string, LogSink & ErrorLog>();
  private readonly errorLogs = new Map<string, ErrorLog>();
  private readonly namedLogs = new Map<LogCacheRules | null, NamedLogs>();
  private readonly formats = new Map<string, AccessLog['format']>();

  constructor(private readonly site: Site) {}

  /** Compiles every format, used or not, so that its faults are told. Call it when all variables are known. */
  defineFormats(http: HttpLevel): void {
    const { site, formats } = this;
    formats.set('combined', compileLogFormat(COMBINED, 'default', site.variables));
    for (const { name, text, escape, place } of http.logFormats.values()) {
      const format = site.guard(place, () => compileLogFormat(text, escape, site.variables));
      if (format !== undefined) formats.set(name, format);
    }
  }

  /** The access logs in force on a level. */
  accessLogs(level: Level): AccessLog[] {
    const lines = level.get(ACCESS_LOGS);
    if (lines.length === 0) {
      const place = { text: DEFAULT_ACCESS_LOG, quoted: false, ...(level.place ?? NOWHERE) };
      const rest = { format: 'combined', buffer: null, condition: null };
      return [this.accessLog({ destination: DEFAULT_ACCESS_LOG, ...rest, place }, level)];
    }
    return lines.some((line) => line.destination === null)
      ? []
      : lines.map((line) => this.accessLog(line, level));
  }

  private accessLog(line: AccessLogLine, level: Level): AccessLog {
    const { destination, format, condition } = line;
    if (typeof destination === 'string' && line.place.text.includes('$')) return this.named(line, level);
    return {
      sink:
        typeof destination === 'string'
          ? this.fileSink(destination, line)
          : this.syslog(destination!, line.place),
      format: this.formats.get(format) ?? NO_FORMAT,
      condition: condition === null ? undefined : this.site.template(condition),
    };
  }

  /** A log with variables in its name. */
  private named({ format, condition, place }: AccessLogLine, level: Level): AccessLog {
    const { site, namedLogs } = this;
    const { openNamedLogs } = site.world;
    if (openNamedLogs === undefined)
      site.fault(place, 'variables in the name of a log are not supported here', 'log to one file');
    const rules = level.get(LOG_CACHE);
    const logs = namedLogs.get(rules) ?? openNamedLogs?.(rules) ?? NO_NAMED_LOGS;
    namedLogs.set(rules, logs);
    return {
      sink: NO_LOG,
      format: this.formats.get(format) ?? NO_FORMAT,
      condition: condition === null ? undefined : site.template(condition),
      named: { name: site.template(place), logs },
    };
  }

  private fileSink(path: string, { buffer, place }: AccessLogLine): LogSink {
    const { sinks, site } = this;
    const known = sinks.get(path);
    if (known === undefined) {
      const sink =
        site.open(place, path, () => site.world.openLog(path, place, buffer ?? undefined)) ?? NO_LOG;
      sinks.set(path, { sink, buffer });
      return sink;
    }
    if (known.buffer?.octets !== buffer?.octets || known.buffer?.flushMs !== buffer?.flushMs) {
      const hint = 'one file has one buffer: give every access_log of this path the same parameters';
      site.fault(place, `access_log "${path}" already defined with conflicting parameters`, hint);
    }
    return known.sink;
  }

  /** @param level what an error log lets pass */
  private syslog(line: SyslogLine, place: Place, level?: LogLevel): LogSink & ErrorLog {
    const { site } = this;
    const { openSyslog } = site.world;
    if (openSyslog === undefined) {
      site.fault(place, '"syslog:" is not supported here', 'log to a file or to stderr');
      return NO_LOG;
    }
    const { address, facility, severity, tag, hasHostName } = line;
    const port = address.port < 0 ? SYSLOG_PORT : address.port;
    const target = { host: address.host, port, facility, severity, tag, hasHostName };
    const key = JSON.stringify([target, level]);
    let log = this.syslogs.get(key);
    if (log === undefined) this.syslogs.set(key, (log = openSyslog(target, level)));
    return log;
  }

  /** The error log in force on a level: one, or several in one. */
  errorLog(level: Level): ErrorLog {
    const lines = level.get(ERROR_LOGS);
    if (lines.length === 0) return this.openErrorLog(this.site.world.defaultErrorLog, 'error', NOWHERE);
    return this.joined(lines);
  }

  /** What the file itself says, or null when it says nothing. */
  mainErrorLog(main: Level): ErrorLog | null {
    return main.has(ERROR_LOGS) ? this.joined(main.get(ERROR_LOGS)) : null;
  }

  private joined(lines: readonly ErrorLogLine[]): ErrorLog {
    const logs = lines.map(({ destination, level, place }) =>
      typeof destination === 'string'
        ? this.openErrorLog(destination, level, place)
        : this.syslog(destination, place, level),
    );
    if (logs.length === 1) return logs[0];
    return { log: (level, text) => logs.forEach((one) => one.log(level, text)) };
  }

  private openErrorLog(path: string, level: LogLevel, place: Place): ErrorLog {
    const { errorLogs, site } = this;
    const key = `${level} ${path}`;
    let log = errorLogs.get(key);
    if (log === undefined) {
      log = site.open(place, path, () => site.world.openErrorLog(path, level)) ?? NO_LOG;
      errorLogs.set(key, log);
    }
    return log;
  }
}
