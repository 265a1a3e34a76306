/**
 * The policy of an embedded proxy: whoever decides (a route table, a function, a configuration), with the embedder's
 * hooks and the diagnostics channels around it. Decides what a hook that throws or is late means; where neither hooks
 * nor subscribers are, every call goes straight through and nothing is made.
 */
import { Fault } from '../error.js';
import type { Attempt, Exchange } from '../machine/exchange.js';
import type {
  AskPlan,
  ConnectionFacts,
  Decision,
  DownstreamRules,
  Plan,
  Policy,
  ReadingRules,
  RespondPlan,
  Review,
} from '../machine/policy.js';
import type { ArrivalRules } from '../machine/security.js';
import type { FieldEdits } from '../message/field-edits.js';
import { whenPlanned } from '../proxy/decisions.js';
import { METHOD_CONNECT } from '../message/head.js';
import { checkAction } from './checks.js';
import { NOT_ALLOWED } from './deciders.js';
import { attemptInfo, exchangeEnd, tunnelEnd } from './ends.js';
import { errorInfo, type Hooks } from './hooks.js';
import { errorText, isPromise, LATE, Observers } from './observers.js';
import type { Action } from './options.js';
import { type Prepared, respondPlan } from './plans.js';
import { OptionsError } from './validate.js';
import { type ProxyExchange, ResponseHead } from './views.js';

/** Who decides about requests. */
export interface Decider {
  readonly reading: ReadingRules;
  readonly defaults: DownstreamRules;
  /** It asks for a view of every exchange. */
  readonly wantsView: boolean;
  /** CONNECT is decided about; else it is refused. */
  readonly connects: boolean;
  /** Decides at once, or with a promise. */
  decide(exchange: Exchange, now: number, view: ProxyExchange | null): Prepared | PromiseLike<Prepared>;
  /** What an action stands for, when a hook took it. */
  prepare(action: Action): Prepared;
  /** The policy behind it, if it is one: it is told all. */
  readonly inner: Policy | null;
}

/** The driver, as the policy needs it. */
export interface Joiner {
  decide(exchange: Exchange, plan: Decision): void;
  reviewed(exchange: Exchange, attempt: Attempt, review: Review): void;
  now(): number;
}

export interface EmbedPolicyOptions {
  readonly decider: Decider;
  readonly hooks: Hooks;
  readonly hookTimeoutMs: number;
  readonly joiner: Joiner;
  /** For the error log. */
  readonly log: (level: 'error' | 'info', text: string) => void;
}

export class EmbedPolicy implements Policy {
  readonly reading: ReadingRules;
  readonly defaults: DownstreamRules;
  declare readonly pageEdits?: FieldEdits<Exchange>;
  readonly arrival: ArrivalRules | undefined;
  readonly connects: boolean;
  private readonly decider: Decider;
  private readonly inner: Policy | null;
  private readonly joiner: Joiner;
  private readonly observers: Observers;

  constructor(private readonly options: EmbedPolicyOptions) {
    const { decider, joiner } = options;
    this.decider = decider;
    this.observers = new Observers({ ...options, looksAtAll: decider.wantsView });
    this.joiner = joiner;
    this.inner = decider.inner;
    this.reading = decider.reading;
    this.defaults = decider.defaults;
    const { inner } = decider;
    this.arrival = inner?.arrival;
    this.connects = decider.connects;
    if (inner?.pageEdits !== undefined) this.pageEdits = inner.pageEdits;
  }

  /** A view of the exchange, for values that functions give. */
  viewOf(exchange: Exchange): ProxyExchange {
    return this.observers.of(exchange).view;
  }

  // ---- Policy

  plan(exchange: Exchange, now: number): Decision | undefined {
    // What closures need is kept from the moment a function is entered: those that make some are others.
    if (!this.observers.areThere) return this.follow(exchange, now, this.decider.decide(exchange, now, null));
    return this.planWatched(exchange, now);
  }

  private planWatched(exchange: Exchange, now: number): Decision | undefined {
    const { decider, observers } = this;
    const watched = observers.of(exchange);
    const { view } = watched;
    observers.publish('request', watched, { request: view.request });
    const { request } = observers.hooks;
    try {
      const asked =
        request === undefined ? null : observers.runFirst(watched, () => request(view.request, view));
      if (isPromise(asked))
        return this.later(
          exchange,
          Promise.resolve(asked).then((action) => this.taken(exchange, action)),
        );
      if (asked != null) return this.follow(exchange, now, this.act(exchange, asked));
      const decided = observers.run(watched, () => decider.decide(exchange, now, view));
      return this.follow(exchange, now, decided);
    } catch (error) {
      return this.broken(exchange, error);
    }
  }

