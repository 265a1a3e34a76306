/**
 * A plan that is carried out later (Exchange.delayMs). Proves when, and that what ends meanwhile is noticed.
 */
import { expect } from 'chai';
import type { Exchange } from '../../src/machine/exchange.js';
import type { Plan } from '../../src/machine/policy.js';
import { forward } from './cases.js';
import { TestPolicy } from './policies.js';
import { FEEDS, Player } from './replay.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Every request waits for 250 ms. */
const policy = (): TestPolicy => {
  const plan = forward();
  return new TestPolicy((exchange: Exchange): Plan => {
    exchange.delayMs = 250;
    return plan();
  }, {});
};

describe('machine: a plan that waits', () => {
  for (const { name, split } of FEEDS) {
    it(`is carried out when its time has come, ${name}`, () => {
      const player = new Player(policy(), { autoConnect: true, split });
      const early = player.play([{ down: GET }, { wait: 249 }]);
      expect(early.events).to.deep.equal([]);
      const late = player.play([{ wait: 1 }, { up: OK }]);
      expect(late.events).to.include('connect 127.0.0.1:3000');
      expect(late.downstream).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
    });
  }

  it('is forgotten when its client goes', () => {
    const held = policy();
    const player = new Player(held, { autoConnect: true, split: (octets) => [octets] });
    const record = player.play([{ down: GET }, 'down reset', { wait: 1000 }]);
    expect(record.events).to.not.include('connect 127.0.0.1:3000');
    expect(held.finishedExchanges).to.deep.equal(['499 downstream-closed']);
  });
});
