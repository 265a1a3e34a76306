/**
 * A small run of every scenario of `npm run abuse`: meanwhile the well-behaved client has no error, and afterwards the
 * proxy is what it was. Latencies are not judged here: they belong to the machine. docs/limits.md has the large run's.
 */
import { expect } from 'chai';
import { runScenario, SMALL } from '../../bench/abuse/run.js';
import { SCENARIOS } from '../../bench/abuse/scenarios.js';
import { hasProc } from '../../bench/lab/accounting.js';
import { cleanUp } from '../e2e/harness.js';

/** What a run may leave behind: the runtime keeps what it has once needed. */
const GROWTH_MAX_KIB = 64 * 1024;
/** Kept connections to the origin: what `keepalive` in the configuration allows. */
const KEPT_MAX = 64;

describe('limits: abuse, and a well-behaved client beside it', function () {
  this.timeout(60_000);
  afterEach(cleanUp);

  for (const scenario of SCENARIOS) {
    it(`${scenario.name}: ${scenario.about}`, async function () {
      if (!hasProc()) this.skip();
      const { before, during, after, attack, faults } = await runScenario(scenario, 'wirehop', SMALL);
      expect(faults).to.deep.equal([]);
      expect(attack.opened, 'connections of the attack').to.be.at.least(scenario.fewConnections);
      for (const stretch of [before, during, after]) {
        expect(stretch.client.proxy.errors).to.deep.equal({});
        expect(stretch.client.proxy.requests).to.be.greaterThan(0);
      }
      expect(during.residentKib - before.residentKib, 'growth, KiB').to.be.lessThan(GROWTH_MAX_KIB);
      expect(during.openFiles).to.be.lessThan(scenario.fewWorkerConnections + 64);
      // The client's own connections and kept ones stay.
      expect(after.openFiles - before.openFiles, 'descriptors').to.be.at.most(KEPT_MAX + 8);
    });
  }
});
