/**
 * What goes wrong around a proxy: dead, silent and lying upstreams, peers that leave, requests that break the rules.
 * After each fault the proxy must still serve, and say nothing on stderr.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { expect } from 'chai';
import {
  cleanUp,
  configurationFor,
  exchangeRaw,
  freePort,
  onCleanUp,
  onHeads,
  openRaw,
  soon,
  startProxy,
  startRawUpstream,
  until,
} from './harness.js';
import type { Command } from './harness.js';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const TIMEOUTS = 'proxy_connect_timeout 1s; proxy_read_timeout 1s; proxy_send_timeout 1s;';

/** A proxy in front of one raw upstream whose behaviour a test sets. */
interface Bench {
  proxy: Command;
  port: number;
  /** What the upstream does with a connection; the path `/healthy` is answered before it is asked. */
  serve: (socket: Socket) => void;
  sockets: Set<Socket>;
}

async function startBench(extra: { server?: string; location?: string } = {}): Promise<Bench> {
  const bench = { serve: () => undefined } as unknown as Bench;
  const upstream = await startRawUpstream((socket) => bench.serve(socket));
  bench.sockets = upstream.sockets;
  bench.port = await freePort();
  bench.proxy = await startProxy(
    configurationFor({
      listen: bench.port,
      upstream: `127.0.0.1:${upstream.port} max_fails=0`,
      server: extra.server ?? '',
      // Each request gets an upstream connection of its own, so that no test meets another's.
      location: `${TIMEOUTS} proxy_set_header Connection close; ${extra.location ?? ''}`,
    }),
  );
  return bench;
}

