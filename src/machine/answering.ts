/**
 * Answers of wirehop's own: pages and refusals in place of a response, and what becomes of a connection on which something
 * went wrong. Where a policy wants something else to answer, {@link Deciding} carries that out.
 */
import type { Fault } from '../error.js';
import * as h from '../message/head.js';
import { hasContent, sendsSource, writeAnswer, writeAnswerHead } from './answer.js';
import { ABORT, CLOSE, DROP } from './effects.js';
import { Endings } from './endings.js';
import { REQUEST, RESPONSE, RESPONSE_IN } from './phases.js';
import type { Decision, RespondPlan } from './policy.js';
import { SourceSide } from './source-side.js';

/** See the head of this file. */
export abstract class Answering extends Endings {
  /** Does what the policy says in place of an answer with `status`; without a plan the built-in page goes out. */
  protected abstract follow(plan: Decision | undefined, status: number): void;

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
  protected respond(status: number, plan: RespondPlan | null): void {
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
}

/** Octets of answers of our own that one input lays down before it puts off further requests. */
const MOST_LAID_DOWN = 262144;
/** Request content that an answer of our own makes useless is read up to this size, then the connection is closed. */
const MAX_DROPPED_OCTETS = 1048576;
