/**
 * PROXY headers in and out, and realip: what the variables say, whom is believed, and what ends the connection. The same
 * requests go to nginx where it is installed.
 */
import { expect } from 'chai';
import { connect as connectPlainly, createServer, type AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { cleanUp, freePort, onCleanUp, openRaw, RawConnection, until } from '../e2e/harness.js';
import { PROXY_COMPLETE, ProxyHeaderReader, V2_SIGNATURE } from '../../src/wire/proxy-protocol/reader.js';
import { HAS_NGINX, startNginx } from './nginx.js';
import { basics, contentOf, exchangeClear, exchangeSecure, pairLines, serve, statusOf } from './stage.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const V1 = 'PROXY TCP4 192.0.2.7 198.51.100.2 40000 443\r\n';
const V6 = 'PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n';
const ADDRESSES = '$remote_addr|$remote_port|$realip_remote_addr|$proxy_protocol_addr|$proxy_protocol_port';
const SERVERS = '$proxy_protocol_server_addr|$proxy_protocol_server_port|$scheme';

/** Version 2 from 192.0.2.8:1 to 198.51.100.2:2, with fields. */
function v2(fields: readonly number[] = []): Buffer {
  const body = [192, 0, 2, 8, 198, 51, 100, 2, 0, 1, 0, 2, ...fields];
  return Buffer.concat([V2_SIGNATURE, Buffer.from([0x21, 0x11, 0, body.length, ...body])]);
}

for (const transport of ['net', 'handle'] as const)
  describe(`listen proxy_protocol, transport ${transport}`, () => {
    afterEach(cleanUp);
    const options = { transport };

    it('both versions, whole and octet by octet', async () => {
      const { port } = await serve(
        `server { listen 127.0.0.1:1 proxy_protocol; return 200 "${ADDRESSES}|${SERVERS}"; }`,
        {},
        options,
      );
      const cases: [Buffer, RegExp][] = [
        [
          Buffer.from(V1),
          /^127\.0\.0\.1\|\d+\|127\.0\.0\.1\|192\.0\.2\.7\|40000\|198\.51\.100\.2\|443\|http$/,
        ],
        [Buffer.from(V6), /\|2001:db8::7\|40000\|2001:db8::1\|443\|http$/],
        [v2(), /\|192\.0\.2\.8\|1\|198\.51\.100\.2\|2\|http$/],
        [Buffer.from('PROXY UNKNOWN\r\n'), /^127\.0\.0\.1\|\d+\|127\.0\.0\.1\|\|\|\|\|http$/],
      ];
      for (const [header, wanted] of cases) {
        const octets = Buffer.concat([header, Buffer.from(GET)]);
        expect(contentOf(await exchangeClear(port, octets))).to.match(wanted);
        const client = await openRaw(port);
        for (const octet of octets) {
          client.write(Buffer.of(octet));
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(contentOf(await client.untilEnd())).to.match(wanted);
      }
    });

    it('several requests behind one header', async () => {
      const { port } = await serve(
        'server { listen 127.0.0.1:1 proxy_protocol; return 200 $proxy_protocol_addr; }',
        {},
        options,
      );
      const client = await openRaw(port);
      client.write(V1 + GET.replace('close', 'keep-alive') + GET);
      const answers = await client.untilEnd();
      expect(answers.match(/192\.0\.2\.7/g)).to.have.length(2);
    });

    it('no header, a broken one, half of one: closed without an answer, told once', async () => {
      const { port, errors, driver } = await serve(
        'client_header_timeout 300ms; server { listen 127.0.0.1:1 proxy_protocol; return 200; }',
        {},
        options,
      );
      expect(await exchangeClear(port, GET)).to.equal('');
      expect(await exchangeClear(port, 'PROXY TCP4 192.0.2.256 1.1.1.1 1 1\r\n')).to.equal('');
      const half = await openRaw(port);
      half.write('PROXY TCP4 ');
      expect(await half.untilEnd()).to.equal('');
      await until('all to be counted out', () => driver.counters.sessions === 0);
      expect(errors).to.have.length(3);
      expect(errors[0]).to.match(
        /^error \*1 broken header: "GET \/ .*" while reading PROXY protocol \[PROXY_HEADER_INVALID/,
      );
      expect(errors[2]).to.contain('[PROXY_HEADER_TIMEOUT, client_header_timeout]');
    });
  });

describe('PROXY protocol and TLS', () => {
  afterEach(cleanUp);

  it('the header stands in front of the handshake', async () => {
    const { server: pair } = await basics();
    const { port } = await serve(
      `server { listen 127.0.0.1:1 ssl proxy_protocol; ${pairLines(pair)}
         return 200 "${SERVERS}|$proxy_protocol_addr|$ssl_server_name"; }`,
    );
    const secure = async (first: Buffer, pause: boolean): Promise<string> => {
      const carrier = connectPlainly(port, '127.0.0.1');
      carrier.write(first);
      if (pause) await new Promise((resolve) => setTimeout(resolve, 50));
      return contentOf(await exchangeSecure(port, { carrier, servername: 'a.example' }));
    };
    for (const pause of [false, true]) {
      expect(await secure(Buffer.from(V1), pause)).to.equal('198.51.100.2|443|https|192.0.2.7|a.example');
      expect(await secure(v2(), pause)).to.equal('198.51.100.2|2|https|192.0.2.8|a.example');
    }
    const clear = await exchangeClear(port, V1 + GET);
    expect(clear).to.contain('The plain HTTP request was sent to HTTPS port');
  });

  it('fields of version 2', async () => {
    const text = (type: number, value: string): number[] => [type, 0, value.length, ...Buffer.from(value)];
    const ssl = [1, 0, 0, 0, 0, ...text(0x21, 'TLSv1.3'), ...text(0x22, 'somebody')];
    const fields = [
      ...text(1, 'h2'),
      ...text(2, 'name.example'),
      0x20,
      0,
      ssl.length,
      ...ssl,
      ...text(0xe0, 'own'),
    ];
    const { port } = await serve(
      `server { listen 127.0.0.1:1 proxy_protocol;
         return 200 "$proxy_protocol_tlv_alpn|$proxy_protocol_tlv_authority|$proxy_protocol_tlv_ssl_version|\
$proxy_protocol_tlv_ssl_cn|$proxy_protocol_tlv_ssl_verify|$proxy_protocol_tlv_0xe0|$proxy_protocol_tlv_netns"; }`,
    );
    const answer = await exchangeClear(port, Buffer.concat([v2(fields), Buffer.from(GET)]));
    expect(contentOf(answer)).to.equal('h2|name.example|TLSv1.3|somebody|0|own|');
  });
});

describe('proxy_protocol towards upstreams', () => {
  afterEach(cleanUp);

  for (const transport of ['net', 'handle'] as const)
    for (const [value, version, isSecure] of [
      ['on', 1, false],
      ['v2', 2, false],
      ['on', 1, true],
      ['v2', 2, true],
    ] as const) {
      it(`${value}${isSecure ? ', before TLS' : ''}: a header on every connection, transport ${transport}`, async () => {
        const { server: pair } = await basics();
        const headers: string[] = [];
        const secure = createTlsServer(pair, (socket) => {
          socket.on('error', () => undefined);
          socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
        });
        const server = createServer((socket) => {
          socket.on('error', () => undefined);
          socket.once('readable', () => {
            const chunk = (socket.read() ?? Buffer.alloc(0)) as Buffer;
            const reader = new ProxyHeaderReader();
            if (reader.read(chunk, 0, chunk.length) !== PROXY_COMPLETE) return void socket.destroy();
            const { header } = reader;
            headers.push(`${header?.version} ${header?.address} ${header?.port}`);
            const rest = chunk.subarray(reader.length);
            if (rest.length > 0) socket.unshift(rest);
            if (isSecure) secure.emit('connection', socket);
            else socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
          });
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        onCleanUp(() => server.close());
        const { port } = server.address() as AddressInfo;
        const { port: front, driver } = await serve(
          `upstream up { server 127.0.0.1:${port}; keepalive 4; }
           server { listen 127.0.0.1:1; proxy_protocol ${value}; set_real_ip_from 127.0.0.1;
             location / { proxy_pass ${isSecure ? 'https' : 'http'}://up; } }`,
          {},
          { transport },
        );
        expect(statusOf(await exchangeClear(front, GET))).to.equal(200);
        const client = await openRaw(front);
        const { localPort } = client.socket;
        client.write(GET.replace('close', 'keep-alive'));
        await client.until('ok');
        client.write(GET.replace('\r\n\r\n', '\r\nX-Real-IP: 192.0.2.9\r\n\r\n'));
        await client.untilEnd();
        expect(headers).to.have.length(3);
        expect(headers.slice(1)).to.deep.equal([
          `${version} 127.0.0.1 ${localPort}`,
          `${version} 192.0.2.9 0`,
        ]);
        await until('no connection to be kept', () => driver.counters.links === 0);
      });
    }
});

describe('realip', () => {
  afterEach(cleanUp);

  const XFF = 'X-Forwarded-For';
  /** Directives, field lines, and who the client is then. */
  const CASES: [string, string, string][] = [
    ['set_real_ip_from 127.0.0.1;', 'X-Real-IP: 192.0.2.1', '192.0.2.1|'],
    ['set_real_ip_from 127.0.0.0/8;', 'X-Real-IP: 192.0.2.1', '192.0.2.1|'],
    ['set_real_ip_from 10.0.0.0/8;', 'X-Real-IP: 192.0.2.1', '127.0.0.1|'],
    ['set_real_ip_from 127.0.0.1;', 'X-Real-IP: not an address', '127.0.0.1|'],
    ['set_real_ip_from 127.0.0.1;', 'X-Real-IP: 192.0.2.1:8080', '192.0.2.1|8080'],
    ['set_real_ip_from 127.0.0.1;', 'X-Real-IP: 2001:DB8::1', '2001:db8::1|'],
    ['set_real_ip_from 127.0.0.1;', 'X-Real-IP: [2001:db8::1]:80', '2001:db8::1|80'],
    ['set_real_ip_from 127.0.0.1;', `${XFF}: 192.0.2.1`, '127.0.0.1|'],
    [`set_real_ip_from 127.0.0.1; real_ip_header ${XFF};`, `${XFF}: 192.0.2.1, 192.0.2.2`, '192.0.2.2|'],
    [
      `set_real_ip_from 127.0.0.1; real_ip_header ${XFF};`,
      `${XFF}: 192.0.2.1\r\n${XFF}: 192.0.2.3`,
      '192.0.2.3|',
    ],
    [`set_real_ip_from 127.0.0.1; real_ip_header ${XFF};`, `${XFF}: 192.0.2.1, unknown`, '127.0.0.1|'],
    [
      `set_real_ip_from 127.0.0.1; set_real_ip_from 192.0.2.0/24; real_ip_header ${XFF}; real_ip_recursive on;`,
      `${XFF}: 203.0.113.9, 198.51.100.1, 192.0.2.1, 192.0.2.2`,
      '198.51.100.1|',
    ],
    [
      `set_real_ip_from 0.0.0.0/0; real_ip_header ${XFF}; real_ip_recursive on;`,
      `${XFF}: 203.0.113.9\r\n${XFF}: 192.0.2.2`,
      '203.0.113.9|',
    ],
    [
      `set_real_ip_from 0.0.0.0/0; real_ip_header ${XFF}; real_ip_recursive on;`,
      `${XFF}: junk, 192.0.2.2`,
      '192.0.2.2|',
    ],
    ['set_real_ip_from 127.0.0.1; real_ip_header X-Mine;', 'X-Mine: 192.0.2.4', '192.0.2.4|'],
    ['set_real_ip_from 127.0.0.1; real_ip_header X-Mine;', 'X-Other: 192.0.2.4', '127.0.0.1|'],
  ];
  const RETURN = 'return 200 "$remote_addr|$remote_port|$realip_remote_addr";';
  const withLine = (line: string): string => GET.replace('\r\n\r\n', `\r\n${line}\r\n\r\n`);

  for (const [lines, field, wanted] of CASES) {
    const title = `${lines} ${JSON.stringify(field)}`;
    it(title, async () => {
      const { port } = await serve(`server { listen 127.0.0.1:1; ${lines} ${RETURN} }`);
      const [address, clientPort, original] = contentOf(await exchangeClear(port, withLine(field))).split(
        '|',
      );
      expect(`${address}|${wanted.startsWith('127.') ? '' : clientPort}`).to.equal(wanted);
      expect(original).to.equal('127.0.0.1');
    });
  }

  if (HAS_NGINX)
    it('all of these as nginx', async () => {
      const servers = (from: number): string =>
        CASES.map(
          ([lines], i) => `server { listen 127.0.0.1:${from}; server_name h${i}; ${lines} ${RETURN} }`,
        ).join('\n');
      const nginxPort = await freePort();
      await startNginx(servers(nginxPort), {});
      const { port } = await serve(servers(1));
      for (const [i, [lines, field]] of CASES.entries()) {
        const head = withLine(field).replace('Host: a', `Host: h${i}`);
        const ask = async (to: number): Promise<string> =>
          contentOf(await exchangeClear(to, head)).replace(/^127\.0\.0\.1\|\d+/, '127.0.0.1|port');
        expect(await ask(port), `${lines} ${field}`).to.equal(await ask(nginxPort));
      }
    });

  it('from the PROXY header, trusted senders alone', async () => {
    const rules = 'real_ip_header proxy_protocol;';
    const { ports } = await serve(`
      server { listen 127.0.0.1:1 proxy_protocol; set_real_ip_from 127.0.0.1; ${rules} ${RETURN} }
      server { listen 127.0.0.1:2 proxy_protocol; set_real_ip_from 10.0.0.1; ${rules} ${RETURN} }`);
    expect(contentOf(await exchangeClear(ports[0], V1 + GET))).to.equal('192.0.2.7|40000|127.0.0.1');
    expect(contentOf(await exchangeClear(ports[1], V1 + GET))).to.match(/^127\.0\.0\.1\|\d+\|127\.0\.0\.1$/);
    expect(contentOf(await exchangeClear(ports[0], `PROXY UNKNOWN\r\n${GET}`))).to.match(/^127\.0\.0\.1\|/);
  });

  it('holds for one request: log, X-Forwarded-For and error line say who it was; the next one is asked anew', async () => {
    const upstream = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (octets) => {
        const line = /X-Forwarded-For: .*/i.exec(String(octets))?.[0] ?? 'none';
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${line.length}\r\n\r\n${line}`);
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => upstream.close());
    const { port, lines, errors } = await serve(`
      log_format a '$remote_addr $uri'; access_log x a; set_real_ip_from 127.0.0.1;
      server { listen 127.0.0.1:1;
        location / { proxy_pass http://127.0.0.1:${(upstream.address() as AddressInfo).port};
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }
        location /trusted { real_ip_header X-Mine; return 200 $remote_addr; }
        location /broken { proxy_pass http://127.0.0.1:1; } }`);
    const client = new RawConnection(connectPlainly(port, '127.0.0.1'));
    const ask = async (path: string, line: string): Promise<string> => {
      client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`);
      await client.until(/\r\n\r\n[^]+$/);
      return contentOf(client.take());
    };
    expect(await ask('/', 'X-Real-IP: 192.0.2.1\r\n')).to.equal('X-Forwarded-For: 192.0.2.1');
    expect(await ask('/', '')).to.equal('X-Forwarded-For: 127.0.0.1');
    expect(await ask('/trusted', 'X-Mine: 192.0.2.5\r\n')).to.equal('192.0.2.5');
    await ask('/broken', 'X-Real-IP: 192.0.2.6\r\n');
    client.socket.destroy();
    expect(lines.map((line) => line.split(' ')[0])).to.deep.equal([
      '192.0.2.1',
      '127.0.0.1',
      '192.0.2.5',
      '192.0.2.6',
    ]);
    expect(errors[0]).to.contain('client: 192.0.2.6');
  });
});
