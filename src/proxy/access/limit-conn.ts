/**
 * `limit_conn`: requests under way for each key (`ngx_http_limit_conn_module`); a tunnel is one for as long as it lasts.
 */
import type { Exchange } from '../../machine/exchange.js';
import { LONGEST_KEY, type Zone } from './zone.js';

/** Requests under way. */
export interface Count {
  count: number;
}

/** One `limit_conn` in force. */
export interface ConnectionLimit {
  readonly zone: Zone<Count>;
  readonly most: number;
}

/** What a request holds of a zone until it is over. */
export interface Held {
  readonly zone: Zone<Count>;
  readonly key: string;
  readonly value: Count;
}

/**
 * Counts a request in every zone.
 * @param held gets what has to be given back with {@link release}, also after a refusal
 * @returns the limit that refuses it, or null
 */
export function enter(
  limits: readonly ConnectionLimit[],
  exchange: Exchange,
  held: Held[],
): ConnectionLimit | null {
  for (const limit of limits) {
    const { zone, most } = limit;
    const key = zone.key.text(exchange);
    if (key === '' || key.length > LONGEST_KEY) continue;
    let value = zone.get(key);
    if (value !== undefined && value.count >= most) return limit;
    if (value === undefined) {
      // Nothing is forgotten here: as in nginx a full zone refuses.
      if (!zone.hasRoom) return limit;
      zone.add(key, (value = { count: 0 }));
    }
    value.count++;
    held.push({ zone, key, value });
  }
  return null;
}

/** The request is over. */
export function release(held: readonly Held[]): void {
  for (const { zone, key, value } of held) if (--value.count === 0) zone.delete(key);
}
