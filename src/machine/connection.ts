/**
 * One downstream connection, sans I/O: octets, ends, connects, errors and the time go in; effects, two reading flags
 * and a deadline come out. Decides what each input is for, when a request is read, and when there is a tunnel. Leaves
 * what is done about a request to {@link Deciding}, answers of our own to {@link Answering}, ends to {@link Endings}, the
 * downstream half of each exchange to {@link DownstreamSide} and the upstream half to {@link UpstreamSide}.
 *
 * Contract: after every input drain `effects`, then align reading with `readsDownstream` and `readsUpstream`, and look
 * at the connection again through `expire` no later than `deadline`. No input may be given while another runs.
 */
import { type ErrorCode, Fault } from '../error.js';
import { Deciding } from './deciding.js';
import { DownstreamSide } from './downstream-side.js';
import { ABORT, CLOSE, type SideIndex, UPSTREAM } from './effects.js';
import type { ConnectionOptions } from './endings.js';
import type { Attempt, Exchange } from './exchange.js';
import { REQUEST, REQUEST_IN, RESPONSE } from './phases.js';
import type { Decision, Review } from './policy.js';
import { UpstreamSide } from './upstream-side.js';

export type { ConnectionOptions } from './endings.js';

/**
 * One downstream connection with its exchanges and its upstream side. After every input drain {@link effects}, then
 * bring reading into line with {@link readsDownstream} and {@link readsUpstream}, and call {@link expire} no later
 * than {@link deadline}. No input may be given while another runs, and none throws.
 */
export class Connection extends Deciding {
  /** @internal */
  override readonly downstream: DownstreamSide;
  /** @internal */
  override readonly upstream: UpstreamSide;

  /** A connection that has just been accepted: it waits for a request. */
  constructor(options: ConnectionOptions) {
    super(options);
    this.downstream = new DownstreamSide(this, options.ownsChunks ?? false);
    this.upstream = new UpstreamSide(this);
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
}
