/** A growth run: axis after axis, in memory and on sockets. */
import { environment } from '../environment.js';
import { hasProc } from '../lab/accounting.js';
import { Lab } from '../lab/lab.js';
import { FULL, QUICK } from '../measure.js';
import type { Curve, GrowthReport } from './curve.js';
import { casesOf, growInMemory, MEMORY_AXES } from './in-memory.js';
import { growOnSockets, SOCKET_AXES, type SocketEffort } from './on-sockets.js';

/** Names of all axes. */
export const AXES: readonly string[] = [...MEMORY_AXES, ...SOCKET_AXES].map(({ name }) => name);

const SOCKET_EFFORT: SocketEffort = { rounds: 3, warmUpMs: 300, measureMs: 1000, mostSize: Infinity };
const QUICK_SOCKET_EFFORT: SocketEffort = { rounds: 1, warmUpMs: 100, measureMs: 200, mostSize: 100 };

/** @param wanted names of axes. Needs a machine that nobody else uses meanwhile; leaves no process behind */
export async function runGrowth(
  wanted: readonly string[],
  isQuick: boolean,
  command: string,
  onProgress: (what: string) => void,
): Promise<GrowthReport> {
  const curves: Curve[] = [];
  const skipped: string[] = [];
  for (const axis of MEMORY_AXES.filter(({ name }) => wanted.includes(name))) {
    onProgress(axis.title);
    curves.push(growInMemory(axis, await casesOf(axis), isQuick ? QUICK : FULL));
  }
  const onSockets = SOCKET_AXES.filter(({ name }) => wanted.includes(name));
  if (onSockets.length > 0 && !hasProc()) {
    skipped.push("connections and tunnels: CPU time per process is read from Linux's /proc");
  } else if (onSockets.length > 0) {
    const lab = await Lab.open();
    try {
      const effort = isQuick ? QUICK_SOCKET_EFFORT : SOCKET_EFFORT;
      for (const axis of onSockets) curves.push(...(await growOnSockets(lab, axis, effort, onProgress)));
    } finally {
      await lab.close();
    }
  }
  return { environment: environment(), command, curves, skipped };
}

/** Runs of single axes as one. */
export function joinGrowth(reports: readonly GrowthReport[]): GrowthReport {
  return {
    ...reports[0],
    command: [...new Set(reports.map(({ command }) => command))].join('\n'),
    curves: reports.flatMap(({ curves }) => curves),
    skipped: reports.flatMap(({ skipped }) => skipped),
  };
}
