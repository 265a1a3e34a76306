/**
 * auth_basic and auth_request through the real command: what nginx's own answers (test/nginx) do not show.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { hashSync } from '../../src/driver/passwords/bcryptjs.js';
import {
  cleanUp,
  type Command,
  exchangeRaw,
  freePort,
  onHeads,
  openRaw,
  pause,
  startProxy,
  startRawUpstream,
  temporaryFolder,
  until,
} from './harness.js';

const basic = (text: string): string => `Authorization: Basic ${Buffer.from(text).toString('base64')}\r\n`;
const get = (path: string, fields = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** An upstream that notes heads and answers each by its path; on which connection is noted, too. */
async function startNotingUpstream(
  answer: (head: string) => string | Promise<string>,
): Promise<{ port: number; heads: string[]; connections: () => number }> {
  const heads: string[] = [];
  let connections = 0;
  const { port } = await startRawUpstream((socket) => {
    connections++;
    onHeads(socket, (head) => {
      heads.push(head);
      void Promise.resolve(answer(head)).then((text) => socket.write(text));
    });
  });
  return { port, heads, connections: () => connections };
}

async function start(http: string, server: string, folder = temporaryFolder()): Promise<[number, Command]> {
  const port = await freePort();
  const proxy = await startProxy(
    `daemon off; pid wirehop.pid; error_log error.log info;
events {}
http {
  log_format short '$uri $status $remote_user $upstream_addr';
  access_log access.log short;
  ${http}
  server { listen 127.0.0.1:${port}; ${server} }
}`,
    folder,
  );
  return [port, proxy];
}

