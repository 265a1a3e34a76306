/**
 * `expires`: Expires and Cache-Control of a response (`ngx_http_headers_filter_module.c`). Decides their values; what an
 * upstream said of them goes on where nothing takes its place.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { Exchange } from '../machine/exchange.js';
import type { ValueSource } from '../message/field-edits.js';
import { FIELD_NAMES } from '../message/field-names.js';
import { representationOf } from './files/representation.js';
import { httpTime, parseHttpTime } from './http-time.js';

const LAST_MODIFIED = FIELD_NAMES.intern('last-modified');

/**
 * What `expires` says. `access`: seconds from now. `modified`: seconds from Last-Modified. `daily`: the next time that it
 * is so many seconds past midnight.
 */
export type ExpiresValue =
  | { readonly kind: 'off' | 'epoch' | 'max' }
  | { readonly kind: 'access' | 'modified' | 'daily'; readonly seconds: number };

/** Statuses whose responses get the fields. */
const ON = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

/** Both fields' values, or null where they stay as they are. */
type Pair = readonly [expires: string, cacheControl: string];

/** The values of the two fields. @param valueOf asked for each response */
export function expiresLines(valueOf: (exchange: Exchange) => ExpiresValue): {
  readonly expires: ValueSource<Exchange>;
  readonly cacheControl: ValueSource<Exchange>;
} {
  const line = (name: string, index: 0 | 1): ValueSource<Exchange> => {
    const id = FIELD_NAMES.intern(name);
    return {
      put(exchange: Exchange, out: OctetWriter): void {
        const pair = isOn(exchange) ? pairOf(valueOf(exchange), exchange) : null;
        out.putLatin1(pair === null ? received(exchange, id) : pair[index]);
      },
    };
  };
  return { expires: line('expires', 0), cacheControl: line('cache-control', 1) };
}

/** By the time that nginx knows of a 416 it has set the fields as for a 200. */
function isOn(exchange: Exchange): boolean {
  return ON.has(exchange.status) || (exchange.status === 416 && representationOf(exchange) !== null);
}

/** What an upstream said, where its response goes on. */
function received({ plan, response }: Exchange, id: number): string {
  return plan?.kind === 'forward' ? response.joinedText(id) : '';
}

function pairOf(value: ExpiresValue, exchange: Exchange): Pair | null {
  switch (value.kind) {
    case 'off':
      return null;
    case 'epoch':
      return ['Thu, 01 Jan 1970 00:00:01 GMT', 'no-cache'];
    case 'max':
      return ['Thu, 31 Dec 2037 23:55:55 GMT', 'max-age=315360000'];
    default:
      return timed(value.kind, value.seconds, exchange);
  }
}

function timed(kind: 'access' | 'modified' | 'daily', seconds: number, exchange: Exchange): Pair {
  const now = Math.floor(Date.now() / 1000);
  if (seconds === 0 && kind !== 'daily') return [httpTime(now), 'max-age=0'];
  const modified = kind === 'modified' ? modifiedAt(exchange) : -1;
  const at = kind === 'daily' ? nextTime(now, seconds) : (modified < 0 ? now : modified) + seconds;
  const age = at - now;
  return [httpTime(at), seconds < 0 || age < 0 ? 'no-cache' : `max-age=${age}`];
}

/** Seconds since 1970, or -1. */
function modifiedAt(exchange: Exchange): number {
  const { plan, response } = exchange;
  if (plan?.kind === 'forward') return parseHttpTime(response.joinedText(LAST_MODIFIED));
  return plan?.source === undefined ? -1 : (representationOf(exchange)?.file.modified ?? -1);
}

/** The next time that it is so many seconds past midnight here. */
function nextTime(now: number, seconds: number): number {
  const date = new Date(now * 1000);
  date.setHours(0, 0, seconds, 0);
  if (date.getTime() / 1000 <= now) date.setDate(date.getDate() + 1);
  return Math.floor(date.getTime() / 1000);
}
