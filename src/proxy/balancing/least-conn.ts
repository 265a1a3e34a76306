/**
 * `least_conn`: the peer with the fewest exchanges under way for its weight; round robin among equals.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { Method, PeerGroup, PeerState } from './peers.js';
import { takeTurn } from './round-robin.js';

export class LeastConn implements Method {
  constructor(private readonly group: PeerGroup) {}

  choose(exchange: Exchange, now: number): PeerState | null {
    const { states } = this.group;
    let least: PeerState | null = null;
    let isTied = false;
    for (let i = 0; i < states.length; i++) {
      const state = states[i];
      if (!state.isUsable(exchange, now)) continue;
      const order = least === null ? -1 : compareLoad(state, least, now);
      if (order < 0) least = state;
      isTied = order === 0 || (isTied && order > 0);
    }
    if (least === null || !isTied) return least;
    const tied = least;
    return takeTurn(
      states,
      exchange,
      now,
      (state) => compareLoad(state, tied, now) === 0 && state.isUsable(exchange, now),
    );
  }
}

/** Negative when `a` has fewer exchanges for its weight than `b`, 0 when they have as many. */
export function compareLoad(a: PeerState, b: PeerState, now: number): number {
  return a.conns * b.weightAt(now) - b.conns * a.weightAt(now);
}
