/**
 * Listens, accepts, dials, pools: everything around the pump that has a socket in it. Decides how many connections are
 * open at once; leaves what is said on them to the machine and where they go to its policy.
 */
import { performance } from 'node:perf_hooks';
import type { Socket } from 'node:net';
import type { ErrorCode } from '../error.js';
import { Connection } from '../machine/connection.js';
import type { Attempt, Exchange } from '../machine/exchange.js';
import type { ContentSource, Decision, Peer, Policy, PoolRules, Review } from '../machine/policy.js';
import type { DialRules, DialSocket } from '../machine/security.js';
import { proxyHeaderOf } from '../wire/proxy-protocol/writer.js';
import { handleNetwork } from './handle-transport.js';
import { Arrival, type ArrivalHost } from './arrival.js';
import { NET, NetTransport, SocketEndpoint } from './net-transport.js';
import { IDLE_EVENTS, Link, Pool } from './pool.js';
import { type Cancellable, type Dialler, Pump, Session } from './pump.js';
import { SessionList } from './session-list.js';
import type {
  Address,
  BoundAddress,
  BoundSocket,
  DialEvents,
  Endpoint,
  Listener,
  Network,
  Transport,
} from './transport.js';
import { isSourceLink, sourceLink } from './source-transport.js';
import { connectSecurely } from './tls-dial.js';
import { Wheel } from './wheel.js';

/** How sockets are had: by Node's public API, or by its bare handles. */
export type TransportKind = 'net' | 'handle';

/** How grave a notice of the driver is, in the words of nginx's error_log. */
export type NoticeLevel = 'notice' | 'warn' | 'alert' | 'crit' | 'error';

export interface DriverOptions {
  /** Most connections open at once, both sides and idle ones counted (nginx's worker_connections). Default 512. */
  readonly workerConnections?: number;
  /** For the error log: what concerns the driver and no single exchange. */
  readonly onNotice?: (level: NoticeLevel, text: string) => void;
  /** How sockets are had: `net` (default) by Node's public API, `handle` by bare handles, if {@link tryHandles} is content. */
  readonly transport?: TransportKind;
  /** Instead of `transport`: sockets of another kind, as in a simulation. */
  readonly network?: Network;
  /** Where the time comes from. Default: the system. */
  readonly time?: Time;
  /** Called for every connection that is accepted. Must not call back. */
  readonly onAccept?: () => void;
  /** From 0 up to 1: spreads the ends of tunnels. Default: Math.random. */
  readonly random?: () => number;
}

/** The time as the driver has it: the system's, or a simulation's. */
export interface Time {
  /** Monotonic ms. */
  now(): number;
  /** Runs `act` on a later turn, never during the call. Answers how to cancel it. */
  defer(act: () => void): () => void;
  /** Looks at deadlines; the driver starts and stops it. */
  readonly wheel: Wheel;
}

/** Figures of a driver at one moment. */
export interface DriverCounters {
  /** Downstream connections accepted since the start. */
  accepted: number;
  /** Refused because workerConnections were open, or the client had gone before it was known. */
  refused: number;
  /** Downstream connections open now. */
  sessions: number;
  /** Upstream connections open now, idle ones included. */
  links: number;
  /** Upstream connections made since the start. */
  dialled: number;
  /** Connections of either side that are over but for octets that their peer has not taken yet. */
  flushing: number;
  /** Idle downstream connections closed to make room. */
  shed: number;
}

/** What connections are at: see {@link Driver.figures}. */
export interface DriverFigures {
  /** Since the start. */
  readonly accepted: number;
  /** Of these, those that were not refused. */
  readonly handled: number;
  /** Open now. */
  readonly active: number;
  /** Of these, those whose request head is being read. */
  readonly reading: number;
  /** Those that wait for a request, or have not arrived at one. */
  readonly waiting: number;
  /** Requests under way, one on each of the others. */
  readonly requests: number;
}

/** Share of the connections that is kept for the upstream side. */
const UPSTREAM_RESERVE = 1 / 16;
/** How many connections are looked at for one that can be closed to make room. */
const SHED_LOOKS = 64;
/** Longer than a turn of the event loop takes, unless there is a flood. */
const QUIET_MS = 100;
/** A shortage of connections is reported this often at most: a flood must not fill the log. */
const SHORTAGE_EVERY_MS = 1000;