/** The proxy still answers, and complained to nobody. */
async function expectHealthy(bench: Bench): Promise<void> {
  bench.serve = (socket) =>
    onHeads(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  expect(await exchangeRaw(bench.port, GET)).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
  expect(bench.proxy.faults()).to.deep.equal([]);
}

/** A test after which the proxy of its bench must be healthy: in the test and not in a hook, whose failure ends a suite. */
function provesOn(bench: () => Bench): (name: string, prove: () => Promise<void>) => void {
  return (name, prove) => {
    it(name, async () => {
      await prove();
      await expectHealthy(bench());
    });
  };
}

describe('faults: upstreams', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
  });
  afterEach(cleanUp);
  const prove = provesOn(() => bench);

  prove('refused: 502, at once, and said in the error log', async () => {
    const port = await freePort();
    const proxy = await startProxy(
      configurationFor({ listen: port, upstream: `127.0.0.1:${await freePort()}` }),
    );
    const received = await exchangeRaw(port, GET);
    expect(received).to.match(/^HTTP\/1\.1 502 Bad Gateway\r\n[^]*<h1>502 Bad Gateway<\/h1>/);
    expect(proxy.file('error.log')).to.match(/\[error\] \d+#0: \*\d+ [^\n]*111: Connection refused/);
    expect(proxy.faults()).to.deep.equal([]);
  });

  prove('silent: 504 after proxy_read_timeout', async () => {
    bench.serve = (socket) => socket.resume();
    const begun = Date.now();
    expect(await exchangeRaw(bench.port, GET)).to.match(/^HTTP\/1\.1 504 Gateway Time-out\r\n/);
    expect(Date.now() - begun).to.be.within(900, 3000);
  });

  const heads: [string, (socket: Socket) => void][] = [
    ['closes without a word', (socket) => socket.end()],
    ['resets the connection', (socket) => socket.resetAndDestroy()],
    ['closes inside the status line', (socket) => socket.end('HTTP/1.1 20')],
    ['closes inside the field section', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le')],
    ['does not speak HTTP', (socket) => socket.end('220 smtp.example ESMTP\r\n')],
    ['sends a field line without a colon', (socket) => socket.end('HTTP/1.1 200 OK\r\nnonsense\r\n\r\n')],
    [
      'frames its content twice',
      (socket) =>
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    ],
    [
      'names two lengths',
      (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'),
    ],
  ];
  for (const [name, act] of heads) {
    prove(`${name}, instead of a head: 502`, async () => {
      bench.serve = (socket) => onHeads(socket, () => act(socket));
      expect(await exchangeRaw(bench.port, GET)).to.match(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    });
  }

  const contents: [string, string, (socket: Socket) => void][] = [
    ['a length', 'Content-Length: 100\r\n\r\nonly this', (socket) => socket.end()],
    ['a length, by a reset', 'Content-Length: 100\r\n\r\nonly this', (socket) => socket.resetAndDestroy()],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n', (socket) => socket.end()],
    ['chunks, inside one', 'Transfer-Encoding: chunked\r\n\r\nff\r\nonly this', (socket) => socket.end()],
    ['content until close, by a reset', '\r\nonly this', (socket) => socket.resetAndDestroy()],
    [
      'chunks, by a bad size',
      'Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n',
      (socket) => socket.write('zz\r\n'),
    ],
    ['a length, by silence', 'Content-Length: 100\r\n\r\nonly this', (socket) => socket.resume()],
  ];
  for (const [name, rest, act] of contents) {
    prove(`ends early in ${name}: the connection is closed, the message never looks complete`, async () => {
      bench.serve = (socket) => {
        onHeads(socket, () => {
          socket.write(`HTTP/1.1 200 OK\r\n${rest}`);
          // The content is on its way before the fault happens.
          setTimeout(() => act(socket), 100);
        });
      };
      const down = await openRaw(bench.port);
      down.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await down.until('only this');
      const received = await down.untilEnd();
      expect(received).to.match(/^HTTP\/1\.1 200 OK\r\n/);
      const content = received.slice(received.indexOf('\r\n\r\n') + 4);
      if (/^transfer-encoding: chunked\r$/im.test(received)) expect(content).not.to.match(/\r\n0\r\n\r\n$/);
      else
        expect(Number(/^content-length: (\d+)\r$/im.exec(received)?.[1])).to.be.greaterThan(content.length);
      expect(received.match(/HTTP\/1\.1 /g), 'nothing behind it').to.have.length(1);
    });
  }

  prove('sends more than its response: the excess reaches nobody', async () => {
    const port = await freePort();
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, (_head, ordinal) => {
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n#${ordinal}` +
            'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled',
        );
      });
    });
    const proxy = await startProxy(
      configurationFor({
        listen: port,
        upstream: `127.0.0.1:${upstream.port}`,
        upstreamLines: 'keepalive 4;',
      }),
    );
    for (let i = 0; i < 3; i++) {
      expect(await exchangeRaw(port, GET)).to.match(/\r\n\r\n#1$/);
    }
    expect(proxy.faults()).to.deep.equal([]);
  });

  prove('answers before the request content is whole: the answer arrives', async () => {
    bench.serve = (socket) => {
      onHeads(socket, () => socket.write('HTTP/1.1 409 Conflict\r\nContent-Length: 5\r\n\r\nenoug'));
    };
    const down = await openRaw(bench.port);
    down.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart');
    expect(await down.until('\r\n\r\nenoug')).to.match(/^HTTP\/1\.1 409 Conflict\r\n/);
    // What still comes is content, never a request.
    down.write('GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n');
    expect((await down.untilEnd()).match(/HTTP\/1\.1 /g)).to.have.length(1);
  });

  prove('stops reading the request content: given up after proxy_send_timeout', async () => {
    bench.serve = (socket) => socket.pause();
    const port = await freePort();
    const upstream = await startRawUpstream(() => undefined, { pauseOnConnect: true });
    await startProxy(
      configurationFor({
        listen: port,
        upstream: `127.0.0.1:${upstream.port}`,
        server: 'client_max_body_size 0;',
        location: 'proxy_send_timeout 1s;',
      }),
    );
    const down = await openRaw(port);
    down.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n');
    down.write(Buffer.alloc(32 * 1024 * 1024, 'x'));
    expect(await down.until('\r\n\r\n', 10_000)).to.match(/^HTTP\/1\.1 504 Gateway Time-out\r\n/);
  });

  prove('one of two is dead: the other answers', async () => {
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalive'));
    });
    const port = await freePort();
    await startProxy(
      configurationFor({
        listen: port,
        upstream: [`127.0.0.1:${await freePort()}`, `127.0.0.1:${upstream.port}`],
      }),
    );
    for (let i = 0; i < 4; i++) expect(await exchangeRaw(port, GET)).to.match(/\r\n\r\nalive$/);
  });
});

