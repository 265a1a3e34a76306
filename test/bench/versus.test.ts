/** Proves the side-by-side run: its flags, its order and ratios, what it skips and says, and that every peer proxies. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { hasProc } from '../../bench/lab/accounting.js';
import { cpuPerOperation, Lab } from '../../bench/lab/lab.js';
import { NO_FIGURES } from '../../bench/load/turn.js';
import type { LoadResult } from '../../bench/lab/messages.js';
import { haproxy, nginx, wirehop } from '../../bench/peers/commands.js';
import { allPeers } from '../../bench/peers/index.js';
import { library, noProxy, relay } from '../../bench/peers/node-proxies.js';
import { spreadOf } from '../../bench/statistics.js';
import { CheckError } from '../../bench/suite.js';
import { describeDisturbances, figureOf } from '../../bench/versus/figures.js';
import { joinReports } from '../../bench/versus/join.js';
import { parseVersusOptions } from '../../bench/versus/options.js';
import { runVersus } from '../../bench/versus/run.js';
import { showVersus, skippedLines } from '../../bench/versus/text.js';
import { WORKS, workNamed } from '../../bench/works.js';
import { versusFixture } from './versus-fixture.js';

const MAIN = fileURLToPath(new URL('../../bench/main.js', import.meta.url));

describe('bench: the flags of --versus', () => {
  const peers = allPeers();
  const parse = (line: string): ReturnType<typeof parseVersusOptions> =>
    parseVersusOptions(
      line.split(' ').filter((arg) => arg !== ''),
      peers,
    );

  it('are everything without any', () => {
    const { works, peers: chosen, effort, from } = parse('');
    expect(works).to.deep.equal(WORKS);
    expect(chosen).to.equal(peers);
    expect(effort).to.include({ rounds: 5, measureMs: 1000 });
    expect(from).to.deep.equal([]);
  });

  it('choose works by name and prefix, peers in any case', () => {
    const names = ({ works }: ReturnType<typeof parse>): string[] => works.map(({ name }) => name);
    expect(names(parse('--work handshake,http'))).to.deep.equal(['http', 'handshake']);
    expect(names(parse('--work tls* --work bulk'))).to.deep.equal(['bulk', 'tls', 'tls-100k', 'tls-new']);
    expect(parse('--peers NGINX,wirehop').peers.map(({ name }) => name)).to.deep.equal(['wirehop', 'nginx']);
  });

  it('set rounds, time and rate', () => {
    expect(parse('--rounds 2 --seconds 0.25').effort).to.include({ rounds: 2, measureMs: 250 });
    expect(parse('--quick').effort).to.include({ rounds: 1, measureMs: 200, idleConnections: 200 });
    const [rated] = parse('--work http-rate --rate 900').works;
    expect(rated).to.include({ rate: 900, title: 'HTTP keep-alive, 12 B, at 900/s' });
    expect(parse('--work http --rate 900').works[0].rate).to.equal(undefined);
  });

  for (const [line, says] of [
    ['--work nothing', 'no work is called "nothing"; there are: http'],
    ['--work x*', 'no work begins with "x"'],
    ['--peers apache', 'no peer is called "apache"; there are: wirehop'],
    ['--rounds 0', '--rounds is a number from 1 to 1000, not "0"'],
    ['--rounds 1.5', '--rounds is a whole number'],
    ['--seconds soon', '--seconds is a number from 0.05 to 600, not "soon"'],
  ]) {
    it(`refuse ${line}`, () => expect(() => parse(line)).to.throw(RangeError, says));
  }

  it('reach the command, which says what it does not know', () => {
    const run = (...args: string[]): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, [MAIN, '--versus', ...args], { encoding: 'utf8' });
    expect(run('--help').stdout).to.match(/--work NAME[^]*--peers NAME[^]*--html FILE/);
    expect(run('--list').stdout).to.match(/tunnel-64b-64 [^]*HAProxy/);
    expect(run('--nonsense'))
      .to.include({ status: 1 })
      .and.to.have.property('stderr')
      .that.includes('--nonsense');
    const absent = run('--from', '/nowhere/figures.json');
    expect(absent.status).to.equal(1);
    expect(absent.stderr).to.match(/^--from \/nowhere\/figures.json: ENOENT/);
  });
});

describe('bench: figures of a side-by-side run', () => {
  const result = (proxyCpuMs: number, operations: number): LoadResult => ({
    ...NO_FIGURES,
    proxyCpuMs,
    operations,
    elapsedMs: 1000,
    residentKib: 2048,
    residentBeforeKib: 1024,
  });

  it('are medians and quartiles', () => {
    expect(spreadOf([5, 1, 2, 4, 3])).to.deep.equal({ median: 3, q1: 2, q3: 4, min: 1, max: 5, runs: 5 });
    expect(spreadOf([1, 2])).to.include({ median: 1.5, q1: 1.25, q3: 1.75 });
    expect(spreadOf([7])).to.include({ median: 7, q1: 7, q3: 7 });
    expect(() => spreadOf([])).to.throw(RangeError);
  });

  it('take ratios within a round', () => {
    const own = [result(200, 10_000), result(900, 10_000), result(300, 10_000)];
    const measure = [result(100, 10_000), result(300, 10_000), result(300, 10_000)];
    const figure = figureOf(workNamed('http'), 'wirehop', own, measure);
    expect(figure.cost?.median).to.equal(30);
    expect(figure.toNginx).to.include({ median: 2, min: 1, max: 3 });
    expect(figure.rate.median).to.equal(10_000);
    expect(figureOf(workNamed('http'), 'wirehop', own, []).toNginx).to.equal(null);
  });

  it('are memory for idle connections, and nothing without a proxy', () => {
    const idle = figureOf(workNamed('idle-tunnels'), 'wirehop', [result(1, 512)], [result(1, 256)]);
    expect(idle.cost?.median).to.equal(2);
    expect(idle.toNginx?.median).to.equal(0.5);
    const none = { ...result(0, 100), residentKib: 0, residentBeforeKib: 0 };
    expect(figureOf(workNamed('http'), 'no proxy', [none], [])).to.include({ cost: null, toNginx: null });
  });

  it('say when the machine was not quiet', () => {
    const { figures } = versusFixture();
    expect(describeDisturbances({ figures })).to.equal('');
    const [first, ...rest] = figures;
    expect(describeDisturbances({ figures: [{ ...first, proxyShare: 0.6 }, ...rest] })).to.equal(
      "The machine was not quiet: something else used up to 39 % of the proxy's core (http).",
    );
  });

  it('of several runs are joined, the later ones first', () => {
    const old = versusFixture();
    const later = {
      ...versusFixture(),
      works: [old.works[0]],
      figures: [{ ...old.figures[0], userShare: 0.9 }],
    };
    const joined = joinReports([old, { ...later, command: 'again' }]);
    expect(joined.works).to.have.length(old.works.length);
    expect(
      joined.figures.filter(({ work }) => work === 'http').map(({ userShare }) => userShare),
    ).to.deep.equal([0.9]);
    expect(joined.command.split('\n')).to.deep.equal(['npm run bench -- --versus', 'again']);
    const elsewhere = { ...old, environment: { ...old.environment, kernel: '5.0' } };
    expect(() => joinReports([old, elsewhere])).to.throw(RangeError, 'cannot be joined');
  });
});

describe('bench: what a side-by-side run leaves out', () => {
  it('is named with the command that helps, peers that are absent once', async function () {
    if (!hasProc()) this.skip();
    const absent = { ...nginx(), name: 'absent', missing: () => 'not installed: apt-get install absent' };
    const report = await runVersus(
      {
        works: [workNamed('http-logged'), workNamed('idle-tunnels'), workNamed('tls')],
        peers: [absent, relay(), noProxy()],
        effort: { rounds: 1, warmUpMs: 10, measureMs: 50, settleMs: 10, idleConnections: 20 },
        command: 'a test',
      },
      () => undefined,
    );
    expect(skippedLines(report.skipped)).to.deep.equal([
      'skipped absent: not installed: apt-get install absent',
      'skipped bare relay (http-logged, tls): it reads no HTTP and speaks no TLS',
      'skipped no proxy (http-logged, tls): there is nothing that could',
      'skipped no proxy (idle-tunnels): there is no process to weigh',
    ]);
    expect(report.figures.map(({ work, peer }) => `${work} ${peer}`)).to.deep.equal([
      'idle-tunnels bare relay',
    ]);
    expect(showVersus(report)).to.include('skipped absent: not installed: apt-get install absent');
  });

  it('of the peers says how to install each', () => {
    expect(library('no-such-library').missing()).to.equal(
      'not installed: npm install --no-save no-such-library',
    );
    expect(haproxy().cannot('logged')).to.match(/syslog/);
    for (const peer of allPeers()) expect(peer.missing() ?? 'installed: ').to.match(/install|build/);
  });

  it('is a peer that answers wrongly: it fails by name, and the others go on', async function () {
    if (!hasProc()) this.skip();
    // It reads no HTTP, so it sets no X-Real-IP.
    const lazy = { ...relay(), name: 'lazy', rewritesHeads: true };
    const report = await runVersus(
      {
        works: [workNamed('http')],
        peers: [lazy, relay()],
        effort: { rounds: 1, warmUpMs: 10, measureMs: 50, settleMs: 10 },
        command: 'a test',
      },
      () => undefined,
    );
    expect(report.failed).to.have.length(1);
    expect(report.failed[0]).to.include({ peer: 'lazy', work: 'http' });
    expect(report.failed[0].reason).to.include('did not send "x-real-ip: 127.0.0.1" to the origin');
    expect(report.figures.map(({ peer }) => peer)).to.deep.equal(['bare relay']);
    expect(showVersus(report)).to.match(/^FAILED lazy, http: /m);
  });
});

describe('bench: every peer proxies', function () {
  this.timeout(30_000);
  const effort = { warmUpMs: 30, measureMs: 60 };
  let lab: Lab;

  before(async function () {
    if (!hasProc()) this.skip();
    lab = await Lab.open();
  });
  after(async () => lab?.close());

  for (const peer of allPeers()) {
    it(peer.name, async function () {
      if (peer.missing() !== null) this.skip();
      const started = await lab.start(peer);
      for (const name of ['http', 'http-post', 'http-new', 'handshake', 'tunnel-4kb-64']) {
        const result = await lab.turn({ ...workNamed(name), connections: 4 }, started, effort);
        expect(result.operations, name).to.be.greaterThan(0);
        if (peer.version() === '') continue;
        expect(result.residentKib, name).to.be.greaterThan(1000);
        expect(cpuPerOperation(result), name).to.be.within(1, 20_000);
      }
      await started.stop();
    });
  }

  it('with TLS and with a log in front', async function () {
    if (nginx().missing() !== null) this.skip();
    const secure = await lab.start(nginx(), 'tls');
    await lab.turn({ ...workNamed('tls'), connections: 2 }, secure, effort);
    const logged = await lab.start(wirehop(), 'logged');
    await lab.turn({ ...workNamed('http-logged'), connections: 2 }, logged, effort);
  });

  it('says what a program that does not come up said', async () => {
    const broken = await lab
      .start(wirehop(), 'plain', { httpLines: 'nonsense on;' })
      .catch((error: unknown) => error);
    expect(broken).to.be.instanceOf(Error).and.not.instanceOf(CheckError);
    expect((broken as Error).message).to.match(/wirehop ended: .*"nonsense"/);
  });
});
