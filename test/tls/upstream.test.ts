/** `proxy_pass https://` and wss both ways: names, verification, pools, sessions, ends. */
import { expect } from 'chai';
import { createServer as createSecureServer } from 'node:https';
import { connect as connectPlainly, createServer, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import { cleanUp, onCleanUp, openRaw, soon, until } from '../e2e/harness.js';
import { Authority, type Pair } from './authority.js';
import { basics, contentOf, exchangeClear, openSecure, origin, pairLines, serve, statusOf } from './stage.js';

const GET = 'GET / HTTP/1.1\r\nHost: front.example\r\nConnection: close\r\n\r\n';

describe('proxy_pass https', () => {
  let up: Pair;
  let other: Authority;
  let trusted: string;
  before(async () => {
    const { root } = await basics();
    trusted = root.cert;
    up = await root.issue({ names: ['up.example', '127.0.0.1'] });
    other = await Authority.create('another root');
  });
  afterEach(cleanUp);

  const proxyTo = (port: number, lines: string, http = ''): string => `
    ${http}
    server { listen 127.0.0.1:1; location / { proxy_pass https://127.0.0.1:${port}; ${lines} } }`;

  it('speaks TLS: Host, the scheme in the log, no name unless asked for', async () => {
    const names: unknown[] = [];
    const port = await origin((request, response) => {
      names.push((request.socket as TLSSocket).servername);
      response.end(String(request.headers.host));
    }, up);
    const { port: front } = await serve(`
      server { listen 127.0.0.1:1;
        location / { proxy_pass https://127.0.0.1:${port}; }
        location /n { proxy_pass https://127.0.0.1:${port}; proxy_ssl_server_name on; proxy_ssl_name up.example:443; }
        location /a { proxy_pass https://127.0.0.1:${port}; proxy_ssl_server_name on; } }`);
    for (const path of ['/', '/n', '/a']) {
      const answer = await exchangeClear(front, GET.replace('/', path));
      expect(contentOf(answer), path).to.contain(`127.0.0.1:${port}`);
    }
    // An address is no name.
    expect(names).to.deep.equal([false, 'up.example', false]);
  });

  const CASES: [string, () => string, string][] = [
    ['by default nothing is looked at', () => '', '200'],
    ['the right name', () => `${verify()} proxy_ssl_name up.example;`, '200'],
    ['the right address', () => `${verify()} proxy_ssl_name 127.0.0.1;`, '200'],
    ['$proxy_host', () => verify(), '200'],
    ['a name from a variable', () => `${verify()} proxy_ssl_name $http_x_name;`, 'does not match ""'],
    ['the wrong name', () => `${verify()} proxy_ssl_name wrong.example;`, 'does not match "wrong.example"'],
    [
      'the wrong authority',
      () =>
        `proxy_ssl_verify on; proxy_ssl_trusted_certificate "data:${other.cert}"; proxy_ssl_name up.example;`,
      'verify error: (unable to verify the first certificate)',
    ],
    ['no protocol in common', () => 'proxy_ssl_protocols TLSv1.2;', 'SSL_do_handshake() failed (SSL: error:'],
  ];
  const verify = (): string => `proxy_ssl_verify on; proxy_ssl_trusted_certificate "data:${trusted}";`;
  for (const [title, lines, outcome] of CASES) {
    it(`proxy_ssl_verify: ${title}`, async () => {
      const requests: unknown[] = [];
      const port = await origin(
        (request, response) => {
          requests.push(request.url);
          response.end('ok');
        },
        { ...up, minVersion: 'TLSv1.3' },
      );
      const { port: front, errors } = await serve(proxyTo(port, lines()));
      const answer = await exchangeClear(front, GET);
      if (outcome === '200') {
        expect(statusOf(answer)).to.equal(200);
        return;
      }
      expect([statusOf(answer), requests]).to.deep.equal([502, []]);
      expect(errors).to.have.length(1);
      expect(errors[0]).to.contain(outcome);
      expect(errors[0]).to.match(/^error .* while SSL handshaking to upstream \[UPSTREAM_\w+, /);
      expect(errors[0]).to.contain(`upstream: "https://127.0.0.1:${port}/"`);
    });
  }

  it('proxy_ssl_verify_depth and proxy_ssl_crl', async () => {
    const { root } = await basics();
    const intermediate = await root.intermediate('middle');
    const leaf = await intermediate.issue({ names: ['up.example'] });
    const port = await origin((_request, response) => response.end(), {
      key: leaf.key,
      cert: `${leaf.cert}\n${intermediate.cert}`,
    });
    const status = async (lines: string): Promise<number> => {
      const { port: front } = await serve(proxyTo(port, `${verify()} proxy_ssl_name up.example; ${lines}`));
      return statusOf(await exchangeClear(front, GET));
    };
    const lists = async (...revoked: string[]): Promise<string> =>
      `${await root.revocations()}\n${await intermediate.revocations(...revoked)}`;
    expect(await status('')).to.equal(200);
    expect(await status('proxy_ssl_verify_depth 0;')).to.equal(502);
    expect(await status(`proxy_ssl_crl "data:${await lists()}";`)).to.equal(200);
    expect(await status(`proxy_ssl_crl "data:${await lists(leaf.cert)}";`)).to.equal(502);
  });

  it('proxy_ssl_certificate: the upstream sees who asks', async () => {
    const { root } = await basics();
    const client = await root.issue({ names: ['wirehop client'] });
    const port = await origin(
      (request, response) => {
        const { authorized } = request.socket as TLSSocket;
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        response.end(`${authorized} ${subject?.CN ?? 'nobody'}`);
      },
      { ...up, ca: trusted, requestCert: true, rejectUnauthorized: false },
    );
    const { port: front } = await serve(proxyTo(port, pairLines(client, 'proxy_ssl')));
    expect(contentOf(await exchangeClear(front, GET))).to.contain('true wirehop client');
    const { port: bare } = await serve(proxyTo(port, ''));
    expect(contentOf(await exchangeClear(bare, GET))).to.contain('false nobody');
  });

  it('idle connections are used again for the same name and settings alone', async () => {
    let connections = 0;
    const secure = createSecureServer(up, (request, response) => {
      response.end(String((request.socket as TLSSocket).servername));
    });
    secure.on('secureConnection', () => connections++);
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => {
      secure.closeAllConnections();
      secure.close();
    });
    const { port } = secure.address() as AddressInfo;
    const { port: front, driver } = await serve(`
      upstream up { server 127.0.0.1:${port}; keepalive 8; }
      server { listen 127.0.0.1:1; proxy_ssl_server_name on; proxy_ssl_name $arg_name;
        location / { proxy_pass https://up; }
        location /verified { ${verify()} proxy_pass https://up; } }`);
    const ask = async (target: string): Promise<string> =>
      contentOf(await exchangeClear(front, GET.replace('/', target)));
    expect(await ask('/?name=up.example')).to.equal('up.example');
    expect(await ask('/?name=up.example')).to.equal('up.example');
    expect(connections).to.equal(1);
    expect(await ask('/?name=two.example')).to.equal('two.example');
    expect(await ask('/?name=up.example')).to.equal('up.example');
    expect(connections).to.equal(2);
    expect(await ask('/verified?name=up.example')).to.equal('up.example');
    expect(connections).to.equal(3);
    expect(driver.counters.links).to.equal(3);
  });

  it('sessions are resumed, unless proxy_ssl_session_reuse is off', async () => {
    for (const [line, wanted] of [
      ['', ['false', 'true']],
      ['proxy_ssl_session_reuse off;', ['false', 'false']],
    ] as const) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const port = await origin(
          (request, response) => {
            response.shouldKeepAlive = false;
            response.end(String((request.socket as TLSSocket).isSessionReused()));
          },
          { ...up, maxVersion },
        );
        const { port: front } = await serve(proxyTo(port, `${line} ${verify()} proxy_ssl_name up.example;`));
        const seen: string[] = [];
        for (let i = 0; i < 2; i++)
          seen.push(/true|false/.exec(contentOf(await exchangeClear(front, GET)))![0]);
        expect(seen, `${line} ${maxVersion}`).to.deep.equal(wanted);
      }
    }
  });

  it('a handshake that never ends counts as connecting; the next peer is asked', async () => {
    const stuck = createServer((socket) => socket.resume().on('error', () => undefined));
    await new Promise<void>((resolve) => stuck.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => stuck.close());
    const good = await origin((_request, response) => response.end('second'), up);
    const { port: front, errors } = await serve(`
      upstream two { server 127.0.0.1:${(stuck.address() as AddressInfo).port}; server 127.0.0.1:${good} backup; }
      server { listen 127.0.0.1:1; location / { proxy_pass https://two; proxy_connect_timeout 300ms; } }`);
    expect(contentOf(await exchangeClear(front, GET))).to.contain('second');
    expect(errors[0]).to.contain('UPSTREAM_CONNECT_TIMEOUT');
  });

  it('an upstream in the clear, one that hangs up, one that resets: 502 each, and the next peer where there is one', async () => {
    const answers: [string, (socket: Socket) => void][] = [
      ['clear', (socket) => socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))],
      ['end', (socket) => socket.end()],
      ['reset', (socket) => socket.once('data', () => socket.resetAndDestroy())],
    ];
    for (const [name, answer] of answers) {
      const server = createServer((socket) => answer(socket.on('error', () => undefined)));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      onCleanUp(() => server.close());
      const { port } = server.address() as AddressInfo;
      const { port: front, errors } = await serve(proxyTo(port, ''));
      expect(statusOf(await exchangeClear(front, GET)), name).to.equal(502);
      expect(errors, name).to.have.length(1);
      expect(errors[0], name).to.contain(
        'while SSL handshaking to upstream [UPSTREAM_TLS, proxy_pass https://]',
      );
    }
  });

  it('a response cut off by a reset is no whole one, not even without a length', async () => {
    const server = createTlsServer(up, (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\npart'));
    });
    const carriers = new Set<Socket>();
    server.on('connection', (socket: Socket) => carriers.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { port: front } = await serve(proxyTo(port, ''));
    const client = await openRaw(front);
    client.write(GET.replace('close', 'keep-alive'));
    await client.until('part');
    for (const carrier of carriers) carrier.resetAndDestroy();
    await client.untilEnd();
    expect(client.received).to.not.contain('\r\n0\r\n');
  });
});