describe('faults: downstream peers', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench({
      server:
        'client_max_body_size 1k; client_header_timeout 1s; client_body_timeout 1s; large_client_header_buffers 4 1k;',
    });
  });
  afterEach(cleanUp);
  const prove = provesOn(() => bench);

  prove('leaves before the answer: the upstream connection is closed too', async () => {
    let closed = false;
    let asked = false;
    bench.serve = (socket) => {
      onHeads(socket, () => (asked = true));
      socket.on('close', () => (closed = true));
    };
    for (const leave of ['destroy', 'resetAndDestroy'] as const) {
      closed = false;
      asked = false;
      const down = await openRaw(bench.port);
      down.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await until('the request at the upstream', () => asked);
      down.socket[leave]();
      await until(`the upstream's connection to close after ${leave}`, () => closed);
    }
  });

  prove('leaves in the middle of the answer', async () => {
    let closed = false;
    bench.serve = (socket) => {
      onHeads(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbeginning');
        const more = setInterval(() => socket.write('x'.repeat(1000)), 20);
        socket.on('close', () => {
          clearInterval(more);
          closed = true;
        });
      });
    };
    const down = await openRaw(bench.port);
    down.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await down.until('beginning');
    down.socket.resetAndDestroy();
    await until('the upstream connection to close', () => closed);
  });

  prove('leaves in the middle of its content: the upstream never gets a complete request', async () => {
    for (const framing of [
      'Content-Length: 500\r\n\r\npart',
      'Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n',
    ]) {
      let atUpstream = '';
      let closed = false;
      bench.serve = (socket) => {
        socket.on('data', (octets) => (atUpstream += octets.toString('latin1')));
        socket.on('close', () => (closed = true));
      };
      const down = await openRaw(bench.port);
      down.write(`POST / HTTP/1.1\r\nHost: x\r\n${framing}`);
      await until('the part at the upstream', () => atUpstream.includes('part'));
      down.socket.destroy();
      await until('the upstream connection to close', () => closed);
      expect(atUpstream).not.to.match(/\r\n0\r\n\r\n$/);
    }
  });

  prove('leaves with 50 requests pipelined', async () => {
    bench.serve = (socket) =>
      onHeads(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    const down = await openRaw(bench.port);
    down.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50));
    down.socket.resetAndDestroy();
    await until('its end', () => down.closed);
  });

  const refused: [string, string, RegExp][] = [
    ['no request line', 'nonsense\r\n\r\n', /^HTTP\/1\.1 400 Bad Request\r\n/],
    [
      'a TLS greeting',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
      /^HTTP\/1\.1 400 Bad Request\r\n/,
    ],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 Bad Request\r\n/],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', /^HTTP\/1\.1 400 Bad Request\r\n/],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', /^HTTP\/1\.1 400 Bad Request\r\n/],
    ['a bare LF', 'GET / HTTP/1.1\nHost: x\n\n', /^HTTP\/1\.1 400 Bad Request\r\n/],
    [
      'framing twice',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1\.1 400 Bad Request\r\n/,
    ],
    [
      'an unknown transfer coding',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1\.1 (400 Bad Request|501 Not Implemented)\r\n/,
    ],
    [
      'a bad chunk',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
      /^HTTP\/1\.1 400 Bad Request\r\n/,
    ],
    [
      'CONNECT',
      'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n',
      /^HTTP\/1\.1 405 Not Allowed\r\n/,
    ],
    ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 505 HTTP Version Not Supported\r\n/],
    [
      'a target of 2 KiB',
      `GET /${'a'.repeat(2048)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      /^HTTP\/1\.1 414 Request-URI Too Large\r\n/,
    ],
    [
      'a field of 2 KiB',
      `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(2048)}\r\n\r\n`,
      /^HTTP\/1\.1 (400 Bad Request|431 Request Header Fields Too Large)\r\n/,
    ],
    [
      'too much content by its length',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n',
      /^HTTP\/1\.1 413 Request Entity Too Large\r\n/,
    ],
    [
      'too much content in chunks',
      `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n${'a'.repeat(1025)}\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 413 Request Entity Too Large\r\n/,
    ],
  ];
  for (const [name, request, wanted] of refused) {
    prove(`sends ${name}: refused, and nothing behind it is read`, async () => {
      bench.serve = (socket) => socket.resume();
      const down = await openRaw(bench.port);
      down.write(`${request}GET /behind HTTP/1.1\r\nHost: x\r\n\r\n`);
      const received = await down.untilEnd(10_000);
      expect(received).to.match(wanted);
      expect(received).to.match(/^connection: close\r$/im);
      expect(received.match(/HTTP\/1\.1 /g)).to.have.length(1);
    });
  }

  prove(
    'sends a head too slowly: 408 or closed, after client_header_timeout for the whole head',
    async () => {
      const down = await openRaw(bench.port);
      const begun = Date.now();
      down.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      const trickle = setInterval(() => down.closed || down.ended || down.write('a'), 200);
      onCleanUp(() => clearInterval(trickle));
      const received = await down.untilEnd();
      clearInterval(trickle);
      expect(Date.now() - begun).to.be.within(900, 3000);
      expect(received).to.match(/^(HTTP\/1\.1 408 Request Time-out\r\n|$)/);
    },
  );

  prove('stalls in its content: 408 after client_body_timeout', async () => {
    bench.serve = (socket) => socket.resume();
    const down = await openRaw(bench.port);
    down.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\npart');
    expect(await down.untilEnd()).to.match(/^(HTTP\/1\.1 408 Request Time-out\r\n|$)/);
  });

  prove('connects and says nothing: closed after client_header_timeout', async () => {
    const down = await openRaw(bench.port);
    expect(await down.untilEnd()).to.match(/^(HTTP\/1\.1 408 Request Time-out\r\n|$)/);
  });
});

