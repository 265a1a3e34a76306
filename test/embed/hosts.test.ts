/**
 * A proxy inside other people's servers, on real sockets: `web` for requests and `upgrade` for WebSockets, in a plain
 * http.Server, Express, Fastify and Koa. Proves that messages pass whole in both directions, that who stops is noticed
 * on the other side, and that the server's connection stays the server's.
 */
import { createHash } from 'node:crypto';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { createProxy, type Proxy } from '../../src/index.js';
import { cleanUp, onCleanUp, openRaw, pause, soon, until } from '../e2e/harness.js';
import { HOSTS } from './hosts.js';
import { type Echo, type Origin, startOrigin } from './origin.js';

interface Answer {
  readonly response: IncomingMessage;
  readonly text: string;
}

/** One request on a connection of its own, and its whole answer. */
function ask(
  port: number,
  path: string,
  options: RequestOptions = {},
  content?: Buffer | string,
): Promise<Answer> {
  const work = new Promise<Answer>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ response, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(content);
  });
  return soon(`an answer to ${path}`, work);
}

for (const host of HOSTS) {
  describe(`embed: in ${host.name}`, () => {
    let origin: Origin;
    let proxy: Proxy;
    let port: number;
    let connections = 0;

    before(async () => {
      origin = await startOrigin();
      proxy = createProxy({ upstream: origin.url });
      onCleanUp(() => proxy.close());
      const started = await host.start(proxy);
      port = started.port;
      started.server.on('connection', () => connections++);
    });
    after(cleanUp);

    it('passes a request without content on, lines as they were', async () => {
      const { response, text } = await ask(port, '/x?y=%20&z', {
        headers: { 'X-Odd-Case': 'caf\u00e9', Accept: ['a', 'b'] },
      });
      const seen = JSON.parse(text) as Echo;
      expect(response.statusCode).to.equal(200);
      expect(seen).to.include({ method: 'GET', url: '/x?y=%20&z', octets: 0 });
      expect(seen.headers).to.include({ host: `127.0.0.1:${port}`, 'x-forwarded-for': '127.0.0.1' });
      expect(seen.rawHeaders.join('|')).to.include('X-Odd-Case|caf\u00e9');
    });

    for (const [how, headers] of [
      ['a length', { 'Content-Length': '1000000' }],
      ['chunks', { 'Transfer-Encoding': 'chunked' }],
    ] as const) {
      it(`passes content with ${how} on`, async () => {
        const content = Buffer.alloc(1_000_000, 'content ');
        const { text } = await ask(port, '/', { method: 'POST', headers }, content);
        const sha256 = createHash('sha256').update(content).digest('hex');
        expect(JSON.parse(text)).to.include({ method: 'POST', octets: content.length, sha256 });
      });
    }

    it('passes trailers on in both directions', async () => {
      const { response } = await ask(port, '/trailers');
      expect(response.trailers).to.deep.equal({ 'x-sum': '7' });
      const raw = await openRaw(port);
      raw.write(
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: v\r\n\r\n',
      );
      expect(await raw.until('"trailers":{"x-t":"v"}')).to.include('"octets":3');
    });

    it('answers HEAD, 204 and 304 without content, on one connection', async () => {
      const before = connections;
      const raw = await openRaw(port);
      raw.write('HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.until('\r\n\r\n');
      expect(raw.take()).to.match(/^HTTP\/1\.1 200 OK\r\n/);
      for (const status of [204, 304]) {
        raw.write(`GET /status/${status} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await raw.until('\r\n\r\n');
        expect(raw.take())
          .to.match(new RegExp(`^HTTP/1\\.1 ${status} `))
          .and.match(/X-Origin: yes/);
      }
      raw.write('GET /cookies HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.until('cookies');
      expect(raw.take()).to.match(/Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
      expect(connections - before).to.equal(1);
    });

    it('leaves the connection to the server: its own answers and ours take turns', async function () {
      if (host.name === 'http.Server') this.skip();
      const raw = await openRaw(port);
      raw.write('GET /own HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.until('own');
      raw.take();
      raw.write('GET /cookies HTTP/1.1\r\nHost: a\r\n\r\nGET /own HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.until(/cookies[^]*own$/);
    });

    it('passes interim responses on, and meets an expectation', async () => {
      const raw = await openRaw(port);
      raw.write('GET /interim HTTP/1.1\r\nHost: a\r\n\r\n');
      const hints = await raw.until('hinted');
      expect(hints).to.match(
        /^HTTP\/1\.1 102 .*\r\n\r\nHTTP\/1\.1 103 .*\r\nLink: <\/a\.css>; rel=preload\r\n/i,
      );
      raw.take();
      raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
      await raw.until('HTTP/1.1 100 Continue\r\n\r\n');
      raw.write('abc');
      expect(await raw.until('"octets"')).to.include('"octets":3');
    });

    it('passes an answer on as it comes', async () => {
      const raw = await openRaw(port);
      raw.write('GET /drip HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.until('\r\n0\r\n');
      expect(raw.received).not.to.include('.\r\n');
      await raw.until(/\r\n\.\r\n0\r\n\r\n$/);
    });

    it('stops the upstream while nobody takes the answer, and goes on after that', async () => {
      const raw = await openRaw(port);
      raw.socket.pause();
      raw.write('GET /large HTTP/1.0\r\nHost: a\r\n\r\n');
      await pause(100);
      expect(process.memoryUsage().arrayBuffers).to.be.below(100e6);
      raw.socket.resume();
      await until('all of it', () => raw.ended);
      const content = raw.received.slice(raw.received.indexOf('\r\n\r\n') + 4);
      expect(content.length).to.equal(128 * 65_536);
    });

    it('breaks off what the upstream breaks off', async () => {
      const raw = await openRaw(port);
      raw.write('GET /broken HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await raw.untilEnd()).to.match(/\r\n\r\n1234$/);
    });

    it('tells the upstream of a peer that leaves, in the answer and in the content', async () => {
      const raw = await openRaw(port);
      raw.write('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.until('x');
      raw.socket.destroy();
      await until('the upstream to hear of it', () => origin.left.includes('/endless'));
      const half = await openRaw(port);
      half.write('POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1234');
      await pause(50);
      half.socket.resetAndDestroy();
      await until('the upstream to hear of it', () => origin.broken.includes('/half'));
    });

    it('carries a WebSocket, a large message too', async () => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/chat`);
      onCleanUp(() => ws.terminate());
      const messages: Buffer[] = [];
      ws.on('message', (message) => messages.push(message as Buffer));
      await until('the greeting', () => messages.length === 1);
      expect(messages[0].toString()).to.equal('hello /chat');
      ws.send(Buffer.alloc(1_000_000, 'message '));
      await until('the echo', () => messages.length === 2);
      expect(messages[1].length).to.equal(1_000_000);
      ws.close(1000);
      await until('the end', () => ws.readyState === WebSocket.CLOSED);
    });

    it('passes the answer to an upgrade that is refused, and closes behind it', async () => {
      const raw = await openRaw(port);
      raw.write(
        'GET /forbidden HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      );
      expect(await raw.untilEnd()).to.match(/^HTTP\/1\.1 403 Forbidden\r\n[^]*Connection: close\r\n\r\nno$/);
    });

    it('holds nothing when all is over', async () => {
      await until('no connection', () => proxy.counters.sessions === 0);
    });
  });
}
