/**
 * auth_basic and satisfy: the same configuration through nginx and wirehop, the same requests to both, the same answers.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { cleanUp, temporaryFolder } from '../e2e/harness.js';
import { NGINX, startPair, type Pair } from './beside.js';

const openssl = (form: string, password: string): string =>
  execFileSync('openssl', ['passwd', `-${form}`, password], { encoding: 'utf8' }).trim();

/** bcrypt of "pw" with cost 5, made by the C library. */
const BCRYPT = '$2y$05$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q';

const SERVER = (users: string): string => `
  auth_basic "a \\"realm\\" $arg_r";
  auth_basic_user_file ${users};
  location / { proxy_pass http://@UP@; proxy_set_header X-User $remote_user; }
  location /open { auth_basic off; proxy_pass http://@UP@; }
  location /dynamic { auth_basic $arg_realm; proxy_pass http://@UP@; }
  location /absent { auth_basic_user_file ${users}.none; proxy_pass http://@UP@; }
  location /folder { auth_basic_user_file /; proxy_pass http://@UP@; }
  location /named { auth_basic_user_file $arg_file; proxy_pass http://@UP@; }
  location /return { return 200 returned; }
  location /paged { error_page 401 /page; proxy_pass http://@UP@; }
  location /paged-as { error_page 401 =203 /page; proxy_pass http://@UP@; }
  location /paged-closed { error_page 401 /closed; proxy_pass http://@UP@; }
  location /paged-named { error_page 401 403 = @login; proxy_pass http://@UP@; }
  location @login { return 302 /login; }
  location /page { auth_basic off; return 200 "page of $remote_user"; }
  location /closed { proxy_pass http://@UP@; }
  location /upstream-error { auth_basic off; error_page 502 = /closed; proxy_pass http://@DEAD@; }
  location /any { satisfy any; deny all; proxy_pass http://@UP@; }
  location /any-open { satisfy any; allow 127.0.0.1; deny all; proxy_pass http://@UP@; }
  location /any-undecided { satisfy any; deny 192.0.2.1; proxy_pass http://@UP@; }
  location /any-address { satisfy any; auth_basic off; deny all; proxy_pass http://@UP@; }
  location /any-absent { satisfy any; auth_basic_user_file ${users}.none; deny all; proxy_pass http://@UP@; }
  location /any-folder { satisfy any; auth_basic_user_file /; deny all; proxy_pass http://@UP@; }
  location /all { allow 127.0.0.1; deny all; proxy_pass http://@UP@; }
  location /all-denied { deny all; proxy_pass http://@UP@; }
  location /methods { auth_basic off; limit_except GET { auth_basic writers; } proxy_pass http://@UP@; }
  location /large { client_max_body_size 3; proxy_pass http://@UP@; }
`;

const basic = (text: string): string => `Basic ${Buffer.from(text, 'latin1').toString('base64')}`;

/** Paths, each asked with the right password, a wrong one, and none. */
const PATHS = [
  '/',
  '/?r=x%22y',
  '/open',
  '/dynamic?realm=off',
  '/dynamic?realm=on',
  '/dynamic',
  '/absent',
  '/folder',
  '/named',
  '/named?file=users',
  '/return',
  '/paged',
  '/paged-as',
  '/paged-named',
  '/upstream-error',
  '/any',
  '/any-open',
  '/any-undecided',
  '/any-address',
  '/any-absent',
  '/any-folder',
  '/all',
  '/all-denied',
  '/methods',
];

const USERS = ['apr1', 'md5', 'sha256', 'sha512', 'bcrypt', 'sha', 'plain', 'commented', 'crlf', ' spaced'];
const NO_USERS = ['junk', 'empty', 'scheme', '#x', 'spaced', 'none'];

const FIELDS = [
  'Basic',
  'Basic ',
  'Basic  cGxhaW46cHc=',
  'bASIC cGxhaW46cHc=',
  'Basic cGxhaW46cHc',
  'Basic cGxhaW46cHc= and more',
  'Basic cGxhaW4=',
  'Basic OnB3',
  'Basic @@@@',
  'Basic cGxhaW46cHc_',
  'Basic cGxha',
  'Bearer cGxhaW46cHc=',
  basic('plain:pw:x'),
];

