/** `listen ... ssl`: names, certificates, versions, refusals, sessions, ends. Real sockets, Node's own clients. */
import { expect } from 'chai';
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { connect as connectPlainly } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { cleanUp, openRaw, pause, RawConnection, soon, until } from '../e2e/harness.js';
import type { Pair } from './authority.js';
import {
  basics,
  contentOf,
  exchangeClear,
  exchangeSecure,
  openSecure,
  pairLines,
  serve,
  statusOf,
} from './stage.js';

const SHOWN =
  'return 200 "$server_name $ssl_server_name $ssl_protocol $ssl_cipher $ssl_session_reused $scheme $https\\n";';

/** The subject of the certificate that a client of this name is shown. */
async function certificateFor(port: number, options: ConnectionOptions): Promise<string> {
  const connection = await openSecure(port, options);
  const { subject } = connection.socket.getPeerCertificate();
  connection.socket.destroy();
  return String(subject.CN);
}

async function failureOf(port: number, options: ConnectionOptions): Promise<string> {
  try {
    await openSecure(port, options);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
  return 'none';
}

describe('listen ssl', () => {
  let pair: Pair;
  let ca: string;
  before(async () => {
    const { root, server } = await basics();
    pair = server;
    ca = root.cert;
  });
  afterEach(cleanUp);

  it('serves requests, and its variables tell of TLS', async () => {
    const { port } = await serve(
      `server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} server_name a.example; ${SHOWN} }`,
    );
    const answer = await exchangeSecure(port, { ca, servername: 'a.example', ALPNProtocols: ['http/1.1'] });
    expect(contentOf(answer)).to.match(/^a\.example a\.example TLSv1\.3 TLS_AES_\w+ \. https on\n$/);
    const old = await exchangeSecure(port, { ca, maxVersion: 'TLSv1.2', servername: 'localhost' });
    expect(contentOf(old)).to.match(/^a\.example localhost TLSv1\.2 ECDHE-ECDSA-\S+ \. https on\n$/);
  });

  it('chooses the server by the name: exact, wildcard, default; each with its certificate', async () => {
    const { root } = await basics();
    const issue = (name: string): Promise<Pair> => root.issue({ names: [name] });
    const [one, wild, fallback] = [
      await issue('one.example'),
      await issue('*.wild.example'),
      await issue('z'),
    ];
    const { port } = await serve(`
      server { listen 127.0.0.1:1 ssl; server_name one.example; ${pairLines(one)} ${SHOWN} }
      server { listen 127.0.0.1:1 ssl default_server; server_name z; ${pairLines(fallback)} ${SHOWN} }
      server { listen 127.0.0.1:1; server_name *.wild.example; ${pairLines(wild)} ${SHOWN} }
      server { listen 127.0.0.1:1; server_name bare.example; ${SHOWN} }`);
    expect(await certificateFor(port, { servername: 'one.example' })).to.equal('one.example');
    expect(await certificateFor(port, { servername: 'ONE.example' })).to.equal('one.example');
    expect(await certificateFor(port, { servername: 'x.wild.example' })).to.equal('*.wild.example');
    expect(await certificateFor(port, { servername: 'bare.example' })).to.equal('z');
    expect(await certificateFor(port, { servername: 'unknown.example' })).to.equal('z');
    expect(await certificateFor(port, {})).to.equal('z');
    // Without Host the name in the handshake says which server is meant.
    const bare = await exchangeSecure(port, { servername: 'one.example' }, 'GET / HTTP/1.0\r\n\r\n');
    expect(contentOf(bare)).to.match(/^one\.example /);
  });

  it('several certificates of different kinds: each client gets one that it can use', async () => {
    const { root } = await basics();
    const rsa = await root.issue({ names: ['a.example'], kind: 'rsa' });
    const { port } = await serve(
      `server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${pairLines(rsa)} ${SHOWN} }`,
    );
    for (const [kind, pem] of [
      ['ECDSA', pair.cert],
      ['RSA', rsa.cert],
    ]) {
      const ciphers = `ECDHE-${kind}-AES128-GCM-SHA256`;
      const connection = await openSecure(port, {
        ca,
        ciphers,
        maxVersion: 'TLSv1.2',
        servername: 'a.example',
      });
      const { serialNumber } = new X509Certificate(pem);
      expect(connection.socket.getPeerCertificate().serialNumber, kind).to.equal(serialNumber);
    }
  });

  it('keys with a passphrase: each of ssl_password_file is tried', async () => {
    const key = createPrivateKey(pair.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'sesame',
    });
    const { port } = await serve(
      `server { listen 127.0.0.1:1 ssl; ssl_certificate a.crt; ssl_certificate_key a.key;
         ssl_password_file pass; ${SHOWN} }`,
      { 'a.crt': pair.cert, 'a.key': String(key), pass: 'wrong\nsesame\n' },
    );
    expect(statusOf(await exchangeSecure(port, { ca, servername: 'localhost' }))).to.equal(200);
  });

  it('versions and ciphers hold for the server that is named', async () => {
    const { port, errors } = await serve(`
      ${pairLines(pair)}
      server { listen 127.0.0.1:1 ssl; server_name new; ssl_protocols TLSv1.3; ${SHOWN} }
      server { listen 127.0.0.1:1; server_name old; ssl_protocols TLSv1.2; ssl_ciphers ECDHE+CHACHA20; ${SHOWN} }`);
    expect(await failureOf(port, { servername: 'new', maxVersion: 'TLSv1.2' })).to.match(/PROTOCOL_VERSION/);
    expect(contentOf(await exchangeSecure(port, { servername: 'new' }))).to.contain('TLSv1.3');
    const old = await exchangeSecure(port, { servername: 'old' });
    expect(contentOf(old)).to.contain('TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305');
    expect(await failureOf(port, { servername: 'old', ciphers: 'ECDHE+AESGCM' })).to.match(
      /HANDSHAKE_FAILURE/,
    );
    const logged = errors.filter((line) => line.includes('SSL_do_handshake() failed'));
    expect(logged).to.have.length(2);
    expect(logged[0]).to.match(
      /^info \*\d+ SSL_do_handshake\(\) failed \(SSL: error:[0-9A-F]{8}:SSL routines::/,
    );
    expect(logged[0]).to.contain('while SSL handshaking [TLS_HANDSHAKE, listen ... ssl], client: 127.0.0.1');
  });

  it('offers HTTP/1.1 alone: a client that wants HTTP/2 only is refused', async () => {
    const { port } = await serve(`server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${SHOWN} }`);
    expect(await failureOf(port, { ALPNProtocols: ['h2'] })).to.match(/NO_APPLICATION_PROTOCOL/);
    const connection = await openSecure(port, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(connection.socket.alpnProtocol).to.equal('http/1.1');
  });

  it('ssl_reject_handshake: an alert, before any certificate', async () => {
    const { port, errors } = await serve(`
      server { listen 127.0.0.1:1 ssl default_server; ssl_reject_handshake on; }
      server { listen 127.0.0.1:1 ssl; server_name a.example; ${pairLines(pair)} ${SHOWN} }`);
    expect(await failureOf(port, { servername: 'other.example' })).to.match(/UNRECOGNIZED_NAME/);
    expect(await failureOf(port, {})).to.match(/UNRECOGNIZED_NAME/);
    expect(statusOf(await exchangeSecure(port, { servername: 'a.example' }))).to.equal(200);
    expect(errors[0]).to.match(/^info \*1 handshake rejected for "other\.example" while SSL handshaking/);
  });

  it('a request in the clear gets 400 and a closed connection', async () => {
    const { port, lines } = await serve(
      `log_format s '$status $scheme "$ssl_protocol"'; access_log x s;
       server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${SHOWN} }`,
    );
    const answer = await exchangeClear(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(answer).to.match(/^HTTP\/1\.1 400 Bad Request\r\n[^]*Connection: close\r\n/);
    expect(answer).to.contain('<center>The plain HTTP request was sent to HTTPS port</center>');
    await until('the log line', () => lines.length === 1);
    expect(lines).to.deep.equal(['400 http "-"']);
  });

  it('error_page knows the inner statuses: 497 leads to https', async () => {
    const { port } = await serve(
      `server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} error_page 497 =301 https://$host:8443$request_uri;
         error_page 496 /who; ssl_client_certificate "data:${ca}"; ssl_verify_client on;
         location = /who { return 403 "who are you"; } location / { return 200; } }`,
    );
    const clear = await exchangeClear(port, 'GET /a/?b=%20c HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect(clear).to.match(/^HTTP\/1\.1 301 [^]*\r\nLocation: https:\/\/a\.example:8443\/a\/\?b=%20c\r\n/);
    const nobody = await exchangeSecure(port, {});
    expect([statusOf(nobody), contentOf(nobody)]).to.deep.equal([400, 'who are you']);
  });

  it('sessions: by ticket, by cache where tickets are off, and not at all', async () => {
    const resumes = async (lines: string, options: ConnectionOptions = {}): Promise<boolean> => {
      const { port } = await serve(
        `server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${lines} return 200 $ssl_session_reused; }`,
      );
      const first = await openSecure(port, options);
      // Those of TLS 1.3 come behind the handshake.
      let session: Buffer | undefined = first.socket.getSession();
      first.socket.on('session', (made: Buffer) => (session = made));
      first.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      await first.untilEnd();
      const again = await exchangeSecure(port, { ...options, session });
      return contentOf(again) === 'r';
    };
    expect(await resumes('')).to.equal(true);
    expect(await resumes('', { maxVersion: 'TLSv1.2' })).to.equal(true);
    expect(await resumes('ssl_session_tickets off;')).to.equal(false);
    const cache = 'ssl_session_tickets off; ssl_session_cache shared:S:1m;';
    expect(await resumes(cache, { maxVersion: 'TLSv1.2' })).to.equal(true);
    expect(await resumes('ssl_session_tickets off;', { maxVersion: 'TLSv1.2' })).to.equal(false);
  });

  it('ssl_session_ticket_key: another server with the same key resumes', async () => {
    for (const length of [48, 80]) {
      const key = `ssl_session_ticket_key "data:${'k'.repeat(length)}";`;
      const text = `server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${key} return 200 $ssl_session_reused; }`;
      const [one, two] = [await serve(text), await serve(text)];
      const first = await openSecure(one.port, { maxVersion: 'TLSv1.2' });
      const again = await exchangeSecure(two.port, {
        maxVersion: 'TLSv1.2',
        session: first.socket.getSession(),
      });
      expect(contentOf(again), `${length} octets`).to.equal('r');
    }
  });

  it('renegotiation is refused', async () => {
    const { port } = await serve(`server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${SHOWN} }`);
    const { socket } = await openSecure(port, { maxVersion: 'TLSv1.2' });
    const outcome = new Promise<string>((resolve) => {
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.renegotiate({}, (error) => resolve(error === null ? 'renegotiated' : String(error)));
    });
    expect(await soon('the refusal', outcome)).to.match(/NO_RENEGOTIATION/);
  });

  it('ssl_buffer_size bounds records', async () => {
    const { port } = await serve(
      `server { listen 127.0.0.1:1 ssl; ssl_buffer_size 1k; ${pairLines(pair)} return 200 "${'x'.repeat(3500)}"; }`,
    );
    const carrier = connectPlainly(port, '127.0.0.1');
    const connection = await openSecure(port, { carrier, maxVersion: 'TLSv1.2' });
    const sizes: number[] = [];
    connection.socket.on('data', (chunk: Buffer) => sizes.push(chunk.length));
    connection.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await connection.untilEnd();
    expect(Math.max(...sizes)).to.equal(1024);
  });

  it('a client that half-closes with close_notify gets its answer, and close_notify behind it', async () => {
    const { port } = await serve(`server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${SHOWN} }`);
    const { socket } = await openSecure(port, { allowHalfOpen: true } as ConnectionOptions);
    const client = new RawConnection(socket);
    socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(statusOf(await client.untilEnd())).to.equal(200);
    expect(client.error).to.equal(null);
  });

  it('handshakes end in time, and each that fails is told once', async () => {
    const { port, errors, driver } = await serve(
      `client_header_timeout 300ms; server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${SHOWN} }`,
    );
    const silent = await openRaw(port);
    const half = await openRaw(port);
    half.write(Buffer.from([0x16, 3, 1, 0, 200, 1]));
    const gone = await openRaw(port);
    gone.socket.destroy();
    // The client is through with TLS 1.3 before the server is, and leaves.
    (await openSecure(port, {})).socket.destroy();
    await until('those who left to be counted out', () => driver.counters.sessions === 2);
    await silent.untilEnd();
    await half.untilEnd();
    await until('all to be counted out', () => driver.counters.sessions === 0);
    const codes = errors.map((line) => /\[(\w+),/.exec(line)?.[1] ?? line).sort();
    if (codes.length === 3) codes.unshift('TLS_ABANDONED'); // its handshake was over
    expect(codes).to.deep.equal([
      'TLS_ABANDONED',
      'TLS_ABANDONED',
      'TLS_HANDSHAKE_TIMEOUT',
      'TLS_HANDSHAKE_TIMEOUT',
    ]);
    expect(errors.every((line) => line.startsWith('info '))).to.equal(true);
  });

  it('whatever comes to the port, it goes on serving (random octets, broken hellos, cut handshakes)', async () => {
    const { port, errors, driver } = await serve(
      `client_header_timeout 1s; server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${SHOWN} }`,
    );
    const noise = randomBytes(300);
    const attacks = Array.from({ length: 60 }, async (_, i) => {
      const socket = connectPlainly(port, '127.0.0.1').on('error', () => undefined);
      const head = i % 3 === 0 ? Buffer.from([0x16, 3, 1, 1, 44]) : Buffer.alloc(0);
      socket.write(Buffer.concat([head, noise.subarray(0, 1 + ((i * 37) % 300)), randomBytes(i)]));
      await pause(20);
      if (i % 2 === 0) socket.resetAndDestroy();
      else socket.end();
    });
    // Real handshakes that are cut off in their middle.
    const cut = Array.from({ length: 20 }, async (_, i) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }).on(
        'error',
        () => undefined,
      );
      await pause(i);
      socket.destroy();
    });
    await Promise.all([...attacks, ...cut]);
    expect(statusOf(await exchangeSecure(port, { ca, servername: 'localhost' }))).to.equal(200);
    await until('all to be counted out', () => driver.counters.sessions === 0);
    expect(errors.filter((line) => /^(alert|crit|emerg|error)/.test(line))).to.deep.equal([]);
  });

  it('silent connections make room for others (worker_connections)', async () => {
    const { port, driver } = await serve(
      `server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${SHOWN} }`,
      {},
      { workerConnections: 32 },
    );
    const flood = await Promise.all(Array.from({ length: 60 }, () => openRaw(port)));
    expect(statusOf(await exchangeSecure(port, { servername: 'localhost' }))).to.equal(200);
    expect(driver.counters.sessions).to.be.at.most(32);
    for (const { socket } of flood) socket.destroy();
  });

  it('a drain lets a handshake end and answers the request behind it', async () => {
    const { port, driver } = await serve(`server { listen 127.0.0.1:1 ssl; ${pairLines(pair)} ${SHOWN} }`);
    const connection = await openSecure(port, {});
    const begun = connectPlainly(port, '127.0.0.1');
    await until('the second connection', () => driver.counters.accepted === 2);
    const drained = driver.drain();
    await connection.untilEnd();
    const answer = await exchangeSecure(port, { carrier: begun });
    expect(answer).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n/);
    await soon('the drain', drained);
  });
});
