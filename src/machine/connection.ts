/**
 * One downstream connection, sans I/O: octets, ends, connects, errors and the time go in; effects, two reading flags
 * and a deadline come out. Decides when a request is read, what is answered, and when the connection goes on, becomes
 * a tunnel or ends. Leaves the upstream half of each exchange to {@link UpstreamSide}.
 *
 * Contract: after every input drain `effects`, then align reading with `readsDownstream` and `readsUpstream`, and look
 * at the connection again through `expire` no later than `deadline`. No input may be given while another runs.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import { Fault } from '../error.js';
import { ConstantValue, FieldEdits, fieldSet } from '../message/field-edits.js';
import * as h from '../message/head.js';
import { builtInPage } from '../message/statuses.js';
import {
  CONTENT_END,
  CONTENT_MORE,
  CONTENT_REFUSED,
  CONTENT_SPAN,
  ContentReader,
} from '../wire/http1/content-reader.js';
import {
  acquireReader,
  HEAD_MORE,
  HEAD_REFUSED,
  type HeadReader,
  releaseReader,
} from '../wire/http1/head-reader.js';
import { writeLocalHead } from '../wire/http1/head-writer.js';
import { TYPE_REQUEST } from '../wire/http1/llhttp.js';
import { ABORT, CLOSE, DOWNSTREAM, Effects, END, type SideIndex, UPSTREAM } from './effects.js';
import { Exchange, type Outcome } from './exchange.js';
import {
  ABSENT,
  REQUEST,
  REQUEST_CELLS,
  REQUEST_IN,
  REQUEST_INPUTS,
  RESPONSE,
  RESPONSE_CELLS,
  RESPONSE_IN,
  RESPONSE_INPUTS,
} from './phases.js';
import type { ConnectionFacts, DownstreamRules, Plan, Policy, RespondPlan } from './policy.js';
import { UpstreamSide } from './upstream-side.js';

export interface ConnectionOptions {
  readonly policy: Policy;
  readonly facts: ConnectionFacts;
  /** Shared with other machines of the same driver if all are drained between inputs; else one of its own. */
  readonly effects?: Effects;
  /** As `effects`. */
  readonly out?: OctetWriter;
  /** Chunks given to `receive` are not used again by their owner, so octets that must wait need no copy. */
  readonly ownsChunks?: boolean;
}

/** Used where a policy names no lines for built-in pages. */
const PLAIN_PAGE = new FieldEdits<Exchange>([], [fieldSet('Content-Type', 'text/html', true)]);
/** Where local content is rendered before its length can be written. */
const scratch = new OctetWriter();

export class Connection {
  /** What is to be done, in order. */
  readonly effects: Effects;
  /** Where heads are laid down. */
  readonly out: OctetWriter;
  readonly policy: Policy;
  readonly facts: ConnectionFacts;

  /** Outputs, valid after each input. */
  readsDownstream = true;
  readsUpstream = false;
  /** Monotonic ms at which `expire` must be called, or Infinity. It may come earlier than needed, never later. */
  deadline: number;
  /** Nothing more will come out of this connection. */
  isOver = false;

  /** The exchange under way, or null. */
  exchange: Exchange | null = null;
  /** Phases of `phases.ts`. Read only outside the machine. */
  requestPhase: number = REQUEST.IDLE;
  responsePhase: number = RESPONSE.IDLE;

  readonly upstream: UpstreamSide;
  /** The rules in force: those of the last exchange's location, at first the listener's. */
  rules: DownstreamRules;
  /** The connection is closed behind the response under way. */
  closes = false;
  /** The downstream side has not taken all that was written. */
  downstreamBlocked = false;
  /** Now, as the running input has it. Monotonic ms. */
  now: number;

