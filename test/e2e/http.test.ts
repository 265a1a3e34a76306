/**
 * Plain HTTP/1.x through the real command: ordinary peers (node:http, fetch, curl) and raw sockets for what those hide.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { expect } from 'chai';
import {
  cleanUp,
  configurationFor,
  exchangeRaw,
  freePort,
  onCleanUp,
  onHeads,
  openRaw,
  pause,
  startHttpUpstream,
  startProxy,
  startRawUpstream,
  temporaryFolder,
  until,
} from './harness.js';
import type { Command } from './harness.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const LARGE = 100 * MIB;

/** Octets that repeat with a period that no buffer size divides. */
const BLOCK = Buffer.from(Array.from({ length: 65521 }, (_, i) => (i * 31 + (i >> 8)) & 255));

function* blocks(total: number): Generator<Buffer> {
  for (let left = total; left > 0; left -= BLOCK.length) {
    yield left >= BLOCK.length ? BLOCK : BLOCK.subarray(0, left);
  }
}

function hashOfBlocks(total: number): string {
  const hash = createHash('sha256');
  for (const block of blocks(total)) hash.update(block);
  return hash.digest('hex');
}

async function hashOf(stream: AsyncIterable<Buffer>): Promise<{ octets: number; hash: string }> {
  const hash = createHash('sha256');
  let octets = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    octets += chunk.length;
  }
  return { octets, hash: hash.digest('hex') };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

/** What an ordinary upstream answers by path. */
async function ordinaryUpstream(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?')[0];
  switch (path) {
    case '/echo': {
      const content = await textOf(request);
      response.setHeader('X-Method', request.method ?? '');
      response.setHeader(
        'X-Framing',
        request.headers['transfer-encoding'] ?? request.headers['content-length'] ?? '-',
      );
      response.setHeader('X-Trailers', JSON.stringify(request.trailers));
      response.end(content);
      return;
    }
    case '/large':
      response.setHeader('Content-Length', LARGE);
      Readable.from(blocks(LARGE)).pipe(response);
      return;
    case '/large-chunked':
      Readable.from(blocks(LARGE)).pipe(response);
      return;
    case '/hash': {
      const { octets, hash } = await hashOf(request);
      response.end(`${octets} ${hash}`);
      return;
    }
    case '/trailers':
      response.writeHead(200, { Trailer: 'X-Sum', 'Transfer-Encoding': 'chunked' });
      response.write('content');
      response.addTrailers({ 'X-Sum': '42' });
      response.end();
      return;
    case '/204':
      response.writeHead(204);
      response.end();
      return;
    case '/304':
      response.writeHead(304, { ETag: '"x"' });
      response.end();
      return;
    case '/early-hints':
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.end('hinted');
      return;
    case '/slow-lines':
      response.write('first\n');
      setTimeout(() => response.end('second\n'), 400);
      return;
    default:
      response.setHeader('X-Url', request.url ?? '');
      response.end('hello');
  }
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  trailers: NodeJS.Dict<string>;
}

async function ask(options: RequestOptions, content?: string | Buffer | Readable): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', ...options });
    request.on('response', resolve).on('error', reject);
    if (content instanceof Readable) content.pipe(request);
    else request.end(content);
  });
  const text = await textOf(response);
  return { status: response.statusCode ?? 0, headers: response.headers, text, trailers: response.trailers };
}

