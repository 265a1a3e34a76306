/**
 * One downstream connection, sans I/O: octets, ends, connects, errors and the time go in; effects, two reading flags
 * and a deadline come out. Decides when a request is read, what is answered, and when the connection goes on, becomes
 * a tunnel or ends. Leaves the upstream half of each exchange to {@link UpstreamSide}.
 *
 * Contract: after every input drain `effects`, then align reading with `readsDownstream` and `readsUpstream`, and look
 * at the connection again through `expire` no later than `deadline`. No input may be given while another runs.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import { type ErrorCode, Fault } from '../error.js';
import * as h from '../message/head.js';
import { hasContent, sendsSource, writeAnswer, writeAnswerHead } from './answer.js';
import { DownstreamSide } from './downstream-side.js';
import { ABORT, CLOSE, DOWNSTREAM, DROP, Effects, END, type SideIndex, UPSTREAM } from './effects.js';
import { type Attempt, Exchange, type Outcome } from './exchange.js';
import {
  ABSENT,
  REQUEST,
  REQUEST_IN,
  RESPONSE,
  RESPONSE_CELLS,
  RESPONSE_IN,
  RESPONSE_INPUTS,
} from './phases.js';
import type {
  AskPlan,
  ConnectionFacts,
  Decision,
  DownstreamRules,
  ForwardPlan,
  Policy,
  RespondPlan,
  Review,
} from './policy.js';
import { SourceSide } from './source-side.js';
import { Pace } from './pace.js';
import { UpstreamSide } from './upstream-side.js';

/** What a {@link Connection} is made of. */
export interface ConnectionOptions {
  /** Decides about every request of the connection. */
  readonly policy: Policy;
  /** What is known of the connection. */
  readonly facts: ConnectionFacts;
  /** Shared with other machines of the same driver if all are drained between inputs; else one of its own. */
  readonly effects?: Effects;
  /** As `effects`. */
  readonly out?: OctetWriter;
  /** Chunks given to `receive` are not used again by their owner, so octets that must wait need no copy. */
  readonly ownsChunks?: boolean;
}

/**
 * One downstream connection with its exchanges and its upstream side. After every input drain {@link effects}, then
 * bring reading into line with {@link readsDownstream} and {@link readsUpstream}, and call {@link expire} no later
 * than {@link deadline}. No input may be given while another runs, and none throws.
 */
export class Connection {
  /** What is to be done, in order. */
  readonly effects: Effects;
  /** Where heads are laid down. */
  readonly out: OctetWriter;
  /** Decides about every request of the connection. */
  readonly policy: Policy;
  /** What is known of the connection. */
  readonly facts: ConnectionFacts;

  /** Octets of the downstream side are wanted. Valid after each input, as all outputs. */
  readsDownstream = true;
  /** As {@link readsDownstream}, for the upstream side. */
  readsUpstream = false;
  /** Monotonic ms at which `expire` must be called, or Infinity. It may come earlier than needed, never later. */
  deadline: number;
  /** Nothing more will come out of this connection. */
  isOver = false;

  /** The exchange under way, or null. */
  exchange: Exchange | null = null;
  /** An index into RESPONSE_PHASES: what the downstream side is owed. Read only outside. */
  responsePhase: number = RESPONSE.IDLE;

  /** @internal */
  readonly downstream: DownstreamSide;
  /** @internal */
  readonly upstream: UpstreamSide;
  /** What stands in for the upstream side while an answer of our own is read from a source. @internal */
  source: SourceSide | null = null;
  /** The rules in force: those of the last exchange's location, at first the listener's. @internal */
  rules: DownstreamRules;
  /** The connection is closed behind the response under way. @internal */
  closes = false;
  /** A plan that waits for its time. */
  private delayed: { readonly plan: Decision; readonly exchange: Exchange } | null = null;
  /** Monotonic ms. */
  private delayedUntil = Infinity;
  /** The response goes at a rate. null: as fast as can be. */
  private pace: Pace | null = null;
  /** What is being found out, in the phase `plan` and while {@link exchange} is a subrequest. */
  private asked: Asked | null = null;
  /** Now, as the running input has it. Monotonic ms. @internal */
  now: number;

