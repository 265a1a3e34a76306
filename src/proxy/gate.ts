/**
 * The way of a request through the access phase of its location: limits, then the conditions of `access/admission.ts`,
 * which may take their time. Decides when something has to be found out first; leaves what follows to `router.ts`.
 */
import type { Exchange } from '../machine/exchange.js';
import type { AskPlan, Decision, Plan } from '../machine/policy.js';
import type { Access } from './access/access.js';
import { Admitting, SUBREQUEST, type Admission } from './access/admission.js';
import { contextOf, RequestContext } from './context.js';
import { logHere } from './fault-lines.js';
import type { LocationModel } from './model.js';

/** What the gate needs of the router. */
export interface GateWorld {
  /** What the location does with a request that may be there. */
  perform(exchange: Exchange, context: RequestContext, location: LocationModel): Decision;
  refuse(exchange: Exchange, context: RequestContext, location: LocationModel, status: number): Decision;
  /** The plan of a subrequest whose path is in its context. */
  fork(exchange: Exchange, context: RequestContext): Plan;
}

/** One for a server. */
export class Gate {
  /** One object per location, made when it is first needed. */
  private readonly plans = new Map<LocationModel, AskPlan>();

  constructor(private readonly world: GateWorld) {}

  admit(exchange: Exchange, context: RequestContext, location: LocationModel, access: Access): Decision {
    const { world } = this;
    const status = access.limit(exchange, context, context.decidedAt);
    if (status !== 0) return world.refuse(exchange, context, location, status);
    const { admission } = access;
    // nginx looks at the request alone, not at its subrequests.
    if (admission === null || exchange.main !== null) return world.perform(exchange, context, location);
    context.admitting = new Admitting();
    if (admission.isSlow) return this.plan(location, admission);
    const refusal = admission.judge(exchange, context, context.admitting) as number;
    return refusal === 0
      ? world.perform(exchange, context, location)
      : world.refuse(exchange, context, location, refusal);
  }

  private plan(location: LocationModel, admission: Admission): AskPlan {
    return this.plans.get(location) ?? this.makePlan(location, admission);
  }

  private makePlan(location: LocationModel, admission: Admission): AskPlan {
    const plan: AskPlan = {
      kind: 'ask',
      downstream: location.downstream,
      ask: (exchange, answered, now) => this.ask(exchange, answered, now, location, admission),
    };
    this.plans.set(location, plan);
    return plan;
  }

  private ask(
    exchange: Exchange,
    answered: Exchange | null,
    now: number,
    location: LocationModel,
    admission: Admission,
  ): Decision | Exchange | Promise<Decision> {
    const context = contextOf(exchange);
    const at = (context.admitting ??= new Admitting());
    const { request } = admission.rules;
    if (answered !== null) at.found = request!.judge(exchange, context, answered);
    const verdict = admission.judge(exchange, context, at);
    if (verdict === SUBREQUEST) return this.subrequest(exchange, context, request!.uri, now);
    if (typeof verdict === 'number')
      return this.conclude(exchange, context, location, verdict, admission.rules.delayMs);
    return verdict.then((found) => {
      at.found = found;
      return this.plan(location, admission);
    });
  }

  private conclude(
    exchange: Exchange,
    context: RequestContext,
    location: LocationModel,
    verdict: number,
    delayMs: number,
  ): Decision {
    if (verdict === 0) return this.world.perform(exchange, context, location);
    if (verdict === 401 && delayMs > 0) {
      logHere('info', 'delaying unauthorized request', exchange);
      exchange.delayMs = delayMs;
    }
    return this.world.refuse(exchange, context, location, verdict);
  }

  /**
   * A GET of wirehop's own for another path of the same server (`ngx_http_subrequest`). It shares variables with the
   * request that it is made for, as in nginx.
   */
  private subrequest(main: Exchange, from: RequestContext, uri: string, now: number): Exchange {
    const exchange = main.fork(now);
    const context = new RequestContext(now);
    exchange.context = context;
    context.server = from.server;
    context.values = from.values ??= [];
    context.kept = from.kept ??= new Map();
    context.named = from.named ??= new Map();
    context.limits = from.limits;
    context.setPath(uri);
    context.setArgs('');
    const detour = context.leave();
    detour.isInternal = true;
    detour.keepsTarget = false;
    detour.method = 'GET';
    const plan = this.world.fork(exchange, context);
    if (from.limits === null && context.limits !== null) {
      from.limits = context.limits;
      exchange.delayMs = context.limits.delayMs;
    }
    exchange.plan = plan;
    return exchange;
  }
}
