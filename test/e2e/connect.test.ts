/** CONNECT through the real command: where tunnels lead, what is refused, how they end. */
import { expect } from 'chai';
import { join } from 'node:path';
import { a, aaaa, NameServer, type Zone } from '../driver/name-server.js';
import {
  cleanUp,
  type Command,
  exchangeRaw,
  freePort,
  onCleanUp,
  openRaw,
  startHttpUpstream,
  startProxy,
  startRawUpstream,
  temporaryFolder,
  until,
} from './harness.js';

/** Answers everything with itself, behind its own name. */
async function echo(name: string, options: { path?: string } = {}): Promise<number> {
  const { port } = await startRawUpstream(
    (socket) => socket.on('data', (octets) => socket.write(`${name}:${octets.toString()}`)),
    options,
  );
  return port;
}

function connectTo(target: string, more = ''): string {
  return `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${more}\r\n`;
}

/** One server with these lines. */
async function proxied(server: string, http = ''): Promise<{ listen: number; proxy: Command }> {
  const listen = await freePort();
  const proxy = await startProxy(`daemon off; pid wirehop.pid; error_log error.log info; events {}
http {
  log_format tunnels '$status $upstream_status $upstream_addr $bytes_sent $request_length $tunnel_ended_by';
  access_log access.log tunnels;
  ${http}
  server { listen 127.0.0.1:${listen}; ${server} }
}`);
  return { listen, proxy };
}

async function status(listen: number, target: string): Promise<string> {
  return (await exchangeRaw(listen, connectTo(target))).split('\r\n')[0];
}

/** Opens a tunnel and sends a word through it. */
async function through(listen: number, target: string, word = 'hello'): Promise<string> {
  const client = await openRaw(listen);
  client.write(connectTo(target));
  await client.until('\r\n\r\n');
  expect(client.take()).to.match(/^HTTP\/1\.1 200 OK\r\n/);
  client.write(word);
  const answer = await client.until(word);
  client.socket.end();
  await client.untilEnd();
  return answer;
}

async function nameServer(zone: Zone): Promise<string> {
  const server = new NameServer(zone);
  const address = await server.start();
  onCleanUp(() => server.stop());
  return address;
}

