/**
 * Responses at a rate (limit_rate, X-Accel-Limit-Rate, proxy_limit_rate). Proves when how much goes, that nothing more is
 * read meanwhile than has to be held, and that the exchange ends when its last octet goes.
 */
import { expect } from 'chai';
import type { Exchange } from '../../src/machine/exchange.js';
import type { Decision, DownstreamRules, ForwardPlan } from '../../src/machine/policy.js';
import {
  DOWNSTREAM_RULES,
  FixedPeers,
  forwardPlan,
  peer,
  respondPlan,
  sourcePlan,
  TestPolicy,
} from './policies.js';
import { FEEDS, Player } from './replay.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const content = (count: number): string =>
  Array.from({ length: count }, (_, i) => 'abcdefghij'[i % 10]).join('');
const response = (count: number, fields = ''): string =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${count}\r\n\r\n${content(count)}`;

const rules = (perSecond: number, after = 0): DownstreamRules => ({
  ...DOWNSTREAM_RULES,
  rate: { perSecond: () => perSecond, octetsAfter: () => after },
});
const forward = (options: Partial<ForwardPlan>): ((exchange: Exchange) => Decision) => {
  return () => forwardPlan(new FixedPeers(peer(3000)), options);
};

/** How much has gone at each of these moments. */
function sizes(player: Player, ...steps: readonly number[]): number[] {
  return steps.map((wait) => player.play([{ wait }]).downstream.length);
}

describe('machine: a response at a rate', () => {
  it('goes in parts, each with a pause behind it', () => {
    const policy = new TestPolicy(forward({ downstream: rules(1000) }));
    const player = new Player(policy);
    player.play([{ down: GET }, { up: response(2900) }]);
    expect(sizes(player, 0, 999, 1, 999, 1)).to.deep.equal([1000, 1000, 2000, 2000, 2965]);
    expect(player.record.downstream.endsWith(content(2900))).to.equal(true);
    expect(policy.finishedExchanges).to.deep.equal(['200 complete']);
  });

  for (const { name, split } of FEEDS) {
    it(`is never faster, and never loses an octet, ${name}`, () => {
      const policy = new TestPolicy(forward({ downstream: rules(1000) }));
      const player = new Player(policy, { split });
      player.play([{ down: GET }, { up: response(4900) }]);
      for (let tick = 0; tick <= 60; tick++) {
        const { downstream } = player.play([{ wait: 100 }]);
        expect(downstream.length).to.be.at.most(1000 * (Math.floor(player.now / 1000) + 1));
      }
      expect(player.record.downstream.endsWith(content(4900))).to.equal(true);
      expect(policy.finishedExchanges).to.deep.equal(['200 complete']);
    });
  }

  it('nothing is read meanwhile, and nobody is late', () => {
    const policy = new TestPolicy(forward({ downstream: rules(100), readTimeoutMs: 2000 }));
    const player = new Player(policy);
    player.play([{ down: GET }, { up: response(5000).slice(0, 1000) }]);
    expect(player.machine.readsUpstream).to.equal(false);
    for (let i = 0; i < 10; i++) player.play([{ wait: 1000 }]);
    expect(player.machine.readsUpstream).to.equal(true);
    expect(policy.faults).to.deep.equal([]);
    // From here on the upstream side is waited for.
    player.play([{ wait: 1999 }]);
    expect(policy.faults).to.deep.equal([]);
    player.play([{ wait: 1 }]);
    expect(policy.faults).to.deep.equal(['UPSTREAM_READ_TIMEOUT upstream']);
  });

  it('begins behind what is free', () => {
    const player = new Player(new TestPolicy(forward({ downstream: rules(1000, 2000) })));
    player.play([{ down: GET }, { up: response(4900) }]);
    expect(sizes(player, 0, 999, 1, 1000)).to.deep.equal([3000, 3000, 4000, 4965]);
  });

  it('the time in which the upstream thought counts', () => {
    const player = new Player(new TestPolicy(forward({ downstream: rules(1000) })));
    player.play([{ down: GET }, { wait: 2500 }, { up: response(9000) }]);
    expect(sizes(player, 0, 2999, 1)).to.deep.equal([3000, 3000, 6000]);
  });

  it('the next request waits until the last octet of the response is gone', () => {
    const policy = new TestPolicy(forward({ downstream: rules(1000) }));
    const player = new Player(policy);
    player.play([{ down: GET + GET }, { up: response(1800) }]);
    expect(player.record.upstream).to.have.length(1);
    expect(policy.finishedExchanges).to.deep.equal([]);
    player.play([{ wait: 1000 }]);
    expect(player.record.upstream).to.have.length(2);
    expect(policy.finishedExchanges).to.deep.equal(['200 complete']);
    expect(player.play([{ up: response(10) }, { wait: 1000 }]).downstream).to.match(/abcdefghij$/);
  });

  it('a side that takes nothing is waited for as ever, and the rest goes when it does', () => {
    const policy = new TestPolicy(forward({ downstream: { ...rules(1000), sendTimeoutMs: 5000 } }));
    const player = new Player(policy);
    player.play([{ down: GET }, { up: response(3000) }, 'block down', { wait: 4000 }]);
    expect(player.record.downstream).to.have.length(1000);
    player.play(['unblock down']);
    expect(player.record.downstream).to.have.length(3065);
    const late = new Player(policy);
    late.play([{ down: GET }, { up: response(3000) }, 'block down', { wait: 5000 }]);
    expect(policy.faults).to.deep.equal(['SEND_TIMEOUT downstream']);
  });

  it('a client that has half-closed gets all of it, one that goes ends it', () => {
    const policy = new TestPolicy(forward({ downstream: rules(100) }));
    const player = new Player(policy);
    player.play([{ down: GET }, 'down end', { up: response(900) }]);
    for (let i = 0; i < 10; i++) player.play([{ wait: 1000 }]);
    expect(player.record.downstream.endsWith(content(900))).to.equal(true);
    const left = new Player(policy);
    left.play([{ down: GET }, { up: response(900) }, 'down reset']);
    expect(left.machine.isOver).to.equal(true);
    expect(policy.finishedExchanges).to.deep.equal(['200 complete', '200 complete']);
  });

  it('the end of the upstream connection ends the content behind what is held', () => {
    const player = new Player(new TestPolicy(forward({ downstream: rules(100) })));
    player.play([{ down: GET }, { up: `HTTP/1.1 200 OK\r\n\r\n${content(300)}` }, 'up end']);
    expect(player.record.downstream).to.have.length(100);
    for (let i = 0; i < 4; i++) player.play([{ wait: 1000 }]);
    expect(player.record.downstream).to.match(/j\r\n0\r\n\r\n$/);
  });

  it('answers of our own have it, too, and what is read from a source', () => {
    const text = new Player(new TestPolicy(() => respondPlan(200, content(1900), rules(1000))));
    text.play([{ down: GET }]);
    expect(sizes(text, 0, 1000)).to.satisfy(([a, b]: number[]) => a === 1000 && b > 1900);
    const read = new Player(new TestPolicy(() => ({ ...sourcePlan(1900), downstream: rules(1000) })));
    read.play([{ down: GET }, { up: content(1900) }]);
    expect(sizes(read, 0, 1000)).to.satisfy(([a, b]: number[]) => a === 1000 && b > 1900);
  });

  // Longer than the time between two reads of content (60 s), and than lingering_time (30 s).
  for (const [name, expectation, late] of [
    [
      'a client that is answered in front of its content, and so sends none, gets all of it',
      '\r\nExpect: 100-continue',
      '',
    ],
    ['content that nobody wants is waited for from the end of the answer on', '', 'late'],
  ]) {
    it(name, () => {
      const policy = new TestPolicy(() => ({ ...sourcePlan(8000), downstream: rules(100) }));
      const player = new Player(policy);
      player.play([{ down: `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4${expectation}\r\n\r\n` }]);
      player.play([{ up: content(8000) }]);
      for (let i = 0; i < 82; i++) player.play([{ wait: 1000 }]);
      if (late !== '') player.play([{ down: late }]);
      expect(player.record.downstream.endsWith(content(8000))).to.equal(true);
      expect(policy.finishedExchanges).to.deep.equal(['200 complete']);
      expect(policy.faults).to.deep.equal([]);
    });
  }

  it('a response may ask for a rate, or for none, where it is listened to', () => {
    const plan = (followsRate: boolean, perSecond = 0): Decision =>
      forwardPlan(new FixedPeers(peer(3000)), { followsRate, downstream: rules(perSecond) });
    const first = (decision: Decision, value: string): number => {
      const player = new Player(new TestPolicy(() => decision));
      const { downstream } = player.play([
        { down: GET },
        { up: response(3000, `X-Accel-Limit-Rate: ${value}\r\n`) },
      ]);
      return downstream.length;
    };
    expect(first(plan(true), '500')).to.equal(500);
    expect(first(plan(false), '500')).to.be.above(3000);
    expect(first(plan(true, 500), '0')).to.be.above(3000);
    expect(first(plan(true, 500), 'fast')).to.equal(500);
  });

  it('a tunnel has none', () => {
    const player = new Player(new TestPolicy(forward({ downstream: rules(10) })));
    player.play([{ down: UPGRADE }, { up: `${SWITCH}${content(100)}` }, { up: content(1000) }]);
    expect(player.record.downstream.endsWith(content(1000))).to.equal(true);
  });

  it('is drained to its end', () => {
    const player = new Player(new TestPolicy(forward({ downstream: rules(1000) })));
    player.play([{ down: GET }, { up: response(1800) }, 'drain', { wait: 1000 }, { wait: 100 }]);
    expect(player.record.downstream.endsWith(content(1800))).to.equal(true);
    expect(player.record.events.at(-1)).to.equal('close downstream');
  });
});

describe('machine: a response that is read at a rate', () => {
  it('rests as long as what was read takes, whatever the time between two reads', () => {
    const policy = new TestPolicy(forward({ readRate: () => 1000, readTimeoutMs: 500 }));
    const player = new Player(policy);
    const whole = response(4000);
    player.play([{ down: GET }, { up: whole.slice(0, 2000) }]);
    expect(player.machine.readsUpstream).to.equal(false);
    player.play([{ wait: 1999 }]);
    expect(player.machine.readsUpstream).to.equal(false);
    player.play([{ wait: 1 }]);
    expect(player.machine.readsUpstream).to.equal(true);
    player.play([{ wait: 499 }, { up: whole.slice(2000) }]);
    expect(player.record.downstream.endsWith(content(4000))).to.equal(true);
    expect(policy.faults).to.deep.equal([]);
    // The next response begins anew.
    player.play([{ down: GET }, { up: response(10) }]);
    expect(policy.finishedExchanges).to.have.length(2);
  });

  it('then the time between two reads counts', () => {
    const policy = new TestPolicy(forward({ readRate: () => 1000, readTimeoutMs: 500 }));
    const player = new Player(policy);
    player.play([{ down: GET }, { up: response(4000).slice(0, 2000) }, { wait: 2000 }, { wait: 500 }]);
    expect(policy.faults).to.deep.equal(['UPSTREAM_READ_TIMEOUT upstream']);
  });
});