  attempted(exchange: Exchange, now: number): void {
    this.inner?.attempted?.(exchange, now);
    if (!this.observers.areThere || exchange.main !== null) return;
    const attempt = attemptInfo(exchange.attempt!, exchange.attempts.length);
    this.observers.tell('upstream', exchange, { attempt }, attempt);
  }

  review(exchange: Exchange, now: number): Review | undefined {
    const review = this.inner?.review === undefined ? null : this.inner.review(exchange, now);
    // An inner policy that takes its time, or answers itself, has the last word.
    const isSettled = review === undefined || (review !== null && 'status' in review);
    return isSettled || !this.observers.areThere ? review : this.reviewWatched(exchange, review);
  }

  private reviewWatched(exchange: Exchange, review: FieldEdits<Exchange> | null): Review | undefined {
    const { observers } = this;
    const watched = observers.of(exchange);
    const response = (watched.view.response = new ResponseHead(exchange.response));
    observers.publish('response', watched, { response });
    const hook = observers.hooks.response;
    if (hook === undefined) return review;
    const attempt = exchange.attempt!;
    try {
      const asked = observers.run(watched, () => hook(response, watched.view));
      if (!isPromise(asked)) return this.verdict(exchange, response, review, asked);
      observers
        .within(asked)
        .then((action) => this.verdict(exchange, response, review, action))
        .catch((error: unknown) => this.broken(exchange, error))
        .then((verdict) => this.joiner.reviewed(exchange, attempt, verdict))
        .catch((error: unknown) => this.options.log('error', `unexpected: ${errorText(error)}`));
      return undefined;
    } catch (error) {
      return this.broken(exchange, error);
    }
  }

  switched(exchange: Exchange, now: number): void {
    this.inner?.switched?.(exchange, now);
    if (!this.observers.areThere) return;
    const watched = this.observers.of(exchange);
    watched.switchedAt = now;
    watched.receivedBefore = exchange.octetsReceived;
    this.observers.tell('switched', exchange, {});
  }

  failed(exchange: Exchange, status: number, fault: Fault): Decision | undefined {
    return this.inner?.failed(exchange, status, fault);
  }

  intercept(exchange: Exchange, now: number): Decision | undefined {
    return this.inner?.intercept?.(exchange, now);
  }

  finished(exchange: Exchange, now: number): void {
    this.inner?.finished(exchange, now);
    if (exchange.main !== null) return;
    const { observers } = this;
    const watched = observers.find(exchange);
    if (watched === undefined && !observers.areThere) return;
    const { switchedAt = -1, receivedBefore = 0, cause } = watched ?? {};
    if (exchange.tunnelled) {
      const end = tunnelEnd(exchange, switchedAt, receivedBefore, cause);
      observers.tell('tunnelClosed', exchange, { end }, end);
    }
    const end = exchangeEnd(exchange, cause);
    observers.tell('finished', exchange, { end }, end);
    observers.forget(exchange);
  }

  fault(fault: Fault, exchange: Exchange | null, connection: ConnectionFacts): void {
    const { inner, options, observers } = this;
    const level = fault.side === 'downstream' ? 'info' : 'error';
    if (inner !== null) inner.fault(fault, exchange, connection);
    else options.log(level, faultText(fault, exchange, connection));
    if (!observers.areThere) return;
    if (exchange === null) {
      observers.tellError(errorInfo(fault));
      return;
    }
    const isHooks = fault.code.startsWith('HOOK_');
    const error = errorInfo(fault, isHooks ? observers.of(exchange).cause : undefined);
    observers.tell('error', exchange.main ?? exchange, { error }, error);
  }

  // ---- Deciding

  /** Takes what was decided to the plan that the machine follows; undefined when that takes time. */
  private follow(
    exchange: Exchange,
    now: number,
    decided: Prepared | PromiseLike<Prepared>,
  ): Decision | undefined {
    if (isPromise(decided)) return this.later(exchange, Promise.resolve(decided));
    const { upstream } = decided;
    if (upstream !== null && !upstream.isReady(now)) return this.later(exchange, Promise.resolve(decided));
    return this.final(exchange, decided);
  }

