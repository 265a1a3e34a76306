/**
 * limit_rate and proxy_limit_rate through the real command.
 */
import { expect } from 'chai';
import {
  cleanUp,
  type Command,
  configurationFor,
  freePort,
  openRaw,
  startHttpUpstream,
  startProxy,
  startRawUpstream,
  until,
} from './harness.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OCTETS = 60_000;
const CONTENT = 'abcdefghij'.repeat(OCTETS / 10);

describe('limit_rate', () => {
  afterEach(cleanUp);

  async function start(location: string, upstream: number, lines = ''): Promise<[number, Command]> {
    const port = await freePort();
    const http = "log_format took '$status $request_time $bytes_sent'; access_log took.log took;";
    const text = configurationFor({
      listen: port,
      upstream: `127.0.0.1:${upstream}`,
      location,
      http,
      upstreamLines: lines,
    });
    return [port, await startProxy(text)];
  }

  it('spreads a response over its time, whole, and logs it when it is over', async () => {
    const { port: upstream } = await startHttpUpstream((_request, response) => response.end(CONTENT));
    const [port, proxy] = await start('limit_rate 20k; access_log took.log took;', upstream);
    const client = await openRaw(port);
    const begun = Date.now();
    client.write(GET + GET);
    await client.until(/^HTTP[^]*\r\n\r\nabc/);
    const early = client.received.length;
    await until('both', () => client.received.length > 2 * OCTETS, 15_000);
    expect(early).to.be.at.most(20_480);
    expect(Date.now() - begun).to.be.within(3000, 9000);
    expect(client.received.split(CONTENT)).to.have.length(3);
    await until('their lines', () => proxy.file('took.log').split('\n').length === 3);
    for (const line of proxy.file('took.log').trim().split('\n')) {
      const [, seconds, octets] = line.split(' ').map(Number);
      expect(seconds).to.be.within(1, 4);
      expect(octets).to.be.above(OCTETS);
    }
  }).timeout(20_000);

  it('a large response is not taken into memory: the upstream waits', async () => {
    let written = 0;
    const { port: upstream } = await startRawUpstream((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${500 * OCTETS}\r\n\r\n`);
        const more = (): void => {
          while (socket.write(CONTENT)) written += OCTETS;
          written += OCTETS;
        };
        socket.on('drain', more);
        more();
      });
    });
    const [port] = await start('limit_rate 10k;', upstream);
    const client = await openRaw(port);
    client.write(GET);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    // The kernel's buffers and two reads.
    expect(written).to.be.below(12_000_000);
    expect(client.received.length).to.be.within(10_000, 40_000);
  });

  it('a tunnel has no rate', async () => {
    const { port: upstream } = await startRawUpstream((socket) => {
      socket.once('data', () => {
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n${CONTENT}`,
        );
      });
    });
    const [port] = await start(
      'limit_rate 1k; proxy_limit_rate 1k; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;',
      upstream,
    );
    const client = await openRaw(port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.until(/^HTTP\/1\.1 101 /);
    await until('all of it', () => client.received.endsWith(CONTENT), 2000);
  });

  it('proxy_limit_rate reads at its rate, unless nothing is buffered', async () => {
    const { port: upstream } = await startHttpUpstream((_request, response) => {
      response.writeHead(200, { 'Content-Length': 4 * OCTETS });
      response.end(CONTENT.repeat(4));
    });
    const took = async (location: string): Promise<number> => {
      const [port] = await start(location, upstream);
      const client = await openRaw(port);
      const begun = Date.now();
      client.write(GET);
      await until('all of it', () => client.received.length > 4 * OCTETS, 15_000);
      return Date.now() - begun;
    };
    const [limited, free] = await Promise.all([
      took('proxy_limit_rate 100k;'),
      took('proxy_limit_rate 100k; proxy_buffering off;'),
    ]);
    expect(limited).to.be.within(900, 4000);
    expect(free).to.be.below(800);
  }).timeout(20_000);
});
