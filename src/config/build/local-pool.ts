/**
 * `keepalive ... local`: locations that share an upstream's balance and its failures, but not its idle connections.
 */
import type { Exchange, Peer, PeerSource } from '../../proxy/model.js';

/** One location's view of a balancer: the same choice, with a connection pool of its own. */
export class LocalPool implements PeerSource {
  private readonly ownByShared = new Map<Peer, Peer>();
  private readonly sharedByOwn = new Map<Peer, Peer>();

  /** @param peers every peer that `balancer` may choose */
  constructor(
    private readonly balancer: PeerSource,
    peers: readonly Peer[],
  ) {
    const [first] = peers;
    if (first === undefined) return;
    // Pools are told apart by identity.
    const pool = { ...first.pool };
    for (const peer of peers) {
      const own = { ...peer, pool };
      this.ownByShared.set(peer, own);
      this.sharedByOwn.set(own, peer);
    }
  }

  next(exchange: Exchange, now: number): Peer | undefined {
    const peer = this.balancer.next(this.asShared(exchange), now);
    return peer === undefined ? undefined : this.ownByShared.get(peer);
  }

  release(peer: Peer, failed: boolean, now: number): void {
    const shared = this.sharedByOwn.get(peer);
    if (shared !== undefined) this.balancer.release(shared, failed, now);
  }

  /** The balancer looks for its own peers among the attempts. Only a second attempt costs an object. */
  private asShared(exchange: Exchange): Exchange {
    const { attempts } = exchange;
    if (attempts.length === 0) return exchange;
    const shared = attempts.map((attempt) => ({
      ...attempt,
      peer: this.sharedByOwn.get(attempt.peer) ?? attempt.peer,
    }));
    return Object.create(exchange, { attempts: { value: shared } }) as Exchange;
  }
}
