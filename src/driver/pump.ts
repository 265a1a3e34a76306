/**
 * Between transports and machines: a chunk arrives, the machine receives it, every effect is carried out. One pump
 * serves both sides of all connections of a driver; nothing else writes to a transport. Decides nothing about HTTP.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import type { ErrorCode, Fault } from '../error.js';
import type { Connection } from '../machine/connection.js';
import {
  ABORT,
  AWAIT,
  CLOSE,
  CONNECT,
  DOWNSTREAM,
  DROP,
  type Effect,
  Effects,
  END,
  FIND,
  OPEN,
  RELEASE,
  type SideIndex,
  UPSTREAM,
  WRITE,
} from '../machine/effects.js';
import type { Exchange } from '../machine/exchange.js';
import type { ContentSource, Decision, Peer } from '../machine/policy.js';
import type { DialRules } from '../machine/security.js';
import type { Link } from './pool.js';
import { FLUSH_TIMEOUT_MS, type Transport, type TransportEvents } from './transport.js';
import { type Wheel, WheelEntry } from './wheel.js';

/**
 * Transports read into buffers of a multiple of this size. A response that ends with such a read may have octets behind
 * it that nobody asked for; the next request would take them for its answer, so the connection is not used again.
 */
const READ_OCTETS = 65536;

/** What the pump needs of the driver: upstream connections. */
export interface Dialler {
  /**
   * A connection to `peer`: an idle one at once, or one that is being made, announced through
   * {@link Pump.linkConnected} or {@link Pump.linkFailed}.
   * @returns the idle link, or null when the answer comes later
   */
  dial(session: Session, peer: Peer, rules: DialRules | null, fresh: boolean, now: number): Link | null;
  /** A link to a source of content of our own, in place of an upstream connection. */
  openSource(session: Session, source: ContentSource, now: number): Link;
  /** The link is clean and may serve another request. */
  keep(link: Link, now: number): void;
  /** The link was closed by the pump. */
  closed(link: Link): void;
  /** Closes a transport once what waits in it is written; it counts as open until then. */
  flush(transport: Transport, flushMs: number): void;
  /** A decision that was promised is there. */
  decide(exchange: Exchange, decision: Decision): void;
  /** The session is over. */
  over(session: Session): void;
}

/** Something under way that can be given up. */
export interface Cancellable {
  cancel(): void;
}

/** One downstream connection with its machine, its transports and its place in the wheel. */
export class Session extends WheelEntry {
  machine!: Connection;
  link: Link | null = null;
  /** The dial under way, if any. */
  dial: Cancellable | null = null;
  /** @internal Neighbours in the list of the driver's sessions. */
  previous: Session | null = null;
  /** @internal */
  next: Session | null = null;
  /** The driver has been told that the machine is over. */
  isOver = false;

  constructor(
    readonly pump: Pump,
    readonly downstream: Transport,
  ) {
    super();
  }

  override due(now: number): void {
    const { machine } = this;
    // Between two writes means: a slow peer that takes something of what waits is not stalled.
    if (this.downstream.isBlocked && this.downstream.hasProgressed?.() === true)
      machine.progressed(DOWNSTREAM, now);
    const link = this.link?.transport;
    if (link?.isBlocked === true && link.hasProgressed?.() === true) machine.progressed(UPSTREAM, now);
    machine.expire(now);
    this.pump.drain(this, now);
  }
}

/** How often a blocked connection is looked at, to see whether its peer takes anything. */
const LOOK_MS = 5000;

export class Pump implements TransportEvents {
  /** Shared by all machines of the driver. */
  readonly effects = new Effects();
  readonly out = new OctetWriter();
  /** Writes to transports, for tests and the bench. */
  writes = 0;
  private dialResult: Link | null = null;
  /** The chunk under way, if it is lent: who only keeps references must not be given it. */
  private lent: Buffer | null = null;
  /** Where something was written since the chunk under way came that still waits: octets of the chunk, it may be. */
  private waitsIn: Transport | null = null;
  /** There is more than one such. */
  private waitsInMany = false;
  /** The chunk under way filled its read: what follows it may be here already, unseen. */
  private fillsRead = false;

  constructor(
    private readonly wheel: Wheel,
    private readonly dialler: Dialler,
    private readonly clock: () => number,
  ) {}

  // ---- Events of both sides

  onChunk(transport: Transport, chunk: Buffer, start: number, end: number): void {
    const session = transport.owner as Session;
    const now = this.clock();
    this.fillsRead = (end - start) % READ_OCTETS === 0;
    this.lent = transport.ownsChunks ? null : chunk;
    this.waitsIn = null;
    this.waitsInMany = false;
    session.machine.receive(sideOf(session, transport), chunk, start, end, now);
    this.drain(session, now);
    this.fillsRead = false;
    this.lent = null;
    if (transport.ownsChunks && !this.waitsInMany && !session.machine.downstream.holds)
      transport.taken?.(chunk, this.waitsIn);
    this.waitsIn = null;
  }

  onEnd(transport: Transport): void {
    const session = transport.owner as Session;
    const now = this.clock();
    session.machine.ended(sideOf(session, transport), now);
    this.drain(session, now);
  }

  onFailure(transport: Transport, detail: string): void {
    const session = transport.owner as Session;
    const now = this.clock();
    const side = sideOf(session, transport);
    if (side === UPSTREAM) {
      this.dialler.closed(session.link!);
      session.link = null;
    }
    session.machine.failed(side, detail, now);
    this.drain(session, now);
  }

  onDrain(transport: Transport): void {
    const session = transport.owner as Session;
    const now = this.clock();
    session.machine.drained(sideOf(session, transport), now);
    this.drain(session, now);
  }

