/** CONNECT in an embedded proxy: a table, a function, a hook, a configuration. */
import { expect } from 'chai';
import { createProxy, loadConfig, OptionsError, type Action, type ProxyOptions } from '../../src/index.js';
import { cleanUp, exchangeRaw, onCleanUp, openRaw, startRawUpstream } from '../e2e/harness.js';

describe('embed: CONNECT', () => {
  afterEach(cleanUp);

  async function echo(name: string): Promise<string> {
    const { port } = await startRawUpstream((socket) =>
      socket.on('data', (octets) => socket.write(`${name}:${octets.toString()}`)),
    );
    return `127.0.0.1:${port}`;
  }

  async function listen(options: ProxyOptions): Promise<number> {
    const proxy = createProxy(options);
    onCleanUp(() => proxy.close());
    const bound = await proxy.listen({ host: '127.0.0.1', port: 0 });
    return (bound as { port: number }).port;
  }

  const connectTo = (target: string): string => `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
  const get = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

  async function through(port: number, target: string): Promise<string> {
    const client = await openRaw(port);
    client.write(`${connectTo(target)}hello`);
    await client.until('hello');
    client.socket.destroy();
    return client.received;
  }

  async function status(port: number, request: string): Promise<number> {
    return Number((await exchangeRaw(port, request)).slice(9, 12));
  }

  it('is refused where nobody has said tunnel, whatever else matches', async () => {
    const upstream = `http://${await echo('one')}`;
    for (const options of [{ upstream }, { routes: [{ upstream }] }, { routes: () => ({ upstream }) }]) {
      expect(await status(await listen(options), connectTo('a:1'))).to.equal(405);
    }
  });

  it('a table: rows with a tunnel, and those that answer here, in order', async () => {
    const [one, two] = [await echo('one'), await echo('two')];
    const port = await listen({
      routes: [
        { host: 'not.example', method: 'CONNECT', respond: 403 },
        { path: '/', host: 'two.example', tunnel: true, upstream: `http://${two}` },
        { host: '*.example', tunnel: true, upstream: `http://${one}`, response: { set: { 'X-Way': 'one' } } },
        { path: '/', respond: 204 },
      ],
    });
    expect(await through(port, 'one.example:1')).to.equal('HTTP/1.1 200 OK\r\nX-Way: one\r\n\r\none:hello');
    expect(await through(port, 'TWO.example:1')).to.match(/\r\n\r\ntwo:hello$/);
    expect(await status(port, connectTo('not.example:1'))).to.equal(403);
    // The row behind is not for CONNECT alone.
    expect(await status(port, connectTo('other:1'))).to.equal(204);
    // A row with a tunnel is for CONNECT alone.
    expect(await status(port, get('one.example'))).to.equal(204);
  });

  it('a function sees the target, and says where it leads; other methods get 405', async () => {
    const one = await echo('one');
    const seen: string[] = [];
    const allow: Record<string, Action> = { [one]: { upstream: `http://${one}`, tunnel: true } };
    const port = await listen({
      routes: (request) => {
        seen.push(`${request.method} ${request.target} ${request.host}`);
        return Promise.resolve(
          request.method === 'CONNECT' ? (allow[request.target] ?? { respond: 403 }) : allow[one],
        );
      },
    });
    expect(await through(port, one)).to.match(/^HTTP\/1\.1 200 OK\r\n\r\none:hello$/);
    expect(await status(port, connectTo('127.0.0.1:1'))).to.equal(403);
    expect(await status(port, get('a'))).to.equal(405);
    expect(seen).to.deep.equal([`CONNECT ${one} 127.0.0.1`, 'CONNECT 127.0.0.1:1 127.0.0.1', 'GET / a']);
  });

  it('hooks see tunnels begin and end; a request hook may refuse, and may not make one of GET', async () => {
    const one = await echo('one');
    const told: string[] = [];
    const port = await listen({
      routes: [{ tunnel: true, upstream: `http://${one}` }, { respond: 204 }],
      hooks: {
        request: (request) => {
          if (request.host === 'refused') return { respond: 403 };
          return request.host === 'mistaken' ? { tunnel: true, upstream: `http://${one}` } : undefined;
        },
        switched: () => void told.push('switched'),
        tunnelClosed: () => void told.push('closed'),
      },
    });
    const client = await openRaw(port);
    client.write(`${connectTo('a:1')}hello`);
    await client.until('one:hello');
    client.socket.end();
    await client.untilEnd();
    expect(told).to.deep.equal(['switched', 'closed']);
    expect(await status(port, connectTo('refused:1'))).to.equal(403);
    expect(await status(port, get('mistaken'))).to.equal(405);
  });

  it('a configuration with tunnel_pass', async () => {
    const one = await echo('one');
    const config = await loadConfig('events {} http { server { listen 1; tunnel_pass; } }');
    const port = await listen({ config });
    expect(await through(port, one)).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\none:hello$/);
  });

  for (const [name, action] of [
    ['a target', { upstream: 'http://127.0.0.1:1', tunnel: true, target: '/' }],
    ['an answer', { respond: 200, tunnel: true }],
    ['a path to strip', { upstream: 'http://127.0.0.1:1', tunnel: true, path: '/a', stripPath: true }],
  ] as const) {
    it(`a tunnel with ${name} is a fault of the options`, () => {
      expect(() => createProxy({ routes: [action as never] })).to.throw(OptionsError, 'tunnel');
    });
  }
});
