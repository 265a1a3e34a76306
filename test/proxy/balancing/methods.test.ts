/**
 * The balancing methods one by one. That hashes fall where nginx's do is proved in nginx-methods.test.ts.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { PeerSource } from '../../../src/machine/policy.js';
import { Balancer, type MakeMethod } from '../../../src/proxy/balancing/balancer.js';
import { IpHash, KeyHash, Ring } from '../../../src/proxy/balancing/hash.js';
import { LeastConn } from '../../../src/proxy/balancing/least-conn.js';
import type { UpstreamServer } from '../../../src/proxy/balancing/peers.js';
import { Random } from '../../../src/proxy/balancing/random.js';
import { attempt, exchangeOf, POOL, upstreamServer } from '../fixtures.js';

const server = (name: string, parts: Partial<UpstreamServer> = {}): UpstreamServer =>
  upstreamServer(`${name}:80`, parts);

const view = (servers: readonly UpstreamServer[], method: MakeMethod): PeerSource =>
  new Balancer(servers, method).view(POOL);

/** Who is next, without an end. */
function take(balancer: PeerSource, count: number): string {
  let names = '';
  for (let i = 0; i < count; i++) names += balancer.next(exchangeOf(), 0)?.host ?? '-';
  return names;
}

describe('balancer: least_conn', () => {
  const leastConn: MakeMethod = (group) => new LeastConn(group);

  it('goes where the fewest exchanges are under way', () => {
    const balancer = view([server('a'), server('b'), server('c')], leastConn);
    const taken = ['a', 'b', 'c'].map(() => balancer.next(exchangeOf(), 0)!);
    balancer.release(taken[1], false, 0);
    expect(take(balancer, 1)).to.equal('b');
    balancer.release(taken[2], false, 0);
    expect(take(balancer, 1)).to.equal('c');
  });

  it('takes turns among equals', () => {
    const balancer = view([server('a'), server('b')], leastConn);
    let names = '';
    for (let i = 0; i < 4; i++) {
      const one = balancer.next(exchangeOf(), 0)!;
      names += one.host;
      balancer.release(one, false, 0);
    }
    expect(names).to.equal('abab');
  });

  it('weights: twice the weight, twice the exchanges', () => {
    const names = take(view([server('a', { weight: 2 }), server('b')], leastConn), 9);
    expect(names.match(/a/g)).to.have.length(6);
  });

  it('passes by those that are down, left out or full', () => {
    const servers = [server('a', { down: true }), server('b', { maxConns: 1 }), server('c')];
    expect(take(view(servers, leastConn), 4)).to.equal('bccc');
  });

  it('asks backups when nobody else can be', () => {
    const servers = [
      server('a', { maxConns: 1 }),
      server('b', { backup: true }),
      server('c', { backup: true }),
    ];
    expect(take(view(servers, leastConn), 3)).to.equal('abc');
  });
});

describe('balancer: random', () => {
  /** Numbers from 0 to less than 1 that are spread evenly, and the same each time. */
  function even(): () => number {
    let at = 0;
    return () => (at = (at + 0.618034) % 1);
  }

  it('by weight', () => {
    const balancer = view(
      [server('a', { weight: 3 }), server('b')],
      (group) => new Random(group, false, even()),
    );
    expect(take(balancer, 100).match(/a/g)).to.have.length(75);
  });

  it('two: the less loaded of two', () => {
    const order = [0, 0.9, 0, 0.9, 0.9, 0];
    const random = (): number => order.shift()!;
    const balancer = view([server('a'), server('b')], (group) => new Random(group, true, random));
    expect(take(balancer, 3)).to.equal('baa');
  });

  it('passes by those that cannot be asked, and finds the one that can', () => {
    for (const two of [false, true]) {
      const servers = ['a', 'b', 'c', 'd', 'e'].map((name) => server(name, { down: name !== 'd' }));
      const balancer = view(servers, (group) => new Random(group, two, even()));
      expect(take(balancer, 20), `two: ${two}`).to.equal('d'.repeat(20));
    }
  });

  it('none when there is none', () => {
    const servers = [server('a', { down: true }), server('b', { down: true })];
    expect(
      take(
        view(servers, (group) => new Random(group, true)),
        1,
      ),
    ).to.equal('-');
  });
});

describe('balancer: hashes', () => {
  const key = { text: (): string => 'a key' };
  const METHODS: Readonly<Record<string, MakeMethod>> = {
    hash: (group) => new KeyHash(group, key),
    'hash consistent': (group) => new Ring(group, key),
    ip_hash: (group) => new IpHash(group, { text: () => '192.0.2.7' }),
  };

  for (const [name, method] of Object.entries(METHODS)) {
    it(`${name}: the same key, the same peer; the next one when that is left out`, () => {
      const servers = ['a', 'b', 'c', 'd'].map((one) => server(one));
      const balancer = view(servers, method);
      const [home] = new Set(take(balancer, 20));
      expect(take(balancer, 20)).to.equal(home.repeat(20));
      const exchange = exchangeOf();
      const tried = balancer.next(exchange, 0)!;
      exchange.addAttempt(Object.assign(attempt(tried.name), { peer: tried }));
      balancer.release(tried, true, 0);
      const second = balancer.next(exchange, 0)!.host;
      expect(second).to.not.equal(home);
      expect(take(balancer, 10), 'all others follow').to.equal(second.repeat(10));
    });

    it(`${name}: round robin when there is one, and none when there is none`, () => {
      expect(take(view([server('a'), server('b', { down: true })], method), 2)).to.equal('aa');
      const balancer = new Balancer([server('a'), server('b', { addresses: [] })], method);
      expect(take(balancer.view(POOL), 2)).to.equal('aa');
      const empty = new Balancer([server('a', { addresses: [] })], method);
      expect(take(empty.view(POOL), 1)).to.equal('-');
    });
  }

  it('an empty key takes turns', () => {
    const balancer = view([server('a'), server('b')], (group) => new KeyHash(group, { text: () => '' }));
    expect(take(balancer, 4)).to.equal('abab');
  });

  it('consistent: a server that goes moves its own keys only', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...names), (text, gone) => {
        const method: MakeMethod = (group) => new Ring(group, { text: () => encodeURIComponent(`k${text}`) });
        const before = take(
          view(
            names.map((name) => server(name)),
            method,
          ),
          1,
        );
        const rest = names.filter((name) => name !== gone).map((name) => server(name));
        const after = take(view(rest, method), 1);
        if (before !== gone) expect(after).to.equal(before);
      }),
      { verbose: 1 },
    );
  });
});
