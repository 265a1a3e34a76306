/** What the ssl directives refuse, with place and words; nginx refuses the same where it is installed. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../config/compiling.js';
import { cleanUp, exchangeRaw, freePort, startProxy, temporaryFolder } from '../e2e/harness.js';
import type { Pair } from './authority.js';
import { HAS_NGINX } from './nginx.js';
import { basics, contentOf, exchangeSecure, statusOf } from './stage.js';

const FOLDER = '/etc/wirehop';
const PAIR = 'ssl_certificate a.crt; ssl_certificate_key a.key;';
const SERVER = 'listen 127.0.0.1:8443 ssl;';

/** Directives of a server in line 3, what is said, and what is to be done. */
const FAULTS: [string, string, string][] = [
  [SERVER, '3:8 no "ssl_certificate" is defined for the "listen ... ssl" directive', 'ssl_certificate_key'],
  [
    `${SERVER} ssl_certificate a.crt;`,
    '3:44 no "ssl_certificate_key" is defined for certificate "a.crt"',
    '',
  ],
  [
    `${SERVER} ssl_certificate none.crt; ssl_certificate_key a.key;`,
    `3:44 cannot load certificate "${FOLDER}/none.crt": BIO_new_file() failed (2: No such file or directory)`,
    '',
  ],
  [
    `${SERVER} ssl_certificate a.key; ssl_certificate_key a.key;`,
    '3:44 cannot load certificate "a.key": PEM_read_bio_X509_AUX() failed (there is no certificate in it)',
    'PEM',
  ],
  [
    `${SERVER} ssl_certificate a.crt; ssl_certificate_key a.crt;`,
    '3:71 cannot load certificate key "a.crt": PEM_read_bio_PrivateKey() failed (unsupported)',
    'PEM',
  ],
  [
    `${SERVER} ssl_certificate a.crt; ssl_certificate_key b.key;`,
    '3:71 SSL_CTX_use_PrivateKey("b.key") failed (key values mismatch)',
    'it is not the key of "a.crt"',
  ],
  [
    `${SERVER} ssl_certificate a.crt; ssl_certificate_key locked.key; ssl_password_file empty;`,
    '3:71 cannot load certificate key "locked.key": PEM_read_bio_PrivateKey() failed (bad password read)',
    'ssl_password_file',
  ],
  [`${SERVER} ${PAIR} ssl_protocols TLSv1.4;`, '3:92 invalid value "TLSv1.4"', ''],
  [
    `${SERVER} ${PAIR} ssl_ciphers NONSENSE;`,
    '3:90 TLS cannot be set up (SSL: error:0A0000B9:SSL routines::no cipher match)',
    '',
  ],
  [
    `${SERVER} ${PAIR} ssl_verify_client on;`,
    '2:1 no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client',
    'trusted',
  ],
  [`${SERVER} ${PAIR} ssl_verify_client maybe;`, '3:96 invalid value "maybe"', ''],
  [
    `${SERVER} ${PAIR} ssl_client_certificate empty;`,
    '3:101 SSL_CTX_load_verify_locations "empty": PEM_read_bio_X509_AUX() failed (there is no certificate in it)',
    '',
  ],
  [`${SERVER} ${PAIR} ssl_session_cache shared:S;`, '3:96 invalid session cache "shared:S"', ''],
  [`${SERVER} ${PAIR} ssl_session_cache shared:S:1k;`, '3:96 session cache "shared:S:1k" is too small', ''],
  [`${SERVER} ${PAIR} ssl_session_ticket_key a.crt;`, '3:101 "a.crt" must be 48 or 80 bytes', ''],
  [
    'listen 127.0.0.1:8443; location / { proxy_pass https://127.0.0.1; proxy_ssl_verify on; }',
    '3:48 no proxy_ssl_trusted_certificate for proxy_ssl_verify',
    '',
  ],
  [
    'listen 127.0.0.1:8443; location / { proxy_pass https://127.0.0.1; proxy_ssl_certificate a.crt; }',
    '3:89 no "proxy_ssl_certificate_key" is defined for certificate "a.crt"',
    '',
  ],
];

