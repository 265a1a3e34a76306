/**
 * Users and groups: their numbers, and becoming one of them. Decides nothing about who that is.
 */
import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Identities } from '../config/table.js';
import type { WorkerUser } from '../config/directives/processes.js';

const LOOK_UP_LIMIT_MS = 5000;

/** The system's, from its files or, for what is kept elsewhere, by getent(1). */
export const SYSTEM_IDENTITIES: Identities = {
  user: (name) => numberOf('passwd', name),
  group: (name) => numberOf('group', name),
};

/** Missing in Node's types. */
interface WithGroups {
  initgroups?(user: string, group: number): void;
}

/** The third column is the number in both tables. */
function numberOf(table: 'passwd' | 'group', name: string): number | undefined {
  // A name of the table has neither: these would be lines of their own.
  if (/[:\n\0]/.test(name)) return undefined;
  const line = readTable(`/etc/${table}`).find((one) => one.startsWith(`${name}:`)) ?? askSystem(table, name);
  const number = line?.split(':')[2];
  return number === undefined || !/^\d+$/.test(number) ? undefined : Number(number);
}

function readTable(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** Directories of users over a network answer only to the C library. */
function askSystem(table: string, name: string): string | undefined {
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = {
      encoding: 'utf8',
      timeout: LOOK_UP_LIMIT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    };
    const line = execFileSync('getent', [table, '--', name], options);
    return line.startsWith(`${name}:`) ? line : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes this process `user`'s, with the groups that the user is in, for good.
 * @throws NodeJS.ErrnoException when the system refuses
 */
export function becomeUser(user: WorkerUser): void {
  if (process.getuid?.() === user.uid && process.getgid?.() === user.gid) return;
  // Groups first: afterwards nobody may change them any more.
  process.setgid?.(user.gid);
  (process as WithGroups).initgroups?.(user.name, user.gid);
  process.setuid?.(user.uid);
}
