/**
 * Hooks, events and channels: what is told, what may be edited, whom a fault of theirs harms, and in which asynchronous
 * context they run.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import {
  createProxy,
  type ExchangeEnd,
  type Hooks,
  type Proxy,
  type ProxyExchange,
  type ProxyOptions,
  type TunnelEnd,
} from '../../src/index.js';
import { cleanUp, freePort, onCleanUp, openRaw, pause, until } from '../e2e/harness.js';
import { type Echo, type Origin, startOrigin } from './origin.js';

describe('embed: hooks', () => {
  let origin: Origin;
  let log: string[] = [];
  before(async () => {
    origin = await startOrigin();
  });
  afterEach(() => (log = []));
  after(cleanUp);

  async function start(
    hooks: Hooks,
    options: Partial<ProxyOptions> = {},
  ): Promise<{ proxy: Proxy; url: string }> {
    const proxy = createProxy({
      upstream: origin.url,
      hooks,
      onLog: (level, text) => log.push(`${level} ${text}`),
      ...options,
    });
    onCleanUp(() => proxy.close());
    const { url } = await proxy.listen(0);
    return { proxy, url };
  }

  it('edits the request: lines of the route, received ones, the target', async () => {
    const { url } = await start({
      request(request) {
        expect(request).to.include({ method: 'GET', path: '/x', query: 'y', httpVersion: '1.1' });
        expect(request.fields.get('x-in')).to.equal('1');
        expect([...request.fields].map(([name]) => name.toLowerCase())).to.include('x-in');
        request.fields.set('X-User', 'ann').append('x-more', 'a').append('x-more', 'b');
        request.fields.delete('x-in').delete('X-Forwarded-For').set('host', 'other.example');
        expect(request.fields.getAll('x-more')).to.deep.equal(['a', 'b']);
        expect(request.fields.has('x-in')).to.equal(false);
        request.target = '/rewritten?z';
      },
    });
    const { headers, url: target } = (await (
      await fetch(`${url}/x?y`, { headers: { 'X-In': '1' } })
    ).json()) as Echo;
    expect(target).to.equal('/rewritten?z');
    expect(headers).to.include({ 'x-user': 'ann', 'x-more': 'a, b', host: 'other.example' });
    expect(headers).not.to.have.any.keys('x-in', 'x-forwarded-for');
    expect(headers).to.include.keys('x-real-ip');
  });

  it("refuses edits of what is the proxy's own, or would be another line", async () => {
    const faults: string[] = [];
    const { url } = await start({
      request({ fields }) {
        for (const edit of [
          () => fields.set('Content-Length', '1'),
          () => fields.delete('connection'),
          () => fields.set('X', 'a\r\nY: b'),
          () => fields.append('not a name', ''),
          () => fields.set('x', '\u20ac'),
          () => fields.delete('host'),
        ]) {
          expect(edit).to.throw(TypeError);
          faults.push('refused');
        }
      },
    });
    expect((await fetch(url)).status).to.equal(200);
    expect(faults).to.have.length(6);
  });

  it('decides in place of the routes: another upstream, an answer, no answer', async () => {
    const { url } = await start({
      async request(request) {
        await pause(5);
        if (request.path === '/answer')
          return { respond: { status: 418, fields: { 'x-a': ['1', '2'] }, content: 'tea' } };
        if (request.path === '/reject') return { reject: 'reset' };
        return undefined;
      },
    });
    const response = await fetch(`${url}/answer`);
    expect([response.status, response.headers.get('x-a'), await response.text()]).to.deep.equal([
      418,
      '1, 2',
      'tea',
    ]);
    expect((await fetch(`${url}/other`)).status).to.equal(200);
    const failure: unknown = await fetch(`${url}/reject`).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(TypeError);
  });

  for (const how of ['at once', 'later'] as const) {
    it(`edits the response ${how}, also a 101`, async () => {
      const { url } = await start({
        response(response) {
          const edit = (): void => {
            response.fields.set('X-Seen', String(response.status)).delete('etag').delete('set-cookie');
          };
          if (how === 'later') return pause(5).then(edit);
          edit();
          return undefined;
        },
      });
      const response = await fetch(`${url}/status/204`);
      expect(response.headers.get('x-seen')).to.equal('204');
      expect(response.headers.has('etag')).to.equal(false);
      expect((await fetch(`${url}/cookies`)).headers.has('set-cookie')).to.equal(false);
      const ws = new WebSocket(url.replace('http', 'ws'));
      onCleanUp(() => ws.terminate());
      let seen: string | string[] | undefined;
      ws.on('upgrade', ({ headers }) => (seen = headers['x-seen']));
      await until(
        'the greeting',
        async () => new Promise((resolve) => ws.once('message', () => resolve(true))),
      );
      expect(seen).to.equal('101');
    });

    it(`answers in place of the upstream ${how}`, async () => {
      const { url } = await start({
        response(response) {
          const action =
            response.status === 204 ? { respond: { status: 503, content: 'not now' } } : undefined;
          return how === 'later' ? pause(5).then(() => action) : action;
        },
      });
      const response = await fetch(`${url}/status/204`);
      expect([response.status, await response.text()]).to.deep.equal([503, 'not now']);
      expect((await fetch(`${url}/cookies`)).status).to.equal(200);
    });
  }

  it('tells an exchange in order, with its times and octets', async () => {
    const told: string[] = [];
    let end: ExchangeEnd | undefined;
    const { url } = await start({
      request: (request) => void told.push(`request ${request.target}`),
      upstream: ({ address, ordinal }) => void told.push(`upstream ${address} ${ordinal}`),
      response: ({ status }, { upstream }) => void told.push(`response ${status} of ${upstream}`),
      finished: (ended, exchange) => {
        end = ended;
        told.push(`finished ${exchange.status} ${exchange.request.fields.get('x-q')}`);
      },
    });
    await (await fetch(`${url}/cookies`, { headers: { 'x-q': '7' } })).text();
    const address = `127.0.0.1:${origin.port}`;
    expect(told).to.deep.equal([
      'request /cookies',
      `upstream ${address} 1`,
      `response 200 of ${address}`,
      'finished 200 7',
    ]);
    expect(end).to.include({ outcome: 'complete', status: 200, error: null });
    expect(end!.octetsReceived).to.be.above(30);
    expect(end!.octetsSent).to.be.above(50);
    expect(end!.durationMs).to.be.above(0).and.below(5000);
    expect(end!.attempts).to.have.length(1);
    expect(end!.attempts[0]).to.include({ address, ordinal: 1, status: 200, reused: false });
    expect(end!.attempts[0].headMs).to.be.at.least(end!.attempts[0].connectMs);
  });

  it('tells who closed a tunnel, and what it carried', async () => {
    const ends: TunnelEnd[] = [];
    let switched = 0;
    const { proxy, url } = await start({
      switched: () => void switched++,
      tunnelClosed: (end) => void ends.push(end),
    });
    const open = async (): Promise<WebSocket> => {
      const ws = new WebSocket(url.replace('http', 'ws'));
      await until(
        'the greeting',
        async () => new Promise((resolve) => ws.once('message', () => resolve(true))),
      );
      return ws;
    };
    const first = await open();
    first.send('12345');
    await until('the echo', async () => new Promise((resolve) => first.once('message', () => resolve(true))));
    first.terminate();
    await until('its end', () => ends.length === 1);
    expect(ends[0]).to.include({ endedBy: 'downstream', octetsUpstream: 11, octetsDownstream: 16 });
    const second = await open();
    second.on('error', () => undefined);
    await proxy.close();
    expect(ends[1]).to.include({ endedBy: 'internal' });
    expect(switched).to.equal(2);
  });

  it("tells errors by code, with the system's words", async () => {
    const errors: string[] = [];
    const port = await freePort();
    const { url } = await start(
      {
        error: ({ code, side, status, detail }, exchange) =>
          void errors.push(`${code} ${side} ${status} ${detail} ${exchange?.request.path}`),
      },
      { upstream: `http://127.0.0.1:${port}` },
    );
    expect((await fetch(`${url}/x`)).status).to.equal(502);
    const raw = await openRaw(Number(new URL(url).port));
    raw.write('GET / HTTP/1.1\r\n\r\n');
    expect(await raw.untilEnd()).to.match(/^HTTP\/1\.1 400 /);
    expect(errors).to.deep.equal([
      'UPSTREAM_CONNECT upstream 502 ECONNREFUSED /x',
      'HOST_MISSING downstream 400  /',
    ]);
  });

  for (const [what, hooks, status] of [
    [
      'throws',
      {
        request: () => {
          throw new Error('mine');
        },
      },
      500,
    ],
    ['rejects', { request: () => Promise.reject(new Error('mine')) }, 500],
    ['never settles', { request: () => new Promise(() => undefined) }, 503],
    ['decides what nobody can do', { request: () => ({ upstream: 'nonsense://' }) }, 500],
    [
      'throws at a response',
      {
        response: () => {
          throw new Error('mine');
        },
      },
      500,
    ],
    ['never settles at a response', { response: () => new Promise(() => undefined) }, 503],
  ] as const) {
    it(`a hook that ${what} harms its own exchange alone`, async () => {
      const ends: (ExchangeEnd & { cause?: unknown })[] = [];
      const isMine = (exchange: ProxyExchange): boolean => exchange.request.path === '/mine';
      const given = hooks as Hooks;
      const { url } = await start(
        {
          request: (request, exchange) => (isMine(exchange) ? given.request?.(request, exchange) : undefined),
          response: (response, exchange) =>
            isMine(exchange) ? given.response?.(response, exchange) : undefined,
          finished: (end) => void ends.push(end),
        },
        { hookTimeoutMs: 100 },
      );
      const [mine, other] = await Promise.all([fetch(`${url}/mine`), fetch(`${url}/other`)]);
      expect([mine.status, other.status]).to.deep.equal([status, 200]);
      await mine.text();
      await other.text();
      await until('both ends', () => ends.length === 2);
      const { error } = ends.find((end) => end.status === status)!;
      expect(error?.code).to.equal(status === 503 ? 'HOOK_TIMEOUT' : 'HOOK_FAILED');
      if (status === 500) expect(error?.cause).to.be.instanceOf(Error);
    });
  }

  it('logs what an observer throws, and goes on', async () => {
    const { url } = await start({
      upstream: () => {
        throw new Error('first');
      },
      finished: () => Promise.reject(new Error('second')) as unknown as undefined,
      error: () => {
        throw new Error('third');
      },
    });
    expect((await fetch(url)).status).to.equal(200);
    await until('the log', () => log.length >= 2);
    expect(log.join('\n'))
      .to.match(/the "upstream" hook threw: Error: first/)
      .and.match(/the "finished" hook threw: Error: second/);
  });

  it('keeps the asynchronous context of the call, on upstream connections that others opened', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: string[] = [];
    const proxy = createProxy({
      upstream: origin.url,
      hooks: {
        request: () => void seen.push(`request ${context.getStore()}`),
        response: async () => {
          await pause(1);
          seen.push(`response ${context.getStore()}`);
        },
        finished: () => void seen.push(`finished ${context.getStore()}`),
      },
    });
    onCleanUp(() => proxy.close());
    let number = 0;
    const server = createServer((request, response) =>
      context.run(`#${++number}`, () => proxy.web(request, response)),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => server.close());
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < 2; i++) await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(seen).to.deep.equal(
      ['#1', '#2'].flatMap((n) => [`request ${n}`, `response ${n}`, `finished ${n}`]),
    );
    expect(proxy.counters.dialled).to.equal(1);
  });

  it("takes a context that the request hook enters for the exchange's", async () => {
    const context = new AsyncLocalStorage<string>();
    let seen: string | undefined;
    const { url } = await start({
      request: (request) => context.enterWith(request.path),
      finished: () => void (seen = context.getStore()),
    });
    await (await fetch(`${url}/entered`)).text();
    expect(seen).to.equal('/entered');
  });

  it('publishes the same on channels, to who subscribes while the proxy runs', async () => {
    const { url } = await start({});
    const names = [
      'request',
      'upstream',
      'response',
      'switched',
      'tunnelClosed',
      'finished',
      'error',
    ] as const;
    const seen: string[] = [];
    const listeners = names.map((name) => (message: unknown) => {
      const { exchange } = message as { exchange: ProxyExchange };
      seen.push(`${name} ${exchange.request.path}`);
    });
    await (await fetch(`${url}/before`)).text();
    names.forEach((name, i) => subscribe(`wirehop:${name}`, listeners[i]));
    try {
      await (await fetch(`${url}/while`)).text();
      expect(seen).to.deep.equal(
        ['request', 'upstream', 'response', 'finished'].map((name) => `${name} /while`),
      );
      const ws = new WebSocket(`${url.replace('http', 'ws')}/ws`);
      await until(
        'the greeting',
        async () => new Promise((resolve) => ws.once('message', () => resolve(true))),
      );
      ws.close();
      await until('its end', () => seen.includes('finished /ws'));
      expect(seen).to.include.members(['switched /ws', 'tunnelClosed /ws']);
    } finally {
      names.forEach((name, i) => unsubscribe(`wirehop:${name}`, listeners[i]));
    }
    seen.length = 0;
    await (await fetch(`${url}/after`)).text();
    expect(seen).to.deep.equal([]);
  });

  it('shows a head no longer than it is there', async () => {
    let kept: ProxyExchange | undefined;
    const { url } = await start({ finished: (_end, exchange) => void (kept = exchange) });
    await (await fetch(`${url}/kept`, { headers: { secret: '1' } })).text();
    expect(kept!.request.path).to.equal('/kept');
    expect(() => kept!.request.fields.get('secret')).to.throw('this head is gone');
  });
});
