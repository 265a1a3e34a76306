/**
 * The same little programs against http-proxy-3 and against `wirehop/http-proxy`: what the target sees, what the client
 * gets and which events come must be the same. What the adapter cannot do is refused by name.
 */
import { expect } from 'chai';
import httpProxy3 from 'http-proxy-3';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import * as adapter from '../../src/embed/http-proxy/index.js';

/** What both libraries have in common, as far as programs use it. */
interface CommonProxy {
  on(event: string, listener: (...args: any[]) => void): this; // eslint-disable-line @typescript-eslint/no-explicit-any
  web(request: IncomingMessage, response: ServerResponse, ...rest: unknown[]): void;
  ws(request: IncomingMessage, socket: unknown, head: Buffer, ...rest: unknown[]): void;
  listen(port: number, hostname?: string): unknown;
  close(callback?: () => void): void;
}
type Create = (options?: object) => CommonProxy;

const LIBRARIES: Readonly<Record<'http-proxy-3' | 'wirehop/http-proxy', Create>> = {
  'http-proxy-3': (options) => httpProxy3.createProxyServer(options) as unknown as CommonProxy,
  'wirehop/http-proxy': (options) => adapter.createProxyServer(options) as unknown as CommonProxy,
};

/** A server that is closed when its program is over. */
class Stage {
  readonly events: string[] = [];
  private readonly ends: (() => void)[] = [];
  target!: string;
  targetPort!: number;

  static async open(): Promise<Stage> {
    const stage = new Stage();
    const server = http.createServer((request, response) => {
      const content: Buffer[] = [];
      request.on('data', (chunk: Buffer) => content.push(chunk));
      request.on('end', () => {
        if (request.url === '/silent') return;
        response.setHeader('X-Target', 'yes');
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        response.statusCode = request.url === '/missing' ? 404 : 200;
        const { method, url, headers } = request;
        response.end(JSON.stringify({ method, url, headers, content: Buffer.concat(content).toString() }));
      });
    });
    const sockets = new WebSocketServer({
      server,
      verifyClient: ({ req }: { req: IncomingMessage }) => req.url !== '/forbidden',
    });
    sockets.on('connection', (socket, request) => {
      socket.on('error', () => undefined);
      socket.on('message', (text) =>
        socket.send(`${text} ${request.url} ${request.headers['x-forwarded-proto']}`),
      );
    });
    stage.ends.push(() => sockets.clients.forEach((socket) => socket.terminate()));
    stage.targetPort = await stage.listen(server);
    stage.target = `http://127.0.0.1:${stage.targetPort}`;
    return stage;
  }

  async listen(server: http.Server): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.ends.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  /** A server that hands everything to the proxy. */
  front(proxy: CommonProxy, ...rest: unknown[]): Promise<number> {
    this.ends.push(() => proxy.close());
    const server = http.createServer((request, response) => proxy.web(request, response, ...rest));
    server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head, ...rest));
    return this.listen(server);
  }

  /** Notes the names of events as they come. */
  watch(proxy: CommonProxy, ...names: string[]): void {
    for (const name of names) proxy.on(name, () => this.events.push(name));
  }

  close(): void {
    for (const end of this.ends.reverse()) end();
  }
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

async function get(
  port: number,
  path: string,
  options: http.RequestOptions = {},
  content = '',
): Promise<Answer> {
  const request = http.request({ host: '127.0.0.1', port, path, agent: false, ...options });
  request.end(content);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode!, headers: response.headers, text };
}

