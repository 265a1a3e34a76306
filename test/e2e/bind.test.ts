/** `proxy_bind` and `proxy_socket_keepalive`: how sockets towards upstreams are made, on whichever transport. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { cleanUp, exchangeRaw, freePort, onHeads, startProxy, startRawUpstream } from './harness.js';

describe('sockets towards upstreams', () => {
  afterEach(cleanUp);

  async function run(
    lines: string,
  ): Promise<{ from: string; fromPort: number; options: string; answer: string }> {
    let from = '';
    let fromPort = 0;
    let options = '';
    const upstream = await startRawUpstream((socket) => {
      from = socket.remoteAddress ?? '';
      fromPort = socket.remotePort ?? 0;
      onHeads(socket, () => {
        options = timersOf(socket.localPort ?? 0);
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    const port = await freePort();
    await startProxy(`daemon off; pid wirehop.pid; error_log error.log; events {}
      http { access_log off;
        server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${upstream.port}; ${lines} } } }`);
    const answer = await exchangeRaw(port, 'GET / HTTP/1.0\r\n\r\n');
    return { from, fromPort, options, answer: answer.split('\r\n')[0] };
  }

  /** Timers of the connection to a port of this machine, as the system shows them; '' where it does not. */
  function timersOf(port: number): string {
    try {
      return execFileSync('ss', ['-tno', 'state', 'established', 'dport', '=', `:${port}`], {
        encoding: 'utf8',
      });
    } catch {
      return '';
    }
  }

  it('come from the address that proxy_bind names', async () => {
    expect(await run('proxy_bind 127.0.0.9;')).to.include({ from: '127.0.0.9', answer: 'HTTP/1.1 200 OK' });
  });

  it('come from the address of the system without it', async () => {
    expect((await run('proxy_bind off;')).from).to.equal('127.0.0.1');
  });

  it('an address that is not here is an upstream that cannot be reached', async () => {
    expect((await run('proxy_bind 192.0.2.77;')).answer).to.equal('HTTP/1.1 502 Bad Gateway');
  });

  it('come from a port, too, where proxy_bind names one', async () => {
    const port = await freePort();
    expect(await run(`proxy_bind 127.0.0.9:${port};`)).to.include({ from: `127.0.0.9`, fromPort: port });
  });

  it('come from where variables say, or from the address of the system where they say nothing', async () => {
    const port = await freePort();
    const listen = await freePort();
    const seen: string[] = [];
    const upstream = await startRawUpstream((socket) => {
      seen.push(`${socket.remoteAddress}:${socket.remotePort === port ? 'port' : 'any'}`);
      onHeads(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    });
    const proxy = await startProxy(`daemon off; pid wirehop.pid; error_log error.log; events {}
      http { access_log off;
        server { listen 127.0.0.1:${listen};
          location / { proxy_pass http://127.0.0.1:${upstream.port}; proxy_bind $arg_from; } } }`);
    for (const [from, answer] of [
      ['127.0.0.9', '200'],
      ['127.0.0.8', '200'],
      // Connections that came from there are used again for those who come from there.
      ['127.0.0.9', '200'],
      ['', '200'],
      [`127.0.0.7:${port}`, '200'],
      ['nonsense', '200'],
      ['192.0.2.77', '502'],
    ]) {
      const text = await exchangeRaw(listen, `GET /?from=${from} HTTP/1.0\r\n\r\n`);
      expect(text, from).to.match(new RegExp(`^HTTP/1\\.1 ${answer} `));
    }
    const [system, nine, eight, seven] = [
      '127.0.0.1:any',
      '127.0.0.9:any',
      '127.0.0.8:any',
      '127.0.0.7:port',
    ];
    expect(seen).to.deep.equal([nine, eight, system, seven]);
    expect(proxy.file('error.log')).to.include('invalid local address "nonsense"');
  });

  it('of tunnels come from where tunnel_bind says', async () => {
    const listen = await freePort();
    let from = '';
    const upstream = await startRawUpstream((socket) => {
      from = socket.remoteAddress ?? '';
      socket.end('here');
    });
    await startProxy(`daemon off; pid wirehop.pid; error_log error.log; events {}
      http { access_log off; server { listen 127.0.0.1:${listen}; tunnel_pass; tunnel_bind 127.0.0.$request_port;
        location /x { proxy_pass http://127.0.0.1:1; } } server { listen 127.0.0.1:${listen}; server_name bound;
        tunnel_pass 127.0.0.1:${upstream.port}; tunnel_bind 127.0.0.$request_port; tunnel_socket_keepalive on; } }`);
    expect(await exchangeRaw(listen, 'CONNECT bound:9 HTTP/1.1\r\nHost: a\r\n\r\n')).to.match(/here$/);
    expect(from).to.equal('127.0.0.9');
  });

  it('proxy_socket_keepalive has the system probe them', async function () {
    const { options, answer } = await run('proxy_socket_keepalive on;');
    expect(answer).to.equal('HTTP/1.1 200 OK');
    if (options === '') this.skip();
    expect(options).to.match(/timer:\(keepalive,/);
  });
});
