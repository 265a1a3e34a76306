/**
 * How many files, sockets included, this process may have open. Decides how many of them connections may take: beyond
 * the limit the system refuses every accept and every connect, where worker_connections makes room or refuses cheaply.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Left for what is opened now and then: logs after a rotation, a name to resolve. */
const SPARE = 8;

/** The soft limit (RLIMIT_NOFILE), which Node raises as far as it may; Infinity where it cannot be known. */
export function openFileLimit(): number {
  try {
    const found = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return found === null ? Infinity : Number(found[1]);
  } catch {
    return Infinity;
  }
}

/**
 * Most connections that fit into the limit beside what is open now.
 * @param listeners sockets that are still to be bound
 */
export function connectionsWithin(limit: number, listeners: number): number {
  if (limit === Infinity) return Infinity;
  return Math.max(1, limit - readdirSync('/proc/self/fd').length - listeners - SPARE);
}
