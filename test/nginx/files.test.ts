/**
 * Files: the same folder, the same configuration and the same requests through nginx and wirehop, with the same answers
 * and the same words in the error log.
 */
import { expect } from 'chai';
import { existsSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cleanUp, temporaryFolder } from '../e2e/harness.js';
import { NGINX, startPair, type Ask, type Pair } from './beside.js';

/** A server, and requests to it: targets, or more. The name of the server is its host. */
interface Site {
  readonly host: string;
  readonly server: string;
  readonly asks: readonly (string | (Partial<Ask> & { readonly target: string }))[];
}

/** When every file was changed, in seconds since 1970. */
const CHANGED = 1_700_000_000;
const CHANGED_TEXT = 'Tue, 14 Nov 2023 22:13:20 GMT';
const BEFORE = 'Tue, 14 Nov 2023 22:13:19 GMT';
const AFTER = 'Tue, 14 Nov 2023 22:13:21 GMT';
const ETAG = '"6553f100-a"';

const FILES: Readonly<Record<string, string>> = {
  'index.html': '<p>home</p>',
  'a.txt': '0123456789',
  'empty.txt': '',
  noext: 'no extension',
  'UPPER.HTML': 'upper',
  'sp ace.txt': 'space',
  'caf\u00e9.txt': 'coffee',
  '50x.html': 'trouble',
  '404.html': 'nothing',
  'sub/index.htm': 'sub',
  'sub/x.txt': 'sub x',
  'none/x.txt': 'x',
  'q?mark.txt': 'question',
  'data/one.txt': 'one',
  'data/sub/index.html': 'data sub',
  'data/two.gif': 'GIF',
  'outside.txt': 'outside',
  'var/host/v.txt': 'by host',
};

const HTTP = `
  upstream back { server @UP@; }
  upstream dead { server @DEAD@; }
  root @ROOT@;
`;

const range = (
  text: string,
  more: Record<string, string> = {},
): Partial<Ask> & { readonly target: string } => ({
  target: '/a.txt',
  fields: { Range: text, ...more },
});
const given = (fields: Record<string, string>): Partial<Ask> & { readonly target: string } => ({
  target: '/a.txt',
  fields,
});

