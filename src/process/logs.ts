/**
 * Where log lines go: files appended to at once, and stderr. Decides the form of an error log line and which levels
 * pass; leaves to `proxy/` what a line says.
 *
 * Appends are synchronous: a line is in the file when the response it tells of has arrived, which is what programs that
 * read nginx's logs rely on. The first line of a turn of the event loop is written before its response is; where more
 * exchanges end in the same turn, theirs are written together when it ends. Whole lines and O_APPEND, so that lines of
 * several processes do not mix.
 */
import { closeSync, fchownSync, fstatSync, openSync, writeSync } from 'node:fs';
import { LOG_LEVELS } from '../proxy/model.js';
import type { ErrorLog, LogCacheRules, LogLevel, LogSink, NamedLogs } from '../proxy/model.js';
import { NamedLogFiles } from './named-logs.js';
import { describeCall } from './system-error.js';

/** The name under which a log is stderr and not a file. */
export const STDERR = 'stderr';

const STDERR_FD = 2;
/** Paths of what is open already: a worker that gave up its rights could not open them again. */
const OPEN_ALREADY: Readonly<Record<string, number>> = {
  stderr: STDERR_FD,
  '/dev/stderr': STDERR_FD,
  '/dev/stdout': 1,
};
/** As nginx creates its logs; the umask still applies. */
const LOG_MODE = 0o644;
/** A pipe whose reader stalls holds the process up for no longer than this for one line; then the line is dropped. */
const STALL_LIMIT_MS = 50;

/** Whom a log file is to belong to. */
export interface FileOwner {
  readonly uid: number;
}

/** How much of an access log is gathered before it is written. */
export interface LogBuffer {
  readonly octets: number;
  /** Lines are written after this at the latest; Infinity for no limit. */
  readonly flushMs: number;
}

/** Octets that the lines of one turn of the event loop may gather to. */
const TURN_OCTETS = 65_536;

/** Files that may hold lines which are not written yet. However the process ends, short of being killed: none is lost. */
const open = new Set<LogFile>();
let flushesAtExit = false;

function flushAtExit(file: LogFile): void {
  open.add(file);
  if (flushesAtExit) return;
  flushesAtExit = true;
  process.once('exit', () => {
    for (const each of open) each.flush();
  });
}

/** One open log file, shared by everybody who writes to its path. */
class LogFile implements LogSink {
  private fd: number;
  /** Lines that are not written yet: gathered[0, used). Made with the first of them. */
  private gathered: Buffer | null = null;
  private used = 0;
  private timer: NodeJS.Timeout | null = null;
  /** A line was written in this turn of the event loop, whose end is awaited. */
  private isTurnOpen = false;
  private readonly endTurn = (): void => {
    this.isTurnOpen = false;
    this.flush();
  };

  /** @throws NodeJS.ErrnoException when the file cannot be opened */
  constructor(
    private readonly path: string,
    private readonly buffer: LogBuffer | null,
  ) {
    this.fd = openLogFile(path);
    flushAtExit(this);
  }

  /** @param line Latin-1: what was received is logged octet for octet */
  write(line: string): void {
    const octets = Buffer.from(line + '\n', 'latin1');
    if (this.buffer !== null) return this.gather(octets, 0, octets.length);
    this.flush();
    append(this.fd, octets, 0, octets.length);
  }

  append(octets: Uint8Array, start: number, end: number): void {
    if (this.buffer !== null || this.isTurnOpen) return this.gather(octets, start, end);
    this.isTurnOpen = true;
    setImmediate(this.endTurn);
    append(this.fd, octets, start, end);
  }

  private gather(octets: Uint8Array, start: number, end: number): void {
    const { buffer } = this;
    const room = buffer === null ? TURN_OCTETS : buffer.octets;
    const count = end - start;
    if (this.used + count > room) this.flush();
    if (this.gathered === null || this.gathered.length < count) {
      this.gathered = Buffer.allocUnsafeSlow(Math.max(room, count));
    }
    this.gathered.set(octets.subarray(start, end), this.used);
    this.used += count;
    if (this.timer === null && buffer !== null && buffer.flushMs !== Infinity) {
      this.timer = setTimeout(() => this.flush(), buffer.flushMs).unref();
    }
  }

