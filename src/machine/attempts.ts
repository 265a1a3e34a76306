/**
 * The tries of an exchange to reach a peer: which one is asked, when another is asked after it has failed, and what
 * becomes of its connection. Holds the state of the upstream side. What is sent and what comes back is decided above it,
 * in {@link RequestRelay}, {@link ResponseRelay} and {@link UpstreamSide}: one object per connection, so that none of them
 * costs memory of its own.
 */
import { type ErrorCode, Fault } from '../error.js';
import * as h from '../message/head.js';
import { type ContentReader, NO_CONTENT } from '../wire/http1/content-reader.js';
import { type HeadReader, releaseReader } from '../wire/http1/head-reader.js';
import type { Connection } from './connection.js';
import { ABORT, CLOSE, RELEASE, UPSTREAM } from './effects.js';
import { Attempt } from './exchange.js';
import type { Farewell } from './farewell.js';
import type { ReadPace } from './pace.js';
import { RESPONSE, RESPONSE_IN } from './phases.js';
import { type ForwardPlan, NEXT_ERROR, NEXT_NON_IDEMPOTENT, type Peer } from './policy.js';

/** How content leaves: as the reader gives it, or wrapped into chunks of our own. */
export const AS_READ = 0;
export const WRAPPED = 1;

export abstract class Attempts {
  /** The upstream side has not taken all that was written. */
  isBlocked = false;
  /** Monotonic ms. */
  lastOctetAt = 0;
  blockedSince = 0;
  /** Octets of content were sent upstream and are gone: the request cannot be sent again. Read only outside. */
  contentSent = false;
  /** The search for peers that is waited for: there is a plan, and no attempt. Read only outside. */
  finding: Promise<Fault | null> | null = null;
  protected plan: ForwardPlan | null = null;
  protected attempt: Attempt | null = null;
  /** An upstream connection belongs to this exchange. */
  protected isOpen = false;
  protected sawEof = false;
  /** Nothing that was sent forbids using the connection again. */
  protected isReusable = false;
  /** The request's content goes upstream: it is not replaced, and not dropped. */
  protected sendsContent = true;
  /** The request that was sent asks for a head alone. */
  protected asksHead = false;
  /** Something of an answer, even an interim one, went downstream. */
  protected answered = false;
  protected reader: HeadReader | null = null;
  protected content: ContentReader = NO_CONTENT;
  protected framing = AS_READ;
  /** The response that is turned away was read whole: its connection is clean. */
  protected isDrained = false;
  protected since = 0;
  /** Content is read at a rate. null: as fast as can be. */
  protected readPace: ReadPace | null = null;
  /** How the tunnel ends when the proxy drains; null: it does not. */
  protected farewell: Farewell | null = null;
  /** What came behind a response head that the policy still looks at. */
  protected held: Buffer = NOTHING;

  constructor(protected readonly connection: Connection) {}

  // ---- Choosing

  /** @param sendsContent the request's content is passed on as it comes */
  begin(plan: ForwardPlan, sendsContent: boolean): void {
    this.contentSent = false;
    this.sendsContent = sendsContent;
    this.answered = false;
    this.dropReader();
    if (!this.dial(plan)) this.find(plan);
  }

  /** No peer is known: has them looked for, if they can be. */
  private find(plan: ForwardPlan): void {
    const { connection } = this;
    const finding = plan.peers.find?.(connection.exchange!) ?? null;
    if (finding === null) {
      connection.failUpstream(new Fault('NO_PEER', 'upstream'));
      return;
    }
    this.plan = plan;
    this.finding = finding;
    connection.effects.find(finding);
  }

  /** The search for peers is over. @param fault why there are none; null: there are, or may be */
  found(fault: Fault | null): void {
    const plan = this.plan!;
    this.finding = null;
    this.plan = null;
    if (fault !== null || !this.dial(plan)) {
      this.connection.failUpstream(fault ?? new Fault('NO_PEER', 'upstream'));
    }
  }

  /** Asks for a connection to the next peer; answers false when none is left. */
  private dial(plan: ForwardPlan): boolean {
    const { connection } = this;
    const exchange = connection.exchange!;
    const peer = plan.peers.next(exchange, connection.now);
    if (peer === undefined) return false;
    this.turnTo(plan, peer);
    return true;
  }

  private turnTo(plan: ForwardPlan, peer: Peer): void {
    const { connection } = this;
    const exchange = connection.exchange!;
    this.plan = plan;
    this.attempt = new Attempt(peer, connection.now);
    exchange.addAttempt(this.attempt);
    connection.policy.attempted?.(exchange, connection.now);
    this.connect(false);
  }

  private connect(fresh: boolean): void {
    this.isOpen = false;
    this.sawEof = false;
    this.isBlocked = false;
    this.isReusable = true;
    this.since = this.lastOctetAt = this.connection.now;
    const { connection, plan } = this;
    const { request, main } = connection.exchange!;
    const isFresh = fresh || (request.method === h.METHOD_CONNECT && main === null);
    connection.effects.connect(this.attempt!.peer, plan!.dial ?? null, isFresh);
  }

