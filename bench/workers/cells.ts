/** The tables of a run with several workers as cells: for the terminal, HTML and Markdown alike. */
import type { Cells } from '../versus/report/rows.js';
import { showCount, showNumber } from '../versus/units.js';
import { workNamed } from '../works.js';
import { timesOne, type WorkersReport } from './figures.js';

/** Rates with one worker and with two. */
export function rateCells(report: WorkersReport): Cells {
  return {
    head: ['Work', 'Peer', 'workers', 'per second', 'times one worker', 'CPU each', 'busier, idler worker'],
    rows: report.rates.map((figure) => [
      workNamed(figure.work).title,
      figure.peer,
      String(figure.workers),
      showCount(figure.rate.median),
      timesOne(report, figure)?.toFixed(2) ?? '',
      `${showNumber(figure.cost.median)} µs`,
      `${figure.most.toFixed(2)}, ${figure.least.toFixed(2)}`,
    ]),
  };
}

/** Shares of connections that stay. */
export function fairnessCells({ fairness }: WorkersReport): Cells {
  return {
    head: ['Clients come', 'Peer', 'workers', 'most', 'its worst', 'least', 'its worst'],
    rows: fairness.map(({ way, peer, workers, most, worstMost, least, worstLeast }) => [
      way,
      peer,
      String(workers),
      ...[most, worstMost, least, worstLeast].map((share) => share.toFixed(2)),
    ]),
  };
}
