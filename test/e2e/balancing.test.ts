/**
 * Upstreams of several servers through the real command: clients that stay with their server, names whose addresses
 * change, offers to switch that fail in front of their 101.
 */
import http from 'node:http';
import { expect } from 'chai';
import { a, NameServer, type Zone } from '../driver/name-server.js';
import {
  cleanUp,
  configurationFor,
  exchangeRaw,
  freePort,
  onCleanUp,
  onHeads,
  startProxy,
  startRawUpstream,
  until,
} from './harness.js';

/** A server on one address of loopback that answers with its name. */
async function named(name: string, port = 0, address = '127.0.0.1'): Promise<number> {
  const server = http.createServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  onCleanUp(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

async function ask(port: number, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/`, { headers });
}

describe('upstreams of several servers', () => {
  afterEach(cleanUp);

  it('sticky cookie: a client stays with the server that it was given', async () => {
    const [listen, one, two] = [await freePort(), await named('one'), await named('two')];
    await startProxy(
      configurationFor({
        listen,
        upstream: [`127.0.0.1:${one}`, `127.0.0.1:${two} route=second`],
        upstreamLines: 'sticky cookie srv expires=1h domain=example.com httponly secure samesite=lax path=/;',
      }),
    );
    const first = await ask(listen);
    expect(await first.text()).to.equal('one');
    expect(first.headers.get('set-cookie')).to.match(
      /^srv=[0-9a-f]{32}; expires=\w{3}, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d GMT; max-age=3600; domain=example\.com; httponly; secure; samesite=lax; path=\/$/,
    );
    const cookie = first.headers.get('set-cookie')!.split(';')[0];
    const answers: string[] = [];
    for (let i = 0; i < 4; i++) answers.push(await (await ask(listen, { cookie })).text());
    for (let i = 0; i < 4; i++) answers.push(await (await ask(listen, { cookie: 'a=b; srv=second' })).text());
    expect(answers.join(' ')).to.equal('one one one one two two two two');
  });

  it('sticky learn: a client stays with the server that began its session', async () => {
    const begin = async (name: string): Promise<number> => {
      const server = http.createServer((request, response) => {
        if (request.url === '/login') response.setHeader('Set-Cookie', `SID=${name}-session; Path=/`);
        response.end(name);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      onCleanUp(() => {
        server.closeAllConnections();
        server.close();
      });
      return (server.address() as { port: number }).port;
    };
    const [listen, one, two] = [await freePort(), await begin('one'), await begin('two')];
    await startProxy(
      configurationFor({
        listen,
        upstream: [`127.0.0.1:${one}`, `127.0.0.1:${two}`],
        upstreamLines:
          'sticky learn create=$upstream_cookie_sid lookup=$cookie_sid lookup=$arg_sid zone=sessions:1m;',
      }),
    );
    const answers: string[] = [];
    const get = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
      (await fetch(`http://127.0.0.1:${listen}${path}`, { headers })).text();
    expect([await get('/login'), await get('/login')].sort()).to.deep.equal(['one', 'two']);
    for (let i = 0; i < 3; i++) answers.push(await get('/', { cookie: 'SID=two-session' }));
    for (let i = 0; i < 3; i++) answers.push(await get('/?sid=one-session'));
    expect(answers.join(' ')).to.equal('two two two one one one');
    // A session that nobody began binds to nobody.
    const others = new Set(await Promise.all([get('/?sid=x'), get('/?sid=x'), get('/?sid=x')]));
    expect(others.size).to.equal(2);
  });

  it('resolve: requests go where the name leads now', async () => {
    const zone: Zone = { 'A app.test': [a('app.test', '127.0.0.1', 1)] };
    const names = new NameServer(zone);
    const resolver = await names.start();
    onCleanUp(() => names.stop());
    const port = await named('one');
    await named('two', port, '127.0.0.2');
    const listen = await freePort();
    const proxy = await startProxy(
      configurationFor({
        listen,
        http: `resolver ${resolver} ipv6=off; resolver_timeout 1s;`,
        upstream: `app.test:${port} resolve`,
      }),
    );
    const answer = async (): Promise<string> => (await ask(listen)).text();
    await until('the first answer', async () => (await answer()) === 'one');
    zone['A app.test'] = [a('app.test', '127.0.0.2', 1)];
    await until('the other address', async () => (await answer()) === 'two');
    delete zone['A app.test'];
    await until('no address', async () => (await ask(listen)).status === 502);
    expect(proxy.file('error.log')).to.include('app.test could not be resolved (ENOTFOUND)');
    zone['A app.test'] = [a('app.test', '127.0.0.1', 1)];
    await until('the name is back', async () => (await answer()) === 'one');
  });

  it('an offer to switch goes to the next server when the first one fails in front of its answer', async () => {
    const { port: closing } = await startRawUpstream((socket) => onHeads(socket, () => socket.destroy()));
    const { port: switching } = await startRawUpstream((socket) =>
      onHeads(socket, () =>
        socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello'),
      ),
    );
    const listen = await freePort();
    await startProxy(
      configurationFor({
        listen,
        upstream: [`127.0.0.1:${closing}`, `127.0.0.1:${switching}`],
        location: 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;',
      }),
    );
    const offer = 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n';
    for (let i = 0; i < 2; i++) {
      expect(await exchangeRaw(listen, offer)).to.match(
        /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*\r\n\r\nhello$/,
      );
    }
  });
});