  connectFailed(detail: string, code: ErrorCode): void {
    if (this.connection.responsePhase !== RESPONSE.DIAL) return;
    this.giveUp(code, detail, NEXT_ERROR);
  }

  // ---- Trying again

  /**
   * This attempt has failed in front of its response head: tries again where that is allowed, else answers.
   * @param condition the NEXT_* bit that must be set in the plan to go on with another peer
   */
  protected giveUp(code: ErrorCode, detail: string, condition: number, offset = -1): void {
    const { connection } = this;
    const plan = this.plan!;
    const attempt = this.attempt!;
    const fault = new Fault(code, 'upstream', offset, detail);
    const wasOpen = this.isOpen;
    // A kept connection that the peer closed while our request was on its way (RFC 9112 9.3.1): nobody's failure.
    const isStale =
      wasOpen &&
      attempt.reused &&
      condition === NEXT_ERROR &&
      attempt.octetsReceived === 0 &&
      this.mayRepeat(plan, true);
    if (isStale) {
      connection.effects.add(ABORT, UPSTREAM);
      this.dropReader();
      attempt.reused = false;
      connection.stepResponse(RESPONSE_IN.RETRY);
      this.connect(true);
      return;
    }
    attempt.status = fault.status;
    connection.exchange!.forgetResponse();
    const goesOn =
      (plan.nextOn & condition) !== 0 && this.mayTryAnother(plan) && this.mayRepeat(plan, wasOpen);
    // In front of the next peer: the log names the one that failed.
    if (goesOn) connection.report(fault);
    this.end(ABORT, true);
    if (goesOn && this.dial(plan)) connection.stepResponse(RESPONSE_IN.RETRY);
    else connection.failUpstream(fault, goesOn);
  }

  /** Sends the request to another peer for the sake of the response's status, if it may be and there is one. */
  protected asksNext(plan: ForwardPlan, status: number): boolean {
    const { connection } = this;
    const exchange = connection.exchange!;
    if (!this.mayTryAnother(plan) || !this.mayRepeat(plan, true)) return false;
    const peer = plan.peers.next(exchange, connection.now);
    if (peer === undefined) return false;
    // By nginx's rules these two statuses say nothing about the peer.
    this.end(this.isDrained ? RELEASE : ABORT, status !== 403 && status !== 404);
    this.dropReader();
    connection.stepResponse(RESPONSE_IN.RETRY);
    this.turnTo(plan, peer);
    return true;
  }

  /** Whether number and time of the tries so far allow for another one. */
  private mayTryAnother(plan: ForwardPlan): boolean {
    const { now, exchange } = this.connection;
    const { attempts, passStart, startedAt } = exchange!;
    const isTimeoutOver = plan.nextTimeoutMs > 0 && now - startedAt >= plan.nextTimeoutMs;
    return !isTimeoutOver && (plan.nextTries === 0 || attempts.length - passStart < plan.nextTries);
  }

  /** Whether the request may be sent once more: all of it is still here, and sending it twice does no harm. */
  private mayRepeat(plan: ForwardPlan, wasSent: boolean): boolean {
    if (this.contentSent || this.answered) return false;
    if (!wasSent) return true;
    const { request, main } = this.connection.exchange!;
    // A subrequest is a GET, whatever the request is.
    return main !== null || request.method !== h.METHOD_OTHER || (plan.nextOn & NEXT_NON_IDEMPOTENT) !== 0;
  }

  // ---- Endings

  /** Something else takes the place of the response whose head was read. */
  letGo(): void {
    this.end(this.isDrained ? RELEASE : ABORT, false);
  }

  /** The exchange is given up: so is the connection. In a tunnel what was sent is flushed first. */
  drop(): void {
    const isTunnel = this.connection.responsePhase === RESPONSE.TUNNEL;
    this.end(isTunnel ? CLOSE : ABORT, false);
  }

  /** Lets go of the upstream connection, if there is one, and of the peer. */
  protected end(how: typeof RELEASE | typeof CLOSE | typeof ABORT, isFailed: boolean): void {
    const { connection, attempt } = this;
    if (attempt !== null) {
      attempt.endedAt = connection.now;
      attempt.contentOctets = this.content.contentOctets;
      this.plan!.peers.release(attempt.peer, isFailed, connection.now);
      connection.effects.add(how, UPSTREAM);
    }
    this.attempt = null;
    this.isOpen = false;
    this.isBlocked = false;
    this.finding = null;
    this.content.release();
    this.plan = null;
    this.held = NOTHING;
    this.readPace = null;
    if (isFailed) this.dropReader();
  }

  /** Forgets the exchange: its heads are no longer used. */
  reset(): void {
    this.plan = null;
    this.farewell = null;
    this.dropReader();
  }

  /**
   * A tunnel begins, which may last: what only heads and content need is given back. The response head stays where the
   * policy has not forgotten it.
   */
  protected travelLight(): void {
    const { reader } = this;
    if (reader !== null && this.connection.exchange!.response === reader.head) reader.leaveHead();
    this.dropReader();
    this.content = NO_CONTENT;
  }

  private dropReader(): void {
    if (this.reader !== null) releaseReader(this.reader);
    this.reader = null;
  }
}

export const NOTHING = Buffer.alloc(0);
