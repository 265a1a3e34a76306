/** What the system says about processes: CPU time, memory, kinship. From Linux's /proc; decides nothing. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

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

/**
 * CPU time so far of all threads of the processes (proc(5), stat: utime, stime), to one clock tick, usually 10 ms.
 * Throws when one of them is gone.
 */
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

/**
 * The same in ms, user and system together, to the nanosecond: time on a core as the scheduler counts it, summed over
 * all threads (proc(5), schedstat). Where the kernel does not count it, {@link cpuTime}. Time of threads that ended
 * is lost: the proxies measured here keep theirs.
 */
export function preciseCpuMs(pids: readonly number[]): number {
  if (!existsSync('/proc/self/schedstat')) {
    const { user, system } = cpuTime(pids);
    return user + system;
  }
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += parseInt(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1'), 10);
    }
  }
  return nanoseconds / 1e6;
}

/** Children of a process that are running now. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

/** A process and all that descends from it. */
export function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

/** Resident memory of the processes in KiB (proc(5), status: VmRSS); pages that two of them share count twice. */
export function residentKib(pids: readonly number[]): number {
  return pids.reduce(
    (sum, pid) =>
      sum + Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]),
    0,
  );
}

/** Ticks that a core was busy and idle so far (proc(5), stat). */
export function coreTicks(core: number): { readonly busy: number; readonly idle: number } {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? '';
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number);
  return { busy: user + nice + system + irq + softirq + steal, idle: idle + wait };
}
