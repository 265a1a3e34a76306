/**
 * `limit_rate`, `limit_rate_after` and `proxy_limit_rate`: how fast responses go and come, by what their values are for a
 * request. Decides nothing about time.
 */
import type { Exchange } from '../machine/exchange.js';
import type { RateRules } from '../machine/policy.js';
import { contextOf } from './context.js';
import { logHere } from './fault-lines.js';
import type { Assignable } from './set-variables.js';
import type { Template } from './template.js';
import type { Variable } from './variables.js';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1048576 };

/** Octets, as nginx writes sizes; undefined for what is none. */
function sizeOf(text: string): number | undefined {
  const match = /^([0-9]{1,15})([kKmM]?)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * UNITS[match[2].toLowerCase()];
}

/** A size that may have variables in it; 0 for one that is none, with a line in the error log. */
export function sizeFor(exchange: Exchange, template: Template | null): number {
  if (template === null) return 0;
  const text = template.text(exchange);
  const size = sizeOf(text);
  if (size === undefined) logHere('error', `invalid size value "${text}"`, exchange);
  return size ?? 0;
}

/** Of a location. Immutable. */
export class LimitRate implements RateRules {
  /** @param rate null for none, as `after` */
  constructor(
    private readonly rate: Template | null,
    private readonly after: Template | null,
  ) {}

  perSecond(exchange: Exchange): number {
    return contextOf(exchange).limitRate ?? sizeFor(exchange, this.rate);
  }

  octetsAfter(exchange: Exchange): number {
    return sizeFor(exchange, this.after);
  }
}

/** `$limit_rate`: by `set` another one; the rate of the location once the response goes, and 0 before, as in nginx. */
export const LIMIT_RATE: Variable & Assignable = {
  text(exchange) {
    const context = contextOf(exchange);
    if (context.limitRate !== null) return String(context.limitRate);
    if (exchange.octetsSent === 0) return '0';
    const { rate } = (context.location ?? context.server?.root)?.downstream ?? {};
    return String(rate?.perSecond(exchange) ?? 0);
  },
  isFound: () => true,
  assign(exchange, text) {
    const size = sizeOf(text);
    if (size === undefined) logHere('error', `invalid $limit_rate "${text}"`, exchange);
    else contextOf(exchange).limitRate = size;
  },
};
