/**
 * Every octet of large messages and of bulk data arrives, once and in order, whatever memory it was read into: while
 * readers stall so that writes have to wait, while other connections read meanwhile, and after it calmed down.
 */
import { expect } from 'chai';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { Driver } from '../../src/driver/driver.js';
import { largeBuffers } from '../../src/driver/large-buffers.js';
import { Prng } from '../simulate/prng.js';
import { FixedPeers, forwardPlan, peer, TestPolicy } from '../machine/policies.js';

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

/** A prime number of octets: no two reads of a power of two are the same. */
const PERIOD = 65521;
const STREAMS = 4;
/** More than the kernel holds of a connection through two sockets of loopback. */
const BULK_OCTETS = 24 * 1024 * 1024;

/** What is sent: of every stream its own. */
class Pattern {
  private readonly octets: Buffer;

  constructor(stream: number) {
    const period = Buffer.alloc(PERIOD);
    for (let i = 0, state = stream + 1; i < PERIOD; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      period[i] = state >>> 16;
    }
    this.octets = Buffer.concat(new Array<Buffer>(20).fill(period));
  }

  at(offset: number, count: number): Buffer {
    const start = offset % PERIOD;
    return this.octets.subarray(start, start + count);
  }
}

const PATTERNS = Array.from({ length: STREAMS * 2 }, (_, stream) => new Pattern(stream));

/** Compares what comes, and says when it is complete. */
class Reader {
  received = 0;
  fault = '';

  constructor(
    readonly socket: Socket,
    private readonly pattern: Pattern,
  ) {
    socket.on('data', (chunk: Buffer) => this.take(chunk));
  }

  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && this.fault === '';) {
      const count = Math.min(PERIOD, chunk.length - at);
      if (!this.pattern.at(this.received, count).equals(chunk.subarray(at, at + count)))
        this.fault = `other octets than were sent, from ${this.received} on`;
      this.received += count;
      at += count;
    }
  }
}

