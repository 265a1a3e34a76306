/** Tables for people. Decides how figures look; nothing is computed here that a program would want: see --json. */
import type { Comparison } from './baseline.js';
import type { Figures } from './measure.js';
import type { MicroReport } from './micro/index.js';
import { table, type Row } from './table.js';

/** 512 ns, 1.23 µs, 4.56 ms. */
export function showTime(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(ns < 100 ? 1 : 0)} ns`;
  return ns < 1e6 ? `${(ns / 1e3).toFixed(2)} µs` : `${(ns / 1e6).toFixed(2)} ms`;
}

function showOctets(octets: number): string {
  if (Number.isNaN(octets)) return '?';
  return octets < 10_000 ? `${octets.toFixed(0)} B` : `${(octets / 1024).toFixed(1)} KB`;
}

/** One suite: a row for each case, cases of a group together, each against the first of its group. */
export function showMicro({ suite, figures, skipped }: MicroReport): string {
  const firsts = new Map<string, Figures>();
  for (const one of figures) if (!firsts.has(one.group)) firsts.set(one.group, one);
  const rows = figures.map((one): Row => {
    const { group, subject, time, heapOctets, externalOctets, octets } = one;
    const first = firsts.get(group) ?? one;
    return [
      first === one ? group : '',
      subject,
      showTime(time.median),
      showTime(time.mean),
      `±${time.rme.toFixed(1)} %`,
      String(time.runs),
      first === one ? '' : (time.median / first.time.median).toFixed(2),
      showOctets(heapOctets),
      showOctets(externalOctets),
      octets === undefined ? '' : `${((octets / time.median) * (1e9 / 2 ** 30)).toFixed(1)} GiB/s`,
    ];
  });
  const head = [suite, 'subject', 'median', 'mean', 'spread', 'runs', 'x first', 'heap', 'outside', 'rate'];
  const isRated = figures.some(({ octets }) => octets !== undefined);
  const columns = (row: Row): Row => (isRated ? row : row.slice(0, -1));
  const notes = [...new Set(skipped.map(({ subject, reason }) => `skipped ${subject}: ${reason}`))];
  return [table(columns(head), rows.map(columns), 2), ...notes].join('\n');
}

export function showComparison(
  { threshold, recorded, ratios, absent }: Comparison,
  isJudged: boolean,
): string {
  const rows = ratios.map(({ of, to, value, found, change, isWorse }): Row => [
    of,
    to,
    value.toPrecision(3),
    found.toPrecision(3),
    `${change.toFixed(2)}${isWorse && isJudged ? ' WORSE' : ''}`,
  ]);
  const since = recorded.date === undefined ? 'never' : `${recorded.date}, Node ${recorded.node ?? '?'}`;
  return [
    table(['ratio of', 'to', 'baseline', 'now', 'change'], rows, 2),
    `baseline recorded ${since}; ${isJudged ? `a change above ${threshold} fails` : 'a quick run is not judged'}`,
    ...(absent.length > 0 ? [`not measured in this run: ${absent.length} ratios of the baseline`] : []),
  ].join('\n');
}
