/**
 * The crashes that users of http-proxy and its successors report: each is played against http-proxy-3 in a process of
 * its own, with and without a listener for its errors, and against wirehop. The table says what http-proxy-3 does today,
 * so that a release that mends one is noticed here; wirehop must live on in all of them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { cleanUp, freePort, onCleanUp, openRaw, pause, soon, until } from '../e2e/harness.js';

const HOST = fileURLToPath(new URL('./crash-host.js', import.meta.url));
const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

type End = 'lives' | 'dies';

interface Scenario {
  readonly name: string;
  /** What the upstream does with a connection once it has read something; null: nobody listens. */
  readonly upstream: ((socket: Socket) => void) | null;
  readonly request: string;
  /** What the downstream side does after its request. */
  readonly act?: (socket: Socket) => Promise<void> | void;
  /** Of http-proxy-3 2.0.1, without and with a listener for its errors; null where it depends on who is first. */
  readonly httpProxy3: readonly [End, End] | null;
  /** What wirehop answers, where it can answer. */
  readonly answer?: RegExp;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a request while the upstream is down',
    upstream: null,
    request: GET,
    httpProxy3: ['dies', 'lives'],
    answer: /^HTTP\/1\.1 502 /,
  },
  {
    name: 'an upgrade while the upstream is down',
    upstream: null,
    request: UPGRADE,
    httpProxy3: ['dies', 'lives'],
    answer: /^HTTP\/1\.1 502 /,
  },
  {
    name: 'an upstream that resets an upgrade',
    upstream: (socket) => socket.resetAndDestroy(),
    request: UPGRADE,
    httpProxy3: ['dies', 'lives'],
    answer: /^HTTP\/1\.1 502 /,
  },
  {
    name: 'an upstream that resets a tunnel',
    upstream: (socket) => {
      socket.write(SWITCH);
      setTimeout(() => socket.resetAndDestroy(), 150);
    },
    request: UPGRADE,
    httpProxy3: ['dies', 'lives'],
    answer: /^HTTP\/1\.1 101 /,
  },
  {
    name: 'a peer that resets its upgrade before the answer',
    upstream: (socket) => void setTimeout(() => socket.write(SWITCH), 60),
    request: UPGRADE,
    act: async (socket) => {
      await pause(20);
      socket.resetAndDestroy();
    },
    httpProxy3: ['dies', 'lives'],
  },
  {
    name: 'a peer that resets while the answer to its upgrade is written (EPIPE, write after end)',
    upstream: (socket) => {
      socket.write('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n');
      const timer = setInterval(() => socket.write('5\r\n12345\r\n'), 5);
      setTimeout(() => {
        clearInterval(timer);
        socket.end('0\r\n\r\n');
      }, 150);
    },
    request: UPGRADE,
    act: async (socket) => {
      await pause(50);
      socket.resetAndDestroy();
    },
    httpProxy3: ['dies', 'lives'],
  },
  {
    name: 'an answer with Trailer and a length, which Node refuses to send',
    upstream: (socket) => socket.write('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nok'),
    request: GET,
    httpProxy3: ['dies', 'dies'],
    answer: /^HTTP\/1\.1 200 OK\r\n[^]*ok$/,
  },
  {
    name: 'both sides resetting a tunnel at once',
    upstream: (socket) => {
      socket.write(SWITCH);
      socket.on('data', () => socket.resetAndDestroy());
    },
    request: UPGRADE,
    act: async (socket) => {
      await pause(50);
      socket.write('x');
      await pause(1);
      socket.resetAndDestroy();
    },
    httpProxy3: null,
  },
];

/** A host process, started again when it has died. */
class Host {
  private child: ChildProcess | null = null;
  private port = 0;

  constructor(private readonly args: readonly string[]) {}

  async start(): Promise<void> {
    if (this.child !== null && this.child.exitCode === null && this.child.signalCode === null) return;
    const child = spawn(process.execPath, [HOST, ...this.args], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.child = child;
    onCleanUp(() => child.kill('SIGKILL'));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    await until('the host to listen', () => text.includes('\n'), 15_000);
    this.port = Number(text);
  }

  /** Plays a scenario, and tells whether the host lived on and what it answered. */
  async play(scenario: Scenario): Promise<[End, string]> {
    await this.start();
    const child = this.child!;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const raw = await openRaw(this.port);
    raw.write(scenario.request);
    await scenario.act?.(raw.socket);
    // However slow the machine is: the answer, or the end of either, and then time for what comes behind it.
    const isOver = (): boolean => raw.received !== '' || raw.socket.destroyed || child.exitCode !== null;
    for (let waited = 0; waited < 5000 && !isOver(); waited += 20) await pause(20);
    await pause(300);
    const answer = raw.received;
    raw.socket.destroy();
    try {
      const again = await openRaw(this.port);
      again.write('GET /alive HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(await again.untilEnd()).to.match(/alive$/);
      return ['lives', answer];
    } catch {
      await soon('the end of a host that does not answer', exited);
      return ['dies', answer];
    }
  }
}

describe('embed: crashes that others have', function () {
  this.timeout(30_000);
  let port = 0;
  let hosts: readonly Host[];
  let upstream: Server | null = null;
  const sockets = new Set<Socket>();

  before(async () => {
    port = await freePort();
    const to = String(port);
    hosts = [
      ['wirehop', to],
      ['http-proxy-3', to],
      ['http-proxy-3', to, 'listener'],
    ].map((args) => new Host(args));
    await Promise.all(hosts.map((host) => host.start()));
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    upstream?.close();
    upstream = null;
  });
  after(cleanUp);

  /** Listens for one scenario, at the port that every host knows. */
  async function listen(serve: (socket: Socket) => void): Promise<void> {
    upstream = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      socket.once('data', () => serve(socket));
    });
    await new Promise<void>((resolve) => upstream!.listen(port, '127.0.0.1', resolve));
  }

  for (const scenario of SCENARIOS) {
    const { name, httpProxy3, answer: expected } = scenario;
    const ends =
      httpProxy3 === null ? '' : ` (http-proxy-3 ${httpProxy3[0]}; with a listener it ${httpProxy3[1]})`;
    it(`${name}: wirehop lives on${ends}`, async () => {
      if (scenario.upstream !== null) await listen(scenario.upstream);
      const [[end, answer], ...others] = await Promise.all(hosts.map((host) => host.play(scenario)));
      expect(end).to.equal('lives');
      if (expected !== undefined) expect(answer).to.match(expected);
      if (httpProxy3 !== null) expect(others.map(([other]) => other)).to.deep.equal(httpProxy3);
    });
  }
});
