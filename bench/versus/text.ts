/** A side-by-side run for the terminal: one table per work. */
import { table, type Row } from '../table.js';
import {
  describeDisturbances,
  isIdleWork,
  type Figure,
  type VersusReport,
  type WorkInfo,
} from './figures.js';
import { showCost, showCount, showDuration, showRatio, showShare } from './units.js';

export function showVersus(report: VersusReport): string {
  const { works, figures, skipped, failed, peers, isPinned, rounds, measureMs } = report;
  const tables = works.flatMap((work) => {
    const own = figures.filter((figure) => figure.work === work.name);
    return own.length === 0 ? [] : [isIdleWork(work) ? idleTable(work, own) : loadTable(work, own)];
  });
  return [
    ...tables,
    [
      ...failed.map(({ peer, work, reason }) => `FAILED ${peer}, ${work}: ${reason}`),
      ...skippedLines(skipped),
      [...new Set(peers.flatMap(({ version }) => (version === '' ? [] : [version])))].join(', '),
      `${rounds} rounds of ${measureMs} ms; medians, in parentheses the middle half; ratios are taken within a round`,
      isPinned
        ? 'proxy alone on core 1, load and origin on core 0; "core" is the share of its core that the proxy used'
        : 'not pinned to cores: there is one core, or no taskset (apt-get install util-linux)',
      ...[describeDisturbances(report)].filter((line) => line !== ''),
    ].join('\n'),
  ].join('\n\n');
}

/** Peers skipped in several works for one reason share a line. */
export function skippedLines(skipped: VersusReport['skipped']): string[] {
  const works = new Map<string, string[]>();
  for (const { peer, work, reason } of skipped) {
    const key = `${peer}\n${reason}`;
    works.set(key, [...(works.get(key) ?? []), work]);
  }
  return [...works].map(([key, names]) => {
    const [peer, reason] = key.split('\n');
    const where = names.every((name) => name === '') ? '' : ` (${names.join(', ')})`;
    return `skipped ${peer}${where}: ${reason}`;
  });
}

function loadTable(work: WorkInfo, figures: readonly Figure[]): string {
  const head = [work.title, `CPU/${work.operation}`, '', 'x nginx', 'in user mode', 'per second'];
  const rows = figures.map((figure): Row => [
    figure.peer,
    showCost(figure.cost, work),
    figure.cost === null ? '' : `(${figure.cost.q1.toFixed(1)}-${figure.cost.q3.toFixed(1)})`,
    showRatio(figure.toNginx),
    figure.cost === null ? '' : showShare(figure.userShare),
    showCount(figure.rate.median),
    showDuration(figure.p50.median),
    showDuration(figure.p99.median),
    showDuration(figure.p999.median),
    figure.residentMb === null ? '' : `${figure.residentMb.median.toFixed(0)} MB`,
    figure.cost === null ? '' : showShare(figure.proxyShare),
    showShare(figure.loadShare + figure.originShare),
  ]);
  const rest = ['p50', 'p99', 'p99.9', 'memory', 'core', 'load+origin'];
  return table([...head, ...rest], rows, 1);
}

function idleTable(work: WorkInfo, figures: readonly Figure[]): string {
  const rows = figures.map((figure): Row => [
    figure.peer,
    showCost(figure.cost, work),
    figure.cost === null ? '' : `(${figure.cost.q1.toFixed(1)}-${figure.cost.q3.toFixed(1)})`,
    showRatio(figure.toNginx),
    figure.residentMb === null ? '' : `${figure.residentMb.median.toFixed(0)} MB`,
    showShare(figure.proxyShare),
  ]);
  return table([work.title, `memory/${work.operation}`, '', 'x nginx', 'in all', 'CPU, idle'], rows, 1);
}