  private final(exchange: Exchange, { plan, target }: Prepared): Decision {
    if (plan.kind === 'ask') return this.finalFound(exchange, plan);
    if (target !== null) return this.finalAsked(exchange, plan, target);
    return this.observers.find(exchange)?.view.request.amend(plan) ?? plan;
  }

  /** What a hook changed about the request holds for the plan that is found in the end. */
  private finalFound(exchange: Exchange, plan: AskPlan): Decision {
    return whenPlanned(plan, (found) => this.observers.find(exchange)?.view.request.amend(found) ?? found);
  }

  private finalAsked(exchange: Exchange, plan: Plan, target: NonNullable<Prepared['target']>): Plan {
    const { observers } = this;
    const watched = observers.of(exchange);
    const { view } = watched;
    try {
      view.request.target = observers.run(watched, () => target(view));
      return view.request.amend(plan);
    } catch (error) {
      return this.broken(exchange, error);
    }
  }

  /** The decision comes with a promise: within the time for hooks, or the exchange is answered 503. */
  private later(exchange: Exchange, decided: Promise<Prepared>): undefined {
    const named = decided.then(async (prepared) => {
      const { upstream } = prepared;
      const now = this.joiner.now();
      if (upstream !== null && !upstream.isReady(now)) await upstream.ready(now);
      return prepared;
    });
    this.observers
      .within(named)
      .then((prepared) => {
        if (exchange.endedAt >= 0) throw GONE;
        return this.final(exchange, prepared);
      })
      .catch((error: unknown) => this.broken(exchange, error))
      .then((plan) => this.joiner.decide(exchange, plan))
      .catch((error: unknown) => this.options.log('error', `unexpected: ${errorText(error)}`));
    return undefined;
  }

  /** What the request hook answered: an action, or nothing, and then it is for the routes. */
  private taken(
    exchange: Exchange,
    action: Action | null | undefined | void,
  ): Prepared | PromiseLike<Prepared> {
    if (exchange.endedAt >= 0) throw GONE;
    if (action != null) return this.act(exchange, action);
    const watched = this.observers.of(exchange);
    return this.observers.run(watched, () => this.decider.decide(exchange, this.joiner.now(), watched.view));
  }

  private act({ request }: Exchange, action: Action): Prepared {
    checkAction(action, 'what the "request" hook returned');
    const isMistaken = 'tunnel' in action && action.tunnel === true && request.method !== METHOD_CONNECT;
    return this.decider.prepare(isMistaken ? NOT_ALLOWED : action);
  }

  private verdict(
    exchange: Exchange,
    response: ResponseHead,
    review: FieldEdits<Exchange> | null,
    action: unknown,
  ): Review {
    if (action != null) {
      checkAction(action, 'what the "response" hook returned');
      const { respond } = action as { respond?: number };
      if (respond === undefined) throw new OptionsError('what the "response" hook returned', 'is no answer');
      return respondPlan(respond, exchange.plan!.downstream);
    }
    const base = review ?? (exchange.plan as { responseEdits: FieldEdits<Exchange> }).responseEdits;
    return response.fields.over(base) ?? review;
  }

  /** A hook or route function threw, or is late: this exchange is answered for it, and nobody else hears of it. */
  private broken(exchange: Exchange, error: unknown): RespondPlan {
    const isLate = error === LATE;
    const detail = isLate ? '' : error instanceof Error ? error.message : String(error);
    const fault = new Fault(isLate ? 'HOOK_TIMEOUT' : 'HOOK_FAILED', 'internal', -1, detail);
    // One that is over has no head any more that a view could show, and nobody to be answered.
    if (exchange.endedAt < 0) {
      if (!isLate) this.observers.of(exchange).cause = error;
      exchange.fault ??= fault;
      exchange.outcome = 'refused';
      this.fault(fault, exchange, exchange.connection);
    }
    return respondPlan(fault.status, this.defaults);
  }
}

/** The exchange ended while its embedder thought. */
const GONE = new Error('the exchange is over');

function faultText(fault: Fault, exchange: Exchange | null, connection: ConnectionFacts): string {
  const request =
    exchange === null || exchange.request.length === 0 ? '' : `, request: "${requestLine(exchange)}"`;
  const upstream = exchange?.attempt === undefined ? '' : `, upstream: ${exchange.attempt.peer.name}`;
  return `${fault.side}: ${fault.message}, client: ${connection.remoteAddress}${request}${upstream}`;
}

function requestLine({ request }: Exchange): string {
  return request.text(0, request.startLineEnd).replace(/[^ !#-[\]-~]/g, '?');
}
