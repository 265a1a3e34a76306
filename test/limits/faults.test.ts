/**
 * Every socket error at every state, on each side: it ends that exchange alone, is logged once, and frees everything.
 * After each the process has as many files open as before, serves on, and said nothing where it should say nothing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import {
  cleanUp,
  Command,
  configurationFor,
  freePort,
  onCleanUp,
  onHeads,
  openRaw,
  pause,
  temporaryFolder,
  until,
} from '../e2e/harness.js';
import type { RawConnection } from '../e2e/harness.js';
import {
  cpuMs,
  expectHealthy,
  GET,
  GET_CLOSE,
  healthy,
  logged,
  OFFER,
  openFiles,
  startBench,
  SWITCH,
  untilOpenFiles,
  UPGRADE_MAP,
  UPGRADES,
  type Bench,
} from './bench.js';

const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart';
const PART = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart';
const ENDLESS = 'HTTP/1.1 200 OK\r\n\r\npart';

const silent = (socket: Socket): void => void socket.resume();
const answersPart = (socket: Socket): void => onHeads(socket, () => socket.write(PART));
const switches = (socket: Socket): void => onHeads(socket, () => socket.write(SWITCH));

/** A state that a connection can be brought to. */
interface State {
  readonly serve: (socket: Socket) => void;
  readonly reach: (down: RawConnection, bench: Bench) => Promise<void>;
}

const STATES = {
  'before a head': { serve: healthy, reach: async () => pause(20) },
  'between requests': {
    serve: healthy,
    reach: async (down) => {
      down.write(GET);
      await down.until('\r\n\r\nok');
    },
  },
  'in a head': { serve: healthy, reach: async (down) => write(down, 'GET / HTTP/1.1\r\nHo') },
  'in content': {
    serve: silent,
    reach: async (down, bench) => {
      await write(down, POST);
      await until('the request', () => bench.sockets.size > 0);
    },
  },
  'waiting for the upstream': {
    serve: silent,
    reach: async (down, bench) => {
      await write(down, GET);
      await until('the request', () => bench.sockets.size > 0);
    },
  },
  'in a response': {
    serve: answersPart,
    reach: async (down) => {
      down.write(GET);
      await down.until('part');
    },
  },
  'in a tunnel': {
    serve: switches,
    reach: async (down) => {
      down.write(OFFER);
      await down.until('\r\n\r\n');
    },
  },
} satisfies Record<string, State>;

async function write(down: RawConnection, text: string): Promise<void> {
  down.write(text);
  await pause(50);
}

/** A fault, and what may be seen of it. */
interface FaultCase {
  readonly state: keyof typeof STATES;
  /** What the upstream does beyond the state's own, some moments after it was asked. */
  readonly upstream?: (socket: Socket) => void;
  readonly down?: (down: RawConnection) => void;
  readonly name: string;
  /** What the peer receives behind what it had, '' for nothing. */
  readonly receives?: RegExp;
  /** The only code that is logged, once for each connection; '' for none. */
  readonly logs: string;
}

const reset = (down: RawConnection): void => void down.socket.resetAndDestroy();
const leave = (down: RawConnection): void => void down.socket.destroy();
const end = (down: RawConnection): void => void down.socket.end();

const DOWNSTREAM: readonly FaultCase[] = [
  { state: 'before a head', name: 'a reset', down: reset, logs: '' },
  { state: 'before a head', name: 'a half-close', down: end, logs: '' },
  { state: 'before a head', name: 'silence', logs: '' },
  { state: 'between requests', name: 'a reset', down: reset, logs: '' },
  { state: 'between requests', name: 'a half-close', down: end, logs: '' },
  { state: 'between requests', name: 'silence', logs: '' },
  { state: 'in a head', name: 'a reset', down: reset, logs: '' },
  { state: 'in a head', name: 'a half-close', down: end, logs: '' },
  { state: 'in a head', name: 'silence', receives: /^HTTP\/1\.1 408 /, logs: 'HEAD_TIMEOUT' },
  { state: 'in content', name: 'a reset', down: reset, logs: 'DOWNSTREAM_CLOSED' },
  { state: 'in content', name: 'a half-close', down: end, logs: 'CONTENT_INCOMPLETE' },
  { state: 'in content', name: 'silence', receives: /^HTTP\/1\.1 408 /, logs: 'CONTENT_TIMEOUT' },
  { state: 'waiting for the upstream', name: 'a reset', down: reset, logs: 'DOWNSTREAM_CLOSED' },
  { state: 'waiting for the upstream', name: 'a close', down: leave, logs: 'UPSTREAM_READ_TIMEOUT' },
  { state: 'in a response', name: 'a reset', down: reset, logs: 'DOWNSTREAM_CLOSED' },
  { state: 'in a tunnel', name: 'a reset', down: reset, logs: 'DOWNSTREAM_CLOSED' },
  { state: 'in a tunnel', name: 'a close', down: leave, logs: '' },
  { state: 'in a tunnel', name: 'silence', logs: 'TUNNEL_IDLE' },
];

