import { expect } from 'chai';
import type { Exchange } from '../../../src/machine/exchange.js';
import type { PeerSource } from '../../../src/machine/policy.js';
import { Balancer, type MakeMethod } from '../../../src/proxy/balancing/balancer.js';
import type { KeySource } from '../../../src/proxy/balancing/hash.js';
import type { UpstreamServer } from '../../../src/proxy/balancing/peers.js';
import { attempt, exchangeOf, peer, POOL, upstreamServer } from '../fixtures.js';

function upstream(name: string, parts: Partial<UpstreamServer> = {}): UpstreamServer {
  return upstreamServer(`${name}:80`, parts);
}

function balance(servers: UpstreamServer[], method?: MakeMethod, route?: KeySource): PeerSource {
  return new Balancer(servers, method, route).view(POOL);
}

/** Names of the peers of `count` exchanges in a row, each one successful. */
function turns(balancer: PeerSource, count: number, now = 0): string {
  let names = '';
  for (let i = 0; i < count; i++) {
    const chosen = balancer.next(exchangeOf(), now);
    names += chosen === undefined ? '-' : chosen.host;
    if (chosen !== undefined) balancer.release(chosen, false, now);
  }
  return names;
}

/** Fails whoever is next for this exchange, and says who it was. */
function fail(balancer: PeerSource, exchange: Exchange, now: number): string {
  const chosen = balancer.next(exchange, now);
  if (chosen === undefined) return '-';
  const tried = attempt(chosen.name);
  exchange.addAttempt(Object.assign(tried, { peer: chosen }));
  balancer.release(chosen, true, now);
  return chosen.host;
}

describe('balancer: round robin', () => {
  it('equal weights alternate', () => {
    expect(turns(balance([upstream('a'), upstream('b'), upstream('c')]), 6)).to.equal('abcabc');
  });

  it("weights are smooth: nginx's own example of 5, 1 and 1", () => {
    const balancer = balance([upstream('a', { weight: 5 }), upstream('b'), upstream('c')]);
    expect(turns(balancer, 14)).to.equal('aabacaaaabacaa');
  });

  it('a server with several addresses is several peers of its weight', () => {
    const balancer = balance([upstream('a', { addresses: [peer('a:1'), peer('A:1')] }), upstream('b')]);
    expect(turns(balancer, 3).split('').sort().join('')).to.equal('Aab');
  });

  it('a peer that is down is never asked', () => {
    expect(turns(balance([upstream('a', { down: true }), upstream('b')]), 3)).to.equal('bbb');
    expect(turns(balance([upstream('a', { down: true })]), 1)).to.equal('-');
  });

  it('an exchange asks each peer once', () => {
    const balancer = balance([upstream('a', { maxFails: 0 }), upstream('b', { maxFails: 0 })]);
    const exchange = exchangeOf();
    expect([1, 2, 3].map(() => fail(balancer, exchange, 0)).join('')).to.equal('ab-');
  });

  it('max_fails leaves a peer out for fail_timeout, then it is tried once', () => {
    const balancer = balance([upstream('a'), upstream('b')]);
    expect(fail(balancer, exchangeOf(), 0)).to.equal('a');
    expect(turns(balancer, 3, 10000)).to.equal('bbb');
    expect(turns(balancer, 4, 10001)).to.include('a');
  });

  it('failures below max_fails leave it in; one success behind the time-out forgets them', () => {
    const balancer = balance([upstream('a', { maxFails: 2 }), upstream('b')]);
    expect(fail(balancer, exchangeOf(), 0)).to.equal('a');
    expect(turns(balancer, 4, 1)).to.include('a');
    expect(turns(balancer, 4, 20000)).to.include('a');
    const only = exchangeOf();
    for (let i = 0; i < 2; i++) if (fail(balancer, only, 20001) === 'a') break;
    expect(turns(balancer, 4, 20002)).to.include('a');
  });

  it('max_fails=0 never leaves a peer out', () => {
    const balancer = balance([upstream('a', { maxFails: 0 }), upstream('b')]);
    for (let i = 0; i < 10; i++) fail(balancer, exchangeOf(), i);
    expect(turns(balancer, 4, 10)).to.include('a');
  });

  it('no live upstreams: both out, so none is left', () => {
    const balancer = balance([upstream('a'), upstream('b')]);
    const exchange = exchangeOf();
    fail(balancer, exchange, 0);
    fail(balancer, exchange, 0);
    expect(balancer.next(exchangeOf(), 5)).to.equal(undefined);
  });

  it('a single peer is never left out, and asked once for each exchange', () => {
    const balancer = balance([upstream('a')]);
    const exchange = exchangeOf();
    expect(fail(balancer, exchange, 0)).to.equal('a');
    expect(fail(balancer, exchange, 0)).to.equal('-');
    expect(turns(balancer, 2, 1)).to.equal('aa');
  });

  it('a single peer is asked again after a connection from the pool was stale', () => {
    const balancer = balance([upstream('a')]);
    const exchange = exchangeOf();
    exchange.addAttempt(attempt('a:80', { reused: true }));
    expect(balancer.next(exchange, 0)?.host).to.equal('a');
  });

  it('backups are asked when nobody else can be', () => {
    const balancer = balance([upstream('a'), upstream('b', { backup: true })]);
    expect(turns(balancer, 2)).to.equal('aa');
    const exchange = exchangeOf();
    expect(fail(balancer, exchange, 0)).to.equal('a');
    expect(fail(balancer, exchange, 0)).to.equal('b');
    expect(fail(balancer, exchange, 0)).to.equal('-');
  });

  it('an upstream of backups alone is refused', () => {
    expect(() => balance([upstream('a', { backup: true })])).to.throw(RangeError);
  });
});

