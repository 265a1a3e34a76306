/**
 * The peers of an upstream, and nginx's accounting of each. Decides which of them can be asked now; leaves the choice
 * among those to a {@link Method}.
 */
import { createHash } from 'node:crypto';
import type { Attempt, Exchange } from '../../machine/exchange.js';
import type { Peer, PoolRules } from '../../machine/policy.js';

/** Where one peer is. */
export interface PeerAddress extends Pick<Peer, 'name' | 'host' | 'port' | 'path'> {
  /** From an SRV record: its weight, which holds where the server has none of its own. */
  readonly weight?: number;
  /** From an SRV record that is not of the most preferred ones. */
  readonly isBackup?: boolean;
}

/** One `server` of an upstream: a name that stands for one address or more, each a peer with the same numbers. */
export interface UpstreamServer {
  /** As written: what `hash ... consistent` places on its ring. */
  readonly name: string;
  /** At the start. May be none for a name that is resolved again. */
  readonly addresses: readonly PeerAddress[];
  /** From 1. */
  readonly weight: number;
  /** Failures within failTimeoutMs after which a peer is left out for as long; 0 for never. */
  readonly maxFails: number;
  readonly failTimeoutMs: number;
  /** How long a peer that was left out takes to regain its weight, from nothing, once it is well again; 0: it has it at once. */
  readonly slowStartMs?: number;
  /** Exchanges at a time; 0 for no limit. Counted per worker. */
  readonly maxConns: number;
  /** Asked only when no other peer can be. */
  readonly backup: boolean;
  /** Never asked. */
  readonly down: boolean;
  /** Asked only by those that are bound to it (sticky). */
  readonly drain: boolean;
  /** Names the server in a cookie or a route (sticky); '' for the digest of its address. */
  readonly route: string;
}

/** nginx's accounting of one peer. */
export class PeerState {
  currentWeight = 0;
  effectiveWeight: number;
  fails = 0;
  /** Exchanges under way. */
  conns = 0;
  /** When it last failed. Monotonic ms. */
  failedAt = -Infinity;
  /** When it last failed, or was tried again behind a time-out. */
  checkedAt = -Infinity;
  /** Since when it regains its weight, monotonic ms; -1: it has it. Read only outside. */
  recoversSince = -1;
  /** @internal by the number of the view: how each user of the upstream sees this peer */
  readonly seen: SeenPeer[] = [];
  readonly weight: number;
  readonly isBackup: boolean;
  /** @internal whose failures are counted together */
  group: PeerGroup | null = null;
  private digest = '';

  constructor(
    readonly address: PeerAddress,
    readonly server: UpstreamServer,
  ) {
    this.weight = server.weight === 1 ? (address.weight ?? 1) : server.weight;
    this.effectiveWeight = this.weight;
    this.isBackup = server.backup || address.isBackup === true;
  }

  /** What a cookie or a route names it by: MD5, in hexadecimal, of `address:port` or of a unix socket's name. */
  get id(): string {
    const { route } = this.server;
    if (route !== '') return route;
    if (this.digest === '') this.digest = createHash('md5').update(this.address.name).digest('hex');
    return this.digest;
  }

  /** Whether it can be asked for this exchange: neither tried before, nor left out for its failures, nor full. */
  isUsable(exchange: Exchange, now: number): boolean {
    return !this.server.drain && this.canServe(exchange, now);
  }

  /** The same for an exchange that is bound to it: a peer that drains serves those. */
  canServe(exchange: Exchange, now: number): boolean {
    const { down, maxFails, failTimeoutMs, maxConns } = this.server;
    if (down) return false;
    if (maxFails > 0 && this.fails >= maxFails && now - this.checkedAt <= failTimeoutMs) return false;
    if (maxConns > 0 && this.conns >= maxConns) return false;
    return !this.wasTried(exchange);
  }

  private wasTried({ attempts, passStart }: Exchange): boolean {
    for (let i = passStart; i < attempts.length; i++) if (stateOf(attempts[i]) === this) return true;
    return false;
  }

  /** What it counts for now, against the others: less than its weight while it recovers. */
  weightAt(now: number): number {
    return this.recoversSince < 0 ? this.weight : this.weight * this.recovered(now);
  }

  /** The share of its weight that it has regained, up to 1. */
  recovered(now: number): number {
    const share = (now - this.recoversSince) / (this.server.slowStartMs ?? 0);
    if (share < 1) return share;
    this.recoversSince = -1;
    return 1;
  }

  /** An attempt begins. */
  take(now: number): void {
    this.conns++;
    if (now - this.checkedAt > this.server.failTimeoutMs) this.checkedAt = now;
  }

  /** An attempt is over. */
  release(failed: boolean, now: number): void {
    const { maxFails } = this.server;
    this.conns--;
    if (!failed) {
      // Only a try that began behind the last failure clears it.
      if (this.failedAt >= this.checkedAt) return;
      if (maxFails > 0 && this.fails >= maxFails && (this.server.slowStartMs ?? 0) > 0)
        this.recoversSince = now;
      this.fails = 0;
      return;
    }
    if (this.group !== null) this.group.failures++;
    this.fails++;
    this.failedAt = this.checkedAt = now;
    if (maxFails > 0)
      this.effectiveWeight = Math.max(0, this.effectiveWeight - Math.floor(this.weight / maxFails));
  }
}

/** A peer as one user of the upstream sees it: idle connections belong to `pool`. */
export class SeenPeer implements Peer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;

  constructor(
    readonly state: PeerState,
    readonly pool: PoolRules,
  ) {
    ({ name: this.name, host: this.host, port: this.port, path: this.path } = state.address);
  }
}

function stateOf({ peer }: Attempt): PeerState | null {
  return peer instanceof SeenPeer ? peer.state : null;
}

/** The peers that are asked in turn: the primary ones of an upstream, or its backups. */
export class PeerGroup {
  /** Of all, whether they can be asked or not. */
  readonly totalWeight: number;
  /** Failures of its peers so far. */
  failures = 0;
  /** Where each peer ends when all are laid end to end, each as long as its weight. */
  private readonly ends: Float64Array;

  constructor(readonly states: readonly PeerState[]) {
    let total = 0;
    this.ends = Float64Array.from(states, ({ weight }) => (total += weight));
    this.totalWeight = total;
    for (const state of states) state.group = this;
  }

  /** The peer at `weight` when all are laid end to end. 0 <= weight < totalWeight. */
  at(weight: number): PeerState {
    const { states, ends } = this;
    if (!(weight >= 0 && weight < this.totalWeight))
      throw new RangeError(`no peer at weight ${weight} of ${this.totalWeight}`);
    let from = 0;
    let to = states.length - 1;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (ends[middle] <= weight) from = middle + 1;
      else to = middle;
    }
    return states[from];
  }
}

/** Peers that a method looks at by number before it falls back to round robin. */
export const MAX_LOOKS = 20;

/** How a peer is chosen. One object per group: it may keep what it computes from the group. */
export interface Method {
  /** @returns one that can be asked ({@link PeerState.isUsable}), or null when there is none */
  choose(exchange: Exchange, now: number): PeerState | null;
}