export class Driver implements Dialler, ArrivalHost {
  readonly counters: DriverCounters = {
    accepted: 0,
    refused: 0,
    sessions: 0,
    links: 0,
    dialled: 0,
    flushing: 0,
    shed: 0,
  };
  private readonly time: Time;
  private readonly wheel: Wheel;
  private readonly pump: Pump;
  private readonly network: Network;
  private readonly listeners = new Set<Listener>();
  private readonly sessions = new SessionList();
  /** Accepted, and not at their first request yet; oldest first. */
  private readonly arrivals = new Set<Arrival>();
  private readonly pools = new Map<PoolRules, Pool>();
  /** Upstreams that are in force no longer: nothing of theirs is kept. */
  private readonly retiredPools = new WeakSet<PoolRules>();
  private readonly workerConnections: number;
  /** Of these, those that no downstream connection may take. */
  private readonly reserve: number;
  private readonly onNotice: (level: NoticeLevel, text: string) => void;
  private readonly onAccept: (() => void) | undefined;
  private readonly random: () => number;
  private serial = 0;
  private drains = false;
  private onEmpty: (() => void) | null = null;
  /** Transports that are closing, as {@link flush} has it. */
  private readonly closing = new Set<Transport>();
  /** See {@link readSince}. Monotonic ms. */
  private thisTurn = -Infinity;
  private turnBefore = -Infinity;
  private countsTurns = false;
  /** Monotonic ms of the last reports that connections are short: closed to make room, refused. */
  private warnedAt = -Infinity;
  private alertedAt = -Infinity;

  constructor(options: DriverOptions = {}) {
    this.workerConnections = options.workerConnections ?? 512;
    this.reserve = Math.floor(this.workerConnections * UPSTREAM_RESERVE);
    this.onNotice = options.onNotice ?? (() => undefined);
    this.onAccept = options.onAccept;
    this.random = options.random ?? Math.random;
    const time = options.time ?? systemTime();
    this.time = time;
    this.wheel = time.wheel;
    this.pump = new Pump(time.wheel, this, () => time.now());
    this.network = options.network ?? (options.transport === 'handle' ? handleNetwork(this.pump.out) : NET);
  }

  /**
   * Accepts connections for `policy`, or for the one that is in force when a connection comes. Rejects with the
   * system's error (`EADDRINUSE`, `EACCES`...) when it cannot.
   */
  async listen(
    address: Address,
    policy: Policy | (() => Policy),
    socket?: BoundSocket,
  ): Promise<BoundAddress> {
    const current = typeof policy === 'function' ? policy : (): Policy => policy;
    // TLS is Node's, and needs Node's sockets.
    const network = current().arrival?.security === undefined ? this.network : NET;
    const listener = await network.listen(
      address,
      (transport, endpoint) => this.receive(transport, endpoint, current(), endpoint.openedAt),
      (code) => this.onNotice('crit', `accept() failed (${code})`),
      socket,
    );
    this.listeners.add(listener);
    this.wheel.start();
    return listener.bound;
  }

  /** Stops listening at what {@link listen} answered. Connections that were accepted stay. */
  stopListening(bound: BoundAddress): void {
    for (const listener of this.listeners) {
      if (listener.bound !== bound) continue;
      listener.close();
      this.listeners.delete(listener);
    }
  }

  /** Takes over a connection that was accepted elsewhere. The socket must have been made with `allowHalfOpen`. */
  accept(socket: Socket, policy: Policy): void {
    this.wheel.start();
    this.receive(new NetTransport(socket, this.pump), new SocketEndpoint(socket), policy, this.time.now());
  }

  /**
   * Serves a connection over any transport, which has come to its first request: what the policy says of arrivals is
   * the caller's. Not to be called from inside a policy.
   */
  serve(transport: Transport, endpoint: Endpoint, policy: Policy): void {
    this.wheel.start();
    this.begin(transport, endpoint, policy, this.time.now());
  }

  /**
   * Serves one exchange whose first octets were read elsewhere, and what comes of it, a tunnel included; no further
   * request is read behind it. Not to be called from inside a policy.
   * @param octets the whole request head, and what came behind it; the transport's from here on
   */
  serveOne(transport: Transport, endpoint: Endpoint, policy: Policy, octets: Buffer): void {
    this.wheel.start();
    const session = this.begin(transport, endpoint, policy, this.time.now());
    if (session === null) return;
    this.pump.onChunk(transport, octets, 0, octets.length);
    const now = this.time.now();
    session.machine.drain(now);
    this.pump.drain(session, now);
  }

  /** A decision that a policy put off: see {@link Policy.plan}. Ignored when the exchange is over. */
  decide(exchange: Exchange, plan: Decision): void {
    const session = (exchange.connection as Endpoint).session as Session;
    const now = this.time.now();
    session.machine.decide(exchange, plan, now);
    this.pump.drain(session, now);
  }

