/**
 * The downstream half of a connection: reads requests one after another, holds what comes too early, and knows when
 * the downstream side is read and how long it is waited for. Part of {@link Connection}, which owns it and decides
 * what becomes of each request.
 */
import { type ErrorCode, Fault } from '../error.js';
import * as h from '../message/head.js';
import {
  CONTENT_END,
  CONTENT_MORE,
  CONTENT_REFUSED,
  CONTENT_SPAN,
  type ContentReader,
  NO_CONTENT,
  readerFor,
} from '../wire/http1/content-reader.js';
import {
  acquireReader,
  HEAD_MORE,
  HEAD_REFUSED,
  type HeadReader,
  releaseReader,
} from '../wire/http1/head-reader.js';
import { TYPE_REQUEST } from '../wire/http1/llhttp.js';
import type { Connection } from './connection.js';
import { ABORT, CLOSE } from './effects.js';
import { Exchange } from './exchange.js';
import { ABSENT, REQUEST, REQUEST_CELLS, REQUEST_IN, REQUEST_INPUTS, RESPONSE } from './phases.js';

/**
 * What is waited for on a drain, though nginx closes at once: the first request of a connection that has just been made,
 * and the next one of a client that asks one after the other. They are on their way, and would be lost.
 */
const FIRST_MS = 1000;
const NEXT_MS = 100;

/** How long the upstream side may be silent while a half-closed downstream side waits for the response. */
const HALF_CLOSED_MS = 5000;

export class DownstreamSide {
  /** A phase of the request table in `phases.ts`. */
  phase: number = REQUEST.IDLE;
  /** The downstream side has not taken all that was written. */
  isBlocked = false;
  /** It has ended its half. What it sent before may still be held. */
  sawEof = false;
  /** Requests begun on this connection. */
  requests = 0;
  /** Monotonic ms. */
  phaseSince: number;
  blockedSince = 0;

  private reader: HeadReader | null = null;
  private content: ContentReader = NO_CONTENT;
  private contentBegun = false;
  /** Request content is dropped: the answer is our own. */
  private dropsContent = false;
  private droppedSince = 0;
  /** The rest of the chunk whose head is being decided on. */
  private ahead: Buffer | null = null;
  private aheadStart = 0;
  private aheadEnd = 0;
  /** Octets that came too early: content before the upstream side is ready, or a pipelined request. */
  private held: Buffer | null = null;
  private lastOctetAt: number;
  /** The last answer of {@link isRead}. */
  private wasRead = true;

  /** @param ownsChunks chunks are not used again by their owner, so what is held of them needs no copy */
  constructor(
    private readonly connection: Connection,
    private readonly ownsChunks: boolean,
  ) {
    this.phaseSince = this.lastOctetAt = connection.facts.openedAt;
  }

  // ---- Octets

  receive(chunk: Buffer, start: number, end: number): void {
    this.lastOctetAt = this.connection.now;
    // A transport may deliver one more chunk after it was told to stop.
    if (this.held === null) this.hold(chunk, this.consume(chunk, start, end), end);
    else this.held = Buffer.concat([this.held, chunk.subarray(start, end)]);
  }

  /** Tries again with octets that had to wait; then acts on the end of the downstream side, if it came. */
  goOn(): void {
    const { connection, held } = this;
    if (held !== null && !connection.isOver) {
      this.held = null;
      const at = this.consume(held, 0, held.length);
      // A connection that ended meanwhile holds nothing.
      if (at < held.length && !connection.isOver) this.held = at === 0 ? held : held.subarray(at);
    }
    if (this.sawEof && this.held === null && !connection.isOver) this.ended();
  }

  /** Whether octets wait to be used. */
  get holds(): boolean {
    return this.held !== null;
  }

  /** Drops what waits: nothing of it will be used. */
  dropHeld(): void {
    this.held = null;
  }

  /** Hands over what waits. */
  takeHeld(): Buffer | null {
    const { held } = this;
    this.held = null;
    return held;
  }

  private hold(chunk: Buffer, at: number, end: number): void {
    if (at >= end) return;
    const rest = chunk.subarray(at, end);
    this.held = this.ownsChunks ? rest : Buffer.from(rest);
  }

