/** Figures of connections: what `stub_status` and its variables say is what there is. */
import { expect } from 'chai';
import { cleanUp, exchangeRaw, freePort, openRaw, startProxy, until } from './harness.js';

describe('env', () => {
  afterEach(cleanUp);

  it('is set in the processes that serve', async () => {
    const port = await freePort();
    const proxy =
      await startProxy(`daemon off; pid wirehop.pid; error_log error.log; env WIREHOP_A=b; env PATH;
      env TZ=Etc/GMT-3; events {} http { log_format zone '$time_iso8601'; access_log access.log zone;
        server { listen 127.0.0.1:${port}; return 200 ok; } }`);
    await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await until('a line', () => proxy.file('access.log') !== '');
    expect(proxy.file('access.log')).to.match(/\+03:00\n$/);
    expect(proxy.faults()).to.deep.equal([]);
  });
});

describe('stub_status', () => {
  afterEach(cleanUp);

  it('counts connections by what they are at, and requests', async () => {
    const port = await freePort();
    const proxy =
      await startProxy(`daemon off; master_process off; pid wirehop.pid; error_log error.log; events {}
      http { access_log off; server { listen 127.0.0.1:${port};
        location = /status { stub_status; }
        location = /variables { return 200 "$connections_active $connections_reading $connections_writing $connections_waiting"; }
        location / { return 200 ok; } } }`);
    const ask = (target: string): Promise<string> =>
      exchangeRaw(port, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const figures = async (): Promise<number[]> =>
      ((await ask('/status')).split('\r\n\r\n')[1].match(/\d+/g) ?? []).map(Number);
    // The harness looked for the port before.
    const [, before] = await figures();
    const idle = await openRaw(port);
    idle.write('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.until('ok');
    const silent = await openRaw(port);
    const begun = await openRaw(port);
    begun.write('GET /x HT');
    // active, accepts, handled, requests, reading, writing, waiting
    await until('all of them', async () => (await figures())[4] === 1);
    const [active, accepts, handled, , reading, writing, waiting] = await figures();
    expect([active, reading, writing, waiting]).to.deep.equal([4, 1, 1, 2]);
    expect(accepts).to.be.at.least(before + 4);
    expect(handled).to.equal(accepts);
    expect(await ask('/variables')).to.match(/\r\n\r\n4 1 1 2$/);
    const [, , , requests] = await figures();
    expect((await figures())[3]).to.equal(requests + 1);
    for (const { socket } of [idle, silent, begun]) socket.destroy();
    await until('them to be gone', async () => (await figures())[0] === 1);
    expect(proxy.faults()).to.deep.equal([]);
  });
});
