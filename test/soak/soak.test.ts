/** A short soak: proves on real sockets that nothing is lost or wrong under faults, and that nothing stays behind. */
import { expect } from 'chai';
import { runSoak } from './soak.js';

describe('soak', () => {
  before(function () {
    // What a process holds is read from /proc.
    if (process.platform !== 'linux') this.skip();
  });

  it('20 seconds of mixed load with faults', async function () {
    this.timeout(90_000);
    const { violations, tally, before, after, most } = await runSoak({
      seconds: 20,
      seed: 1,
      clients: 24,
      mostOctets: 1_000_000,
      report: () => undefined,
    });
    console.log(
      `        ${tally.connections} connections, ${tally.good} good exchanges, ${tally.tunnels} tunnels; ` +
        `RSS ${Math.round(before.rssKb / 1024)} MB, then ${Math.round(most.rssKb / 1024)} MB, at the end ${Math.round(after.rssKb / 1024)} MB`,
    );
    expect(violations).to.deep.equal([]);
    expect(after.descriptors).to.equal(before.descriptors);
    expect(tally.good).to.be.greaterThan(100);
  });
});