  /** Takes what can be taken of chunk[start, end); answers where it stopped. */
  private consume(chunk: Buffer, start: number, end: number): number {
    const { connection } = this;
    let at = start;
    while (at < end) {
      switch (this.phase) {
        case REQUEST.IDLE:
        case REQUEST.HEAD:
          if (connection.responsePhase !== RESPONSE.IDLE || this.isBlocked) return at;
          if (connection.hasAnsweredEnough) return at;
          at = this.readHead(chunk, at, end);
          break;
        case REQUEST.BODY:
          if (!this.dropsContent && !connection.upstream.takesContent) return at;
          at = this.readContent(chunk, at, end);
          break;
        case REQUEST.DONE:
          return at;
        case REQUEST.TUNNEL:
          connection.upstream.sendTunnel(chunk, at, end);
          return end;
        default:
          return end;
      }
    }
    return at;
  }

  private readHead(chunk: Buffer, at: number, end: number): number {
    const { connection } = this;
    const reader = (this.reader ??= acquireReader(TYPE_REQUEST));
    const answer = reader.read(chunk, at, end, connection.policy.reading);
    if (this.phase === REQUEST.IDLE && (reader.begun || answer === HEAD_REFUSED)) {
      this.step(REQUEST_IN.OCTETS);
      this.phaseSince = this.requests === 0 ? connection.facts.openedAt : connection.now;
    }
    if (answer === HEAD_MORE) return reader.consumed;
    const exchange = this.beginExchange(reader);
    if (answer === HEAD_REFUSED) {
      connection.refuse(new Fault(reader.fault, 'downstream', reader.faultOffset));
      return end;
    }
    const { head } = reader;
    const { consumed } = reader;
    exchange.octetsReceived = head.length;
    this.step(head.body === h.BODY_NONE ? REQUEST_IN.BARE : REQUEST_IN.CONTENT);
    this.phaseSince = connection.now;
    this.dropsContent = false;
    this.contentBegun = false;
    if (head.method === h.METHOD_CONNECT) {
      // Whatever follows was meant for the other end of the tunnel, if there is none for nobody.
      head.keepsAlive = false;
      const fault = this.faultOfConnect(head);
      if (fault !== null) {
        connection.refuse(new Fault(fault, 'downstream', 0));
        return end;
      }
    }
    this.ahead = chunk;
    this.aheadStart = consumed;
    this.aheadEnd = end;
    connection.decideOn(exchange);
    this.ahead = null;
    return consumed;
  }

  private faultOfConnect(head: h.Head): ErrorCode | null {
    if (this.connection.policy.connects !== true) return 'CONNECT_REFUSED';
    return head.body === h.BODY_NONE ? null : 'CONNECT_CONTENT';
  }

  private beginExchange(reader: HeadReader): Exchange {
    const { connection } = this;
    const exchange = new Exchange(connection.facts, reader.head, ++this.requests, connection.now);
    connection.begin(exchange);
    return exchange;
  }

  private readContent(chunk: Buffer, start: number, end: number): number {
    const { connection, content } = this;
    const exchange = connection.exchange!;
    for (let at = start; ; at = content.at) {
      const answer = content.next(chunk, at, end);
      exchange.octetsReceived += content.at - at;
      if (answer === CONTENT_MORE) return content.at;
      if (answer === CONTENT_REFUSED) {
        connection.refuse(new Fault(content.fault, 'downstream', content.at));
        return end;
      }
      if (answer === CONTENT_SPAN) {
        if (!this.dropsContent) connection.upstream.send(chunk, content.spanStart, content.spanEnd);
      } else if (answer === CONTENT_END) {
        const { at: behind } = content;
        this.step(REQUEST_IN.END);
        content.release();
        connection.requestComplete();
        return behind;
      } else if (!this.dropsContent) {
        connection.upstream.sendTrailer(content);
      }
    }
  }

  // ---- What the connection decides

  /** The request under way is whole. */
  get isWhole(): boolean {
    return this.phase === REQUEST.DONE || (this.phase === REQUEST.CLOSED && this.sawEof);
  }

  /** Nothing of the request is waited for: it is whole, or what still comes of it is dropped. */
  get isSpent(): boolean {
    return this.isWhole || this.dropsContent || this.phase === REQUEST.DISCARD;
  }

  /**
   * Content of `request` will be passed on; beyond `maxContentOctets` it is refused. Chunks that have come already are
   * looked through first, so that no origin hears of a request that is broken from its start.
   * @returns what is wrong with them, or null
   */
  passContent(request: h.Head, maxContentOctets: number): ErrorCode | null {
    const { held, ahead } = this;
    const content = (this.content = readerFor(this.content, request));
    const { nameOctets } = this.connection.policy.reading;
    this.contentBegun = true;
    if (
      request.body === h.BODY_CHUNKED &&
      (held !== null || (ahead !== null && this.aheadStart < this.aheadEnd))
    ) {
      content.begin(request, false, maxContentOctets, nameOctets);
      const answer =
        held !== null
          ? drainContent(content, held, 0, held.length)
          : drainContent(content, ahead!, this.aheadStart, this.aheadEnd);
      if (answer === CONTENT_REFUSED) return content.fault;
    }
    content.begin(request, true, maxContentOctets, nameOctets);
    return null;
  }

