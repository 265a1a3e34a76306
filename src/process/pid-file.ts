/**
 * The pid file: tells others which process serves. It appears when every port is bound, whole, and goes with the
 * process. Decides nothing about its path.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Writes this very process's pid. It appears whole: whoever waits for the file never reads half of it. */
export function writePidFile(path: string): void {
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, `${process.pid}\n`, { mode: 0o644 });
  renameSync(partial, path);
}

/** Removes the file if it still names this process: a successor may have written its own. */
export function removePidFile(path: string): void {
  try {
    if (readPid(path) === process.pid) rmSync(path);
  } catch {
    // Gone already, or never written: nothing is left to remove.
  }
}

/**
 * The pid in the file.
 * @throws NodeJS.ErrnoException when the file cannot be read, RangeError when it holds no pid
 */
export function readPid(path: string): number {
  const text = readFileSync(path, 'latin1').trim();
  // Never 0 or a negative number: kill(2) takes those for whole groups of processes.
  if (!/^[1-9]\d{0,9}$/.test(text))
    throw new RangeError(`invalid PID number "${text.slice(0, 20)}" in "${path}"`);
  return Number(text);
}
