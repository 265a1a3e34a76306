/** Where connections come from, and how a proxy lives: sockets of others, TLS, streams in memory, HTTP/2, reload, close. */
import { createServer, type Server } from 'node:http';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { expect } from 'chai';
import express from 'express';
import { WebSocket } from 'ws';
import { createProxy, loadConfig, type Proxy, type ProxyOptions } from '../../src/index.js';
import {
  cleanUp,
  exchangeRaw,
  freePort,
  onCleanUp,
  openRaw,
  pause,
  RawConnection,
  soon,
  until,
} from '../e2e/harness.js';
import { Authority, type Pair } from '../tls/authority.js';
import { type Echo, type Origin, startOrigin } from './origin.js';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

/** Two ends of a connection in memory. What is written to one is read from the other, in the same turn. */
function pair(): [Duplex, Duplex] {
  const ends: Duplex[] = [0, 1].map(
    (i) =>
      new Duplex({
        read: () => undefined,
        write(chunk, _encoding, done) {
          ends[1 - i].push(chunk);
          done();
        },
        final(done) {
          ends[1 - i].push(null);
          done();
        },
      }),
  );
  return [ends[0], ends[1]];
}

describe('embed: connections', () => {
  let origin: Origin;
  let authority: Authority;
  let leaf: Pair;
  before(async () => {
    origin = await startOrigin();
    authority = await Authority.create('test');
    leaf = await authority.issue({ names: ['localhost', '127.0.0.1'] });
  });
  afterEach(() => undefined);
  after(cleanUp);

  function make(options: Partial<ProxyOptions> = {}): Proxy {
    const proxy = createProxy({
      ...(options.routes || options.config ? {} : { upstream: origin.url }),
      ...options,
    });
    onCleanUp(() => proxy.close());
    return proxy;
  }

  async function port(server: {
    listen(port: number, host: string, done: () => void): unknown;
    address(): unknown;
    close(): unknown;
  }): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  it('serves a socket that was accepted elsewhere, half-open or not', async () => {
    const proxy = make();
    for (const allowHalfOpen of [true, false]) {
      const raw = await openRaw(
        await port(createNetServer({ allowHalfOpen }, (socket) => proxy.handleConnection(socket))),
        { allowHalfOpen: true },
      );
      raw.write(GET);
      raw.socket.end();
      expect(await raw.untilEnd()).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*"url":"\/x"/);
    }
  });

  it('serves a TLS socket, and says https to the upstream', async () => {
    const proxy = make();
    const to = await port(createTlsServer(leaf, (socket) => proxy.handleConnection(socket)));
    const socket = connectTls({ port: to, host: '127.0.0.1', ca: authority.cert, servername: 'localhost' });
    onCleanUp(() => socket.destroy());
    const raw = new RawConnection(socket);
    raw.write(GET);
    expect(await raw.until('"url"')).to.include('"x-forwarded-proto":"https"');
  });

  it('serves a stream in memory that answers within a write, with the facts it is given', async () => {
    const proxy = make();
    const [ours, theirs] = pair();
    proxy.handleConnection(theirs, { remoteAddress: '192.0.2.7', secure: true });
    let received = '';
    ours.on('data', (octets: Buffer) => {
      received += octets.toString('latin1');
      // From inside the proxy's own write.
      if (received.endsWith('}')) ours.end();
    });
    ours.write(GET.repeat(2));
    await until('both answers', () => received.split('"url":"/x"').length === 3);
    expect(received).to.include('"x-forwarded-for":"192.0.2.7"').and.include('"x-forwarded-proto":"https"');
    await until('its end', () => proxy.counters.sessions === 0);
  });

  it('carries a tunnel over a stream in memory', async () => {
    const proxy = make();
    const [ours, theirs] = pair();
    proxy.handleConnection(theirs);
    const ws = new WebSocket('ws://a/memory', { createConnection: () => ours as never });
    const messages: string[] = [];
    ws.on('message', (message) => messages.push(String(message)));
    await until('the greeting', () => messages.length === 1);
    ws.send('x'.repeat(300_000));
    await until('the echo', () => messages.length === 2);
    expect(messages[1]).to.have.length(300_000);
    ws.close();
    await until('its end', () => proxy.counters.sessions === 0);
  });

  it('takes upgrades of an https server', async () => {
    const proxy = make();
    const to = await port(createHttpsServer(leaf, proxy.web).on('upgrade', proxy.upgrade));
    const ws = new WebSocket(`wss://localhost:${to}/secure`, { ca: authority.cert });
    onCleanUp(() => ws.terminate());
    const message = await soon(
      'the greeting',
      new Promise((resolve) => ws.once('message', (m) => resolve(String(m)))),
    );
    expect(message).to.equal('hello /secure');
  });

  it('answers requests of an HTTP/2 server', async () => {
    const proxy = make();
    const server = createSecureServer({ ...leaf, allowHTTP1: true }, (request, response) =>
      proxy.web(request as never, response as never),
    );
    const session = connectHttp2(`https://localhost:${await port(server)}`, { ca: authority.cert });
    onCleanUp(() => session.destroy());
    const ask = async (headers: Record<string, string>, content?: string): Promise<Echo> => {
      const stream = session.request({ ':path': '/two?q', cookie: 'a=1; b=2', ...headers });
      let text = '';
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
      stream.end(content);
      await soon('the end of the stream', new Promise((resolve) => stream.once('end', resolve)));
      return JSON.parse(text) as Echo;
    };
    const plain = await ask({});
    expect(plain).to.include({ method: 'GET', url: '/two?q', octets: 0 });
    expect(plain.headers).to.include({ cookie: 'a=1; b=2', 'x-forwarded-proto': 'https' });
    expect(plain.headers.host).to.match(/^localhost:/);
    expect(await ask({ ':method': 'POST' }, 'content')).to.include({ method: 'POST', octets: 7 });
  });

  it('reaches an upstream over TLS, and nobody who is not who he says', async () => {
    const secure = createHttpsServer(leaf, (request, response) =>
      response.end(`secret ${request.headers.host}`),
    );
    const to = await port(secure);
    const trusting = await make({
      upstream: `https://localhost:${to}`,
      upstreamTls: { ca: authority.cert },
      hostField: 'upstream',
    }).listen(0);
    for (let i = 0; i < 2; i++)
      expect(await (await fetch(trusting.url)).text()).to.equal(`secret localhost:${to}`);
    const errors: string[] = [];
    const doubting = await make({
      upstream: `https://localhost:${to}`,
      hooks: { error: ({ code }) => void errors.push(code) },
    }).listen(0);
    expect((await fetch(doubting.url)).status).to.equal(502);
    expect(errors).to.deep.equal(['UPSTREAM_CERTIFICATE']);
    const careless = await make({
      upstream: `https://localhost:${to}`,
      upstreamTls: { verify: false },
    }).listen(0);
    expect((await fetch(careless.url)).status).to.equal(200);
  });

  it('says whose content was read already, and takes it from who has it', async () => {
    const proxy = make();
    const app = express();
    app.use(express.text({ type: '*/*' }));
    app.post('/told', (request, response) =>
      proxy.web(request, response, { content: request.body as string }),
    );
    app.use(proxy.web);
    app.use(((error: Error, _request, response, _next) => {
      response.status(500).send(error.message);
    }) as express.ErrorRequestHandler);
    const url = `http://127.0.0.1:${await port(createServer(app))}`;
    const refused = await fetch(url, { method: 'POST', body: 'hello' });
    expect(await refused.text())
      .to.include('has been read already')
      .and.include('{ content }');
    expect(await (await fetch(`${url}/told`, { method: 'POST', body: 'hello' })).json()).to.include({
      octets: 5,
    });
  });

  it('holds what a parser let pass against its own rules', async () => {
    const proxy = make();
    const raw = await openRaw(await port(createServer({ insecureHTTPParser: true }, proxy.web)));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n');
    expect(await raw.until('</html>')).to.match(/^HTTP\/1\.1 400 /);
  });

  it('lets nothing that a program put into a request begin a line', async () => {
    const proxy = make();
    const server = createServer((request, response) => {
      request.url = '/a b\u010a\r\nX-Evil: 1';
      proxy.web(request, response);
    });
    const { url, headers } = (await (await fetch(`http://127.0.0.1:${await port(server)}`)).json()) as Echo;
    expect(url).to.equal('/a%20b%C4%8A%0D%0AX-Evil:%201');
    expect(headers).not.to.have.property('x-evil');
  });

  it('may be called from inside its own hooks', async () => {
    const answers: string[] = [];
    let inner: Duplex | undefined;
    const proxy = make({
      hooks: {
        request: ({ path }) => {
          if (path !== '/outer') return;
          const [ours, theirs] = pair();
          inner = ours;
          ours.on('data', (octets: Buffer) => answers.push(octets.toString('latin1')));
          proxy.handleConnection(theirs);
          ours.write('GET /inner HTTP/1.1\r\nHost: a\r\n\r\n');
        },
      },
    });
    const { url } = await proxy.listen(0);
    expect(await (await fetch(`${url}/outer`)).json()).to.include({ url: '/outer' });
    await until('the inner answer', () => answers.join('').includes('"url":"/inner"'));
    inner!.destroy();
  });
});