describe('http: ordinary peers', () => {
  let proxy: Command;
  let port: number;

  before(async () => {
    const upstream = await startHttpUpstream((request, response) => void ordinaryUpstream(request, response));
    port = await freePort();
    proxy = await startProxy(
      configurationFor({
        listen: port,
        upstream: `127.0.0.1:${upstream.port}`,
        upstreamLines: 'keepalive 8;',
        server: 'client_max_body_size 0; keepalive_requests 100000;',
        location: 'proxy_set_header Connection "";',
      }),
    );
  });
  after(cleanUp);
  afterEach(() => expect(proxy.faults()).to.deep.equal([]));

  it('GET', async () => {
    const answer = await ask({ port, path: '/a/b%20c?d=e&f' });
    expect(answer.status).to.equal(200);
    expect(answer.text).to.equal('hello');
    expect(answer.headers['x-url']).to.equal('/a/b%20c?d=e&f');
  });

  it('fetch', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/echo`, { method: 'POST', body: 'from fetch' });
    expect(await answer.text()).to.equal('from fetch');
  });

  it('curl, twice on one connection', async () => {
    const url = `http://127.0.0.1:${port}/`;
    const { stdout } = await run('curl', [
      '-sS',
      '--max-time',
      '10',
      '-w',
      ' %{http_code} %{num_connects};',
      url,
      url,
    ]);
    expect(stdout).to.equal('hello 200 1;hello 200 0;');
  });

  it('POST with a length, chunked, and empty', async () => {
    const sized = await ask(
      { port, path: '/echo', method: 'POST', headers: { 'Content-Length': 5 } },
      'sized',
    );
    expect([sized.text, sized.headers['x-framing']]).to.deep.equal(['sized', '5']);
    const chunked = await ask(
      { port, path: '/echo', method: 'POST', headers: { 'Transfer-Encoding': 'chunked' } },
      Readable.from(['in ', 'several ', 'chunks']),
    );
    expect([chunked.text, chunked.headers['x-framing']]).to.deep.equal(['in several chunks', 'chunked']);
    const empty = await ask({ port, path: '/echo', method: 'POST', headers: { 'Content-Length': 0 } });
    expect([empty.text, empty.headers['x-framing']]).to.deep.equal(['', '0']);
  });

  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
    it(`passes ${method} on`, async () => {
      expect((await ask({ port, path: '/echo', method })).headers['x-method']).to.equal(method);
    });
  }

  it('HEAD: the fields of a GET, no content, the connection stays usable', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onCleanUp(() => agent.destroy());
    const head = await ask({ port, path: '/large', method: 'HEAD', agent });
    expect([head.status, head.headers['content-length'], head.text]).to.deep.equal([200, String(LARGE), '']);
    expect((await ask({ port, path: '/', agent })).text).to.equal('hello');
  });

  for (const status of [204, 304]) {
    it(`${status} has no content, and the connection stays usable`, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      onCleanUp(() => agent.destroy());
      const answer = await ask({ port, path: `/${status}`, agent });
      expect([answer.status, answer.text]).to.deep.equal([status, '']);
      expect(answer.headers['transfer-encoding']).to.equal(undefined);
      expect((await ask({ port, path: '/', agent })).text).to.equal('hello');
    });
  }

  it('passes an interim response on before the final one', async () => {
    const links: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      httpRequest({ port, host: '127.0.0.1', path: '/early-hints' })
        .on('information', (interim) => links.push(interim.statusCode, interim.headers.link))
        .on('response', (response) => response.resume().on('end', resolve))
        .on('error', reject)
        .end();
    });
    expect(links).to.deep.equal([103, '</style.css>; rel=preload']);
  });

  it('does not hold back a response that comes in parts', async () => {
    const down = await openRaw(port);
    down.write('GET /slow-lines HTTP/1.1\r\nHost: x\r\n\r\n');
    await down.until('first\n');
    expect(down.received).not.to.include('second');
    await down.until('second\n');
  });

  it('100 MiB down, with a length and chunked, octet for octet', async function () {
    this.timeout(60_000);
    const wanted = { octets: LARGE, hash: hashOfBlocks(LARGE) };
    for (const path of ['/large', '/large-chunked']) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        httpRequest({ port, host: '127.0.0.1', path }).on('response', resolve).on('error', reject).end();
      });
      expect(await hashOf(response), path).to.deep.equal(wanted);
    }
  });

  it('100 MiB up, with a length and chunked, octet for octet', async function () {
    this.timeout(60_000);
    const wanted = `${LARGE} ${hashOfBlocks(LARGE)}`;
    for (const headers of [{ 'Content-Length': LARGE }, { 'Transfer-Encoding': 'chunked' }]) {
      const answer = await ask(
        { port, path: '/hash', method: 'POST', headers },
        Readable.from(blocks(LARGE)),
      );
      expect(answer.text, JSON.stringify(headers)).to.equal(wanted);
    }
  });

  it('answers pipelined requests in their order', async () => {
    const down = await openRaw(port);
    let requests = '';
    for (let i = 0; i < 50; i++) {
      requests +=
        i % 3 === 0
          ? `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n${String(i).padStart(4, '0')}`
          : `GET /n/${i} HTTP/1.1\r\nHost: x\r\n\r\n`;
    }
    down.write(`${requests}GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const received = await down.untilEnd();
    const marks = [...received.matchAll(/X-Url: \/(?:n\/)?(\w+)\r\n|\r\n\r\n(\d{4})(?=HTTP)/g)].map(
      (match) => match[1] ?? String(Number(match[2])),
    );
    expect(marks).to.deep.equal([...Array.from({ length: 50 }, (_, i) => String(i)), 'last']);
    expect(received.match(/HTTP\/1\.1 200 OK\r\n/g)).to.have.length(51);
  });

  it('waits for 100 (Continue) as the upstream does', async () => {
    const down = await openRaw(port);
    down.write('POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n');
    expect(await down.until('\r\n\r\n')).to.match(/^HTTP\/1\.1 100 Continue\r\n/);
    down.take();
    down.write('content');
    expect(await down.until('\r\n\r\ncontent')).to.match(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('an HTTP/1.0 peer: no chunks, no interim response, closed behind the response', async () => {
    for (const path of ['/trailers', '/early-hints']) {
      const received = await exchangeRaw(port, `GET ${path} HTTP/1.0\r\nHost: x\r\n\r\n`);
      expect(received).to.match(/^HTTP\/1\.1 200 OK\r\n/);
      expect(received).not.to.match(/^transfer-encoding:/im);
      expect(received).to.match(/^connection: close\r$/im);
      expect(received).to.match(/\r\n\r\n(content|hinted)$/);
    }
  });

  it('an HTTP/1.0 peer that asks for a persistent connection gets one', async () => {
    const down = await openRaw(port);
    const request = 'GET /echo HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi';
    down.write(request);
    expect(await down.until('\r\n\r\nhi')).to.match(/^connection: keep-alive\r$/im);
    down.take();
    down.write(request);
    await down.until('\r\n\r\nhi');
  });
});

describe('http: connections', () => {
  afterEach(cleanUp);

  it('keeps one upstream connection for many downstream ones', async () => {
    let connections = 0;
    const upstream = await startRawUpstream((socket) => {
      connections++;
      onHeads(socket, (_head, ordinal) =>
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${ordinal}`),
      );
    });
    const port = await freePort();
    await startProxy(
      configurationFor({
        listen: port,
        upstream: `127.0.0.1:${upstream.port}`,
        upstreamLines: 'keepalive 4;',
      }),
    );
    for (let i = 1; i <= 9; i++) {
      expect(await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).to.match(
        new RegExp(`\r\n\r\n${i}$`),
      );
    }
    expect(connections).to.equal(1);
  });

  it('opens a new upstream connection when the kept one was closed meanwhile', async () => {
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        setTimeout(() => socket.destroy(), 30);
      });
    });
    const port = await freePort();
    const proxy = await startProxy(
      configurationFor({
        listen: port,
        upstream: `127.0.0.1:${upstream.port}`,
        upstreamLines: 'keepalive 4;',
      }),
    );
    const down = await openRaw(port);
    for (let i = 0; i < 5; i++) {
      down.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await down.until('\r\n\r\nok');
      expect(down.take()).to.match(/^HTTP\/1\.1 200 /);
      await until('the upstream to close', () => upstream.sockets.size === 0);
      await pause(20);
    }
    expect(proxy.faults()).to.deep.equal([]);
  });

  it('takes the end of an upstream connection for the end of the content', async () => {
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, () => {
        socket.write('HTTP/1.0 200 OK\r\nX-Kind: until-close\r\n\r\npart one, ');
        setTimeout(() => socket.end('part two'), 50);
      });
    });
    const port = await freePort();
    await startProxy(configurationFor({ listen: port, upstream: `127.0.0.1:${upstream.port}` }));
    const answer = await ask({ port, path: '/' });
    expect(answer.text).to.equal('part one, part two');
    expect(answer.headers['transfer-encoding']).to.equal('chunked');
  });

  it('listens on a unix socket, and reaches an upstream behind one', async () => {
    const folder = temporaryFolder();
    const upstreamPath = join(folder, 'upstream.sock');
    const listenPath = join(folder, 'listen.sock');
    await startHttpUpstream((request, response) => response.end(`unix ${request.url}`), upstreamPath);
    const proxy = await startProxy(
      configurationFor({ listen: `unix:${listenPath}`, upstream: `unix:${upstreamPath}` }),
      folder,
    );
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest({ socketPath: listenPath, path: '/x' }).on('response', resolve).on('error', reject).end();
    });
    expect(await textOf(response)).to.equal('unix /x');
    expect(proxy.file('access.log')).to.match(/^unix: - - \[/);
    expect(proxy.faults()).to.deep.equal([]);
  });

  it('listens on an IPv6 address', async function () {
    const upstream = await startHttpUpstream((_request, response) => response.end('six'));
    const port = await freePort();
    await startProxy(configurationFor({ listen: `[::1]:${port}`, upstream: `127.0.0.1:${upstream.port}` }));
    expect((await ask({ host: '::1', port, path: '/' })).text).to.equal('six');
  });

  it('has the line in the access log when the response has arrived', async () => {
    const upstream = await startHttpUpstream((_request, response) => response.end('logged'));
    const port = await freePort();
    const proxy = await startProxy(
      configurationFor({ listen: port, upstream: `127.0.0.1:${upstream.port}` }),
    );
    for (let i = 1; i <= 20; i++) {
      expect((await ask({ port, path: `/${i}`, headers: { 'User-Agent': 'agent "x"' } })).text).to.equal(
        'logged',
      );
      const lines = proxy.file('access.log').trimEnd().split('\n');
      expect(lines).to.have.length(i);
      expect(lines[i - 1]).to.match(
        new RegExp(
          `^127\\.0\\.0\\.1 - - \\[[^\\]]+\\] "GET /${i} HTTP/1\\.1" 200 6 "-" "agent \\\\x22x\\\\x22"$`,
        ),
      );
    }
  });
});

