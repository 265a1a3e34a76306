/**
 * The upstream half of an exchange, as its {@link Connection} knows it: octets, ends and failures of the upstream side come
 * in here, and its deadlines. Decides about tunnels; tries, request and response are those of the classes that it extends.
 */
import { Fault } from '../error.js';
import type { FieldEdits } from '../message/field-edits.js';
import { UPGRADE } from '../message/field-names.js';
import { namesProtocol } from '../message/protocols.js';
import { writeResponseHead, writeTunnelHead } from '../wire/http1/head-writer.js';
import { NOTHING, WRAPPED } from './attempts.js';
import { CLOSE, DOWNSTREAM, END, UPSTREAM } from './effects.js';
import type { Exchange } from './exchange.js';
import { Farewell } from './farewell.js';
import { REQUEST, RESPONSE, RESPONSE_IN } from './phases.js';
import { NEXT_ERROR, NEXT_TIMEOUT, type Review } from './policy.js';
import { headOptions, ResponseRelay } from './response-relay.js';

export class UpstreamSide extends ResponseRelay {
  get isReadable(): boolean {
    return this.isOpen && !this.sawEof && this.connection.responsePhase !== RESPONSE.REVIEW && !this.rests;
  }

  /** Nothing more is read for a while, to keep to a rate. */
  private get rests(): boolean {
    return this.readPace !== null && this.readPace.restsUntil > this.connection.now;
  }

  // ---- Time

  /** Monotonic ms at which {@link expire} has something to do. */
  deadline(): number {
    const { plan, connection } = this;
    if (plan === null) return Infinity;
    let deadline = this.isBlocked ? this.blockedSince + plan.sendTimeoutMs : Infinity;
    switch (connection.responsePhase) {
      case RESPONSE.DIAL:
        // Whoever looks for peers has a time of its own.
        return this.finding !== null ? Infinity : this.since + plan.connectTimeoutMs;
      case RESPONSE.HEAD:
      case RESPONSE.BODY:
        if (this.rests) return Math.min(deadline, this.readPace!.restsUntil);
        // While the request is still being sent, or the response not taken, this side is not to blame.
        if (
          (connection.downstream.isSpent || !this.sendsContent) &&
          !connection.downstream.isBlocked &&
          !connection.holdsBack
        ) {
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

  // ---- Inputs

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
    if (this.readPace !== null) this.since = this.readPace.add(end - start);
  }

  /** The policy has looked at the response head: goes on with what waited behind it. */
  reviewed(review: Review): void {
    const { connection, held } = this;
    this.held = NOTHING;
    this.since = connection.now;
    this.passHead(connection.exchange!, review, held, 0, held.length);
    if (this.sawEof && this.isOpen) this.act();
  }

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

  // ---- Tunnels

  protected switchProtocols(
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
    this.travelLight();
    return end;
  }

  /** The tunnel is there as soon as its end is connected to: the answer is ours, and the end has said nothing yet. */
  protected openTunnel(exchange: Exchange): void {
    const { connection } = this;
    exchange.status = this.attempt!.status = 200;
    exchange.tunnelled = true;
    this.attempt!.headAt = connection.now;
    const { out } = connection;
    out.begin();
    writeTunnelHead(out, this.plan!.responseEdits, exchange);
    exchange.headOctetsSent += out.position - out.start;
    connection.writeOut();
    connection.stepResponse(RESPONSE_IN.SWITCH);
    connection.beginTunnel();
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
}
