/** Decides whether what was found is within its bounds. Measures nothing. */
import type { InsideCounts } from '../counts/run.js';
import type { CountBounds, RatioBound } from './bounds.js';

/** One figure beside its bound. */
export interface Verdict {
  /** The work, and what of it. */
  readonly what: string;
  readonly bound: number;
  readonly found: number;
  readonly holds: boolean;
}

/**
 * Waiting, memory management and talk between threads: how often they happen is up to the moment, or to the collector
 * (whose work the allocated octets tell).
 */
const OTHERS = new Set(
  ['epoll_pwait', 'epoll_wait', 'futex', 'mmap', 'munmap', 'madvise', 'mprotect', 'mremap', 'brk'].concat(
    ['getpid', 'gettid', 'sched_yield', 'sched_getparam', 'sched_getscheduler', 'clock_nanosleep'],
    ['openat', 'restart_syscall', 'clock_gettime', 'getrusage', 'sysinfo'],
  ),
);
/** Newer versions of libuv hand changes of an epoll set over in batches, by this call. */
const SAME_CALL: Readonly<Record<string, string>> = { io_uring_enter: 'epoll_ctl' };
/** Per operation: octets that came in two reads instead of one. */
const SLACK = 0.05;

const INSIDE_NAMES: readonly (readonly [keyof InsideCounts, string])[] = [
  ['writes', 'writes'],
  ['copiedOctets', 'octets copied'],
  ['heapOctets', 'octets allocated on the heap'],
  ['externalOctets', 'octets allocated outside it'],
];

export function judgeInside({ work, transport, inside }: CountBounds, found: InsideCounts): Verdict[] {
  return INSIDE_NAMES.map(([key, name]) => ({
    what: `${work}, ${transport}: ${name}`,
    bound: inside[key],
    found: found[key],
    holds: found[key] <= inside[key] * (1 + SLACK),
  }));
}

export function judgeCalls(
  { work, transport, calls }: CountBounds,
  found: ReadonlyMap<string, number>,
): Verdict[] {
  const counts = new Map(Object.keys(calls).map((name) => [name, 0]));
  for (const [name, count] of found) {
    const known = SAME_CALL[name] ?? name;
    if (!OTHERS.has(known)) counts.set(known, (counts.get(known) ?? 0) + count);
  }
  return [...counts].map(([name, count]) => {
    const bound = calls[name] ?? 0;
    return {
      what: `${work}, ${transport}: calls of ${name}`,
      bound,
      found: count,
      holds: count <= bound + SLACK,
    };
  });
}

/** Ratios of which both figures are known; the others are in `absent`, as "of : to". */
export function judgeRatios(
  bounds: readonly RatioBound[],
  figure: (name: string) => number | undefined,
): { readonly verdicts: readonly Verdict[]; readonly absent: readonly string[] } {
  const verdicts: Verdict[] = [];
  const absent: string[] = [];
  for (const { of, to, bound } of bounds) {
    const [a, b] = [figure(of), figure(to)];
    if (a === undefined || b === undefined) {
      absent.push(`${of} : ${to}`);
      continue;
    }
    verdicts.push({ what: `${of} : ${to}`, bound, found: a / b, holds: a / b <= bound });
  }
  return { verdicts, absent };
}

/** For a person who has to find out what became slower. */
export function complaint({ what, bound, found }: Verdict): string {
  return `slower: ${what}: ${shown(found)}, the bound is ${shown(bound)}`;
}

/** Counts as they are, ratios to three digits. */
export function shown(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}