describe('embed: the life of a proxy', () => {
  let origin: Origin;
  beforeEach(async () => {
    origin = await startOrigin();
  });
  afterEach(cleanUp);

  async function greeted(url: string): Promise<WebSocket> {
    const ws = new WebSocket(url.replace('http', 'ws'));
    onCleanUp(() => ws.terminate());
    ws.on('error', () => undefined);
    await soon('the greeting', new Promise((resolve) => ws.once('message', resolve)));
    return ws;
  }

  it('listens where it is told, on a unix socket too, and says why it cannot', async () => {
    const proxy = createProxy({ upstream: origin.url });
    onCleanUp(() => proxy.close());
    const first = await proxy.listen({ port: 0, host: '::1' }).catch(() => null);
    if (first !== null) expect(first.url).to.equal(`http://[::1]:${first.port}`);
    const path = `/tmp/wirehop-embed-${process.pid}.sock`;
    expect(await proxy.listen({ path })).to.deep.equal({ url: `unix:${path}`, host: '', port: 0, path });
    const raw = await openRaw(path);
    raw.write(GET);
    await raw.until('"url":"/x"');
    const taken = await proxy.listen({ port: origin.port }).catch((error: NodeJS.ErrnoException) => error);
    expect(taken).to.include({ code: 'EADDRINUSE' });
  });

  it('puts other options in force: idle connections end, new ones follow, tunnels go on', async () => {
    const proxy = createProxy({ upstream: origin.url });
    onCleanUp(() => proxy.close());
    const { url, port } = await proxy.listen(0);
    const ws = await greeted(url);
    const idle = await openRaw(port);
    idle.write(GET);
    await idle.until('"url"');
    expect(() => proxy.reload({ upstream: 'nonsense://' })).to.throw('options.upstream');
    expect((await fetch(url)).status).to.equal(200);
    proxy.reload({ routes: [{ respond: { status: 200, content: 'new' } }] });
    expect(await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).to.match(
      /\r\n\r\nnew$/,
    );
    await idle.untilEnd();
    const echo = new Promise((resolve) => ws.once('message', (message) => resolve(String(message))));
    ws.send('still here');
    expect(await soon('the echo', echo)).to.equal('still here');
    expect(() => proxy.reload({ upstream: origin.url, transport: 'handle' })).to.throw(
      'options.transport: cannot change',
    );
  });

  it('closes: waits for what is under way, then ends the rest', async () => {
    const proxy = createProxy({ upstream: origin.url });
    const { url, port } = await proxy.listen(0);
    const ws = await greeted(url);
    const raw = await openRaw(port);
    raw.write('GET /drip HTTP/1.1\r\nHost: a\r\n\r\n');
    await raw.until('\r\n0\r\n');
    const before = Date.now();
    await proxy.close({ graceMs: 300 });
    expect(Date.now() - before).to.be.within(290, 3000);
    expect(raw.received).to.match(/\r\n\.\r\n0\r\n\r\n$/);
    await until('the end of the tunnel', () => ws.readyState === WebSocket.CLOSED);
    expect(await fetch(url).catch(() => 'refused')).to.equal('refused');
    await proxy.close();
  });

  it('tells WebSockets that it closes, where it is to', async () => {
    const proxy = createProxy({ upstream: origin.url, farewell: { code: 1012, reason: 'back soon' } });
    const ws = await greeted((await proxy.listen(0)).url);
    const told = new Promise((resolve) =>
      ws.once('close', (code, reason) => resolve(`${code} ${String(reason)}`)),
    );
    const before = Date.now();
    await proxy.close({ graceMs: 5000 });
    expect(await soon('the Close frame', told)).to.equal('1012 back soon');
    expect(Date.now() - before).to.be.below(2000);
  });

  it('closes at once when nothing is under way, and refuses what comes later', async () => {
    const proxy = createProxy({ upstream: origin.url });
    const { url } = await proxy.listen(0);
    await (await fetch(url)).text();
    const before = Date.now();
    await proxy.close({ graceMs: 10_000 });
    expect(Date.now() - before).to.be.below(2000);
    const [ours, theirs] = pair();
    proxy.handleConnection(theirs);
    ours.on('error', () => undefined);
    expect(theirs.destroyed).to.equal(true);
    const server: Server = createServer(proxy.web);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => server.close());
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}`).then(
      ({ status }) => status,
      () => 0,
    );
    expect(answer).to.equal(0);
  });

  it('runs a configuration, with hooks around it and logs beside it', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const config = await loadConfig(`
      events {}
      http {
        server {
          listen 127.0.0.1:${one};
          access_log own.log;
          location / { proxy_pass http://127.0.0.1:${origin.port}; proxy_set_header X-By nginx; }
        }
        server { listen 127.0.0.1:${two}; return 200 two; }
      }`);
    const lines: string[] = [];
    const proxy = createProxy({
      config,
      hooks: {
        request: ({ fields, path }) => {
          fields.set('X-Hook', 'yes');
          return path === '/short' ? { respond: { status: 200, content: 'cut' } } : undefined;
        },
        response: ({ fields }) => void fields.delete('server'),
      },
      onAccess: (path, line) => lines.push(`${path} ${line}`),
    });
    onCleanUp(() => proxy.close());
    const [first, second] = await proxy.listenConfigured();
    const response = await fetch(`${first.url}/there`);
    expect(response.headers.has('server')).to.equal(false);
    expect(((await response.json()) as Echo).headers).to.include({ 'x-by': 'nginx', 'x-hook': 'yes' });
    expect(await (await fetch(`${first.url}/short`)).text()).to.equal('cut');
    expect(await (await fetch(second.url)).text()).to.equal('two');
    await pause(5);
    expect(lines[0]).to.match(/^own\.log 127\.0\.0\.1 .*"GET \/there HTTP\/1\.1" 200/);
  });
});
