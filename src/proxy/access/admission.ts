/**
 * Who may use a location: addresses, passwords and subrequests, in nginx's order, and `satisfy` over them
 * (`ngx_http_core_access_phase`). Decides what comes of what each of them says.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { RequestContext } from '../context.js';
import { logHere } from '../fault-lines.js';
import type { AddressRules } from './address-rules.js';
import type { AuthRequest } from './auth-request.js';
import type { BasicAuth } from './basic-auth.js';
import { DECLINED, GRANTED } from './verdict.js';

/** A subrequest is needed before the next verdict. */
export const SUBREQUEST = 'subrequest';

const ADDRESSES = 0;
const BASIC = 1;
const REQUEST = 2;
const DONE = 3;

/** How far one request has come. */
export class Admitting {
  stage = ADDRESSES;
  /** What the condition at this stage said, which took its time; null: it was not asked. */
  found: number | null = null;
  /** With `satisfy any`: the status that is due unless a later condition lets the request in. */
  refusal = 0;
}

export interface AdmissionRules {
  /** null for none, as all of these. */
  readonly addresses: AddressRules | null;
  readonly basic: BasicAuth | null;
  readonly request: AuthRequest | null;
  /** One condition is enough (satisfy any). */
  readonly satisfiesAny: boolean;
  /** How long a 401 waits (auth_delay). */
  readonly delayMs: number;
}

/** The conditions of one location. */
export class Admission {
  /** A verdict may take its time. */
  readonly isSlow: boolean;

  constructor(readonly rules: AdmissionRules) {
    this.isSlow = rules.basic !== null || rules.request !== null;
  }

  /**
   * Asks one condition after the other, as far as they answer at once.
   * @returns 0 where the request goes on, else the status that refuses it; or a promise of a verdict, or
   *   {@link SUBREQUEST}: put what comes of it into `at.found`, and ask again
   */
  judge(
    exchange: Exchange,
    context: RequestContext,
    at: Admitting,
  ): number | Promise<number> | typeof SUBREQUEST {
    const { satisfiesAny } = this.rules;
    for (; at.stage < DONE; at.stage++) {
      const verdict = at.found ?? this.ask(exchange, context, at.stage);
      at.found = null;
      if (typeof verdict !== 'number') return verdict;
      if (verdict === DECLINED) continue;
      if (!satisfiesAny) {
        if (verdict === GRANTED) continue;
        if (verdict === 403 && at.stage === ADDRESSES) logForbidden(exchange);
        return verdict;
      }
      if (verdict === GRANTED) {
        if (context.detour !== null) context.detour.challenge = '';
        return GRANTED;
      }
      if (verdict !== 401 && verdict !== 403) return verdict;
      if (at.refusal !== 401) at.refusal = verdict;
    }
    if (at.refusal === 403) logForbidden(exchange);
    return at.refusal;
  }

  private ask(
    exchange: Exchange,
    context: RequestContext,
    stage: number,
  ): number | Promise<number> | typeof SUBREQUEST {
    const { addresses, basic, request } = this.rules;
    switch (stage) {
      case ADDRESSES:
        return addresses === null ? DECLINED : addresses.judge(exchange.connection.remoteAddress);
      case BASIC:
        return basic === null ? DECLINED : basic.judge(exchange, context);
      case REQUEST:
        return request === null ? DECLINED : SUBREQUEST;
      default:
        return DECLINED;
    }
  }
}

function logForbidden(exchange: Exchange): void {
  logHere('error', 'access forbidden by rule', exchange);
}
