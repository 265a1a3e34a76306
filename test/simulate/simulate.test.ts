/**
 * The deterministic simulation: proves that nothing is lost, mixed up, doubled or leaked in the worlds that it plays,
 * and, by bugs that are planted, that it would notice. `npm run simulate` plays more.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { PLANTED } from './planted.js';
import { play, playMany, shrink, worldSeed } from './runner.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const SEED = 1;
const STEPS = process.env.CI === undefined ? 200_000 : 1_000_000;

describe('simulation', () => {
  it(`${STEPS} steps, and no violation`, async function () {
    this.timeout(60_000);
    const figures = { requests: 0, tunnels: 0, vanished: 0, retries: 0 };
    const startedAt = performance.now();
    const { steps, worlds, failed } = await playMany(
      SEED,
      0,
      (made) => made >= STEPS,
      (_, { figures: more }) => {
        for (const name of Object.keys(figures) as (keyof typeof figures)[]) figures[name] += more[name];
      },
    );
    if (failed !== null) {
      const { index, outcome } = failed;
      const small = await shrink(worldSeed(SEED, index), outcome, 200, 20_000);
      throw new Error(
        `${outcome.violation!.message}\nnpm run simulate -- --seed ${SEED} --from ${index} --steps 1\n${small.outcome.world.describe()}`,
      );
    }
    const perSecond = Math.round((steps / (performance.now() - startedAt)) * 1000);
    console.log(
      `        ${worlds} worlds, ${steps} steps (${perSecond}/s), ${figures.requests} requests, ${figures.retries} retries, ` +
        `${figures.tunnels} tunnels, ${figures.vanished} clients that vanished`,
    );
    expect(figures.tunnels).to.be.greaterThan(0);
    expect(figures.retries).to.be.greaterThan(0);
  });

  it('plays a seed the same way every time', async () => {
    const seed = worldSeed(SEED, 3);
    const [first, second] = [await play({ seed }), await play({ seed })];
    expect(second.steps).to.equal(first.steps);
    expect(second.figures).to.deep.equal(first.figures);
    expect(second.world.agenda.now).to.equal(first.world.agenda.now);
  });

  it('holds nothing of a session that is over', async () => {
    for (let index = 0; index < 8; index++) {
      const { world, violation } = await play({ seed: worldSeed(SEED, index) });
      expect(violation).to.equal(null);
      world.agenda.clear();
      // Weak references hold until the turn in which they were made is over.
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
      const { held, all } = world.held();
      expect(all).to.be.greaterThan(10);
      // Those that were served last may be remembered.
      expect(held, `of ${all} sessions`).to.be.at.most(5);
    }
  });

  describe('finds every bug that is planted', () => {
    for (const { name, within, plant } of PLANTED) {
      it(name, async function () {
        this.timeout(60_000);
        const pull = plant();
        try {
          const { steps, failed } = await playMany(SEED, 0, (made) => made >= within);
          expect(failed, `nothing was noticed in ${steps} steps`).to.not.equal(null);
          console.log(`        step ${steps}: ${failed!.outcome.violation!.message.slice(0, 100)}`);
        } finally {
          pull();
        }
      });
    }
  });

  it('makes a failing world small, and what is left fails in the same way', async function () {
    this.timeout(60_000);
    const { plant } = PLANTED.find(({ name }) => name.includes('early octet'))!;
    const pull = plant();
    try {
      const { failed } = await playMany(SEED, 0, (made) => made >= 1_000_000);
      const { index, outcome } = failed!;
      const small = await shrink(worldSeed(SEED, index), outcome, 200, 30_000);
      expect(small.outcome.violation!.rule).to.equal(outcome.violation!.rule);
      expect(small.outcome.world.connections(Infinity)).to.have.length.at.most(2);
      const again = await play(small.options);
      expect(again.violation!.message).to.equal(small.outcome.violation!.message);
      expect(again.steps).to.equal(small.outcome.steps);
    } finally {
      pull();
    }
  });
});