describe('auth_request', () => {
  afterEach(cleanUp);

  it('stands in front of a WebSocket: the upstream hears of it once it is allowed', async () => {
    let isAllowed = false;
    const auth = await startNotingUpstream(() =>
      isAllowed
        ? 'HTTP/1.1 200 OK\r\nX-User: somebody\r\nContent-Length: 0\r\n\r\n'
        : 'HTTP/1.1 401 No\r\nWWW-Authenticate: Cookie\r\nContent-Length: 7\r\n\r\nnothing',
    );
    const app = await startRawUpstream((socket) => {
      socket.once('data', (head) => {
        const user = /X-User: (\w*)/.exec(head.toString('latin1'))?.[1];
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nX-User: ${user}\r\n\r\nhello`,
        );
        socket.on('data', (octets) => socket.write(octets));
      });
    });
    const [port, proxy] = await start(
      `upstream auth { server 127.0.0.1:${auth.port}; keepalive 4; }`,
      `location / {
         auth_request /auth; auth_request_set $user $upstream_http_x_user;
         proxy_pass http://127.0.0.1:${app.port};
         proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header X-User $user;
       }
       location = /auth { internal; proxy_pass http://auth; proxy_set_header X-URI $request_uri; }`,
    );
    const handshake =
      'GET /chat?room=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: a=b\r\n\r\n';
    const client = await openRaw(port);
    client.write(handshake);
    await client.until(/^HTTP\/1\.1 401 Unauthorized\r\n[^]*WWW-Authenticate: Cookie\r\n[^]*<\/html>\r\n$/);
    expect(app.sockets.size).to.equal(0);
    expect(auth.heads[0])
      .to.match(/^GET \/auth HTTP\/1\.1\r\n/)
      .and.to.include('X-URI: /chat?room=1\r\nCookie: a=b\r\n');
    expect(auth.heads[0]).not.to.match(/upgrade|Content-Length/i);

    isAllowed = true;
    client.take();
    client.write(handshake);
    await client.until(/^HTTP\/1\.1 101 [^]*X-User: somebody\r\n[^]*\r\n\r\nhello$/);
    client.write('echo');
    await client.until(/helloecho$/);
    client.socket.destroy();
    await until('the tunnel to be logged', () => proxy.file('access.log').includes('/chat 101'));
    // One line a request, none for subrequests; one connection to the service for all of them.
    expect(proxy.file('access.log').split('\n')).to.have.length(3);
    expect(auth.connections()).to.equal(1);
  });

  it('stands in front of CONNECT, too', async () => {
    const auth = await startNotingUpstream((head) =>
      head.includes('secret') ? 'HTTP/1.1 204 Yes\r\n\r\n' : 'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n',
    );
    const { port: destination, sockets } = await startRawUpstream((socket) => {
      socket.write('hello');
      socket.on('data', (octets) => socket.write(octets));
    });
    const [port] = await start(
      '',
      `location / { auth_request /auth; tunnel_pass; tunnel_allow 127.0.0.1; }
       location = /auth { proxy_pass http://127.0.0.1:${auth.port}; }`,
    );
    const connect = (fields: string): string =>
      `CONNECT 127.0.0.1:${destination} HTTP/1.1\r\nHost: 127.0.0.1:${destination}\r\n${fields}\r\n`;
    const refused = await openRaw(port);
    refused.write(connect(''));
    await refused.until(/^HTTP\/1\.1 403 /);
    expect(sockets.size).to.equal(0);
    const tunnel = await openRaw(port);
    tunnel.write(connect('X-Token: secret\r\n'));
    await tunnel.until(/^HTTP\/1\.1 200 [^]*\r\n\r\nhello$/);
    tunnel.write('echo');
    await tunnel.until(/helloecho$/);
    expect(auth.heads.map((head) => head.split('\r\n')[0])).to.deep.equal(
      Array(2).fill('GET /auth HTTP/1.1'),
    );
  });

  it('content waits for the answer, however slow, and goes to the upstream alone', async () => {
    let allow: (text: string) => void = () => undefined;
    const auth = await startNotingUpstream(() => new Promise<string>((resolve) => (allow = resolve)));
    const received: string[] = [];
    const app = await startRawUpstream((socket) => {
      socket.on('data', (octets) => {
        received.push(octets.toString('latin1'));
        if (received.join('').endsWith('the end')) socket.write(OK);
      });
    });
    const [port] = await start(
      '',
      `client_max_body_size 0;
       location / { auth_request /auth; proxy_pass http://127.0.0.1:${app.port}; }
       location = /auth { proxy_pass http://127.0.0.1:${auth.port}; }`,
    );
    const content = `${'x'.repeat(300_000)}the end`;
    const client = await openRaw(port);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
    await until('the subrequest', () => auth.heads.length === 1);
    await pause(100);
    expect(received).to.deep.equal([]);
    allow('HTTP/1.1 204 No Content\r\n\r\n');
    await client.until(/^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
    expect(received.join('').endsWith(content)).to.equal(true);
    expect(auth.heads).to.have.length(1);
  });

  it('a service that hangs, refuses or is not there costs its own time, and a 500', async () => {
    const auth = await startRawUpstream(() => undefined);
    const dead = await freePort();
    const [port, proxy] = await start(
      '',
      `location /hangs { auth_request /hanging; proxy_pass http://127.0.0.1:${dead}; }
       location = /hanging { proxy_pass http://127.0.0.1:${auth.port}; proxy_read_timeout 300ms; }
       location /dead { auth_request /gone; proxy_pass http://127.0.0.1:${dead}; }
       location = /gone { log_subrequest on; proxy_pass http://127.0.0.1:${dead}; }`,
    );
    const begun = Date.now();
    expect(await exchangeRaw(port, get('/hangs'))).to.match(/^HTTP\/1\.1 500 /);
    expect(Date.now() - begun).to.be.within(300, 2000);
    expect(await exchangeRaw(port, get('/dead'))).to.match(/^HTTP\/1\.1 500 /);
    const log = proxy.file('error.log');
    expect(log).to.match(
      /upstream timed out [^\n]*request: "GET \/hangs HTTP\/1\.1", subrequest: "\/hanging", upstream:/,
    );
    expect(log).to.match(/auth request unexpected status: 504, client/);
    expect(log).to.match(/connect\(\) failed [^\n]*subrequest: "\/gone"/);
    expect(proxy.file('access.log')).to.equal(
      `/hangs 500 - -\n/gone 502 - 127.0.0.1:${dead}\n/dead 500 - -\n`,
    );
  });

  it('a client that leaves meanwhile takes the subrequest with it', async () => {
    const auth = await startRawUpstream((socket) => void socket.resume());
    const [port, proxy] = await start(
      '',
      `location / { auth_request /auth; proxy_pass http://127.0.0.1:1; }
       location = /auth { proxy_pass http://127.0.0.1:${auth.port}; }`,
    );
    const client = await openRaw(port);
    client.write(get('/'));
    await until('the subrequest', () => auth.sockets.size === 1);
    client.socket.resetAndDestroy();
    await until('its end', () => auth.sockets.size === 0);
    await until('its line', () => proxy.file('access.log') === '/ 499 - -\n');
  });
});

describe('auth_basic', () => {
  afterEach(cleanUp);

  it('slow hashes hold nobody up, and are worked out once', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'users'), `slow:${hashSync('pw', 13)}\n`);
    const [port, proxy] = await start(
      '',
      `location / { auth_basic us; auth_basic_user_file users; error_page 502 =200 /open; proxy_pass http://127.0.0.1:1; }
       location = /open { return 200 open; }`,
      folder,
    );
    const asked = Promise.all(
      Array.from({ length: 10 }, () => exchangeRaw(port, get('/', basic('slow:pw')), 20_000)),
    );
    let isThere = false;
    void asked.then(() => (isThere = true));
    let meanwhile = 0;
    while (!isThere) {
      const begun = Date.now();
      expect(await exchangeRaw(port, get('/open'))).to.match(/open$/);
      if (Date.now() - begun < 250) meanwhile++;
    }
    for (const answer of await asked) expect(answer).to.match(/^HTTP\/1\.1 200 [^]*open$/);
    expect(meanwhile).to.be.above(10);
    expect(proxy.file('access.log')).to.match(/ 200 slow /);
  });

  it('a changed file holds from the next request on; forms that nobody knows are told of', async () => {
    const folder = temporaryFolder();
    const users = (text: string): void => writeFileSync(join(folder, 'users'), text);
    users('u:{PLAIN}one\nold:abzlUXK5ed5rs\n');
    const [port, proxy] = await start(
      '',
      `location / { auth_basic us; auth_basic_user_file users; auth_delay 300ms; error_page 502 =200 /open; proxy_pass http://127.0.0.1:1; }
       location = /open { auth_basic off; return 200 open; }`,
      folder,
    );
    const status = async (text: string): Promise<number> =>
      Number((await exchangeRaw(port, get('/', basic(text)))).split(' ')[1]);
    expect(await status('u:one')).to.equal(200);
    const begun = Date.now();
    expect(await status('u:two')).to.equal(401);
    expect(Date.now() - begun).to.be.within(300, 2000);
    users('u:{PLAIN}two\nold:abzlUXK5ed5rs\n');
    expect(await status('u:two')).to.equal(200);
    expect(await status('u:one')).to.equal(401);
    expect(await status('old:x')).to.equal(500);
    expect(proxy.file('error.log')).to.match(/\[info\] [^\n]*delaying unauthorized request/);
    expect(proxy.file('error.log')).to.match(
      /\[crit\] [^\n]*user "old": passwords of this form are not supported/,
    );
  });

  it('the client may leave while its password is looked at', async () => {
    const folder = temporaryFolder();
    // About a second for each, so that a busy machine has time to read a request before its client resets.
    writeFileSync(join(folder, 'users'), `slow:${hashSync('pw', 14)}\n`);
    const [port, proxy] = await start(
      '',
      `location / { auth_basic us; auth_basic_user_file users; proxy_pass http://127.0.0.1:1; }`,
      folder,
    );
    for (let i = 0; i < 3; i++) {
      const client = await openRaw(port);
      client.write(get('/', basic('slow:wrong')));
      await pause(200);
      client.socket.resetAndDestroy();
    }
    await until('their lines', () => proxy.file('access.log') === '/ 499 slow -\n'.repeat(3));
    expect(await exchangeRaw(port, get('/', basic('slow:wrong')), 20_000)).to.match(/^HTTP\/1\.1 401 /);
    expect(proxy.file('error.log').match(/password mismatch/g)).to.have.length(1);
  });
});
