/** The tables of a report as cells, for HTML and Markdown alike. */
import { isIdleWork, MEASURE, type Figure, type VersusReport, type WorkInfo } from '../figures.js';
import { showCost, showCount, showDuration, showNumber, showRatio, showShare } from '../units.js';

export interface Cells {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function cellsOf({ figures }: VersusReport, work: WorkInfo): Cells {
  const own = figures.filter((figure) => figure.work === work.name);
  return isIdleWork(work) ? idleCells(work, own) : loadCells(work, own);
}

function costCells(work: WorkInfo, { cost, toNginx, peer }: Figure): string[] {
  if (cost === null) return ['', '', ''];
  return [
    showCost(cost, work),
    `${showNumber(cost.q1)}-${showNumber(cost.q3)}`,
    peer === MEASURE ? '1' : showRatio(toNginx),
  ];
}

function loadCells(work: WorkInfo, figures: readonly Figure[]): Cells {
  return {
    head: [
      'Peer',
      `CPU per ${work.operation}`,
      'middle half',
      'to nginx',
      'user mode',
      'per second',
      'p50',
      'p99',
      'p99.9',
      'memory',
      'proxy core',
      'load + origin',
    ],
    rows: figures.map((figure) => [
      figure.peer,
      ...costCells(work, figure),
      figure.cost === null ? '' : showShare(figure.userShare),
      showCount(figure.rate.median),
      showDuration(figure.p50.median),
      showDuration(figure.p99.median),
      showDuration(figure.p999.median),
      figure.residentMb === null ? '' : `${figure.residentMb.median.toFixed(0)} MB`,
      figure.cost === null ? '' : showShare(figure.proxyShare),
      showShare(figure.loadShare + figure.originShare),
    ]),
  };
}

function idleCells(work: WorkInfo, figures: readonly Figure[]): Cells {
  return {
    head: ['Peer', `memory per ${work.operation}`, 'middle half', 'to nginx', 'in all', 'CPU while idle'],
    rows: figures.map((figure) => [
      figure.peer,
      ...costCells(work, figure),
      figure.residentMb === null ? '' : `${figure.residentMb.median.toFixed(0)} MB`,
      `${(figure.proxyShare * 100).toFixed(1)} %`,
    ]),
  };
}
