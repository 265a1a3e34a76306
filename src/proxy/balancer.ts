/**
 * Round robin among the peers of an upstream: nginx's smooth weighted one, with its accounting of failures. Decides who
 * is tried next; leaves to the machine whether there is a next try.
 */
import type { Exchange } from '../machine/exchange.js';
import type { Peer, PeerSource } from '../machine/policy.js';

/** One `server` of an upstream: a name that stands for one peer or more, each with the same numbers. */
export interface UpstreamServer {
  readonly peers: readonly Peer[];
  /** From 1. */
  readonly weight: number;
  /** Failures within failTimeoutMs after which a peer is left out for as long; 0 for never. */
  readonly maxFails: number;
  readonly failTimeoutMs: number;
  /** Asked only when no other peer can be. */
  readonly backup: boolean;
  /** Never asked. */
  readonly down: boolean;
}

/** nginx's accounting of one peer. */
class PeerState {
  currentWeight = 0;
  effectiveWeight: number;
  fails = 0;
  /** When it last failed. Monotonic ms. */
  failedAt = -Infinity;
  /** When it last failed, or was tried again behind a time-out. */
  checkedAt = -Infinity;

  constructor(
    readonly peer: Peer,
    readonly server: UpstreamServer,
  ) {
    this.effectiveWeight = server.weight;
  }

  isLeftOut(now: number): boolean {
    const { maxFails, failTimeoutMs } = this.server;
    return maxFails > 0 && this.fails >= maxFails && now - this.checkedAt <= failTimeoutMs;
  }
}

/**
 * The peers of one upstream. Its state lives in this process alone, as that of an upstream without `zone` does in an
 * nginx worker.
 */
export class RoundRobin implements PeerSource {
  private readonly primary: readonly PeerState[];
  private readonly backup: readonly PeerState[];
  /** The only peer: never left out ("a single server is never considered unavailable"). */
  private readonly single: PeerState | null;
  private readonly states = new Map<Peer, PeerState>();

  /** Throws a RangeError when all servers are backups, or none has a peer. */
  constructor(servers: readonly UpstreamServer[]) {
    const all = servers.flatMap((server) => server.peers.map((peer) => new PeerState(peer, server)));
    for (const state of all) this.states.set(state.peer, state);
    this.primary = all.filter((state) => !state.server.backup);
    this.backup = all.filter((state) => state.server.backup);
    if (this.primary.length === 0) throw new RangeError('no servers in upstream');
    this.single = all.length === 1 ? all[0] : null;
  }

  next(exchange: Exchange, now: number): Peer | undefined {
    const { attempts, passStart } = exchange;
    if (this.single !== null) {
      // A stale connection from the pool says nothing about the peer, and it is the only one to ask again.
      for (let i = passStart; i < attempts.length; i++) if (!attempts[i].reused) return undefined;
      return this.single.server.down ? undefined : this.single.peer;
    }
    return pick(this.primary, exchange, now) ?? pick(this.backup, exchange, now);
  }

  release(peer: Peer, failed: boolean, now: number): void {
    if (this.single !== null) return;
    const state = this.states.get(peer);
    if (state === undefined) return;
    if (!failed) {
      // Only a try that began behind the last failure clears it.
      if (state.failedAt < state.checkedAt) state.fails = 0;
      return;
    }
    const { weight, maxFails } = state.server;
    state.fails++;
    state.failedAt = state.checkedAt = now;
    if (maxFails > 0)
      state.effectiveWeight = Math.max(0, state.effectiveWeight - Math.floor(weight / maxFails));
  }
}

/**
 * Each candidate gains its weight, the richest is chosen and pays the sum of all weights: with weights 5, 1, 1 the order
 * is a a b a c a a, not a a a a a b c. A peer that failed regains its weight by one a turn.
 */
function pick(states: readonly PeerState[], exchange: Exchange, now: number): Peer | undefined {
  let best: PeerState | null = null;
  let total = 0;
  for (let i = 0; i < states.length; i++) {
    const state = states[i];
    if (state.server.down || state.isLeftOut(now) || wasTried(exchange, state.peer)) continue;
    state.currentWeight += state.effectiveWeight;
    total += state.effectiveWeight;
    if (state.effectiveWeight < state.server.weight) state.effectiveWeight++;
    if (best === null || state.currentWeight > best.currentWeight) best = state;
  }
  if (best === null) return undefined;
  best.currentWeight -= total;
  if (now - best.checkedAt > best.server.failTimeoutMs) best.checkedAt = now;
  return best.peer;
}

function wasTried({ attempts, passStart }: Exchange, peer: Peer): boolean {
  for (let i = passStart; i < attempts.length; i++) if (attempts[i].peer === peer) return true;
  return false;
}
