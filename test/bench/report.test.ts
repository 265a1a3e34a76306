/** Proves that the run's figures are computed, compared and shown as they are meant to be. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { measureGroup, QUICK } from '../../bench/measure.js';
import { showMicro } from '../../bench/report.js';
import { table } from '../../bench/table.js';
import { median, quantile, summarize } from '../../bench/statistics.js';
import { check, CheckError, checkSame } from '../../bench/suite.js';

const MAIN = fileURLToPath(new URL('../../bench/main.js', import.meta.url));

describe('bench: statistics', () => {
  it('summarizes samples', () => {
    const { mean, median: middle, min, max, runs, rme } = summarize([1, 2, 3, 4, 10]);
    expect({ mean, middle, min, max, runs }).to.deep.equal({ mean: 4, middle: 3, min: 1, max: 10, runs: 5 });
    // t(4) = 2.776, standard deviation sqrt(12.5), five samples.
    expect(rme).to.be.closeTo((2.776 * Math.sqrt(12.5 / 5) * 100) / 4, 1e-9);
  });

  it('has no spread for one sample, and no summary for none', () => {
    expect(summarize([7])).to.include({ mean: 7, median: 7, rme: 0, runs: 1 });
    expect(() => summarize([])).to.throw(RangeError);
  });

  it('takes medians and quantiles', () => {
    expect(median([4, 1, 3, 2])).to.equal(2.5);
    const sorted = Float64Array.from({ length: 100 }, (_, i) => i + 1);
    expect([quantile(sorted, 0.5), quantile(sorted, 0.99), quantile(sorted, 1)]).to.deep.equal([
      51, 100, 100,
    ]);
  });
});

describe('bench: measuring', () => {
  const kept: unknown[] = [];

  it('tells who is slower, and who allocates how much', () => {
    // 1000 numbers that are no small integers: 8 octets each, and a few for the array.
    const allocate = (): void => void (kept[0] = new Array<number>(1000).fill(0.5));
    const rest = (): void => undefined;
    const figures = measureGroup(
      [
        { group: 'g', subject: 'rests', run: rest },
        { group: 'g', subject: 'allocates', run: allocate },
      ],
      { ...QUICK, warmUpSeconds: 0.01, allocationRuns: 3 },
    );
    expect(figures.map(({ subject }) => subject)).to.deep.equal(['rests', 'allocates']);
    expect(figures[1].time.median).to.be.greaterThan(figures[0].time.median);
    expect(figures[0].heapOctets).to.be.below(64);
    expect(figures[1].heapOctets).to.be.within(8000, 9000);
  });

  it('sees octets outside the heap', () => {
    const [found] = measureGroup(
      [
        {
          group: 'g',
          subject: 'buffer',
          run: () => void (kept[0] = Buffer.allocUnsafeSlow(4096)),
          octets: 4096,
        },
      ],
      QUICK,
    );
    expect(found.externalOctets).to.be.within(4096, 4400);
  });

  it('fails with the case that fails', () => {
    const broken = { group: 'g', subject: 'broken', run: () => check('never true', false) };
    expect(() => measureGroup([broken], QUICK)).to.throw(CheckError, 'never true');
    expect(() => checkSame('heads', { a: 1 }, { a: 2 })).to.throw(
      CheckError,
      'heads: found {"a":1}, wanted {"a":2}',
    );
  });
});

describe('bench: the report', () => {
  it('lines columns up', () => {
    expect(
      table(
        ['name', 'n'],
        [
          ['a', '10'],
          ['longer', '9'],
        ],
        1,
      ),
    ).to.equal(['name     n', '------  --', 'a       10', 'longer   9'].join('\n'));
  });

  it('compares with the first of a group and names what was skipped', () => {
    const figure = (subject: string, ns: number): Parameters<typeof showMicro>[0]['figures'][number] => ({
      group: 'g',
      subject,
      time: summarize([ns]),
      heapOctets: 96,
      externalOctets: 0,
    });
    const text = showMicro({
      suite: 'head',
      figures: [figure('wirehop', 500), figure('other', 10_000)],
      skipped: [{ group: 'g', subject: 'node', reason: 'not exposed' }],
    });
    expect(text).to.match(/^g +wirehop +500 ns/m);
    expect(text).to.match(/^ +other +10\.00 µs .* 20\.00 /m);
    expect(text).to.include('skipped node: not exposed');
  });
});

describe('bench: the command', () => {
  const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, ['--expose-gc', MAIN, ...args], { encoding: 'utf8', timeout: 30_000 });

  it('lists its parts', () => {
    const { status, stdout } = run('--list');
    expect(status).to.equal(0);
    const names = ['head', 'edit', 'chunked', 'choice', 'value', 'machine', 'embed', 'end-to-end'];
    expect(stdout.match(/^\S+/gm)).to.deep.equal(names);
  });

  it('runs one part alone, prints where it ran, and writes figures for programs', () => {
    const folder = mkdtempSync(join(tmpdir(), 'wirehop-bench-'));
    try {
      const file = join(folder, 'figures.json');
      const { status, stdout, stderr } = run('--only', 'machine', '--quick', '--json', file);
      expect(status, stderr).to.equal(0);
      expect(stdout).to.include(`Node ${process.version}`).and.include('llhttp-wasm 1.0.3');
      expect(stdout).to.include('HTTP exchange, 14 fields, 12 B').and.not.include('request, minimal');
      expect(stderr).to.include('machine: tunnel message, 64 B, to upstream');
      expect(existsSync(file)).to.equal(true);
      const found = JSON.parse(readFileSync(file, 'utf8')) as {
        environment: { node: string };
        micro: unknown[];
      };
      expect(found.environment.node).to.equal(process.version);
      expect(found.micro.length).to.equal(1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('names an unknown part and an unknown flag', () => {
    for (const [args, wanted] of [
      [['--only', 'nothing'], 'no part is called "nothing"; there are: head'],
      [['--nothing'], "Unknown option '--nothing'"],
    ] as const) {
      const { status, stderr } = run(...args);
      expect(status).to.equal(1);
      expect(stderr).to.include(wanted).and.not.include('    at ');
    }
  });
});
