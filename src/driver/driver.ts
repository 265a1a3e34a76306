/**
 * Listens, accepts, dials, pools: everything around the pump that has a socket in it. Decides how many connections are
 * open at once; leaves what is said on them to the machine and where they go to its policy.
 */
import net from 'node:net';
import { Connection } from '../machine/connection.js';
import type { ConnectionFacts, Peer, Policy, PoolRules } from '../machine/policy.js';
import { NetTransport, transportOf } from './net-transport.js';
import { IDLE_EVENTS, Link, Pool } from './pool.js';
import { type Dialler, Pump, Session } from './pump.js';
import type { Transport, TransportEvents } from './transport.js';
import { Wheel } from './wheel.js';

export type NoticeLevel = 'notice' | 'warn' | 'alert' | 'crit' | 'error';

export interface DriverOptions {
  /** Most connections open at once, both sides and idle ones counted (nginx's worker_connections). Default 512. */
  readonly workerConnections?: number;
  /** For the error log: what concerns the driver and no single exchange. */
  readonly onNotice?: (level: NoticeLevel, text: string) => void;
}

/** Where to listen. `host` numeric; port 0 takes a free one. */
export type Address =
  | { readonly host: string; readonly port: number; readonly backlog?: number; readonly ipv6Only?: boolean }
  | { readonly path: string; readonly backlog?: number };

export type BoundAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** nginx's default for `listen ... backlog=` on Linux. */
const BACKLOG = 511;

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
  private readonly wheel = new Wheel();
  private readonly pump: Pump;
  private readonly servers = new Set<net.Server>();
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
    this.pump = new Pump(this.wheel, this, () => performance.now());
  }

  /**
   * Accepts connections for `policy`. Rejects with the system's error (`EADDRINUSE`, `EACCES`...) when it cannot.
   */
  listen(address: Address, policy: Policy): Promise<BoundAddress> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.accept(socket, policy),
    );
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      const backlog = address.backlog ?? BACKLOG;
      const options =
        'path' in address
          ? { path: address.path, backlog }
          : { host: address.host, port: address.port, ipv6Only: address.ipv6Only ?? false, backlog };
      server.listen(options, () => {
        server.removeListener('error', reject);
        // Out of descriptors: the listener goes on when some are free again.
        server.on('error', (error: NodeJS.ErrnoException) =>
          this.onNotice('crit', `accept() failed (${error.code})`),
        );
        this.servers.add(server);
        this.wheel.start();
        const bound = server.address();
        if ('path' in address || bound === null || typeof bound === 'string')
          resolve({ path: String(bound) });
        else resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  /** Takes over a connection that was accepted elsewhere. The socket must have been made with `allowHalfOpen`. */
  accept(socket: net.Socket, policy: Policy): void {
    const { counters } = this;
    counters.accepted++;
    if (counters.sessions + counters.links >= this.workerConnections && !this.evictIdle()) {
      counters.refused++;
      if (!this.isShort)
        this.onNotice('alert', `${this.workerConnections} worker_connections are not enough`);
      this.isShort = true;
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    const transport = new NetTransport(socket, this.pump);
    const session = new Session(this.pump, transport);
    transport.owner = session;
    session.machine = new Connection({
      policy,
      facts: new SocketFacts(socket, ++this.serial),
      effects: this.pump.effects,
      out: this.pump.out,
      ownsChunks: transport.ownsChunks,
    });
    this.sessions.add(session);
    counters.sessions++;
    const now = performance.now();
    if (this.drains) session.machine.drain(now);
    this.pump.drain(session, now);
  }

  /** Stops accepting; idle connections close, answers say so; resolves when every connection has ended. */
  drain(): Promise<void> {
    this.drains = true;
    for (const server of this.servers) server.close();
    this.servers.clear();
    for (const pool of this.pools.values()) pool.close();
    const now = performance.now();
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
    const now = performance.now();
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
      session.cancelDial = deferred(() => this.pump.linkFailed(session, 'worker_connections are not enough'));
      return null;
    }
    counters.links++;
    counters.dialled++;
    const link = new Link(peer, now);
    const socket =
      peer.path === ''
        ? net.connect({
            host: peer.host,
            port: peer.port,
            allowHalfOpen: true,
            noDelay: true,
            autoSelectFamily: false,
          })
        : net.connect({ path: peer.path, allowHalfOpen: true });
    link.transport = new NetTransport(socket, new Dialling(this, this.pump, session, link));
    socket.once('connect', onConnect);
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

/** Runs `act` on the next turn of the event loop, unless cancelled. */
function deferred(act: () => void): () => void {
  const immediate = setImmediate(act);
  return () => clearImmediate(immediate);
}

/** The events of a connection that is being made. */
class Dialling implements TransportEvents {
  constructor(
    private readonly driver: Driver,
    private readonly pump: Pump,
    private readonly session: Session,
    private readonly link: Link,
  ) {}

  connected(): void {
    this.pump.linkConnected(this.session, this.link);
  }

  /** Octets in front of any request, delivered with the connect: nobody asked for them, and the machine will see. */
  onChunk(transport: Transport, chunk: Buffer, start: number, end: number): void {
    this.connected();
    transport.events.onChunk(transport, chunk, start, end);
  }

  onEnd(transport: Transport): void {
    this.connected();
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

function onConnect(this: net.Socket): void {
  const events = transportOf(this).events;
  if (events instanceof Dialling) events.connected();
}

/** What is known of an accepted socket; asked of the system only when somebody wants to know. */
class SocketFacts implements ConnectionFacts {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly secure: boolean;
  readonly openedAt = performance.now();
  /** Free for the policy: what it renders once per connection. */
  cache: unknown = undefined;
  private local: net.AddressInfo | null = null;

  constructor(
    private readonly socket: net.Socket,
    readonly serial: number,
  ) {
    // Asked for at once: a socket that is gone no longer knows its peer, and a log line will want it.
    this.remoteAddress = plainAddress(socket.remoteAddress) ?? 'unix:';
    this.remotePort = socket.remotePort ?? 0;
    this.secure = 'encrypted' in socket;
  }

  get localAddress(): string {
    return plainAddress(this.localInfo.address) ?? 'unix:';
  }

  get localPort(): number {
    return this.localInfo.port ?? 0;
  }

  private get localInfo(): Partial<net.AddressInfo> {
    return (this.local ??= this.socket.address() as net.AddressInfo);
  }
}

/** An IPv4 address that came in through an IPv6 socket is shown as IPv4. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') === true ? address.slice(7) : address;
}