describe('http: field lines octet for octet', () => {
  afterEach(cleanUp);

  const LINES = [
    'X-odd-CASE: Value With  Two Spaces',
    'x-latin-1: caf\xe9 \xff\x80',
    'Set-Cookie: a=1; Path=/',
    'X-Between: 1',
    'Set-Cookie: b=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT',
    'X-Empty:',
    'x-odd-case: again',
    'X-Quoted: "a, \\"b\\""',
  ];

  it('keeps names, values, order and repetition in both directions', async () => {
    let head = '';
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, (received) => {
        head = received;
        socket.write(
          Buffer.from(
            `HTTP/1.1 200 Fine By Me\r\n${LINES.join('\r\n')}\r\nContent-Length: 2\r\n\r\nok`,
            'latin1',
          ),
        );
      });
    });
    const port = await freePort();
    await startProxy(configurationFor({ listen: port, upstream: `127.0.0.1:${upstream.port}` }));
    const request = `GET /p?q HTTP/1.1\r\nHost: localhost\r\n${LINES.join('\r\n')}\r\nConnection: close\r\n\r\n`;
    const received = await exchangeRaw(port, request);

    const kept = (text: string): string[] =>
      text
        .slice(0, text.indexOf('\r\n\r\n'))
        .split('\r\n')
        .filter((line) => /^(x-|set-cookie)/i.test(line))
        .map((line) => line.replace(/: +$/, ':'));
    expect(head).to.match(/^GET \/p\?q HTTP\/1\.1\r\n/);
    expect(kept(head)).to.deep.equal(LINES);
    expect(received).to.match(/^HTTP\/1\.1 200 Fine By Me\r\n/);
    expect(kept(received)).to.deep.equal(LINES);
  });

  it('removes hop-by-hop fields, those that Connection names included, in both directions', async () => {
    let head = '';
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, (received) => {
        head = received;
        socket.write(
          'HTTP/1.1 200 OK\r\nConnection: x-private\r\nX-Private: up\r\nKeep-Alive: timeout=5\r\n' +
            'Proxy-Connection: keep-alive\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n',
        );
      });
    });
    const port = await freePort();
    await startProxy(configurationFor({ listen: port, upstream: `127.0.0.1:${upstream.port}` }));
    const received = await exchangeRaw(
      port,
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: close, X-Private\r\nX-Private: down\r\nTE: trailers\r\n' +
        'Keep-Alive: 5\r\nProxy-Connection: close\r\nX-Kept: 1\r\n\r\n',
    );
    for (const text of [head, received]) {
      expect(text).to.match(/^X-Kept: 1\r$/m);
      expect(text).not.to.match(/^(x-private|keep-alive|proxy-connection|te):/im);
    }
  });

  it('passes trailers of a request on only as content, never into the head', async () => {
    const seen: { trailers: string; head: string | undefined }[] = [];
    const upstream = await startHttpUpstream((request, response) => {
      request.resume().on('end', () => {
        seen.push({
          trailers: JSON.stringify(request.trailers),
          head: request.headers['x-sum'] as string | undefined,
        });
        response.end('ok');
      });
    });
    const port = await freePort();
    await startProxy(configurationFor({ listen: port, upstream: `127.0.0.1:${upstream.port}` }));
    const received = await exchangeRaw(
      port,
      'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n' +
        '3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n',
    );
    expect(received).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(seen).to.have.length(1);
    expect(seen[0].head).to.equal(undefined);
    // Either passed on as a trailer section or dropped (RFC 9110 6.5.1 allows both), never invented.
    expect(['{"x-sum":"42"}', '{}']).to.include(seen[0].trailers);
  });
});
