import { expect } from 'chai';
import type { Exchange } from '../../src/machine/exchange.js';
import { RoundRobin, type UpstreamServer } from '../../src/proxy/balancer.js';
import { attempt, exchangeOf, peer } from './fixtures.js';

function upstream(name: string, parts: Partial<UpstreamServer> = {}): UpstreamServer {
  return {
    peers: [peer(`${name}:80`)],
    weight: 1,
    maxFails: 1,
    failTimeoutMs: 10000,
    backup: false,
    down: false,
    ...parts,
  };
}

/** Names of the peers of `count` exchanges in a row, each one successful. */
function turns(balancer: RoundRobin, count: number, now = 0): string {
  let names = '';
  for (let i = 0; i < count; i++) {
    const chosen = balancer.next(exchangeOf(), now);
    names += chosen === undefined ? '-' : chosen.host;
    if (chosen !== undefined) balancer.release(chosen, false, now);
  }
  return names;
}

/** Fails whoever is next for this exchange, and says who it was. */
function fail(balancer: RoundRobin, exchange: Exchange, now: number): string {
  const chosen = balancer.next(exchange, now);
  if (chosen === undefined) return '-';
  const tried = attempt(chosen.name);
  exchange.addAttempt(Object.assign(tried, { peer: chosen }));
  balancer.release(chosen, true, now);
  return chosen.host;
}

describe('round robin', () => {
  it('equal weights alternate', () => {
    expect(turns(new RoundRobin([upstream('a'), upstream('b'), upstream('c')]), 6)).to.equal('abcabc');
  });

  it("weights are smooth: nginx's own example of 5, 1 and 1", () => {
    const balancer = new RoundRobin([upstream('a', { weight: 5 }), upstream('b'), upstream('c')]);
    expect(turns(balancer, 14)).to.equal('aabacaaaabacaa');
  });

  it('a server with several addresses is several peers of its weight', () => {
    const balancer = new RoundRobin([upstream('a', { peers: [peer('a:1'), peer('A:1')] }), upstream('b')]);
    expect(turns(balancer, 3).split('').sort().join('')).to.equal('Aab');
  });

  it('a peer that is down is never asked', () => {
    expect(turns(new RoundRobin([upstream('a', { down: true }), upstream('b')]), 3)).to.equal('bbb');
    expect(turns(new RoundRobin([upstream('a', { down: true })]), 1)).to.equal('-');
  });

  it('an exchange asks each peer once', () => {
    const balancer = new RoundRobin([upstream('a', { maxFails: 0 }), upstream('b', { maxFails: 0 })]);
    const exchange = exchangeOf();
    expect([1, 2, 3].map(() => fail(balancer, exchange, 0)).join('')).to.equal('ab-');
  });

  it('max_fails leaves a peer out for fail_timeout, then it is tried once', () => {
    const balancer = new RoundRobin([upstream('a'), upstream('b')]);
    expect(fail(balancer, exchangeOf(), 0)).to.equal('a');
    expect(turns(balancer, 3, 10000)).to.equal('bbb');
    expect(turns(balancer, 4, 10001)).to.include('a');
  });

  it('failures below max_fails leave it in; one success behind the time-out forgets them', () => {
    const balancer = new RoundRobin([upstream('a', { maxFails: 2 }), upstream('b')]);
    expect(fail(balancer, exchangeOf(), 0)).to.equal('a');
    expect(turns(balancer, 4, 1)).to.include('a');
    expect(turns(balancer, 4, 20000)).to.include('a');
    const only = exchangeOf();
    for (let i = 0; i < 2; i++) if (fail(balancer, only, 20001) === 'a') break;
    expect(turns(balancer, 4, 20002)).to.include('a');
  });

  it('max_fails=0 never leaves a peer out', () => {
    const balancer = new RoundRobin([upstream('a', { maxFails: 0 }), upstream('b')]);
    for (let i = 0; i < 10; i++) fail(balancer, exchangeOf(), i);
    expect(turns(balancer, 4, 10)).to.include('a');
  });

  it('no live upstreams: both out, so none is left', () => {
    const balancer = new RoundRobin([upstream('a'), upstream('b')]);
    const exchange = exchangeOf();
    fail(balancer, exchange, 0);
    fail(balancer, exchange, 0);
    expect(balancer.next(exchangeOf(), 5)).to.equal(undefined);
  });

  it('a single peer is never left out, and asked once for each exchange', () => {
    const balancer = new RoundRobin([upstream('a')]);
    const exchange = exchangeOf();
    expect(fail(balancer, exchange, 0)).to.equal('a');
    expect(fail(balancer, exchange, 0)).to.equal('-');
    expect(turns(balancer, 2, 1)).to.equal('aa');
  });

  it('a single peer is asked again after a connection from the pool was stale', () => {
    const balancer = new RoundRobin([upstream('a')]);
    const exchange = exchangeOf();
    exchange.addAttempt(attempt('a:80', { reused: true }));
    expect(balancer.next(exchange, 0)?.host).to.equal('a');
  });

  it('backups are asked when nobody else can be', () => {
    const balancer = new RoundRobin([upstream('a'), upstream('b', { backup: true })]);
    expect(turns(balancer, 2)).to.equal('aa');
    const exchange = exchangeOf();
    expect(fail(balancer, exchange, 0)).to.equal('a');
    expect(fail(balancer, exchange, 0)).to.equal('b');
    expect(fail(balancer, exchange, 0)).to.equal('-');
  });

  it('an upstream of backups alone is refused', () => {
    expect(() => new RoundRobin([upstream('a', { backup: true })])).to.throw(RangeError);
  });
});
