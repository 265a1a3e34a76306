/**
 * What goes to the upstream side of an exchange: the request's head as the plan wants it, and its content as it comes.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import { EXPECT, UPGRADE } from '../message/field-names.js';
import * as h from '../message/head.js';
import type { Head } from '../message/head.js';
import { namesProtocol } from '../message/protocols.js';
import type { ContentReader } from '../wire/http1/content-reader.js';
import {
  CONTINUE_RESPONSE,
  type OwnParts,
  WROTE_CLOSE,
  WROTE_HEAD_METHOD,
  WROTE_OFFER,
  writeRequestHead,
} from '../wire/http1/head-writer.js';
import { Attempts } from './attempts.js';
import { ABORT, UPSTREAM } from './effects.js';
import type { Exchange } from './exchange.js';
import { RESPONSE, RESPONSE_IN } from './phases.js';
import type { ForwardPlan } from './policy.js';

export abstract class RequestRelay extends Attempts {
  /** Request content can be sent now. That of a request which waits for a subrequest waits with it. */
  get takesContent(): boolean {
    return this.isOpen && !this.isBlocked && this.sendsContent;
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
    const exchange = connection.exchange!;
    if (exchange.request.method === h.METHOD_CONNECT && this.plan!.opensTunnel === true)
      this.openTunnel(exchange);
    else this.sendHead(exchange);
  }

  /** The peer that CONNECT asked for is there. */
  protected abstract openTunnel(exchange: Exchange): void;

  private sendHead(exchange: Exchange): void {
    const { connection } = this;
    const plan = this.plan!;
    const { request } = exchange;
    const { out, effects } = connection;
    // A switch can be offered only in HTTP/1.1, by name, and by Connection (RFC 9110 7.8). h2c is not: its tunnel would
    // carry requests that no rule sees, and RFC 9113 3.1 has withdrawn it.
    const isOffer =
      exchange.main === null &&
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
}

const own: OwnParts<Exchange> = { method: null, contentOctets: -1 };
/** Where content of our own is rendered before its length can be written. */
const ownContent = new OctetWriter();

/** Whether the request's Expect goes on. */
function passesExpect(request: Head, plan: ForwardPlan): boolean {
  const field = request.fields[request.findField(EXPECT) * h.FIELD_STRIDE + h.NAME_ID];
  return (field & h.NOMINATED) === 0 && plan.requestEdits.drops[EXPECT] !== 1;
}
