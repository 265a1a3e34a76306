/**
 * The three ways in which a proxy can be told what to do, behind one interface: a route table, a function, a
 * configuration.
 */
import type { Exchange } from '../machine/exchange.js';
import type { DownstreamRules, Policy, ReadingRules } from '../machine/policy.js';
import { checkAction } from './checks.js';
import type { Action, ProxyOptions, Route, RouteFunction } from './options.js';
import { downstreamRules, type Planner, type Prepared, readingRules } from './plans.js';
import type { Decider } from './policy.js';
import { readPath, RouteTable } from './routes.js';
import type { ProxyExchange } from './views.js';

abstract class OptionsDecider {
  readonly reading: ReadingRules;
  readonly defaults: DownstreamRules;
  readonly inner = null;

  constructor(
    options: ProxyOptions,
    protected readonly planner: Planner,
  ) {
    this.reading = readingRules(options.limits, options.downstreamTimeouts);
    this.defaults = downstreamRules(options.downstreamTimeouts, options.maxContentOctets);
  }

  prepare(action: Action): Prepared {
    return this.planner.prepare(action);
  }
}

/** Rows as data. */
export class TableDecider extends OptionsDecider implements Decider {
  readonly wantsView = false;
  readonly connects: boolean;
  private readonly table: RouteTable;

  constructor(options: ProxyOptions, planner: Planner, routes: readonly Route[]) {
    super(options, planner);
    this.table = new RouteTable(routes, planner);
    this.connects = this.table.connects;
  }

  decide(exchange: Exchange, now: number): Prepared {
    return this.table.find(exchange, now);
  }
}

/** A function of the embedder's. */
export class FunctionDecider extends OptionsDecider implements Decider {
  readonly wantsView = true;
  readonly connects = true;

  constructor(
    options: ProxyOptions,
    planner: Planner,
    private readonly route: RouteFunction,
  ) {
    super(options, planner);
  }

  decide(exchange: Exchange, now: number, view: ProxyExchange | null): Prepared | PromiseLike<Prepared> {
    // A path that climbs above the root reaches no function that might look at its beginning.
    const { method } = view!.request;
    if (!readPath(exchange, now) && method !== 'OPTIONS' && method !== 'CONNECT')
      return this.planner.prepare(BAD_REQUEST);
    const decided = this.route(view!.request, view!);
    if (decided !== null && typeof decided === 'object' && 'then' in decided) {
      return Promise.resolve(decided).then((action) => this.taken(action, method));
    }
    return this.taken(decided, method);
  }

  private taken(action: Action | null | undefined, method: string): Prepared {
    if (action == null) return this.planner.notFound;
    checkAction(action, 'what the route function returned');
    if ('tunnel' in action && action.tunnel === true && method !== 'CONNECT')
      return this.planner.prepare(NOT_ALLOWED);
    return this.planner.prepare(action);
  }
}

const BAD_REQUEST: Action = { respond: 400 };
/** What a tunnel is for any method but CONNECT. */
export const NOT_ALLOWED: Action = { respond: 405 };

/** A configuration in nginx's language. Its policy decides at once. */
export class ConfigDecider implements Decider {
  readonly wantsView = false;
  readonly connects: boolean;
  readonly reading: ReadingRules;
  readonly defaults: DownstreamRules;

  constructor(
    readonly inner: Policy,
    private readonly planner: Planner,
  ) {
    this.reading = inner.reading;
    this.connects = inner.connects === true;
    this.defaults = inner.defaults;
  }

  decide(exchange: Exchange, now: number): Prepared {
    const plan = this.inner.plan(exchange, now);
    if (plan === undefined) throw new Error('a configuration decides at once');
    return { plan, upstream: null, target: null };
  }

  /** An action that a hook took instead. */
  prepare(action: Action): Prepared {
    return this.planner.prepare(action);
  }
}