  /** No further request is wanted. Read only outside. */
  drains = false;
  /** The share of {@link drain}, for tunnels; -1: they go on. Read only outside. */
  leavesAt = -1;
  /** Octets of answers of our own that the running input has laid down. */
  private laidDown = 0;
  private putsOff = false;
  /** The request, or its dropped content, took too long: nothing more is waited for. */
  private isTimedOut = false;

  /** A connection that has just been accepted: it waits for a request. */
  constructor(options: ConnectionOptions) {
    this.policy = options.policy;
    this.facts = options.facts;
    this.effects = options.effects ?? new Effects();
    this.out = options.out ?? new OctetWriter();
    this.rules = options.policy.defaults;
    this.now = options.facts.openedAt;
    this.downstream = new DownstreamSide(this, options.ownsChunks ?? false);
    this.upstream = new UpstreamSide(this);
    this.deadline = this.now + options.policy.reading.headTimeoutMs;
  }

  // ---- Inputs

  /** chunk[start, end) was received. The chunk is borrowed until the effects are drained, unless `ownsChunks`. */
  receive(side: SideIndex, chunk: Buffer, start: number, end: number, now: number): void {
    this.now = now;
    if (side === UPSTREAM) {
      const wasTunnel = this.responsePhase === RESPONSE.TUNNEL;
      if (this.source === null) this.upstream.receive(chunk, start, end);
      else this.source.receive(chunk, start, end);
      if (!wasTunnel) this.goOn();
      return;
    }
    if (this.downstream.phase === REQUEST.TUNNEL) {
      this.upstream.sendTunnel(chunk, start, end);
      return;
    }
    this.downstream.receive(chunk, start, end);
    this.goOn();
  }

  /** The side will send no more. */
  ended(side: SideIndex, now: number): void {
    this.now = now;
    this.noteEnd(side);
    if (side === UPSTREAM) this.upstreamEnded();
    else this.downstream.sawEof = true;
    this.goOn();
  }

  /**
   * The side's connection is gone.
   * @param detail a system error code such as `ECONNRESET`
   */
  failed(side: SideIndex, detail: string, now: number): void {
    this.now = now;
    this.noteEnd(side);
    if (side === UPSTREAM) this.upstreamFailed(detail);
    else this.downstreamFailed(detail);
    this.goOn();
  }

  private upstreamEnded(): void {
    if (this.source === null) this.upstream.ended();
    else this.source.failed('');
  }

  private upstreamFailed(detail: string): void {
    if (this.source === null) this.upstream.failed(detail);
    else this.source.failed(detail);
  }

  /** The upstream connection asked for by CONNECT is there; `reused`: it has carried requests before. */
  connected(reused: boolean, now: number): void {
    this.now = now;
    this.upstream.connected(reused);
    this.goOn();
  }

  /**
   * The upstream connection asked for by CONNECT could not be made.
   * @param code what failed: the connection itself, or TLS on it
   */
  connectFailed(detail: string, now: number, code: ErrorCode = 'UPSTREAM_CONNECT'): void {
    this.now = now;
    this.upstream.connectFailed(detail, code);
    this.goOn();
  }

  /**
   * The search for peers that FIND asked to wait for is over. Ignored when nobody waits for it any more.
   * @param fault why there are none, or null
   */
  found(finding: Promise<Fault | null>, fault: Fault | null, now: number): void {
    if (this.upstream.finding !== finding) return;
    this.now = now;
    this.upstream.found(fault);
    this.goOn();
  }

  /** Written octets wait in the transport: reading from the other side stops until {@link drained}. */
  blocked(side: SideIndex, now: number): void {
    this.now = now;
    if (side === UPSTREAM) this.upstream.block();
    else this.downstream.block();
    this.sync();
  }

  /** Of what is written to a blocked side some has been taken: its time begins anew. */
  progressed(side: SideIndex, now: number): void {
    this.now = now;
    if (side === UPSTREAM) this.upstream.blockedSince = now;
    else this.downstream.blockedSince = now;
    this.sync();
  }

  /** Everything written to the side has been taken. */
  drained(side: SideIndex, now: number): void {
    this.now = now;
    if (side === UPSTREAM) this.upstream.unblock();
    else this.downstream.unblock();
    this.goOn();
  }

