/**
 * One upstream: its peers, how one is chosen, and who uses it. Decides who is tried next; leaves to the machine whether
 * there is a next try.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { Peer, PeerSource, PoolRules } from '../../machine/policy.js';
import type { KeySource } from './hash.js';
import {
  type Method,
  type PeerAddress,
  PeerGroup,
  PeerState,
  SeenPeer,
  type UpstreamServer,
} from './peers.js';
import { RoundRobin } from './round-robin.js';

/** Makes the method of one group. */
export type MakeMethod = (group: PeerGroup) => Method;

/**
 * The state of an upstream lives in this process alone, as that of an upstream without `zone` does in an nginx worker.
 */
export class Balancer {
  private readonly states = new Map<UpstreamServer, readonly PeerState[]>();
  /** By what an exchange is bound to them (sticky). Several may share a route. */
  private readonly byId = new Map<string, PeerState[]>();
  private primary!: Method;
  private backup!: Method;
  /** The only peer: its failures never leave it out ("a single server is never considered unavailable"). */
  private single: PeerState | null = null;
  private views = 0;

  /**
   * @param route by what an exchange says that it is bound to a peer (sticky); null when none is
   * @throws RangeError when all servers are backups
   */
  constructor(
    servers: readonly UpstreamServer[],
    private readonly method: MakeMethod = (group) => new RoundRobin(group),
    private readonly route: KeySource | null = null,
  ) {
    if (servers.every(({ backup }) => backup)) throw new RangeError('no servers in upstream');
    for (const server of servers) {
      this.states.set(
        server,
        server.addresses.map((address) => new PeerState(address, server)),
      );
    }
    this.regroup();
  }

  /**
   * The name of a server has these addresses now. Peers that stay keep their accounting; one that is gone finishes what
   * it has begun. A server without addresses is not asked until it has some.
   */
  replace(server: UpstreamServer, addresses: readonly PeerAddress[]): void {
    const before = this.states.get(server) ?? [];
    const states = addresses.map(
      (address) => before.find((state) => isSame(state.address, address)) ?? new PeerState(address, server),
    );
    this.states.set(server, states);
    this.regroup();
  }

  private regroup(): void {
    const all = [...this.states.values()].flat();
    this.byId.clear();
    if (this.route !== null) for (const state of all) this.nameById(state);
    this.primary = this.method(new PeerGroup(all.filter(({ isBackup }) => !isBackup)));
    this.backup = this.method(new PeerGroup(all.filter(({ isBackup }) => isBackup)));
    this.single = all.length === 1 ? all[0] : null;
  }

  /** What one user of the upstream draws peers from. The balance is common; idle connections belong to `pool`. */
  view(pool: PoolRules): PeerSource {
    return new View(this, pool, this.views++);
  }

  /** @internal */
  choose(exchange: Exchange, now: number): PeerState | null {
    const { single } = this;
    const state = single === null ? this.chooseOne(exchange, now) : chooseOnly(single, exchange);
    if (state !== null) state.take(now);
    return state;
  }

  private chooseOne(exchange: Exchange, now: number): PeerState | null {
    const bound = this.route === null ? null : this.boundTo(this.route.text(exchange), exchange, now);
    return bound ?? this.primary.choose(exchange, now) ?? this.backup.choose(exchange, now);
  }

  private boundTo(id: string, exchange: Exchange, now: number): PeerState | null {
    if (id === '') return null;
    const states = this.byId.get(id);
    if (states === undefined) return null;
    for (let i = 0; i < states.length; i++) if (states[i].canServe(exchange, now)) return states[i];
    return null;
  }

  private nameById(state: PeerState): void {
    const known = this.byId.get(state.id);
    if (known === undefined) this.byId.set(state.id, [state]);
    else known.push(state);
  }
}

function chooseOnly(state: PeerState, { attempts, passStart }: Exchange): PeerState | null {
  const { down, drain, maxConns } = state.server;
  if (down || drain || (maxConns > 0 && state.conns >= maxConns)) return null;
  // A stale connection from the pool says nothing about the peer, and it is the only one to ask again.
  for (let i = passStart; i < attempts.length; i++) if (!attempts[i].reused) return null;
  return state;
}

function isSame(a: PeerAddress, b: PeerAddress): boolean {
  return a.name === b.name && a.weight === b.weight && (a.isBackup === true) === (b.isBackup === true);
}

/** One user's view of a balancer. */
class View implements PeerSource {
  constructor(
    private readonly balancer: Balancer,
    private readonly pool: PoolRules,
    private readonly index: number,
  ) {}

  next(exchange: Exchange, now: number): Peer | undefined {
    const state = this.balancer.choose(exchange, now);
    if (state === null) return undefined;
    return (state.seen[this.index] ??= new SeenPeer(state, this.pool));
  }

  release(peer: Peer, failed: boolean, now: number): void {
    if (peer instanceof SeenPeer) peer.state.release(failed, now);
  }
}
