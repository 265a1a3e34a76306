/** `ignore_missing_cr`: bare LF on the side where it is on, CRLF on all that goes on. */
import { expect } from 'chai';
import { cleanUp, exchangeRaw, freePort, onHeads, startProxy, startRawUpstream } from './harness.js';

describe('ignore_missing_cr', () => {
  afterEach(cleanUp);

  const LF_REQUEST = 'GET /x HTTP/1.1\nHost: a\nX: y\nConnection: close\n\n';
  const CRLF_REQUEST = LF_REQUEST.replace(/\n/g, '\r\n');

  /** What the downstream side and the upstream get. */
  async function run(
    lines: { http?: string; server?: string; upstream?: string },
    request: string,
    response: string,
  ): Promise<{ down: string; up: string }> {
    let up = '';
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, (head) => {
        up += head;
        socket.end(response);
      });
    });
    const port = await freePort();
    await startProxy(`daemon off; pid wirehop.pid; error_log error.log; events {}
      http { access_log off; ${lines.http ?? ''}
        upstream u { server 127.0.0.1:${upstream.port}; ${lines.upstream ?? ''} }
        server { listen 127.0.0.1:${port}; ${lines.server ?? ''} location / { proxy_pass http://u; } } }`);
    const down = await exchangeRaw(port, request);
    return { down, up };
  }

  const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nok';
  const LF_OK = OK.replace(/\r\n/g, '\n');

  it('refuses a bare LF by default, on both sides', async () => {
    const { down, up } = await run({}, LF_REQUEST, OK);
    expect(down).to.match(/^HTTP\/1\.1 400 /);
    expect(up).to.equal('');
    await cleanUp();
    expect((await run({}, CRLF_REQUEST, LF_OK)).down).to.match(/^HTTP\/1\.1 502 /);
  });

  it('in server: requests alone', async () => {
    const { down, up } = await run({ server: 'ignore_missing_cr on;' }, LF_REQUEST, OK);
    expect(down).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*\r\nX: y\r\n[^]*\r\n\r\nok$/);
    expect(up).to.match(/^GET \/x HTTP\/1\.1\r\n([^\r\n]+\r\n)*X: y\r\n\r\n$/);
    await cleanUp();
    const other = await run({ server: 'ignore_missing_cr on;' }, CRLF_REQUEST, LF_OK);
    expect(other.down).to.match(/^HTTP\/1\.1 502 /);
  });

  it('in upstream: responses alone', async () => {
    const { down } = await run({ upstream: 'ignore_missing_cr on;' }, CRLF_REQUEST, LF_OK);
    expect(down).to.match(/^HTTP\/1\.1 200 OK\r\n([^\r\n]+\r\n)*X: y\r\n([^\r\n]+\r\n)*\r\nok$/);
    await cleanUp();
    expect((await run({ upstream: 'ignore_missing_cr on;' }, LF_REQUEST, OK)).down).to.match(
      /^HTTP\/1\.1 400 /,
    );
  });

  it('in http: both; lines of chunks stay strict', async () => {
    const http = 'ignore_missing_cr on;';
    expect((await run({ http }, LF_REQUEST, LF_OK)).down).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
    await cleanUp();
    const chunked = 'POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n2\nab\n0\n\n';
    const { down, up } = await run({ http }, chunked, OK);
    expect(down).to.match(/^HTTP\/1\.1 400 /);
    expect(up).to.equal('');
  });
});