  /** A verdict that a policy put off: see {@link Policy.review}. Ignored when the attempt is over. */
  reviewed(exchange: Exchange, attempt: Attempt, review: Review): void {
    const session = (exchange.connection as Endpoint).session as Session;
    const now = this.time.now();
    session.machine.reviewed(attempt, review, now);
    this.pump.drain(session, now);
  }

  /** A policy is in force no longer: its idle connections close, others behind their answer. Tunnels go on. */
  retire(policy: Policy): void {
    const now = this.time.now();
    for (const session of this.sessions.head()) {
      if (session.machine.policy !== policy) continue;
      session.machine.drain(now);
      this.pump.drain(session, now);
    }
  }

  /** An upstream is in force no longer: its idle connections close, and no other is kept. */
  retirePool(rules: PoolRules): void {
    this.retiredPools.add(rules);
    this.pools.get(rules)?.close();
    this.pools.delete(rules);
  }

  /** A connection was accepted: it is served once it has arrived. */
  private receive(transport: Transport, endpoint: Endpoint, policy: Policy, now: number): void {
    const { arrival: rules } = policy;
    // A socket that has TLS already was looked after by whoever made it.
    if (rules === undefined || endpoint.tls !== null) {
      this.begin(transport, endpoint, policy, now);
      return;
    }
    if (!this.admit(transport, endpoint, now)) return;
    const arrival = new Arrival(this, transport, endpoint, policy, rules);
    this.arrivals.add(arrival);
    this.counters.sessions++;
    this.wheel.schedule(arrival, arrival.deadline);
    transport.read(true);
  }

  arrived(arrival: Arrival, transport: Transport, chunk: Buffer, start: number, end: number): void {
    this.leave(arrival);
    const now = this.time.now();
    arrival.endpoint.arrivedAt = now;
    const session = this.open(transport, arrival.endpoint, arrival.policy, now);
    if (this.drains) session.machine.drain(now, this.random());
    if (start < end) this.pump.onChunk(transport, chunk, start, end);
  }

  lost(arrival: Arrival): void {
    this.leave(arrival);
    this.checkEmpty();
  }

  private leave(arrival: Arrival): void {
    this.wheel.cancel(arrival);
    if (this.arrivals.delete(arrival)) this.counters.sessions--;
  }

  /** One more downstream connection; null when there is no room for it. */
  private begin(transport: Transport, endpoint: Endpoint, policy: Policy, now: number): Session | null {
    if (!this.admit(transport, endpoint, now)) return null;
    const session = this.open(transport, endpoint, policy, now);
    if (this.drains) {
      session.machine.drain(now, this.random());
      this.pump.drain(session, now);
    }
    return session;
  }

  /** Whether there is room for one more downstream connection, and its client known. If not, it is closed. */
  private admit(transport: Transport, endpoint: Endpoint, now: number): boolean {
    const { counters } = this;
    counters.accepted++;
    this.onAccept?.();
    if (!endpoint.hasPeer) {
      counters.refused++;
      transport.destroy(false);
      return false;
    }
    if (!this.hasRoom() && !this.shedIdle(now)) {
      counters.refused++;
      if (now - this.alertedAt >= SHORTAGE_EVERY_MS) {
        this.alertedAt = now;
        this.onNotice('alert', `${this.workerConnections} worker_connections are not enough`);
      }
      transport.destroy(false);
      return false;
    }
    endpoint.serial = ++this.serial;
    return true;
  }

  /** The first request of a connection can be read. */
  private open(transport: Transport, endpoint: Endpoint, policy: Policy, now: number): Session {
    const { counters } = this;
    const session = new Session(this.pump, transport);
    endpoint.session = session;
    transport.owner = session;
    transport.events = this.pump;
    session.machine = new Connection({
      policy,
      facts: endpoint,
      effects: this.pump.effects,
      out: this.pump.out,
      ownsChunks: transport.ownsChunks,
    });
    this.sessions.add(session);
    counters.sessions++;
    this.pump.drain(session, now);
    return session;
  }

  /** What the downstream connections are at now. Looks at each: not for every request. */
  figures(): DriverFigures {
    const { accepted, refused, sessions } = this.counters;
    let reading = 0;
    let waiting = this.arrivals.size;
    let requests = 0;
    for (const { machine } of this.sessions.head()) {
      if (machine.exchange !== null) requests++;
      else if (machine.idleSince !== Infinity) waiting++;
      else reading++;
    }
    return { accepted, handled: accepted - refused, active: sessions, reading, waiting, requests };
  }

