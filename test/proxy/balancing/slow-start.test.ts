/** `slow_start`: a peer that is well again regains its weight little by little. */
import { expect } from 'chai';
import type { PeerSource } from '../../../src/machine/policy.js';
import { Balancer, type MakeMethod } from '../../../src/proxy/balancing/balancer.js';
import { LeastConn } from '../../../src/proxy/balancing/least-conn.js';
import type { UpstreamServer } from '../../../src/proxy/balancing/peers.js';
import { exchangeOf, POOL, upstreamServer } from '../fixtures.js';

const SLOW_START_MS = 10_000;
const leastConn: MakeMethod = (group) => new LeastConn(group);

function server(name: string, parts: Partial<UpstreamServer> = {}): UpstreamServer {
  return upstreamServer(`${name}:80`, { failTimeoutMs: 1000, ...parts });
}

/** How many of `count` exchanges go to `host`, each one successful and over before the next. */
function share(balancer: PeerSource, host: string, count: number, now: number): number {
  let hits = 0;
  for (let i = 0; i < count; i++) {
    const chosen = balancer.next(exchangeOf(), now)!;
    balancer.release(chosen, false, now);
    if (chosen.host === host) hits++;
  }
  return hits;
}

/** Fails `host` at 0, and lets it answer again at 2000: the moment from which it recovers. */
function recovered(servers: readonly UpstreamServer[], host: string, method?: MakeMethod): PeerSource {
  const balancer = new Balancer(servers, method).view(POOL);
  for (let failed = false; !failed;) {
    const chosen = balancer.next(exchangeOf(), 0)!;
    failed = chosen.host === host;
    balancer.release(chosen, failed, 0);
  }
  expect(share(balancer, host, 100, 500)).to.equal(0);
  for (let tried = false; !tried;) {
    const chosen = balancer.next(exchangeOf(), 2000)!;
    tried = chosen.host === host;
    balancer.release(chosen, false, 2000);
  }
  return balancer;
}

describe('balancer: slow_start', () => {
  for (const [name, method] of [
    ['round robin', undefined],
    ['least_conn', leastConn],
  ] as const) {
    it(`${name}: from nothing to all of its weight`, () => {
      const balancer = recovered([server('a'), server('b', { slowStartMs: SLOW_START_MS })], 'b', method);
      expect(share(balancer, 'b', 1000, 2000)).to.be.at.most(1);
      // A third of the whole is half of the other's.
      expect(share(balancer, 'b', 900, 7000)).to.be.within(295, 305);
      expect(share(balancer, 'b', 1000, 12_000)).to.be.within(499, 501);
      expect(share(balancer, 'b', 1000, 99_000)).to.equal(500);
    });
  }

  it('with a weight: the same share of it', () => {
    const balancer = recovered([server('a'), server('b', { weight: 4, slowStartMs: SLOW_START_MS })], 'b');
    // Half of 4 against 1.
    expect(share(balancer, 'b', 900, 7000)).to.be.within(590, 610);
    expect(share(balancer, 'b', 1000, 12_000)).to.be.within(795, 805);
  });

  it('without it the whole weight is back at once', () => {
    const balancer = recovered([server('a'), server('b')], 'b');
    expect(share(balancer, 'b', 1000, 2000)).to.equal(500);
  });

  it('a peer that fails while it recovers is left out, and begins anew', () => {
    const balancer = recovered([server('a'), server('b', { slowStartMs: SLOW_START_MS })], 'b');
    for (let failed = false; !failed;) {
      const chosen = balancer.next(exchangeOf(), 7000)!;
      failed = chosen.host === 'b';
      balancer.release(chosen, failed, 7000);
    }
    expect(share(balancer, 'b', 100, 7500)).to.equal(0);
    for (let tried = false; !tried;) {
      const chosen = balancer.next(exchangeOf(), 9000)!;
      tried = chosen.host === 'b';
      balancer.release(chosen, false, 9000);
    }
    expect(share(balancer, 'b', 1000, 9000)).to.be.at.most(1);
    expect(share(balancer, 'b', 900, 14_000)).to.be.within(295, 305);
  });

  it('a peer that nobody else can stand in for is asked, whatever its weight', () => {
    const balancer = recovered(
      [server('a', { maxConns: 1 }), server('b', { slowStartMs: SLOW_START_MS })],
      'b',
    );
    const hosts = [balancer.next(exchangeOf(), 2000)?.host, balancer.next(exchangeOf(), 2000)?.host];
    expect(hosts.sort()).to.deep.equal(['a', 'b']);
  });

  it('many peers: their turns are not remembered, so that the weight counts', () => {
    const names = [...'abcdefghijklmnopqrst'];
    const servers = names.map((name) => server(name, { slowStartMs: SLOW_START_MS }));
    const balancer = recovered(servers, 'c');
    expect(share(balancer, 'c', 390, 7000)).to.be.within(8, 12);
    expect(share(balancer, 'c', 400, 12_000)).to.be.within(19, 21);
  });
});
