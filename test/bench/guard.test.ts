/**
 * The guard itself: bounds that mean something, judgements that are right, and slowdowns planted in a running proxy that
 * are noticed. Nothing here depends on how fast the machine is.
 */
import { expect } from 'chai';
import { loadBounds } from '../../bench/guard/bounds.js';
import { judgedCalls, judgedInside, straceFault, TRANSPORTS } from '../../bench/guard/counting.js';
import { complaint, judgeCalls, judgeInside, judgeRatios, type Verdict } from '../../bench/guard/judge.js';
import { PLANT_TEXTS, PLANTS } from '../../bench/guard/plants.js';
import { COUNTED_WORKS } from '../../bench/counts/works.js';
import { showRatios } from '../../bench/report.js';

const BOUNDS = loadBounds();

function broken(verdicts: readonly Verdict[]): string[] {
  return verdicts.filter(({ holds }) => !holds).map(complaint);
}

describe('bench: the bounds', () => {
  it('are there for every counted work on both transports, each once', () => {
    const wanted = TRANSPORTS.flatMap((transport) =>
      COUNTED_WORKS.map(({ name }) => `${name}, ${transport}`),
    );
    const found = BOUNDS.counts.map(({ work, transport }) => `${work}, ${transport}`);
    expect(found).to.have.members(wanted);
    expect(found.length).to.equal(wanted.length);
  });

  it('are one write for each head and each message', () => {
    for (const { work, inside, calls } of BOUNDS.counts) {
      expect(inside.writes, work).to.equal(2);
      expect(calls.write, work).to.equal(2);
    }
  });

  it('are ratios of figures, each once', () => {
    expect(BOUNDS.ratios.length).to.be.greaterThan(10);
    for (const { bound } of BOUNDS.ratios) expect(bound).to.be.greaterThan(0);
    expect(new Set(BOUNDS.ratios.map(({ of, to }) => `${of} : ${to}`)).size).to.equal(BOUNDS.ratios.length);
  });
});

describe('bench: judging', () => {
  const [bounds] = BOUNDS.counts;

  it('passes what is at its bound, and names what is beyond it', () => {
    expect(broken(judgeInside(bounds, bounds.inside))).to.deep.equal([]);
    const worse = { ...bounds.inside, writes: bounds.inside.writes + 1 };
    expect(broken(judgeInside(bounds, worse))).to.deep.equal([
      'slower: HTTP exchange, handle: writes: 3, the bound is 2',
    ]);
  });

  it('counts batched changes of an epoll set as such, and takes no other call', () => {
    const calls = new Map([...Object.entries(bounds.calls), ['epoll_pwait', 9], ['futex', 3]] as [
      string,
      number,
    ][]);
    expect(broken(judgeCalls(bounds, calls))).to.deep.equal([]);
    const worse = new Map([...calls, ['epoll_ctl', 1], ['io_uring_enter', 1], ['fcntl', 2]]);
    expect(broken(judgeCalls(bounds, worse))).to.deep.equal([
      'slower: HTTP exchange, handle: calls of epoll_ctl: 2, the bound is 0',
      'slower: HTTP exchange, handle: calls of fcntl: 2, the bound is 0',
    ]);
  });

  it('compares ratios with their bounds, and says what was not measured', () => {
    const [first, ...others] = BOUNDS.ratios;
    const at = (share: number): ReturnType<typeof judgeRatios> =>
      judgeRatios(BOUNDS.ratios, (name) => ({ [first.of]: first.bound * share * 5, [first.to]: 5 })[name]);
    expect(broken(at(0.99).verdicts)).to.deep.equal([]);
    const worse = at(1.01);
    expect(broken(worse.verdicts)[0]).to.include(`slower: ${first.of} : ${first.to}: `);
    expect(worse.absent.length).to.equal(others.length);
    expect(showRatios(worse, true)).to.include('SLOWER');
    expect(showRatios(worse, false)).to.not.include('SLOWER');
  });
});

describe('bench: the counts of the hot path', function () {
  this.timeout(60_000);

  for (const transport of TRANSPORTS) {
    it(`writes, copies and allocations are within their bounds: ${transport}`, async () => {
      const verdicts = await judgedInside(BOUNDS, { transport });
      expect(verdicts.length).to.equal(COUNTED_WORKS.length * 4);
      expect(broken(verdicts)).to.deep.equal([]);
    });

    it(`system calls are within their bounds: ${transport}`, async function () {
      const fault = straceFault();
      // CI installs strace: there its absence is a fault.
      if (fault !== null && process.env.CI === undefined) {
        this.test!.title += ` (${fault})`;
        this.skip();
      }
      expect(fault).to.equal(null);
      const verdicts = await judgedCalls(BOUNDS, { transport });
      expect(verdicts.length).to.be.greaterThan(COUNTED_WORKS.length * 2);
      expect(broken(verdicts)).to.deep.equal([]);
    });
  }
});

describe('bench: the guard notices', function () {
  this.timeout(60_000);
  /** What each plant shows itself by. */
  const signs = {
    copy: [
      'HTTP exchange, handle: octets copied',
      'tunnel message there and back, 64 B, handle: octets copied',
    ],
    write: ['HTTP exchange, handle: writes', 'tunnel message there and back, 64 B, handle: writes'],
    buffer: [
      'HTTP exchange, handle: octets allocated outside it',
      'tunnel message there and back, 64 B, handle: octets allocated on the heap',
    ],
  } as const;
  const works = ['HTTP exchange', 'tunnel message there and back, 64 B'];

  for (const plant of PLANTS) {
    it(`${PLANT_TEXTS[plant]}`, async () => {
      const verdicts = await judgedInside(BOUNDS, { transport: 'handle', plant, works });
      const found = verdicts.filter(({ holds }) => !holds).map(({ what }) => what);
      expect(found).to.include.members([...signs[plant]]);
    });
  }
});
