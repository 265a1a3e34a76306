/**
 * The heart: WebSocket through the proxy with the two configurations of nginx's page, real peers on both sides.
 */
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { WebSocket, WebSocketServer } from 'ws';
import type { RawData } from 'ws';
import {
  cleanUp,
  fixture,
  freePort,
  onCleanUp,
  onHeads,
  openRaw,
  pause,
  soon,
  startHttpUpstream,
  startProxy,
  startRawUpstream,
  until,
} from './harness.js';
import type { Command } from './harness.js';

const MIB = 1024 * 1024;
const CONNECTIONS = 200;

/** An opening handshake for raw sockets; ends with the empty line. */
function handshake(port: number, path = '/chat/room'): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`
  );
}

const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: x\r\n\r\n';

/** A WebSocket server that the test drives: its connections in the order of their arrival. */
async function startWebSocketServer(): Promise<{
  port: number;
  server: WebSocketServer;
  next: () => Promise<{ socket: WebSocket; request: IncomingMessage }>;
}> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    perMessageDeflate: false,
    maxPayload: 64 * MIB,
  });
  const arrived: { socket: WebSocket; request: IncomingMessage }[] = [];
  server.on('connection', (socket, request) => {
    socket.on('error', () => undefined);
    arrived.push({ socket, request });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  onCleanUp(() => {
    for (const socket of server.clients) socket.terminate();
    return new Promise((resolve) => server.close(resolve));
  });
  return {
    port: (server.address() as AddressInfo).port,
    server,
    next: async () => {
      await until('a WebSocket at the upstream', () => arrived.length > 0);
      return arrived.shift() as { socket: WebSocket; request: IncomingMessage };
    },
  };
}

async function openWebSocket(
  port: number,
  path = '/chat/room',
  protocols: string[] = [],
): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { perMessageDeflate: false });
  onCleanUp(() => socket.terminate());
  await soon(
    'the opening handshake',
    new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)),
  );
  return socket;
}

/** The next message, as octets and kind. */
function nextMessage(socket: WebSocket): Promise<{ octets: Buffer; binary: boolean }> {
  return soon(
    'a message',
    new Promise((resolve) => {
      socket.once('message', (octets: RawData, binary: boolean) =>
        resolve({ octets: octets as Buffer, binary }),
      );
    }),
    10_000,
  );
}

function nextEvent<T extends unknown[]>(socket: WebSocket, name: string): Promise<T> {
  return soon(
    `the event ${name}`,
    new Promise((resolve) => socket.once(name, (...args: unknown[]) => resolve(args as T))),
  );
}

for (const file of ['websocket-plain.conf', 'websocket-map.conf']) {
  describe(`websocket: ${file}`, () => {
    let proxy: Command;
    let port: number;
    let upstream: Awaited<ReturnType<typeof startWebSocketServer>>;

    before(async () => {
      upstream = await startWebSocketServer();
      port = await freePort();
      proxy = await startProxy(fixture(file, { PORT: port, UPSTREAM: upstream.port, EXTRA: '' }));
    });
    after(cleanUp);
    afterEach(() => expect(proxy.faults()).to.deep.equal([]));

    /** A connected pair: the downstream end and the upstream's. */
    async function pair(): Promise<{ down: WebSocket; up: WebSocket; request: IncomingMessage }> {
      const [down, { socket: up, request }] = await Promise.all([openWebSocket(port), upstream.next()]);
      return { down, up, request };
    }

    it('passes the handshake on with the fields that the configuration sets', async () => {
      const { request } = await pair();
      expect(request.url).to.equal('/chat/room');
      expect(request.headers.upgrade).to.equal('websocket');
      expect(request.headers.connection).to.equal('upgrade');
      expect(request.headers.host).to.equal('backend');
      expect(request.headers['sec-websocket-version']).to.equal('13');
    });

    it('passes the subprotocol and the accept value of the answer', async () => {
      upstream.server.options.handleProtocols = (protocols) => [...protocols][1] ?? false;
      const [down] = await Promise.all([openWebSocket(port, '/chat/room', ['one', 'two']), upstream.next()]);
      expect(down.protocol).to.equal('two');
    });

    const messages: [string, Buffer | string][] = [
      ['a text', 'Grüße, 世界, \u{1F30D}'],
      ['an empty text', ''],
      ['a binary message of every octet', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
      ['a message with a 16-bit length', randomBytes(40_000)],
      ['a message of 1 MiB', randomBytes(MIB)],
    ];
    for (const [name, message] of messages) {
      it(`carries ${name} both ways`, async () => {
        const { down, up } = await pair();
        for (const [from, to] of [
          [down, up],
          [up, down],
        ]) {
          const arrival = nextMessage(to);
          from.send(message);
          const { octets, binary } = await arrival;
          expect(binary).to.equal(typeof message !== 'string');
          expect(octets.equals(Buffer.from(message as string)), 'octets are the same').to.equal(true);
        }
      });
    }

    it('carries fragmented messages with a ping between the fragments', async () => {
      const { down, up } = await pair();
      for (const [from, to] of [
        [down, up],
        [up, down],
      ]) {
        const arrival = nextMessage(to);
        const pinged = nextEvent<[Buffer]>(to, 'ping');
        from.send('one, ', { fin: false });
        from.ping('between');
        from.send('two, ', { fin: false });
        from.send('three', { fin: true });
        expect((await pinged)[0].toString()).to.equal('between');
        expect((await arrival).octets.toString()).to.equal('one, two, three');
      }
    });

    it('carries pings and pongs both ways', async () => {
      const { down, up } = await pair();
      for (const [from, to] of [
        [down, up],
        [up, down],
      ]) {
        const pinged = nextEvent<[Buffer]>(to, 'ping');
        const ponged = nextEvent<[Buffer]>(from, 'pong');
        from.ping('are you there');
        expect((await pinged)[0].toString()).to.equal('are you there');
        expect((await ponged)[0].toString()).to.equal('are you there');
      }
    });

    for (const [code, reason] of [
      [1000, ''],
      [1001, 'going away'],
      [4321, 'our own'],
    ] as const) {
      it(`carries a closing handshake with ${code} from either side`, async () => {
        for (const side of ['down', 'up'] as const) {
          const both = await pair();
          const other = side === 'down' ? both.up : both.down;
          const closed = nextEvent<[number, Buffer]>(other, 'close');
          const answered = nextEvent<[number, Buffer]>(both[side], 'close');
          both[side].close(code, reason);
          const [gotCode, gotReason] = await closed;
          expect([gotCode, gotReason.toString()]).to.deep.equal([code, reason]);
          expect((await answered)[0]).to.equal(code);
        }
      });
    }

    it('ends one side when the other vanishes without a closing handshake', async () => {
      for (const side of ['down', 'up'] as const) {
        const both = await pair();
        const closed = nextEvent<[number]>(side === 'down' ? both.up : both.down, 'close');
        both[side].terminate();
        expect((await closed)[0]).to.equal(1006);
      }
    });

    it(`keeps ${CONNECTIONS} connections apart, octet for octet`, async function () {
      this.timeout(60_000);
      const echo = (socket: WebSocket): void => {
        socket.on('message', (octets, binary) => socket.send(octets, { binary }));
      };
      upstream.server.on('connection', echo);
      try {
        await Promise.all(
          Array.from({ length: CONNECTIONS }, async (_, index) => {
            const down = await openWebSocket(port, `/chat/${index}`);
            const sent = createHash('sha256');
            const received = createHash('sha256');
            const rounds = 10;
            for (let round = 0; round < rounds; round++) {
              const message = Buffer.concat([
                Buffer.from(`${index}:${round}:`),
                randomBytes(1 + ((index * 97) % 9000)),
              ]);
              sent.update(message);
              const arrival = nextMessage(down);
              down.send(message);
              received.update((await arrival).octets);
            }
            expect(received.digest('hex')).to.equal(sent.digest('hex'));
            down.terminate();
          }),
        );
      } finally {
        upstream.server.off('connection', echo);
        for (let left = CONNECTIONS; left > 0; left--) await upstream.next();
      }
    });
  });

  describe(`websocket around the handshake: ${file}`, () => {
    afterEach(cleanUp);

    async function start(upstreamPort: number, extra = ''): Promise<{ proxy: Command; port: number }> {
      const port = await freePort();
      return {
        proxy: await startProxy(fixture(file, { PORT: port, UPSTREAM: upstreamPort, EXTRA: extra })),
        port,
      };
    }

    it('loses nothing that comes together with the request or with the 101', async () => {
      let atUpstream = '';
      const upstream = await startRawUpstream((socket) => {
        let switched = false;
        socket.on('data', (octets) => {
          atUpstream += octets.toString('latin1');
          if (switched || !atUpstream.includes('\r\n\r\n')) return;
          switched = true;
          // One write: the 101 and the first octets of the tunnel.
          socket.write(`${SWITCH}first from the upstream`);
        });
      });
      const { proxy, port } = await start(upstream.port);
      const down = await openRaw(port);
      down.write(`${handshake(port)}first from downstream`);
      const received = await down.until('first from the upstream');
      expect(received).to.match(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
      expect(received.slice(received.indexOf('\r\n\r\n') + 4)).to.equal('first from the upstream');
      await until('the early octets at the upstream', () =>
        atUpstream.endsWith('\r\n\r\nfirst from downstream'),
      );
      // Not a copy too many, and the tunnel goes on behind them.
      down.write(', second');
      await until('what follows', () => atUpstream.endsWith('\r\n\r\nfirst from downstream, second'));
      expect(proxy.faults()).to.deep.equal([]);
    });

    it('holds early octets back until the upstream has switched', async () => {
      let atUpstream = '';
      let socketAtUpstream: Socket | undefined;
      const upstream = await startRawUpstream((socket) => {
        socketAtUpstream = socket;
        socket.on('data', (octets) => (atUpstream += octets.toString('latin1')));
      });
      const { port } = await start(upstream.port);
      const down = await openRaw(port);
      down.write(`${handshake(port)}early`);
      await until('the head at the upstream', () => atUpstream.endsWith('\r\n\r\n'));
      await pause(100);
      expect(atUpstream).not.to.include('early');
      socketAtUpstream?.write(SWITCH);
      await until('the early octets', () => atUpstream.endsWith('\r\n\r\nearly'));
    });

    it('gives early octets whole, 1 MiB of them, when the 101 comes late', async () => {
      const early = randomBytes(MIB);
      const hash = createHash('sha256');
      let count = 0;
      const upstream = await startRawUpstream((socket) => {
        let head = '';
        let open = false;
        socket.on('data', (octets) => {
          if (open) {
            hash.update(octets);
            count += octets.length;
            return;
          }
          head += octets.toString('latin1');
          if (!head.endsWith('\r\n\r\n')) return;
          open = true;
          setTimeout(() => socket.write(SWITCH), 100);
        });
      });
      const { port } = await start(upstream.port);
      const down = await openRaw(port);
      down.write(handshake(port));
      down.write(early);
      await until('all early octets', () => count >= MIB, 10_000);
      expect(hash.digest('hex')).to.equal(createHash('sha256').update(early).digest('hex'));
    });

    it('passes on what was sent before an end, from either side', async () => {
      const text = 'last words '.repeat(20_000);
      let atUpstream = '';
      const upstream = await startRawUpstream((socket) => {
        onHeads(socket, (head) => {
          socket.write(SWITCH);
          if (head.startsWith('GET /chat/upstream-ends')) socket.end(text);
          else socket.on('data', (octets) => (atUpstream += octets.toString('latin1')));
        });
      });
      const { port } = await start(upstream.port);
      const first = await openRaw(port);
      first.write(handshake(port, '/chat/upstream-ends'));
      const received = await first.untilEnd();
      expect(received.slice(received.indexOf('\r\n\r\n') + 4) === text, 'whole from the upstream').to.equal(
        true,
      );

      const second = await openRaw(port);
      second.write(handshake(port, '/chat/downstream-ends'));
      await second.until('\r\n\r\n');
      second.socket.end(text);
      await until('everything at the upstream', () => atUpstream.length >= text.length);
      expect(atUpstream === text, 'whole from downstream').to.equal(true);
    });

    it('closes an idle tunnel after proxy_read_timeout, on both sides, and not before', async () => {
      let ended = false;
      const upstream = await startRawUpstream((socket) => {
        onHeads(socket, () => socket.write(SWITCH));
        socket.on('end', () => (ended = true)).on('close', () => (ended = true));
      });
      const { proxy, port } = await start(upstream.port, 'proxy_read_timeout 1s;');
      const down = await openRaw(port);
      const begun = Date.now();
      down.write(handshake(port));
      await down.until('\r\n\r\n');
      await down.untilEnd();
      const tookMs = Date.now() - begun;
      expect(tookMs).to.be.within(950, 3000);
      await until('the end at the upstream', () => ended);
      expect(proxy.faults()).to.deep.equal([]);
    });

    for (const side of ['upstream', 'downstream'] as const) {
      it(`keeps a tunnel open past proxy_read_timeout by pings from the ${side}`, async () => {
        const upstream = await startWebSocketServer();
        const { port } = await start(upstream.port, 'proxy_read_timeout 1s;');
        const [down, { socket: up }] = await Promise.all([openWebSocket(port), upstream.next()]);
        const pinger = side === 'upstream' ? up : down;
        const ponged: number[] = [];
        pinger.on('pong', () => ponged.push(Date.now()));
        const pinging = setInterval(() => pinger.ping(), 300);
        onCleanUp(() => clearInterval(pinging));
        await pause(2700);
        expect(down.readyState).to.equal(WebSocket.OPEN);
        expect(ponged.length).to.be.greaterThan(6);
        const closed = nextEvent<[number]>(down, 'close');
        clearInterval(pinging);
        expect((await closed)[0]).to.equal(1006);
      });
    }

    it('delivers a 403 to an upgrade as an ordinary response, and reads the next request behind it', async () => {
      const upstream = await startHttpUpstream((request, response) => {
        response.setHeader('X-Path', request.url ?? '');
        response.writeHead(403, { 'Content-Length': 9 });
        response.end('forbidden');
      });
      // node:http calls the request listener for an Upgrade that nobody listens for.
      const { proxy, port } = await start(upstream.port);
      const down = await openRaw(port);
      down.write(handshake(port, '/chat/1'));
      await down.until('forbidden');
      expect(down.take()).to.match(
        /^HTTP\/1\.1 403 Forbidden\r\n[^]*X-Path: \/chat\/1\r\n[^]*\r\n\r\nforbidden$/,
      );
      // Together with the octets of a next request, on the connection that stayed open.
      down.write(`${handshake(port, '/chat/2')}GET /chat/3 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await down.until(/X-Path: \/chat\/3\r\n[^]*forbidden$/);
      const both = down.take();
      expect(both.match(/HTTP\/1\.1 403 Forbidden\r\n/g)).to.have.length(2);
      expect(both.indexOf('X-Path: /chat/2')).to.be.lessThan(both.indexOf('X-Path: /chat/3'));
      expect(proxy.faults()).to.deep.equal([]);
    });

    it('answers 502 to an upgrade whose upstream refuses connections', async () => {
      const { port } = await start(await freePort());
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        httpRequest({
          port,
          host: '127.0.0.1',
          path: '/chat/',
          headers: { Upgrade: 'websocket', Connection: 'Upgrade' },
        })
          .on('response', resolve)
          .on('error', reject)
          .end();
      });
      expect(response.statusCode).to.equal(502);
      response.resume();
    });
  });
}

describe('websocket: offers that are none', () => {
  afterEach(cleanUp);

  it('drops Upgrade and Connection where the location does not set them', async () => {
    const heads: string[] = [];
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, (head) => {
        heads.push(head);
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    const port = await freePort();
    await startProxy(fixture('websocket-plain.conf', { PORT: port, UPSTREAM: upstream.port, EXTRA: '' }));
    const down = await openRaw(port);
    down.write(handshake(port, '/elsewhere'));
    await down.until('\r\n\r\nok');
    expect(heads[0]).not.to.match(/^(upgrade|connection):/im);
  });

  it('answers 502 when an upstream switches though nothing was offered', async () => {
    const upstream = await startRawUpstream((socket) => onHeads(socket, () => socket.write(SWITCH)));
    const port = await freePort();
    await startProxy(fixture('websocket-map.conf', { PORT: port, UPSTREAM: upstream.port, EXTRA: '' }));
    const down = await openRaw(port);
    down.write('GET /chat/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await down.until('\r\n\r\n')).to.match(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
  });
});
