/** What is going on, on stderr, for people who wait: on a terminal one line that is written over, elsewhere lines. */

const BAR_CELLS = 24;

/** @param share of all that is to be done, 0 to 1; no bar without it */
export function showProgress(what: string, share?: number, leftMs?: number): void {
  const { stderr } = process;
  if (!stderr.isTTY) {
    stderr.write(`${share === undefined ? '' : `${(share * 100).toFixed(0).padStart(3)} %  `}${what}\n`);
    return;
  }
  const bar = share === undefined ? '' : `${barOf(share)} ${showLeft(leftMs)} `;
  stderr.write(`\r\x1b[K${`${bar}${what}`.slice(0, (stderr.columns ?? 80) - 1)}`);
}

/** Wipes the line. */
export function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

function barOf(share: number): string {
  const full = Math.round(share * BAR_CELLS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)} ${(share * 100).toFixed(0).padStart(3)} %`;
}

function showLeft(leftMs: number | undefined): string {
  if (leftMs === undefined || !Number.isFinite(leftMs)) return '';
  const seconds = Math.round(leftMs / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left,`;
}
