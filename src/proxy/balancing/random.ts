/**
 * `random`: a peer by chance, by weight; with `two` the less loaded of two.
 */
import type { Exchange } from '../../machine/exchange.js';
import { compareLoad } from './least-conn.js';
import { MAX_LOOKS, type Method, type PeerGroup, type PeerState } from './peers.js';
import { RoundRobin } from './round-robin.js';

export class Random implements Method {
  private readonly fallback: RoundRobin;

  /**
   * @param two the less loaded of two (`random two least_conn`)
   * @param random from 0 to less than 1
   */
  constructor(
    private readonly group: PeerGroup,
    private readonly two: boolean,
    private readonly random: () => number = Math.random,
  ) {
    this.fallback = new RoundRobin(group);
  }

  choose(exchange: Exchange, now: number): PeerState | null {
    const { group, two } = this;
    if (group.states.length < 2) return this.fallback.choose(exchange, now);
    let first: PeerState | null = null;
    for (let looks = 0; looks <= MAX_LOOKS;) {
      const state = group.at(Math.floor(this.random() * group.totalWeight));
      if (state === first || !state.isUsable(exchange, now)) {
        looks++;
        continue;
      }
      if (!two) return state;
      if (first !== null) return compareLoad(state, first, now) > 0 ? first : state;
      first = state;
    }
    return this.fallback.choose(exchange, now);
  }
}
