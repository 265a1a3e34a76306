/**
 * Limits by key: buckets that leak, requests under way, zones that are full. The numbers are those of nginx's documents.
 */
import { expect } from 'chai';
import type { Exchange } from '../../../src/machine/exchange.js';
import { AddressRules } from '../../../src/proxy/access/address-rules.js';
import { DECLINED, GRANTED } from '../../../src/proxy/access/verdict.js';
import { enter, release, type Count, type Held } from '../../../src/proxy/access/limit-conn.js';
import { judgeRequest, type Bucket, type RequestLimit } from '../../../src/proxy/access/limit-req.js';
import { Zone } from '../../../src/proxy/access/zone.js';
import { parseNetwork } from '../../../src/proxy/cidr.js';
import { exchangeOf } from '../fixtures.js';

const MB = 1_048_576;
const keyOf = { text: (exchange: Exchange): string => exchange.connection.remoteAddress };
const from = (remoteAddress: string): Exchange => exchangeOf('GET / HTTP/1.1\nHost: a', { remoteAddress });

function limit(parts: Partial<RequestLimit> = {}): RequestLimit {
  return { zone: new Zone<Bucket>('one', keyOf, MB), rate: 1000, burst: 0, undelayed: 0, ...parts };
}

/** What becomes of requests at these times, in ms: `-` refused, else the delay. */
function judge(limits: RequestLimit[], times: number[], address = '192.0.2.1'): string {
  return times
    .map((now) => judgeRequest(limits, from(address), now))
    .map((verdict) => (verdict === null ? 'none' : verdict.isRefused ? '-' : verdict.delayMs))
    .join(' ');
}

describe('limit_req', () => {
  it('one a second: the second one within a second is refused', () => {
    expect(judge([limit()], [0, 500, 1000, 1001, 2000])).to.equal('0 - 0 - 0');
  });

  it('burst=2: as many wait for their turn, further ones are refused', () => {
    expect(judge([limit({ burst: 2 })], [0, 0, 0, 0, 1000])).to.equal('0 1000 2000 - 2000');
  });

  it('nodelay: as many pass at once', () => {
    expect(judge([limit({ burst: 2, undelayed: Infinity })], [0, 0, 0, 0, 1000, 1000])).to.equal(
      '0 0 0 - 0 -',
    );
  });

  it('delay=2 of burst=4: two pass at once, two wait', () => {
    expect(judge([limit({ burst: 4, undelayed: 2 })], [0, 0, 0, 0, 0, 0])).to.equal('0 0 0 1000 2000 -');
  });

  it('each key has a bucket of its own; an empty key is not counted', () => {
    const limits = [limit()];
    expect(judge(limits, [0], 'a')).to.equal('0');
    expect(judge(limits, [0], 'b')).to.equal('0');
    expect(judge(limits, [0, 0], '')).to.equal('none none');
  });

  it('several limits: the strictest decides, and a request that one refuses is counted by none', () => {
    const wide = limit({ burst: 1, undelayed: Infinity });
    const narrow = limit({ zone: new Zone('two', keyOf, MB) });
    expect(judge([wide, narrow], [0, 0, 0])).to.equal('0 - -');
    expect(judge([wide], [0, 0]), 'the wide one has counted one request').to.equal('0 -');
  });

  it('a rate by the minute', () => {
    expect(judge([limit({ rate: 500 })], [0, 1997, 2000, 4000])).to.equal('0 - 0 0');
  });
});

describe('limit_conn', () => {
  const limits = (most: number): { zone: Zone<Count>; most: number }[] => [
    { zone: new Zone<Count>('c', keyOf, MB), most },
  ];

  it('as many at a time as configured, by key, and room again behind the end of one', () => {
    const [two, held] = [limits(2), [] as Held[]];
    const results = ['a', 'a', 'a', 'b'].map((address) => enter(two, from(address), held) === null);
    expect(results).to.deep.equal([true, true, false, true]);
    release([held[0]]);
    expect(enter(two, from('a'), [])).to.equal(null);
  });

  it('keeps nothing of a key that nobody uses', () => {
    const [one, held] = [limits(1), [] as Held[]];
    for (let i = 0; i < 10; i++) enter(one, from(`client ${i}`), held);
    expect(one[0].zone.size).to.equal(10);
    release(held);
    expect(one[0].zone.size).to.equal(0);
  });

  it('a full zone refuses new keys, and forgets none that is counted', () => {
    const zone = new Zone<Count>('c', keyOf, 256);
    const full = [{ zone, most: 1 }];
    const results = ['a', 'b', 'c', 'a'].map((address) => enter(full, from(address), []) === null);
    expect(results).to.deep.equal([true, true, false, false]);
  });
});

describe('zones', () => {
  it('of limit_req forget the key that was used longest ago', () => {
    const zone = new Zone<Bucket>('r', keyOf, 256);
    const one = [limit({ zone })];
    expect(judge(one, [0], 'a')).to.equal('0');
    expect(judge(one, [0], 'b')).to.equal('0');
    expect(judge(one, [0], 'a'), 'known, and used now').to.equal('-');
    expect(judge(one, [0], 'c')).to.equal('0');
    expect(judge(one, [0], 'a')).to.equal('-');
    expect(judge(one, [0], 'b'), 'forgotten').to.equal('0');
    expect(zone.size).to.equal(2);
  });
});

describe('allow and deny', () => {
  const rules = (...texts: string[]): AddressRules =>
    new AddressRules(
      texts.map((text) => {
        const [word, network] = text.split(' ');
        return { allows: word === 'allow', network: network === 'all' ? null : parseNetwork(network)! };
      }),
    );

  it("the first match decides: nginx's own example", () => {
    const list = rules(
      'deny 192.168.1.1',
      'allow 192.168.1.0/24',
      'allow 10.1.1.0/16',
      'allow 2001:0db8::/32',
      'deny all',
    );
    const admitted = [
      '192.168.1.1',
      '192.168.1.2',
      '10.1.200.1',
      '10.2.0.1',
      '2001:db8:1::7',
      '2001:db9::1',
      'unix:',
    ];
    const verdicts = admitted.map((address) => list.judge(address));
    expect(verdicts).to.deep.equal([403, GRANTED, GRANTED, 403, GRANTED, 403, 403]);
  });

  it('nothing is said where nothing matches', () => {
    expect(rules('deny 192.0.2.1').judge('192.0.2.2')).to.equal(DECLINED);
    expect(rules('allow unix:', 'deny all').judge('unix:')).to.equal(GRANTED);
  });
});
