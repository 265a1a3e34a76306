/**
 * The upstream half of an exchange: which peer is tried, what is sent to it, and how its response comes back. Decides
 * about retries, about the framing that the response leaves with, and whether the upstream connection may be used
 * again. Part of {@link Connection}, which owns it.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import { Fault, type ErrorCode } from '../error.js';
import { FieldEdits } from '../message/field-edits.js';
import { EXPECT, UPGRADE, X_ACCEL_REDIRECT } from '../message/field-names.js';
import * as h from '../message/head.js';
import type { Head } from '../message/head.js';
import { namesProtocol, sharesProtocol } from '../message/protocols.js';
import {
  CONTENT_END,
  CONTENT_MORE,
  CONTENT_REFUSED,
  CONTENT_SPAN,
  ContentReader,
} from '../wire/http1/content-reader.js';
import {
  acquireReader,
  HEAD_COMPLETE,
  HEAD_MORE,
  type HeadReader,
  releaseReader,
} from '../wire/http1/head-reader.js';
import {
  CONTINUE_RESPONSE,
  type OwnParts,
  WROTE_CLOSE,
  WROTE_HEAD_METHOD,
  WROTE_OFFER,
  writeInterimHead,
  writeRequestHead,
  writeResponseHead,
} from '../wire/http1/head-writer.js';
import { TYPE_RESPONSE } from '../wire/http1/llhttp.js';
import type { Connection } from './connection.js';
import { ABORT, CLOSE, DOWNSTREAM, END, RELEASE, UPSTREAM } from './effects.js';
import { Attempt, type Exchange } from './exchange.js';
import { Farewell } from './farewell.js';
import { REQUEST, RESPONSE, RESPONSE_IN } from './phases.js';
import {
  type ForwardPlan,
  NEXT_ERROR,
  NEXT_INVALID_HEADER,
  NEXT_NON_IDEMPOTENT,
  NEXT_TIMEOUT,
  type Peer,
  type Review,
} from './policy.js';

/** How content leaves: as the reader gives it, or wrapped into chunks of our own. */
const AS_READ = 0;
const WRAPPED = 1;

export class UpstreamSide {
  /** The upstream side has not taken all that was written. */
  isBlocked = false;
  /** Monotonic ms. */
  lastOctetAt = 0;
  blockedSince = 0;

  private plan: ForwardPlan | null = null;
  private attempt: Attempt | null = null;
  /** An upstream connection belongs to this exchange. */
  private isOpen = false;
  private sawEof = false;
  /** Nothing that was sent forbids using the connection again. */
  private isReusable = false;
  /** Octets of content were sent upstream and are gone: the request cannot be sent again. Read only outside. */
  contentSent = false;
  /** The request's content goes upstream: it is not replaced, and not dropped. */
  private sendsContent = true;
  /** The request that was sent asks for a head alone. */
  private asksHead = false;
  /** Something of an answer, even an interim one, went downstream. */
  private answered = false;
  private reader: HeadReader | null = null;
  private readonly content = new ContentReader();
  private framing = AS_READ;
  /** The response that is turned away was read whole: its connection is clean. */
  private isDrained = false;
  private since = 0;
  /** How the tunnel ends when the proxy drains; null: it does not. */
  private farewell: Farewell | null = null;
  /** What came behind a response head that the policy still looks at. */
  private held: Buffer = NOTHING;

  constructor(private readonly connection: Connection) {}

  // ---- State that the connection asks for

  /** Request content can be sent now. */
  get takesContent(): boolean {
    return this.isOpen && !this.isBlocked;
  }

  get isReadable(): boolean {
    return this.isOpen && !this.sawEof && this.connection.responsePhase !== RESPONSE.REVIEW;
  }

