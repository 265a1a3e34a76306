/**
 * Listens, accepts, dials, pools: everything around the pump that has a socket in it. Decides how many connections are
 * open at once; leaves what is said on them to the machine and where they go to its policy.
 */
import type { Socket } from 'node:net';
import { Connection } from '../machine/connection.js';
import type { Peer, Policy, PoolRules } from '../machine/policy.js';
import { handleNetwork } from './handle-transport.js';
import { NET, NetTransport, SocketEndpoint } from './net-transport.js';
import { IDLE_EVENTS, Link, Pool } from './pool.js';
import { type Dialler, Pump, Session } from './pump.js';
import type {
  Address,
  BoundAddress,
  DialEvents,
  Endpoint,
  Listener,
  Network,
  Transport,
} from './transport.js';
import { Wheel } from './wheel.js';

export type TransportKind = 'net' | 'handle';

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
  accepted: number;
  /** Refused because workerConnections were open. */
  refused: number;
  /** Downstream connections open now. */
  sessions: number;
  /** Upstream connections open now, idle ones included. */
  links: number;
  /** Upstream connections made since the start. */
  dialled: number;
}

export class Driver implements Dialler {
  readonly counters: DriverCounters = { accepted: 0, refused: 0, sessions: 0, links: 0, dialled: 0 };
  private readonly time: Time;
  private readonly wheel: Wheel;
  private readonly pump: Pump;
  private readonly network: Network;
  private readonly listeners = new Set<Listener>();
  private readonly sessions = new Set<Session>();
  private readonly pools = new Map<PoolRules, Pool>();
  private readonly workerConnections: number;
  private readonly onNotice: (level: NoticeLevel, text: string) => void;
  private serial = 0;
  private drains = false;
  private onEmpty: (() => void) | null = null;
  /** The shortage of connections was reported, and none was closed since. */
  private isShort = false;

  constructor(options: DriverOptions = {}) {
    this.workerConnections = options.workerConnections ?? 512;
    this.onNotice = options.onNotice ?? (() => undefined);
    const time = options.time ?? systemTime();
    this.time = time;
    this.wheel = time.wheel;
    this.pump = new Pump(time.wheel, this, () => time.now());
    this.network = options.network ?? (options.transport === 'handle' ? handleNetwork(this.pump.out) : NET);
  }

  /**
   * Accepts connections for `policy`. Rejects with the system's error (`EADDRINUSE`, `EACCES`...) when it cannot.
   */
  async listen(address: Address, policy: Policy): Promise<BoundAddress> {
    const listener = await this.network.listen(
      address,
      (transport, endpoint) => this.begin(transport, endpoint, policy),
      (code) => this.onNotice('crit', `accept() failed (${code})`),
    );
    this.listeners.add(listener);
    this.wheel.start();
    return listener.bound;
  }

  /** Takes over a connection that was accepted elsewhere. The socket must have been made with `allowHalfOpen`. */
  accept(socket: Socket, policy: Policy): void {
    this.wheel.start();
    this.begin(new NetTransport(socket, this.pump), new SocketEndpoint(socket), policy);
  }

  /** One more downstream connection. */
  private begin(transport: Transport, endpoint: Endpoint, policy: Policy): void {
    const { counters } = this;
    counters.accepted++;
    if (counters.sessions + counters.links >= this.workerConnections && !this.evictIdle()) {
      counters.refused++;
      if (!this.isShort)
        this.onNotice('alert', `${this.workerConnections} worker_connections are not enough`);
      this.isShort = true;
      transport.destroy(false);
      return;
    }
    endpoint.serial = ++this.serial;
    const session = new Session(this.pump, transport);
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
    const now = this.time.now();
    if (this.drains) session.machine.drain(now);
    this.pump.drain(session, now);
  }

  /** Stops accepting; idle connections close, answers say so; resolves when every connection has ended. */
  drain(): Promise<void> {
    this.drains = true;
    for (const listener of this.listeners) listener.close();
    this.listeners.clear();
    for (const pool of this.pools.values()) pool.close();
    const now = this.time.now();
    for (const session of [...this.sessions]) {
      session.machine.drain(now);
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
    for (const session of [...this.sessions]) {
      session.machine.abort(now);
      this.pump.drain(session, now);
    }
    await ended;
    for (const pool of this.pools.values()) pool.close();
    this.wheel.stop();
  }

  // ---- Dialler

  dial(session: Session, peer: Peer, fresh: boolean, now: number): Link | null {
    if (!fresh) {
      const idle = this.pool(peer.pool).take(peer);
      if (idle !== undefined) return idle;
    }
    const { counters } = this;
    if (counters.sessions + counters.links >= this.workerConnections && !this.evictIdle()) {
      session.cancelDial = this.time.defer(() =>
        this.pump.linkFailed(session, 'worker_connections are not enough'),
      );
      return null;
    }
    counters.links++;
    counters.dialled++;
    const link = new Link(peer, now);
    link.transport = this.network.connect(peer, new Dialling(this, this.pump, session, link));
    session.cancelDial = () => {
      link.transport.destroy(false);
      this.closed(link);
    };
    return null;
  }

  keep(link: Link, now: number): void {
    if (this.drains) {
      link.transport.close();
      this.closed(link);
    } else {
      this.pool(link.peer.pool).put(link, now);
    }
  }

  closed(_link: Link): void {
    this.counters.links--;
    this.isShort = false;
  }

  over(session: Session): void {
    if (!this.sessions.delete(session)) return;
    this.counters.sessions--;
    this.isShort = false;
    this.checkEmpty();
  }

  private pool(rules: PoolRules): Pool {
    let pool = this.pools.get(rules);
    if (pool === undefined) {
      pool = new Pool(rules, this.wheel, IDLE_EVENTS, () => {
        this.counters.links--;
        this.isShort = false;
      });
      this.pools.set(rules, pool);
    }
    return pool;
  }

  /** Closes an idle upstream connection to make room; answers whether there was one. */
  private evictIdle(): boolean {
    for (const pool of this.pools.values()) if (pool.evictOldest()) return true;
    return false;
  }

  private checkEmpty(): void {
    if (this.sessions.size > 0 || this.onEmpty === null) return;
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

/** The events of a connection that is being made. */
class Dialling implements DialEvents {
  constructor(
    private readonly driver: Driver,
    private readonly pump: Pump,
    private readonly session: Session,
    private readonly link: Link,
  ) {}

  onConnect(): void {
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

  onFailure(_transport: Transport, detail: string): void {
    this.driver.closed(this.link);
    this.pump.linkFailed(this.session, detail);
  }

  onDrain(): void {
    // Nothing is written before the connection is there.
  }
}