/** Sends `total` octets in pieces whose sizes `sizeOf` tells, as fast as they are taken. */
function pour(socket: Socket, pattern: Pattern, total: number, sizeOf: () => number): { sent: number } {
  const state = { sent: 0 };
  const go = (): void => {
    while (state.sent < total) {
      const count = Math.min(sizeOf(), total - state.sent);
      const octets = pattern.at(state.sent, count);
      state.sent += count;
      if (!socket.write(octets)) return;
    }
    socket.off('drain', go);
    socket.end();
  };
  socket.on('drain', go);
  go();
  return state;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

for (const transport of ['net', 'handle'] as const)
  describe(`driver: octets of tunnels, transport ${transport}`, () => {
    const closers: (() => unknown)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
    });

    /** Open tunnels: the client's and the origin's end of each. */
    async function tunnels(count: number): Promise<[Socket, Socket][]> {
      const arrived: Socket[] = [];
      const server = net.createServer({ allowHalfOpen: true }, (socket) => {
        closers.push(() => socket.destroy());
        socket.once('data', () => {
          socket.write(SWITCH);
          arrived.push(socket);
        });
      });
      server.listen({ port: 0, host: '127.0.0.1' });
      await once(server, 'listening');
      closers.push(() => server.close());
      const { port } = server.address() as AddressInfo;
      const driver = new Driver({ transport });
      const policy = new TestPolicy(() => forwardPlan(new FixedPeers(peer(port))));
      const bound = (await driver.listen({ host: '127.0.0.1', port: 0 }, policy)) as { port: number };
      closers.push(() => driver.close());
      const ends: [Socket, Socket][] = [];
      for (let i = 0; i < count; i++) {
        const client = net.connect({ port: bound.port, host: '127.0.0.1', allowHalfOpen: true });
        closers.push(() => client.destroy());
        client.write(UPGRADE);
        for (let head = ''; !head.endsWith('\r\n\r\n');)
          head += ((await once(client, 'data')) as [Buffer])[0].toString('latin1');
        ends.push([client, arrived[i]]);
      }
      for (const end of ends.flat()) end.on('error', () => undefined);
      return ends;
    }

    async function complete(readers: readonly Reader[], total: number): Promise<void> {
      const giveUpAt = Date.now() + 15_000;
      while (readers.some(({ received, fault }) => fault === '' && received < total)) {
        if (Date.now() > giveUpAt) break;
        await pause(5);
      }
      expect(readers.map(({ received, fault }) => fault || received)).to.deep.equal(readers.map(() => total));
    }

    it('messages of many sizes, both ways through several tunnels, with readers that stall', async () => {
      const seed = Date.now() % 1_000_000;
      const random = new Prng(seed);
      const sizes = [1, 100, 2047, 2048, 2049, 4096, 16384, 16388, 65535, 65536, 65537, 300_000];
      const readers: Reader[] = [];
      const total = 6 * 1024 * 1024;
      for (const [i, [client, origin]] of (await tunnels(STREAMS)).entries()) {
        readers.push(new Reader(origin, PATTERNS[i]), new Reader(client, PATTERNS[STREAMS + i]));
        pour(client, PATTERNS[i], total, () => sizes[random.below(sizes.length)]);
        pour(origin, PATTERNS[STREAMS + i], total, () => sizes[random.below(sizes.length)]);
      }
      const stalls = setInterval(() => {
        const { socket } = readers[random.below(readers.length)];
        socket.pause();
        setTimeout(() => socket.resume(), random.below(20));
      }, 3);
      closers.push(() => clearInterval(stalls));
      try {
        await complete(readers, total);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    });

    for (const [name, from, to] of [
      ['upstream', 0, 1],
      ['downstream', 1, 0],
    ] as const)
      it(`bulk ${name}: writes wait for a reader that does not read while others go on`, async () => {
        const ends = await tunnels(STREAMS);
        const readers = ends.map((pair, i) => new Reader(pair[to], PATTERNS[i]));
        for (const { socket } of readers.slice(1)) socket.pause();
        const sent = ends.map((pair, i) => pour(pair[from], PATTERNS[i], BULK_OCTETS, () => 100_000));
        // The first goes on, all others are stuck.
        await complete(readers.slice(0, 1), BULK_OCTETS);
        for (const one of sent.slice(1)) expect(one.sent).to.be.below(BULK_OCTETS);
        // Upstream connections of sockets have large buffers meanwhile, and none when they are gone.
        if (transport === 'net' && name === 'downstream') expect(largeBuffers().used).to.be.above(2);
        for (const { socket } of readers.slice(1)) socket.resume();
        await complete(readers, BULK_OCTETS);
        for (const socket of ends.flat()) socket.destroy();
        for (const giveUpAt = Date.now() + 5000; largeBuffers().used > 0 && Date.now() < giveUpAt;)
          await pause(5);
        expect(largeBuffers().used).to.equal(0);
      });

    it('the end of an answer waits for its reader while its upstream connection serves others', async () => {
      const connections = new Set<Socket>();
      let requests = 0;
      const server = net.createServer((socket) => {
        closers.push(() => socket.destroy());
        socket.on('error', () => undefined);
        socket.on('data', (head: Buffer) => {
          const [, total, stream] = /^GET \/(\d+)\/(\d+)/.exec(head.toString('latin1'))!.map(Number);
          requests++;
          connections.add(socket);
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
          for (let sent = 0; sent < total; sent += 500_000)
            socket.write(PATTERNS[stream].at(sent, Math.min(500_000, total - sent)));
        });
      });
      server.listen({ port: 0, host: '127.0.0.1' });
      await once(server, 'listening');
      closers.push(() => server.close());
      const { port } = server.address() as AddressInfo;
      const driver = new Driver({ transport });
      const one = peer(port);
      const peers = {
        next: ({ attempts }: { attempts: readonly unknown[] }) => (attempts.length === 0 ? one : undefined),
        release: () => undefined,
      };
      const bound = await driver.listen(
        { host: '127.0.0.1', port: 0 },
        new TestPolicy(() => forwardPlan(peers)),
      );
      closers.push(() => driver.close());

      /** Asks, and does not read yet. */
      function ask(total: number, stream: number): { reader: Reader; socket: Socket } {
        const socket = net.connect({ port: (bound as { port: number }).port, host: '127.0.0.1' });
        closers.push(() => socket.destroy());
        const reader = new Reader(socket, PATTERNS[stream]);
        socket.removeAllListeners('data');
        let head = '';
        socket.on('data', (chunk: Buffer) => {
          if (head.endsWith('\r\n\r\n')) return reader.take(chunk);
          const text = head + chunk.toString('latin1');
          const end = text.indexOf('\r\n\r\n') + 4;
          const rest = chunk.subarray(end - head.length);
          head = text.slice(0, end);
          reader.take(rest);
        });
        socket.pause();
        socket.write(`GET /${total}/${stream} HTTP/1.1\r\nHost: a\r\n\r\n`);
        return { reader, socket };
      }

      // What the kernel takes of an answer is not known: of some of these, all but a part of the last read.
      const totals = Array.from({ length: 120 }, (_, i) => 1_000_000 + i * 30_000);
      const stalled = [];
      for (const total of totals) {
        stalled.push(ask(total, 0));
        await pause(1);
      }
      await pause(100);
      const kept = connections.size;
      const others = Array.from({ length: 60 }, () => ask(700_000, 1));
      for (const { socket } of others) socket.resume();
      await complete(
        others.map(({ reader }) => reader),
        700_000,
      );
      expect(requests).to.equal(180);
      expect(connections.size).to.be.below(kept + 60);
      for (const { socket } of stalled) socket.resume();
      for (const [i, { reader }] of stalled.entries()) await complete([reader], totals[i]);
    });

    it('a reader that goes away while much waits for it takes nothing with it', async () => {
      const ends = await tunnels(STREAMS);
      const readers = ends.map(([client], i) => new Reader(client, PATTERNS[i]));
      readers[0].socket.pause();
      readers[1].socket.pause();
      for (const [i, [, origin]] of ends.entries()) pour(origin, PATTERNS[i], BULK_OCTETS, () => 300_000);
      await complete(readers.slice(2), BULK_OCTETS);
      readers[0].socket.resetAndDestroy();
      ends[1][1].resetAndDestroy();
      readers[1].socket.resume();
      const more = await tunnels(2);
      const fresh = more.map(([client], i) => new Reader(client, PATTERNS[i]));
      for (const [i, [, origin]] of more.entries()) pour(origin, PATTERNS[i], BULK_OCTETS, () => 300_000);
      await complete(fresh, BULK_OCTETS);
      // What came of the one whose origin was reset is what was sent.
      expect(readers[1].fault).to.equal('');
    });
  });
