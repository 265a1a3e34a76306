/**
 * What is done about a request: the policy is asked, at once, when its time has come, or when something was found out;
 * its plan is carried out, or another one in place of an answer (error_page, X-Accel-Redirect).
 */
import { Fault } from '../error.js';
import * as h from '../message/head.js';
import { Answering } from './answering.js';
import { Exchange } from './exchange.js';
import { REQUEST, RESPONSE, RESPONSE_IN } from './phases.js';
import type { AskPlan, Decision, ForwardPlan, RespondPlan } from './policy.js';

/** See the head of this file. */
export abstract class Deciding extends Answering {
  /** A plan that waits for its time. */
  protected delayed: { readonly plan: Decision; readonly exchange: Exchange } | null = null;
  /** Monotonic ms. */
  protected delayedUntil = Infinity;
  /** What is being found out, in the phase `plan` and while {@link exchange} is a subrequest. */
  protected asked: Asked | null = null;

  // ---- Deciding

  /** A request head is whole, or was refused. @internal */
  begin(exchange: Exchange): void {
    this.exchange = exchange;
    this.closes = false;
    this.stepResponse(RESPONSE_IN.REQUEST);
  }

  /** The request head is good: asks the policy. @internal */
  decideOn(exchange: Exchange): void {
    const plan = this.policy.plan(exchange, this.now);
    if (plan !== undefined) this.take(plan);
  }

  /** Carries a plan out, at once or when its time has come ({@link Exchange.delayMs}). */
  protected take(plan: Decision): void {
    const exchange = this.exchange!;
    if (exchange.delayMs > 0) {
      this.delayed = { plan, exchange };
      this.delayedUntil = this.now + exchange.delayMs;
      exchange.delayMs = 0;
    } else if (this.asked === null) {
      this.apply(plan);
    } else {
      this.learn(this.asked, plan);
    }
  }

  /** The time of a plan has come. Its exchange may be over by now. */
  protected takeDelayed(): void {
    const { plan, exchange } = this.delayed!;
    this.delayed = null;
    this.delayedUntil = Infinity;
    if (this.exchange === exchange && this.responsePhase === RESPONSE.PLAN) this.take(plan);
  }

  /** The request's content is whole. @internal */
  requestComplete(): void {
    this.upstream.requestSent();
    if (this.responsePhase === RESPONSE.DONE) this.settle();
  }

  private apply(plan: Decision): void {
    const exchange = this.exchange!;
    this.rules = plan.downstream;
    const { request } = exchange;
    const { maxContentOctets } = this.rules;
    if (maxContentOctets > 0 && request.contentLength > maxContentOctets) {
      // Whoever answers: nginx looks at the size as soon as the location is known.
      if (plan.kind !== 'ask') exchange.plan = plan;
      this.refuse(new Fault('CONTENT_TOO_LARGE', 'downstream', 0));
      return;
    }
    if (plan.kind === 'ask') {
      this.beginAsking(plan, 0);
      return;
    }
    exchange.plan = plan;
    if (plan.kind === 'respond') {
      this.respond(plan.status, plan);
    } else if (request.method === h.METHOD_CONNECT && !canConnect(plan)) {
      this.refuse(new Fault('CONNECT_REFUSED', 'downstream', 0));
    } else if (plan.content !== undefined) {
      this.forwardWithout(plan);
    } else if (request.body === h.BODY_CHUNKED && plan.minorVersion === 0) {
      this.refuse(new Fault('LENGTH_REQUIRED', 'downstream', 0));
    } else {
      const code = this.downstream.passContent(request, maxContentOctets);
      if (code !== null) {
        this.refuse(new Fault(code, 'downstream', 0));
        return;
      }
      this.stepResponse(RESPONSE_IN.FORWARD);
      this.upstream.begin(plan, true);
    }
  }

  /** Forwards the request without its content, which is dropped as it comes. */
  private forwardWithout(plan: ForwardPlan): void {
    const { downstream, responsePhase } = this;
    if (!downstream.isSpent) downstream.dropContent(this.exchange!.request, this.rules.maxContentOctets);
    this.stepResponse(responsePhase === RESPONSE.PLAN ? RESPONSE_IN.FORWARD : RESPONSE_IN.RETRY);
    this.upstream.begin(plan, false);
  }

  // ---- Finding out before there is a plan

  /** Begins to find something out. @param status what is answered in another way; 0: nothing is yet */
  private beginAsking(plan: AskPlan, status: number): void {
    this.stepResponse(RESPONSE_IN.WAIT);
    const contentSent = status !== 0 && this.upstream.contentSent;
    if (status !== 0) this.exchange!.forgetResponse();
    this.asked = { plan, status, contentSent };
    this.ask(plan, null);
  }

  /** The next step: at once, behind a subrequest, or when a promise is kept. */
  private ask(plan: AskPlan, answered: Exchange | null): void {
    const answer = plan.ask(this.exchange!, answered, this.now);
    if (answer instanceof Exchange) {
      this.exchange = answer;
      this.take(answer.plan!);
    } else if (answer instanceof Promise) {
      this.effects.await(answer);
    } else {
      this.take(answer);
    }
  }

