/**
 * The policy of an embedded proxy: whoever decides (a route table, a function, a configuration), with the embedder's
 * hooks and the diagnostics channels around it. Decides what a hook that throws or is late means; where neither hooks
 * nor subscribers are, every call goes straight through and nothing is made.
 */
import { AsyncResource } from 'node:async_hooks';
import { Fault } from '../error.js';
import type { Attempt, Exchange } from '../machine/exchange.js';
import type {
  ConnectionFacts,
  DownstreamRules,
  Plan,
  Policy,
  ReadingRules,
  RespondPlan,
  Review,
} from '../machine/policy.js';
import type { ArrivalRules } from '../machine/security.js';
import type { FieldEdits } from '../message/field-edits.js';
import { checkAction } from './checks.js';
import { attemptInfo, exchangeEnd, tunnelEnd } from './ends.js';
import { CHANNELS, errorInfo, type Hooks } from './hooks.js';
import type { Action } from './options.js';
import { type Prepared, respondPlan } from './plans.js';
import { OptionsError } from './validate.js';
import { ProxyExchange, ResponseHead } from './views.js';

/** Who decides about requests. */
export interface Decider {
  readonly reading: ReadingRules;
  readonly defaults: DownstreamRules;
  /** It asks for a view of every exchange. */
  readonly wantsView: boolean;
  /** Decides at once, or with a promise. */
  decide(exchange: Exchange, now: number, view: ProxyExchange | null): Prepared | PromiseLike<Prepared>;
  /** What an action stands for, when a hook took it. */
  prepare(action: Action): Prepared;
  /** The policy behind it, if it is one: it is told all. */
  readonly inner: Policy | null;
}

/** The driver, as the policy needs it. */
export interface Joiner {
  decide(exchange: Exchange, plan: Plan): void;
  reviewed(exchange: Exchange, attempt: Attempt, review: Review): void;
  now(): number;
}

/** What is kept of an exchange that somebody looks at. */
class Watched {
  readonly view: ProxyExchange;
  /** The asynchronous context that hooks run in. */
  scope: AsyncResource;
  /** What hooks threw; goes with the error. */
  cause: unknown = undefined;
  /** At the switch of protocols: monotonic ms, and octets received until then. */
  switchedAt = -1;
  receivedBefore = 0;

  constructor(exchange: Exchange) {
    this.view = new ProxyExchange(exchange);
    this.scope = new AsyncResource('WIREHOP_EXCHANGE');
  }
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
  private readonly decider: Decider;
  private readonly hooks: Hooks;
  private readonly inner: Policy | null;
  private readonly joiner: Joiner;
  /** Someone is told of every exchange: only then are views made. */
  private readonly hasHooks: boolean;
  private readonly watched = new Map<Exchange, Watched>();

  constructor(private readonly options: EmbedPolicyOptions) {
    const { decider, hooks, joiner } = options;
    this.decider = decider;
    this.hooks = { ...hooks };
    this.joiner = joiner;
    this.inner = decider.inner;
    this.reading = decider.reading;
    this.defaults = decider.defaults;
    this.hasHooks = decider.wantsView || Object.values(hooks).some((hook) => hook !== undefined);
    const { inner } = decider;
    this.arrival = inner?.arrival;
    if (inner?.pageEdits !== undefined) this.pageEdits = inner.pageEdits;
  }

  /** A view of the exchange, for values that functions give. */
  viewOf(exchange: Exchange): ProxyExchange {
    return this.watch(exchange).view;
  }

  // ---- Policy

  plan(exchange: Exchange, now: number): Plan | undefined {
    const { decider } = this;
    const watched = this.isWatching ? this.watch(exchange) : null;
    if (watched === null) return this.follow(exchange, now, decider.decide(exchange, now, null));
    const { hooks } = this;
    if (CHANNELS.request.hasSubscribers) this.publish('request', watched, { request: watched.view.request });
    try {
      const asked = hooks.request === undefined ? null : this.runRequestHook(watched, hooks.request);
      if (isPromise(asked))
        return this.later(
          exchange,
          Promise.resolve(asked).then((action) => this.taken(exchange, action)),
        );
      if (asked != null) return this.follow(exchange, now, this.act(asked, 'the "request" hook'));
      const decided = this.run(watched, () => decider.decide(exchange, now, watched.view));
      return this.follow(exchange, now, decided);
    } catch (error) {
      return this.broken(exchange, error);
    }
  }

  attempted(exchange: Exchange, now: number): void {
    this.inner?.attempted?.(exchange, now);
    if (!this.isWatching) return;
    const info = attemptInfo(exchange.attempt!, exchange.attempts.length);
    this.tell('upstream', exchange, info, { attempt: info });
  }