  /** Monotonic ms at which {@link expire} has something to do. */
  deadline(): number {
    const { plan, connection } = this;
    if (plan === null) return Infinity;
    let deadline = this.isBlocked ? this.blockedSince + plan.sendTimeoutMs : Infinity;
    switch (connection.responsePhase) {
      case RESPONSE.DIAL:
        return this.since + plan.connectTimeoutMs;
      case RESPONSE.HEAD:
      case RESPONSE.BODY:
        // While the request is still being sent, or the response not taken, this side is not to blame.
        if (connection.downstream.isSpent && !connection.downstream.isBlocked) {
          deadline = Math.min(deadline, Math.max(this.since, this.lastOctetAt) + plan.readTimeoutMs);
        }
        return deadline;
      case RESPONSE.REVIEW:
        return deadline;
      case RESPONSE.TUNNEL: {
        const idleMs = plan.tunnelTimeoutMs ?? plan.readTimeoutMs;
        if (this.farewell !== null) deadline = Math.min(deadline, this.farewell.deadline);
        return Math.min(deadline, Math.max(this.since, this.lastOctetAt) + idleMs);
      }
      default:
        return Infinity;
    }
  }

  /** Acts on a deadline that has passed; answers whether one had. */
  expire(): boolean {
    const { connection } = this;
    if (this.deadline() > connection.now) return false;
    const code = this.isBlocked ? 'UPSTREAM_SEND_TIMEOUT' : 'UPSTREAM_READ_TIMEOUT';
    switch (connection.responsePhase) {
      case RESPONSE.TUNNEL: {
        if (this.farewell !== null && this.farewell.deadline <= connection.now) {
          this.expireFarewell(this.farewell);
          break;
        }
        const fault = new Fault(this.isBlocked ? code : 'TUNNEL_IDLE', 'upstream');
        connection.endAll('tunnel-closed', fault, CLOSE);
        break;
      }
      case RESPONSE.DIAL:
        this.giveUp('UPSTREAM_CONNECT_TIMEOUT', '', NEXT_TIMEOUT);
        break;
      case RESPONSE.BODY:
        this.breakOff(code, '');
        break;
      default:
        this.giveUp(code, '', NEXT_TIMEOUT);
    }
    return true;
  }

  // ---- Connecting

  /** @param sendsContent the request's content is passed on as it comes */
  begin(plan: ForwardPlan, sendsContent: boolean): void {
    this.contentSent = false;
    this.sendsContent = sendsContent;
    this.answered = false;
    this.dropReader();
    if (!this.dial(plan)) this.connection.failUpstream(new Fault('NO_PEER', 'upstream'));
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
    this.connection.effects.connect(this.attempt!.peer, this.plan!.dial ?? null, fresh);
  }

  connected(reused: boolean): void {
    const { connection, attempt } = this;
    if (connection.responsePhase !== RESPONSE.DIAL) {
      // The exchange went away meanwhile.
      connection.effects.add(ABORT, UPSTREAM);
      return;
    }
    connection.stepResponse(RESPONSE_IN.CONNECTED);
    this.isOpen = true;
    attempt!.connectedAt = connection.now;
    attempt!.reused = reused;
    this.since = this.lastOctetAt = connection.now;
    this.sendHead(connection.exchange!);
  }

  connectFailed(detail: string, code: ErrorCode): void {
    if (this.connection.responsePhase !== RESPONSE.DIAL) return;
    this.giveUp(code, detail, NEXT_ERROR);
  }

  // ---- Sending the request

  private sendHead(exchange: Exchange): void {
    const { connection } = this;
    const plan = this.plan!;
    const { request } = exchange;
    const { out, effects } = connection;
    // A switch can be offered only in HTTP/1.1, by name, and by Connection (RFC 9110 7.8). h2c is not: its tunnel would
    // carry requests that no rule sees, and RFC 9113 3.1 has withdrawn it.
    const isOffer =
      plan.minorVersion === 1 &&
      request.minorVersion === 1 &&
      request.upgradeField >= 0 &&
      (request.connection & h.OPTION_UPGRADE) !== 0 &&
      !namesProtocol(request, UPGRADE, 'h2c');
    out.begin();
    const own = this.ownParts(exchange, plan);
    const wrote = writeRequestHead(
      out,
      request,
      plan.requestEdits,
      plan.target,
      plan.minorVersion,
      exchange,
      isOffer,
      own,
    );
    this.asksHead = own === null ? request.method === h.METHOD_HEAD : (wrote & WROTE_HEAD_METHOD) !== 0;
    if (own !== null && own.contentOctets > 0)
      out.put(ownContent.octets, ownContent.start, ownContent.position);
    exchange.offered = (wrote & WROTE_OFFER) !== 0;
    this.isReusable = (wrote & WROTE_CLOSE) === 0;
    this.attempt!.octetsSent += out.position - out.start;
    effects.write(UPSTREAM, out.octets, out.start, out.position);
    if (
      request.expectsContinue &&
      this.sendsContent &&
      (plan.minorVersion === 0 || !passesExpect(request, plan))
    ) {
      // HTTP/1.0 knows no 100: the expectation is met here and stays here (RFC 9110 10.1.1). So it does where Connection
      // names it or the configuration drops it: else content and 100 would wait for each other.
      out.begin();
      out.put(CONTINUE_RESPONSE);
      exchange.headOctetsSent += CONTINUE_RESPONSE.length;
      connection.writeOut();
    }
  }

