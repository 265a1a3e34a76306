/** How figures look, in every report: three digits that mean something. */
import type { Spread } from '../statistics.js';
import { isIdleWork, type WorkInfo } from './figures.js';

/** 0.123, 1.23, 12.3, 123, 1234. */
export function showNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

export function showCount(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** Unit of a work's cost. */
export function unitOf(work: WorkInfo): string {
  return isIdleWork(work) ? 'KB' : 'µs';
}

export function showCost(cost: Spread | null, work: WorkInfo): string {
  return cost === null ? '' : `${showNumber(cost.median)} ${unitOf(work)}`;
}

export function showRatio(ratio: Spread | null): string {
  return ratio === null ? '' : ratio.median.toFixed(2);
}

export function showShare(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

/** Of microseconds: 12.3 µs, 1.23 ms, 1.2 s. */
export function showDuration(us: number): string {
  if (us < 999.5) return `${showNumber(us)} µs`;
  return us < 999_500 ? `${showNumber(us / 1e3)} ms` : `${showNumber(us / 1e6)} s`;
}
