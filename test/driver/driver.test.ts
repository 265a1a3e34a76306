import { expect } from 'chai';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { Driver } from '../../src/driver/driver.js';
import { handleNetwork } from '../../src/driver/handle-transport.js';
import { tryHandles } from '../../src/driver/handle-trial.js';
import { type DialEvents, NO_EVENTS } from '../../src/driver/transport.js';
import type { PeerSource } from '../../src/machine/policy.js';
import { readersInUse } from '../../src/wire/http1/head-reader.js';
import {
  DOWNSTREAM_RULES,
  FixedPeers,
  forwardPlan,
  peer,
  POOL,
  respondPlan,
  TestPolicy,
} from '../machine/policies.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A client that collects what it receives. */
class Client {
  received = '';
  isClosed = false;
  constructor(readonly socket: net.Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.received += text));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.isClosed = true));
  }
  async until(wanted: () => boolean): Promise<void> {
    const giveUpAt = Date.now() + 5000;
    while (!wanted()) {
      if (Date.now() > giveUpAt) throw new Error(`waited in vain; received ${JSON.stringify(this.received)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

for (const transport of ['net', 'handle'] as const)
  describe(`driver: real sockets, transport ${transport}`, () => {
    const closers: (() => unknown)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
    });

    /** An origin that gives every connection to `serve`. */
    async function origin(serve: (socket: net.Socket) => void, path?: string): Promise<number> {
      const sockets = new Set<net.Socket>();
      const server = net.createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        serve(socket);
      });
      server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
      await once(server, 'listening');
      closers.push(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      return path === undefined ? (server.address() as AddressInfo).port : 0;
    }

    async function proxy(
      plan: ConstructorParameters<typeof TestPolicy>[0],
      workerConnections = 100,
    ): Promise<{ driver: Driver; policy: TestPolicy; port: number; notices: string[] }> {
      const notices: string[] = [];
      const driver = new Driver({
        workerConnections,
        transport,
        onNotice: (level, text) => notices.push(`${level} ${text}`),
      });
      const policy = new TestPolicy(plan);
      const bound = await driver.listen({ host: '127.0.0.1', port: 0 }, policy);
      closers.push(() => driver.close());
      return { driver, policy, port: (bound as { port: number }).port, notices };
    }

    function client(port: number): Client {
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      closers.push(() => socket.destroy());
      return new Client(socket);
    }

    /** Peers that are always the same, as a location's are. */
    function always(port: number): PeerSource {
      const one = peer(port);
      return {
        next: (exchange) => (exchange.attempts.length === 0 ? one : undefined),
        release: () => undefined,
      };
    }

    /** Answers with content that ends with the connection, and resets that in the middle of it. */
    function breakOff(socket: net.Socket): void {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npartial');
        socket.resetAndDestroy();
      });
    }

    it('tells a reset from an end, even when it comes together with the last octets', async () => {
      const port = await origin(breakOff);
      const peers = always(port);
      const served = await proxy(() => forwardPlan(peers));
      for (let i = 0; i < 10; i++) {
        const one = client(served.port);
        one.socket.write(GET);
        // Closed without the last chunk.
        let hasEnded = false;
        one.socket.on('end', () => (hasEnded = true));
        await one.until(() => hasEnded || one.received.includes('0\r\n\r\n'));
        expect(one.received).to.not.include('0\r\n\r\n');
      }
    });

    it('tells a reset from an end where many connections are read in turns', async () => {
      const port = await origin(breakOff);
      const peers = always(port);
      const served = await proxy(() => forwardPlan(peers));
      const clients = Array.from({ length: 40 }, () => client(served.port));
      for (const one of clients) {
        one.socket.on('end', () => one.socket.destroy());
        one.socket.write(GET);
      }
      for (const one of clients) {
        await one.until(() => one.isClosed || one.received.includes('0\r\n\r\n'));
        expect(one.received).to.not.include('0\r\n\r\n');
      }
    });

    it('keeps upstream connections and uses them for other clients', async () => {
      let connections = 0;
      const port = await origin((socket) => {
        connections++;
        socket.on('data', () => socket.write(OK));
      });
      const peers = always(port);
      const served = await proxy(() => forwardPlan(peers));
      for (let i = 1; i <= 5; i++) {
        const one = client(served.port);
        one.socket.write(GET);
        await one.until(() => one.received.endsWith('ok'));
        one.socket.destroy();
      }
      expect(connections).to.equal(1);
      expect(served.driver.counters.dialled).to.equal(1);
    });

    it('never uses an idle upstream connection on which octets came', async () => {
      const sockets: net.Socket[] = [];
      const port = await origin((socket) => {
        sockets.push(socket);
        socket.on('data', () => socket.write(OK));
      });
      const peers = always(port);
      const served = await proxy(() => forwardPlan(peers));
      const one = client(served.port);
      one.socket.write(GET);
      await one.until(() => one.received.endsWith('ok'));
      sockets[0].write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
      await one.until(() => served.driver.counters.links === 0);
      one.received = '';
      one.socket.write(GET);
      await one.until(() => one.received.endsWith('ok'));
      expect(one.received).not.to.include('evil');
      expect(sockets).to.have.length(2);
    });

    it('sends a request again when the kept connection turns out to be closed', async () => {
      let connections = 0;
      const port = await origin((socket) => {
        const isFirst = ++connections === 1;
        let requests = 0;
        socket.on('data', () => {
          // The second request on the first connection is answered by a reset.
          if (isFirst && ++requests === 2) socket.resetAndDestroy();
          else socket.write(OK);
        });
      });
      const peers = always(port);
      const served = await proxy(() => forwardPlan(peers));
      const one = client(served.port);
      for (let i = 0; i < 2; i++) {
        one.received = '';
        one.socket.write(GET);
        await one.until(() => one.received.endsWith('ok'));
      }
      expect(connections).to.equal(2);
      expect(served.policy.faults).to.deep.equal([]);
      expect(served.policy.finishedExchanges).to.deep.equal(['200 complete', '200 complete']);
    });

    it('serves unix sockets on both sides', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'wirehop-driver-'));
      closers.push(() => rmSync(directory, { recursive: true }));
      const path = join(directory, 'origin.sock');
      await origin((socket) => socket.on('data', () => socket.write(OK)), path);
      const unixPeer = { name: `unix:${path}`, host: '', port: 0, path, pool: POOL };
      const driver = new Driver({ transport });
      closers.push(() => driver.close());
      const listening = join(directory, 'proxy.sock');
      await driver.listen({ path: listening }, new TestPolicy(() => forwardPlan(new FixedPeers(unixPeer))));
      const one = new Client(net.connect({ path: listening }));
      closers.push(() => one.socket.destroy());
      one.socket.write(GET);
      await one.until(() => one.received.endsWith('ok'));
    });

    it('refuses connections beyond workerConnections, says so once, and serves the rest', async () => {
      const served = await proxy(() => respondPlan(200, 'here'), 3);
      // Other suites in this process may leave a head half-read.
      const readers = readersInUse();
      const kept = [client(served.port), client(served.port), client(served.port)];
      // Heads that are under way: none of these is idle.
      for (const one of kept) one.socket.write(GET.slice(0, -2));
      await kept[0].until(() => served.driver.counters.sessions === 3 && readersInUse() === readers + 3);
      const late = [client(served.port), client(served.port)];
      for (const one of late) await one.until(() => one.isClosed || one.socket.readableEnded);
      expect(late.map(({ received }) => received)).to.deep.equal(['', '']);
      expect(served.notices).to.deep.equal(['alert 3 worker_connections are not enough']);
      kept[0].socket.destroy();
      await kept[0].until(() => served.driver.counters.sessions === 2);
      const next = client(served.port);
      next.socket.write(GET);
      await next.until(() => next.received.endsWith('here'));
      expect(served.driver.counters.refused).to.equal(2);
      for (const one of kept.slice(1)) {
        one.socket.write('\r\n');
        await one.until(() => one.received.endsWith('here'));
      }
    });

    it('makes room beyond workerConnections by closing what has been idle longest', async () => {
      const served = await proxy(() => respondPlan(200, 'here'), 3);
      const kept = [client(served.port), client(served.port), client(served.port)];
      for (const one of [kept[1], kept[0], kept[2]]) {
        one.socket.write(GET);
        await one.until(() => one.received.endsWith('here'));
      }
      // None that has just been served is closed.
      await new Promise((resolve) => setTimeout(resolve, 150));
      const late = [client(served.port), client(served.port)];
      for (const one of late) {
        one.socket.write(GET);
        await one.until(() => one.received.endsWith('here'));
      }
      await kept[1].until(() => kept[0].socket.readableEnded && kept[1].socket.readableEnded);
      expect(kept[2].socket.readableEnded).to.equal(false);
      const { refused, shed } = served.driver.counters;
      expect({ refused, shed }).to.deep.equal({ refused: 0, shed: 2 });
      expect(served.notices).to.deep.equal(['warn 3 worker_connections are not enough, reusing connections']);
    });

    it('makes room for an upstream connection too', async () => {
      const port = await origin((socket) => socket.on('data', () => socket.write(OK)));
      const peers = always(port);
      const served = await proxy(() => forwardPlan(peers), 2);
      const idle = client(served.port);
      await idle.until(() => served.driver.counters.sessions === 1);
      await new Promise((resolve) => setTimeout(resolve, 150));
      const one = client(served.port);
      one.socket.write(GET);
      await one.until(() => one.received.endsWith('ok'));
      await idle.until(() => idle.socket.readableEnded);
    });

    it('counts connections whose last octets are not taken yet, and waits for them when it drains', async () => {
      // More than the system takes at once.
      const size = 32 * 1024 * 1024;
      const rules = { ...DOWNSTREAM_RULES, keepaliveTimeoutMs: 0 };
      const served = await proxy(() => respondPlan(200, 'x'.repeat(size), rules), 1);
      const { counters } = served.driver;
      const slow = client(served.port);
      slow.socket.pause();
      slow.socket.write(GET);
      await slow.until(() => counters.flushing === 1);
      expect(counters.sessions).to.equal(0);
      const late = client(served.port);
      await late.until(() => late.isClosed || late.socket.readableEnded);
      expect(served.notices).to.deep.equal(['alert 1 worker_connections are not enough']);
      let isDrained = false;
      const drained = served.driver.drain().then(() => (isDrained = true));
      await new Promise((resolve) => setImmediate(resolve));
      expect(isDrained).to.equal(false);
      slow.socket.resume();
      await drained;
      await slow.until(() => slow.socket.readableEnded);
      expect(slow.received.length).to.be.greaterThan(size);
      expect(counters.flushing).to.equal(0);
    });

    it('does not wait for a peer that takes nothing when it closes', async () => {
      const rules = { ...DOWNSTREAM_RULES, keepaliveTimeoutMs: 0 };
      const served = await proxy(() => respondPlan(200, 'x'.repeat(32 * 1024 * 1024), rules));
      const slow = client(served.port);
      slow.socket.pause();
      slow.socket.write(GET);
      await slow.until(() => served.driver.counters.flushing === 1);
      await served.driver.close();
      expect(served.driver.counters.flushing).to.equal(0);
    });

    it('drains: idle connections close at once, an answer under way is finished and says close', async () => {
      const waiting: net.Socket[] = [];
      const port = await origin((socket) => socket.on('data', () => waiting.push(socket)));
      const peers = always(port);
      const served = await proxy(() => forwardPlan(peers));
      const idle = client(served.port);
      const busy = client(served.port);
      await once(idle.socket, 'connect');
      busy.socket.write(GET);
      await busy.until(() => waiting.length === 1 && served.driver.counters.sessions === 2);
      let isDrained = false;
      const drained = served.driver.drain().then(() => (isDrained = true));
      await idle.until(() => idle.socket.readableEnded);
      expect(isDrained).to.equal(false);
      waiting[0].write(OK);
      await drained;
      await busy.until(() => busy.received.endsWith('ok'));
      expect(busy.received).to.include('Connection: close');
      await new Promise<void>((resolve, reject) => {
        const refused = net.connect({ port: served.port, host: '127.0.0.1' });
        refused.on('connect', () => reject(new Error('still listening')));
        refused.on('error', () => resolve());
      });
    });

    it('rejects with the system error when the port is taken', async () => {
      const port = await origin(() => undefined);
      const driver = new Driver({ transport });
      closers.push(() => driver.close());
      let code = '';
      await driver
        .listen({ host: '127.0.0.1', port }, new TestPolicy(() => respondPlan(200, '')))
        .catch((error: NodeJS.ErrnoException) => (code = error.code ?? ''));
      expect(code).to.equal('EADDRINUSE');
    });

    it('holds no more than a read for a client that does not read, and stops the origin', async () => {
      let sent = 0;
      const total = 64 * 1024 * 1024;
      const block = Buffer.alloc(65536, 'x');
      const port = await origin((socket) => {
        socket.on('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
          const pour = (): void => {
            while (sent < total) {
              sent += block.length;
              if (!socket.write(block)) return;
            }
          };
          socket.on('drain', pour);
          pour();
        });
      });
      const peers = always(port);
      const served = await proxy(() => forwardPlan(peers));
      const slow = net.connect({ port: served.port, host: '127.0.0.1' });
      closers.push(() => slow.destroy());
      slow.pause();
      slow.write(GET);
      // Wait until nothing moves any more.
      for (let last = -1; last !== sent || sent === 0;) {
        last = sent;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      // What the kernel buffers on two loopback connections is a few MB; the rest has not left the origin.
      expect(sent).to.be.below(total / 2);
      let received = 0;
      slow.on('data', (chunk: Buffer) => (received += chunk.length));
      slow.resume();
      while (received < total) await once(slow, 'data');
      expect(received).to.be.above(total);
    });
  });

describe('driver: the trial of bare handles', () => {
  it('is content with this Node', async () => expect(await tryHandles()).to.equal(''));
});

describe('bare handles', () => {
  it('dialled: the system is told not to wait with the second write (on Linux; else the first), once', async () => {
    const { TCP } = (process as unknown as { binding(name: string): TcpBinding }).binding('tcp_wrap');
    const { setNoDelay } = TCP.prototype;
    let calls = 0;
    TCP.prototype.setNoDelay = function (on: boolean): void {
      calls++;
      setNoDelay.call(this, on);
    };
    const received: string[] = [];
    const server = net.createServer((socket) => {
      socket.setEncoding('latin1').on('data', (text: string) => received.push(text));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const out = new OctetWriter();
    const write = (text: string): void => {
      out.begin();
      out.putLatin1(text);
      transport.write(out.octets, out.start, out.position, false);
    };
    const events: DialEvents = { ...NO_EVENTS, onConnect: () => write('one') };
    const { port } = server.address() as AddressInfo;
    const transport = handleNetwork(out).connect(peer(port), events);
    const until = async (text: string): Promise<void> => {
      while (received.join('') !== text) await new Promise((resolve) => setTimeout(resolve, 2));
    };
    try {
      await until('one');
      expect(calls).to.equal(process.platform === 'linux' ? 0 : 1);
      write('two');
      expect(calls).to.equal(1);
      write('three');
      await until('onetwothree');
      expect(calls).to.equal(1);
    } finally {
      TCP.prototype.setNoDelay = setNoDelay;
      transport.destroy(false);
      server.close();
    }
  });
});

interface TcpBinding {
  readonly TCP: { prototype: { setNoDelay: (this: object, on: boolean) => void } };
}
