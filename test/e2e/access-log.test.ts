/**
 * Access logs through the real command: conditions, buffers, and what a line says of a tunnel when it closes.
 */
import { expect } from 'chai';
import {
  cleanUp,
  exchangeRaw,
  freePort,
  onHeads,
  openRaw,
  startProxy,
  startRawUpstream,
  until,
} from './harness.js';

const OFFER = 'GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n';

describe('access logs', () => {
  afterEach(cleanUp);

  it('if= leaves lines out, buffer= gathers them, and a stop writes what is left', async () => {
    const listen = await freePort();
    const proxy = await startProxy(`daemon off; pid wirehop.pid; error_log error.log;
events {}
http {
  log_format short '$request_uri $status';
  map $status $is_bad { default 0; ~^[45] 1; }
  access_log bad.log short if=$is_bad;
  access_log all.log short buffer=64k flush=1m;
  server {
    listen 127.0.0.1:${listen};
    location /good { return 200; }
    location /bad { return 404; }
  }
}`);
    for (const path of ['good', 'bad', 'good'])
      await exchangeRaw(listen, `GET /${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(proxy.file('bad.log')).to.equal('/bad 404\n');
    expect(proxy.file('all.log')).to.equal('');
    await proxy.stop('SIGTERM');
    expect(proxy.file('all.log')).to.equal('/good 200\n/bad 404\n/good 200\n');
  });

  it('a tunnel is logged when it closes: octets each way, time, who closed it and why', async () => {
    const upstream = await startRawUpstream((socket) =>
      onHeads(socket, (head) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello');
        if (head.startsWith('GET /leave')) socket.end();
      }),
    );
    const listen = await freePort();
    const proxy = await startProxy(`daemon off; pid wirehop.pid; error_log error.log;
events {}
http {
  log_format tunnel '$request_uri $status $request_time $tunnel_ended_by $fault_rule $fault_code '
                    '$upstream_bytes_sent $upstream_bytes_received';
  access_log tunnel.log tunnel;
  server {
    listen 127.0.0.1:${listen};
    location / {
      proxy_pass http://127.0.0.1:${upstream.port};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout 1s;
    }
  }
}`);
    const lines = (): string[] => proxy.file('tunnel.log').split('\n').slice(0, -1);
    await exchangeRaw(listen, OFFER.replace('chat', 'idle'));
    await exchangeRaw(listen, OFFER.replace('chat', 'leave'));
    const client = await openRaw(listen);
    client.write(OFFER);
    await until('the 101', () => client.received.includes('hello'));
    client.write('12345');
    client.socket.end();
    await until('three lines', () => lines().length === 3);
    client.socket.destroy();
    const [idle, left, mine] = lines();
    expect(idle).to.match(/^\/idle 101 1\.\d{3} internal proxy_read_timeout TUNNEL_IDLE \d+ \d+$/);
    expect(left).to.match(/^\/leave 101 \d\.\d{3} upstream - - \d+ \d+$/);
    expect(mine).to.match(/^\/chat 101 \d\.\d{3} downstream - - \d+ \d+$/);
    const [sent, received] = mine.split(' ').slice(-2).map(Number);
    expect(received).to.equal(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello'.length,
    );
    expect(sent).to.be.greaterThan(5);
  });
});
