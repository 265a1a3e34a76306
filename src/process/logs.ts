/**
 * Where log lines go: files appended to at once, and stderr. Decides the form of an error log line and which levels
 * pass; leaves to `proxy/` what a line says.
 *
 * Appends are synchronous: a line is in the file when the response it tells of has arrived, which is what nginx
 * promises and what programs that read its logs rely on. One write(2) per line, O_APPEND, so that lines of several
 * processes do not mix.
 */
import { closeSync, fchownSync, fstatSync, openSync, writeSync } from 'node:fs';
import { LOG_LEVELS } from '../proxy/model.js';
import type { ErrorLog, LogLevel, LogSink } from '../proxy/model.js';
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

/** One open log file, shared by everybody who writes to its path. */
class LogFile implements LogSink {
  private fd: number;
  private gathered = '';
  private timer: NodeJS.Timeout | null = null;

  /** @throws NodeJS.ErrnoException when the file cannot be opened */
  constructor(
    private readonly path: string,
    private readonly buffer: LogBuffer | null,
  ) {
    this.fd = openLogFile(path);
  }

  /** @param line Latin-1: what was received is logged octet for octet */
  write(line: string): void {
    const { buffer } = this;
    if (buffer === null) {
      append(this.fd, Buffer.from(line + '\n', 'latin1'));
      return;
    }
    if (this.gathered.length + line.length + 1 > buffer.octets) this.flush();
    this.gathered += line + '\n';
    if (this.timer === null && buffer.flushMs !== Infinity) {
      this.timer = setTimeout(() => this.flush(), buffer.flushMs).unref();
    }
  }

  /** Writes a line of a person's, who may write in any script. */
  writeText(line: string): void {
    append(this.fd, Buffer.from(line + '\n'));
  }

  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { gathered } = this;
    this.gathered = '';
    if (gathered !== '') append(this.fd, Buffer.from(gathered, 'latin1'));
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
  private flushesAtExit = false;

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

  private file(path: string, buffer: LogBuffer | null): LogFile {
    let file = this.files.get(path);
    if (file === undefined) {
      this.files.set(path, (file = new LogFile(path, buffer)));
      if (buffer !== null) this.flushAtExit();
    }
    return file;
  }

  /** However the process ends, short of being killed: nothing that was logged is lost. One listener for all files. */
  private flushAtExit(): void {
    if (this.flushesAtExit) return;
    this.flushesAtExit = true;
    process.once('exit', () => {
      for (const file of this.files.values()) file.flush();
    });
  }

  /**
   * After a rotation: every file is opened anew. Returns one line for each file that could not be.
   * @param owner becomes the files' owner, so that it can open them too
   */
  reopen(owner: FileOwner | null = null): string[] {
    const failures: string[] = [];
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
  append(STDERR_FD, Buffer.from(text));
}

function openLogFile(path: string): number {
  return OPEN_ALREADY[path] ?? openSync(path, 'a', LOG_MODE);
}

/** Appends octets. A full disk or a closed pipe must not end the service: what cannot be written is lost. */
function append(fd: number, octets: Buffer): void {
  let rest = octets;
  const giveUpAt = Date.now() + STALL_LIMIT_MS;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      // Only a non-blocking pipe answers EAGAIN: its reader may need a moment.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || Date.now() >= giveUpAt) return;
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
