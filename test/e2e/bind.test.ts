/** `proxy_bind` and `proxy_socket_keepalive`: how sockets towards upstreams are made, on whichever transport. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { cleanUp, exchangeRaw, freePort, onHeads, startProxy, startRawUpstream } from './harness.js';

describe('sockets towards upstreams', () => {
  afterEach(cleanUp);

  async function run(lines: string): Promise<{ from: string; options: string; answer: string }> {
    let from = '';
    let options = '';
    const upstream = await startRawUpstream((socket) => {
      from = socket.remoteAddress ?? '';
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
    return { from, options, answer: answer.split('\r\n')[0] };
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

  it('proxy_socket_keepalive has the system probe them', async function () {
    const { options, answer } = await run('proxy_socket_keepalive on;');
    expect(answer).to.equal('HTTP/1.1 200 OK');
    if (options === '') this.skip();
    expect(options).to.match(/timer:\(keepalive,/);
  });
});
