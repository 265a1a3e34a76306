/** proxy_pass to names that variables make, through the real command: what nginx 1.22 beside it cannot show. */
import http from 'node:http';
import { expect } from 'chai';
import { a, aaaa, NameServer, type Zone } from '../driver/name-server.js';
import {
  cleanUp,
  type Command,
  freePort,
  onCleanUp,
  startHttpUpstream,
  startProxy,
  startRawUpstream,
  until,
} from './harness.js';

describe('names that variables make', () => {
  afterEach(cleanUp);

  /** A proxy whose requests go to the host that they name, on a port. */
  async function passing(
    port: number,
    zone: Zone,
    lines: string,
  ): Promise<{ names: NameServer; proxy: Command; ask: (host: string) => Promise<string> }> {
    const names = new NameServer(zone);
    const resolver = await names.start();
    onCleanUp(() => names.stop());
    const listen = await freePort();
    const proxy = await startProxy(`daemon off; pid wirehop.pid; error_log error.log info; events {}
http { log_format way '$status $upstream_addr $upstream_status'; access_log access.log way;
  server { listen 127.0.0.1:${listen}; resolver ${resolver} ${lines};
    resolver_timeout 1s; proxy_connect_timeout 1s;
    location / { proxy_pass http://$host:${port}; } } }`);
    const ask = async (host: string): Promise<string> => {
      const answer = await new Promise<http.IncomingMessage>((resolve, reject) =>
        http
          .get({ port: listen, host: '127.0.0.1', agent: false, headers: { host } }, resolve)
          .on('error', reject),
      );
      let text = '';
      for await (const chunk of answer) text += String(chunk);
      return answer.statusCode === 200 ? text : String(answer.statusCode);
    };
    return { names, proxy, ask };
  }

  async function telling(): Promise<{ port: number; connections: () => number }> {
    const { server, port } = await startHttpUpstream((request, response) =>
      response.end(`${request.headers.host} from ${request.socket.localAddress}`),
    );
    let connections = 0;
    server.on('connection', () => connections++);
    return { port, connections: () => connections };
  }

  it('are asked for once while the answer holds, and their connections are used again', async () => {
    const { port, connections } = await telling();
    const zone: Zone = { 'A app.test': [a('app.test', '127.0.0.1', 60)] };
    const { names, ask } = await passing(port, zone, 'ipv6=off');
    for (let i = 0; i < 4; i++) expect(await ask('app.test')).to.equal(`app.test:${port} from 127.0.0.1`);
    expect(names.asked).to.deep.equal(['A app.test']);
    expect(connections()).to.equal(1);
  });

  it('are asked for anew when the answer holds no more; valid= says for how long it does', async () => {
    const { port } = await telling();
    const zone: Zone = { 'A long.test': [a('long.test', '127.0.0.1', 1000)], 'A short.test': [] };
    const { names, ask } = await passing(port, zone, 'ipv6=off valid=1s');
    await ask('long.test');
    await ask('long.test');
    expect(names.asked.length).to.equal(1);
    await until('another question', async () => {
      await ask('long.test');
      return names.asked.length === 2;
    });
  });

  it('are asked for in both families unless one is off', async () => {
    const { port } = await telling();
    const zone: Zone = {
      'A app.test': [a('app.test', '127.0.0.1')],
      'AAAA app.test': [],
      'AAAA six.test': [aaaa('six.test', '::ffff:127.0.0.1')],
      'A six.test': [],
    };
    const { names, ask } = await passing(port, zone, '');
    expect(await ask('app.test')).to.include('app.test');
    expect(await ask('six.test')).to.include('six.test');
    expect([...names.asked].sort()).to.deep.equal([
      'A app.test',
      'A six.test',
      'AAAA app.test',
      'AAAA six.test',
    ]);
  });

  it('have all their addresses tried, each first in its turn', async () => {
    const { port } = await telling();
    const zone: Zone = { 'A app.test': [a('app.test', '127.0.0.9'), a('app.test', '127.0.0.1')] };
    const { proxy, ask } = await passing(port, zone, 'ipv6=off');
    for (let i = 0; i < 4; i++) expect(await ask('app.test')).to.include('from 127.0.0.1');
    await until('the lines', () => proxy.file('access.log').trim().split('\n').length === 4);
    const [bad, good] = [`127.0.0.9:${port}`, `127.0.0.1:${port}`];
    const lines = proxy.file('access.log').trim().split('\n').sort();
    const [direct, second] = [`200 ${good} 200`, `200 ${bad}, ${good} 502, 200`];
    expect(lines).to.deep.equal([direct, direct, second, second]);
  });

  it('many requests that wait for one name ask once, and all go on', async () => {
    const { port } = await telling();
    const zone: Zone = { 'A app.test': [a('app.test', '127.0.0.1')] };
    const { names, ask } = await passing(port, zone, 'ipv6=off');
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('app.test')));
    expect(new Set(answers).size).to.equal(1);
    expect(names.asked.length).to.equal(1);
  });

  it('502 for a name that nobody knows, or that nobody answers for in time; the next request asks again', async () => {
    const { port } = await telling();
    const zone: Zone = { 'A slow.test': 'silence' };
    const { proxy, ask } = await passing(port, zone, 'ipv6=off');
    expect(await ask('none.test')).to.equal('502');
    expect(await ask('slow.test')).to.equal('502');
    const log = proxy.file('error.log');
    expect(log).to.include('none.test could not be resolved (3: Host not found) [NAME_UNRESOLVED, resolver]');
    expect(log).to.include('slow.test could not be resolved (110: Operation timed out)');
    zone['A slow.test'] = [a('slow.test', '127.0.0.1')];
    expect(await ask('slow.test')).to.include('slow.test');
  });

  it('content waits for the name, and goes upstream whole', async () => {
    const { port } = await startRawUpstream((socket) => {
      let text = '';
      socket.on('data', (octets) => {
        text += octets.toString();
        if (text.endsWith('the end'))
          socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${text.includes('first') ? 'all' : 'few'}`);
      });
    });
    const names = new NameServer({ 'A app.test': [a('app.test', '127.0.0.1')] });
    const resolver = await names.start();
    onCleanUp(() => names.stop());
    const listen = await freePort();
    await startProxy(`daemon off; pid wirehop.pid; error_log error.log; events {}
http { access_log off; server { listen 127.0.0.1:${listen}; resolver ${resolver} ipv6=off;
    location / { proxy_pass http://$host:${port}; } } }`);
    const body = `first${' '.repeat(300_000)}the end`;
    const text = await new Promise<string>((resolve, reject) => {
      const request = http.request(
        {
          port: listen,
          host: '127.0.0.1',
          method: 'POST',
          headers: { host: 'app.test', 'content-length': body.length },
        },
        (response) => response.setEncoding('latin1').on('data', resolve),
      );
      request.on('error', reject).end(body);
    });
    expect(text).to.equal('all');
  });
});