const SITES: readonly Site[] = [
  {
    host: 'plain',
    server: '',
    asks: [
      '/',
      '/?a=b',
      '/index.html',
      '/a.txt',
      '/empty.txt',
      '/noext',
      '/UPPER.HTML',
      '/sp%20ace.txt',
      '/caf%C3%A9.txt',
      '/q%3Fmark.txt',
      '/missing',
      '/missing/',
      '/a.txt/',
      '/a.txt/x',
      '/sub',
      '/sub?a=b',
      '/sub/',
      '/sub/x.txt',
      '/none/',
      '/sub/../a.txt',
      '/%2e%2e/outside.txt',
      `/${'x'.repeat(300)}`,
      { target: '/', method: 'HEAD' },
      { target: '/a.txt', method: 'HEAD' },
      ...['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'].flatMap((method) =>
        ['/a.txt', '/', '/sub', '/missing', '/none/'].map((target) => ({ target, method, body: 'abc' })),
      ),
      { target: '/a.txt', body: 'content of a GET' },
    ],
  },
  {
    host: 'conditions',
    server: '',
    asks: [
      ...[
        CHANGED_TEXT,
        BEFORE,
        AFTER,
        'nonsense',
        'Tuesday, 14-Nov-23 22:13:20 GMT',
        'Tue Nov 14 22:13:20 2023',
      ].flatMap((time) => [given({ 'If-Modified-Since': time }), given({ 'If-Unmodified-Since': time })]),
      ...[ETAG, `W/${ETAG}`, '*', '"x"', `"x", ${ETAG}`, `"x",W/${ETAG} , "y"`, 'nonsense', ''].flatMap(
        (tags) => [given({ 'If-None-Match': tags }), given({ 'If-Match': tags })],
      ),
      given({ 'If-None-Match': ETAG, 'If-Modified-Since': BEFORE }),
      given({ 'If-None-Match': '"x"', 'If-Modified-Since': CHANGED_TEXT }),
      given({ 'If-None-Match': ETAG, 'If-Modified-Since': CHANGED_TEXT }),
      { target: '/a.txt', method: 'HEAD', fields: { 'If-None-Match': ETAG } },
      { target: '/missing', fields: { 'If-None-Match': '*' } },
      { target: '/sub', fields: { 'If-None-Match': '*' } },
    ],
  },
  {
    host: 'before',
    server: 'if_modified_since before; etag off;',
    asks: [
      ...[CHANGED_TEXT, BEFORE, AFTER].map((time) => given({ 'If-Modified-Since': time })),
      given({ 'If-None-Match': ETAG }),
      given({ 'If-Match': '*' }),
      given({ 'If-Match': ETAG }),
      range('bytes=1-2', { 'If-Range': ETAG }),
    ],
  },
  {
    host: 'never',
    server: 'if_modified_since off; max_ranges 0;',
    asks: [
      given({ 'If-Modified-Since': CHANGED_TEXT }),
      given({ 'If-None-Match': ETAG }),
      range('bytes=1-2'),
      '/a.txt',
    ],
  },
  {
    host: 'ranges',
    server: 'location / { add_header X-Added yes; }',
    asks: [
      ...[
        'bytes=0-0',
        'bytes=1-3',
        'bytes=5-',
        'bytes=-3',
        'bytes=-30',
        'bytes=-0',
        'bytes=0-',
        'bytes=0-99',
        'bytes=9-',
        'bytes=10-',
        'bytes=5-2',
        'bytes=0-1,3-4',
        'bytes=0-1, 3-4 ,6-',
        'bytes=0-9,0-9',
        'bytes=7-,20-30',
        'bytes=20-30,7-',
        'bytes=',
        'bytes=x',
        'bytes=1-2x',
        'bytes=1 - 2',
        'bytes= 1-2',
        'BYTES=1-2',
        'bytes=1-2,',
        'bytes=99999999999999999999-',
        'bytes=0-99999999999999999999',
        'octets=1-2',
        'bytes 1-2',
      ].map((text) => range(text)),
      { ...range('bytes=1-3'), method: 'HEAD' },
      { ...range('bytes=20-'), method: 'HEAD' },
      { target: '/empty.txt', fields: { Range: 'bytes=0-' } },
      { target: '/empty.txt', fields: { Range: 'bytes=1-' } },
      { target: '/noext', fields: { Range: 'bytes=0-1,3-4' } },
      ...[ETAG, '"x"', `W/${ETAG}`, CHANGED_TEXT, BEFORE, AFTER, 'nonsense'].map((text) =>
        range('bytes=1-3', { 'If-Range': text }),
      ),
      range('bytes=1-3', { 'If-None-Match': ETAG }),
      range('bytes=1-3', { 'If-None-Match': '"x"' }),
      { target: '/missing', fields: { Range: 'bytes=1-3' } },
    ],
  },
  {
    host: 'fewranges',
    // nginx sends the ETag of what was asked for with the page, and that of the page behind it.
    server: 'max_ranges 2; error_page 416 /404.html; etag off;',
    asks: [range('bytes=0-0,2-2'), range('bytes=0-0,2-2,4-4'), range('bytes=20-')],
  },
  {
    host: 'index',
    server: `
      index index.htm index.html;
      location /absolute/ { index nothing.html /a.txt; }
      location /variable/ { index $arg_i.txt /noext; }
      location /proxied/ { proxy_pass http://back; }
      location = /sub/index.htm { add_header X-Place exact; }
      location /none/ { index index.php /proxied/index; }
      location /own/ { alias @ROOT@/sub/; }
      location /list/ { index a b; index index.htm; alias @ROOT@/sub/; }
    `,
    asks: [
      '/',
      '/sub/',
      '/sub/?a=b',
      '/none/',
      '/none/?a=b',
      '/absolute/',
      '/variable/?i=x',
      '/own/',
      '/own',
      '/list/',
      '/data/sub/',
    ],
  },
  {
    host: 'aliases',
    server: `
      location /d/ { alias @ROOT@/data/; }
      location /bare { alias @ROOT@/data; }
      location = /exact { alias @ROOT@/a.txt; }
      location ~ ^/re/(.+)\\.t$ { alias @ROOT@/data/$1.txt; }
      location ~ ^/dir/(.*)$ { alias @ROOT@/data/$1; }
      location /args/ { alias @ROOT@/$arg_x/; }
      location /nest/ { alias @ROOT@/data/; location ~ \\.txt$ { add_header X-Nested yes; } }
      location /rew/ { rewrite ^/rew/(.*)$ /d/$1 break; alias @ROOT@/data/; }
      location ^~ /final/ { alias @ROOT@/data/; }
    `,
    asks: [
      '/d/one.txt',
      '/d/missing',
      '/d/',
      '/d/sub/',
      '/d/sub',
      '/d/sub?a=b',
      '/d',
      '/bare/one.txt',
      '/bare',
      '/bare/',
      '/exact',
      '/re/one.t',
      '/re/none.t',
      '/dir/',
      '/dir/one.txt',
      '/dir/sub',
      '/dir/sub/',
      '/args/one.txt?x=data',
      '/nest/one.txt',
      '/nest/two.gif',
      '/rew/one.txt',
      '/final/two.gif',
    ],
  },
  {
    host: 'roots',
    server: `
      location /data/ { root @ROOT@/; }
      location /v { root @ROOT@/var/$host; }
      location /if { if ($arg_r) { root @ROOT@/data; } }
      location /named { return 200 "$document_root $request_filename"; }
      location /namedalias { alias @ROOT@/data; return 200 "$document_root $request_filename"; }
      location /file { if (-f $request_filename) { return 200 "is there"; } return 404; }
      location = /file { root @ROOT@/data; return 200 $request_filename; }
      location /real { return 200 $realpath_root; }
      location /one.txt { set $dir data; root @ROOT@/$dir; }
    `,
    asks: [
      '/data/one.txt',
      '/v.txt',
      { target: '/v.txt', host: 'host' },
      '/if?r=1',
      '/if',
      '/named',
      '/namedalias/x',
      '/file',
      '/filex',
      '/real',
      '/one.txt',
    ],
  },
  {
    host: 'trying',
    server: `
      try_files $uri @server;
      location @server { return 200 "server $uri"; }
      location /t/ { try_files /data$uri $uri /a.txt; }
      location /code/ { try_files $uri =418; }
      location /404/ { try_files $uri =404; error_page 404 /404.html; }
      location /named/ { try_files $uri $uri/ @back; }
      location /args/ { try_files $uri /t/back?$args; }
      location /fixed/ { try_files /a.txt =404; }
      location /dir/ { try_files /sub/ =404; }
      location /dirs { try_files $uri/ /data$uri/ =404; }
      location /sub { try_files $uri/ $uri/index.htm =404; }
      location /proxied { try_files /missing /a.txt =404; proxy_pass http://back; }
      location /alias/ { alias @ROOT@/data/; try_files $uri =404; }
      location /aliasback/ { alias @ROOT@/data/; try_files $uri /aliasback/one.txt; }
      location /aliasvar/ { alias @ROOT@/data/; try_files $uri /aliasvar/$arg_f; }
      location ~ ^/reg/(.*)$ { alias @ROOT@/data/; try_files $1 =404; }
      location /loop/ { try_files $uri /loop/x; }
      location /return/ { try_files $uri =404; return 200 returned; }
      location /climb/ { try_files $uri /a.txt; }
      location /if/ { try_files $uri @back; if ($arg_x) { set $y 1; } }
      location @back { proxy_pass http://back; }
    `,
    asks: [
      '/a.txt',
      '/missing',
      '/t/x',
      '/code/x',
      '/404/x',
      '/named/x',
      '/named/x?a=b',
      { target: '/named/x', method: 'POST', body: 'abc' },
      '/args/x?a=b',
      '/fixed/x',
      '/fixed/x?a',
      { target: '/fixed/x', method: 'HEAD' },
      '/dir/x',
      '/dirs',
      '/sub',
      '/sub/',
      '/proxied',
      '/alias/one.txt',
      '/alias/none',
      '/alias/sub/index.html',
      '/aliasback/none',
      '/aliasvar/none?f=one.txt',
      '/reg/one.txt',
      '/loop/a',
      '/return/x',
      '/climb/%2e%2e/a.txt',
      '/if/x',
    ],
  },
  {
    host: 'errors',
    server: `
      error_page 404 /404.html;
      error_page 500 502 503 504 /50x.html;
      error_page 403 =200 /a.txt;
      error_page 405 =200 $uri;
      location = /50x.html { root @ROOT@; internal; }
      location /dead { proxy_pass http://dead; }
      location /up { proxy_pass http://back; proxy_intercept_errors on; }
      location /503 { return 503; }
      location /301/ { error_page 301 /a.txt; }
      location /accel { proxy_pass http://back; }
      location /internal/ { internal; alias @ROOT@/data/; }
    `,
    asks: [
      '/missing',
      { target: '/missing', fields: { Range: 'bytes=0-1', 'If-None-Match': '*' } },
      { target: '/missing', method: 'HEAD' },
      { target: '/missing', method: 'POST', body: 'abc' },
      '/none/',
      { target: '/none/', fields: { Range: 'bytes=0-1' } },
      { target: '/none/', fields: { 'If-None-Match': ETAG } },
      { target: '/a.txt', method: 'POST', body: 'abc' },
      { target: '/a.txt', method: 'DELETE' },
      '/50x.html',
      '/dead',
      { target: '/dead', method: 'POST', body: 'abc' },
      { target: '/dead', method: 'HEAD' },
      '/503',
      { target: '/up', fields: { 'X-Want': '502' } },
      { target: '/up', fields: { 'X-Want': '404' } },
      { target: '/up', fields: { 'X-Want': '404' }, method: 'HEAD' },
      '/internal/one.txt',
      { target: '/accel', fields: { 'X-Want': '200 X-Accel-Redirect: /internal/one.txt' } },
      { target: '/accel', fields: { 'X-Want': '200 X-Accel-Redirect: /internal/one.txt' }, method: 'HEAD' },
      { target: '/accel', fields: { 'X-Want': '200 X-Accel-Redirect: /internal/sub/' } },
      { target: '/accel', fields: { 'X-Want': '200 X-Accel-Redirect: /internal/none' } },
      {
        target: '/accel',
        fields: { 'X-Want': '200 X-Accel-Redirect: /internal/one.txt', Range: 'bytes=1-' },
      },
      {
        target: '/accel',
        fields: { 'X-Want': '200 X-Accel-Redirect: /internal/one.txt | ETag: "up" | Set-Cookie: a=b' },
      },
      {
        target: '/accel',
        method: 'POST',
        body: 'abc',
        fields: { 'X-Want': '404 X-Accel-Redirect: /internal/one.txt' },
      },
    ],
  },
  {
    host: 'types',
    server: `
      types { text/html html; text/plain txt; image/gif gif; }
      default_type application/octet-stream;
      location /sub/ { types { } default_type a/b; }
      location /data/ { types { } default_type ''; }
    `,
    asks: ['/', '/a.txt', '/noext', '/UPPER.HTML', '/sub/x.txt', '/data/one.txt'],
  },
  {
    host: 'redirected',
    server: `
      absolute_redirect off;
      location /data/ { absolute_redirect on; port_in_redirect off; }
      location /none { absolute_redirect on; server_name_in_redirect on; }
      location /al/ { alias @ROOT@/data/; }
    `,
    asks: ['/sub', '/sub?a=b', '/data/sub', '/none', '/al/sub'],
  },
  {
    host: 'added',
    server: `
      add_header X-Added yes;
      add_header X-Always yes always;
      location /sub/ { add_header Last-Modified ""; add_header ETag own; }
    `,
    asks: ['/a.txt', '/missing', '/sub', given({ 'If-None-Match': ETAG }), range('bytes=1-2')],
  },
  {
    host: 'links',
    server: `
      location / { disable_symlinks off; }
      location /on/ { alias @ROOT@/; disable_symlinks on; }
      location /from/ { alias @ROOT@/linked/; disable_symlinks on from=@ROOT@/linked; }
      location /owner/ { alias @ROOT@/; disable_symlinks if_not_owner; }
      location /try/ { alias @ROOT@/; disable_symlinks on; try_files $uri /a.txt; }
      location /slash/ { root @ROOT@; disable_symlinks on from=$document_root; }
    `,
    asks: [
      '/out.txt',
      '/in.txt',
      '/linked/one.txt',
      '/linked',
      '/linked/',
      '/linked/sub/',
      '/loop.txt',
      '/on/a.txt',
      '/on/in.txt',
      '/on/out.txt',
      '/on/linked/one.txt',
      '/on/linked/sub/',
      '/on/linked',
      '/from/one.txt',
      '/from/sub/',
      '/from/link.txt',
      '/owner/in.txt',
      '/owner/linked/one.txt',
      '/try/in.txt',
      '/try/a.txt',
    ],
  },
  {
    host: 'limits',
    server: `
      client_max_body_size 4;
      location /deny/ { deny all; }
      location /get/ { alias @ROOT@/; limit_except GET { deny all; } }
    `,
    asks: [
      { target: '/a.txt', body: 'too long for it' },
      '/deny/x',
      '/get/a.txt',
      { target: '/get/a.txt', method: 'POST', body: '' },
      { target: '/get/a.txt', method: 'HEAD' },
    ],
  },
];

