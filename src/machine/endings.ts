/**
 * The state of a connection, what is written downstream, and how exchanges and the connection end. One object with
 * {@link Answering}, {@link Deciding} and {@link Connection}, which are built on each other in this order.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import { Fault } from '../error.js';
import type { DownstreamSide } from './downstream-side.js';
import type { DROP } from './effects.js';
import { ABORT, CLOSE, DOWNSTREAM, Effects, END } from './effects.js';
import type { Exchange, Outcome } from './exchange.js';
import { Pace } from './pace.js';
import {
  ABSENT,
  REQUEST,
  REQUEST_IN,
  RESPONSE,
  RESPONSE_CELLS,
  RESPONSE_IN,
  RESPONSE_INPUTS,
} from './phases.js';
import type { ConnectionFacts, DownstreamRules, Policy } from './policy.js';
import type { SourceSide } from './source-side.js';
import type { UpstreamSide } from './upstream-side.js';

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

/** See the head of this file. */
export abstract class Endings {
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
  abstract readonly downstream: DownstreamSide;
  /** @internal */
  abstract readonly upstream: UpstreamSide;
  /** What stands in for the upstream side while an answer of our own is read from a source. @internal */
  source: SourceSide | null = null;
  /** The rules in force: those of the last exchange's location, at first the listener's. @internal */
  rules: DownstreamRules;
  /** The connection is closed behind the response under way. @internal */
  closes = false;
  /** The response goes at a rate. null: as fast as can be. */
  protected pace: Pace | null = null;
  /** Now, as the running input has it. Monotonic ms. @internal */
  now: number;

  /** No further request is wanted. Read only outside. */
  drains = false;
  /** The share of {@link drain}, for tunnels; -1: they go on. Read only outside. */
  leavesAt = -1;
  /** Octets of answers of our own that the running input has laid down. */
  protected laidDown = 0;
  protected putsOff = false;
  /** The request, or its dropped content, took too long: nothing more is waited for. */
  protected isTimedOut = false;

  constructor(options: ConnectionOptions) {
    this.policy = options.policy;
    this.facts = options.facts;
    this.effects = options.effects ?? new Effects();
    this.out = options.out ?? new OctetWriter();
    this.rules = options.policy.defaults;
    this.now = options.facts.openedAt;
    this.deadline = this.now + options.policy.reading.headTimeoutMs;
  }

  /** The main exchange ends, or is refused: so does its subrequest. */
  protected abstract leaveSubrequest(): void;

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
  protected get nextPartAt(): number {
    return this.holdsBack && !this.downstream.isBlocked ? this.pace!.nextAt : Infinity;
  }

  /** Sends what may go by now. Answers whether the exchange ended with it. */
  protected keepPace(): boolean {
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
      if (!isWhole) {
        downstream.lingerInContent();
        return;
      }
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

  /** Writes a fault to the error log, through the policy. @internal */
  report(fault: Fault): void {
    if (this.exchange !== null) this.exchange.fault ??= fault;
    this.policy.fault(fault, this.exchange, this.facts);
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
