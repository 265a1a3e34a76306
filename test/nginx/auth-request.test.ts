/**
 * auth_request: the same configuration through nginx and wirehop, the same requests to both, the same answers.
 */
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { cleanUp } from '../e2e/harness.js';
import { NGINX, startPair, type Ask, type Pair } from './beside.js';

const HTTP = `
  map $http_x_flavour $flavour { default plain; hot "hot $uri"; }
  server {
    listen @PORT@;
    set $own first;
    proxy_set_header X-Told "$flavour";
    location / { auth_request /check; proxy_pass http://@UP@; }
    location /off { auth_request off; proxy_pass http://@UP@; }
    location = /check {
      internal;
      proxy_pass http://@UP@/asked;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Want $http_x_check;
      proxy_set_header X-Original "$request_method $request_uri $uri $args $request";
    }
    location /set {
      auth_request /check;
      auth_request_set $user $upstream_http_x_user;
      auth_request_set $status_seen $upstream_status;
      auth_request_set $where $uri;
      auth_request_set $own second;
      proxy_set_header X-User "$user/$status_seen/$where/$own/$uri";
      add_header X-Answer "$user $status_seen $own $upstream_status" always;
      proxy_pass http://@UP@;
    }
    location /set/off { auth_request off; add_header X-Answer "<$user>"; return 200; }
    location /shares { auth_request /sets; proxy_set_header X-Own "$own"; proxy_pass http://@UP@; }
    location = /sets { set $own "changed by $uri"; return 204; }
    location /mapped { auth_request /maps; proxy_set_header X-Own "$flavour"; proxy_pass http://@UP@; }
    location = /maps { proxy_set_header X-Flavour $flavour; proxy_pass http://@UP@/maps; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
    location /dead { auth_request /check-dead; proxy_pass http://@UP@; }
    location = /check-dead { proxy_pass http://@DEAD@; }
    location /nowhere { auth_request /no/such/place; proxy_pass http://@UP@; }
    location /no/such/place { internal; return 404; }
    location /returns-200 { auth_request /r200; proxy_pass http://@UP@; }
    location = /r200 { return 200 text; }
    location /returns-204 { auth_request /r204; proxy_pass http://@UP@; }
    location = /r204 { return 204; }
    location /returns-302 { auth_request /r302; proxy_pass http://@UP@; }
    location = /r302 { return 302 /login; }
    location /returns-403 { auth_request /r403; proxy_pass http://@UP@; }
    location = /r403 { return 403; }
    location /returns-401 { auth_request /r401; proxy_pass http://@UP@; }
    location = /r401 { return 401; }
    location /rewritten { auth_request /rewrites; proxy_pass http://@UP@; }
    location = /rewrites { rewrite ^ /r403; }
    location /sub-page { auth_request /check-paged; proxy_pass http://@UP@; }
    location = /check-paged {
      proxy_intercept_errors on; error_page 418 = /r204; error_page 404 =401 /r200;
      proxy_set_header X-Want $http_x_check; proxy_pass http://@UP@;
      proxy_pass_request_body off; proxy_set_header Content-Length "";
    }
    location /sub-dead-page { auth_request /check-dead-paged; proxy_pass http://@UP@; }
    location = /check-dead-paged { error_page 502 = @allow; proxy_pass http://@DEAD@; }
    location @allow { return 204; }
    location /denied-inside { auth_request /closed; proxy_pass http://@UP@; }
    location = /closed { deny all; auth_request /r403; return 204; }
    location = /closed-proxied { deny all; proxy_pass http://@UP@; }
    location /login-page { auth_request /check; error_page 401 = @login; proxy_pass http://@UP@; }
    location @login { return 302 /login?from=$request_uri; }
    location /error-uri { auth_request /check; error_page 401 403 /why; proxy_pass http://@UP@; }
    location = /why { auth_request off; return 200 "why: $own"; }
    location /asks-again { auth_request off; error_page 502 = /set/again; proxy_pass http://@DEAD@; }
    location /any { satisfy any; deny all; auth_request /check; proxy_pass http://@UP@; }
    location /any-open { satisfy any; allow all; auth_request /check; proxy_pass http://@UP@; }
    location /all-denied { deny all; auth_request /check; proxy_pass http://@UP@; }
    location /return { auth_request /check; return 200 returned; }
    location /small { client_max_body_size 2; auth_request /check; proxy_pass http://@UP@; }
  }
`;

const WANTS = [
  '200',
  '204',
  '206',
  '201',
  '401 WWW-Authenticate: Bearer x="y"',
  '401',
  '403 X-User: nobody',
  '302 Location: /elsewhere',
  '404',
  '418',
  '500',
  '503',
];

const TARGETS = [
  '/off',
  '/set/off',
  '/shares',
  '/shares?a=b',
  '/mapped',
  '/dead',
  '/nowhere',
  '/returns-200',
  '/returns-204',
  '/returns-302',
  '/returns-403',
  '/returns-401',
  '/rewritten',
  '/sub-dead-page',
  '/denied-inside',
  '/all-denied',
  '/any-open',
  '/check',
  '/no/such/place',
];

describe('beside nginx: auth_request', function () {
  let pair: Pair;
  const host = 'auth';
  const ask = async (one: Partial<Ask> & { target: string }): Promise<void> => {
    const { nginx, wirehop } = await pair.ask({ host, ...one });
    expect(wirehop).to.deep.equal(nginx);
  };

  before(async function () {
    if (!existsSync(NGINX)) this.skip();
    pair = await startPair(HTTP);
  });
  after(cleanUp);

  for (const want of WANTS) {
    it(`a subrequest answered ${want}`, async () => {
      const fields = { 'X-Check': want };
      for (const target of [
        '/',
        '/set/x?q=1',
        '/sub-page',
        '/login-page?a=b',
        '/error-uri',
        '/any',
        '/return',
      ]) {
        await ask({ target, fields });
      }
      await ask({ target: '/asks-again', fields });
    });
  }

  for (const target of TARGETS) it(target, () => ask({ target }));

  it('fields of the subrequest answer become variables', async () => {
    const fields = { 'X-Check': '200 X-User: somebody' };
    await ask({ target: '/set', fields });
    await ask({ target: '/set', fields: { 'X-Check': '403 X-User: nobody' } });
  });

  it('maps that the subrequest asked first keep their value', () =>
    ask({ target: '/mapped', fields: { 'X-Flavour': 'hot' } }));

  it('content and other methods', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      await ask({ target: '/x?y', method, body: 'some content' });
      await ask({ target: '/x', method, body: 'some content', fields: { 'X-Check': '403' } });
    }
    await ask({ target: '/small', method: 'POST', body: 'abc' });
    await ask({ target: '/x', method: 'HEAD' });
  });

  it('says the same in the error log', () => {
    const { nginx, wirehop } = pair.errors();
    // What nginx adds is left over from the subrequest's answer.
    const distinct = (lines: readonly string[]): string[] =>
      [...new Set(lines.map((line) => line.replace(/ while sending to client$/, '')))].sort();
    const words = (line: string): boolean => line.includes('auth request') || line.includes('forbidden');
    expect(distinct(wirehop.filter(words))).to.deep.equal(distinct(nginx.filter(words)));
  });
});
