/**
 * Idle upstream connections, kept for the next request. Decides which one is used again and which is closed; a
 * connection that shows any sign of life while idle is closed, as nobody asked for those octets (RFC 9112 9.3.1).
 */
import type { Peer, PoolRules } from '../machine/policy.js';
import type { DialRules } from '../machine/security.js';
import type { Transport, TransportEvents } from './transport.js';
import { type Wheel, WheelEntry } from './wheel.js';

/** One upstream connection: its transport and what a pool must know of it. */
export class Link extends WheelEntry {
  transport!: Transport;
  /** Requests that were sent on it. */
  requests = 0;
  /** Neighbours among the idle connections of its upstream, oldest first. */
  older: Link | null = null;
  newer: Link | null = null;
  pool: Pool | null = null;

  /**
   * @param openedAt monotonic ms
   * @param dial how it was begun: it is used again only where it would be begun the same way
   * @param serverName the name that TLS was made for; '' in the clear
   * @param source where it comes from, where exchanges may differ in that; else ''
   */
  constructor(
    readonly peer: Peer,
    readonly openedAt: number,
    readonly dial: DialRules | null = null,
    readonly serverName = '',
    readonly source = '',
  ) {
    super();
  }

  override due(): void {
    this.pool?.evict(this);
  }
}

/** The idle connections of one upstream. */
export class Pool {
  private oldest: Link | null = null;
  private newest: Link | null = null;
  private readonly byPeer = new Map<Peer, Link[]>();
  count = 0;

  constructor(
    private readonly rules: PoolRules,
    private readonly wheel: Wheel,
    private readonly events: TransportEvents,
    private readonly onClosed: () => void,
  ) {}

  /** The idle connection to `peer`, begun in the same way, that was used last, or undefined. It leaves the pool. */
  take(peer: Peer, dial: DialRules | null = null, serverName = '', source = ''): Link | undefined {
    const links = this.byPeer.get(peer);
    if (links === undefined) return undefined;
    for (let i = links.length - 1; i >= 0; i--) {
      const link = links[i];
      if (link.dial !== dial || link.serverName !== serverName || link.source !== source) continue;
      if (i === links.length - 1) links.pop();
      else links.splice(i, 1);
      this.unlink(link);
      return link;
    }
    return undefined;
  }

  /** Keeps a clean connection, or closes it if the rules say so. */
  put(link: Link, now: number): void {
    const { rules } = this;
    const isKept = rules.maxIdle > 0 && (link.dial === null || link.dial.proxyHeader === 0);
    if (!isKept || link.requests >= rules.maxRequests || now - link.openedAt >= rules.maxAgeMs) {
      link.transport.close();
      this.onClosed();
      return;
    }
    if (this.count >= rules.maxIdle && this.oldest !== null) this.evict(this.oldest);
    link.transport.owner = link;
    link.transport.events = this.events;
    // Idle connections are read: that is how their end is noticed.
    link.transport.read(true);
    link.pool = this;
    link.older = this.newest;
    link.newer = null;
    if (this.newest !== null) this.newest.newer = link;
    else this.oldest = link;
    this.newest = link;
    this.count++;
    const peers = this.byPeer.get(link.peer);
    if (peers === undefined) this.byPeer.set(link.peer, [link]);
    else peers.push(link);
    if (rules.idleTimeoutMs > 0) this.wheel.schedule(link, now + rules.idleTimeoutMs);
  }

  /** Takes a connection out of the pool and closes it. */
  evict(link: Link): void {
    if (link.pool !== this) return;
    const peers = this.byPeer.get(link.peer)!;
    peers.splice(peers.indexOf(link), 1);
    this.unlink(link);
    link.transport.destroy(false);
    this.onClosed();
  }

  /** Closes the connection that has been idle longest; answers whether there was one. */
  evictOldest(): boolean {
    if (this.oldest === null) return false;
    this.evict(this.oldest);
    return true;
  }

  close(): void {
    while (this.oldest !== null) this.evict(this.oldest);
  }

  private unlink(link: Link): void {
    if (link.older !== null) link.older.newer = link.newer;
    else this.oldest = link.newer;
    if (link.newer !== null) link.newer.older = link.older;
    else this.newest = link.older;
    link.older = link.newer = null;
    link.pool = null;
    this.count--;
    this.wheel.cancel(link);
  }
}

/** What to do when an idle connection shows any event: evict it. */
export const IDLE_EVENTS: TransportEvents = {
  onChunk: evictOwner,
  onEnd: evictOwner,
  onFailure: evictOwner,
  onDrain: () => undefined,
};

function evictOwner(transport: Transport): void {
  const link = transport.owner as Link;
  link.pool?.evict(link);
}