describe('downstream over TLS', () => {
  afterEach(cleanUp);

  /** An origin that breaks a response off whose end only the end of its connection shows. */
  async function breaker(): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\npart');
        setTimeout(() => socket.resetAndDestroy(), 50);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  it('a response that broke off is no whole one: the connection is reset', async () => {
    const { server: pair } = await basics();
    const { port } = await serve(
      `server { listen 127.0.0.1:1 ssl; ${pairLines(pair)}
         location / { proxy_pass http://127.0.0.1:${await breaker()}; } }`,
    );
    const client = await openSecure(port, {});
    client.write('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    await client.until('part');
    await until('the end', () => client.closed);
    expect(client.error?.code).to.equal('ECONNRESET');
  });

  it('sockets that somebody else shook hands on: served, with what TLS knows; none of their ends throws', async () => {
    const { server: pair } = await basics();
    const { lines, driver, policy } = await serve(
      `log_format l '$ssl_protocol $ssl_server_name $scheme'; access_log x l;
       server { listen 127.0.0.1:1; location / { proxy_pass http://127.0.0.1:${await breaker()}; } }`,
    );
    const server = createTlsServer({ ...pair, allowHalfOpen: true } as TlsOptions, (socket) =>
      driver.accept(socket, policy),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => server.close());
    const client = await openSecure((server.address() as AddressInfo).port, { servername: 'a.example' });
    client.write('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    await client.until('part');
    await until('the end', () => client.closed && lines.length === 1);
    expect(lines).to.deep.equal(['TLSv1.3 a.example https']);
  });
});

describe('wss', () => {
  afterEach(cleanUp);

  for (const [title, isSecureDown, isSecureUp] of [
    ['wss to ws', true, false],
    ['ws to wss', false, true],
    ['wss to wss', true, true],
  ] as const) {
    it(`${title}: messages both ways, of any size, and the close`, async () => {
      const { root, server: pair } = await basics();
      const http = isSecureUp ? createSecureServer({ ...pair }) : (await import('node:http')).createServer();
      const sockets = new WebSocketServer({ server: http });
      sockets.on('connection', (socket) =>
        socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
      );
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      onCleanUp(() => {
        sockets.close();
        http.closeAllConnections();
        http.close();
      });
      const { port } = http.address() as AddressInfo;
      const { port: front } = await serve(`
        log_format l '$status $bytes_sent'; access_log x l;
        server { listen 127.0.0.1:1 ${isSecureDown ? 'ssl' : ''}; ${isSecureDown ? pairLines(pair) : ''}
          location / { proxy_pass ${isSecureUp ? 'https' : 'http'}://127.0.0.1:${port};
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }`);
      const url = `${isSecureDown ? 'wss' : 'ws'}://localhost:${front}/`;
      const client = new WebSocket(url, { ca: root.cert, family: 4 });
      onCleanUp(() => client.terminate());
      const received: Buffer[] = [];
      client.on('message', (data) => received.push(data as Buffer));
      await soon('the 101', new Promise((resolve, reject) => client.on('open', resolve).on('error', reject)));
      const sizes = [0, 1, 125, 126, 16_384, 65_536, 300_000, 1_000_000];
      for (const size of sizes) client.send(Buffer.alloc(size, size & 0xff));
      await until('all messages', () => received.length === sizes.length);
      expect(received.map(({ length }) => length)).to.deep.equal(sizes);
      expect(received.every((data, i) => data.equals(Buffer.alloc(sizes[i], sizes[i] & 0xff)))).to.equal(
        true,
      );
      const closed = new Promise<number>((resolve) => client.on('close', resolve));
      client.close(1000);
      expect(await soon('the close', closed)).to.equal(1000);
    });
  }

  it('a slow reader over TLS holds the writer back', async () => {
    const { server: pair } = await basics();
    let written = 0;
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
        const more = (): void => {
          while (written < 64 * 1024 * 1024) {
            written += 65_536;
            if (!socket.write(Buffer.alloc(65_536))) {
              socket.once('drain', more);
              return;
            }
          }
        };
        more();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => server.close());
    const { port: front } = await serve(`
      server { listen 127.0.0.1:1 ssl; ${pairLines(pair)}
        location / { proxy_pass http://127.0.0.1:${(server.address() as AddressInfo).port};
          proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }`);
    const carrier = connectPlainly(front, '127.0.0.1');
    const client = await openSecure(front, { carrier });
    client.write('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
    await client.until('101');
    client.socket.pause();
    let before = -1;
    await until('the writer to stand still', async () => {
      const still = written === before;
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 150));
      return still;
    });
    expect(written).to.be.lessThan(32 * 1024 * 1024);
    client.socket.resume();
    await until('the writer to go on', () => written > before);
    client.socket.destroy();
  });
});
