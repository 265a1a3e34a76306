/**
 * Memory stays flat however much passes and however slowly it is read: the proxy holds a bounded part and stops
 * reading. 1 GiB each way past a reader that sleeps first; the resident set is read from /proc.
 */
import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import {
  cleanUp,
  configurationFor,
  freePort,
  onCleanUp,
  onHeads,
  openRaw,
  pause,
  soon,
  startProxy,
  startRawUpstream,
} from './harness.js';
import type { Command } from './harness.js';

const GIB = 1024 * 1024 * 1024;
const WARM_UP = 64 * 1024 * 1024;
/**
 * What may be held above what an idle, warmed-up proxy needs. With `net` every read makes a buffer, and V8 lets tens of
 * MB of them pass before it collects what is no longer needed: from Node 22 on more than before.
 */
const GROWTH_MAX_KIB = (process.env.WIREHOP_TEST_TRANSPORT === 'net' ? 80 : 48) * 1024;
/** The reader does nothing for this long: without a bound the proxy would have read hundreds of MiB by then. */
const SLEEP_MS = 1500;
const BLOCK = Buffer.alloc(256 * 1024, 'abcdefghijklmnopqrstuvwxyz');

/** Writes `total` octets as fast as the socket takes them. */
function pour(socket: Socket, total: number): void {
  let left = total;
  const more = (): void => {
    while (left > 0) {
      const block = left >= BLOCK.length ? BLOCK : BLOCK.subarray(0, left);
      left -= block.length;
      if (!socket.write(block)) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}

/** Counts octets without keeping them. */
function drink(socket: Socket, total: number): Promise<void> {
  let count = 0;
  return new Promise((resolve, reject) => {
    socket.on('data', (octets) => {
      count += octets.length;
      if (count >= total) resolve();
    });
    socket.on('close', () =>
      count >= total ? resolve() : reject(new Error(`closed after ${count} octets`)),
    );
    socket.resume();
  });
}

/** Highest resident set while `work` is under way, in KiB. */
async function highest(proxy: Command, work: Promise<unknown>): Promise<number> {
  let high = proxy.residentKib();
  const timer = setInterval(() => (high = Math.max(high, proxy.residentKib())), 50);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
  return Math.max(high, proxy.residentKib());
}

describe('memory: 1 GiB past a slow reader', function () {
  this.timeout(60_000);
  afterEach(cleanUp);

  /** The upstream's behaviour by path; `/up` reads, `/down` writes, `/tunnel` switches and then writes. */
  async function start(): Promise<{ proxy: Command; port: number; uploads: Socket[] }> {
    const uploads: Socket[] = [];
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, (head) => {
        const total = Number(/^GET \/\w+\/(\d+)/.exec(head)?.[1] ?? 0);
        if (head.startsWith('GET /down')) {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
          pour(socket, total);
        } else if (head.startsWith('GET /tunnel')) {
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
          );
          pour(socket, total);
        } else {
          socket.removeAllListeners('data');
          socket.pause();
          uploads.push(socket);
        }
      });
    });
    const port = await freePort();
    const proxy = await startProxy(
      configurationFor({
        listen: port,
        upstream: `127.0.0.1:${upstream.port}`,
        server: 'client_max_body_size 0;',
        location: 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";',
      }),
    );
    return { proxy, port, uploads };
  }

  /** Asks for `total` octets, sleeps, then reads them all. */
  async function download(
    port: number,
    path: string,
    total: number,
    sleepMs: number,
    fields = '',
  ): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    onCleanUp(() => socket.destroy());
    socket.pause();
    socket.write(`GET ${path}/${total} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
    await pause(sleepMs);
    await soon(`${total} octets down`, drink(socket, total), 25_000);
    socket.destroy();
  }

  async function upload(port: number, uploads: Socket[], total: number, sleepMs: number): Promise<void> {
    const down = await openRaw(port);
    // The head alone first, so that the raw upstream sees no content beside it.
    down.write(`POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: ${total}\r\n\r\n`);
    while (uploads.length === 0) await pause(5);
    const socket = uploads.shift() as Socket;
    pour(down.socket, total);
    await pause(sleepMs);
    await soon(`${total} octets up`, drink(socket, total), 25_000);
    down.socket.destroy();
    socket.destroy();
  }

  const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade\r\n';
  const ways: [
    string,
    (bench: Awaited<ReturnType<typeof start>>, total: number, sleepMs: number) => Promise<void>,
  ][] = [
    ['a response', ({ port }, total, sleepMs) => download(port, '/down', total, sleepMs)],
    ['a request', ({ port, uploads }, total, sleepMs) => upload(port, uploads, total, sleepMs)],
    ['a tunnel', ({ port }, total, sleepMs) => download(port, '/tunnel', total, sleepMs, upgrade)],
  ];
  for (const [name, move] of ways) {
    it(`${name}: the proxy grows by less than ${GROWTH_MAX_KIB / 1024} MiB`, async () => {
      const bench = await start();
      await move(bench, WARM_UP, 0);
      const before = bench.proxy.residentKib();
      const high = await highest(bench.proxy, move(bench, GIB, SLEEP_MS));
      expect(high - before).to.be.lessThan(GROWTH_MAX_KIB);
      expect(bench.proxy.faults()).to.deep.equal([]);
    });
  }

  it('100 stalled readers together stay within the same bound', async () => {
    const bench = await start();
    await download(bench.port, '/down', WARM_UP, 0);
    const before = bench.proxy.residentKib();
    const sockets = Array.from({ length: 100 }, () => {
      const socket = connect(bench.port, '127.0.0.1');
      onCleanUp(() => socket.destroy());
      socket.on('error', () => undefined).pause();
      socket.write(`GET /down/${GIB} HTTP/1.1\r\nHost: x\r\n\r\n`);
      return socket;
    });
    const high = await highest(bench.proxy, pause(SLEEP_MS));
    expect(high - before).to.be.lessThan(GROWTH_MAX_KIB);
    for (const socket of sockets) socket.destroy();
    expect(bench.proxy.faults()).to.deep.equal([]);
  });
});