describe('beside nginx: auth_basic and satisfy', function () {
  let pair: Pair;
  const host = 'auth';

  before(async function () {
    if (!existsSync(NGINX)) this.skip();
    const users = join(temporaryFolder(), 'users');
    writeFileSync(
      users,
      [
        '# users',
        `apr1:${openssl('apr1', 'pw')}`,
        `md5:${openssl('1', 'pw')}`,
        `sha256:${openssl('5', 'pw')}`,
        `sha512:${openssl('6', 'pw')}`,
        `bcrypt:${BCRYPT}`,
        'sha:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=',
        'plain:{PLAIN}pw',
        'plain:{PLAIN}another',
        'commented:{PLAIN}pw:a comment',
        ' spaced:{PLAIN}pw',
        '#x:{PLAIN}pw',
        'crlf:{PLAIN}pw\r',
        'junk:pw',
        'empty:',
        'scheme:{MD5}pw',
      ].join('\n'),
    );
    pair = await startPair(`server { listen @PORT@; ${SERVER(users)} }`);
  });
  after(cleanUp);

  for (const target of PATHS) {
    for (const user of ['plain:pw', 'plain:wrong', '']) {
      it(`${target} as "${user}"`, async () => {
        const fields = user === '' ? {} : { Authorization: basic(user) };
        const { nginx, wirehop } = await pair.ask({ host, target, fields });
        expect(wirehop).to.deep.equal(nginx);
      });
    }
  }

  for (const user of [...USERS, ...NO_USERS]) {
    it(`user "${user}"`, async () => {
      for (const password of ['pw', 'pW', '']) {
        const fields = { Authorization: basic(`${user}:${password}`) };
        const { nginx, wirehop } = await pair.ask({ host, target: '/', fields });
        expect(wirehop).to.deep.equal(nginx);
        expect(wirehop.status).to.equal(USERS.includes(user) && password === 'pw' ? 200 : 401);
      }
    });
  }

  for (const field of FIELDS) {
    it(`Authorization: ${field}`, async () => {
      const { nginx, wirehop } = await pair.ask({ host, target: '/', fields: { Authorization: field } });
      expect(wirehop).to.deep.equal(nginx);
    });
  }

  it('an error page that asks for the password again: the challenge goes out once, not twice as from nginx', async () => {
    const { nginx, wirehop } = await pair.ask({ host, target: '/paged-closed' });
    expect(wirehop.status).to.equal(nginx.status);
    const { 'www-authenticate': once } = wirehop.fields;
    expect(nginx.fields['www-authenticate']).to.be.oneOf([once, `${String(once)}, ${String(once)}`]);
  });

  it('other methods, and content', async () => {
    for (const one of [
      { target: '/methods', method: 'POST', body: 'abc' },
      { target: '/methods', method: 'POST', body: 'abc', fields: { Authorization: basic('plain:pw') } },
      { target: '/', method: 'POST', body: 'abc', fields: { Authorization: basic('plain:pw') } },
      { target: '/', method: 'POST', body: 'abc' },
      { target: '/large', method: 'POST', body: 'abcd' },
      { target: '/', method: 'HEAD' },
    ]) {
      const { nginx, wirehop } = await pair.ask({ host, ...one });
      expect(wirehop).to.deep.equal(nginx);
    }
  });

  it('says the same in the error log', () => {
    const { nginx, wirehop } = pair.errors();
    // Relative names are relative to the configuration, which each has in a folder of its own.
    const plain = (line: string): string =>
      line.replace(/\/wirehop-e2e-\w+\/?/, '/FOLDER/').replace(/ body: 4 bytes$/, ' body');
    const distinct = (lines: readonly string[]): string[] =>
      [...new Set(lines.map(plain))].filter((line) => !line.includes('connect() failed')).sort();
    expect(distinct(wirehop)).to.deep.equal(distinct(nginx));
    expect(distinct(wirehop).length).to.be.above(10);
  });
});
