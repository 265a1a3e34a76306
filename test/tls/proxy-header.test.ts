/** PROXY headers: the table of good and bad ones, each at every split; what is written is read again. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  PROXY_COMPLETE,
  PROXY_MORE,
  PROXY_REFUSED,
  type ProxyHeader,
  ProxyHeaderReader,
  V2_SIGNATURE,
} from '../../src/wire/proxy-protocol/reader.js';
import { proxyHeaderOf } from '../../src/wire/proxy-protocol/writer.js';

const REST = 'GET / HTTP/1.1\r\n';

/** Version 2: command, family and transport, addresses and fields. */
function v2(verCmd: number, family: number, body: readonly number[], length = body.length): Buffer {
  return Buffer.concat([V2_SIGNATURE, Buffer.from([verCmd, family, length >> 8, length & 0xff, ...body])]);
}

const FOUR = [192, 0, 2, 1, 198, 51, 100, 2, 0x1f, 0x90, 0x01, 0xbb];
const SIX = [
  ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ...[0, 80, 1, 187],
];

function shown({ address, port, serverAddress, serverPort, tlvs, version }: ProxyHeader): string {
  const fields = tlvs.map(({ type, value }) => ` ${type}=${value.toString('latin1')}`).join('');
  return `${version} ${address} ${port} ${serverAddress} ${serverPort}${fields}`;
}