  review(exchange: Exchange, now: number): Review | undefined {
    const review = this.inner?.review === undefined ? null : this.inner.review(exchange, now);
    // An inner policy that takes its time, or answers itself, has the last word.
    if (!this.isWatching || review === undefined || (review !== null && 'status' in review)) return review;
    const watched = this.watch(exchange);
    const response = (watched.view.response = new ResponseHead(exchange.response));
    if (CHANNELS.response.hasSubscribers) this.publish('response', watched, { response });
    const { hooks } = this;
    if (hooks.response === undefined) return review;
    const attempt = exchange.attempt!;
    try {
      const asked = this.run(watched, () => hooks.response!(response, watched.view));
      if (!isPromise(asked)) return this.verdict(exchange, response, review, asked);
      this.within(Promise.resolve(asked).then((action) => this.verdict(exchange, response, review, action)))
        .catch((error: unknown) => this.broken(exchange, error))
        .then((verdict) => this.joiner.reviewed(exchange, attempt, verdict))
        .catch((error: unknown) => this.bug(error));
      return undefined;
    } catch (error) {
      return this.broken(exchange, error);
    }
  }

  switched(exchange: Exchange, now: number): void {
    this.inner?.switched?.(exchange, now);
    if (!this.isWatching) return;
    const watched = this.watch(exchange);
    watched.switchedAt = now;
    watched.receivedBefore = exchange.octetsReceived;
    this.tell('switched', exchange, undefined, {});
  }

  failed(exchange: Exchange, status: number, fault: Fault): Plan | undefined {
    return this.inner?.failed(exchange, status, fault);
  }

  intercept(exchange: Exchange, now: number): Plan | undefined {
    return this.inner?.intercept?.(exchange, now);
  }

  finished(exchange: Exchange, now: number): void {
    this.inner?.finished(exchange, now);
    const watched = this.watched.size === 0 ? undefined : this.watched.get(exchange);
    if (watched === undefined && !this.isWatching) return;
    const { switchedAt = -1, receivedBefore = 0, cause } = watched ?? {};
    if (exchange.tunnelled) {
      const end = tunnelEnd(exchange, switchedAt, receivedBefore, cause);
      this.tell('tunnelClosed', exchange, end, { end });
    }
    const end = exchangeEnd(exchange, cause);
    this.tell('finished', exchange, end, { end });
    this.watched.get(exchange)?.view.release();
    this.watched.delete(exchange);
  }

  fault(fault: Fault, exchange: Exchange | null, connection: ConnectionFacts): void {
    if (this.inner !== null) this.inner.fault(fault, exchange, connection);
    else
      this.options.log(
        fault.side === 'downstream' ? 'info' : 'error',
        faultText(fault, exchange, connection),
      );
    if (!this.isWatching) return;
    const watched = exchange === null ? null : this.watch(exchange);
    const error = errorInfo(fault, fault.code.startsWith('HOOK_') ? watched?.cause : undefined);
    if (exchange !== null) {
      this.tell('error', exchange, error, { error });
      return;
    }
    if (CHANNELS.error.hasSubscribers) CHANNELS.error.publish({ exchange: null, error });
    try {
      this.hooks.error?.(error, null);
    } catch (thrown) {
      this.options.log('error', `the "error" hook threw: ${String(thrown)}`);
    }
  }

  // ---- Deciding

  /** Takes what was decided to the plan that the machine follows; undefined when that takes time. */
  private follow(
    exchange: Exchange,
    now: number,
    decided: Prepared | PromiseLike<Prepared>,
  ): Plan | undefined {
    if (isPromise(decided)) return this.later(exchange, Promise.resolve(decided));
    const { upstream } = decided;
    if (upstream !== null && !upstream.isReady(now)) {
      return this.later(
        exchange,
        upstream.ready(now).then(() => decided),
      );
    }
    return this.final(exchange, decided);
  }