  /** A decision while something is being found out: about the subrequest, or about the exchange itself. */
  private learn(asked: Asked, decision: Decision): void {
    const exchange = this.exchange!;
    if (exchange.main !== null) {
      if (decision.kind === 'forward') this.forwardSubrequest(exchange, decision, RESPONSE_IN.FORWARD);
      else if (decision.kind === 'respond') this.subrequestAnswered(decision.status);
    } else if (decision.kind === 'ask') {
      // The same location's next step, or another location's first one.
      asked.plan = decision;
      this.ask(decision, null);
    } else {
      this.asked = null;
      this.upstream.contentSent = asked.contentSent;
      if (asked.status === 0) this.apply(decision);
      else this.follow(decision, asked.status);
    }
  }

  private forwardSubrequest(subrequest: Exchange, plan: ForwardPlan, input: number): void {
    subrequest.plan = plan;
    this.stepResponse(input);
    this.upstream.begin(plan, false);
  }

  /** The subrequest under way is answered, by an upstream side or in its place. @internal */
  subrequestAnswered(status: number): void {
    const subrequest = this.exchange!;
    const { asked } = this;
    subrequest.status = status;
    if (subrequest.outcome === 'open') subrequest.outcome = 'complete';
    this.stepResponse(RESPONSE_IN.WAIT);
    this.endSubrequest(subrequest);
    // Heads are still there while the policy looks at them.
    this.ask(asked!.plan, subrequest);
  }

  /** The main exchange ends, or is refused: so does its subrequest. */
  protected override leaveSubrequest(): void {
    this.asked = null;
    const { exchange } = this;
    if (exchange === null || exchange.main === null) return;
    exchange.outcome = 'downstream-closed';
    this.endSubrequest(exchange);
  }

  /** The subrequest is over, whatever became of it. */
  private endSubrequest(subrequest: Exchange): void {
    subrequest.endedAt = this.now;
    this.policy.finished(subrequest, this.now);
    this.exchange = subrequest.main;
  }

  // ---- Answering in another way

  /**
   * A response was read whose status the plan wants to see: asks the policy. Answers whether something else takes its
   * place; then the upstream side has let go of its connection.
   */
  intercept(head: h.Head): boolean {
    const exchange = this.exchange!;
    exchange.response = head;
    const plan = this.policy.intercept?.(exchange, this.now);
    if (plan === undefined) return false;
    this.upstream.letGo();
    this.follow(plan, head.status);
    return true;
  }

  /** Does what the policy says in place of an answer with `status`; without a plan the built-in page goes out. */
  protected override follow(plan: Decision | undefined, status: number): void {
    const exchange = this.exchange!;
    if (exchange.main !== null) {
      if (plan?.kind === 'forward') {
        exchange.beginPass(plan);
        this.forwardSubrequest(exchange, plan, RESPONSE_IN.RETRY);
      } else {
        exchange.plan = plan?.kind === 'respond' ? plan : exchange.plan;
        this.subrequestAnswered(plan?.kind === 'respond' ? plan.status : status);
      }
    } else if (plan?.kind === 'ask') this.beginAsking(plan, status);
    else if (plan?.kind === 'forward' && this.canForward(plan)) this.forwardAgain(plan);
    else if (plan?.kind === 'respond') this.standIn(plan);
    else this.respond(status, null);
  }

  private standIn(plan: RespondPlan): void {
    this.exchange!.plan = plan;
    this.respond(plan.status, plan);
  }

  /** Whether the request can be sent by another plan: all of it is still here, or its content is of no interest. */
  private canForward(plan: ForwardPlan): boolean {
    const { downstream, upstream } = this;
    const { request } = this.exchange!;
    if (request.method === h.METHOD_CONNECT && !canConnect(plan)) return false;
    if (plan.content !== undefined || (plan.method ?? null) !== null || request.body === h.BODY_NONE)
      return true;
    return !upstream.contentSent && downstream.phase !== REQUEST.DISCARD;
  }

  /** Forwards the request once more, by another plan (error_page, X-Accel-Redirect). */
  private forwardAgain(plan: ForwardPlan): void {
    const { downstream, upstream, responsePhase } = this;
    const exchange = this.exchange!;
    const isHere = !upstream.contentSent && downstream.phase !== REQUEST.DISCARD;
    exchange.beginPass(plan);
    this.rules = plan.downstream;
    if (!isHere || plan.content !== undefined) {
      this.forwardWithout(plan);
    } else {
      this.stepResponse(responsePhase === RESPONSE.PLAN ? RESPONSE_IN.FORWARD : RESPONSE_IN.RETRY);
      upstream.begin(plan, true);
    }
  }
}

/** Whether CONNECT may go by the plan: into a tunnel, or as another method. As itself it means nothing to an origin. */
function canConnect({ opensTunnel, method }: ForwardPlan): boolean {
  return opensTunnel === true || (method ?? null) !== null;
}

/** What is being found out about an exchange. */
interface Asked {
  plan: AskPlan;
  /** What is answered in another way (error_page); 0: nothing is yet. */
  readonly status: number;
  /** Of the exchange: a subrequest has the upstream side in the meantime. */
  readonly contentSent: boolean;
}
