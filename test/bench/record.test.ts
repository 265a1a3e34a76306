/** Proves that a recording goes on where it was, and that growth and workers are in its reports. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parseHTML } from 'linkedom';
import type { GrowthReport } from '../../bench/growth/curve.js';
import { AXES, joinGrowth } from '../../bench/growth/run.js';
import { partsOf } from '../../bench/record/parts.js';
import { renderHtml } from '../../bench/versus/report/html.js';
import { renderMarkdown } from '../../bench/versus/report/markdown.js';
import { picturesOf } from '../../bench/versus/report/svg-files.js';
import { timesOne, type RateFigure, type WorkersReport } from '../../bench/workers/figures.js';
import { joinWorkers } from '../../bench/workers/run.js';
import { WORKS } from '../../bench/works.js';
import { cleanUp, temporaryFolder } from '../e2e/harness.js';
import { versusFixture } from './versus-fixture.js';

const PROGRAM = fileURLToPath(new URL('../../bench/record/main.js', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const { environment } = versusFixture();

function spread(value: number): RateFigure['rate'] {
  return { median: value, q1: value, q3: value, min: value, max: value, runs: 3 };
}

function rate(workers: number, perSecond: number): RateFigure {
  const given = { peer: 'wirehop', work: 'http', operation: 'request', workers, most: 1.02, least: 0.98 };
  return { ...given, rate: spread(perSecond), cost: spread(24.1) };
}

const RATES: WorkersReport = {
  environment,
  command: 'npm run bench:record',
  quota: 0.2,
  connections: 256,
  rates: [rate(1, 8000), rate(2, 15_600)],
  fairness: [],
  skipped: [],
};
const SHARES: WorkersReport = {
  ...RATES,
  rates: [],
  fairness: [
    {
      peer: 'wirehop',
      workers: 4,
      way: 'all at once',
      most: 1.11,
      worstMost: 1.29,
      least: 0.91,
      worstLeast: 0.83,
    },
  ],
};

function growth(axis: string): GrowthReport {
  const points = [1, 10, 10_000].map((size) => ({ size, cost: 20 + Math.log10(size) }));
  const curve = { axis, title: axis, operation: 'an exchange', bound: 2, subject: 'wirehop', points };
  return { environment, command: `npm run bench:growth -- --axis ${axis}`, curves: [curve], skipped: [] };
}

/** Exit code and what the command said. */
function record(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: stdout + stderr });
    });
  });
}

describe('bench: recording', () => {
  afterEach(cleanUp);

  it('has a part for each work, each axis and both halves of the workers, none longer than eight minutes', () => {
    const parts = partsOf(9, 3, 600);
    const names = parts.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    expect(names).to.deep.equal([
      ...WORKS.map(({ name }) => `versus-${name}`),
      ...AXES.map((name) => `growth-${name}`),
      'workers-rates',
      'workers-shares',
    ]);
    for (const { name, seconds } of parts) expect(seconds, name).to.be.within(5, 480);
  });

  it('knows what is done, and takes no parts of another commit', async () => {
    const into = join(temporaryFolder(), 'parts');
    mkdirSync(into);
    writeFileSync(join(into, 'versus-http.json'), '{}');
    const { code, text } = await record('--into', into, '--list');
    expect(code, text).to.equal(0);
    expect(text)
      .to.match(/^versus-http +done$/m)
      .and.match(/^growth-tunnels +about \d+ s$/m);
    expect((await record('--into', into, '--list', '--again', 'versus')).text).to.not.include('done');
    writeFileSync(join(into, 'revision'), 'another\n');
    const refused = await record('--into', into, '--list');
    expect(refused.code).to.equal(1);
    expect(refused.text).to.include('holds parts of another commit');
  });

  for (const args of [['--minutes', '0'], ['--rounds', '1.5'], ['--seconds', 'x'], ['--what']]) {
    it(`refuses ${args.join(' ')}`, async () => {
      const { code, text } = await record('--into', join(temporaryFolder(), 'parts'), ...args);
      expect(code).to.equal(1);
      expect(text).to.match(/^(--minutes|Unknown option)/);
    });
  }

  it('shows growth and workers beside the works, in HTML and in Markdown', () => {
    const whole = {
      ...versusFixture(),
      growth: joinGrowth(['locations', 'tunnels'].map(growth)),
      workers: joinWorkers([RATES, SHARES]),
    };
    const { document: page } = parseHTML(renderHtml(whole)) as unknown as {
      document: { querySelectorAll(selector: string): Iterable<{ textContent: string }> };
    };
    const texts = (selector: string): string[] =>
      [...page.querySelectorAll(selector)].map(({ textContent }) => textContent.trim());
    expect(texts('h2')).to.include.members(['Growth', 'Workers']);
    expect(texts('h3')).to.include('an exchange, by number of tunnels');
    expect(texts('td')).to.include.members(['15\u202f600', '1.95', 'all at once', '1.29']);
    const pictures = picturesOf(whole);
    expect(pictures.map(({ name }) => name)).to.include('growth');
    const text = renderMarkdown(whole, pictures, 'performance');
    expect(text).to.include('### Growth').and.include('(performance/growth.svg)').and.include('### Workers');
    expect(text).to.match(/\| HTTP keep-alive, 12 B \| wirehop \| 2 \| 15\u202f600 \| 1\.95 \|/);
    expect(renderMarkdown(versusFixture(), [], 'x')).to.not.include('### Growth');
  });

  it('compares rates with those of one worker', () => {
    expect(timesOne(RATES, RATES.rates[1])).to.equal(1.95);
    expect(timesOne({ rates: [] }, RATES.rates[1])).to.equal(null);
  });

  it('is in the documentation by its command', () => {
    const scripts = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    expect(scripts.scripts).to.include.keys('bench:record', 'bench:workers');
    expect(readFileSync(join(ROOT, 'docs/performance.md'), 'utf8')).to.include('npm run bench:record');
  });
});
