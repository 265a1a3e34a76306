/**
 * Limits of the upstream side and of the process, on real sockets with small values: times, response heads, interim
 * responses, octets in front of a tunnel, connections.
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { expect } from 'chai';
import {
  cleanUp,
  exchangeRaw,
  freePort,
  onCleanUp,
  onHeads,
  openRaw,
  pause,
  soon,
  until,
} from '../e2e/harness.js';
import type { RawConnection } from '../e2e/harness.js';
import {
  expectHealthy,
  GET,
  GET_CLOSE,
  healthy,
  logged,
  OFFER,
  OK,
  openFiles,
  startBench,
  SWITCH,
  unsentOctets,
  untilOpenFiles,
  UPGRADE_MAP,
  UPGRADES,
  type Bench,
} from './bench.js';

async function statusOf(bench: Bench, request = GET_CLOSE): Promise<number> {
  return Number((await exchangeRaw(bench.port, request, 10_000)).slice(9, 12));
}

describe('limits: upstream', () => {
  afterEach(cleanUp);

  it('proxy_connect_timeout: an upstream whose backlog is full is given up', async () => {
    const port = await freePort();
    // Stopped, it accepts nothing: connections beyond its backlog are not answered by the system.
    const listener = spawn(
      process.execPath,
      [
        '-e',
        `require('net').createServer().listen({ port: ${port}, host: '127.0.0.1', backlog: 1 }, () => {
           process.stdout.write('ready', () => process.kill(process.pid, 'SIGSTOP')); })`,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    onCleanUp(() => listener.kill('SIGKILL'));
    await soon('the listener', new Promise((resolve) => listener.stdout.once('data', resolve)));
    await pause(100);
    for (let i = 0; i < 8; i++) {
      const filler = connect(port, '127.0.0.1').on('error', () => undefined);
      onCleanUp(() => filler.destroy());
    }
    await pause(200);
    const bench = await startBench({ upstream: `127.0.0.1:${port}`, location: 'proxy_connect_timeout 1s;' });
    const begun = performance.now();
    expect(await statusOf(bench)).to.equal(504);
    expect(performance.now() - begun).to.be.within(800, 3000);
    expect(logged(bench.proxy, 'UPSTREAM_CONNECT_TIMEOUT')).to.have.length(1);
    expect(bench.proxy.faults()).to.deep.equal([]);
  });

  it('proxy_send_timeout: an upstream that takes nothing is given up', async () => {
    const bench = await startBench({ server: 'client_max_body_size 0;', location: 'proxy_send_timeout 1s;' });
    bench.serve = (socket) => socket.pause();
    const down = await openRaw(bench.port);
    down.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n');
    down.write(Buffer.alloc(32 * 1024 * 1024, 'x'));
    expect(await down.until('\r\n\r\n', 10_000)).to.match(/^HTTP\/1\.1 504 /);
    expect(logged(bench.proxy, 'UPSTREAM_SEND_TIMEOUT')).to.have.length(1);
    down.socket.destroy();
    await expectHealthy(bench);
  });

  it('proxy_read_timeout: between two reads, not for the whole response', async () => {
    const bench = await startBench({ location: 'proxy_read_timeout 1s;' });
    bench.serve = (socket) =>
      onHeads(socket, () => {
        const parts = ['HTTP/1.1 200 OK\r\n', 'Content-Length: 4\r\n', '\r\n', 'a', 'b', 'c'];
        const timer = setInterval(() => {
          const part = parts.shift();
          if (part === undefined) clearInterval(timer);
          else socket.write(part);
        }, 500);
      });
    const down = await openRaw(bench.port);
    const begun = performance.now();
    down.write(GET);
    const received = await down.untilEnd(10_000);
    expect(performance.now() - begun).to.be.within(3000 + 800, 3000 + 3000);
    expect(received).to.match(/\r\n\r\nabc$/);
    expect(logged(bench.proxy, 'UPSTREAM_READ_TIMEOUT')).to.have.length(1);
    await expectHealthy(bench);
  });

  it('proxy_read_timeout: a tunnel lives as long as octets come from either side', async () => {
    const bench = await startBench({ http: UPGRADE_MAP, location: `proxy_read_timeout 1s; ${UPGRADES}` });
    bench.serve = (socket) => {
      onHeads(socket, () => socket.write(SWITCH));
      setTimeout(() => socket.write('up'), 1400);
    };
    const down = await openRaw(bench.port);
    down.write(OFFER);
    await down.until('\r\n\r\n');
    const begun = performance.now();
    await pause(700);
    down.write('down');
    await down.untilEnd();
    // 1.4 s to the last octet and one second of silence.
    expect(performance.now() - begun).to.be.within(2000, 4500);
    expect(logged(bench.proxy, 'TUNNEL_IDLE')).to.have.length(1);
    await expectHealthy(bench);
  });

  it('proxy_buffer_size: a response head as long passes, a longer one is 502', async () => {
    const bench = await startBench({ location: 'proxy_buffer_size 1k;' });
    for (const [octets, status] of [
      [1024, 200],
      [1025, 502],
    ]) {
      const begin = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ';
      const head = `${begin}${'a'.repeat(octets - begin.length - 4)}\r\n\r\n`;
      bench.serve = (socket) => onHeads(socket, () => socket.write(head));
      expect(await statusOf(bench)).to.equal(status);
    }
    expect(logged(bench.proxy, 'HEAD_TOO_LARGE')).to.have.length(1);
    await expectHealthy(bench);
  });

  it('interim responses: any number passes without being kept; each is bounded like a head', async () => {
    const bench = await startBench({ location: 'proxy_buffer_size 1k;' });
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
    bench.serve = (socket) => onHeads(socket, () => socket.write(hint.repeat(20_000) + OK));
    const received = await exchangeRaw(bench.port, GET_CLOSE);
    expect(received.match(/^HTTP\/1\.1 103 /gm)).to.have.length(20_000);
    expect(received).to.match(/HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
    const long = `HTTP/1.1 103 Early Hints\r\nLink: ${'a'.repeat(1024)}\r\n\r\n`;
    bench.serve = (socket) => onHeads(socket, () => socket.write(long + OK));
    expect(await statusOf(bench)).to.equal(502);
    await expectHealthy(bench);
  });

  it('interim responses that nobody reads wait in the kernel', async () => {
    const bench = await startBench();
    const hints = Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1_000_000), 'latin1');
    bench.serve = (socket) => onHeads(socket, () => socket.write(hints));
    const down = await openRaw(bench.port);
    down.socket.pause();
    down.write(GET);
    await pause(1500);
    const [upstream] = bench.sockets;
    expect(upstream.writableLength, 'octets that the proxy does not read').to.be.greaterThan(0);
    expect(bench.proxy.residentKib()).to.be.lessThan(160 * 1024);
    down.socket.resetAndDestroy();
    await expectHealthy(bench);
  });

  it('octets in front of a tunnel wait in the kernel, and then go first', async () => {
    const bench = await startBench({ http: UPGRADE_MAP, location: UPGRADES });
    // What every process needs for its first requests is not counted.
    await expectHealthy(bench);
    const total = 96 * 1024 * 1024;
    let open: () => void = () => undefined;
    let atUpstream = 0;
    bench.serve = (socket) => {
      socket.once('data', () => {
        open = () => socket.write(SWITCH);
        socket.on('data', (octets) => (atUpstream += octets.length));
      });
    };
    const down = await openRaw(bench.port);
    const before = bench.proxy.residentKib();
    down.write(OFFER);
    down.write(Buffer.alloc(total, 'x'));
    await pause(500);
    expect(total - unsentOctets(down), 'octets that the kernel and the proxy hold').to.be.lessThan(16 << 20);
    // What the runtime needs anew when it likes, its young generation above all, comes to 30 MB. Much more was sent.
    expect(bench.proxy.residentKib() - before).to.be.lessThan(48 * 1024);
    expect(atUpstream).to.equal(0);
    open();
    await until('all octets', () => atUpstream === total, 10_000);
    down.socket.destroy();
    await expectHealthy(bench);
  });
});

describe('limits: worker_connections', () => {
  afterEach(cleanUp);

  it('beyond them connections are refused, once a second in the log; the rest is served', async () => {
    const bench = await startBench({}, 10);
    const busy = await Promise.all(Array.from({ length: 9 }, () => openRaw(bench.port)));
    for (const one of busy) one.write('GET / HTTP/1.1\r\nHo');
    await pause(100);
    const last = await openRaw(bench.port);
    last.write('GET / HTTP/1.1\r\nHo');
    await pause(100);
    for (let i = 0; i < 50; i++) {
      const late = await openRaw(bench.port);
      await until('the refusal', () => late.ended || late.closed);
      expect(late.received).to.equal('');
    }
    const alerts =
      bench.proxy.file('error.log').match(/\[alert\].* 10 worker_connections are not enough$/gm) ?? [];
    expect(alerts.length).to.be.within(1, 3);
    last.socket.destroy();
    await pause(50);
    busy[0].write('st: x\r\n\r\n');
    expect(await busy[0].until('\r\n\r\nok')).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(bench.proxy.stderr).to.equal('');
  });

  it('an idle connection makes room, the one that has been idle longest first', async () => {
    const bench = await startBench({}, 10);
    const good = await openRaw(bench.port);
    const ask = async (): Promise<void> => {
      good.take();
      good.write(GET);
      await good.until('\r\n\r\nok');
    };
    await ask();
    const idle: RawConnection[] = [];
    for (let i = 0; i < 40; i++) {
      idle.push(await openRaw(bench.port));
      // Only what has been idle for a tenth of a second makes room.
      await pause(25);
      if (i % 2 === 0) await ask();
    }
    await ask();
    await until('the idle ones to be closed', () => idle.filter((one) => one.ended).length >= 30);
    expect(bench.proxy.file('error.log')).to.match(
      /\[warn\].* 10 worker_connections are not enough, reusing connections\n/,
    );
    expect(bench.proxy.faults()).to.deep.equal([]);
  });

  it('without room for an upstream connection the answer is 502, and the connection goes on', async () => {
    const bench = await startBench({}, 3);
    bench.serve = (socket) => onHeads(socket, () => undefined);
    const files = openFiles(bench.proxy);
    const busy = await openRaw(bench.port);
    busy.write(GET);
    await until('the request', () => bench.sockets.size === 1);
    const down = await openRaw(bench.port);
    down.write(GET);
    expect(await down.until('</html>')).to.match(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    busy.socket.resetAndDestroy();
    await untilOpenFiles(bench.proxy, files + 1);
    bench.serve = healthy;
    down.take();
    down.write(GET);
    expect(await down.until('\r\n\r\nok')).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(bench.proxy.stderr).to.equal('');
  });
});
