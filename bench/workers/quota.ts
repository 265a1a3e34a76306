/**
 * Parts of a core for single processes, by the kernel's CPU bandwidth control (cgroups, version 1 or 2). So a machine of
 * two cores shows what more cores give: the workers together take less than there is.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onCleanUp } from '../../test/e2e/harness.js';

const ROOT = '/sys/fs/cgroup';
/** Short, so that who has used his part waits for little. */
const PERIOD_US = 10_000;

/** Where groups are made, and how one is told its part. */
interface Hierarchy {
  readonly folder: string;
  limit(group: string, quotaUs: number): void;
}

function hierarchies(): Hierarchy[] {
  const first = ['cpu', 'cpu,cpuacct'].map((name): Hierarchy => ({
    folder: join(ROOT, name),
    limit: (group, quotaUs) => {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quotaUs));
    },
  }));
  const second: Hierarchy = {
    folder: ROOT,
    limit: (group, quotaUs) => {
      writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+cpu');
      writeFileSync(join(group, 'cpu.max'), `${quotaUs} ${PERIOD_US}`);
    },
  };
  const isSecond = existsSync(join(ROOT, 'cgroup.controllers'));
  return isSecond ? [second] : first.filter(({ folder }) => existsSync(folder));
}

let made = 0;

/**
 * Allows a process, with all of its threads, so much of a core.
 * @param share of one core, 0 to 1
 * @throws Error that says what is missing
 */
export function allowShare(pid: number, share: number): void {
  const [hierarchy] = hierarchies();
  if (hierarchy === undefined) throw new Error(`no CPU bandwidth control under ${ROOT}`);
  const group = join(hierarchy.folder, `wirehop-bench-${process.pid}-${++made}`);
  try {
    mkdirSync(group);
    onCleanUp(() => remove(group));
    hierarchy.limit(group, Math.round(share * PERIOD_US));
    writeFileSync(join(group, 'cgroup.procs'), String(pid));
  } catch (error) {
    throw new Error(`CPU bandwidth control wants root: ${(error as Error).message}`, { cause: error });
  }
}

/** A group can go when its processes have. */
function remove(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // A process that is still ending: an empty group without anybody in it is left, and costs nothing.
  }
}
