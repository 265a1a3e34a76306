/** Several runs of one machine as one report: a long run in pieces, a work done again. */
import { WORKS } from '../works.js';
import type { Figure, Skipped, VersusReport } from './figures.js';

/** As the tables have them, whatever was measured first. */
const ORDER = WORKS.map(({ name }) => name);

/** Later reports replace the works that they hold. Throws a RangeError when there is none, or when machines differ. */
export function joinReports(reports: readonly VersusReport[]): VersusReport {
  const last = reports.at(-1);
  if (last === undefined) throw new RangeError('there is no report to join');
  for (const { environment } of reports) {
    const { cpu, cores, kernel, node } = environment;
    const wanted = last.environment;
    if (cpu !== wanted.cpu || cores !== wanted.cores || kernel !== wanted.kernel || node !== wanted.node)
      throw new RangeError('reports of different machines, kernels or versions of Node cannot be joined');
  }
  const works = new Map(reports.flatMap((report) => report.works.map((work) => [work.name, work] as const)));
  const peers = new Map(reports.flatMap((report) => report.peers.map((peer) => [peer.name, peer] as const)));
  const holder = new Map(
    reports.flatMap((report) => report.works.map(({ name }) => [name, report] as const)),
  );
  const kept = <T extends Skipped | Figure>(report: VersusReport, all: readonly T[]): T[] =>
    all.filter(({ work }) => work === '' || holder.get(work) === report);
  return {
    ...last,
    command: [...new Set(reports.map(({ command }) => command))].join('\n'),
    works: [...works.values()].sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name)),
    peers: [...peers.values()],
    figures: reports.flatMap((report) => kept(report, report.figures)),
    skipped: unique(reports.flatMap((report) => kept(report, report.skipped))),
    failed: reports.flatMap((report) => kept(report, report.failed)),
  };
}

function unique(all: readonly Skipped[]): Skipped[] {
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}