  private readonly ownsChunks: boolean;
  private reader: HeadReader | null = null;
  private readonly content = new ContentReader();
  /** Request content is dropped: the answer is our own. */
  private dropsContent = false;
  private contentBegun = false;
  /** Octets that came too early: content before the upstream side is ready, or a pipelined request. */
  private held: Buffer | null = null;
  private requests = 0;
  private drains = false;
  /** The downstream side ended its half while an exchange was under way. */
  private sawEof = false;
  private phaseSince: number;
  private lastOctetAt: number;
  private blockedSince = 0;

  constructor(options: ConnectionOptions) {
    this.policy = options.policy;
    this.facts = options.facts;
    this.effects = options.effects ?? new Effects();
    this.out = options.out ?? new OctetWriter();
    this.ownsChunks = options.ownsChunks ?? false;
    this.rules = options.policy.defaults;
    this.now = this.phaseSince = this.lastOctetAt = options.facts.openedAt;
    this.upstream = new UpstreamSide(this);
    this.deadline = this.now + options.policy.reading.headTimeoutMs;
  }

  // ---- Inputs

  /** chunk[start, end) was received. The chunk is borrowed until the effects are drained, unless `ownsChunks`. */
  receive(side: SideIndex, chunk: Buffer, start: number, end: number, now: number): void {
    this.now = now;
    if (side === UPSTREAM) {
      const wasTunnel = this.responsePhase === RESPONSE.TUNNEL;
      this.upstream.receive(chunk, start, end);
      if (!wasTunnel) this.goOn();
      return;
    }
    this.lastOctetAt = now;
    if (this.requestPhase === REQUEST.TUNNEL) {
      this.upstream.sendTunnel(chunk, start, end);
      return;
    }
    if (this.held === null) this.hold(chunk, this.consume(chunk, start, end), end);
    else this.held = Buffer.concat([this.held, chunk.subarray(start, end)]);
    this.goOn();
  }

  /** The side will send no more. */
  ended(side: SideIndex, now: number): void {
    this.now = now;
    if (side === UPSTREAM) this.upstream.ended();
    else this.sawEof = true;
    this.goOn();
  }

  /**
   * The side's connection is gone.
   * @param detail a system error code such as `ECONNRESET`
   */
  failed(side: SideIndex, detail: string, now: number): void {
    this.now = now;
    if (side === UPSTREAM) this.upstream.failed(detail);
    else this.downstreamFailed(detail);
    this.goOn();
  }

  /** The upstream connection asked for by CONNECT is there; `reused`: it has carried requests before. */
  connected(reused: boolean, now: number): void {
    this.now = now;
    this.upstream.connected(reused);
    this.goOn();
  }

  /** The upstream connection asked for by CONNECT could not be made. */
  connectFailed(detail: string, now: number): void {
    this.now = now;
    this.upstream.connectFailed(detail);
    this.goOn();
  }

  /** Written octets wait in the transport: reading from the other side stops until {@link drained}. */
  blocked(side: SideIndex, now: number): void {
    this.now = now;
    if (side === UPSTREAM) {
      this.upstream.block();
    } else if (!this.downstreamBlocked) {
      this.downstreamBlocked = true;
      this.blockedSince = now;
    }
    this.sync();
  }

  /** Everything written to the side has been taken. */
  drained(side: SideIndex, now: number): void {
    this.now = now;
    if (side === UPSTREAM) this.upstream.unblock();
    else this.downstreamBlocked = false;
    this.goOn();
  }

  /** The policy's decision, when `Policy.plan` could not give it at once. Ignored when the exchange is gone. */
  decide(exchange: Exchange, plan: Plan, now: number): void {
    if (this.exchange !== exchange || this.responsePhase !== RESPONSE.PLAN) return;
    this.now = now;
    this.apply(plan);
    this.goOn();
  }

