/**
 * Limits of the downstream side, each against what nginx documents, on real sockets with small values: what is still
 * served, what is not, what is answered, and how the connection ends.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { cleanUp, exchangeRaw, onCleanUp, onHeads, openRaw, pause, until } from '../e2e/harness.js';
import type { RawConnection } from '../e2e/harness.js';
import {
  expectHealthy,
  GET,
  GET_CLOSE,
  healthy,
  logged,
  startBench,
  type Bench,
  unsentOctets,
} from './bench.js';

/** Writes `octet` every `everyMs` until the connection is over. */
function drip(to: RawConnection, octet: string, everyMs: number): void {
  const timer = setInterval(() => to.closed || to.ended || to.write(octet), everyMs);
  onCleanUp(() => clearInterval(timer));
}

/** States of a connection in /proc/net/tcp. */
const STATES: Readonly<Record<string, string>> = {
  '01': 'ESTABLISHED',
  '04': 'FIN_WAIT1',
  '05': 'FIN_WAIT2',
};

/** Runs `act` and answers how many ms it took. */
async function timed(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
}

describe('limits: heads', () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench({
      http:
        'client_header_timeout 1s; keepalive_timeout 10s; client_header_buffer_size 512; ' +
        'large_client_header_buffers 2 1k; max_headers 3;',
    });
  });
  after(cleanUp);

  it('client_header_timeout: a drip of octets does not extend it', async () => {
    const down = await openRaw(bench.port);
    down.write('GET / HTTP/1.1\r\nHost: x\r\nX: ');
    drip(down, 'a', 100);
    expect(await timed(() => down.untilEnd())).to.be.within(800, 3000);
    expect(down.received).to.match(/^HTTP\/1\.1 408 Request Time-out\r\n[^]*Connection: close\r\n/);
    expect(logged(bench.proxy, 'HEAD_TIMEOUT')).to.have.length(1);
    // Nor is it waited for afterwards.
    await until('the close', () => down.closed, 1000);
    await expectHealthy(bench);
  });

  it('client_header_timeout: counts for the first head from the accept, empty lines included', async () => {
    const down = await openRaw(bench.port);
    drip(down, '\r\n', 400);
    expect(await timed(() => down.untilEnd())).to.be.within(800, 3000);
    expect(down.received).to.equal('');
  });

  it('client_header_timeout: counts for a later head from its first octet', async () => {
    const down = await openRaw(bench.port);
    down.write(GET);
    await down.until('\r\n\r\nok');
    await pause(1200);
    down.take();
    down.write('GET / HTTP/1.1\r\n');
    expect(await timed(() => down.untilEnd())).to.be.within(800, 3000);
    expect(down.received).to.match(/^HTTP\/1\.1 408 /);
  });

  const heads: [string, string, number][] = [
    ['a request line of one buffer', `GET /${'a'.repeat(1024 - 14)} HTTP/1.1\r\nHost: x\r\n\r\n`, 200],
    ['one octet more', `GET /${'a'.repeat(1024 - 13)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
    ['a field line of one buffer', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(1021)}\r\n\r\n`, 200],
    ['one octet more in it', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(1022)}\r\n\r\n`, 431],
    [
      'more than all buffers together',
      `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(1021)}\r\nB: ${'a'.repeat(1000)}\r\n\r\n`,
      431,
    ],
    ['as many field lines as max_headers', 'GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\n\r\n', 200],
    ['one field line more', 'GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n', 431],
  ];
  for (const [name, head, status] of heads) {
    it(`large_client_header_buffers, max_headers: ${name} is ${status}`, async () => {
      const down = await openRaw(bench.port);
      down.write(head);
      await down.until('\r\n\r\n');
      expect(down.received.slice(9, 12)).to.equal(String(status));
      if (status !== 200) expect(await down.untilEnd()).to.match(/^Connection: close\r$/m);
    });
  }

  it('client_header_buffer_size: where it is larger than a large buffer, it bounds the line', async () => {
    const other = await startBench({
      http: 'client_header_buffer_size 2k; large_client_header_buffers 1 1k;',
    });
    const request = (octets: number): string => `GET /${'a'.repeat(octets)} HTTP/1.1\r\nHost: x\r\n\r\n`;
    for (const [octets, status] of [
      [1900, 200],
      [2048, 414],
    ]) {
      const down = await openRaw(other.port);
      down.write(request(octets));
      await down.until('\r\n\r\n');
      expect(down.received.slice(9, 12)).to.equal(String(status));
    }
  });
});

describe('limits: content', () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench({
      http: 'client_max_body_size 10; client_body_timeout 1s; lingering_timeout 300ms;',
      server:
        'location /off { client_max_body_size 0; proxy_pass http://backend; } location /own { return 200 own; }',
    });
    // Answers once the whole content is there: this upstream counts it by its end.
    bench.serve = (socket) => {
      let text = '';
      socket.on('data', (octets) => {
        text += octets.toString('latin1');
        if (/x{10}$|\r\n0\r\n[^]*\r\n$/.test(text))
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    };
  });
  after(cleanUp);

  const post = (rest: string, path = '/'): string => `POST ${path} HTTP/1.1\r\nHost: x\r\n${rest}`;
  const counted = (count: number, path?: string): string =>
    post(`Content-Length: ${count}\r\n\r\n${'x'.repeat(count)}`, path);
  const chunked = (rest: string, path = '/off'): string =>
    post(`Transfer-Encoding: chunked\r\n\r\n${rest}`, path);
  const contents: [string, string, number][] = [
    ['client_max_body_size: as much as allowed', counted(10), 200],
    ['client_max_body_size: one octet more', counted(11), 413],
    [
      'client_max_body_size: one octet more, in chunks',
      chunked('6\r\nxxxxxx\r\n5\r\nxxxxx\r\n0\r\n\r\n', '/'),
      413,
    ],
    ['client_max_body_size: 0 turns the check off', counted(110, '/off'), 200],
    ['client_max_body_size: also where the answer is a return', counted(11, '/own'), 413],
    ['the longest chunk extension', chunked(`1;${'a'.repeat(255)}\r\nx\r\n0\r\n\r\n`), 200],
    ['one octet more in a chunk extension', chunked(`1;${'a'.repeat(256)}\r\nx\r\n0\r\n\r\n`), 400],
    ['many chunk extensions, each short', chunked(`${'1;a=b\r\nx\r\n'.repeat(500)}0\r\n\r\n`), 200],
    ['a trailer line of 4096 octets', chunked(`0\r\nA: ${'a'.repeat(4093)}\r\n\r\n`), 200],
    ['one octet more in a trailer line', chunked(`0\r\nA: ${'a'.repeat(4094)}\r\n\r\n`), 400],
    [
      'a trailer section above 8192 octets',
      chunked(`0\r\n${`A: ${'a'.repeat(4000)}\r\n`.repeat(3)}\r\n`),
      400,
    ],
    ['64 trailer lines', chunked(`0\r\n${'A: a\r\n'.repeat(64)}\r\n`), 200],
    ['65 trailer lines', chunked(`0\r\n${'A: a\r\n'.repeat(65)}\r\n`), 400],
  ];
  for (const [name, request, status] of contents) {
    it(`${name} is ${status}`, async () => {
      const down = await openRaw(bench.port);
      down.write(request);
      await down.until('\r\n\r\n');
      expect(down.received.slice(9, 12)).to.equal(String(status));
      if (status !== 200) expect(await down.untilEnd()).to.match(/^Connection: close\r$/m);
    });
  }

  it('client_body_timeout: between two reads, not for all of the content', async () => {
    const down = await openRaw(bench.port);
    down.write(post('Content-Length: 10\r\n\r\n'));
    const took = await timed(async () => {
      for (let i = 0; i < 5; i++) {
        await pause(500);
        down.write('x');
      }
      expect(down.received).to.equal('');
      await down.untilEnd();
    });
    expect(took).to.be.within(2500 + 800, 2500 + 3000);
    expect(down.received).to.match(/^HTTP\/1\.1 408 Request Time-out\r\n/);
    expect(logged(bench.proxy, 'CONTENT_TIMEOUT')).to.have.length(1);
  });

  it('content that a return makes useless is waited for no longer than lingering_timeout', async () => {
    const down = await openRaw(bench.port);
    down.write(post('Content-Length: 10\r\n\r\nxx', '/own'));
    expect(await timed(() => down.untilEnd())).to.be.within(250, 2000);
    expect(down.received).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nown$/);
  });
});

describe('limits: answers and persistent connections', () => {
  afterEach(cleanUp);

  /** A peer that asks for an endless answer, takes nothing for a while, and then all that comes. */
  async function stalled(lines: string): Promise<{ down: RawConnection; bench: Bench }> {
    const bench = await startBench({ http: `send_timeout 1s; ${lines}` });
    bench.serve = (socket) =>
      onHeads(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
        const block = Buffer.alloc(65536, 'x');
        const more = (): void => {
          while (!socket.destroyed && socket.write(block));
        };
        socket.on('drain', more);
        more();
      });
    const down = await openRaw(bench.port);
    down.socket.pause();
    down.write(GET);
    expect(
      await timed(() => until('the log line', () => logged(bench.proxy, 'SEND_TIMEOUT').length > 0)),
    ).to.be.within(800, 2500);
    await until('the upstream connection to be let go', () => bench.sockets.size === 0);
    return { down, bench };
  }

  /** What the system still holds of the proxy's end: nothing, or FIN_WAIT1 and its like. */
  function heldOf({ socket }: RawConnection, { port }: Bench): string[] {
    const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, '0');
    const ends = `0100007F:${hex(port)} 0100007F:${hex(socket.localPort ?? 0)} `;
    const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n');
    return lines.filter((line) => line.includes(ends)).map((line) => STATES[line.split(ends)[1].slice(0, 2)]);
  }

  it('send_timeout: a peer that takes nothing is cut off; the message does not look complete', async () => {
    const { down, bench } = await stalled('');
    await until('the close', () => heldOf(down, bench).join() === 'FIN_WAIT1');
    down.socket.resume();
    await until('the close', () => down.closed);
    expect(down.error).to.equal(null);
    expect(down.received.length).to.be.lessThan(1e9);
    await expectHealthy(bench);
  });

  it('reset_timedout_connection on: it is reset, and the system holds nothing of it', async () => {
    const { down, bench } = await stalled('reset_timedout_connection on;');
    // What was closed without a reset would be held for as long as the peer takes nothing.
    await until('the reset', () => heldOf(down, bench).length === 0);
    await expectHealthy(bench);
  });

  it('reset_timedout_connection on: slow heads and status 444 are reset, idle connections are not', async () => {
    const bench = await startBench({
      http: 'reset_timedout_connection on; client_header_timeout 1s; keepalive_timeout 1s;',
      server: 'location /444 { return 444; }',
    });
    const endOf = async (text: string): Promise<[string, string]> => {
      const down = await openRaw(bench.port);
      down.write(text);
      await until('the close', () => down.closed);
      return [down.received.slice(9, 12), down.error?.code ?? ''];
    };
    expect(await endOf('GET / HTTP/1.1\r\nHo')).to.deep.equal(['', 'ECONNRESET']);
    expect(await endOf('GET /444 HTTP/1.1\r\nHost: x\r\n\r\n')).to.deep.equal(['', 'ECONNRESET']);
    expect(await endOf(GET)).to.deep.equal(['200', '']);
  });

  it('keepalive_timeout: an idle connection is closed, and not before', async () => {
    const bench = await startBench({ http: 'keepalive_timeout 1s;' });
    const down = await openRaw(bench.port);
    for (let i = 0; i < 3; i++) {
      down.take();
      down.write(GET);
      await down.until('\r\n\r\nok');
      await pause(600);
    }
    expect(await timed(() => down.untilEnd())).to.be.within(200, 2000);
    expect(down.error).to.equal(null);
  });

  it('keepalive_timeout 0: every answer closes', async () => {
    const bench = await startBench({ http: 'keepalive_timeout 0;' });
    expect(await exchangeRaw(bench.port, GET)).to.match(/^Connection: close\r$/m);
  });

  it('keepalive_timeout with a second argument: answers that keep the connection say so', async () => {
    const bench = await startBench({
      http: 'keepalive_timeout 75s 20s;',
      server: 'location /own { return 200 own; }',
    });
    const down = await openRaw(bench.port);
    for (const path of ['/', '/own']) {
      down.take();
      down.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect(await down.until('\r\n\r\n')).to.match(
        /\r\nConnection: keep-alive\r\nKeep-Alive: timeout=20\r\n/,
      );
    }
    expect(await exchangeRaw(bench.port, GET_CLOSE)).not.to.match(/^Keep-Alive:/m);
  });

  it('keepalive_requests, keepalive_time: the last answer says close', async () => {
    const bench = await startBench({ http: 'keepalive_requests 3;' });
    const down = await openRaw(bench.port);
    down.write(GET.repeat(5));
    const received = await down.untilEnd();
    expect(received.match(/^Connection: .*$/gm)).to.deep.equal([
      'Connection: keep-alive',
      'Connection: keep-alive',
      'Connection: close',
    ]);
    const aged = await startBench({ http: 'keepalive_time 500ms;' });
    const old = await openRaw(aged.port);
    old.write(GET);
    expect(await old.until('\r\n\r\nok')).to.match(/^Connection: keep-alive\r$/m);
    await pause(600);
    old.take();
    old.write(GET);
    expect(await old.untilEnd()).to.match(/^Connection: close\r$/m);
  });

  it('pipelined requests wait in the kernel, not in the proxy', async () => {
    const bench = await startBench();
    let asked = 0;
    bench.serve = (socket) => onHeads(socket, () => asked++);
    const down = await openRaw(bench.port);
    down.write(GET);
    await until('the first request', () => asked === 1);
    const before = bench.proxy.residentKib();
    down.write(Buffer.from(GET.repeat(3_000_000), 'latin1'));
    await pause(500);
    expect(
      GET.length * 3_000_000 - unsentOctets(down),
      'octets that the kernel and the proxy hold',
    ).to.be.lessThan(16 << 20);
    // What the runtime needs anew when it likes, its young generation above all, comes to 30 MB. Much more was sent.
    expect(bench.proxy.residentKib() - before).to.be.lessThan(48 * 1024);
    expect(asked).to.equal(1);
    down.socket.destroy();
    await expectHealthy(bench);
  });
});

describe('limits: lingering', () => {
  afterEach(cleanUp);

  /** What becomes of a peer that goes on writing behind the end of the last answer. */
  async function behind(lines: string, request: string): Promise<{ resetAfterMs: number; received: string }> {
    const bench = await startBench({
      http: `lingering_timeout 600ms; lingering_time 1500ms; ${lines}`,
      server: 'location /own { return 200 own; }',
    });
    const down = await openRaw(bench.port, { allowHalfOpen: true });
    down.write(request);
    await until('the end of the answer', () => down.ended || down.closed);
    const begun = performance.now();
    // Each write into a connection that the proxy has closed draws a reset.
    while (!down.closed && performance.now() - begun < 5000) {
      down.write('x');
      await pause(100);
    }
    bench.serve = healthy;
    await expectHealthy(bench);
    return { resetAfterMs: performance.now() - begun, received: down.received };
  }

  const closing = 'POST /own HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10000000\r\n\r\nx';
  const cases: [string, string, string, [number, number]][] = [
    ['on: octets known to be on their way are waited for, up to lingering_time', '', closing, [1200, 3500]],
    ['on: nothing is waited for behind a whole request', '', GET_CLOSE, [0, 1000]],
    ['always: behind a whole request too', 'lingering_close always;', GET_CLOSE, [1200, 3500]],
    ['off: nothing is waited for', 'lingering_close off;', closing, [0, 1000]],
    ['on: a refusal can be read by a peer that is still sending', '', 'nonsense\r\n\r\n', [1200, 3500]],
  ];
  for (const [name, lines, request, [least, most]] of cases) {
    it(`lingering_close ${name}`, async () => {
      const { resetAfterMs, received } = await behind(lines, request);
      expect(resetAfterMs).to.be.within(least, most);
      expect(received).to.match(/^HTTP\/1\.1 \d{3} [^]*\r\n\r\n/);
    });
  }

  it('lingering_timeout: a peer that sends nothing more is let go then', async () => {
    const bench = await startBench({ http: 'lingering_timeout 500ms; lingering_time 10s;' });
    const down = await openRaw(bench.port, { allowHalfOpen: true });
    down.write('nonsense\r\n\r\n');
    await until('the end of the answer', () => down.ended);
    await pause(1000);
    const begun = performance.now();
    while (!down.closed && performance.now() - begun < 2000) {
      down.write('x');
      await pause(20);
    }
    expect(performance.now() - begun).to.be.lessThan(500);
  });
});
