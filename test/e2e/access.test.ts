/**
 * Access rules and limits through the real command.
 */
import { expect } from 'chai';
import { cleanUp, exchangeRaw, freePort, openRaw, startProxy, until } from './harness.js';

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;

describe('access and limits', () => {
  afterEach(cleanUp);

  async function start(
    http: string,
    server: string,
  ): Promise<{ port: number; log: () => string; access: () => string }> {
    const port = await freePort();
    const proxy = await startProxy(`daemon off; pid wirehop.pid; error_log error.log info;
events {}
http {
  log_format limits '$uri $status $limit_req_status $limit_conn_status';
  access_log access.log limits;
  ${http}
  server { listen 127.0.0.1:${port}; ${server} }
}`);
    return { port, log: () => proxy.file('error.log'), access: () => proxy.file('access.log') };
  }
  const status = async (port: number, path: string): Promise<number> =>
    Number((await exchangeRaw(port, GET(path))).split(' ')[1]);

  it('deny answers 403 with a line in the error log, and error_page may stand in', async () => {
    const { port, log } = await start(
      '',
      `location / { deny 127.0.0.1; return 200; } # a return comes before access, as in nginx
       location /open { allow 127.0.0.0/8; deny all; proxy_pass http://127.0.0.1:1; }
       location /paged { deny all; error_page 403 =404 /page; proxy_pass http://127.0.0.1:1; }
       location /page { return 404 paged; }`,
    );
    expect(await status(port, '/')).to.equal(200);
    expect(await status(port, '/open')).to.equal(502);
    expect(await exchangeRaw(port, GET('/paged'))).to.match(/^HTTP\/1\.1 404 [^]*paged$/);
    expect(log()).to.include('access forbidden by rule');
  });

  it('limit_req refuses above the burst, and delays within it', async () => {
    const { port, log, access } = await start(
      'limit_req_zone $remote_addr zone=one:1m rate=2r/s; limit_req_zone $remote_addr zone=two:1m rate=2r/s;',
      `limit_req_status 429;
       location /strict { limit_req zone=one; error_page 502 =200 /ok; proxy_pass http://127.0.0.1:1; }
       location /patient { limit_req zone=two burst=5; error_page 502 =200 /ok; proxy_pass http://127.0.0.1:1; }
       location /ok { return 200; }`,
    );
    expect([await status(port, '/strict'), await status(port, '/strict')]).to.deep.equal([200, 429]);
    expect(log()).to.match(/\[error\] [^\n]*limiting requests, excess: [01]\.\d{3} by zone "one"/);
    const begun = Date.now();
    const answers = await Promise.all([1, 2, 3].map(() => status(port, '/patient')));
    expect(answers).to.deep.equal([200, 200, 200]);
    expect(Date.now() - begun).to.be.within(900, 3000);
    expect(log()).to.match(/\[warn\] [^\n]*delaying request, excess: [12]\.\d{3}, by zone "two"/);
    expect(
      access()
        .split('\n')
        .filter((line) => line.includes(' DELAYED ')),
    ).to.have.length(2);
    expect(access()).to.include(' 429 REJECTED ');
  });

  it('limit_req holds behind an internal redirection from a location that only looks at addresses', async () => {
    const { port } = await start(
      'limit_req_zone $remote_addr zone=one:1m rate=1r/m;',
      `location /first { allow all; error_page 502 = /second; proxy_pass http://127.0.0.1:1; }
       location /second { limit_req zone=one; error_page 502 =200 /ok; proxy_pass http://127.0.0.1:1; }
       location /ok { return 200; }`,
    );
    expect([await status(port, '/second'), await status(port, '/first')]).to.deep.equal([200, 503]);
  });

  it('limit_conn counts requests under way, and forgets a client that left', async () => {
    const { port, access } = await start(
      'limit_conn_zone $remote_addr zone=c:1m; limit_req_zone $uri zone=slow:1m rate=1r/s;',
      `location /held { limit_conn c 1; limit_req zone=slow burst=9; proxy_pass http://127.0.0.1:1; }`,
    );
    // The second request waits for its turn, and is under way meanwhile.
    await status(port, '/held');
    const waiting = await openRaw(port);
    waiting.write(GET('/held'));
    await until('it to be refused', async () => (await status(port, '/held')) === 503);
    expect(access()).to.match(/ 503 \w* REJECTED\n/);
    waiting.socket.resetAndDestroy();
    await until('room again', async () => (await status(port, '/held')) !== 503);
  });
});
