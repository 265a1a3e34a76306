/**
 * Round robin: nginx's smooth weighted one.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { Method, PeerGroup, PeerState } from './peers.js';

/**
 * Each candidate gains its weight, the richest is chosen and pays the sum of all weights: with weights 5, 1, 1 the order
 * is a a b a c a a, not a a a a a b c. A peer that failed regains its weight by one a turn.
 */
export class RoundRobin implements Method {
  constructor(private readonly group: PeerGroup) {}

  choose(exchange: Exchange, now: number): PeerState | null {
    return takeTurn(this.group.states, exchange, now, isUsable);
  }
}

function isUsable(state: PeerState, exchange: Exchange, now: number): boolean {
  return state.isUsable(exchange, now);
}

/** One turn among those of `states` that `takesPart` names; null when it names none. */
export function takeTurn(
  states: readonly PeerState[],
  exchange: Exchange,
  now: number,
  takesPart: (state: PeerState, exchange: Exchange, now: number) => boolean,
): PeerState | null {
  let best: PeerState | null = null;
  let total = 0;
  for (let i = 0; i < states.length; i++) {
    const state = states[i];
    if (!takesPart(state, exchange, now)) continue;
    state.currentWeight += state.effectiveWeight;
    total += state.effectiveWeight;
    if (state.effectiveWeight < state.weight) state.effectiveWeight++;
    if (best === null || state.currentWeight > best.currentWeight) best = state;
  }
  if (best !== null) best.currentWeight -= total;
  return best;
}