const GOOD: [Buffer | string, string][] = [
  ['PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n', '1 192.0.2.1 8080 198.51.100.2 443'],
  ['PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n', '1 0.0.0.0 0 255.255.255.255 65535'],
  ['PROXY TCP6 2001:DB8::1 ::1 80 443\r\n', '1 2001:db8::1 80 ::1 443'],
  [
    `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
    '1 ' + `${'ffff:'.repeat(7)}ffff 65535 `.repeat(2).trim(),
  ],
  ['PROXY UNKNOWN\r\n', '1  0  0'],
  ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', '1  0  0'],
  [v2(0x21, 0x11, FOUR), '2 192.0.2.1 8080 198.51.100.2 443'],
  [v2(0x21, 0x21, SIX), '2 2001:db8::1 80 ::1 443'],
  [
    v2(0x21, 0x11, [...FOUR, 1, 0, 2, 0x68, 0x32, 2, 0, 1, 0x78]),
    '2 192.0.2.1 8080 198.51.100.2 443 1=h2 2=x',
  ],
  [v2(0x21, 0x11, [...FOUR, 4, 0, 0]), '2 192.0.2.1 8080 198.51.100.2 443 4='],
  [v2(0x20, 0x00, []), '2  0  0'],
  [v2(0x20, 0x11, FOUR), '2  0  0'],
  [v2(0x20, 0x00, [9, 9, 9, 9]), '2  0  0'],
  [v2(0x21, 0x00, [1, 0, 1, 0x78]), '2  0  0 1=x'],
  [v2(0x21, 0x31, new Array<number>(216).fill(0x2f)), '2  0  0'],
];

const BAD: (Buffer | string)[] = [
  'GET / HTTP/1.1\r\n',
  'proxy TCP4 192.0.2.1 198.51.100.2 8080 443\r\n',
  'PROXY\r\n',
  'PROXY \r\n',
  'PROXY  TCP4 192.0.2.1 198.51.100.2 8080 443\r\n',
  'PROXY TCP4 192.0.2.1  198.51.100.2 8080 443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 8080 443 \r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 8080\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 8080 443 1\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\rx',
  'PROXY TCP4 192.0.2.256 198.51.100.2 8080 443\r\n',
  'PROXY TCP4 192.0.2.01 198.51.100.2 8080 443\r\n',
  'PROXY TCP4 192.0.2 198.51.100.2 8080 443\r\n',
  'PROXY TCP4 2001:db8::1 ::1 80 443\r\n',
  'PROXY TCP6 192.0.2.1 198.51.100.2 80 443\r\n',
  'PROXY TCP6 2001:db8::1::2 ::1 80 443\r\n',
  'PROXY TCP6 fe80::1%eth0 ::1 80 443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 08080 443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n',
  'PROXY UDP4 192.0.2.1 198.51.100.2 80 443\r\n',
  'PROXY UNKNOWNS\r\n',
  `PROXY UNKNOWN ${'x'.repeat(107)}\r\n`,
  Buffer.from('\r\n\r\n\0\r\nQUIT\r'),
  v2(0x11, 0x11, FOUR),
  v2(0x22, 0x11, FOUR),
  v2(0x21, 0x41, FOUR),
  v2(0x21, 0x13, FOUR),
  v2(0x21, 0x11, FOUR.slice(0, 11)),
  v2(0x21, 0x21, SIX.slice(0, 35)),
  v2(0x21, 0x11, [...FOUR, 1, 0]),
  v2(0x21, 0x11, [...FOUR, 1, 0, 5, 0]),
  v2(0x21, 0x11, FOUR, 4081),
];

function bytes(text: Buffer | string): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
}

describe('PROXY header', () => {
  for (const [text, wanted] of GOOD) {
    it(`reads ${JSON.stringify(String(text)).slice(0, 60)}`, () => {
      const header = bytes(text);
      for (let end = 0; end < header.length; end++) {
        expect(new ProxyHeaderReader().read(header, 0, end), `${end} octets`).to.equal(PROXY_MORE);
      }
      const reader = new ProxyHeaderReader();
      const all = Buffer.concat([Buffer.from('!'), header, Buffer.from(REST)]);
      expect(reader.read(all, 1, all.length)).to.equal(PROXY_COMPLETE);
      expect([reader.length, shown(reader.header!)]).to.deep.equal([header.length, wanted]);
    });
  }

  for (const text of BAD) {
    it(`refuses ${JSON.stringify(String(text)).slice(0, 60)}`, () => {
      const header = bytes(text);
      expect(new ProxyHeaderReader().read(header, 0, header.length)).to.equal(PROXY_REFUSED);
      // Never taken for a header, however little of it is there.
      for (let end = 0; end < header.length; end++) {
        expect(new ProxyHeaderReader().read(header, 0, end)).to.not.equal(PROXY_COMPLETE);
      }
    });
  }

  it('what is written is read again (generated)', () => {
    const ends = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6()));
    fc.assert(
      fc.property(
        ends,
        fc.nat(65_535),
        fc.nat(65_535),
        fc.constantFrom(1, 2),
        (addresses, from, to, version) => {
          const [remoteAddress, localAddress] = addresses;
          const connection = { remoteAddress, remotePort: from, localAddress, localPort: to };
          const octets = proxyHeaderOf(version as 1 | 2, connection);
          const reader = new ProxyHeaderReader();
          expect(reader.read(octets, 0, octets.length)).to.equal(PROXY_COMPLETE);
          expect(reader.length).to.equal(octets.length);
          const { header } = reader;
          expect([header?.version, header?.port, header?.serverPort]).to.deep.equal([version, from, to]);
          expect(canonical(header?.address)).to.equal(canonical(remoteAddress));
          expect(canonical(header?.serverAddress)).to.equal(canonical(localAddress));
        },
      ),
    );
  });

  it('names no addresses where there are none, or of two families', () => {
    const connection = { remoteAddress: 'unix:', remotePort: 0, localAddress: 'unix:/x', localPort: 0 };
    const mixed = { remoteAddress: '192.0.2.1', remotePort: 1, localAddress: '::1', localPort: 2 };
    for (const one of [connection, mixed]) {
      expect(String(proxyHeaderOf(1, one))).to.equal('PROXY UNKNOWN\r\n');
      const reader = new ProxyHeaderReader();
      const octets = proxyHeaderOf(2, one);
      expect(reader.read(octets, 0, octets.length)).to.equal(PROXY_COMPLETE);
      expect(reader.header?.address).to.equal('');
    }
  });

  it('never throws (generated)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (tail, isBinary) => {
        const octets = Buffer.concat([isBinary ? V2_SIGNATURE : Buffer.from('PROXY '), tail]);
        new ProxyHeaderReader().read(octets, 0, octets.length);
      }),
      { numRuns: 1000 },
    );
  });
});

/** One text for one address. */
function canonical(address: string | undefined): string {
  return address?.includes(':') === true ? new URL(`http://[${address}]`).hostname : (address ?? '');
}
