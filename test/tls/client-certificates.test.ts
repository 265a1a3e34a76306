/**
 * Client certificates: who is let in, what the variables say, and what one server's certificate does not open at
 * another. The same requests go to nginx where it is installed.
 */
import { expect } from 'chai';
import { X509Certificate } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import { cleanUp, freePort, until } from '../e2e/harness.js';
import { Authority, type Pair } from './authority.js';
import { HAS_NGINX, startNginx } from './nginx.js';
import { basics, contentOf, exchangeSecure, openSecure, serve, statusOf } from './stage.js';

const VARIABLES =
  '$ssl_client_verify|$ssl_client_s_dn|$ssl_client_i_dn|$ssl_client_serial|$ssl_client_fingerprint';

describe('client certificates', () => {
  let files: Record<string, string>;
  let clients: Record<string, Partial<Pair>>;
  before(async () => {
    const { server } = await basics();
    const root = await Authority.create('clients');
    const intermediate = await root.intermediate('intermediate');
    const second = await intermediate.intermediate('second intermediate');
    const stranger = await Authority.create('strangers');
    const good = await root.issue({ names: ['good'], subject: 'C=DE, O=Tür \\+ Tor, CN=good' });
    const revoked = await root.issue({ names: ['revoked'] });
    const below = await intermediate.issue({ names: ['below'] });
    const deep = await second.issue({ names: ['deep'] });
    clients = {
      none: {},
      good,
      revoked,
      expired: await root.issue({ names: ['expired'], notAfter: new Date(Date.now() - 1000) }),
      stranger: await stranger.issue({ names: ['stranger'] }),
      below: { ...below, cert: below.cert + '\n' + intermediate.cert },
      deep: { ...deep, cert: [deep.cert, second.cert, intermediate.cert].join('\n') },
    };
    files = {
      'server.crt': server.cert,
      'server.key': server.key,
      'clients.crt': root.cert,
      'strangers.crt': stranger.cert,
      'root.crl': await root.revocations(revoked.cert),
    };
  });
  afterEach(cleanUp);

  const server = (port: number, lines: string): string => `
    ssl_certificate server.crt; ssl_certificate_key server.key;
    server { listen 127.0.0.1:${port} ssl; server_name a.example; ${lines} }`;
  const trusts = 'ssl_client_certificate clients.crt;';

  const SETTINGS: Record<string, string> = {
    on: `${trusts} ssl_verify_client on;`,
    optional: `${trusts} ssl_verify_client optional;`,
    optional_no_ca: `${trusts} ssl_verify_client optional_no_ca;`,
    off: 'ssl_verify_client off;',
    'on, depth 2': `${trusts} ssl_verify_client on; ssl_verify_depth 2;`,
    'on, depth 0': `${trusts} ssl_verify_client on; ssl_verify_depth 0;`,
    'on, revocations': `${trusts} ssl_verify_client on; ssl_crl root.crl;`,
  };
  /** Who gets in; everybody else is answered 400. */
  const ADMITTED: Record<string, readonly string[]> = {
    on: ['good', 'revoked', 'below'],
    optional: ['none', 'good', 'revoked', 'below'],
    optional_no_ca: ['none', 'good', 'revoked', 'below', 'stranger', 'deep'],
    off: ['none', 'good', 'revoked', 'below', 'stranger', 'expired', 'deep'],
    'on, depth 2': ['good', 'revoked', 'below', 'deep'],
    'on, depth 0': ['good', 'revoked'],
    'on, revocations': ['good'],
  };

  /** Status and content by client. */
  async function answers(port: number): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const [name, pair] of Object.entries(clients)) {
      const answer = await exchangeSecure(port, { ...pair, servername: 'a.example' } as ConnectionOptions);
      const content = contentOf(answer);
      const title = /<center>([^<]*)<\/center>\r\n<hr>/.exec(content)?.[1];
      found[name] = `${statusOf(answer)} ${title ?? content}`;
    }
    return found;
  }

  for (const [name, lines] of Object.entries(SETTINGS)) {
    it(`ssl_verify_client ${name}`, async () => {
      const text = `${lines} return 200 "${VARIABLES}";`;
      const { port } = await serve(server(1, text), files);
      const own = await answers(port);
      const admitted = Object.keys(own).filter((client) => own[client].startsWith('200 '));
      expect(admitted).to.have.members(ADMITTED[name]);
      if (own.none.startsWith('400')) expect(own.none).to.equal('400 No required SSL certificate was sent');
      for (const [client, answer] of Object.entries(own)) {
        if (client === 'none' || admitted.includes(client)) continue;
        expect(answer, client).to.equal('400 The SSL certificate error');
      }
    });

    if (HAS_NGINX)
      it(`ssl_verify_client ${name}: as nginx, variables too`, async () => {
        const text = `${lines} return 200 "${VARIABLES}";`;
        const { port } = await serve(server(1, text), files);
        const nginxPort = await freePort();
        await startNginx(server(nginxPort, text), files);
        // OpenSSL writes "self-signed" with a hyphen from 3.0 on.
        expect(await answers(port)).to.deep.equal(await answers(nginxPort));
      });
  }

  it('variables of a certificate', async () => {
    const { port } = await serve(
      server(
        1,
        `${SETTINGS.on} return 200 "$ssl_client_v_start|$ssl_client_v_end|$ssl_client_v_remain|$ssl_client_s_dn_legacy|$ssl_client_escaped_cert";`,
      ),
      files,
    );
    const answer = await exchangeSecure(port, clients.good as ConnectionOptions);
    const [start, end, remain, legacy, escaped] = contentOf(answer).split('|');
    const certificate = new X509Certificate(clients.good.cert as string);
    expect([start, end]).to.deep.equal([certificate.validFrom, certificate.validTo]);
    expect(remain).to.equal('0');
    expect(legacy).to.equal('/C=DE/O=T\\C3\\BCr \\+ Tor/CN=good');
    expect(new X509Certificate(decodeURIComponent(escaped)).fingerprint).to.equal(certificate.fingerprint);
  });

  it('sessions are not resumed: every connection shows its certificate', async () => {
    const { port } = await serve(
      server(1, `${SETTINGS.on} return 200 $ssl_session_reused$ssl_client_verify;`),
      files,
    );
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const options = { ...clients.good, maxVersion } as ConnectionOptions;
      const first = await openSecure(port, options);
      first.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
      await first.untilEnd();
      const again = await exchangeSecure(port, { ...options, session: first.socket.getSession() });
      expect(contentOf(again)).to.equal('.SUCCESS');
    }
  });

  it("one server's certificate does not open another: 421", async () => {
    const { port, errors } = await serve(
      `ssl_certificate server.crt; ssl_certificate_key server.key;
       server { listen 127.0.0.1:1 ssl; server_name open; return 200 open; }
       server { listen 127.0.0.1:1; server_name closed; ${SETTINGS.on} return 200 closed; }
       server { listen 127.0.0.1:1; server_name other; ssl_client_certificate strangers.crt; ssl_verify_client on;
         return 200 other; }
       server { listen 127.0.0.1:1; server_name same; ${SETTINGS.on} return 200 same; }`,
      files,
    );
    const ask = async (servername: string, host: string, client: string): Promise<string> => {
      const head = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      const named = servername === '' ? {} : { servername };
      const answer = await exchangeSecure(port, { ...named, ...clients[client] } as ConnectionOptions, head);
      return `${statusOf(answer)} ${/^\w+$/.exec(contentOf(answer))?.[0] ?? ''}`;
    };
    expect(await ask('closed', 'closed', 'good')).to.equal('200 closed');
    expect(await ask('open', 'closed', 'good')).to.equal('421 ');
    expect(await ask('', 'closed', 'good')).to.equal('421 ');
    expect(await ask('other', 'closed', 'stranger')).to.equal('421 ');
    expect(await ask('closed', 'open', 'good')).to.equal('200 open');
    // By the same rules it is the same certificate.
    expect(await ask('same', 'closed', 'good')).to.equal('200 closed');
    await until('the lines', () => errors.length >= 3);
    expect(errors[0]).to.match(
      /^info .*different from the one that was negotiated .*\[HOST_MISDIRECTED, RFC 9110 7\.4\]/,
    );
  });
});