  /** A connection asked for through {@link Dialler.dial} is there. */
  linkConnected(session: Session, link: Link): void {
    const now = this.clock();
    this.attach(session, link);
    session.machine.connected(false, now);
    this.drain(session, now);
  }

  /** A connection asked for through {@link Dialler.dial} could not be made. */
  linkFailed(session: Session, detail: string, code?: ErrorCode): void {
    const now = this.clock();
    session.dial = null;
    session.machine.connectFailed(detail, now, code);
    this.drain(session, now);
  }

  // ---- Effects

  /** Carries out every effect of the machine's last input, then brings reading and deadline into line with it. */
  drain(session: Session, now: number): void {
    const { machine } = session;
    for (;;) {
      this.carryOut(session, now);
      const link = this.dialResult;
      if (link !== null) {
        this.dialResult = null;
        machine.connected(true, now);
      } else if (session.downstream.isBlocked && !machine.downstream.isBlocked && !machine.isOver) {
        machine.blocked(DOWNSTREAM, now);
      } else if (session.link?.transport.isBlocked === true && !machine.upstream.isBlocked) {
        machine.blocked(UPSTREAM, now);
      } else {
        break;
      }
    }
    if (machine.isOver) {
      if (session.isOver) return;
      session.isOver = true;
      this.wheel.cancel(session);
      this.dialler.over(session);
      return;
    }
    session.downstream.read(machine.readsDownstream);
    session.link?.transport.read(machine.readsUpstream);
    const isBlocked = session.downstream.isBlocked || session.link?.transport.isBlocked === true;
    this.wheel.schedule(session, isBlocked ? Math.min(machine.deadline, now + LOOK_MS) : machine.deadline);
  }

  private carryOut(session: Session, now: number): void {
    const { effects, out } = this;
    if (effects.count === 0) return;
    let waits = false;
    for (let i = 0; i < effects.count; i++) {
      const effect = effects.at(i);
      switch (effect.kind) {
        case WRITE: {
          const transport =
            effect.side === DOWNSTREAM ? session.downstream : (session.link?.transport ?? null);
          if (transport === null) break;
          const hasMore = i + 1 < effects.count && continues(effects, i, effect.side);
          this.write(transport, effect, hasMore);
          if (!hasMore) {
            this.writes++;
            if (transport.waitingOctets > 0) {
              waits = true;
              this.waitsInMany ||= this.waitsIn !== null && this.waitsIn !== transport;
              this.waitsIn = transport;
            }
          }
          break;
        }
        case END:
          if (effect.side === DOWNSTREAM) session.downstream.end();
          else session.link?.transport.end();
          break;
        case CLOSE:
          if (effect.side === DOWNSTREAM)
            this.dialler.flush(session.downstream, session.machine.rules.sendTimeoutMs);
          else this.dropLink(session, false);
          break;
        case ABORT:
          if (effect.side === DOWNSTREAM) session.downstream.destroy(true);
          else this.dropLink(session, true);
          break;
        case DROP:
          session.downstream.destroy(false);
          break;
        case RELEASE: {
          if (this.fillsRead) {
            this.dropLink(session, false);
            break;
          }
          const link = session.link!;
          session.link = null;
          this.dialler.keep(link, now);
          break;
        }
        case AWAIT:
          this.await(session.machine.exchange!, effect.promise!);
          effect.promise = null;
          break;
        case CONNECT: {
          const link = this.dialler.dial(session, effect.peer!, effect.dial, effect.fresh, now);
          if (link !== null) {
            this.attach(session, link);
            this.dialResult = link;
          }
          break;
        }
        case OPEN:
          this.attach(session, this.dialler.openSource(session, effect.source!, now));
          effect.source = null;
          break;
        case FIND:
          this.find(session, effect.finding!);
          effect.finding = null;
          break;
      }
    }
    effects.clear();
    out.settle(waits);
  }

  /** A method of its own: a closure's function costs every call what the closure needs. */
  private await(exchange: Exchange, promise: Promise<Decision>): void {
    void promise.then((decision) => this.dialler.decide(exchange, decision));
  }

  private find(session: Session, finding: Promise<Fault | null>): void {
    void finding.then((fault) => {
      const now = this.clock();
      session.machine.found(finding, fault, now);
      this.drain(session, now);
    });
  }

  private write(transport: Transport, { buffer, start, end }: Effect, hasMore: boolean): void {
    if (buffer !== this.lent || transport.keepsLent) {
      transport.write(buffer!, start, end, hasMore);
      return;
    }
    const { out } = this;
    out.begin();
    out.put(buffer!, start, end);
    transport.write(out.octets, out.start, out.position, hasMore);
  }

  private attach(session: Session, link: Link): void {
    session.dial = null;
    session.link = link;
    link.requests++;
    link.transport.owner = session;
    link.transport.events = this;
  }

  private dropLink(session: Session, now: boolean): void {
    session.dial?.cancel();
    session.dial = null;
    const { link } = session;
    if (link === null) return;
    session.link = null;
    if (now) link.transport.destroy(false);
    else this.dialler.flush(link.transport, FLUSH_TIMEOUT_MS);
    this.dialler.closed(link);
  }
}

function sideOf(session: Session, transport: Transport): SideIndex {
  return transport === session.downstream ? DOWNSTREAM : UPSTREAM;
}

/** Whether the effect behind `i` writes to the same side. */
function continues(effects: Effects, i: number, side: SideIndex): boolean {
  const next = effects.at(i + 1);
  return next.kind === WRITE && next.side === side;
}
