/**
 * Accepts are evened out: the decisions, and what becomes of them with real workers.
 */
import { expect } from 'chai';
import { Balance } from '../../src/process/balance.js';
import { cleanUp, openRaw, pause } from '../e2e/harness.js';
import { Fleet } from './fleet.js';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

/** Turns as text: `a rests`, `b accepts`. */
function shown(turns: readonly { worker: string; rests: boolean }[]): string[] {
  return turns.map(({ worker, rests }) => `${worker} ${rests ? 'rests' : 'accepts'}`);
}

describe('balance of accepts: decisions', () => {
  function pair(): Balance<string> {
    const balance = new Balance<string>();
    balance.add('a');
    balance.add('b');
    return balance;
  }

  it('a few connections more than the others are none of its business', () => {
    const balance = pair();
    expect(balance.report('a', 16, 16)).to.deep.equal([]);
    expect(balance.report('b', 100, 100)).to.deep.equal([{ worker: 'b', rests: true }]);
  });

  it('whoever is far ahead rests until the others have caught up', () => {
    const balance = pair();
    expect(shown(balance.report('a', 20, 20))).to.deep.equal(['a rests']);
    expect(shown(balance.report('b', 5, 5))).to.deep.equal([]);
    expect(shown(balance.report('b', 12, 12))).to.deep.equal(['a accepts']);
  });

  it('connections that end count too', () => {
    const balance = pair();
    balance.report('a', 20, 20);
    expect(shown(balance.report('a', 20, 3))).to.deep.equal(['a accepts']);
  });

  it('somebody is always left to accept', () => {
    const balance = pair();
    balance.add('c');
    expect(shown(balance.report('a', 50, 50))).to.deep.equal(['a rests']);
    expect(shown(balance.report('b', 50, 50))).to.deep.equal(['b rests']);
    expect(shown(balance.remove('c'))).to.deep.equal(['a accepts', 'b accepts']);
    const alone = new Balance<string>();
    alone.add('a');
    expect(alone.report('a', 500, 500)).to.deep.equal([]);
  });

  it('a rest that has lasted long enough is not repeated while nobody else accepts', () => {
    const balance = pair();
    expect(shown(balance.report('a', 20, 20))).to.deep.equal(['a rests']);
    expect(shown(balance.expire('a'))).to.deep.equal(['a accepts']);
    expect(shown(balance.expire('a'))).to.deep.equal([]);
    expect(shown(balance.report('a', 90, 90))).to.deep.equal([]);
    expect(shown(balance.report('b', 1, 1))).to.deep.equal(['a rests']);
  });

  it('a worker that nobody knows says nothing', () => {
    expect(pair().report('c', 1000, 1000)).to.deep.equal([]);
  });
});

describe('balance of accepts: workers', function () {
  // Several processes start in each of these; a loaded machine needs its time.
  this.timeout(60_000);
  afterEach(cleanUp);

  for (const workers of [2, 3]) {
    it(`${workers} workers share 240 connections that stay`, async () => {
      const fleet = await Fleet.start({ workers });
      await fleet.untilWorkers(workers);
      const shares = new Map<string, number>();
      // In small bursts, as clients come; all at once is the kernel's affair.
      for (let i = 0; i < 24; i++) {
        const some = await Promise.all(Array.from({ length: 10 }, () => openRaw(fleet.port)));
        for (const one of some) one.write(GET);
        for (const one of some) {
          const pid = /\r\n\r\n(\d+)$/.exec(await one.until(/\r\n\r\n\d+$/))?.[1] ?? '';
          shares.set(pid, (shares.get(pid) ?? 0) + 1);
        }
        await pause(10);
      }
      const counts = [...shares.values()];
      expect(shares.size, String(counts)).to.equal(workers);
      const share = 240 / workers;
      for (const count of counts) expect(count, String(counts)).to.be.within(share * 0.6, share * 1.4);
      expect(fleet.command.faults()).to.deep.equal([]);
    });
  }
});