  /** What still comes of the request's content is read and dropped; beyond `maxContentOctets` it is refused. */
  dropContent(request: h.Head, maxContentOctets = 0): void {
    this.dropsContent = true;
    this.droppedSince = this.connection.now;
    if (!this.contentBegun) {
      this.content = readerFor(this.content, request);
      this.content.begin(request, false, maxContentOctets);
    }
    this.contentBegun = true;
  }

  /** The answer is whole in front of the content: what still comes of that is waited for from here on. */
  lingerInContent(): void {
    this.droppedSince = this.connection.now;
  }

  /** The answer is whole and the connection stays: ready for the next request. */
  next(): void {
    this.step(REQUEST_IN.NEXT);
    this.phaseSince = this.connection.now;
  }

  /** No request is read any more: what still comes is dropped, for lingering_time at most. */
  discard(): void {
    if (this.phase !== REQUEST.DISCARD && this.phase !== REQUEST.CLOSED) this.step(REQUEST_IN.REFUSE);
    this.held = null;
    this.phaseSince = this.lastOctetAt = this.connection.now;
  }

  /** A tunnel begins, which may last: what only heads and content need is given back. The request head stays. */
  travelLight(): void {
    this.reader?.leaveHead();
    this.release();
    this.content = NO_CONTENT;
  }

  /** The exchange is over: gives back what it used. */
  release(): void {
    this.content.release();
    if (this.reader !== null) releaseReader(this.reader);
    this.reader = null;
  }

  // ---- Ends and time

  /** The downstream side has ended its half, and all that it sent is used. */
  private ended(): void {
    const { connection } = this;
    switch (this.phase) {
      case REQUEST.TUNNEL:
        this.step(REQUEST_IN.EOF);
        connection.upstream.endTunnel();
        return;
      case REQUEST.DONE:
        // Half-close: the response still goes out, and the connection closes behind it.
        this.step(REQUEST_IN.EOF);
        this.phaseSince = connection.now;
        return;
      case REQUEST.BODY:
        connection.endAll('downstream-closed', new Fault('CONTENT_INCOMPLETE', 'downstream'), ABORT);
        return;
      case REQUEST.CLOSED:
        return;
      case REQUEST.DISCARD:
        if (connection.exchange !== null) {
          // Another location answers in place of a refusal: that answer still goes out.
          this.step(REQUEST_IN.EOF);
          this.phaseSince = connection.now;
          return;
        }
        connection.close(CLOSE);
        return;
      default:
        connection.close(CLOSE);
    }
  }

  block(): void {
    if (this.isBlocked) return;
    this.isBlocked = true;
    this.blockedSince = this.connection.now;
  }

  /** Everything written was taken. The times of this side, which stood still meanwhile, go on. */
  unblock(): void {
    if (!this.isBlocked) return;
    this.isBlocked = false;
    const { now, upstream } = this.connection;
    // A head was not read meanwhile, but what it took before still counts; all else begins anew.
    if (this.phase === REQUEST.HEAD) this.phaseSince += now - this.blockedSince;
    else this.phaseSince = this.lastOctetAt = now;
    upstream.resume();
  }

  /**
   * Whether the downstream side is to be read. It is not:
   * - while octets wait to be used: they would pile up;
   * - between requests while the last answers are not taken: a client that only sends is not served;
   * - in the middle of content, or of a tunnel, while the upstream side cannot take it.
   */
  isRead(): boolean {
    let reads = this.held === null && !this.sawEof;
    switch (this.phase) {
      case REQUEST.IDLE:
      case REQUEST.HEAD:
        reads &&= !this.isBlocked;
        break;
      case REQUEST.BODY:
        reads &&= this.dropsContent || this.connection.upstream.takesContent;
        break;
      case REQUEST.TUNNEL:
        reads &&= !this.connection.upstream.isBlocked;
        break;
      case REQUEST.CLOSED:
        reads = false;
        break;
    }
    // Content cannot have stalled while it was not read: its time counts from here.
    if (reads && !this.wasRead) this.lastOctetAt = this.connection.now;
    return (this.wasRead = reads);
  }