  /** The policy's decision, when `Policy.plan` could not give it at once. Ignored when the exchange is gone. */
  decide(exchange: Exchange, plan: Decision, now: number): void {
    if (this.exchange !== exchange || this.responsePhase !== RESPONSE.PLAN) return;
    this.now = now;
    this.take(plan);
    this.goOn();
  }

  /**
   * The policy's verdict on the response head of `attempt`, when `Policy.review` could not give it at once. Ignored when
   * that attempt is over.
   */
  reviewed(attempt: Attempt, review: Review, now: number): void {
    if (this.responsePhase !== RESPONSE.REVIEW || this.exchange!.attempt !== attempt) return;
    this.now = now;
    this.upstream.reviewed(review);
    this.goOn();
  }

  /** An index into REQUEST_PHASES: what the downstream side may do. */
  get requestPhase(): number {
    return this.downstream.phase;
  }

  /** Monotonic ms since when nothing is under way, no request begun and no octet waiting; Infinity while something is. */
  get idleSince(): number {
    const { phaseSince, isBlocked } = this.downstream;
    return this.isIdle && !isBlocked ? phaseSince + (this.rules.keepaliveMinTimeoutMs ?? 0) : Infinity;
  }

  private get isIdle(): boolean {
    const { phase, holds } = this.downstream;
    return phase === REQUEST.IDLE && this.responsePhase === RESPONSE.IDLE && !holds;
  }

  /**
   * No further request is wanted: a connection that waits for one closes, as soon as none can be on its way; another one
   * behind its answer.
   * @param share from 0 to 1: tunnels end too, by {@link ForwardPlan.farewell}, and this one so far into the spread. By
   *   default they go on
   */
  drain(now: number, share = -1): void {
    this.now = now;
    this.drains = true;
    if (share >= 0) {
      this.leavesAt = share;
      this.upstream.takeLeave();
    }
    if (this.isIdle && this.downstream.deadline() <= now) this.close(CLOSE);
    this.sync();
  }

  /** Closes an idle connection now: its place is needed. Otherwise as {@link drain}. */
  shed(now: number): void {
    this.now = now;
    this.drains = true;
    if (this.isIdle) this.close(CLOSE);
    this.sync();
  }

  /** Ends the connection now, whatever is under way. */
  abort(now: number): void {
    this.now = now;
    this.endAll('downstream-closed', null, ABORT);
    this.sync();
  }

  /** Acts on every deadline that has passed. Calling it early does no harm. */
  expire(now: number): void {
    this.now = now;
    if (this.isOver) return;
    if (this.delayedUntil <= now) this.takeDelayed();
    else if (this.downstream.deadline() <= now) this.downstream.expire();
    else this.upstream.expire();
    this.goOn();
  }

