/** CPU time and kinship of processes, from Linux's /proc. Decides nothing. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Whether this system has what is needed here. */
export function hasProc(): boolean {
  return existsSync('/proc/self/stat');
}

/** CPU time in ms. The kernel's split between the two is coarser than their sum. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

let ticksPerSecond = 0;

/** CPU time so far of all threads of the processes (proc(5): utime, stime). Throws when one of them is gone. */
export function cpuTime(pids: readonly number[]): CpuTime {
  if (ticksPerSecond === 0)
    ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  let user = 0;
  let system = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything; state is the first field behind it, utime the 12th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    user += Number(fields[11]);
    system += Number(fields[12]);
  }
  return { user: (user * 1000) / ticksPerSecond, system: (system * 1000) / ticksPerSecond };
}

/** Children of a process that are running now. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}
