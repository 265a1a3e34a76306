/** Tables for people. Decides how figures look; nothing is computed here that a program would want: see --json. */
import { shown, type judgeRatios } from './guard/judge.js';
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

/** Ratios beside their bounds. */
export function showRatios({ verdicts, absent }: ReturnType<typeof judgeRatios>, isJudged: boolean): string {
  const rows = verdicts.map(({ what, found, bound, holds }): Row => {
    const [of, to] = what.split(' : ');
    return [of, to, shown(found), shown(bound), holds || !isJudged ? '' : 'SLOWER'];
  });
  return [
    table(['ratio of', 'to', 'found', 'bound', ''], rows, 2),
    isJudged ? 'a ratio above its bound (bench/guard/bounds.json) fails' : 'a quick run is not judged',
    ...(absent.length > 0 ? [`not measured in this run: ${absent.length} ratios that have bounds`] : []),
  ].join('\n');
}
