/** TLS inside a tunnel of CONNECT, in front of it, and both; and a tunnel that carries much. */
import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { cleanUp, onCleanUp, openRaw, RawConnection, soon } from '../e2e/harness.js';
import type { Pair } from './authority.js';
import { basics, exchangeSecure, openSecure, origin, pairLines, serve } from './stage.js';

describe('CONNECT and TLS', () => {
  let pair: Pair;
  let ca: string;
  before(async () => {
    const { root, server } = await basics();
    pair = server;
    ca = root.cert;
  });
  afterEach(cleanUp);

  const connectTo = (port: number): string =>
    `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;

  /** Speaks TLS over a tunnel that is open, and asks for a path. */
  async function askThrough(socket: Socket | TLSSocket): Promise<string> {
    const inner = connect({ socket, ca, servername: 'a.example' });
    onCleanUp(() => inner.destroy());
    await soon(
      'the handshake inside',
      new Promise((resolve, reject) => inner.once('secureConnect', resolve).once('error', reject)),
    );
    const connection = new RawConnection(inner);
    connection.write('GET /inside HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
    return connection.untilEnd();
  }

  async function secureOrigin(): Promise<number> {
    return origin((request, response) => response.end(`got ${request.url}`), {
      cert: pair.cert,
      key: pair.key,
    });
  }

  it('TLS goes through to the origin as it is', async () => {
    const { port } = await serve('server { listen 127.0.0.1:1; tunnel_pass; }');
    const client = await openRaw(port);
    client.write(connectTo(await secureOrigin()));
    await client.until('\r\n\r\n');
    client.socket.removeAllListeners('data');
    expect(await askThrough(client.socket)).to.match(/^HTTP\/1\.1 200 OK[^]*got \/inside$/);
  });

  it('a proxy over TLS: a tunnel inside its own TLS, with TLS inside', async () => {
    const { port, lines } = await serve(
      `log_format l "$status $ssl_protocol $tunnel_ended_by"; access_log a l;
       server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} tunnel_pass; }`,
    );
    const outer = await openSecure(port, { ca, servername: 'a.example' });
    outer.write(connectTo(await secureOrigin()));
    await outer.until('\r\n\r\n');
    outer.socket.removeAllListeners('data');
    expect(await askThrough(outer.socket)).to.match(/got \/inside$/);
    outer.socket.destroy();
    await soon(
      'the line',
      (async () => {
        while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      })(),
    );
    expect(lines[0]).to.match(/^200 TLSv1\.3 (upstream|downstream)$/);
  });

  it('CONNECT over TLS is refused with an answer over TLS', async () => {
    const { port } = await serve(
      `server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} tunnel_pass; tunnel_deny all; }`,
    );
    const answer = await exchangeSecure(port, { ca, servername: 'a.example' }, connectTo(1));
    expect(answer).to.match(/^HTTP\/1\.1 403 Forbidden\r\n/);
  });

  for (const transport of ['net', 'handle'] as const) {
    it(`much in both directions at once arrives whole, with a reader that is slow (${transport})`, async () => {
      const octets = randomBytes(8 * 1024 * 1024);
      const digest = (all: Buffer): string => createHash('sha256').update(all).digest('hex');
      const received: Buffer[] = [];
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('data', (chunk: Buffer) => {
          received.push(chunk);
          if (received.length % 16 !== 0) return;
          socket.pause();
          setTimeout(() => socket.resume(), 1);
        });
        socket.end(octets);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      onCleanUp(() => server.close());
      const { port } = await serve('server { listen 127.0.0.1:1; tunnel_pass; }', {}, { transport });
      const client = await openRaw(port, { allowHalfOpen: true });
      client.write(connectTo((server.address() as AddressInfo).port));
      client.socket.end(octets);
      const text = await client.untilEnd(15_000);
      const body = text.slice(text.indexOf('\r\n\r\n') + 4);
      expect(digest(Buffer.from(body, 'latin1'))).to.equal(digest(octets));
      await soon(
        'the end',
        (async () => {
          while (Buffer.concat(received).length < octets.length)
            await new Promise((resolve) => setTimeout(resolve, 20));
        })(),
        15_000,
      );
      expect(digest(Buffer.concat(received))).to.equal(digest(octets));
    });
  }
});
