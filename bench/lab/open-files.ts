/** How many files a process of the bench may have open, and more of them where that can be had. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Open files that every process of the bench may have; Infinity where nothing limits them. */
export function openFilesLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const found = /^Max open files +\d+ +(\d+)/m.exec(limits)?.[1];
  return found === undefined ? Infinity : Number(found);
}

/** Tries to allow so many to this process and to those that it starts from now on; root may, others may not. */
export function allowOpenFiles(count: number): void {
  if (openFilesLimit() >= count) return;
  try {
    execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${count}:${count}`], {
      stdio: 'ignore',
    });
  } catch {
    // What needs more than there are is left out, with the reason.
  }
}
