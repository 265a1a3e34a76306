/**
 * How the response comes back: whether it is passed on or something else takes its place, the framing that it leaves
 * with, and whether the upstream connection may be used again behind it.
 */
import { type ErrorCode, Fault } from '../error.js';
import { FieldEdits } from '../message/field-edits.js';
import { UPGRADE, X_ACCEL_LIMIT_RATE, X_ACCEL_REDIRECT } from '../message/field-names.js';
import * as h from '../message/head.js';
import type { Head } from '../message/head.js';
import { sharesProtocol } from '../message/protocols.js';
import {
  CONTENT_END,
  CONTENT_MORE,
  CONTENT_REFUSED,
  CONTENT_SPAN,
  readerFor,
} from '../wire/http1/content-reader.js';
import { acquireReader, HEAD_COMPLETE, HEAD_MORE } from '../wire/http1/head-reader.js';
import { writeInterimHead, writeResponseHead } from '../wire/http1/head-writer.js';
import { TYPE_RESPONSE } from '../wire/http1/llhttp.js';
import { AS_READ, WRAPPED } from './attempts.js';
import { ABORT, CLOSE, RELEASE } from './effects.js';
import type { Exchange } from './exchange.js';
import { RESPONSE_IN } from './phases.js';
import { ReadPace } from './pace.js';
import { type ForwardPlan, NEXT_INVALID_HEADER, type Review } from './policy.js';
import { RequestRelay } from './request-relay.js';

export abstract class ResponseRelay extends RequestRelay {
  /** The peer has switched protocols, and was asked to. chunk[at, end) stands behind its response head. */
  protected abstract switchProtocols(
    exchange: Exchange,
    edits: FieldEdits<Exchange>,
    chunk: Buffer,
    at: number,
    end: number,
  ): number;

  // ---- Heads

  protected readHead(chunk: Buffer, at: number, end: number): number {
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
    if (exchange.main !== null) {
      this.answerSubrequest(head, chunk, reader.consumed, end);
      return end;
    }
    const { policy } = connection;
    const review = policy.review === undefined ? null : policy.review(exchange, connection.now);
    if (review === undefined) {
      connection.stepResponse(RESPONSE_IN.REVIEW);
      this.hold(chunk, reader.consumed, end);
      return end;
    }
    return this.passHead(exchange, review, chunk, reader.consumed, end);
  }

  protected hold(chunk: Buffer, start: number, end: number): void {
    this.held = Buffer.concat([this.held, chunk.subarray(start, end)]);
  }

  /** Does with the final response head what the policy wants; chunk[at, end) stands behind it. */
  protected passHead(exchange: Exchange, review: Review, chunk: Buffer, at: number, end: number): number {
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
    if (exchange.request.minorVersion === 0 || exchange.main !== null) return;
    if (head.status === 103 && this.plan!.passesHints?.(exchange) === false) return;
    const { out } = connection;
    out.begin();
    writeInterimHead(out, head, this.plan!.responseEdits, exchange);
    exchange.headOctetsSent += out.position - out.start;
    this.answered = true;
    connection.writeOut();
  }

  /** Only an offer can be accepted, and only with a protocol that it named (RFC 9110 7.8). */
  private isAsked(exchange: Exchange, head: Head): boolean {
    return (
      exchange.offered &&
      this.connection.downstream.isWhole &&
      head.upgradeField >= 0 &&
      sharesProtocol(exchange.request, head, UPGRADE)
    );
  }

  // ---- Responses that are not passed on

  private mayTurnAway(head: Head): boolean {
    const plan = this.plan!;
    if (head.status >= 300 && (plan.nextStatuses !== undefined || plan.intercepts !== undefined)) return true;
    return isRedirected(plan, head);
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

  /** The final response head to a subrequest: its status is what was wanted. */
  private answerSubrequest(head: Head, chunk: Buffer, at: number, end: number): void {
    const { connection } = this;
    const status = this.plan!.status || head.status;
    this.attempt!.status = head.status;
    // Content that came with the head keeps the connection usable; more is not waited for, as in nginx.
    this.isDrained = this.isReusable && head.keepsAlive && this.drains(head, chunk, at, end);
    this.letGo();
    connection.subrequestAnswered(status);
  }

  /** Whether the content of a response that is not passed on has come whole, and nothing behind it. */
  private drains(head: Head, chunk: Buffer, start: number, end: number): boolean {
    const { connection } = this;
    // Of a subrequest nothing is still to be sent, whatever the client sends.
    const isSent = connection.downstream.isWhole || connection.exchange!.main !== null;
    if (head.body === h.BODY_NONE) return start === end && isSent;
    const content = (this.content = readerFor(this.content, head));
    content.begin(head, false, 0);
    for (let at = start; ; at = content.at) {
      const answer = content.next(chunk, at, end);
      if (answer === CONTENT_END) return content.at === end && isSent;
      if (answer === CONTENT_REFUSED || answer === CONTENT_MORE) return false;
    }
  }

  // ---- Content

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
    exchange.keepsConnection = !closes;
    exchange.isChunked = isChunked;
    this.content = readerFor(this.content, head);
    this.content.begin(head, isChunked, 0);
    this.beginPaces(exchange, head);
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

  /** Where the response, or the reading of it, has a rate: begins to keep to it. */
  private beginPaces(exchange: Exchange, head: Head): void {
    const { connection } = this;
    const plan = this.plan!;
    const asked = plan.followsRate === true ? rateOf(head) : -1;
    if (asked >= 0 || connection.rules.rate !== undefined) connection.beginPace(asked);
    const readRate = plan.readRate === undefined ? 0 : plan.readRate(exchange);
    if (readRate > 0) this.readPace = new ReadPace(readRate, connection.now);
  }

  protected readContent(chunk: Buffer, start: number, end: number): number {
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
        if (this.plan!.dropsTrailers === true) out.putLatin1('\r\n');
        else content.writeTrailer(out);
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
  protected responseComplete(hasExcess: boolean): void {
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

  /** The response broke off in its content: the downstream side must not take what it has for a whole message. */
  protected breakOff(code: ErrorCode, detail: string): void {
    const { connection } = this;
    const exchange = connection.exchange!;
    // With a length or chunks the missing end shows; without either only a reset tells.
    const showsEnd = exchange.request.minorVersion === 1 || exchange.response.body === h.BODY_LENGTH;
    connection.endAll('upstream-failed', new Fault(code, 'upstream', -1, detail), showsEnd ? CLOSE : ABORT);
  }
}

/** Filled anew for every head: one object for all. */
const limits = { maxLineOctets: 0, maxHeadOctets: 0, maxFields: 1000, ignoresMissingCr: false };
export const headOptions = {
  edits: null as unknown as ForwardPlan['responseEdits'],
  isChunked: false,
  closes: false,
  switches: false,
  keepsLength: true,
  keepAliveLines: undefined as Uint8Array | undefined,
  status: 0,
};

/** Octets a second that a response asks for (X-Accel-Limit-Rate), 0 for no limit; -1 where it asks for nothing. */
function rateOf(head: Head): number {
  const index = head.findField(X_ACCEL_LIMIT_RATE);
  if (index < 0) return -1;
  const text = head.valueText(index);
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : -1;
}

/** Whether the response names another path or location that is to answer. */
function isRedirected(plan: ForwardPlan, head: Head): boolean {
  return plan.followsAccel === true && head.findField(X_ACCEL_REDIRECT) >= 0;
}