describe('balancer: what every method keeps to', () => {
  it('max_conns leaves a peer out while it has as many exchanges', () => {
    const balancer = balance([upstream('a', { maxConns: 1 }), upstream('b', { maxConns: 2 })]);
    const taken = [1, 2, 3].map(() => balancer.next(exchangeOf(), 0));
    expect(taken.map((one) => one?.host).join('')).to.equal('abb');
    expect(balancer.next(exchangeOf(), 0)).to.equal(undefined);
    balancer.release(taken[0]!, false, 0);
    expect(balancer.next(exchangeOf(), 0)?.host).to.equal('a');
  });

  it('max_conns holds for a single peer too', () => {
    const balancer = balance([upstream('a', { maxConns: 1 })]);
    const taken = balancer.next(exchangeOf(), 0)!;
    expect(balancer.next(exchangeOf(), 0)).to.equal(undefined);
    balancer.release(taken, false, 0);
    expect(balancer.next(exchangeOf(), 0)?.host).to.equal('a');
  });

  it('views share the balance and the failures, not the pools', () => {
    const balancer = new Balancer([upstream('a'), upstream('b')]);
    const [one, other] = [balancer.view(POOL), balancer.view({ ...POOL })];
    expect(one.next(exchangeOf(), 0)?.host).to.equal('a');
    expect(other.next(exchangeOf(), 0)?.host).to.equal('b');
    expect(fail(one, exchangeOf(), 0)).to.equal('a');
    expect(turns(other, 3)).to.equal('bbb');
    const [mine, yours] = [one.next(exchangeOf(), 0)!, other.next(exchangeOf(), 0)!];
    expect([mine.pool, mine.host]).to.deep.equal([POOL, 'b']);
    expect(yours).to.include({ host: 'b' });
    expect(yours.pool).to.not.equal(POOL);
    expect(one.next(exchangeOf(), 0), 'the same object each time: pools find it').to.equal(mine);
  });

  it('a peer that was tried through one view is tried through no other', () => {
    const balancer = new Balancer([upstream('a', { maxFails: 0 }), upstream('b', { maxFails: 0 })]);
    const exchange = exchangeOf();
    expect(fail(balancer.view(POOL), exchange, 0)).to.equal('a');
    expect(fail(balancer.view(POOL), exchange, 0)).to.equal('b');
    expect(fail(balancer.view(POOL), exchange, 0)).to.equal('-');
  });
});

describe('balancer: names that have other addresses', () => {
  it('peers that stay keep their accounting; others come and go', () => {
    const server = upstream('a', { addresses: [peer('a:1'), peer('b:1')] });
    const balancer = new Balancer([server]);
    const view = balancer.view(POOL);
    expect(fail(view, exchangeOf(), 0)).to.equal('a');
    balancer.replace(server, [peer('a:1'), peer('c:1')]);
    expect(turns(view, 3, 5), 'a is still left out, b is gone').to.equal('ccc');
    expect(turns(view, 4, 10001)).to.include('a');
  });

  it('an exchange under way with a peer that is gone is released without harm', () => {
    const server = upstream('a', { addresses: [peer('a:1')] });
    const balancer = new Balancer([server]);
    const view = balancer.view(POOL);
    const taken = view.next(exchangeOf(), 0)!;
    balancer.replace(server, []);
    expect(view.next(exchangeOf(), 0)).to.equal(undefined);
    view.release(taken, true, 0);
    balancer.replace(server, [peer('b:1')]);
    expect(turns(view, 2)).to.equal('bb');
  });

  it('weights and priorities of SRV records hold where the server has no weight of its own', () => {
    const addresses = [
      { ...peer('a:1'), weight: 2 },
      { ...peer('b:1'), weight: 1 },
      { ...peer('c:1'), isBackup: true },
    ];
    expect(turns(balance([upstream('x', { addresses })]), 6)).to.equal('abaaba');
    const even = addresses.map((address) => ({ ...address, isBackup: false }));
    expect(turns(balance([upstream('x', { addresses: even, weight: 3 })]), 6).match(/a/g)).to.have.length(2);
  });
});

describe('balancer: sticky', () => {
  const boundTo = (id: string): KeySource => ({ text: () => id });

  it('an exchange that names a peer gets it, whatever the method says', () => {
    const servers = [upstream('a', { route: 'r1' }), upstream('b', { route: 'r2' })];
    expect(turns(balance(servers, undefined, boundTo('r2')), 4)).to.equal('bbbb');
    expect(turns(balance(servers, undefined, boundTo('')), 4)).to.equal('abab');
    expect(turns(balance(servers, undefined, boundTo('r3')), 4)).to.equal('abab');
  });

  it('a peer without a route is named by the MD5 of its address', () => {
    const digest = 'f342cff0e84198a6052eaad443380740';
    expect(turns(balance([upstream('a'), upstream('b')], undefined, boundTo(digest)), 3)).to.equal('bbb');
  });

  it('one that is left out is stood in for, and bound to again when it is back', () => {
    const servers = [upstream('a', { route: 'r1' }), upstream('b')];
    const balancer = balance(servers, undefined, boundTo('r1'));
    expect(fail(balancer, exchangeOf(), 0)).to.equal('a');
    expect(turns(balancer, 2, 1)).to.equal('bb');
    expect(turns(balancer, 2, 10001)).to.equal('aa');
  });

  it('a server that drains serves those bound to it, and nobody else', () => {
    const servers = [upstream('a', { route: 'r1', drain: true }), upstream('b')];
    expect(turns(balance(servers, undefined, boundTo('')), 3)).to.equal('bbb');
    expect(turns(balance(servers, undefined, boundTo('r1')), 3)).to.equal('aaa');
  });
});
