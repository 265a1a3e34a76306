/**
 * `auth_request`: the answer to a subrequest says whether a request goes on (`ngx_http_auth_request_module`). Decides by
 * its status; leaves the way of the subrequest to `router.ts` and the machine.
 */
import type { Exchange } from '../../machine/exchange.js';
import { FIELD_NAMES } from '../../message/field-names.js';
import type { RequestContext } from '../context.js';
import { logHere } from '../fault-lines.js';
import type { Assignable } from '../set-variables.js';
import type { Template } from '../template.js';
import { GRANTED } from './verdict.js';

const WWW_AUTHENTICATE = FIELD_NAMES.intern('www-authenticate');

/** One `auth_request_set`. */
export interface AuthRequestSet {
  readonly variable: Assignable;
  /** Of the subrequest. */
  readonly value: Template;
}

/** The rules of one location. */
export class AuthRequest {
  /** @param uri a path, as written: nothing in it is a query */
  constructor(
    readonly uri: string,
    private readonly sets: readonly AuthRequestSet[],
  ) {}

  /** @param answered the subrequest, with its status, its heads still there */
  judge(exchange: Exchange, context: RequestContext, answered: Exchange): number {
    for (const { variable, value } of this.sets) variable.assign(exchange, value.text(answered));
    const { status } = answered;
    if (status === 401) {
      const { detour } = answered.context as RequestContext;
      const received = answered.response.joinedText(WWW_AUTHENTICATE);
      context.leave().challenge = received === '' ? (detour?.challenge ?? '') : received;
      return status;
    }
    if (status === 403) return status;
    if (status >= 200 && status < 300) return GRANTED;
    logHere('error', `auth request unexpected status: ${status}`, exchange);
    return 500;
  }
}
