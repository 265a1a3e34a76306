/**
 * Round robin: nginx's smooth weighted one. As long as every peer is well its turns repeat, so they are remembered, and
 * the next one costs the same however many peers there are.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { Method, PeerGroup, PeerState, UpstreamServer } from './peers.js';

/** Fewer peers are looked through as fast. */
const FEW_PEERS = 16;
/** Longest period that is remembered, in turns: 256 KB. */
const MAX_TURNS = 65536;

/**
 * Each candidate gains its weight, the richest is chosen and pays the sum of all weights: with weights 5, 1, 1 the order
 * is a a b a c a a, not a a a a a b c. A peer that failed regains its weight by one a turn.
 */
export class RoundRobin implements Method {
  private readonly cycle: Cycle | null;

  constructor(private readonly group: PeerGroup) {
    this.cycle = Cycle.of(group);
  }

  choose(exchange: Exchange, now: number): PeerState | null {
    const { cycle } = this;
    if (cycle === null) return takeTurn(this.group.states, exchange, now, isUsable);
    const isFirstTry = exchange.attempts.length === exchange.passStart;
    const known = cycle.next(isFirstTry);
    if (known !== null) return known;
    cycle.begin();
    const state = takeTurn(this.group.states, exchange, now, isUsable);
    cycle.note(state, isFirstTry);
    return state;
  }
}

/**
 * The turns of a group, learnt while they are taken and repeated from then on. A failure or a second try ends that:
 * the weights are laid down as the turns so far have left them, and learning begins anew once all are well.
 */
class Cycle {
  /** Indices of the states, turn by turn; empty before it is needed. */
  private turns = new Int32Array(0);
  /** Turns that are known. With all of them known none needs to be worked out. */
  private known = 0;
  /** Turns taken since all were known. */
  private position = 0;
  private isKnown = false;
  /** currentWeight of each state in front of the first turn. */
  private readonly base: Float64Array;
  private readonly indices = new Map<PeerState, number>();
  private failures = 0;

  private constructor(
    private readonly group: PeerGroup,
    /** Turns after which each peer has had as many as its weight says. */
    private readonly period: number,
  ) {
    const { states } = group;
    this.base = new Float64Array(states.length);
    states.forEach((state, i) => this.indices.set(state, i));
    // Equals at their beginning simply take turns: that need not be learnt.
    if (period === states.length && states.every((state) => state.currentWeight === 0 && isWell(state))) {
      this.turns = Int32Array.from(states, (_, i) => i);
      this.isKnown = true;
    }
  }

  /** null where turns are not worth remembering, or where they follow from more than the weights. */
  static of(group: PeerGroup): Cycle | null {
    const { states, totalWeight } = group;
    if (states.length < FEW_PEERS) return null;
    if (states.some(({ server }) => isOwn(server))) return null;
    const period = totalWeight / states.reduce((divisor, { weight }) => greatestDivisor(divisor, weight), 0);
    return period > MAX_TURNS ? null : new Cycle(group, period);
  }

  /** Whose turn it is, if that is known. */
  next(isFirstTry: boolean): PeerState | null {
    if (!this.isKnown) return null;
    if (!isFirstTry || this.group.failures !== this.failures) {
      this.leave();
      return null;
    }
    const state = this.group.states[this.turns[this.position]];
    if (++this.position === this.period) this.position = 0;
    return state;
  }

  /** A turn is about to be worked out. */
  begin(): void {
    const { group, base } = this;
    if (this.known > 0 && group.failures === this.failures) return;
    this.failures = group.failures;
    group.states.forEach((state, i) => (base[i] = state.currentWeight));
    this.known = 0;
  }

  /** It was worked out. */
  note(state: PeerState | null, isFirstTry: boolean): void {
    const { group, base } = this;
    if (state === null || !isFirstTry || (this.known === 0 && !group.states.every(isWell))) {
      this.known = 0;
      return;
    }
    if (this.turns.length === 0) this.turns = new Int32Array(this.period);
    this.turns[this.known++] = this.indices.get(state)!;
    if (this.known < this.period) return;
    // Usually they are where they began. Behind a failure it may take a period or two.
    this.isKnown = group.states.every(({ currentWeight }, i) => currentWeight === base[i]);
    this.known = this.position = 0;
  }

  private leave(): void {
    const { group, base, position, turns } = this;
    group.states.forEach((state, i) => (state.currentWeight = base[i] + position * state.weight));
    for (let i = 0; i < position; i++) group.states[turns[i]].currentWeight -= group.totalWeight;
    this.isKnown = false;
    this.known = 0;
  }
}

/** Whether turns follow from more than its weight. */
function isOwn({ down, drain, maxConns, slowStartMs = 0 }: UpstreamServer): boolean {
  return down || drain || maxConns > 0 || slowStartMs > 0;
}

/** Takes part in every turn with its whole weight, until it fails. */
function isWell({ effectiveWeight, weight, fails, server }: PeerState): boolean {
  return effectiveWeight === weight && (server.maxFails === 0 || fails < server.maxFails);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
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
    const { effectiveWeight } = state;
    const gain = state.recoversSince < 0 ? effectiveWeight : effectiveWeight * state.recovered(now);
    state.currentWeight += gain;
    total += gain;
    if (state.effectiveWeight < state.weight) state.effectiveWeight++;
    if (best === null || state.currentWeight > best.currentWeight) best = state;
  }
  if (best !== null) best.currentWeight -= total;
  return best;
}