  /** What the head says in place of the received request's method and length; null for an ordinary one. */
  private ownParts(exchange: Exchange, plan: ForwardPlan): OwnParts<Exchange> | null {
    const method = plan.method ?? null;
    if (method === null && this.sendsContent) return null;
    own.method = method;
    own.contentOctets = this.sendsContent ? -1 : 0;
    if (plan.content) {
      ownContent.position = 0;
      ownContent.begin();
      plan.content.put(exchange, ownContent);
      own.contentOctets = ownContent.position - ownContent.start;
    }
    return own;
  }

  /** Sends request content as it was received. */
  send(octets: Buffer, start: number, end: number): void {
    const { connection } = this;
    this.contentSent = true;
    this.attempt!.octetsSent += end - start;
    connection.effects.join(UPSTREAM, connection.out, octets, start, end);
  }

  /** Sends the trailer section and the end of chunked content. */
  sendTrailer(content: ContentReader): void {
    const { connection } = this;
    const { out } = connection;
    this.contentSent = true;
    out.begin();
    content.writeTrailer(out);
    this.attempt!.octetsSent += out.position - out.start;
    connection.effects.write(UPSTREAM, out.octets, out.start, out.position);
  }

  /** The request is whole: the response's time counts from here. */
  requestSent(): void {
    this.since = this.connection.now;
  }

  block(): void {
    if (this.isBlocked) return;
    this.isBlocked = true;
    this.blockedSince = this.connection.now;
  }

  unblock(): void {
    this.isBlocked = false;
    // Time spent writing is not time spent waiting for an answer.
    this.since = this.connection.now;
  }

  /** The response is taken again: the upstream side was not read meanwhile, and its time counts from here. */
  resume(): void {
    this.since = this.connection.now;
  }

  // ---- Receiving the response

  receive(chunk: Buffer, start: number, end: number): void {
    const { connection } = this;
    if (!this.isOpen) return;
    this.attempt!.octetsReceived += end - start;
    this.lastOctetAt = connection.now;
    if (connection.responsePhase === RESPONSE.TUNNEL) {
      const until = this.farewell === null ? end : this.farewell.pass(chunk, start, end);
      connection.exchange!.octetsSent += until - start;
      connection.effects.write(DOWNSTREAM, chunk, start, until);
      if (this.farewell !== null) this.sayFarewell(this.farewell);
      return;
    }
    let at = start;
    while (at < end && this.isOpen) {
      if (connection.responsePhase === RESPONSE.HEAD) {
        at = this.readHead(chunk, at, end);
      } else if (connection.responsePhase === RESPONSE.BODY) {
        at = this.readContent(chunk, at, end);
      } else {
        // A transport may deliver one more chunk after it was told to stop.
        if (connection.responsePhase === RESPONSE.REVIEW) this.hold(chunk, at, end);
        return;
      }
    }
  }