const UPSTREAM: readonly FaultCase[] = [
  ...(['in content', 'waiting for the upstream'] as const).flatMap((state): FaultCase[] => [
    {
      state,
      name: 'a reset',
      upstream: (socket) => void socket.resetAndDestroy(),
      receives: /^HTTP\/1\.1 502 /,
      logs: 'UPSTREAM_CLOSED',
    },
    {
      state,
      name: 'an end',
      upstream: (socket) => void socket.end(),
      receives: /^HTTP\/1\.1 502 /,
      logs: 'UPSTREAM_CLOSED',
    },
    {
      state,
      name: 'an end inside its head',
      upstream: (socket) => void socket.end('HTTP/1.1 200 O'),
      receives: /^HTTP\/1\.1 502 /,
      logs: 'UPSTREAM_CLOSED',
    },
    {
      state,
      name: 'a reset inside its head',
      upstream: (socket) => socket.write('HTTP/1.1 200 O', () => socket.resetAndDestroy()),
      receives: /^HTTP\/1\.1 502 /,
      logs: 'UPSTREAM_CLOSED',
    },
  ]),
  {
    state: 'waiting for the upstream',
    name: 'silence',
    receives: /^HTTP\/1\.1 504 /,
    logs: 'UPSTREAM_READ_TIMEOUT',
  },
  {
    state: 'in a response',
    name: 'a reset',
    upstream: (socket) => void socket.resetAndDestroy(),
    receives: /^$/,
    logs: 'UPSTREAM_CLOSED',
  },
  {
    state: 'in a response',
    name: 'an end',
    upstream: (socket) => void socket.end(),
    receives: /^$/,
    logs: 'UPSTREAM_CLOSED',
  },
  { state: 'in a response', name: 'silence', receives: /^$/, logs: 'UPSTREAM_READ_TIMEOUT' },
  {
    state: 'in a tunnel',
    name: 'a reset',
    upstream: (socket) => void socket.resetAndDestroy(),
    receives: /^$/,
    logs: 'UPSTREAM_CLOSED',
  },
  {
    state: 'in a tunnel',
    name: 'a reset behind octets that were not read',
    upstream: (socket) => socket.write('last words', () => socket.resetAndDestroy()),
    logs: 'UPSTREAM_CLOSED',
  },
  {
    state: 'in a tunnel',
    name: 'an end, which both sides then share',
    upstream: (socket) => void socket.end(),
    logs: '',
  },
];

/** Connections at once: one exchange's fault must not be another's. */
const AT_ONCE = 5;
const TIMES =
  'client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; send_timeout 1s; lingering_timeout 300ms;';
const UPSTREAM_TIMES = 'proxy_connect_timeout 1s; proxy_read_timeout 1s; proxy_send_timeout 1s;';

