/**
 * Access logs whose names depend on the request. A file is opened for each line and closed behind it, as in nginx, unless
 * open_log_file_cache keeps it: then it stays open while it is used, and is opened anew when another file has its name.
 */
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import type { LogCacheRules, NamedLogs } from '../proxy/model.js';
import { describeCall } from './system-error.js';

const LOG_MODE = 0o644;

/** A file in the cache. */
interface Kept {
  /** -1: it is counted, and not open. */
  fd: number;
  inode: number;
  uses: number;
  /** Monotonic ms. */
  usedAt: number;
  checkedAt: number;
}

/** The logs that are written under one set of rules. */
export class NamedLogFiles implements NamedLogs {
  /** In the order of their last use. */
  private readonly kept = new Map<string, Kept>();
  private timer: NodeJS.Timeout | null = null;

  /**
   * @param absolute makes a path of a configuration absolute
   * @param rules null keeps nothing
   */
  constructor(
    private readonly absolute: (path: string) => string,
    private readonly rules: LogCacheRules | null,
    private readonly now: () => number = () => performance.now(),
  ) {}

  write(name: string, line: string): string {
    const path = this.absolute(Buffer.from(name, 'latin1').toString('utf8'));
    const octets = Buffer.from(`${line}\n`, 'latin1');
    try {
      if (this.rules === null) appendOnce(path, octets);
      else this.writeKept(path, octets, this.rules);
      return '';
    } catch (error) {
      return describeCall('open', path, error);
    }
  }

  /** Closes everything: the next line of each log opens its file. */
  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const path of [...this.kept.keys()]) this.drop(path);
  }

  private writeKept(path: string, octets: Buffer, rules: LogCacheRules): void {
    const now = this.now();
    const file = this.fileOf(path, rules, now);
    file.uses++;
    file.usedAt = now;
    if (file.fd >= 0) {
      writeSync(file.fd, octets);
    } else if (file.uses < rules.minUses) {
      appendOnce(path, octets);
    } else {
      file.fd = openSync(path, 'a', LOG_MODE);
      file.inode = statSync(path).ino;
      file.checkedAt = now;
      writeSync(file.fd, octets);
    }
    while (this.kept.size > rules.max) this.drop(this.kept.keys().next().value!);
    this.timer ??= setTimeout(() => this.sweep(rules), rules.inactiveMs).unref();
  }

  /** The entry of a path, last in order; without a descriptor if another file has the name by now. */
  private fileOf(path: string, { inactiveMs, validMs }: LogCacheRules, now: number): Kept {
    let file = this.kept.get(path);
    if (file !== undefined && now - file.usedAt >= inactiveMs) {
      this.drop(path);
      file = undefined;
    }
    file ??= { fd: -1, inode: 0, uses: 0, usedAt: now, checkedAt: now };
    this.kept.delete(path);
    this.kept.set(path, file);
    if (file.fd >= 0 && now - file.checkedAt >= validMs) {
      file.checkedAt = now;
      if (statSync(path, { throwIfNoEntry: false })?.ino !== file.inode) {
        closeSync(file.fd);
        file.fd = -1;
      }
    }
    return file;
  }

  private sweep({ inactiveMs }: LogCacheRules): void {
    this.timer = null;
    const now = this.now();
    for (const [path, { usedAt }] of this.kept) if (now - usedAt >= inactiveMs) this.drop(path);
    if (this.kept.size > 0) {
      this.timer = setTimeout(() => this.sweep(this.rules!), inactiveMs).unref();
    }
  }

  private drop(path: string): void {
    const file = this.kept.get(path);
    this.kept.delete(path);
    if (file !== undefined && file.fd >= 0) closeSync(file.fd);
  }
}

function appendOnce(path: string, octets: Buffer): void {
  const fd = openSync(path, 'a', LOG_MODE);
  try {
    writeSync(fd, octets);
  } finally {
    closeSync(fd);
  }
}