/** The folder that both send. */
function prepare(): string {
  const folder = temporaryFolder();
  const outside = join(temporaryFolder(), 'outside.txt');
  writeFileSync(outside, 'out of the root');
  utimesSync(outside, CHANGED, CHANGED);
  for (const [name, content] of Object.entries(FILES)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    utimesSync(path, CHANGED, CHANGED);
  }
  symlinkSync('a.txt', join(folder, 'in.txt'));
  symlinkSync(outside, join(folder, 'out.txt'));
  symlinkSync('data', join(folder, 'linked'));
  symlinkSync('one.txt', join(folder, 'data/link.txt'));
  symlinkSync('loop.txt', join(folder, 'loop.txt'));
  return folder;
}

describe('files beside nginx', function () {
  this.timeout(20_000);
  let pair: Pair;

  before(async function () {
    if (!existsSync(NGINX)) {
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${NGINX} is missing`);
      this.skip();
    }
    const folder = prepare();
    const servers = SITES.map(
      ({ host, server }) => `server { listen @PORT@; server_name ${host} ; ${server} }`,
    ).join('\n');
    pair = await startPair((HTTP + servers).replaceAll('@ROOT@', folder));
  });

  after(cleanUp);

  for (const { host, asks } of SITES) {
    describe(host, () => {
      for (const one of asks) {
        const ask: Ask = typeof one === 'string' ? { host, target: one } : { host, ...one };
        const fields = ask.fields === undefined ? '' : ` ${JSON.stringify(ask.fields)}`;
        it(`${ask.method ?? 'GET'} ${ask.target}${fields}`, async () => {
          const { nginx, wirehop } = await pair.ask(ask);
          expect(wirehop).to.deep.equal(nginx);
        });
      }
    });
  }

  it('says the same in the error log', () => {
    const { nginx, wirehop } = pair.errors();
    const about = (lines: string[]): string[] =>
      [...new Set(lines)].filter((line) => !line.startsWith('info')).sort();
    expect(about(wirehop)).to.deep.equal(about(nginx));
  });
});
