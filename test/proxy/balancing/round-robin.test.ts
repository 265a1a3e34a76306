/**
 * Round robin remembers its turns. Proves that what it remembers is what nginx's algorithm says, failures and second
 * tries included, against the algorithm written down once more as plainly as can be.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Exchange } from '../../../src/machine/exchange.js';
import { PeerGroup, PeerState, SeenPeer } from '../../../src/proxy/balancing/peers.js';
import { RoundRobin } from '../../../src/proxy/balancing/round-robin.js';
import { attempt, exchangeOf, POOL, upstreamServer } from '../fixtures.js';

/** nginx's accounting in plain numbers. */
class PlainRoundRobin {
  private readonly peers: { current: number; effective: number; fails: number; readonly weight: number }[];
  constructor(
    weights: readonly number[],
    private readonly maxFails: number,
  ) {
    this.peers = weights.map((weight) => ({ current: 0, effective: weight, fails: 0, weight }));
  }
  choose(tried: ReadonlySet<number>): number {
    let best = -1;
    let total = 0;
    this.peers.forEach((peer, i) => {
      if (tried.has(i) || (this.maxFails > 0 && peer.fails >= this.maxFails)) return;
      peer.current += peer.effective;
      total += peer.effective;
      if (peer.effective < peer.weight) peer.effective++;
      if (best < 0 || peer.current > this.peers[best].current) best = i;
    });
    if (best >= 0) this.peers[best].current -= total;
    return best;
  }
  fail(i: number): void {
    const peer = this.peers[i];
    peer.fails++;
    if (this.maxFails > 0)
      peer.effective = Math.max(0, peer.effective - Math.floor(peer.weight / this.maxFails));
  }
}

function groupOf(weights: readonly number[], maxFails: number): PeerGroup {
  return new PeerGroup(
    weights.map((weight, i) => {
      const server = upstreamServer(`p${i}:80`, { weight, maxFails });
      return new PeerState(server.addresses[0], server);
    }),
  );
}

/** Another try of the exchange, after `state` has failed. */
function failed(exchange: Exchange, state: PeerState): void {
  const tried = attempt(state.address.name);
  exchange.addAttempt(Object.assign(tried, { peer: new SeenPeer(state, POOL) }));
  state.release(true, 0);
}

describe('round robin: remembered turns', () => {
  it('are those of the algorithm, whatever fails meanwhile', () => {
    const weight = fc.integer({ min: 1, max: 4 });
    const weights = fc.oneof(
      fc.array(weight, { minLength: 16, maxLength: 24 }),
      weight.map((equal) => new Array<number>(20).fill(equal)),
    );
    // Most turns go well; now and then a number of tries of one exchange fail.
    const failures = fc.array(fc.record({ after: fc.nat(200), tries: fc.integer({ min: 1, max: 3 }) }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(weights, failures, fc.integer({ min: 0, max: 3 }), (given, plan, maxFails) => {
        const group = groupOf(given, maxFails);
        const subject = new RoundRobin(group);
        const plain = new PlainRoundRobin(given, maxFails);
        const turn = (exchange: Exchange, tried: Set<number>): PeerState | null => {
          const state = subject.choose(exchange, 0);
          const index = state === null ? -1 : group.states.indexOf(state);
          expect(index).to.equal(plain.choose(tried));
          tried.add(index);
          return state;
        };
        for (const { after, tries } of [...plan, { after: 300, tries: 0 }]) {
          for (let i = 0; i < after; i++) turn(exchangeOf(), new Set());
          const exchange = exchangeOf();
          const tried = new Set<number>();
          for (let i = 0; i < tries; i++) {
            const state = turn(exchange, tried);
            if (state === null) break;
            plain.fail(group.states.indexOf(state));
            failed(exchange, state);
          }
        }
      }),
      { numRuns: 60 },
    );
  }).timeout(20_000);

  it('give equal peers equal shares in their order', () => {
    const group = groupOf(new Array<number>(1000).fill(2), 1);
    const subject = new RoundRobin(group);
    const exchange = exchangeOf();
    for (let round = 0; round < 3; round++) {
      for (const state of group.states) expect(subject.choose(exchange, 0)).to.equal(state);
    }
  });
});

describe('peer group', () => {
  it('finds the peer at a weight', () => {
    const weights = [3, 1, 2];
    const group = groupOf(weights, 1);
    const found = [0, 1, 2, 3, 4, 5].map((weight) => group.states.indexOf(group.at(weight)));
    expect(found).to.deep.equal([0, 0, 0, 1, 2, 2]);
    for (const weight of [-1, 6, NaN]) expect(() => group.at(weight)).to.throw(RangeError);
  });
});