describe('faults: tunnels', () => {
  afterEach(cleanUp);

  const SWITCH =
    'HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n';
  const HANDSHAKE = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
  const UPGRADE = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';

  it('ends every downstream connection when the upstream is killed, and goes on serving', async () => {
    const upstreamPort = await freePort();
    const script = `require('net').createServer((s) => {
      s.on('error', () => {});
      s.once('data', () => { s.write('${SWITCH}'); s.on('data', (d) => s.write(d)); });
    }).listen(${upstreamPort}, '127.0.0.1', () => console.log('ready'))`;
    const upstream = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    onCleanUp(() => upstream.kill('SIGKILL'));
    await soon('the upstream', new Promise((resolve) => upstream.stdout.once('data', resolve)));
    const port = await freePort();
    const proxy = await startProxy(
      configurationFor({
        listen: port,
        upstream: `127.0.0.1:${upstreamPort} max_fails=0`,
        location: UPGRADE,
      }),
    );

    const tunnels = await Promise.all(Array.from({ length: 50 }, () => openRaw(port)));
    for (const tunnel of tunnels) tunnel.write(HANDSHAKE);
    await Promise.all(tunnels.map((tunnel) => tunnel.until('\r\n\r\n')));
    for (const tunnel of tunnels) tunnel.write('hello');
    await Promise.all(tunnels.map((tunnel) => tunnel.until('hello')));

    upstream.kill('SIGKILL');
    await Promise.all(tunnels.map((tunnel) => tunnel.untilEnd()));
    expect(await exchangeRaw(port, GET)).to.match(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    expect(proxy.faults()).to.deep.equal([]);
  });

  it('survives 200 peers that reset their tunnels at every stage', async function () {
    this.timeout(40_000);
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, () => {
        socket.write(SWITCH.replaceAll('\\r\\n', '\r\n'));
        const more = setInterval(() => socket.write(randomBytes(5000)), 3);
        socket.on('close', () => clearInterval(more));
      });
    });
    const port = await freePort();
    const proxy = await startProxy(
      configurationFor({
        listen: port,
        upstream: `127.0.0.1:${upstream.port} max_fails=0`,
        location: UPGRADE,
      }),
    );
    await Promise.all(
      Array.from(
        { length: 200 },
        (_, index) =>
          new Promise<void>((resolve) => {
            const socket = connect(port, '127.0.0.1');
            socket.on('error', () => undefined).on('close', () => resolve());
            socket.resume();
            socket.write(HANDSHAKE);
            setTimeout(() => socket.resetAndDestroy(), index % 40);
          }),
      ),
    );
    await until('every upstream connection to close', () => upstream.sockets.size === 0, 10_000);
    expect(proxy.faults()).to.deep.equal([]);
    const down = await openRaw(port);
    down.write(HANDSHAKE);
    expect(await down.until('\r\n\r\n')).to.match(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
  });
});