  /**
   * Stops accepting; idle connections close, answers say so, WebSocket tunnels end if their plan has a farewell; resolves
   * when every connection has ended.
   */
  drain(): Promise<void> {
    this.drains = true;
    for (const listener of this.listeners) listener.close();
    this.listeners.clear();
    for (const pool of this.pools.values()) pool.close();
    const now = this.time.now();
    for (const session of this.sessions.head()) {
      session.machine.drain(now, this.random());
      this.pump.drain(session, now);
    }
    return new Promise((resolve) => {
      this.onEmpty = resolve;
      this.checkEmpty();
    });
  }

  /** Ends everything now. */
  async close(): Promise<void> {
    const ended = this.drain();
    const now = this.time.now();
    for (const arrival of [...this.arrivals]) arrival.drop();
    for (const session of this.sessions.head()) {
      session.machine.abort(now);
      this.pump.drain(session, now);
    }
    for (const transport of [...this.closing]) transport.destroy(false);
    await ended;
    for (const pool of this.pools.values()) pool.close();
    this.wheel.stop();
  }

  // ---- Dialler

  dial(session: Session, peer: Peer, rules: DialRules | null, fresh: boolean, now: number): Link | null {
    const serverName = rules?.tls?.nameOf(session.machine.exchange!) ?? '';
    const socket = rules?.socketOf?.(session.machine.exchange!) ?? rules?.socket;
    const source = rules?.socketOf === undefined ? '' : sourceOf(socket!);
    if (!fresh) {
      const idle = this.pools.get(peer.pool)?.take(peer, rules, serverName, source);
      if (idle !== undefined) return idle;
    }
    const link = new Link(peer, now, rules, serverName, source);
    if (this.free > 0 || this.evictIdle()) {
      this.connect(session, link, socket);
      return null;
    }
    // Another session's effects cannot be carried out in the middle of this one's.
    const cancel = this.time.defer(() => {
      const then = this.time.now();
      if (this.free > 0 || this.shedIdle(then)) this.connect(session, link, socket);
      else this.pump.linkFailed(session, 'worker_connections are not enough');
    });
    session.dial = { cancel };
    return null;
  }

  private connect(session: Session, link: Link, socket: DialSocket | undefined): void {
    const { counters } = this;
    const { peer, dial, serverName } = link;
    counters.links++;
    counters.dialled++;
    const preface = dial === null ? NO_PREFACE : prefaceOf(dial, session.machine.exchange!);
    const tls = dial?.tls ?? null;
    const events = new Dialling(this, this.pump, session, link, tls === null ? preface : NO_PREFACE);
    link.transport =
      tls === null
        ? this.network.connect(peer, events, socket)
        : connectSecurely(peer, events, tls, serverName, preface, socket);
    session.dial = events;
  }

  keep(link: Link, now: number): void {
    if (this.drains || this.retiredPools.has(link.peer.pool)) {
      link.transport.close();
      this.closed(link);
    } else {
      this.pool(link.peer.pool).put(link, now);
    }
  }

  openSource(session: Session, source: ContentSource, now: number): Link {
    return sourceLink(source, session.downstream, now);
  }

  closed(link: Link): void {
    // A source is no connection, and was never counted as one.
    if (!isSourceLink(link)) this.counters.links--;
  }

  flush(transport: Transport, flushMs: number): void {
    if (transport.waitingOctets === 0) {
      transport.close();
      return;
    }
    const { counters, closing } = this;
    counters.flushing++;
    closing.add(transport);
    transport.close(flushMs, () => {
      counters.flushing--;
      closing.delete(transport);
      this.checkEmpty();
    });
  }

  over(session: Session): void {
    this.sessions.remove(session);
    this.counters.sessions--;
    this.checkEmpty();
  }

  private pool(rules: PoolRules): Pool {
    let pool = this.pools.get(rules);
    if (pool === undefined) {
      pool = new Pool(rules, this.wheel, IDLE_EVENTS, () => {
        this.counters.links--;
      });
      this.pools.set(rules, pool);
    }
    return pool;
  }

  /** Connections that may still be opened. */
  private get free(): number {
    const { sessions, links, flushing } = this.counters;
    return this.workerConnections - sessions - links - flushing;
  }

  /**
   * Whether there is room for a downstream connection. Some is left to upstream connections, free or idle: a flood that
   * is only accepted must not take from those who ask what they need.
   */
  private hasRoom(): boolean {
    if (this.free > this.reserve) return true;
    let idle = 0;
    for (const pool of this.pools.values()) idle += pool.count;
    return this.free + idle > this.reserve && (this.free > 0 || this.evictIdle());
  }