/** What the target saw, without what names a port, and without how each library keeps its connections. */
function seen({ text }: Answer): object {
  const { headers, ...rest } = JSON.parse(text) as { headers: Record<string, string> };
  delete headers.connection;
  return JSON.parse(JSON.stringify({ ...rest, headers }).replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')) as object;
}

/** The answer to one message, or how the handshake failed. */
async function chat(port: number, path: string): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  try {
    await once(socket, 'open');
    socket.send('hello');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    socket.close();
    await once(socket, 'close');
    return String(answer);
  } catch (error) {
    return (error as Error).message;
  }
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

/** A port where nobody listens. */
async function nobody(): Promise<string> {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

type Program = (create: Create, stage: Stage) => Promise<unknown>;

const PROGRAMS: Readonly<Record<string, Program>> = {
  'a request and its answer, as they are': async (create, stage) => {
    const port = await stage.front(create({ target: stage.target }));
    const answer = await get(port, '/a/b?c=d', { headers: { 'X-Mine': '1', Cookie: 'k=v' } });
    return [answer.status, answer.headers['x-target'], answer.headers['set-cookie'], seen(answer)];
  },
  'content of a request, and a status that is not 200': async (create, stage) => {
    const port = await stage.front(create({ target: stage.target }));
    const headers = { 'Content-Length': 5 };
    const sent = await get(port, '/', { method: 'POST', headers }, 'hello');
    return [seen(sent), (await get(port, '/missing')).status];
  },
  'xfwd, behind another proxy too': async (create, stage) => {
    const port = await stage.front(create({ target: stage.target, xfwd: true }));
    const headers = { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'https', Host: 'example.org' };
    return [seen(await get(port, '/', { headers })), await chat(port, '/chat')];
  },
  'changeOrigin, headers and auth': async (create, stage) => {
    const headers = { 'X-Extra': 'yes', 'x-mine': 'replaced' };
    const proxy = create({ target: stage.target, changeOrigin: true, headers, auth: 'user:secret' });
    const port = await stage.front(proxy);
    return seen(await get(port, '/', { headers: { 'X-Mine': '1', Authorization: 'Bearer x' } }));
  },
  'paths: prepended by default, not prepended, ignored': async (create, stage) => {
    const target = `${stage.target}/base`;
    const urls: unknown[] = [];
    for (const options of [{}, { prependPath: false }, { ignorePath: true }]) {
      const port = await stage.front(create({ target, ...options }));
      urls.push((seen(await get(port, '/there?x=1')) as { url: string }).url);
    }
    return urls;
  },
  'targets: a URL, parts, a function': async (create, stage) => {
    const parts = { host: '127.0.0.1', port: stage.targetPort };
    const byRequest = ({ url }: IncomingMessage): string => `${stage.target}${url === '/x' ? '/is-x' : ''}`;
    const urls: unknown[] = [];
    for (const target of [new URL(stage.target), parts, byRequest]) {
      const port = await stage.front(create({ target }));
      urls.push((seen(await get(port, '/x')) as { url: string }).url);
    }
    return urls;
  },
  'options of one call': async (create, stage) => {
    const proxy = create({ headers: { 'X-Extra': 'of the proxy' } });
    const port = await stage.front(proxy, { target: stage.target, headers: { 'X-Extra': 'of the call' } });
    return seen(await get(port, '/'));
  },
  'events of a request': async (create, stage) => {
    const proxy = create({ target: stage.target });
    stage.watch(proxy, 'start', 'proxyReq', 'proxyRes', 'end', 'error', 'econnreset');
    await get(await stage.front(proxy), '/');
    await soon();
    return stage.events;
  },
  'proxyReq: fields set, read and removed': async (create, stage) => {
    const proxy = create({ target: stage.target });
    proxy.on('proxyReq', (proxyReq: adapter.ProxyRequest, request: IncomingMessage) => {
      proxyReq.setHeader('X-Set', [String(proxyReq.getHeader('x-mine')), String(request.url)].join());
      proxyReq.removeHeader('x-mine');
      if (proxyReq.path === '/old') proxyReq.path = '/new';
    });
    const port = await stage.front(proxy);
    return seen(await get(port, '/old', { headers: { 'X-Mine': '1' } }));
  },
  'proxyRes: read, changed, and fields of the response itself': async (create, stage) => {
    const proxy = create({ target: stage.target });
    proxy.on('proxyRes', (proxyRes: adapter.ProxyResponse, _request: unknown, response: ServerResponse) => {
      stage.events.push(`${proxyRes.statusCode} ${proxyRes.headers['x-target']}`);
      proxyRes.headers['x-added'] = 'yes';
      proxyRes.headers['set-cookie'] = ['only=1'];
      delete proxyRes.headers['x-target'];
      response.setHeader('X-Own', 'kept');
    });
    const { headers } = await get(await stage.front(proxy), '/');
    return [stage.events, headers['x-added'], headers['set-cookie'], headers['x-target'], headers['x-own']];
  },
  'a target that refuses: the listener answers': async (create) => {
    const stage = await Stage.open();
    const proxy = create({ target: await nobody() });
    proxy.on('error', (error: NodeJS.ErrnoException, request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(503, { 'X-Error': String(error.code) }).end(`no ${request.url}`);
    });
    const { status, headers, text } = await get(await stage.front(proxy), '/x');
    stage.close();
    return [status, headers['x-error'], text];
  },
  'a target that refuses: a callback answers, later': async (create, stage) => {
    const target = await nobody();
    const answer = async (
      error: NodeJS.ErrnoException,
      _request: unknown,
      response: ServerResponse,
    ): Promise<void> => {
      await soon();
      response.writeHead(500).end(error.code);
    };
    const { status, text } = await get(await stage.front(create({ target }), answer), '/');
    return [status, text];
  },
  'a target that is silent: proxyTimeout': async (create, stage) => {
    const proxy = create({ target: stage.target, proxyTimeout: 50 });
    proxy.on('error', (_error: Error, _request: unknown, response: ServerResponse) =>
      response.writeHead(504).end(),
    );
    return (await get(await stage.front(proxy), '/silent')).status;
  },
  'a client that leaves': async (create, stage) => {
    const proxy = create({ target: stage.target });
    stage.watch(proxy, 'error', 'econnreset');
    const port = await stage.front(proxy);
    const request = http.get({ host: '127.0.0.1', port, path: '/silent', agent: false });
    request.on('error', () => undefined);
    await soon();
    request.destroy();
    await soon();
    return [stage.events, (await get(port, '/')).status];
  },
  'a WebSocket, and its events': async (create, stage) => {
    const proxy = create({ target: stage.target });
    stage.watch(proxy, 'proxyReqWs', 'open', 'close', 'error');
    proxy.on('proxyReqWs', (proxyReq: adapter.ProxyRequest) =>
      proxyReq.setHeader('X-Forwarded-Proto', 'edited'),
    );
    const said = await chat(await stage.front(proxy), '/chat?room=1');
    await soon();
    return [said, stage.events];
  },
  'a WebSocket that the target does not want': async (create, stage) =>
    chat(await stage.front(create({ target: stage.target })), '/forbidden'),
  'a WebSocket to a target that refuses: the listener is told': async (create, stage) => {
    const proxy = create({ target: await nobody() });
    proxy.on('error', (error: NodeJS.ErrnoException, request: IncomingMessage, socket: Socket) => {
      stage.events.push(`${error.code} ${request.url}`);
      socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
    });
    return [await chat(await stage.front(proxy), '/chat'), stage.events];
  },
  'a server of its own': async (create, stage) => {
    const probe = http.createServer();
    const port = await stage.listen(probe);
    await new Promise((resolve) => probe.close(resolve));
    const proxy = create({ target: stage.target, ws: true });
    proxy.listen(port, '127.0.0.1');
    const said = await chat(port, '/chat');
    const { status } = await get(port, '/');
    await new Promise<void>((resolve) => proxy.close(() => resolve()));
    return [said, status];
  },
};

describe('wirehop/http-proxy', () => {
  for (const [name, program] of Object.entries(PROGRAMS)) {
    it(`does as http-proxy-3 does: ${name}`, async () => {
      const results: unknown[] = [];
      for (const create of Object.values(LIBRARIES)) {
        const stage = await Stage.open();
        try {
          results.push(await program(create, stage));
        } finally {
          stage.close();
        }
      }
      const [theirs, ours] = results;
      expect(ours).to.deep.equal(theirs);
    });
  }

  it('needs no listener: a target that refuses is a 502, for requests and for WebSockets', async () => {
    const stage = await Stage.open();
    const port = await stage.front(LIBRARIES['wirehop/http-proxy']({ target: await nobody() }));
    expect((await get(port, '/')).status).to.equal(502);
    expect(await chat(port, '/chat')).to.equal('Unexpected server response: 502');
    stage.close();
  });

  it('refuses by name what it cannot do, with the reason', () => {
    const refused: Readonly<Record<string, unknown>> = {
      agent: new http.Agent(),
      forward: 'http://127.0.0.1:1',
      selfHandleResponse: true,
      followRedirects: true,
      ssl: {},
      hostRewrite: 'example.org',
      cookieDomainRewrite: 'example.org',
      localAddress: '127.0.0.1',
    };
    for (const [name, value] of Object.entries(refused)) {
      expect(() => adapter.createProxyServer({ [name]: value }), name).to.throw(
        TypeError,
        `option "${name}"`,
      );
    }
    expect(() => adapter.createProxyServer({ tragte: 'x' } as object)).to.throw(
      'option "tragte" is not known',
    );
    expect(() => adapter.createProxyServer({ target: 'ftp://example.org' })).to.throw(
      /option "target": the scheme/,
    );
    expect(() => adapter.createProxyServer({ headers: { Connection: 'close' } })).to.throw(
      /"headers": Connection/,
    );
    expect(() =>
      adapter.createProxyServer({ forward: undefined, followRedirects: false } as object),
    ).not.to.throw();
  });

  it('refuses by name what a stand-in has not, and answers that request with 500', async () => {
    const stage = await Stage.open();
    const proxy = LIBRARIES['wirehop/http-proxy']({ target: stage.target });
    proxy.on('proxyReq', (proxyReq: { write(text: string): void }) => proxyReq.write('more'));
    const port = await stage.front(proxy);
    expect((await get(port, '/')).status).to.equal(500);
    let message = '';
    proxy.on('error', (error: Error, _request: unknown, response: ServerResponse) => {
      message = error.message;
      response.writeHead(418).end();
    });
    expect((await get(port, '/')).status).to.equal(418);
    expect(message).to.match(/^proxyReq\.write is not there: /);
    stage.close();
  });
});