  private readHead(chunk: Buffer, at: number, end: number): number {
    const { connection } = this;
    const exchange = connection.exchange!;
    const reader = (this.reader ??= acquireReader(TYPE_RESPONSE));
    if (!reader.begun) {
      this.attempt!.headAt = connection.now;
      reader.toHead = this.asksHead;
    }
    const { maxResponseHeadOctets, ignoresMissingCr } = this.plan!;
    limits.ignoresMissingCr = ignoresMissingCr === true;
    limits.maxLineOctets = limits.maxHeadOctets = maxResponseHeadOctets;
    const answer = reader.read(chunk, at, end, limits);
    if (answer === HEAD_MORE) return end;
    if (answer !== HEAD_COMPLETE) {
      this.giveUp(reader.fault, '', NEXT_INVALID_HEADER, reader.faultOffset);
      return end;
    }
    const { head } = reader;
    if (head.status < 200 && head.status !== 101) {
      this.sendInterim(exchange, head);
      const { consumed } = reader;
      reader.reset();
      return consumed;
    }
    if (head.status === 101 && !this.isAsked(exchange, head)) {
      this.giveUp('UPSTREAM_SWITCH_UNASKED', '', NEXT_INVALID_HEADER);
      return end;
    }
    if (this.mayTurnAway(head) && this.turnsAway(head, chunk, reader.consumed, end)) return end;
    exchange.response = head;
    const { policy } = connection;
    const review = policy.review === undefined ? null : policy.review(exchange, connection.now);
    if (review === undefined) {
      connection.stepResponse(RESPONSE_IN.REVIEW);
      this.hold(chunk, reader.consumed, end);
      return end;
    }
    return this.passHead(exchange, review, chunk, reader.consumed, end);
  }

  private hold(chunk: Buffer, start: number, end: number): void {
    this.held = Buffer.concat([this.held, chunk.subarray(start, end)]);
  }

  /** The policy has looked at the response head: goes on with what waited behind it. */
  reviewed(review: Review): void {
    const { connection, held } = this;
    this.held = NOTHING;
    this.since = connection.now;
    this.passHead(connection.exchange!, review, held, 0, held.length);
    if (this.sawEof && this.isOpen) this.act();
  }

  /** Does with the final response head what the policy wants; chunk[at, end) stands behind it. */
  private passHead(exchange: Exchange, review: Review, chunk: Buffer, at: number, end: number): number {
    if (review !== null && !(review instanceof FieldEdits)) {
      this.connection.answerInstead(review);
      return end;
    }
    const edits = review ?? this.plan!.responseEdits;
    if (exchange.response.status === 101) return this.switchProtocols(exchange, edits, chunk, at, end);
    this.beginResponse(exchange, exchange.response, edits);
    // Content may be none: then the response is whole with its head.
    return this.isOpen ? this.readContent(chunk, at, end) : end;
  }

  /** 1xx other than 101: passed on to HTTP/1.1, dropped for HTTP/1.0 (RFC 9110 15.2). */
  private sendInterim(exchange: Exchange, head: Head): void {
    const { connection } = this;
    connection.stepResponse(RESPONSE_IN.INTERIM);
    if (exchange.request.minorVersion === 0) return;
    const { out } = connection;
    out.begin();
    writeInterimHead(out, head, this.plan!.responseEdits, exchange);
    exchange.headOctetsSent += out.position - out.start;
    this.answered = true;
    connection.writeOut();
  }

  /** Whether the response is not passed on: the next peer is asked, or the policy has another answer. */
  private turnsAway(head: Head, chunk: Buffer, at: number, end: number): boolean {
    const plan = this.plan!;
    this.attempt!.status = head.status;
    this.isDrained = this.isReusable && head.keepsAlive && this.drains(head, chunk, at, end);
    if (plan.nextStatuses?.has(head.status) === true && this.asksNext(plan, head.status)) return true;
    const isShown = plan.intercepts?.has(head.status) === true || isRedirected(plan, head);
    return isShown && this.connection.intercept(head);
  }

  private mayTurnAway(head: Head): boolean {
    const plan = this.plan!;
    if (head.status >= 300 && (plan.nextStatuses !== undefined || plan.intercepts !== undefined)) return true;
    return isRedirected(plan, head);
  }

  /** Whether the content of a response that is not passed on has come whole, and nothing behind it. */
  private drains(head: Head, chunk: Buffer, start: number, end: number): boolean {
    const { content, connection } = this;
    if (head.body === h.BODY_NONE) return start === end && connection.downstream.isWhole;
    content.begin(head, false, 0);
    for (let at = start; at < end; at = content.at) {
      const answer = content.next(chunk, at, end);
      if (answer === CONTENT_END) return content.at === end && connection.downstream.isWhole;
      if (answer === CONTENT_REFUSED) return false;
    }
    return false;
  }

