/** Options: every one that is wrong is named by its path, before anything runs. Routes: which one is taken. */
import { expect } from 'chai';
import {
  ConfigError,
  createProxy,
  loadConfig,
  OptionsError,
  type Proxy,
  type ProxyOptions,
} from '../../src/index.js';
import { cleanUp, exchangeRaw, onCleanUp, openRaw } from '../e2e/harness.js';
import { type Echo, type Origin, startOrigin } from './origin.js';

const U = 'http://127.0.0.1:9';

const WRONG: readonly (readonly [options: unknown, message: string])[] = [
  [undefined, 'options: expected an object, got undefined'],
  [{}, 'options: expected one of upstream, routes and config, got none of them'],
  [{ upstream: U, routes: [] }, 'options.routes: expected at least 1, got none'],
  [
    { upstream: U, routes: () => undefined },
    'options: expected one of upstream, routes and config, got upstream and routes',
  ],
  [{ upstream: 7 }, 'options.upstream: expected an object, got 7'],
  [
    { upstream: 'ftp://a' },
    'options.upstream: the scheme is none of http, https, ws, wss and unix, got "ftp://a"',
  ],
  [
    { upstream: 'http://a:99999' },
    'options.upstream: the port must be from 1 to 65535, got "http://a:99999"',
  ],
  [{ upstream: 'http://user@a' }, 'options.upstream: a user name cannot be passed on, got "http://user@a"'],
  [
    { upstream: 'unix:socket' },
    'options.upstream: the path of a unix socket must be absolute, got "unix:socket"',
  ],
  [{ upstream: [] }, 'options.upstream: expected at least 1, got none'],
  [
    { upstream: { servers: [{ url: U, weight: 0 }] } },
    'options.upstream.servers[0].weight: expected a whole number of shares from 1 to 65535, got 0',
  ],
  [{ upstream: { servers: [{}] } }, 'options.upstream.servers[0].url: is missing'],
  [{ upstream: {} }, 'options.upstream.servers: is missing'],
  [
    { upstream: U, target: U },
    `options.target: unknown option (use "upstream", or wirehop/http-proxy for http-proxy's options)`,
  ],
  [
    { upstream: U, hooks: { reqest: () => 0 } },
    'options.hooks.reqest: unknown option (there are request, upstream, response, switched, tunnelClosed, finished, error)',
  ],
  [{ upstream: U, hooks: { request: 1 } }, 'options.hooks.request: expected a function, got 1'],
  [
    { upstream: U, forwarded: true },
    'options.forwarded: expected one of "append", "replace", "none", got true',
  ],
  [
    { upstream: U, timeouts: { readMs: -1 } },
    'options.timeouts.readMs: expected a whole number of milliseconds from 0 on, got -1',
  ],
  [
    { upstream: U, request: { set: { 'Content-Length': '1' } } },
    'options.request.set["Content-Length"]: Content-Length is decided by the proxy and cannot be set or removed',
  ],
  [
    { upstream: U, response: { append: { 'X-A': ['b', 'c\nd'] } } },
    'options.response.append["X-A"]: the value of X-A holds a control character or one beyond Latin-1; encode it first',
  ],
  [
    { routes: [{ upstream: U }, { path: '/a', upstream: 'nope://' }] },
    'options.routes[1].upstream: the scheme is none of http, https, ws, wss and unix, got "nope://"',
  ],
  [
    { routes: [{ path: 'a', upstream: U }] },
    'options.routes[0].path: expected a path that begins with "/", or a RegExp, got "a"',
  ],
  [
    { routes: [{ path: '/a' }] },
    'options.routes[0]: expected one of upstream, respond and reject, got none of them',
  ],
  [
    { routes: [{ respond: 200, stripPath: true }] },
    'options.routes[0].stripPath: goes with "upstream", not with "respond"',
  ],
  [
    { routes: [{ upstream: U, stripPath: true }] },
    'options.routes[0].stripPath: needs a "path" that is a string',
  ],
  [
    { routes: [{ host: '*.*', respond: 200 }] },
    'options.routes[0].host: invalid server name or wildcard "*.*"',
  ],
  [
    { routes: [{ respond: { status: 99 } }] },
    'options.routes[0].respond.status: expected a status from 200 to 599, got 99',
  ],
  [
    { config: 'events {}' },
    'options.config: expected what loadConfig() resolves to, got "events {}": await loadConfig(text) first',
  ],
  [
    { upstream: U, limits: { connections: 1 } },
    'options.limits.connections: expected a whole number of connections from 16 to 4194304, got 1',
  ],
];

