/**
 * Logs of a level: opened once per path, formats compiled once per name. Decides nginx's inheritance of logs, and the
 * defaults of a level that names none.
 */
import { COMBINED, compileLogFormat } from '../../proxy/log-format.js';
import type { AccessLog, ErrorLog, LogLevel, LogSink } from '../../proxy/model.js';
import type { AccessLogLine, ErrorLogLine, HttpLevel } from '../blocks.js';
import { ACCESS_LOGS, ERROR_LOGS } from '../directives/logs.js';
import type { Level } from '../level.js';
import type { Place } from '../syntax.js';
import type { Site } from './site.js';

const DEFAULT_ACCESS_LOG = 'logs/access.log';
const NOWHERE: Place = { file: '', line: 0, column: 0 };

/** Stands for a log that could not be opened: the configuration is refused, nobody writes to it. */
const NO_LOG: LogSink & ErrorLog = { write: () => undefined, log: () => undefined };

export class Logs {
  private readonly sinks = new Map<string, LogSink>();
  private readonly errorLogs = new Map<string, ErrorLog>();
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
      return [
        this.accessLog({ path: DEFAULT_ACCESS_LOG, format: 'combined', place: level.place ?? NOWHERE }),
      ];
    }
    return lines.some((line) => line.path === null) ? [] : lines.map((line) => this.accessLog(line));
  }

  private accessLog({ path, format, place }: AccessLogLine): AccessLog {
    const { sinks, site } = this;
    const name = path ?? '';
    let sink = sinks.get(name);
    if (sink === undefined) {
      sink = site.open(place, name, () => site.world.openLog(name, place)) ?? NO_LOG;
      sinks.set(name, sink);
    }
    return { sink, format: this.formats.get(format) ?? (() => '') };
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
    const logs = lines.map(({ path, level, place }) => this.openErrorLog(path, level, place));
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