  private final(exchange: Exchange, { plan, target }: Prepared): Plan {
    if (target === null) return this.watched.get(exchange)?.view.request.amend(plan) ?? plan;
    const watched = this.watch(exchange);
    try {
      watched.view.request.target = this.run(watched, () => target(watched.view));
      return watched.view.request.amend(plan);
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
    this.within(named)
      .then((prepared) => this.final(exchange, prepared))
      .catch((error: unknown) => this.broken(exchange, error))
      .then((plan) => this.joiner.decide(exchange, plan))
      .catch((error: unknown) => this.bug(error));
    return undefined;
  }

  /** What the request hook answered: an action, or nothing, and then it is for the routes. */
  private taken(
    exchange: Exchange,
    action: Action | null | undefined | void,
  ): Prepared | PromiseLike<Prepared> {
    if (action != null) return this.act(action, 'the "request" hook');
    const watched = this.watch(exchange);
    return this.run(watched, () => this.decider.decide(exchange, this.joiner.now(), watched.view));
  }

  private act(action: Action, who: string): Prepared {
    checkAction(action, `what ${who} returned`);
    return this.decider.prepare(action);
  }

  private verdict(exchange: Exchange, response: ResponseHead, review: Review, action: unknown): Review {
    if (action != null) {
      checkAction(action, 'what the "response" hook returned');
      const { respond } = action as { respond?: number };
      if (respond === undefined) throw new OptionsError('what the "response" hook returned', 'is no answer');
      return respondPlan(respond, exchange.plan!.downstream);
    }
    const base =
      (review as FieldEdits<Exchange> | null) ??
      (exchange.plan as { responseEdits: FieldEdits<Exchange> }).responseEdits;
    return response.fields.over(base) ?? review;
  }

  /** A hook or route function threw, or is late: this exchange is answered for it, and nobody else hears of it. */
  private broken(exchange: Exchange, error: unknown): RespondPlan {
    const isLate = error === LATE;
    const detail = isLate ? '' : error instanceof Error ? error.message : String(error);
    const fault = new Fault(isLate ? 'HOOK_TIMEOUT' : 'HOOK_FAILED', 'internal', -1, detail);
    this.watch(exchange).cause = isLate ? undefined : error;
    if (exchange.endedAt < 0) {
      exchange.fault ??= fault;
      exchange.outcome = 'refused';
      this.fault(fault, exchange, exchange.connection);
    }
    return respondPlan(fault.status, this.defaults);
  }

  // ---- Hooks

  private get isWatching(): boolean {
    return this.hasHooks || hasSubscribers();
  }

  private watch(exchange: Exchange): Watched {
    let watched = this.watched.get(exchange);
    if (watched === undefined) {
      watched = new Watched(exchange);
      // One that is over is not kept: nobody would take it out again.
      if (exchange.endedAt < 0) this.watched.set(exchange, watched);
    }
    return watched;
  }

  /** Runs a hook in its exchange's asynchronous context. */
  private run<T>(watched: Watched, hook: () => T): T {
    return watched.scope.runInAsyncScope(hook);
  }

  /** The same for the first hook: a context that it enters is the exchange's from then on. */
  private runRequestHook(watched: Watched, hook: NonNullable<Hooks['request']>): ReturnType<typeof hook> {
    return this.run(watched, () => {
      const asked = hook.call(this.hooks, watched.view.request, watched.view);
      watched.scope = new AsyncResource('WIREHOP_EXCHANGE');
      return asked;
    });
  }

  /** Publishes and calls the hook of that name. What it throws is logged. */
  private tell(
    name: 'upstream' | 'switched' | 'tunnelClosed' | 'finished' | 'error',
    exchange: Exchange,
    what: unknown,
    message: object,
  ): void {
    const watched = this.watch(exchange);
    if (CHANNELS[name].hasSubscribers) this.publish(name, watched, message);
    const hook = this.hooks[name] as ((...given: unknown[]) => void) | undefined;
    if (hook === undefined) return;
    try {
      const result: unknown = this.run(watched, () =>
        what === undefined ? hook.call(this.hooks, watched.view) : hook.call(this.hooks, what, watched.view),
      );
      if (isPromise(result)) Promise.resolve(result).catch((error: unknown) => this.threw(name, error));
    } catch (error) {
      this.threw(name, error);
    }
  }

  private publish(name: keyof typeof CHANNELS, watched: Watched, message: object): void {
    watched.scope.runInAsyncScope(() => CHANNELS[name].publish({ exchange: watched.view, ...message }));
  }

  private threw(name: string, error: unknown): void {
    this.options.log(
      'error',
      `the "${name}" hook threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }

  private bug(error: unknown): void {
    this.options.log(
      'error',
      `unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }

  private within<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(LATE), this.options.hookTimeoutMs);
      timer.unref();
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }
}

/** What a hook that is late rejects with: not an Error, as nobody threw it. */
const LATE = Symbol('late');

const ALL_CHANNELS = Object.values(CHANNELS);

function hasSubscribers(): boolean {
  for (let i = 0; i < ALL_CHANNELS.length; i++) if (ALL_CHANNELS[i].hasSubscribers) return true;
  return false;
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

function faultText(fault: Fault, exchange: Exchange | null, connection: ConnectionFacts): string {
  const request =
    exchange === null || exchange.request.length === 0 ? '' : `, request: "${requestLine(exchange)}"`;
  const upstream = exchange?.attempt === undefined ? '' : `, upstream: ${exchange.attempt.peer.name}`;
  return `${fault.side}: ${fault.message}, client: ${connection.remoteAddress}${request}${upstream}`;
}

function requestLine({ request }: Exchange): string {
  return request.text(0, request.startLineEnd).replace(/[^ !#-[\]-~]/g, '?');
}