describe('embed: options', () => {
  for (const [options, message] of WRONG) {
    it(`says: ${message}`, () => {
      expect(() => createProxy(options as ProxyOptions))
        .to.throw(OptionsError)
        .that.includes({
          message,
          code: 'ERR_WIREHOP_OPTIONS',
          path: message.slice(0, message.indexOf(': ')),
        });
    });
  }

  it('names the line of a configuration that is wrong, and what it is used with', async () => {
    const error: unknown = await loadConfig('events {}\nhttp { nonsense; }').catch((fault: unknown) => fault);
    expect(error).to.be.instanceOf(ConfigError);
    expect(error).to.include({ line: 2 });
    const config = await loadConfig('events {} http { server { listen 127.0.0.1:0; return 204; } }').catch(
      () => loadConfig('events {} http { server { listen 127.0.0.1:8099; return 204; } }'),
    );
    expect(() => createProxy({ config, forwarded: 'none' })).to.throw(
      'options.forwarded: has no effect beside "config"',
    );
    createProxy({ config });
    expect(() => createProxy({ config })).to.throw('options.config: runs in another proxy');
  });

  it('binds nothing, reads nothing and starts nothing when it is made', () => {
    const before = process.getActiveResourcesInfo().length;
    createProxy({ upstream: 'http://localhost:9' });
    expect(process.getActiveResourcesInfo().length).to.equal(before);
  });
});