  /** No further request is wanted: an idle connection closes now, another one behind its answer. Tunnels go on. */
  drain(now: number): void {
    this.now = now;
    this.drains = true;
    if (this.requestPhase === REQUEST.IDLE && this.responsePhase === RESPONSE.IDLE && this.held === null) {
      this.closeDownstream(CLOSE);
    }
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
    if (this.downstreamBlocked && now >= this.blockedSince + this.rules.sendTimeoutMs) {
      this.endAll('downstream-closed', new Fault('SEND_TIMEOUT', 'downstream'), ABORT);
    } else if (!this.upstream.expire() && this.requestDeadline() <= now) {
      this.requestExpired();
    }
    this.goOn();
  }

  // ---- Reading requests

  /** Takes what can be taken of chunk[at, end); answers where it stopped. */
  private consume(chunk: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      switch (this.requestPhase) {
        case REQUEST.IDLE:
        case REQUEST.HEAD:
          if (this.responsePhase !== RESPONSE.IDLE || this.downstreamBlocked) return at;
          at = this.readHead(chunk, at, end);
          break;
        case REQUEST.BODY:
          if (!this.dropsContent && !this.upstream.takesContent) return at;
          at = this.readContent(chunk, at, end);
          break;
        case REQUEST.DONE:
          return at;
        case REQUEST.TUNNEL:
          this.upstream.sendTunnel(chunk, at, end);
          return end;
        default:
          return end;
      }
    }
    return at;
  }

  /** Every input ends here: octets that had to wait are tried again, and the outputs brought up to date. */
  private goOn(): void {
    const held = this.held;
    if (held !== null && !this.isOver) {
      this.held = null;
      const at = this.consume(held, 0, held.length);
      // A connection that ended meanwhile holds nothing.
      if (at < held.length && !this.isOver) this.held = at === 0 ? held : held.subarray(at);
    }
    if (this.sawEof && this.held === null && !this.isOver) this.downstreamEnded();
    this.sync();
  }

  /** The downstream side has ended its half, and all that it sent is used. */
  private downstreamEnded(): void {
    switch (this.requestPhase) {
      case REQUEST.TUNNEL:
        this.stepRequest(REQUEST_IN.EOF);
        this.upstream.endTunnel();
        return;
      case REQUEST.DONE:
        // Half-close: the response still goes out, and the connection closes behind it.
        this.stepRequest(REQUEST_IN.EOF);
        this.phaseSince = this.now;
        return;
      case REQUEST.BODY:
        this.endAll('downstream-closed', new Fault('CONTENT_INCOMPLETE', 'downstream'), ABORT);
        return;
      case REQUEST.CLOSED:
        return;
      default:
        this.closeDownstream(CLOSE);
    }
  }

  private hold(chunk: Buffer, at: number, end: number): void {
    if (at >= end) return;
    const rest = chunk.subarray(at, end);
    this.held = this.ownsChunks ? rest : Buffer.from(rest);
  }

  private readHead(chunk: Buffer, at: number, end: number): number {
    const reader = (this.reader ??= acquireReader(TYPE_REQUEST));
    const answer = reader.read(chunk, at, end, this.policy.reading);
    if (this.requestPhase === REQUEST.IDLE && (reader.begun || answer === HEAD_REFUSED)) {
      this.stepRequest(REQUEST_IN.OCTETS);
      this.phaseSince = this.requests === 0 ? this.facts.openedAt : this.now;
    }
    if (answer === HEAD_MORE) return reader.consumed;
    const { head } = reader;
    const exchange = new Exchange(this.facts, head, ++this.requests, this.now);
    exchange.octetsReceived = head.length;
    this.exchange = exchange;
    this.closes = false;
    this.stepResponse(RESPONSE_IN.REQUEST);
    if (answer === HEAD_REFUSED) {
      this.refuse(new Fault(reader.fault, 'downstream', reader.faultOffset));
      return end;
    }
    const hasContent = head.body !== h.BODY_NONE;
    this.stepRequest(hasContent ? REQUEST_IN.CONTENT : REQUEST_IN.BARE);
    this.phaseSince = this.now;
    this.dropsContent = false;
    this.contentBegun = false;
    if (head.method === h.METHOD_CONNECT) {
      this.refuse(new Fault('CONNECT_REFUSED', 'downstream', 0));
      return end;
    }
    const plan = this.policy.plan(exchange, this.now);
    if (plan !== undefined) this.apply(plan);
    return reader.consumed;
  }

  private readContent(chunk: Buffer, start: number, end: number): number {
    const { content } = this;
    const exchange = this.exchange!;
    for (let at = start; ; at = content.at) {
      const answer = content.next(chunk, at, end);
      exchange.octetsReceived += content.at - at;
      if (answer === CONTENT_MORE) return content.at;
      if (answer === CONTENT_REFUSED) {
        this.refuse(new Fault(content.fault, 'downstream', content.at));
        return end;
      }
      if (answer === CONTENT_SPAN) {
        if (!this.dropsContent) this.upstream.send(chunk, content.spanStart, content.spanEnd);
      } else if (answer === CONTENT_END) {
        this.requestComplete();
        return content.at;
      } else if (!this.dropsContent) {
        this.upstream.sendTrailer(content);
      }
    }
  }

  private requestComplete(): void {
    this.stepRequest(REQUEST_IN.END);
    this.content.release();
    this.upstream.requestSent();
    if (this.responsePhase === RESPONSE.DONE) this.settle();
  }

  /** The downstream half of the tunnel has ended. */
  get tunnelIsHalfClosed(): boolean {
    return this.requestPhase === REQUEST.CLOSED;
  }

  /** The request under way is whole. */
  get requestIsWhole(): boolean {
    return this.requestPhase === REQUEST.DONE || (this.requestPhase === REQUEST.CLOSED && this.sawEof);
  }

  // ---- Deciding

  private apply(plan: Plan): void {
    const exchange = this.exchange!;
    exchange.plan = plan;
    this.rules = plan.downstream;
    const { request } = exchange;
    if (plan.kind === 'respond') {
      this.respond(plan.status, plan);
      return;
    }
    const { maxContentOctets } = this.rules;
    if (maxContentOctets > 0 && request.contentLength > maxContentOctets) {
      this.refuse(new Fault('CONTENT_TOO_LARGE', 'downstream', 0));
    } else if (request.body === h.BODY_CHUNKED && plan.minorVersion === 0) {
      this.refuse(new Fault('LENGTH_REQUIRED', 'downstream', 0));
    } else {
      this.content.begin(request, true, maxContentOctets);
      this.contentBegun = true;
      this.stepResponse(RESPONSE_IN.FORWARD);
      this.upstream.begin(plan);
    }
  }

  /** Whether the connection must close behind the response whose head is being written. */
  mustClose(): boolean {
    const { rules } = this;
    const exchange = this.exchange!;
    return (
      !exchange.request.keepsAlive ||
      this.drains ||
      rules.keepaliveTimeoutMs === 0 ||
      this.requests >= rules.keepaliveRequests ||
      this.now - this.facts.openedAt >= rules.keepaliveTimeMs
    );
  }

  /**
   * Answers with a fault's status if nothing has been sent yet, else ends the connection. Octets that still come from
   * downstream are dropped.
   */
  refuse(fault: Fault): void {
    const exchange = this.exchange!;
    this.upstream.drop();
    if (this.responsePhase === RESPONSE.BODY || this.responsePhase === RESPONSE.TUNNEL) {
      this.endAll('refused', fault, ABORT);
      return;
    }
    this.report(fault);
    exchange.outcome = 'refused';
    if (this.responsePhase === RESPONSE.DONE) {
      // The answer was our own and went out early; the content behind it is what is wrong.
      this.stepRequest(REQUEST_IN.REFUSE);
      this.closes = true;
      this.settle();
      return;
    }
    this.closes = true;
    this.stepRequest(REQUEST_IN.REFUSE);
    this.respond(fault.status, this.policy.failed(exchange, fault.status, fault) ?? null);
  }

  /** The upstream side failed before its response began: answers with the fault's status. */
  failUpstream(fault: Fault): void {
    const exchange = this.exchange!;
    this.report(fault);
    exchange.outcome = 'upstream-failed';
    this.respond(fault.status, this.policy.failed(exchange, fault.status, fault) ?? null);
  }

  /** Writes an answer of our own, whole. `plan` null: the built-in page. */
  private respond(status: number, plan: RespondPlan | null): void {
    const exchange = this.exchange!;
    this.stepResponse(RESPONSE_IN.LOCAL);
    if (status === 444) {
      this.endAll('refused', null, CLOSE);
      return;
    }
    if (!this.requestIsWhole && this.requestPhase !== REQUEST.DISCARD) {
      // The rest of the content is read and dropped; a client that waits for 100 Continue will not send it.
      this.dropsContent = true;
      if (!this.contentBegun) this.content.begin(exchange.request, false, 0);
      if (exchange.request.expectsContinue) this.closes = true;
      if (exchange.request.contentLength > MAX_DROPPED_OCTETS) this.closes = true;
    }
    if (this.mustClose() || this.requestPhase === REQUEST.CLOSED) this.closes = true;
    const { out } = this;
    const hasContent = status !== 204 && status !== 304;
    let page: Uint8Array | null = null;
    let pageStart = 0;
    let pageEnd = 0;
    if (plan?.content != null) {
      if (plan.content instanceof ConstantValue) {
        page = plan.content.octets;
        pageEnd = page.length;
      } else {
        scratch.begin();
        plan.content.put(exchange, scratch);
        page = scratch.octets;
        pageStart = scratch.start;
        pageEnd = scratch.position;
      }
    } else if (status >= 300) {
      page = builtInPage(status);
      pageEnd = page.length;
    }
    exchange.status = status;
    out.begin();
    const edits = plan?.edits ?? this.policy.pageEdits ?? PLAIN_PAGE;
    writeLocalHead(out, status, edits, hasContent ? pageEnd - pageStart : -1, this.closes, exchange);
    exchange.headOctetsSent += out.position - out.start;
    if (page !== null && hasContent && exchange.request.method !== h.METHOD_HEAD)
      out.put(page, pageStart, pageEnd);
    if (page === scratch.octets) scratch.position = pageStart;
    if (exchange.outcome === 'open') exchange.outcome = 'complete';
    this.writeOut();
    this.settle();
  }

  // ---- Writing downstream

  /** Sends the span laid down in `out` downstream. */
  writeOut(): void {
    const { out } = this;
    this.exchange!.octetsSent += out.position - out.start;
    this.effects.write(DOWNSTREAM, out.octets, out.start, out.position);
  }

  /** Sends octets downstream, behind a head in the same write where they are few. */
  send(octets: Buffer, start: number, end: number): void {
    this.exchange!.octetsSent += end - start;
    putOrWrite(this.effects, this.out, DOWNSTREAM, octets, start, end);
  }

  // ---- Ending exchanges and connections

  /** The response is whole. Goes on, waits for the rest of the request, or closes. */
  settle(): void {
    const isWhole = this.requestIsWhole;
    if (!this.closes) {
      // Content that is still to come is dropped; then settle is called again.
      if (isWhole) this.nextExchange();
      return;
    }
    this.finish();
    this.stepResponse(RESPONSE_IN.CLOSE);
    if (isWhole && this.held === null) {
      this.closeDownstream(CLOSE);
      return;
    }
    // The peer is still sending: closing now would reset the connection before it has read the answer.
    if (this.requestPhase !== REQUEST.DISCARD && this.requestPhase !== REQUEST.CLOSED)
      this.stepRequest(REQUEST_IN.REFUSE);
    this.held = null;
    this.phaseSince = this.lastOctetAt = this.now;
    if (this.requestPhase === REQUEST.CLOSED) this.closeDownstream(CLOSE);
    else this.effects.add(END, DOWNSTREAM);
  }

  private nextExchange(): void {
    this.finish();
    this.stepRequest(REQUEST_IN.NEXT);
    this.stepResponse(RESPONSE_IN.NEXT);
    this.phaseSince = this.now;
    if (this.requestPhase === REQUEST.CLOSED) this.closeDownstream(CLOSE);
  }

  /** Hands the exchange to the policy, and gives back what it held. */
  private finish(): void {
    const { exchange } = this;
    if (exchange === null) return;
    this.exchange = null;
    exchange.endedAt = this.now;
    this.policy.finished(exchange, this.now);
    this.upstream.reset();
    this.content.release();
    if (this.reader !== null) {
      releaseReader(this.reader);
      this.reader = null;
    }
  }

  /** Ends everything: the exchange, the upstream side, the connection. */
  endAll(outcome: Outcome, fault: Fault | null, how: typeof CLOSE | typeof ABORT): void {
    const { exchange } = this;
    if (fault !== null) this.report(fault);
    if (exchange !== null) {
      if (exchange.outcome === 'open') exchange.outcome = outcome;
      exchange.fault ??= fault;
      if (exchange.status === 0 && outcome === 'downstream-closed') exchange.status = 499;
    }
    this.upstream.drop();
    this.finish();
    this.closeDownstream(how);
  }

  private closeDownstream(how: typeof CLOSE | typeof ABORT): void {
    if (this.isOver) return;
    this.isOver = true;
    this.effects.add(how, DOWNSTREAM);
    if (this.reader !== null) {
      releaseReader(this.reader);
      this.reader = null;
    }
    this.held = null;
    this.requestPhase = REQUEST.CLOSED;
    if (this.responsePhase !== RESPONSE.CLOSED) this.stepResponse(RESPONSE_IN.CLOSE);
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

  /** The upstream side switched protocols: from here on octets only pass. Those that waited go first. */
  beginTunnel(): void {
    this.stepRequest(REQUEST_IN.SWITCH);
    const held = this.held;
    this.held = null;
    if (held !== null) this.upstream.sendTunnel(held, 0, held.length);
    if (this.requestPhase === REQUEST.CLOSED) this.upstream.endTunnel();
  }

  /** Writes a fault to the error log, through the policy. */
  report(fault: Fault): void {
    if (this.exchange !== null) this.exchange.fault ??= fault;
    this.policy.fault(fault, this.exchange, this.facts);
  }

  // ---- Time

  private requestDeadline(): number {
    const { rules, policy } = this;
    switch (this.requestPhase) {
      case REQUEST.IDLE:
        if (this.requests === 0) return this.facts.openedAt + policy.reading.headTimeoutMs;
        return this.phaseSince + rules.keepaliveTimeoutMs;
      case REQUEST.HEAD:
        return this.phaseSince + policy.reading.headTimeoutMs;
      case REQUEST.BODY:
        // While content waits for the upstream side, that side's timeouts apply.
        return this.readsDownstream
          ? Math.max(this.lastOctetAt, this.phaseSince) + rules.bodyTimeoutMs
          : Infinity;
      case REQUEST.DISCARD:
        return Math.min(this.phaseSince + rules.lingeringTimeMs, this.lastOctetAt + rules.lingeringTimeoutMs);
      case REQUEST.CLOSED:
        // A half-closed peer gets its answer, but a peer that has gone must not hold the upstream side for long.
        return this.responsePhase === RESPONSE.TUNNEL || this.isOver
          ? Infinity
          : Math.max(this.phaseSince, this.upstream.lastOctetAt) + HALF_CLOSED_MS;
      default:
        return Infinity;
    }
  }

  private requestExpired(): void {
    switch (this.requestPhase) {
      case REQUEST.IDLE:
        this.closeDownstream(CLOSE);
        return;
      case REQUEST.HEAD: {
        const exchange = new Exchange(this.facts, this.reader!.head, ++this.requests, this.now);
        this.exchange = exchange;
        this.stepResponse(RESPONSE_IN.REQUEST);
        this.refuse(new Fault('HEAD_TIMEOUT', 'downstream'));
        return;
      }
      case REQUEST.BODY:
        this.refuse(new Fault('CONTENT_TIMEOUT', 'downstream'));
        return;
      case REQUEST.CLOSED:
        this.endAll('downstream-closed', new Fault('DOWNSTREAM_CLOSED', 'downstream'), ABORT);
        return;
      default:
        this.closeDownstream(CLOSE);
    }
  }

  /**
   * Brings the outputs up to date. Rules for reading downstream:
   * - not while octets wait to be used: they would pile up;
   * - not between requests while the last answers are not taken: a client that only sends is not served;
   * - not in the middle of content while the upstream side cannot take it.
   */
  private sync(): void {
    if (this.isOver) {
      this.readsDownstream = this.readsUpstream = false;
      this.deadline = Infinity;
      return;
    }
    let reads = this.held === null && !this.sawEof;
    switch (this.requestPhase) {
      case REQUEST.IDLE:
      case REQUEST.HEAD:
        reads &&= !this.downstreamBlocked;
        break;
      case REQUEST.BODY:
        reads &&= this.dropsContent || this.upstream.takesContent;
        break;
      case REQUEST.TUNNEL:
        reads &&= !this.upstream.isBlocked;
        break;
      case REQUEST.CLOSED:
        reads = false;
        break;
    }
    // Content cannot have stalled while it was not read: its time counts from here.
    if (reads && !this.readsDownstream) this.lastOctetAt = this.now;
    this.readsDownstream = reads;
    this.readsUpstream = this.upstream.isReadable && !this.downstreamBlocked;
    let deadline = Math.min(this.requestDeadline(), this.upstream.deadline());
    if (this.downstreamBlocked) deadline = Math.min(deadline, this.blockedSince + this.rules.sendTimeoutMs);
    this.deadline = deadline;
  }

  // ---- Transitions

  stepRequest(input: number): void {
    const next = REQUEST_CELLS[this.requestPhase * REQUEST_INPUTS.length + input];
    if (next === ABSENT) this.unexpected();
    else this.requestPhase = next;
  }

  stepResponse(input: number): void {
    const next = RESPONSE_CELLS[this.responsePhase * RESPONSE_INPUTS.length + input];
    if (next === ABSENT) this.unexpected();
    else this.responsePhase = next;
  }

  /** wirehop is wrong about this connection: end it alone, and say so. */
  private unexpected(): void {
    const phases = `request phase ${this.requestPhase}, response phase ${this.responsePhase}`;
    this.policy.fault(new Fault('UNEXPECTED_INPUT', 'internal', -1, phases), this.exchange, this.facts);
    if (this.isOver) return;
    this.upstream.drop();
    this.isOver = true;
    this.effects.add(ABORT, DOWNSTREAM);
  }
}

/** Request content that an answer of our own makes useless is read up to this size, then the connection is closed. */
const MAX_DROPPED_OCTETS = 1048576;
/** How long the upstream side may be silent while a half-closed downstream side waits for the response. */
const HALF_CLOSED_MS = 5000;
/** Content up to this size is copied behind what was just laid down: one write, and cheaper than a second span. */
const JOIN_OCTETS = 4096;

/** Writes octets to `side`, joined to the span in `out` when that is the last thing written there. */
export function putOrWrite(
  effects: Effects,
  out: OctetWriter,
  side: SideIndex,
  octets: Buffer,
  start: number,
  end: number,
): void {
  const count = end - start;
  if (count <= JOIN_OCTETS && effects.endsWith(side, out) && out.position + count <= out.octets.length) {
    const from = out.position;
    out.put(octets, start, end);
    effects.write(side, out.octets, from, out.position);
  } else {
    effects.write(side, octets, start, end);
  }
}