describe('limits: a fault ends its exchange alone, is logged once, and frees everything', () => {
  let bench: Bench;
  let files: number;
  before(async () => {
    bench = await startBench({ http: `${UPGRADE_MAP} ${TIMES}`, location: `${UPGRADES} ${UPSTREAM_TIMES}` });
    await expectHealthy(bench);
    await until('the upstream connection to close', () => bench.sockets.size === 0);
    files = openFiles(bench.proxy);
  });
  after(cleanUp);

  /** Lines by code. */
  const lines = (): Record<string, number> => {
    const found: Record<string, number> = {};
    for (const [, code] of bench.proxy.file('error.log').matchAll(/\[([A-Z_]+), [^\]]*\], client:/g))
      found[code] = (found[code] ?? 0) + 1;
    return found;
  };

  async function prove({ state, upstream, down, receives, logs }: FaultCase): Promise<void> {
    const before = lines();
    const { serve, reach } = STATES[state] as State;
    bench.serve = (socket) => {
      serve(socket);
      // The state is reached first.
      if (upstream !== undefined) setTimeout(() => socket.destroyed || upstream(socket), 200);
    };
    const connections = await Promise.all(
      Array.from({ length: AT_ONCE }, () => openRaw(bench.port, { allowHalfOpen: true })),
    );
    await Promise.all(connections.map((one) => reach(one, bench)));
    for (const one of connections) one.take();
    for (const one of connections) down?.(one);
    // Where the peer said nothing the proxy ends it.
    await until('the end', () => connections.every((one) => one.ended || one.closed));
    if (receives !== undefined) for (const one of connections) expect(one.received).to.match(receives);
    for (const one of connections) one.socket.end();
    await untilOpenFiles(bench.proxy, files);
    for (const socket of bench.sockets) socket.destroy();
    const expected = { ...before };
    if (logs !== '') expected[logs] = (expected[logs] ?? 0) + AT_ONCE;
    expect(lines()).to.deep.equal(expected);
    await expectHealthy(bench);
  }

  for (const one of DOWNSTREAM) it(`downstream, ${one.state}: ${one.name}`, () => prove(one));
  for (const one of UPSTREAM) it(`upstream, ${one.state}: ${one.name}`, () => prove(one));

  it('downstream, waiting for the upstream: a half-close; the answer still comes', async () => {
    bench.serve = (socket) =>
      onHeads(socket, () =>
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate'), 200),
      );
    const down = await openRaw(bench.port, { allowHalfOpen: true });
    down.socket.end(GET);
    expect(await down.untilEnd()).to.match(/\r\n\r\nlate$/);
    await untilOpenFiles(bench.proxy, files);
    await expectHealthy(bench);
  });

  it('downstream, in a response: a half-close; the rest still comes', async () => {
    bench.serve = (socket) =>
      onHeads(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npart');
        setTimeout(() => socket.write('rest'), 200);
      });
    const down = await openRaw(bench.port, { allowHalfOpen: true });
    down.write(GET);
    await down.until('part');
    down.socket.end();
    expect(await down.untilEnd()).to.match(/\r\n\r\npartrest$/);
    await untilOpenFiles(bench.proxy, files);
    await expectHealthy(bench);
  });

  it('upstream, in content without a length: a reset right behind the octets is no end', async () => {
    // The two may come to the proxy at once, and then the system tells it of an end.
    bench.serve = (socket) => onHeads(socket, () => socket.write(ENDLESS, () => socket.resetAndDestroy()));
    const before = logged(bench.proxy, 'UPSTREAM_CLOSED').length;
    for (let i = 0; i < 20; i++) {
      const down = await openRaw(bench.port);
      down.write(GET_CLOSE);
      expect(await down.untilEnd()).not.to.match(/\r\n0\r\n\r\n$/);
    }
    expect(logged(bench.proxy, 'UPSTREAM_CLOSED').length - before).to.equal(20);
    await untilOpenFiles(bench.proxy, files);
    await expectHealthy(bench);
  });

  it('upstream, in content without a length: a reset is passed on as a reset, an end as an end', async () => {
    for (const act of ['resetAndDestroy', 'end'] as const) {
      bench.serve = (socket) =>
        onHeads(socket, () => {
          socket.write(ENDLESS);
          setTimeout(() => socket[act](), 100);
        });
      const down = await openRaw(bench.port, { allowHalfOpen: true });
      down.write('GET / HTTP/1.0\r\n\r\n');
      await down.until('part');
      await until('the end', () => down.ended || down.closed);
      expect(down.error?.code ?? '').to.equal(act === 'end' ? '' : 'ECONNRESET');
      down.socket.end();
      await untilOpenFiles(bench.proxy, files);
    }
    await expectHealthy(bench);
  });
});