  /** Writes a line of a person's, who may write in any script. */
  writeText(line: string): void {
    if (this.isTurnOpen) this.flush();
    const octets = Buffer.from(line + '\n');
    append(this.fd, octets, 0, octets.length);
  }

  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { gathered, used } = this;
    this.used = 0;
    if (gathered !== null && used > 0) append(this.fd, gathered, 0, used);
  }

  /** Opens the path again; the old file stays in use when that fails. @throws NodeJS.ErrnoException */
  reopen(owner: FileOwner | null): void {
    this.flush();
    if (this.path in OPEN_ALREADY) return;
    const fd = openLogFile(this.path);
    closeSync(this.fd);
    this.fd = fd;
    if (owner === null) return;
    const found = fstatSync(fd);
    // Only regular files: a device such as /dev/stderr stays whose it is.
    if (found.isFile() && found.uid !== owner.uid) fchownSync(fd, owner.uid, found.gid);
  }

  close(): void {
    this.flush();
    open.delete(this);
    if (!(this.path in OPEN_ALREADY)) closeSync(this.fd);
  }
}

/** An error log: a file or stderr, and the least severe level that passes. */
class FilteredErrorLog implements ErrorLog {
  private readonly limit: number;

  constructor(
    private readonly file: LogFile,
    level: LogLevel,
  ) {
    this.limit = LOG_LEVELS.indexOf(level);
  }

  log(level: LogLevel, text: string): void {
    if (LOG_LEVELS.indexOf(level) <= this.limit) this.file.writeText(errorLine(level, text));
  }
}

/** All logs of the process, by path. */
export class Logs {
  private readonly files = new Map<string, LogFile>();
  private readonly namedLogs: NamedLogFiles[] = [];

  /**
   * The sink behind `path`, opened if nobody has it open yet. Owned by this object.
   * @param path absolute, or {@link STDERR}
   * @param buffer null writes each line at once
   * @throws NodeJS.ErrnoException when the file cannot be opened
   */
  sink(path: string, buffer: LogBuffer | null = null): LogSink {
    return this.file(path, buffer);
  }

  /** An error log on the file at `path` that lets `level` and what is more severe pass. @throws as sink does */
  errorLog(path: string, level: LogLevel): ErrorLog {
    return new FilteredErrorLog(this.file(path, null), level);
  }

  /** Logs whose names depend on the request. Owned by this object. */
  named(absolute: (path: string) => string, rules: LogCacheRules | null): NamedLogs {
    const logs = new NamedLogFiles(absolute, rules);
    this.namedLogs.push(logs);
    return logs;
  }

  private file(path: string, buffer: LogBuffer | null): LogFile {
    let file = this.files.get(path);
    if (file === undefined) {
      this.files.set(path, (file = new LogFile(path, buffer)));
    }
    return file;
  }

  /**
   * After a rotation: every file is opened anew. Returns one line for each file that could not be.
   * @param owner becomes the files' owner, so that it can open them too
   */
  reopen(owner: FileOwner | null = null): string[] {
    const failures: string[] = [];
    for (const logs of this.namedLogs) logs.close();
    for (const [path, file] of this.files) {
      try {
        file.reopen(owner);
      } catch (error) {
        failures.push(describeCall('open', path, error));
      }
    }
    return failures;
  }

  close(): void {
    for (const logs of this.namedLogs) logs.close();
    for (const file of this.files.values()) file.close();
    this.files.clear();
  }
}

/** One line of an error log, as nginx writes it: `2026/11/22 15:04:05 [error] 4711#0: TEXT`. Without its line end. */
export function errorLine(level: LogLevel, text: string): string {
  return `${localTime(Date.now())} [${level}] ${process.pid}#0: ${text}`;
}

/** Writes text to stderr at once; a stderr that is gone or full loses it, and nothing else. */
export function writeStderr(text: string): void {
  const octets = Buffer.from(text);
  append(STDERR_FD, octets, 0, octets.length);
}

function openLogFile(path: string): number {
  return OPEN_ALREADY[path] ?? openSync(path, 'a', LOG_MODE);
}

/** Appends octets[start, end). A full disk or a closed pipe must not end the service: what cannot be written is lost. */
function append(fd: number, octets: Uint8Array, start: number, end: number): void {
  let giveUpAt = 0;
  while (start < end) {
    try {
      start += writeSync(fd, octets, start, end - start);
    } catch (error) {
      // Only a non-blocking pipe answers EAGAIN: its reader may need a moment.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      const now = Date.now();
      giveUpAt ||= now + STALL_LIMIT_MS;
      if (now >= giveUpAt) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

let renderedSecond = -1;
let renderedTime = '';

/** `YYYY/MM/DD HH:MM:SS` in local time, rendered once per second. */
function localTime(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== renderedSecond) {
    const date = new Date(nowMs);
    const two = (value: number): string => String(value).padStart(2, '0');
    const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
    renderedTime = `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    renderedSecond = second;
  }
  return renderedTime;
}
