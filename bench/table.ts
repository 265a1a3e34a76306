/** Tables of plain text. */

export type Row = readonly string[];

/** Columns as wide as their widest cell; the first `left` of them aligned left, the others right. */
export function table(head: Row, rows: readonly Row[], left: number): string {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  const line = (row: Row): string =>
    row
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}
