/** `sticky learn`: which sessions are known, and for how long. */
import { expect } from 'chai';
import type { Exchange } from '../../../src/machine/exchange.js';
import { RequestContext } from '../../../src/proxy/context.js';
import { PeerState, SeenPeer } from '../../../src/proxy/balancing/peers.js';
import { Sessions } from '../../../src/proxy/balancing/sessions.js';
import { attempt, exchangeOf, POOL, upstreamServer } from '../fixtures.js';

/** An exchange at a time that names a session; `created` by this peer if it has one. */
interface Named {
  created: string;
  wanted: string;
}

const names = new WeakMap<Exchange, Named>();

function sessions(octets = 32_768, timeoutMs = 1000): Sessions {
  return new Sessions({
    create: { text: (exchange) => names.get(exchange)!.created },
    lookup: { text: (exchange) => names.get(exchange)!.wanted },
    timeoutMs,
    octets,
  });
}

function exchangeAt(now: number, named: Partial<Named>, route = ''): Exchange {
  const exchange = exchangeOf();
  exchange.context = new RequestContext(now);
  names.set(exchange, { created: '', wanted: '', ...named });
  if (route !== '') {
    const server = upstreamServer(`${route}:80`, { route });
    const peer = new SeenPeer(new PeerState(server.addresses[0], server), POOL);
    exchange.addAttempt(Object.assign(attempt(peer.name, {}, now), { peer }));
  }
  return exchange;
}

const begin = (on: Sessions, name: string, route: string, now = 0): void =>
  on.put(exchangeAt(now, { created: name }, route));
const find = (on: Sessions, name: string, now = 0): string => on.text(exchangeAt(now, { wanted: name }));

describe('balancer: sessions that are learnt', () => {
  it('lead to the peer that began them, until another one begins them anew', () => {
    const on = sessions();
    begin(on, 's1', 'a');
    begin(on, 's2', 'b');
    expect([find(on, 's1'), find(on, 's2'), find(on, 's3'), find(on, '')]).to.deep.equal(['a', 'b', '', '']);
    begin(on, 's1', 'b');
    expect(find(on, 's1')).to.equal('b');
  });

  it('are not begun by a response without one, nor by an answer without a peer', () => {
    const on = sessions();
    begin(on, '', 'a');
    begin(on, 's1', '');
    expect([find(on, ''), find(on, 's1')]).to.deep.equal(['', '']);
  });

  it('are forgotten when nobody has asked for them for the time-out', () => {
    const on = sessions();
    begin(on, 's1', 'a', 0);
    expect(find(on, 's1', 900)).to.equal('a');
    expect(find(on, 's1', 1800)).to.equal('a');
    expect(find(on, 's1', 2801)).to.equal('');
    expect(find(on, 's1', 2802)).to.equal('');
  });

  it('make room for others when the zone is full: the one used longest ago goes', () => {
    const on = sessions(4 * 256);
    for (let i = 0; i < 4; i++) begin(on, `s${i}`, 'a', i);
    expect(find(on, 's0', 5)).to.equal('a');
    begin(on, 's4', 'a', 6);
    expect(['s0', 's1', 's2', 's3', 's4'].map((name) => find(on, name, 7))).to.deep.equal([
      'a',
      '',
      'a',
      'a',
      'a',
    ]);
  });

  it('of a length that no session has are not remembered', () => {
    const on = sessions();
    begin(on, 'x'.repeat(2000), 'a');
    expect(find(on, 'x'.repeat(2000))).to.equal('');
  });
});
