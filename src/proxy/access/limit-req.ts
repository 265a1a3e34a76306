/**
 * `limit_req`: a leaky bucket for each key (`ngx_http_limit_req_module`). Decides which requests pass, wait or are
 * refused; leaves the waiting to others.
 */
import type { Exchange } from '../../machine/exchange.js';
import { LONGEST_KEY, type Zone } from './zone.js';

/** Requests above the rate, in thousandths, and when that was known. */
export interface Bucket {
  excess: number;
  /** Monotonic ms. */
  seenAt: number;
}

/** One `limit_req` in force. */
export interface RequestLimit {
  readonly zone: Zone<Bucket>;
  /** Requests a second, in thousandths. */
  readonly rate: number;
  /** Requests above the rate that are not refused. */
  readonly burst: number;
  /** Of these, those that do not wait; Infinity for nodelay. */
  readonly undelayed: number;
}

/** What becomes of a request. */
export interface RequestVerdict {
  readonly isRefused: boolean;
  readonly delayMs: number;
  /** The limit that decided, and the excess that it saw, in thousandths. */
  readonly limit: RequestLimit;
  readonly excess: number;
}

/**
 * Judges a request by all limits. It is counted by each only if none refuses it.
 * @returns null when no limit has anything to say
 */
export function judgeRequest(
  limits: readonly RequestLimit[],
  exchange: Exchange,
  now: number,
): RequestVerdict | null {
  let verdict: RequestVerdict | null = null;
  const counted: { bucket: Bucket | null; key: string; limit: RequestLimit; excess: number }[] = [];
  for (const limit of limits) {
    const key = limit.zone.key.text(exchange);
    if (key === '' || key.length > LONGEST_KEY) continue;
    const bucket = limit.zone.get(key) ?? null;
    const excess = bucket === null ? 0 : excessOf(bucket, limit.rate, now);
    if (excess > limit.burst * 1000) return { isRefused: true, delayMs: 0, limit, excess };
    counted.push({ bucket, key, limit, excess });
    const delayMs = delayOf(limit, excess);
    if (verdict === null || delayMs > verdict.delayMs) verdict = { isRefused: false, delayMs, limit, excess };
  }
  for (const { bucket, key, limit, excess } of counted) {
    if (bucket === null) limit.zone.add(key, { excess, seenAt: now });
    else Object.assign(bucket, { excess, seenAt: now });
  }
  return verdict;
}

/** In whole thousandths, as nginx counts. */
function excessOf({ excess, seenAt }: Bucket, rate: number, now: number): number {
  return Math.max(0, excess - Math.floor((rate * (now - seenAt)) / 1000) + 1000);
}

function delayOf({ rate, undelayed }: RequestLimit, excess: number): number {
  const late = excess - undelayed * 1000;
  return late <= 0 ? 0 : Math.floor((late * 1000) / rate);
}
