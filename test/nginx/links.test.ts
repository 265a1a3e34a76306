/**
 * secure_link and valid_referers: the same configuration through nginx and wirehop, the same answers.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { cleanUp } from '../e2e/harness.js';
import { NGINX, startPair, type Pair } from './beside.js';

const HTTP = `
  server {
    listen @PORT@;
    server_name refer *.mine.example own.* ~^re\\d+\\.example$;
    location /s/ {
      secure_link $arg_md5,$arg_expires;
      secure_link_md5 "$secure_link_expires$uri secret";
      return 200 "<$secure_link> <$secure_link_expires>";
    }
    location /endless/ { secure_link $arg_md5; secure_link_md5 "$uri secret"; return 200 "<$secure_link> <$secure_link_expires>"; }
    location /guarded/ {
      secure_link $arg_md5,$arg_expires; secure_link_md5 "$secure_link_expires$uri secret";
      if ($secure_link = "") { return 403; }
      if ($secure_link = "0") { return 410; }
      proxy_pass http://@UP@;
    }
    location /half/ { secure_link $arg_md5; return 200 "<$secure_link>"; }
    location /p/ { secure_link_secret word; if ($secure_link = "") { return 403; } rewrite ^ /found/$secure_link; }
    location /found/ { return 200 "$uri"; }
    location /none { return 200 "<$secure_link> <$invalid_referer>"; }

    location /usual { valid_referers none blocked server_names *.example.com example.* www.example.org/galleries/ ~\\.google\\.; return 200 "<$invalid_referer>"; }
    location /strict { valid_referers example.com .example.net; return 200 "<$invalid_referer>"; }
    location /regex { valid_referers ~\\.google\\.; return 200 "<$invalid_referer>"; }
    location /no-blocked { valid_referers none example.com; return 200 "<$invalid_referer>"; }
    location /blocked { valid_referers blocked example.com; return 200 "<$invalid_referer>"; }
    location /twice { valid_referers example.com; valid_referers none example.org; return 200 "<$invalid_referer>"; }
    location /refused { valid_referers example.com; if ($invalid_referer) { return 403; } return 200 in; }
  }
`;

const md5 = (text: string): Buffer => createHash('md5').update(text).digest();
const link = (path: string, expires: string, wrong = ''): string =>
  `${path}?md5=${md5(`${expires}${path} secret${wrong}`).toString('base64url')}${expires === '' ? '' : `&expires=${expires}`}`;
const FUTURE = '4102444800';

const LINKS = [
  link('/s/a', FUTURE),
  link('/s/a', FUTURE, 'x'),
  link('/s/a', '1'),
  link('/s/a', '1', 'x'),
  link('/s/a', '0'),
  link('/s/a', '-5'),
  link('/s/a', 'soon'),
  link('/s/a', ''),
  '/s/a',
  '/s/a?md5=&expires=',
  `/s/a?md5=${'A'.repeat(25)}&expires=${FUTURE}`,
  `/s/a?md5=AAAA&expires=${FUTURE}`,
  `/s/a?md5=!!!!&expires=${FUTURE}`,
  link('/endless/a', ''),
  link('/endless/a', '', 'x'),
  `${link('/endless/a', '')}==`,
  link('/guarded/a', FUTURE),
  link('/guarded/a', '1'),
  link('/guarded/a', FUTURE, 'x'),
  link('/half/a', ''),
  `/p/${md5('a/linkword').toString('hex')}/a/link`,
  `/p/${md5('a/linkword').toString('hex').toUpperCase()}/a/link`,
  `/p/${md5('a/link?q=1word').toString('hex')}/a/link?q=1`,
  `/p/${md5('a/linkwor').toString('hex')}/a/link`,
  `/p/${md5('word').toString('hex')}/`,
  `/p/${md5('word').toString('hex')}`,
  '/p/short/link',
  '/p/',
  '/none',
];

const REFERERS = [
  undefined,
  '',
  'nonsense',
  'ftp://example.com/',
  'http://',
  'http://a.b',
  'http://example.com',
  'http://example.com/',
  'HTTP://EXAMPLE.COM/x',
  'https://example.com:8443/x',
  'http://example.com.evil.test/',
  'http://evil.test/example.com',
  'http://sub.example.com/',
  'http://sub.example.net/',
  'http://example.net/',
  'http://example.anything/',
  'http://www.example.org/galleries/1',
  'http://www.example.org:80/galleries/1',
  'http://www.example.org/other',
  'http://www.example.org',
  'http://www.google.test/search',
  'http://refer/',
  'http://x.mine.example/',
  'http://own.example/',
  'http://re42.example/',
  'http://rex.example/',
  `http://${'x'.repeat(300)}.example.com/`,
];

describe('beside nginx: secure_link and valid_referers', function () {
  let pair: Pair;
  const host = 'refer';

  before(async function () {
    if (!existsSync(NGINX)) this.skip();
    pair = await startPair(HTTP);
  });
  after(cleanUp);

  for (const target of LINKS) {
    it(target, async () => {
      const { nginx, wirehop } = await pair.ask({ host, target });
      expect(wirehop).to.deep.equal(nginx);
    });
  }

  for (const referer of REFERERS) {
    it(`Referer: ${referer ?? 'none'}`.slice(0, 60), async () => {
      const fields = referer === undefined ? {} : { Referer: referer };
      for (const target of ['usual', 'strict', 'regex', 'no-blocked', 'blocked', 'twice', 'refused']) {
        const { nginx, wirehop } = await pair.ask({ host, target: `/${target}`, fields });
        expect(wirehop, target).to.deep.equal(nginx);
      }
    });
  }
});