  /** Sends the request to another peer for the sake of the response's status, if it may be and there is one. */
  private asksNext(plan: ForwardPlan, status: number): boolean {
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

  /** Something else takes the place of the response whose head was read. */
  letGo(): void {
    this.end(this.isDrained ? RELEASE : ABORT, false);
  }

  /** The final response head: decides how the content leaves and whether the connection goes on behind it. */
  private beginResponse(exchange: Exchange, head: Head, edits: FieldEdits<Exchange>): void {
    const { connection } = this;
    const { request } = exchange;
    const status = this.plan!.status || head.status;
    exchange.status = status;
    this.attempt!.status = head.status;
    const takesChunks = request.minorVersion === 1;
    let isChunked = false;
    this.framing = AS_READ;
    let closes = connection.mustClose();
    if (head.body === h.BODY_CHUNKED) {
      isChunked = takesChunks;
      if (!takesChunks) closes = true;
    } else if (head.body === h.BODY_UNTIL_CLOSE) {
      isChunked = takesChunks;
      if (takesChunks) this.framing = WRAPPED;
      else closes = true;
    }
    // Method or status are not those that the response was framed for.
    const hasContent = request.method !== h.METHOD_HEAD && status !== 204 && status !== 304;
    const isEmptied = !hasContent && head.body !== h.BODY_NONE;
    const isFilled = hasContent && head.body === h.BODY_NONE && (this.asksHead || status !== head.status);
    if (isEmptied) {
      isChunked = false;
      this.framing = AS_READ;
    } else if (isFilled) {
      isChunked = takesChunks;
      if (!takesChunks) closes = true;
    }
    // An answer in front of the request's end: what still comes is content or dropped, never a request (RFC 9112 9.3).
    if (!connection.downstream.isWhole) closes = true;
    connection.closes = closes;
    this.content.begin(head, isChunked, 0);
    const { out } = connection;
    out.begin();
    headOptions.edits = edits;
    headOptions.isChunked = isChunked;
    headOptions.closes = closes;
    headOptions.switches = false;
    headOptions.keepsLength = status !== 204 && !isFilled;
    headOptions.status = status === head.status ? 0 : status;
    headOptions.keepAliveLines = connection.rules.keepAliveLines;
    writeResponseHead(out, head, headOptions, exchange);
    exchange.headOctetsSent += out.position - out.start;
    this.answered = true;
    connection.writeOut();
    connection.stepResponse(RESPONSE_IN.FINAL);
    if (isFilled && isChunked) {
      out.begin();
      out.putLatin1('0\r\n\r\n');
      connection.writeOut();
    }
    // Content that nobody gets is not waited for, as in nginx.
    if (isEmptied) this.responseComplete(true);
  }

  private readContent(chunk: Buffer, start: number, end: number): number {
    const { connection, content } = this;
    for (let at = start; ; at = content.at) {
      const answer = content.next(chunk, at, end);
      if (answer === CONTENT_MORE) return content.at;
      if (answer === CONTENT_REFUSED) {
        this.breakOff(content.fault, '');
        return end;
      }
      if (answer === CONTENT_SPAN) {
        if (this.framing === AS_READ) connection.send(chunk, content.spanStart, content.spanEnd);
        else this.sendChunk(chunk, content.spanStart, content.spanEnd);
      } else if (answer === CONTENT_END) {
        this.responseComplete(content.at < end);
        return end;
      } else if (connection.exchange!.request.minorVersion === 1) {
        const { out } = connection;
        out.begin();
        content.writeTrailer(out);
        connection.writeOut();
      }
    }
  }

  /** Content of a response that ends with its connection, as a chunk of our own. */
  private sendChunk(chunk: Buffer, start: number, end: number): void {
    const { connection } = this;
    const { out } = connection;
    out.begin();
    out.putHex(end - start);
    out.putLatin1('\r\n');
    connection.writeOut();
    connection.send(chunk, start, end);
    out.begin();
    out.putLatin1('\r\n');
    connection.writeOut();
  }

  /** @param hasExcess octets follow that no request asked for: they are dropped with the connection */
  private responseComplete(hasExcess: boolean): void {
    const { connection } = this;
    const { response } = connection.exchange!;
    connection.stepResponse(RESPONSE_IN.END);
    const isClean = response.keepsAlive && this.isReusable && !hasExcess && !this.sawEof && !this.isBlocked;
    const isKept = isClean && connection.downstream.isWhole;
    // What waits of the request is of no use any more, so it is not flushed.
    this.end(isKept ? RELEASE : this.isBlocked ? ABORT : CLOSE, false);
    if (connection.exchange!.outcome === 'open') connection.exchange!.outcome = 'complete';
    connection.settle();
  }

  // ---- Tunnels

  /** Only an offer can be accepted, and only with a protocol that it named (RFC 9110 7.8). */
  private isAsked(exchange: Exchange, head: Head): boolean {
    return (
      exchange.offered &&
      this.connection.downstream.isWhole &&
      head.upgradeField >= 0 &&
      sharesProtocol(exchange.request, head, UPGRADE)
    );
  }

  private switchProtocols(
    exchange: Exchange,
    edits: FieldEdits<Exchange>,
    chunk: Buffer,
    at: number,
    end: number,
  ): number {
    const { connection } = this;
    exchange.status = 101;
    exchange.tunnelled = true;
    this.attempt!.status = 101;
    const { out } = connection;
    out.begin();
    headOptions.edits = edits;
    headOptions.isChunked = false;
    headOptions.closes = false;
    headOptions.switches = true;
    headOptions.keepsLength = false;
    headOptions.status = 0;
    writeResponseHead(out, exchange.response, headOptions, exchange);
    exchange.headOctetsSent += out.position - out.start;
    connection.writeOut();
    connection.stepResponse(RESPONSE_IN.SWITCH);
    if (at < end) connection.send(chunk, at, end);
    this.since = connection.now;
    const { farewell } = this.plan!;
    if (farewell !== undefined && namesProtocol(exchange.response, UPGRADE, 'websocket')) {
      this.farewell = new Farewell(farewell);
      this.farewell.pass(chunk, at, end);
      this.takeLeave();
    }
    connection.beginTunnel();
    return end;
  }

  /** The tunnel, if there is one now or later, is to end. */
  takeLeave(): void {
    const { now, leavesAt } = this.connection;
    if (leavesAt >= 0) this.farewell?.begin(now, leavesAt);
  }

  /** Sends the Close frame where it is due. The client's answer passes to the upstream side; nothing else comes back. */
  private sayFarewell(farewell: Farewell): void {
    if (!farewell.isDue) return;
    const { connection } = this;
    const { out } = connection;
    out.begin();
    out.put(farewell.frame());
    connection.writeOut();
    farewell.sent(connection.now);
    connection.report(new Fault('TUNNEL_DRAINED', 'downstream'));
  }

  private expireFarewell(farewell: Farewell): void {
    const { connection } = this;
    if (farewell.expire(connection.now)) {
      connection.endAll('tunnel-closed', new Fault('TUNNEL_DRAIN_TIMEOUT', 'downstream'), CLOSE);
    } else {
      this.sayFarewell(farewell);
    }
  }

  /** Octets from downstream into the tunnel. */
  sendTunnel(chunk: Buffer, start: number, end: number): void {
    const { connection } = this;
    connection.exchange!.octetsReceived += end - start;
    this.attempt!.octetsSent += end - start;
    this.lastOctetAt = connection.now;
    connection.effects.write(UPSTREAM, chunk, start, end);
  }

  /** The downstream side of the tunnel ended its half: so does this one, behind what was sent. */
  endTunnel(): void {
    const { connection } = this;
    if (this.sawEof) connection.endAll('tunnel-closed', null, CLOSE);
    else connection.effects.add(END, UPSTREAM);
  }

  // ---- Endings

  ended(): void {
    if (!this.isOpen || this.sawEof) return;
    this.sawEof = true;
    this.act();
  }

  /** Acts on the end of the upstream side. */
  private act(): void {
    const { connection } = this;
    switch (connection.responsePhase) {
      case RESPONSE.TUNNEL:
        if (connection.downstream.phase === REQUEST.CLOSED) connection.endAll('tunnel-closed', null, CLOSE);
        else connection.effects.add(END, DOWNSTREAM);
        return;
      case RESPONSE.BODY:
        if (!this.content.endsWithConnection) {
          this.breakOff('UPSTREAM_CLOSED', '');
          return;
        }
        if (this.framing === WRAPPED) {
          const { out } = connection;
          out.begin();
          out.putLatin1('0\r\n\r\n');
          connection.writeOut();
        }
        this.responseComplete(false);
        return;
      case RESPONSE.REVIEW:
        // What came in front of the end waits for the policy, and so does the end.
        return;
      default:
        this.giveUp('UPSTREAM_CLOSED', '', NEXT_ERROR);
    }
  }

  failed(detail: string): void {
    const { connection } = this;
    if (!this.isOpen) return;
    if (connection.responsePhase === RESPONSE.TUNNEL) {
      connection.endAll('tunnel-closed', new Fault('UPSTREAM_CLOSED', 'upstream', -1, detail), CLOSE);
    } else if (connection.responsePhase === RESPONSE.BODY) {
      // A reset is never the end of content, not even of content that ends with its connection.
      this.breakOff('UPSTREAM_CLOSED', detail);
    } else {
      this.giveUp('UPSTREAM_CLOSED', detail, NEXT_ERROR);
    }
  }

  /** The response broke off in its content: the downstream side must not take what it has for a whole message. */
  private breakOff(code: ErrorCode, detail: string): void {
    const { connection } = this;
    const exchange = connection.exchange!;
    // With a length or chunks the missing end shows; without either only a reset tells.
    const showsEnd = exchange.request.minorVersion === 1 || exchange.response.body === h.BODY_LENGTH;
    connection.endAll('upstream-failed', new Fault(code, 'upstream', -1, detail), showsEnd ? CLOSE : ABORT);
  }

  /**
   * This attempt has failed in front of its response head: tries again where that is allowed, else answers.
   * @param condition the NEXT_* bit that must be set in the plan to go on with another peer
   */
  private giveUp(code: ErrorCode, detail: string, condition: number, offset = -1): void {
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
    this.end(ABORT, true);
    if (goesOn && this.dial(plan)) {
      connection.report(fault);
      connection.stepResponse(RESPONSE_IN.RETRY);
    } else {
      connection.failUpstream(fault);
    }
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
    const { method } = this.connection.exchange!.request;
    return method !== h.METHOD_OTHER || (plan.nextOn & NEXT_NON_IDEMPOTENT) !== 0;
  }

  /** Lets go of the upstream connection, if there is one, and of the peer. */
  private end(how: typeof RELEASE | typeof CLOSE | typeof ABORT, isFailed: boolean): void {
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
    this.content.release();
    this.plan = null;
    this.held = NOTHING;
    if (isFailed) this.dropReader();
  }

  /** The exchange is given up: so is the connection. In a tunnel what was sent is flushed first. */
  drop(): void {
    const isTunnel = this.connection.responsePhase === RESPONSE.TUNNEL;
    this.end(isTunnel ? CLOSE : ABORT, false);
  }

  /** Forgets the exchange: its heads are no longer used. */
  reset(): void {
    this.plan = null;
    this.farewell = null;
    this.dropReader();
  }

  private dropReader(): void {
    if (this.reader !== null) releaseReader(this.reader);
    this.reader = null;
  }
}

const NOTHING = Buffer.alloc(0);

/** Filled anew for every head: one object for all. */
const limits = { maxLineOctets: 0, maxHeadOctets: 0, maxFields: 1000, ignoresMissingCr: false };
const headOptions = {
  edits: null as unknown as ForwardPlan['responseEdits'],
  isChunked: false,
  closes: false,
  switches: false,
  keepsLength: true,
  keepAliveLines: undefined as Uint8Array | undefined,
  status: 0,
};
const own: OwnParts<Exchange> = { method: null, contentOctets: -1 };
/** Where content of our own is rendered before its length can be written. */
const ownContent = new OctetWriter();

/** Whether the response names another path or location that is to answer. */
function isRedirected(plan: ForwardPlan, head: Head): boolean {
  return plan.followsAccel === true && head.findField(X_ACCEL_REDIRECT) >= 0;
}

/** Whether the request's Expect goes on. */
function passesExpect(request: Head, plan: ForwardPlan): boolean {
  const field = request.fields[request.findField(EXPECT) * h.FIELD_STRIDE + h.NAME_ID];
  return (field & h.NOMINATED) === 0 && plan.requestEdits.drops[EXPECT] !== 1;
}
