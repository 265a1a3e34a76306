/**
 * What hooks cost in memory. Proves: with hooks and channels off an embedded proxy's exchange and tunnel message allocate
 * what the machine alone does, and with every hook on a tunnel message still costs nothing.
 */
import { expect } from 'chai';
import {
  embeddedPolicy,
  EMBED_SUBJECTS,
  exchangeRun,
  messageRun,
  subscribeToFinished,
} from '../../bench/micro/embed.js';
import { measureAllocation } from '../../bench/measure.js';

/** What measuring leaves, spread over a run. */
const NOISE_OCTETS = 8;

/** Octets that one run allocates, once it is warm. */
function octets(run: () => void): number {
  for (let i = 0; i < 20_000; i++) run();
  const { heapOctets, externalOctets } = measureAllocation(run, 5);
  return heapOctets + externalOctets;
}

describe('embed: allocation', function () {
  this.timeout(60_000);
  const [bare, off, on] = EMBED_SUBJECTS.map(([, policy]) => policy);

  it('an exchange with hooks off costs what the machine alone costs', () => {
    expect(octets(exchangeRun(off())) - octets(exchangeRun(bare()))).to.be.below(NOISE_OCTETS);
  });

  it('an exchange with every hook on costs more, and keeps nothing', () => {
    const plain = octets(exchangeRun(off()));
    const run = exchangeRun(on());
    expect(octets(run))
      .to.be.above(plain)
      .and.below(plain + 8192);
    globalThis.gc?.();
  });

  it('a channel costs while somebody listens, and nothing afterwards', () => {
    const run = exchangeRun(embeddedPolicy());
    const before = octets(run);
    const unsubscribe = subscribeToFinished();
    expect(octets(run)).to.be.above(before + 100);
    unsubscribe();
    expect(octets(run) - before).to.be.below(NOISE_OCTETS);
  });

  it('a tunnel message costs nothing, hooks off and on', () => {
    const least = octets(messageRun(bare()));
    for (const policy of [off, on]) expect(octets(messageRun(policy())) - least).to.be.below(NOISE_OCTETS);
  });
});