  /** Every input ends here: octets that had to wait are tried again, and the outputs brought up to date. */
  private goOn(): void {
    this.downstream.goOn();
    // A response that is whole with its last part makes way for the next request.
    while (this.pace !== null && this.keepPace()) this.downstream.goOn();
    this.sync();
  }

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
  private take(plan: Decision): void {
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
  private takeDelayed(): void {
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
  private follow(plan: Decision | undefined, status: number): void {
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

  /** Whether the connection must close behind the response whose head is being written. @internal */
  mustClose(): boolean {
    const { rules } = this;
    const exchange = this.exchange!;
    return (
      !exchange.request.keepsAlive ||
      this.drains ||
      rules.keepaliveTimeoutMs === 0 ||
      this.downstream.requests >= rules.keepaliveRequests ||
      this.now - this.facts.openedAt >= rules.keepaliveTimeMs
    );
  }

  /**
   * Answers with a fault's status if nothing has been sent yet, else ends the connection. Octets that still come from
   * downstream are dropped.
   * @internal
   */
  refuse(fault: Fault): void {
    this.upstream.drop();
    this.leaveSubrequest();
    const exchange = this.exchange!;
    if (this.responsePhase === RESPONSE.BODY || this.responsePhase === RESPONSE.TUNNEL) {
      this.endAll('refused', fault, ABORT);
      return;
    }
    this.report(fault);
    exchange.outcome = 'refused';
    if (this.responsePhase === RESPONSE.DONE) {
      // The answer was our own and went out early; the content behind it is what is wrong.
      this.downstream.discard();
      this.closes = true;
      this.settle();
      return;
    }
    this.closes = true;
    this.downstream.discard();
    const plan = this.policy.failed(exchange, fault.status, fault);
    // Nothing of a request that broke the grammar goes anywhere.
    const isSound = fault.code === 'CONTENT_TOO_LARGE' || fault.code === 'LENGTH_REQUIRED';
    this.follow(plan?.kind === 'respond' || isSound ? plan : undefined, fault.status);
  }

  /**
   * The downstream side took too long with its request. It is answered if that can still be, and then not waited for: a
   * peer that drips would be held for lingering_time on top.
   * @internal
   */
  timeOut(fault: Fault): void {
    const exchange = this.exchange!;
    if (this.rules.resetsTimedOut === true) {
      if (exchange.status === 0) exchange.status = fault.status;
      this.endAll('refused', fault, ABORT);
      return;
    }
    this.isTimedOut = true;
    this.refuse(fault);
  }

  /** The downstream side took nothing in time: closes without what is not written. @internal */
  cutOff(fault: Fault): void {
    const exchange = this.exchange;
    // Without a length or chunks only a reset tells that something is missing.
    const showsEnd =
      exchange === null ||
      (this.responsePhase !== RESPONSE.TUNNEL &&
        (exchange.request.minorVersion === 1 || exchange.response.body === h.BODY_LENGTH));
    const closes = showsEnd && this.rules.resetsTimedOut !== true;
    this.endAll('downstream-closed', fault, closes ? DROP : ABORT);
  }

  /** Answers in place of the upstream side, whose response is given up. @internal */
  answerInstead(plan: RespondPlan): void {
    this.upstream.drop();
    this.rules = plan.downstream;
    this.respond(plan.status, plan);
  }

  /**
   * The upstream side failed before its response began: answers with the fault's status.
   * @param isReported the fault is in the log already
   * @internal
   */
  failUpstream(fault: Fault, isReported = false): void {
    const exchange = this.exchange!;
    if (!isReported) this.report(fault);
    exchange.outcome = 'upstream-failed';
    this.follow(this.policy.failed(exchange, fault.status, fault), fault.status);
  }

  /**
   * Whether one input has laid down so many answers that further requests must wait: whether the transport takes what
   * is written shows only when they are drained, and a read full of requests could be owed a thousand times its size.
   * @internal
   */
  get hasAnsweredEnough(): boolean {
    if (this.laidDown < MOST_LAID_DOWN) return false;
    this.putsOff = true;
    return true;
  }

  /** Writes an answer of our own, whole or its source by and by. `plan` null: the built-in page. */
  private respond(status: number, plan: RespondPlan | null): void {
    const exchange = this.exchange!;
    const source = plan?.source === undefined ? null : plan.source(exchange);
    const isRead = source !== null && sendsSource(exchange, status, source);
    this.stepResponse(isRead ? RESPONSE_IN.SOURCE : RESPONSE_IN.LOCAL);
    if (status === 444) {
      exchange.status = status;
      this.endAll('refused', null, this.rules.resetsTimedOut === true ? ABORT : CLOSE);
      return;
    }
    const { request } = exchange;
    if (!this.downstream.isWhole && this.downstream.phase !== REQUEST.DISCARD) {
      // The rest of the content is read and dropped; a client that waits for 100 Continue will not send it.
      this.downstream.dropContent(request);
      if (request.expectsContinue || request.contentLength > MAX_DROPPED_OCTETS) this.closes = true;
    }
    if (this.mustClose()) this.closes = true;
    exchange.status = status;
    if (this.rules.rate !== undefined) this.beginPace(-1);
    if (isRead) {
      this.source = new SourceSide(this, plan!, status, source);
      return;
    }
    const { keepAliveLines } = this.rules;
    if (source !== null) {
      // To HEAD, or to a condition that failed: the head alone says what there is.
      const length = hasContent(status) ? source.octets : -1;
      writeAnswerHead(this.out, exchange, status, plan!.edits, length, this.closes, keepAliveLines);
    } else {
      writeAnswer(this.out, exchange, status, plan, this.policy, this.closes, keepAliveLines);
    }
    if (exchange.outcome === 'open') exchange.outcome = 'complete';
    this.laidDown += this.out.position - this.out.start;
    this.writeOut();
    this.settle();
  }

  // ---- Writing downstream

  /** Sends the span laid down in `out` downstream. @internal */
  writeOut(): void {
    const { out } = this;
    if (this.pace !== null) {
      this.pace.hold(out.octets, out.start, out.position);
      return;
    }
    this.exchange!.octetsSent += out.position - out.start;
    this.effects.write(DOWNSTREAM, out.octets, out.start, out.position);
  }

  /** Sends octets downstream, behind a head in the same write where they are few. @internal */
  send(octets: Buffer, start: number, end: number): void {
    if (this.pace !== null) {
      this.pace.hold(octets, start, end);
      return;
    }
    this.exchange!.octetsSent += end - start;
    this.effects.join(DOWNSTREAM, this.out, octets, start, end);
  }

  // ---- At a rate

  /** The final response is about to go downstream. @param asked octets a second that it asks for itself; -1: none @internal */
  beginPace(asked: number): void {
    const exchange = this.exchange!;
    const { rate } = this.rules;
    const perSecond = asked >= 0 ? asked : (rate?.perSecond(exchange) ?? 0);
    if (perSecond > 0) this.pace = new Pace(perSecond, rate?.octetsAfter(exchange) ?? 0, exchange.startedAt);
  }

  /** Octets of the response wait for their turn: nothing more of it is read. @internal */
  get holdsBack(): boolean {
    return this.pace !== null && this.pace.holds;
  }

  /** Monotonic ms; what a blocked side does not take cannot be due. */
  private get nextPartAt(): number {
    return this.holdsBack && !this.downstream.isBlocked ? this.pace!.nextAt : Infinity;
  }

  /** Sends what may go by now. Answers whether the exchange ended with it. */
  private keepPace(): boolean {
    const pace = this.pace!;
    const exchange = this.exchange!;
    const part = this.downstream.isBlocked ? null : pace.take(this.now);
    if (part === null) return false;
    exchange.octetsSent += part.length;
    this.effects.write(DOWNSTREAM, part, 0, part.length);
    if (pace.holds) return false;
    this.upstream.resume();
    if (this.responsePhase === RESPONSE.DONE) this.settle();
    return this.exchange !== exchange;
  }

  // ---- Ending exchanges and connections

  /** The response is whole. Goes on, waits for the rest of the request, or closes. @internal */
  settle(): void {
    // What is held back goes first; then settle is called again.
    if (this.holdsBack) return;
    const { downstream } = this;
    const { isWhole } = downstream;
    if (!this.closes) {
      // Content that is still to come is dropped; then settle is called again.
      if (!isWhole) return;
      this.finish();
      downstream.next();
      this.stepResponse(RESPONSE_IN.NEXT);
      if (downstream.phase === REQUEST.CLOSED) this.close(CLOSE);
      return;
    }
    this.finish();
    this.stepResponse(RESPONSE_IN.CLOSE);
    if (downstream.phase === REQUEST.CLOSED || !this.lingers(isWhole && !downstream.holds)) {
      this.close(CLOSE);
      return;
    }
    // The peer is still sending: closing now would reset the connection before it has read the answer.
    downstream.discard();
    this.effects.add(END, DOWNSTREAM);
  }

  /** Whether what still comes is waited for (lingering_close). @param isQuiet nothing is known to be on its way */
  private lingers(isQuiet: boolean): boolean {
    const { lingering } = this.rules;
    if (this.isTimedOut || lingering === 'off') return false;
    return !isQuiet || lingering === 'always';
  }

  /** Hands the exchange to the policy, and gives back what it held. */
  private finish(): void {
    const { exchange } = this;
    if (exchange === null) return;
    this.exchange = null;
    this.pace = null;
    exchange.endedAt = this.now;
    this.policy.finished(exchange, this.now);
    this.upstream.reset();
    this.downstream.release();
  }

  /** Ends everything: the exchange, the upstream side, the connection. @internal */
  endAll(outcome: Outcome, fault: Fault | null, how: typeof CLOSE | typeof ABORT | typeof DROP): void {
    this.leaveSubrequest();
    const { exchange } = this;
    if (fault !== null) this.report(fault);
    if (exchange !== null) {
      if (exchange.outcome === 'open') exchange.outcome = outcome;
      exchange.fault ??= fault;
      if (exchange.tunnelled) exchange.tunnelEndedBy ??= 'internal';
      if (exchange.status === 0 && outcome === 'downstream-closed') exchange.status = 499;
    }
    this.upstream.drop();
    this.source?.drop();
    this.finish();
    this.close(how);
  }

  /** The main exchange ends, or is refused: so does its subrequest. */
  private leaveSubrequest(): void {
    this.asked = null;
    const { exchange } = this;
    if (exchange === null || exchange.main === null) return;
    exchange.outcome = 'downstream-closed';
    this.endSubrequest(exchange);
  }

  /** Closes the downstream connection. @internal */
  close(how: typeof CLOSE | typeof ABORT | typeof DROP): void {
    if (this.isOver) return;
    this.isOver = true;
    this.effects.add(how, DOWNSTREAM);
    this.downstream.release();
    this.downstream.dropHeld();
    this.downstream.step(REQUEST_IN.CLOSE);
    if (this.responsePhase !== RESPONSE.CLOSED) this.stepResponse(RESPONSE_IN.CLOSE);
  }

  private noteEnd(side: SideIndex): void {
    if (this.responsePhase !== RESPONSE.TUNNEL) return;
    this.exchange!.tunnelEndedBy ??= side === UPSTREAM ? 'upstream' : 'downstream';
  }

  private downstreamFailed(detail: string): void {
    if (this.isOver) return;
    const isIdle = this.exchange === null;
    this.endAll(
      'downstream-closed',
      isIdle ? null : new Fault('DOWNSTREAM_CLOSED', 'downstream', -1, detail),
      ABORT,
    );
  }

  /** The upstream side switched protocols: from here on octets only pass. Those that waited go first. @internal */
  beginTunnel(): void {
    const { downstream } = this;
    this.policy.switched?.(this.exchange!, this.now);
    downstream.step(REQUEST_IN.SWITCH);
    downstream.travelLight();
    const held = downstream.takeHeld();
    if (held !== null) this.upstream.sendTunnel(held, 0, held.length);
    if (downstream.phase === REQUEST.CLOSED) this.upstream.endTunnel();
  }

  /** Writes a fault to the error log, through the policy. @internal */
  report(fault: Fault): void {
    if (this.exchange !== null) this.exchange.fault ??= fault;
    this.policy.fault(fault, this.exchange, this.facts);
  }

  /** Brings the outputs up to date. */
  private sync(): void {
    if (this.isOver) {
      this.readsDownstream = this.readsUpstream = false;
      this.deadline = Infinity;
      return;
    }
    this.readsDownstream = this.downstream.isRead();
    const takesMore = !this.downstream.isBlocked && !this.holdsBack;
    this.readsUpstream = (this.source !== null || this.upstream.isReadable) && takesMore;
    // Requests that were put off are looked at again soon, unless the transport says that they must wait.
    this.deadline = this.putsOff
      ? this.now
      : Math.min(this.downstream.deadline(), this.upstream.deadline(), this.delayedUntil, this.nextPartAt);
    this.putsOff = false;
    this.laidDown = 0;
  }

  // ---- Transitions

  /** @internal */
  stepResponse(input: number): void {
    const next = RESPONSE_CELLS[this.responsePhase * RESPONSE_INPUTS.length + input];
    if (next === ABSENT) this.unexpected();
    else this.responsePhase = next;
  }

  /** wirehop is wrong about this connection: end it alone, and say so. @internal */
  unexpected(): void {
    const phases = `request phase ${this.downstream.phase}, response phase ${this.responsePhase}`;
    this.policy.fault(new Fault('UNEXPECTED_INPUT', 'internal', -1, phases), this.exchange, this.facts);
    if (this.isOver) return;
    this.upstream.drop();
    this.source?.drop();
    this.isOver = true;
    this.effects.add(ABORT, DOWNSTREAM);
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

/** Octets of answers of our own that one input lays down before it puts off further requests. */
const MOST_LAID_DOWN = 262144;
/** Request content that an answer of our own makes useless is read up to this size, then the connection is closed. */
const MAX_DROPPED_OCTETS = 1048576;
