import { expect } from 'chai';
import { CASES, forward, type Case } from './cases.js';
import { DRAIN_CASES } from './drain-cases.js';
import { TestPolicy } from './policies.js';
import { cutAt, FEEDS, Player, type PlayOptions, type Record } from './replay.js';

interface Whole extends Record {
  faults: string[];
  finished: string[];
}

function run(one: Case, split: PlayOptions['split']): Whole {
  const policy = new TestPolicy(one.plan ?? forward(), {}, one.defaults);
  const player = new Player(policy, {
    autoConnect: one.autoConnect ?? true,
    ...(split === undefined ? {} : { split }),
  });
  const record = player.play(one.steps);
  return { ...record, faults: policy.faults, finished: policy.finishedExchanges };
}

describe('machine: every connection of the case table', () => {
  for (const one of [...CASES, ...DRAIN_CASES]) {
    const expected: Whole = {
      downstream: one.downstream,
      upstream: [...(one.upstream ?? [])],
      events: [...one.events],
      faults: [...(one.faults ?? [])],
      finished: [...one.finished],
    };
    describe(`${one.name} (${one.source})`, () => {
      for (const { name, split } of one.wholeOnly === undefined ? FEEDS : FEEDS.slice(0, 1)) {
        it(name, () => expect(run(one, split)).to.deep.equal(expected));
      }
      if (one.wholeOnly !== undefined) return;
      it('cut in two at every place', () => {
        const longest = Math.max(
          ...one.steps.map((step) =>
            typeof step === 'object' && ('down' in step || 'up' in step)
              ? ('down' in step ? step.down : step.up).length
              : 0,
          ),
        );
        for (let at = 1; at < longest; at++)
          expect(run(one, cutAt(at)), `cut at ${at}`).to.deep.equal(expected);
      });
    });
  }
});
