/** A wildcard and addresses of its own on one port: the address that a client came to says whose servers answer. */
import { expect } from 'chai';
import { cleanUp, freePort, openRaw, startProxy } from './harness.js';

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
