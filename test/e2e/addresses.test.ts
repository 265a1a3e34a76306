/** A wildcard and addresses of its own on one port: the address that a client came to says whose servers answer. */
import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cleanUp,
  exchangeRaw,
  freePort,
  freePorts,
  openRaw,
  startProxy,
  temporaryFolder,
  until,
} from './harness.js';

describe('listen on a wildcard and on addresses of the same port', () => {
  after(cleanUp);

  it('one socket, and the servers of each address', async () => {
    const port = await freePort();
    await startProxy(`daemon off; pid wirehop.pid; error_log error.log; events {}
      http { access_log off;
        server { listen ${port}; return 200 "wildcard"; }
        server { listen 127.0.0.1:${port}; server_name a; return 200 "a at 1"; }
        server { listen 127.0.0.1:${port} default_server; return 200 "default at 1"; }
        server { listen 127.0.0.2:${port}; location / { return 200 "at 2"; } } }`);
    const ask = async (host: string, name: string): Promise<string> => {
      const connection = await openRaw(port, { host });
      connection.write(`GET / HTTP/1.0\r\nHost: ${name}\r\n\r\n`);
      return (await connection.untilEnd()).split('\r\n\r\n')[1];
    };
    expect(await ask('127.0.0.1', 'a')).to.equal('a at 1');
    expect(await ask('127.0.0.1', 'b')).to.equal('default at 1');
    expect(await ask('127.0.0.2', 'a')).to.equal('at 2');
    expect(await ask('127.0.0.3', 'a')).to.equal('wildcard');
  });
});

describe('listen ... so_keepalive', () => {
  after(cleanUp);

  it('accepted connections are probed by the system, and others are not', async function () {
    if (!existsSync('/proc/net/tcp')) this.skip();
    const [probed, silent] = await freePorts(2);
    await startProxy(`daemon off; pid wirehop.pid; error_log error.log; events {}
      http { access_log off;
        server { listen 127.0.0.1:${probed} so_keepalive=on; return 200 "probed"; }
        server { listen 127.0.0.1:${silent}; return 200 "silent"; } }`);
    // An established connection with a keep-alive timer (2), or none (0): see proc_net_tcp.txt of the kernel.
    const timers = (port: number): string[] => {
      const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
      const rows = readFileSync('/proc/net/tcp', 'latin1')
        .split('\n')
        .map((line) => line.trim().split(/\s+/));
      return rows.filter((row) => row[1] === local && row[3] === '01').map((row) => row[5].slice(0, 2));
    };
    for (const [port, timer] of [
      [probed, '02'],
      [silent, '00'],
    ] as const) {
      const connection = await openRaw(port);
      connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await connection.until('200 OK');
      await until('the timer', () => timers(port).join() === timer);
    }
  });
});

describe('$server_addr of a unix socket', () => {
  after(cleanUp);

  it('is its path', async () => {
    const path = join(temporaryFolder(), 's');
    await startProxy(`daemon off; pid wirehop.pid; error_log error.log; events {}
      http { access_log off; server { listen unix:${path}; return 200 "$server_addr|$remote_addr|$server_port"; } }`);
    expect(await exchangeRaw(path, 'GET / HTTP/1.0\r\n\r\n')).to.match(
      new RegExp(`unix:${path}\\|unix:\\|$`),
    );
  });
});