describe('CONNECT', () => {
  afterEach(cleanUp);

  it('opens a tunnel to the destination that the client names, and logs it when it ends', async () => {
    const port = await echo('one');
    const { listen, proxy } = await proxied('tunnel_pass; add_header X-Way here;');
    const client = await openRaw(listen);
    client.write(connectTo(`127.0.0.1:${port}`) + 'early');
    await client.until('one:early');
    expect(client.received).to.match(
      /^HTTP\/1\.1 200 OK\r\nServer: wirehop[^\r]*\r\nDate: [^\r]*\r\nX-Way: here\r\n\r\none:early$/,
    );
    expect(proxy.file('access.log')).to.equal('');
    client.write(' late');
    await client.until('one: late');
    client.socket.end();
    await client.untilEnd();
    await until('the line in the log', () => proxy.file('access.log') !== '');
    const sent = client.received.length;
    const head = connectTo(`127.0.0.1:${port}`).length;
    expect(proxy.file('access.log')).to.equal(
      `200 200 127.0.0.1:${port} ${sent} ${head + 'early late'.length} downstream\n`,
    );
  });

  it('half of a tunnel ends alone, whichever it is', async () => {
    const { port } = await startRawUpstream(
      (socket) => {
        let heard = '';
        socket.on('data', (octets) => (heard += octets.toString()));
        socket.on('end', () => socket.end(`heard ${heard}`));
      },
      { allowHalfOpen: true },
    );
    const { listen } = await proxied('tunnel_pass;');
    const client = await openRaw(listen, { allowHalfOpen: true });
    client.socket.end(connectTo(`127.0.0.1:${port}`) + 'all of it');
    expect(await client.untilEnd()).to.match(/\r\n\r\nheard all of it$/);
  });

  it('chooses server, location and destination by the authority, whatever Host says', async () => {
    const [one, two] = [await echo('one'), await echo('two')];
    const path = join(temporaryFolder(), 'tunnel.sock');
    await echo('socket', { path });
    const listen = await freePort();
    await startProxy(`daemon off; pid wirehop.pid; error_log error.log info; events {}
http {
  access_log off;
  upstream both { server 127.0.0.1:${one}; server 127.0.0.1:${two}; }
  map $request_port $port_allowed { 443 1; }
  map $host $way { hostnames; *.two.test 127.0.0.1:${two}; group.test both; }
  server { listen 127.0.0.1:${listen}; server_name one.test; tunnel_pass 127.0.0.1:${one}; }
  server { listen 127.0.0.1:${listen}; server_name socket.test; location / { tunnel_pass unix:${path}; } }
  server { listen 127.0.0.1:${listen}; server_name group.test *.two.test;
    if ($port_allowed != 1) { return 502; }
    location / { tunnel_pass $way; } }
  server { listen 127.0.0.1:${listen}; server_name inner.test; location / { tunnel_pass 127.0.0.1:1; if ($request_port = 1) { tunnel_pass both; } } }
  server { listen 127.0.0.1:${listen}; server_name plain.test; location / { proxy_pass http://both; } }
}`);
    expect(await through(listen, 'ONE.test:443')).to.equal('one:hello');
    expect(await through(listen, 'socket.test:443')).to.equal('socket:hello');
    expect(await through(listen, 'a.two.test:443')).to.equal('two:hello');
    const group = [await through(listen, 'group.test:443'), await through(listen, 'group.test:443')];
    expect(group.sort()).to.deep.equal(['one:hello', 'two:hello']);
    expect(await status(listen, 'group.test:80')).to.equal('HTTP/1.1 502 Bad Gateway');
    expect(await through(listen, 'inner.test:1')).to.match(/^(one|two):hello$/);
    expect(await status(listen, 'inner.test:2')).to.equal('HTTP/1.1 502 Bad Gateway');
    expect(await status(listen, 'plain.test:443')).to.equal('HTTP/1.1 405 Not Allowed');
    const answer = await exchangeRaw(
      listen,
      'CONNECT a.two.test:80 HTTP/1.1\r\nHost: a.two.test:443\r\n\r\n',
    );
    expect(answer).to.match(/^HTTP\/1\.1 502 /);
  });

  it('comes behind other requests of its connection, pipelined too; in HTTP/1.0 without Host', async () => {
    const port = await echo('one');
    const { listen } = await proxied('tunnel_pass; location /x { return 200 "x of $host"; }');
    const client = await openRaw(listen);
    const get = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
    client.write(get);
    await client.until('x of a');
    client.take();
    client.write(`${get}${connectTo(`127.0.0.1:${port}`)}early`);
    const text = await client.until('one:early');
    expect(text).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*x of aHTTP\/1\.1 200 OK\r\n[^]*\r\n\r\none:early$/);
    // Requests are requests no more.
    client.take();
    client.write(get);
    expect(await client.until('\r\n\r\n')).to.equal(`one:${get}`);
    const old = await openRaw(listen);
    old.write(`CONNECT 127.0.0.1:${port} HTTP/1.0\r\n\r\nold`);
    expect(await old.until('one:old')).to.match(/^HTTP\/1\.1 200 OK\r\n/);
  });

  const REFUSALS: { name: string; request: string; answer: string }[] = [
    {
      name: 'a target without a port',
      request: 'CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n',
      answer: '400 Bad Request',
    },
    { name: 'an empty port', request: 'CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n', answer: '400 Bad Request' },
    { name: 'a path', request: 'CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n', answer: '400 Bad Request' },
    { name: 'a URI', request: 'CONNECT http://a:1/ HTTP/1.1\r\nHost: a\r\n\r\n', answer: '400 Bad Request' },
    { name: 'userinfo', request: 'CONNECT u@a:1 HTTP/1.1\r\nHost: a\r\n\r\n', answer: '400 Bad Request' },
    {
      name: 'content with a length',
      request: 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
      answer: '400 Bad Request',
    },
    {
      name: 'content in chunks',
      request: 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      answer: '400 Bad Request',
    },
    {
      name: 'another method',
      request: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      answer: '405 Not Allowed',
    },
    { name: 'a name without a resolver', request: connectTo('a.test:1'), answer: '502 Bad Gateway' },
    { name: 'a destination that a rule denies', request: connectTo('[::1]:1'), answer: '403 Forbidden' },
  ];
  for (const { name, request, answer } of REFUSALS) {
    it(`refuses ${name} with ${answer}`, async () => {
      const { listen } = await proxied('tunnel_pass; tunnel_deny ::1;');
      // What stands behind is never taken for a request.
      const text = await exchangeRaw(listen, `${request}GET / HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(text).to.match(new RegExp(`^HTTP/1\\.1 ${answer}\\r\\n`));
      expect(text.split('HTTP/1.1 ').length).to.equal(2);
      expect(text).to.include('\r\nConnection: close\r\n');
    });
  }

  it('looks at allow and deny before anything else, and shows error pages', async () => {
    const port = await echo('one');
    const { listen, proxy } = await proxied(
      `deny 127.0.0.1; error_page 403 =451 /sorry; location = /sorry { allow all; return 200 "sorry $request_method"; }
       tunnel_pass 127.0.0.1:${port};`,
    );
    const text = await exchangeRaw(listen, connectTo('a:1'));
    expect(text).to.match(/^HTTP\/1\.1 451 [^]*sorry GET$/);
    expect(proxy.file('error.log')).to.include('access forbidden by rule');
  });

  it('somebody else may be asked whether a tunnel opens: auth_request', async () => {
    const port = await echo('one');
    const asked: string[] = [];
    const { port: judge } = await startHttpUpstream((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers['x-to']}`);
      response.writeHead(String(request.headers['x-to']).startsWith('127.0.0.1:') ? 204 : 403).end();
    });
    const { listen, proxy } = await proxied(
      `tunnel_pass; auth_request /judge; location = /judge { auth_request off; proxy_pass http://127.0.0.1:${judge};
         proxy_set_header X-To $host:$request_port; } }
       server { listen 127.0.0.1:${await freePort()};`,
    );
    expect(await through(listen, `127.0.0.1:${port}`)).to.equal('one:hello');
    expect(await status(listen, `localhost:${port}`)).to.equal('HTTP/1.1 403 Forbidden');
    expect(asked).to.deep.equal([`GET /judge 127.0.0.1:${port}`, `GET /judge localhost:${port}`]);
    expect(proxy.file('error.log')).not.to.include('UNEXPECTED');
  });

  it('an error page on another upstream gets no CONNECT', async () => {
    const port = await echo('one');
    const closed = await freePort();
    const { listen } = await proxied(
      `error_page 502 @other; location @other { proxy_pass http://127.0.0.1:${port}; } tunnel_pass 127.0.0.1:${closed};`,
    );
    expect(await status(listen, 'a:1')).to.equal('HTTP/1.1 405 Not Allowed');
  });

  it('tries the next server by tunnel_next_upstream, as often as it may', async () => {
    const [port, closed, closedToo] = [await echo('one'), await freePort(), await freePort()];
    const upstream = `upstream group { server 127.0.0.1:${closed} max_fails=0; server 127.0.0.1:${closedToo} max_fails=0;
      server 127.0.0.1:${port} max_fails=0 backup; }`;
    const { listen, proxy } = await proxied(
      `location / { tunnel_pass group; }`,
      `${upstream}
       server { listen 127.0.0.1:${await freePort()}; }`,
    );
    expect(await through(listen, 'a:1')).to.equal('one:hello');
    await until('the line', () => proxy.file('access.log') !== '');
    expect(proxy.file('access.log')).to.match(
      /^200 502, 502, 200 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+ /,
    );
    expect(proxy.file('error.log')).to.match(
      /connect\(\) failed \(111: Connection refused\) while connecting to upstream .*upstream: "127\.0\.0\.1:\d+"/,
    );
    for (const line of ['tunnel_next_upstream off;', 'tunnel_next_upstream_tries 2;']) {
      const { listen: other } = await proxied(`location / { tunnel_pass group; ${line} }`, upstream);
      expect(await status(other, 'a:1')).to.equal('HTTP/1.1 502 Bad Gateway');
    }
  });

  it('tunnel_connect_timeout: 504; tunnel_read_timeout ends a silent tunnel', async () => {
    const port = await echo('one');
    const { listen, proxy } = await proxied(
      'tunnel_pass; tunnel_connect_timeout 300ms; tunnel_read_timeout 1s;',
    );
    // TEST-NET-1: nobody answers; some systems know at once that nobody can.
    expect(await status(listen, '192.0.2.1:9')).to.match(/^HTTP\/1\.1 50[24] /);
    const client = await openRaw(listen);
    client.write(connectTo(`127.0.0.1:${port}`));
    await client.until('\r\n\r\n');
    await client.untilEnd();
    await until('the line', () => proxy.file('error.log').includes('TUNNEL_IDLE'));
    expect(proxy.file('error.log')).to.match(
      /upstream timed out .* while proxying upgraded connection \[TUNNEL_IDLE/,
    );
  });

  it('asks the resolver for names, and tries their addresses in turn', async () => {
    const port = await echo('one');
    const zone: Zone = {
      'A two.test': [a('two.test', '127.0.0.9', 60), a('two.test', '127.0.0.1', 60)],
      'AAAA two.test': [],
      'A slow.test': 'silence',
      'AAAA slow.test': 'silence',
      'A broken.test': 'failure',
      'AAAA broken.test': [],
    };
    const { listen, proxy } = await proxied(
      'tunnel_pass; tunnel_connect_timeout 1s;',
      `resolver ${await nameServer(zone)}; resolver_timeout 400ms;`,
    );
    // Whichever comes first: nobody listens on the other.
    for (let i = 0; i < 2; i++) expect(await through(listen, `two.test:${port}`)).to.equal('one:hello');
    const log = (): string => proxy.file('access.log');
    await until('two lines', () => log().split('\n').length === 3);
    expect(log()).to.match(/502, 200 127\.0\.0\.9:\d+, 127\.0\.0\.1:\d+ /);
    for (const [name, reason] of [
      ['none.test', '3: Host not found'],
      ['slow.test', '110: Operation timed out'],
      ['broken.test', '2: Server failure'],
    ]) {
      expect(await status(listen, `${name}:1`)).to.equal('HTTP/1.1 502 Bad Gateway');
      expect(proxy.file('error.log')).to.include(`${name} could not be resolved (${reason})`);
    }
  });

  it('a client that leaves while its name is looked up leaves nothing behind', async () => {
    const names = new NameServer({ 'A slow.test': 'silence', 'AAAA slow.test': 'silence' });
    const resolver = await names.start();
    onCleanUp(() => names.stop());
    const { listen, proxy } = await proxied('tunnel_pass;', `resolver ${resolver}; resolver_timeout 600ms;`);
    const client = await openRaw(listen);
    client.write(connectTo('slow.test:1'));
    await until('the question', () => names.asked.length > 0);
    client.socket.resetAndDestroy();
    await until('the line', () => proxy.file('access.log') !== '');
    expect(proxy.file('access.log')).to.match(/^499 /);
    expect(await status(listen, 'slow.test:1')).to.equal('HTTP/1.1 502 Bad Gateway');
    expect(proxy.file('error.log')).not.to.include('UNEXPECTED');
  });

  it('refuses this machine and its link to clients from elsewhere, unless a rule names them', async () => {
    const port = await echo('one');
    const zone: Zone = {
      'A local.test': [a('local.test', '127.0.0.1')],
      'AAAA local.test': [aaaa('local.test', '::1')],
      'A named.test': [a('named.test', '127.0.0.1')],
      'AAAA named.test': [],
    };
    const { listen, proxy } = await proxied(
      `tunnel_pass; tunnel_allow named.test; tunnel_allow all;
       set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;`,
      `resolver ${await nameServer(zone)};`,
    );
    const from = 'X-Real-IP: 192.0.2.7\r\n';
    const ask = async (target: string): Promise<string> =>
      (await exchangeRaw(listen, connectTo(target, from))).split('\r\n')[0];
    for (const host of [
      '127.0.0.1',
      '[::1]',
      '[::ffff:7f00:1]',
      '169.254.169.254',
      '0.0.0.0',
      'local.test',
    ]) {
      expect(await ask(`${host}:${port}`), host).to.equal('HTTP/1.1 403 Forbidden');
    }
    expect(proxy.file('error.log')).to.include(`access forbidden by rule, destination "local.test:${port}"`);
    const client = await openRaw(listen);
    client.write(connectTo(`named.test:${port}`, from) + 'hello');
    await client.until('one:hello');
    // Whoever asks from this machine could connect there himself.
    expect(await through(listen, `local.test:${port}`)).to.equal('one:hello');
  });

  it('a host called unix is no socket', async () => {
    const { listen } = await proxied('tunnel_pass;');
    expect(await status(listen, 'unix:80')).to.equal('HTTP/1.1 403 Forbidden');
  });

  it('a worker that drains lets tunnels go on', async () => {
    const port = await echo('one');
    const { listen, proxy } = await proxied('tunnel_pass; websocket_drain 1012;');
    const client = await openRaw(listen);
    client.write(connectTo(`127.0.0.1:${port}`));
    await client.until('\r\n\r\n');
    client.take();
    proxy.child.kill('SIGQUIT');
    await until('the port to close', async () => {
      try {
        (await openRaw(listen)).socket.destroy();
        return false;
      } catch {
        return true;
      }
    });
    client.write('still');
    expect(await client.until('still')).to.equal('one:still');
    client.socket.end();
    await proxy.exited;
  });
});

describe('CONNECT where no tunnel_pass is', () => {
  afterEach(cleanUp);

  it('is answered 405, and the connection closed', async () => {
    const { listen, proxy } = await proxied('location / { return 200 ok; }');
    const text = await exchangeRaw(listen, connectTo('a:1') + 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(text).to.match(/^HTTP\/1\.1 405 Not Allowed\r\n/);
    expect(text.split('HTTP/1.1 ').length).to.equal(2);
    expect(proxy.file('error.log')).to.include('client sent CONNECT method');
  });
});
