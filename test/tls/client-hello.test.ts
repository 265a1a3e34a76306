/** The look into a client hello: real ones of Node's own client, at every split, cut into records, and broken ones. */
import { expect } from 'chai';
import fc from 'fast-check';
import { createServer, type AddressInfo } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { HELLO_CLEAR, HELLO_MORE, HELLO_TLS, readClientHello } from '../../src/wire/tls/client-hello.js';

/** What a client sends first. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const octets = await new Promise<Buffer>((resolve) => {
    const server = createServer((socket) => {
      socket.once('data', (chunk) => {
        socket.destroy();
        server.close();
        resolve(chunk);
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      connect({ port, host: '127.0.0.1', ...options }).on('error', () => undefined);
    });
  });
  return octets;
}

const read = (octets: Buffer): { outcome: number; serverName: string } =>
  readClientHello(octets, 0, octets.length);

/** The same message in records of at most `size` octets. */
function cut(hello: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 5; at < hello.length; at += size) {
    const part = hello.subarray(at, at + size);
    parts.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(parts);
}

describe('client hello', () => {
  const cases: [string, ConnectionOptions, string][] = [
    ['with a name', { servername: 'www.Example.org' }, 'www.Example.org'],
    ['without a name', {}, ''],
    ['of TLS 1.2', { servername: 'a.example', maxVersion: 'TLSv1.2' }, 'a.example'],
    ['with protocols', { servername: 'b.example', ALPNProtocols: ['h2', 'http/1.1'] }, 'b.example'],
  ];
  for (const [title, options, serverName] of cases) {
    it(`${title}: at every split`, async () => {
      const hello = await helloOf(options);
      for (let end = 0; end < hello.length; end++) {
        expect(readClientHello(hello, 0, end).outcome, `${end} octets`).to.equal(HELLO_MORE);
      }
      expect(read(hello)).to.deep.equal({ outcome: HELLO_TLS, serverName });
      const behind = Buffer.concat([Buffer.from('xx'), hello, Buffer.from([0x17, 3, 3])]);
      expect(readClientHello(behind, 2, behind.length)).to.deep.equal({ outcome: HELLO_TLS, serverName });
    });

    it(`${title}: in records of any size`, async () => {
      const hello = await helloOf(options);
      for (const size of [1, 2, 3, 4, 5, 50, 100]) {
        const records = cut(hello, size);
        expect(read(records), `${size}`).to.deep.equal({ outcome: HELLO_TLS, serverName });
        expect(read(records.subarray(0, -1)).outcome).to.equal(HELLO_MORE);
      }
    });
  }

  it('tells HTTP from TLS by the first octet', () => {
    for (const text of ['G', 'GET / HTTP/1.1', '\r\n', '\0', 'PROXY']) {
      expect(read(Buffer.from(text)).outcome, text).to.equal(HELLO_CLEAR);
    }
    expect(read(Buffer.from([0x80, 0x2e, 1])).outcome, 'SSLv2').to.equal(HELLO_TLS);
  });

  it('leaves what is malformed to the TLS library, at once', () => {
    for (const octets of [
      [0x16, 2, 0, 0, 5], // no record of TLS
      [0x16, 3, 1, 0, 0], // an empty record
      [0x16, 3, 1, 0x50, 0], // a record that is too long
      [0x16, 3, 1, 0, 4, 2, 0, 0, 0], // not a client hello
      [0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff], // a hello that is too long
      [0x16, 3, 1, 0, 1, 1, 0x15, 3], // an alert in the middle
    ]) {
      const found = read(Buffer.from(octets));
      expect(found, String(octets)).to.deep.equal({ outcome: HELLO_TLS, serverName: '' });
    }
  });

  it('never throws, and never finds a name beside what was sent (generated)', async () => {
    const hello = await helloOf({ servername: 'a.example' });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const broken = Buffer.from(hello);
        for (const [at, octet] of changes) broken[at] = octet;
        const { serverName } = read(broken);
        expect(broken.toString('latin1')).to.contain(serverName);
      }),
      { numRuns: 500 },
    );
  });
});