/** What nginx has and wirehop does not. */
const REFUSALS: [string, string][] = [
  ['ssl_stapling on;', 'wirehop asks no OCSP responder'],
  ['ssl_early_data on;', 'Node has no early data'],
  ['ssl_ocsp on;', 'ssl_crl'],
  ['ssl_protocols SSLv3;', 'the TLS library no longer has it'],
  ['ssl_certificate $ssl_server_name.crt;', 'write a server for each certificate'],
  ['ssl_certificate_key engine:pkcs11:x;', 'name a PEM file'],
  ['ssl_conf_command Options X;', 'Node has no way to do this'],
  ['ssl_buffer_size 100;', '512'],
  ['ssl on;', 'listen ... ssl'],
];

describe('ssl directives', () => {
  let files: Record<string, string>;
  let pair: Pair;
  let ca: string;
  before(async () => {
    const { root, server } = await basics();
    pair = server;
    ca = root.cert;
    const other = await root.issue();
    const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' } as const;
    files = {
      'a.crt': pair.cert,
      'a.key': pair.key,
      'b.key': other.key,
      'locked.key': String(createPrivateKey(pair.key).export(cipher)),
      empty: '\n',
    };
  });
  afterEach(cleanUp);

  const text = (lines: string): string => `events {} http { access_log off;\nserver {\n${lines}\n} }`;

  for (const [lines, fault, hint] of FAULTS) {
    it(`refuses: ${lines}`, async () => {
      const more = Object.fromEntries(
        Object.entries(files).map(([name, file]) => [`${FOLDER}/${name}`, file]),
      );
      const { config, errors } = await compile(text(lines), { more });
      expect(config).to.equal(undefined);
      expect(errors.map((error) => `${error.line}:${error.column} ${error.text}`)).to.deep.equal([fault]);
      expect(errors[0].hint).to.contain(hint);
    });
  }

  if (HAS_NGINX)
    it('nginx refuses the same', () => {
      const folder = temporaryFolder();
      for (const [name, file] of Object.entries(files)) writeFileSync(join(folder, name), file);
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (name) => `${name}_temp_path ${folder}/${name};`,
      );
      for (const [lines] of FAULTS) {
        // A file of no certificates: nginx trusts nobody, and does not say so.
        if (lines.includes('ssl_client_certificate empty')) continue;
        const whole = text(lines).replace('access_log off;', `access_log off; ${temporary.join(' ')}`);
        writeFileSync(join(folder, 'nginx.conf'), `pid ${folder}/pid; error_log stderr; ${whole}`);
        const { status } = spawnSync('/usr/sbin/nginx', [
          '-t',
          '-p',
          folder,
          '-c',
          'nginx.conf',
          '-e',
          'stderr',
        ]);
        expect(status, lines).to.equal(1);
      }
    });

  for (const [lines, hint] of REFUSALS) {
    it(`says what to do instead of: ${lines}`, async () => {
      const more = { [`${FOLDER}/a.crt`]: pair.cert };
      const extra = lines.startsWith('ssl_certificate_key') ? 'ssl_certificate a.crt;' : '';
      const { errors } = await compile(text(`listen 127.0.0.1:8443; ${extra} ${lines}`), { more });
      expect(errors).to.have.length(1);
      expect(errors[0].text).to.contain('not supported');
      expect(errors[0].hint).to.contain(hint);
    });
  }

  it('what is named stays out of messages: the octets of a key in data:', async () => {
    const { errors } = await compile(
      text(`${SERVER} ssl_certificate "data:${pair.cert}"; ssl_certificate_key "data:${files['b.key']}";`),
    );
    expect(errors[0].message).to.contain('SSL_CTX_use_PrivateKey("data:") failed');
    expect(errors[0].message).to.not.contain('PRIVATE KEY');
  });

  it('the command reads files beside its configuration, and serves beside ports in the clear', async () => {
    const folder = temporaryFolder();
    for (const [name, file] of Object.entries(files)) writeFileSync(join(folder, name), file);
    const [secure, clear] = [await freePort(), await freePort()];
    const proxy = await startProxy(
      `daemon off; pid wirehop.pid; error_log error.log info; events {}
       http { access_log access.log;
         server { listen 127.0.0.1:${secure} ssl; listen 127.0.0.1:${clear}; ${PAIR} return 200 $scheme; } }`,
      folder,
    );
    expect(contentOf(await exchangeSecure(secure, { ca, servername: 'localhost' }))).to.equal('https');
    expect(contentOf(await exchangeRaw(clear, 'GET / HTTP/1.0\r\n\r\n'))).to.equal('http');
    expect(statusOf(await exchangeRaw(secure, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'))).to.equal(400);
    expect(proxy.faults()).to.deep.equal([]);
    expect(await proxy.stop('SIGQUIT')).to.equal(0);
  });
});
