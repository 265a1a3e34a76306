/** Proves that nothing that is looked up costs more when there is more of it, and that the growth bench would tell. */
import { expect } from 'chai';
import { growthChart } from '../../bench/growth/chart.js';
import { complaints, growthOf, type Curve, type GrowthReport } from '../../bench/growth/curve.js';
import { casesOf, growInMemory, MEMORY_AXES } from '../../bench/growth/in-memory.js';
import { showGrowth } from '../../bench/growth/text.js';
import { environment } from '../../bench/environment.js';
import { QUICK } from '../../bench/measure.js';

/** Optimized code, and enough samples for one that nothing disturbed. */
const EFFORT = { ...QUICK, rounds: 3, warmUpSeconds: 0.05, sampleSeconds: 0.003, turnSeconds: 0.02 };
/** What else runs only ever adds time: one good run is proof enough. */
const RUNS = 4;

function curve(costs: readonly number[], bound: number | null = 2): Curve {
  const points = costs.map((cost, i) => ({ size: 10 ** i, cost }));
  return { axis: 'things', title: 'things', operation: 'an exchange', bound, subject: 'wirehop', points };
}

describe('bench: growth', () => {
  for (const axis of MEMORY_AXES) {
    const largest = axis.sizes[axis.sizes.length - 1];
    it(`${axis.operation} costs the same with 1 and with ${largest} ${axis.title}`, async () => {
      const ends = { ...axis, sizes: [axis.sizes[0], largest] };
      const cases = await casesOf(ends);
      let least = Infinity;
      for (let run = 0; run < RUNS && least > axis.bound; run++) {
        least = Math.min(least, growthOf(growInMemory(ends, cases, EFFORT)));
      }
      expect(least).to.be.at.most(axis.bound);
    }).timeout(60_000);
  }

  it('names what grows more than it may, and only that', () => {
    expect(complaints([curve([1, 1, 1.9]), curve([1, 10, 100], null)])).to.deep.equal([]);
    expect(complaints([curve([1, 1.5, 2.5])])).to.deep.equal([
      'grows: an exchange by things, wirehop: 2.50 times from 1 to 100, the bound is 2',
    ]);
  });

  it('draws a chart and a table of every curve', () => {
    const report: GrowthReport = {
      environment: environment(),
      command: 'npm run bench:growth',
      curves: [curve([1, 1.5, 2]), { ...curve([3, 3, 3], null), subject: 'nginx' }],
      skipped: ['tunnels: no reason'],
    };
    const svg = growthChart(report)!;
    expect(svg)
      .to.match(/^<svg .*<\/svg>\n$/s)
      .and.include('an exchange, by number of things');
    expect(svg).to.include('wirehop: 1.00 µs with 1 things, 2.00 µs with 100.');
    expect(growthChart({ ...report, curves: [] })).to.equal(null);
    const text = showGrowth(report);
    expect(text).to.include('2.00 µs').and.include('nginx').and.include('skipped tunnels: no reason');
  });
});