  /** Closes the oldest of a few arrivals that have not sent an octet; answers whether there was one. */
  private shedSilent(): boolean {
    let looks = SHED_LOOKS;
    for (const arrival of this.arrivals) {
      if (looks-- === 0) return false;
      if (!arrival.isSilent) continue;
      this.counters.shed++;
      arrival.drop();
      return true;
    }
    return false;
  }

  /**
   * Closes the downstream connection that has been idle longest among a few, to make room, as nginx closes those that
   * it calls reusable; answers whether there was one. Not from inside another session's effects.
   */
  private shedIdle(now: number): boolean {
    if (this.shedSilent()) return true;
    let longest: Session | null = null;
    let since = this.readSince(now);
    for (const session of this.sessions.head(SHED_LOOKS)) {
      // To the end of the line with it, so that the next look is at others.
      this.sessions.remove(session);
      this.sessions.add(session);
      if (session.machine.idleSince >= since) continue;
      longest = session;
      since = session.machine.idleSince;
    }
    if (longest === null) return false;
    this.counters.shed++;
    if (now - this.warnedAt >= SHORTAGE_EVERY_MS) {
      this.warnedAt = now;
      this.onNotice(
        'warn',
        `${this.workerConnections} worker_connections are not enough, reusing connections`,
      );
    }
    longest.machine.shed(now);
    this.pump.drain(longest, now);
    return true;
  }

  /**
   * Monotonic ms: what has been idle since before then has been read since, and had nothing to say. In a flood a
   * thousand connections are accepted in one turn of the event loop, and none of them is read before the next: so it is
   * the beginning of the turn before, as long as connections stay short.
   */
  private readSince(now: number): number {
    if (!this.countsTurns) {
      this.countsTurns = true;
      if (now - this.thisTurn > QUIET_MS) {
        this.thisTurn = now;
        this.turnBefore = now - QUIET_MS;
      }
      this.time.defer(() => {
        this.countsTurns = false;
        this.turnBefore = this.thisTurn;
        this.thisTurn = this.time.now();
      });
    }
    return this.turnBefore;
  }

  /** Closes an idle upstream connection to make room; answers whether there was one. */
  private evictIdle(): boolean {
    for (const pool of this.pools.values()) if (pool.evictOldest()) return true;
    return false;
  }

  private checkEmpty(): void {
    if (this.sessions.size > 0 || this.arrivals.size > 0 || this.closing.size > 0 || this.onEmpty === null)
      return;
    this.onEmpty();
    this.onEmpty = null;
    for (const pool of this.pools.values()) pool.close();
    this.wheel.stop();
  }
}

function systemTime(): Time {
  return {
    now: () => performance.now(),
    defer: (act) => {
      const immediate = setImmediate(act);
      return () => clearImmediate(immediate);
    },
    wheel: new Wheel(),
  };
}

const NO_PREFACE: Buffer = Buffer.alloc(0);

/** The PROXY header in front of a connection for this exchange; empty where none is wanted. */
function prefaceOf({ proxyHeader }: DialRules, exchange: Exchange): Buffer {
  return proxyHeader === 0 ? NO_PREFACE : proxyHeaderOf(proxyHeader, exchange.connection);
}

/** Tells connections apart that come from different places. */
function sourceOf({ localAddress, localPort }: DialSocket): string {
  return `${localAddress} ${localPort}`;
}

/** The events of a connection that is being made. */
class Dialling implements DialEvents, Cancellable {
  constructor(
    private readonly driver: Driver,
    private readonly pump: Pump,
    private readonly session: Session,
    private readonly link: Link,
    /** Written as soon as the connection is there, in front of everything. */
    private readonly preface: Buffer,
  ) {}

  cancel(): void {
    this.link.transport.destroy(false);
    this.driver.closed(this.link);
  }

  onConnect(): void {
    const { preface } = this;
    if (preface.length > 0) this.link.transport.write(preface, 0, preface.length, false);
    this.pump.linkConnected(this.session, this.link);
  }

  /** Octets in front of any request, delivered with the connect: nobody asked for them, and the machine will see. */
  onChunk(transport: Transport, chunk: Buffer, start: number, end: number): void {
    this.onConnect();
    transport.events.onChunk(transport, chunk, start, end);
  }

  onEnd(transport: Transport): void {
    this.onConnect();
    transport.events.onEnd(transport);
  }

  onFailure(_transport: Transport, detail: string, code?: ErrorCode): void {
    this.driver.closed(this.link);
    this.pump.linkFailed(this.session, detail, code);
  }

  onDrain(): void {
    // Nothing is written before the connection is there.
  }
}