describe('limits: upstreams that cannot be reached', () => {
  afterEach(cleanUp);

  /** The last: whether nginx, too, says so as [crit]. */
  const cases: [string, () => Promise<string>, RegExp, boolean][] = [
    ['refused', async () => `127.0.0.1:${await freePort()}`, /111: Connection refused/, false],
    // Nobody can connect to a multicast address: the system says so at once, and nothing leaves the machine.
    ['unreachable', () => Promise.resolve('224.0.0.1:9'), /101: Network is unreachable/, false],
    [
      'no such socket',
      () => Promise.resolve('unix:/nonexistent/socket'),
      /2: No such file or directory/,
      true,
    ],
  ];
  for (const [name, upstream, words, isCritical] of cases) {
    it(`${name}: 502 each time, logged once each, nothing left open`, async () => {
      const bench = await startBench({ upstream: `${await upstream()} max_fails=0` });
      const down = await openRaw(bench.port);
      const ask = async (): Promise<void> => {
        down.take();
        down.write(GET);
        expect(await down.until('</html>')).to.match(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
      };
      await ask();
      const files = openFiles(bench.proxy);
      for (let i = 0; i < 20; i++) await ask();
      await untilOpenFiles(bench.proxy, files);
      const lines = logged(bench.proxy, 'UPSTREAM_CONNECT');
      expect(lines).to.have.length(21);
      for (const line of lines)
        expect(line)
          .to.match(words)
          .and.match(isCritical ? /\[crit\]/ : /\[error\]/);
      expect(bench.proxy.faults()).to.deep.equal(isCritical ? lines : []);
    });
  }
});

describe('limits: file descriptors', function () {
  afterEach(cleanUp);
  const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;
  const MAIN = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));

  it('started with fewer than worker_connections need: says so, refuses by itself, serves on', async function () {
    if (!hasPrlimit) this.skip();
    const folder = temporaryFolder();
    const port = await freePort();
    const bench = await startBench();
    const [, upstream] = /server (127\.0\.0\.1:\d+)/.exec(bench.proxy.file('nginx.conf')) ?? [];
    writeFileSync(join(folder, 'nginx.conf'), configurationFor({ listen: port, upstream: String(upstream) }));
    const flags = ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log', '-g', 'master_process off;'];
    // Node's loader needs more than that for itself while modules are read.
    const limit = 160;
    const child = spawn('prlimit', [`--nofile=${limit}`, process.execPath, MAIN, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const proxy = new Command(child, folder);
    onCleanUp(() => proxy.stop('SIGKILL'));
    await until('the pid file', () => existsSync(join(folder, 'wirehop.pid')));
    expect(proxy.file('error.log')).to.match(
      /\[warn\] .*4096 worker_connections exceed open file resource limit: 160, so there are \d+\n/,
    );
    const files = openFiles(proxy);
    const busy: RawConnection[] = [];
    for (let i = 0; i < 400; i++) {
      const one = await openRaw(port);
      one.write('GET / HTTP/1.1\r\nHo');
      busy.push(one);
    }
    await until('the refusals', () => busy.filter((one) => one.ended || one.closed).length >= 400 - limit);
    expect(openFiles(proxy)).to.be.lessThan(limit);
    for (const one of busy) one.socket.destroy();
    await untilOpenFiles(proxy, files);
    bench.port = port;
    bench.proxy = proxy;
    const alerts = proxy.file('error.log').match(/\[alert\]/g) ?? [];
    expect(alerts.length, 'refusals are reported once a second').to.be.within(1, 3);
    bench.serve = healthy;
    const down = await openRaw(port);
    down.write(GET);
    await down.until('\r\n\r\nok');
    expect(proxy.stderr).to.equal('');
  });

  it('EMFILE while it runs: no spinning, and it serves on when descriptors are free again', async function () {
    if (!hasPrlimit) this.skip();
    const bench = await startBench();
    await expectHealthy(bench);
    await until('the upstream connection to close', () => bench.sockets.size === 0);
    const files = openFiles(bench.proxy);
    const limit = (count: number): void => {
      const { status } = spawnSync('prlimit', ['--pid', String(bench.proxy.pid), `--nofile=${count}:`]);
      expect(status, 'prlimit').to.equal(0);
    };
    limit(files + 10);
    const connections = await Promise.all(Array.from({ length: 60 }, () => openRaw(bench.port)));
    for (const one of connections) one.write('GET / HTTP/1.1\r\nHo');
    await until('the descriptors to be used up', () => openFiles(bench.proxy) >= files + 9);
    const before = cpuMs(bench.proxy);
    await pause(1000);
    expect(cpuMs(bench.proxy) - before, 'ms of CPU in a second').to.be.lessThan(200);
    // One that was accepted asks for an upstream connection, for which no descriptor is left.
    const accepted = connections.filter((one) => !one.ended && !one.closed).slice(0, 1);
    for (const one of accepted) {
      one.write('st: x\r\n\r\n');
      expect(await one.until('\r\n\r\n')).to.match(/^HTTP\/1\.1 (502|200) /);
    }
    limit(4096);
    for (const one of connections) one.socket.destroy();
    await untilOpenFiles(bench.proxy, files);
    const down = await openRaw(bench.port);
    down.write(GET);
    await down.until('\r\n\r\nok');
    expect(bench.proxy.stderr).to.equal('');
    expect(bench.proxy.file('error.log')).not.to.match(/\[(alert|emerg)\]/);
  });
});