describe('embed: routes', () => {
  let origin: Origin;
  let proxy: Proxy;
  let port: number;
  after(cleanUp);

  before(async () => {
    origin = await startOrigin();
    const upstream = origin.url;
    proxy = createProxy({
      request: { set: { 'X-All': 'yes' } },
      routes: [
        { path: '/strip/', upstream, stripPath: true, request: { set: { 'X-Route': 'strip' } } },
        { path: '/api', upstream: `${upstream}/v1`, stripPath: true, request: { set: { 'X-Route': 'api' } } },
        { path: '/base', upstream: `${upstream}/deep/`, request: { set: { 'X-Route': 'base' } } },
        { path: /^\/user\/\d+$/, upstream, request: { set: { 'X-Route': 'regexp' } } },
        { host: ['*.example.com', 'example.org'], upstream, request: { set: { 'X-Route': 'host' } } },
        { method: 'PATCH', upstream, target: '/fixed?q', request: { set: { 'X-Route': 'method' } } },
        { upgrades: true, path: '/ws', upstream, request: { set: { 'X-Route': 'upgrade' } } },
        {
          path: '/asked',
          upstream,
          target: (request) => `/was${request.path}`,
          request: { set: { 'X-Ip': ({ connection }) => connection.remoteAddress, 'X-All': null } },
          response: { set: { 'X-Out': 'set' }, append: { 'X-Out': 'more' }, remove: ['Content-Type'] },
        },
        { path: '/down', upstream: ['http://127.0.0.1:1', upstream] },
        { path: '/gone', respond: { status: 410, fields: { 'X-Why': 'moved' }, content: 'gone' } },
        { path: '/page', respond: 503 },
        { path: '/reject', reject: 'close' },
        { path: '/hosted', upstream, hostField: 'upstream', forwarded: 'none' },
        { path: '/replaced', upstream, hostField: 'fixed.example', forwarded: 'replace' },
        { path: '/big', upstream, maxContentOctets: 10 },
      ],
    });
    onCleanUp(() => proxy.close());
    ({ port } = await proxy.listen(0));
  });

  async function ask(line: string, fields = '', content = ''): Promise<string> {
    return exchangeRaw(
      port,
      `${line} HTTP/1.1\r\nHost: ${fields.includes('Host') ? '' : 'a'}\r\nConnection: close\r\n${fields}\r\n${content}`.replace(
        'Host: \r\n',
        '',
      ),
    );
  }
  async function echo(line: string, fields = ''): Promise<Echo> {
    const received = await ask(line, fields);
    return JSON.parse(received.slice(received.indexOf('{'), received.lastIndexOf('}') + 1)) as Echo;
  }

  const TAKEN: readonly (readonly [line: string, fields: string, route: string, target: string])[] = [
    ['GET /strip/a?b', '', 'strip', '/a?b'],
    ['GET /strip/', '', 'strip', '/'],
    ['GET /api', '', 'api', '/v1/'],
    ['GET /api?q', '', 'api', '/v1/?q'],
    ['GET /api/x%20y', '', 'api', '/v1/x%20y'],
    ['GET /x/../api/y', '', 'api', '/v1/y'],
    ['GET /%61pi/y', '', 'api', '/v1/y'],
    ['GET /base/z', '', 'base', '/deep/base/z'],
    ['GET /user/42', '', 'regexp', '/user/42'],
    ['GET /any', 'Host: www.EXAMPLE.com:80\r\n', 'host', '/any'],
    ['GET /any', 'Host: example.org\r\n', 'host', '/any'],
    ['PATCH /any', '', 'method', '/fixed?q'],
  ];
  for (const [line, fields, route, target] of TAKEN) {
    it(`takes ${route} for ${line}`, async () => {
      const { headers, url } = await echo(line, fields);
      expect(headers['x-route']).to.equal(route);
      expect(headers['x-all']).to.equal('yes');
      expect(url).to.equal(target);
    });
  }

  it('takes none for the rest: 404; nor for a path that climbs above the root: 400', async () => {
    expect(await ask('GET /apix')).to.match(/^HTTP\/1\.1 404 /);
    expect(await ask('GET /ws')).to.match(/^HTTP\/1\.1 404 /);
    expect(await ask('GET /../api')).to.match(/^HTTP\/1\.1 400 /);
  });

  it('answers, closes, asks functions, and edits as the route says', async () => {
    expect(await ask('GET /gone')).to.match(/^HTTP\/1\.1 410 Gone\r\nX-Why: moved\r\n[^]*\r\n\r\ngone$/);
    expect(await ask('GET /page')).to.match(/^HTTP\/1\.1 503 [^]*text\/html[^]*<\/html>/);
    expect(await ask('GET /reject')).to.equal('');
    const { url, headers } = await echo('GET /asked/x');
    expect([url, headers['x-ip'], headers['x-all']]).to.deep.equal(['/was/asked/x', '127.0.0.1', undefined]);
    const received = await ask('GET /asked/x');
    expect(received)
      .to.match(/X-Out: set\r\n[^]*X-Out: more\r\n/)
      .and.not.match(/content-type/i);
  });

  it('goes to the next server when one refuses', async () => {
    for (let i = 0; i < 4; i++) expect((await echo('GET /down')).url).to.equal('/down');
  });

  it('sets Host and the forwarded fields as asked', async () => {
    const hosted = (await echo('GET /hosted', 'X-Forwarded-For: 1.2.3.4\r\n')).headers;
    expect(hosted).to.include({ host: `127.0.0.1:${origin.port}`, 'x-forwarded-for': '1.2.3.4' });
    expect(hosted).not.to.have.property('x-real-ip');
    const replaced = (await echo('GET /replaced', 'X-Forwarded-For: 1.2.3.4\r\n')).headers;
    expect(replaced).to.include({ host: 'fixed.example', 'x-forwarded-for': '127.0.0.1' });
    const appended = (await echo('GET /base', 'X-Forwarded-For: 1.2.3.4\r\n')).headers;
    expect(appended).to.include({ 'x-forwarded-for': '1.2.3.4, 127.0.0.1', 'x-forwarded-proto': 'http' });
  });

  it('keeps to the largest content', async () => {
    expect(await ask('POST /big', 'Content-Length: 11\r\n', '12345678901')).to.match(/^HTTP\/1\.1 413 /);
  });

  for (const [protocols, status] of [
    [true, 101],
    [false, 200],
    [['websocket'], 101],
    [['other'], 200],
  ] as const) {
    it(`offers a switch with protocols ${JSON.stringify(protocols)}: ${status}`, async () => {
      const one = createProxy({ upstream: origin.url, protocols });
      onCleanUp(() => one.close());
      const raw = await openRaw((await one.listen(0)).port);
      raw.write(
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      );
      expect(await raw.until('\r\n\r\n')).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
    });
  }

  it('asks a function, and knows an action that comes again', async () => {
    const action = { upstream: origin.url, request: { set: { 'X-By': 'function' } } };
    const one = createProxy({
      routes: async (request) => {
        await Promise.resolve();
        if (request.path === '/none') return null;
        if (request.path === '/new') return { ...action, target: '/made' };
        if (request.path === '/throws') throw new Error('mine');
        return action;
      },
    });
    onCleanUp(() => one.close());
    const { url } = await one.listen(0);
    for (const path of ['/a', '/b']) {
      expect(((await (await fetch(url + path)).json()) as Echo).headers['x-by']).to.equal('function');
    }
    expect(((await (await fetch(`${url}/new`)).json()) as Echo).url).to.equal('/made');
    expect((await fetch(`${url}/none`)).status).to.equal(404);
    expect((await fetch(`${url}/throws`)).status).to.equal(500);
    expect(one.counters.dialled).to.equal(1);
  });
});
