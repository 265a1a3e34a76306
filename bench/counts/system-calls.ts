/** System calls per operation, as strace sees them in the proxy's main thread. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How strace is called; the command to trace is appended. */
export function tracing(folder: string): string[] {
  return ['strace', '-f', '-y', '-s', '64', '-o', traceFile(folder)];
}

function traceFile(folder: string): string {
  return join(folder, 'trace');
}

/** null when strace works here; else what is wrong. */
export function straceFault(): string | null {
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'pipe' });
    return null;
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== 'ENOENT';
    return isThere ? 'strace may not trace here' : 'strace is not installed: apt-get install strace';
  }
}

/** Threads wake each other so: how often is up to the moment, and has nothing to do with what is counted. */
const WAKE_UP = /^\d+ +(?:read|write)\(\d+<anon_inode:\[eventfd\]>/;

/** Calls between reading what was marked `from` and what was marked `to`, by name, of the thread that began first. */
export function callsBetween(folder: string, from: string, to: string): Map<string, number> {
  const lines = readFileSync(traceFile(folder), 'latin1').split('\n');
  const main = /^\d+/.exec(lines[0])?.[0] ?? '';
  const counts = new Map<string, number>();
  let isBetween = false;
  for (const line of lines) {
    // A call that another thread's line interrupted is told in two: the octets stand in the second.
    const [, thread, name, resumed] = /^(\d+) +(?:(\w+)\(|<\.\.\. (\w+) resumed)/.exec(line) ?? [];
    if (thread !== main) continue;
    if ((name ?? resumed) === 'read' && line.includes(to)) return counts;
    if ((name ?? resumed) === 'read' && line.includes(from)) isBetween = true;
    if (isBetween && name !== undefined && !WAKE_UP.test(line)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  throw new Error(`the trace does not hold "${from}" and then "${to}"`);
}