  /** Monotonic ms at which {@link expire} has something to do. Ask {@link isRead} first. */
  deadline(): number {
    const { connection } = this;
    const { rules, policy } = connection;
    // What is written is not taken: the rest of this side's times stand still.
    if (this.isBlocked) return this.blockedSince + rules.sendTimeoutMs;
    switch (this.phase) {
      case REQUEST.IDLE:
        return this.idleUntil();
      case REQUEST.HEAD:
        return this.phaseSince + policy.reading.headTimeoutMs;
      case REQUEST.BODY:
        // Content that nobody wants is waited for as behind a refusal, as in nginx.
        if (this.lingersInContent) return this.lingersUntil(this.droppedSince);
        // Nor may it end an answer that is going out: a client that was told to send none sends none.
        if (this.dropsContent && (connection.responsePhase === RESPONSE.BODY || connection.holdsBack))
          return Infinity;
        // While content waits for the upstream side, that side's times count.
        return this.wasRead ? Math.max(this.lastOctetAt, this.phaseSince) + rules.bodyTimeoutMs : Infinity;
      case REQUEST.DISCARD:
        return connection.exchange === null ? this.lingersUntil(this.phaseSince) : Infinity;
      case REQUEST.CLOSED:
        // A half-closed peer gets its answer, but a peer that has gone must not hold the upstream side for long.
        return connection.responsePhase === RESPONSE.TUNNEL || connection.holdsBack
          ? Infinity
          : Math.max(this.phaseSince, connection.upstream.lastOctetAt) + HALF_CLOSED_MS;
      default:
        return Infinity;
    }
  }

  /** The answer is given, and the content that follows is of no use. */
  private get lingersInContent(): boolean {
    const { responsePhase, holdsBack } = this.connection;
    return this.dropsContent && responsePhase === RESPONSE.DONE && !holdsBack;
  }

  /** How long the next request is waited for. */
  private idleUntil(): number {
    const { rules, policy, facts, drains } = this.connection;
    if (this.requests === 0) {
      const { headTimeoutMs } = policy.reading;
      if (!drains) return facts.openedAt + headTimeoutMs;
      return (facts.arrivedAt ?? facts.openedAt) + Math.min(FIRST_MS, headTimeoutMs);
    }
    const { keepaliveTimeoutMs, keepaliveMinTimeoutMs = 0 } = rules;
    if (!drains) return this.phaseSince + keepaliveTimeoutMs;
    return this.phaseSince + Math.min(keepaliveTimeoutMs, Math.max(NEXT_MS, keepaliveMinTimeoutMs));
  }

  private lingersUntil(since: number): number {
    const { lingeringTimeMs, lingeringTimeoutMs } = this.connection.rules;
    return Math.min(since + lingeringTimeMs, Math.max(since, this.lastOctetAt) + lingeringTimeoutMs);
  }

  /** Acts on the deadline, which has passed. */
  expire(): void {
    const { connection } = this;
    if (this.isBlocked) {
      connection.cutOff(new Fault('SEND_TIMEOUT', 'downstream'));
      return;
    }
    switch (this.phase) {
      case REQUEST.HEAD:
        this.beginExchange(this.reader!);
        connection.timeOut(new Fault('HEAD_TIMEOUT', 'downstream'));
        return;
      case REQUEST.BODY:
        connection.timeOut(
          new Fault(this.lingersInContent ? 'LINGERING_TIMEOUT' : 'CONTENT_TIMEOUT', 'downstream'),
        );
        return;
      case REQUEST.CLOSED:
        connection.endAll('downstream-closed', new Fault('DOWNSTREAM_CLOSED', 'downstream'), ABORT);
        return;
      default:
        connection.close(CLOSE);
    }
  }

  /** Takes the transition for `input`; a table without one is a fault of wirehop's. */
  step(input: number): void {
    const next = REQUEST_CELLS[this.phase * REQUEST_INPUTS.length + input];
    if (next === ABSENT) this.connection.unexpected();
    else this.phase = next;
  }
}

/** Reads content up to its end, or as far as it came; answers the reader's last answer. */
function drainContent(content: ContentReader, octets: Buffer, start: number, end: number): number {
  for (let at = start; ; at = content.at) {
    const answer = content.next(octets, at, end);
    if (answer === CONTENT_MORE || answer === CONTENT_END || answer === CONTENT_REFUSED) return answer;
  }
}
