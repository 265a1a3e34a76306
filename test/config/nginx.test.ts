/**
 * Proves against nginx itself, where it is installed, that wirehop accepts what nginx accepts, and refuses what nginx
 * refuses in the same words and lines. What wirehop refuses on purpose, or words better, stands in errors.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { compile, inHttp, inLocation, inServer } from './compiling.js';

const NGINX = '/usr/sbin/nginx';

const ACCEPTED: readonly string[] = [
  inLocation('expires max; if ($host) { expires modified +1h30m; }'),
  inServer('location /b { expires @15h; } location /c { expires -1; } location /d { expires $host; }'),
  inHttp('geo $a { default 1; 10.0.0.0/8 x; ::1 y; delete 10.0.0.0/8; proxy 10.0.0.1; proxy_recursive; }'),
  inHttp(
    'geo $host $a { ranges; default 1; 10.0.0.0-10.0.0.9 x; 10.0.0.1-10.0.0.2 y; delete 1.1.1.1-1.1.1.2; }',
  ),
  inHttp('split_clients "$host" $v { 0.5% a; 1.25% b; * ""; }'),
  inServer('location /a { } location ~ \\.b$ { alias $1; } location /c { root $host; index a $host /c; }'),
  inServer('try_files $uri =404; location /d { try_files a/ @d; } location @d { root /d; }'),
  inServer(
    'etag off; if_modified_since before; max_ranges 3; log_not_found off; disable_symlinks on from=/a;',
  ),
  'events {}\r\n# comment\r\nhttp {\r\n}\r\n',
  'events{}#x',
  'worker_processes 1; worker_shutdown_timeout 10s; events { worker_connections 64; use epoll; multi_accept on; }',
  'events {} error_log stderr notice;',
  'include none*.conf; events {}',
  inHttp(
    'keepalive_timeout 1h30m; client_header_timeout "1h 30m"; send_timeout 1m30; client_body_timeout 500ms;',
  ),
  inHttp('keepalive_timeout 75 60; lingering_close always; lingering_time 1m; lingering_timeout 500ms;'),
  inHttp('reset_timedout_connection on; lingering_close off;'),
  inHttp('client_max_body_size 1g; client_header_buffer_size 2K; large_client_header_buffers 4 16k;'),
  inHttp('keepalive_requests 10; keepalive_time 1h; merge_slashes OFF; server_tokens OFF; default_type a/b;'),
  inHttp(
    'sendfile on; tcp_nopush on; tcp_nodelay on; types_hash_max_size 2048; server_names_hash_bucket_size 64;',
  ),
  inHttp(
    'proxy_buffers 8 16k; proxy_buffer_size 16k; proxy_busy_buffers_size 32k; proxy_headers_hash_max_size 1024;',
  ),
  inHttp(
    'map $host $x { default a; hostnames; *.b.c d; .e.f g; ~^h i; ~*^j k; volatile; "" l; \\default m; }',
  ),
  inHttp('map $y $x { a b; } map $host $y { b $http_c; }'),
  inHttp('map $host $x { default a; } map $host $x { default b; }'),
  inHttp('log_format a escape=json \'$remote_addr\' "$request" ${status}; access_log off;'),
  inHttp(
    'upstream u { server 127.0.0.1:1 weight=2 max_fails=0 fail_timeout=1y; server unix:/x backup; keepalive 4; }',
  ),
  inHttp(
    'upstream u { server 127.0.0.1:1 down; zone z 64k; keepalive 4; keepalive_time 1h; keepalive_timeout 5; }',
  ),
  inHttp('upstream u { least_conn; server 127.0.0.1:1 max_conns=3; server 127.0.0.1:2 backup; }'),
  inHttp('upstream u { server 127.0.0.1:1; server 127.0.0.1:2 down; ip_hash; keepalive 4; }'),
  inHttp(
    'upstream u { hash $remote_addr$arg_x consistent; server 127.0.0.1:1; } upstream v { hash a; server unix:/x; }',
  ),
  inHttp('upstream u { random; server 127.0.0.1:1; } upstream v { random two least_conn; server unix:/x; }'),
  inHttp('upstream u { least_conn; ip_hash; server 127.0.0.1:1; }'),
  inHttp('map $status $ok { ~^2 0; default 1; } access_log b combined buffer=32k flush=5m if=$ok;'),
  inHttp(
    'access_log syslog:server=127.0.0.1:1514,facility=local3,tag=a_b,severity=warn,nohostname combined;',
  ),
  inHttp('error_log syslog:server=127.0.0.1 warn; error_log stderr;'),
  inHttp(
    'limit_req_zone $binary_remote_addr zone=r:1m rate=30r/m; limit_conn_zone $server_name zone=c:10m; limit_req zone=r burst=5 delay=2; limit_conn c 10; limit_req_status 429; limit_conn_log_level notice; limit_req_dry_run on;',
  ),
  inLocation('allow 10.0.0.0/8; allow ::1; allow unix:; deny all; satisfy any; return 200;'),
  inLocation(
    'auth_basic "a $host"; auth_basic_user_file $host/users; auth_request /a; auth_request_set $x $upstream_http_x; auth_delay 1s; satisfy any; log_subrequest on; return 200 $x;',
  ),
  inLocation('auth_basic off; auth_request off; limit_except GET { auth_basic x; auth_basic_user_file u; }'),
  inLocation(
    'limit_rate 10k; limit_rate_after $arg_a; proxy_limit_rate 1m; proxy_pass http://127.0.0.1; if ($host) { limit_rate 1k; set $limit_rate 5; }',
  ),
  inLocation(
    'secure_link $arg_a,$arg_b; secure_link_md5 "$secure_link_expires$uri x"; return 200 $secure_link;',
  ),
  inHttp('secure_link_secret a;'),
  inLocation('valid_referers none blocked server_names *.a.b b.* c.d/e ~x; return 200 $invalid_referer;'),
  inServer('listen 127.0.0.1:18081 default_server backlog=16; listen 127.0.0.1:18083-18085;'),
  inServer('server_name "" _ a.b *.b .c d.* ~^(?<n>.+)$; return 200 $n;'),
  inServer('location = / { return 200; } location / { return 200; } location ~ x { return 200; }'),
  inServer('location =/a { return 200; } location ^~/b { return 200; } location ~*\\.c$ { return 200; }'),
  inServer('location /a { location /a/b { return 200; } location ~ c { return 200; } }'),
  inServer('location ~ "a{2}" { return 200; }'),
  inLocation('return 200; return 201;'),
  inLocation('return 301 https://$host$request_uri;'),
  inLocation('return $scheme://a;'),
  inLocation('return 200 "${uri}{";'),
  inLocation('return 200 "a\nb\\"c\\t";'),
  inLocation('add_header X-A "$http_upgrade" always; return 204;'),
  inLocation('proxy_pass http://127.0.0.1:1/a?b; proxy_redirect default;'),
  inLocation('proxy_pass HTTP://[::1]; proxy_redirect off; proxy_http_version 1.1;'),
  inLocation(
    'proxy_pass http://unix:/tmp/x:/y; proxy_set_header Host $host; proxy_hide_header X; proxy_pass_header Y;',
  ),
  inLocation('proxy_pass http://127.0.0.1; proxy_next_upstream ERROR timeout invalid_header non_idempotent;'),
  inLocation('proxy_next_upstream off; proxy_next_upstream_tries 3; proxy_next_upstream_timeout 1s;'),
  inLocation('proxy_connect_timeout 1d; proxy_read_timeout 1w; proxy_send_timeout 1ms; proxy_buffering on;'),
  inServer(
    'set $a b; if ($a) { return 200; } if ($a = b) { set $c d; } rewrite a b last; break; location / { }',
  ),
  inLocation('if ( $host = "a" ) { rewrite ^ /x? break; } if ($host !~* "a b") { return 403; }'),
  inLocation('if (-f /a) { } if (!-d /a) { } if (!-e "/a b") { } if (-x /$host) { }'),
  inLocation(
    'if ($host) { add_header a b; error_page 404 /x; proxy_pass http://127.0.0.1; access_log off; }',
  ),
  inLocation('allow 127.0.0.1; deny 10.0.0.0/8; allow ::1; deny unix:; deny all;'),
  inLocation('set $args a; set $http_x b; rewrite_log on; uninitialized_variable_warn off;'),
  inHttp('map $host $x { a b; } server { set $x c; }'),
  inServer(
    'error_page 404 403 =200 /x; error_page 500 = @a; location @a { return 200; } recursive_error_pages on;',
  ),
  inServer('location /a { internal; limit_except GET post { proxy_pass http://127.0.0.1; } }'),
  inServer('absolute_redirect off; server_name_in_redirect on; port_in_redirect off;'),
  inHttp('types { text/html html htm; a/b c; } default_type a/b; server { types { } }'),
  inLocation(
    'proxy_pass http://127.0.0.1$request_uri; proxy_redirect http://a $host; proxy_redirect ~*a(b) $1;',
  ),
  inLocation('proxy_pass $scheme://$host/$uri; proxy_method $request_method; proxy_set_body "a $uri";'),
  inLocation(
    'proxy_cookie_domain a b; proxy_cookie_domain ~a $host; proxy_cookie_path / /x; proxy_cookie_flags ~a secure;',
  ),
  inLocation(
    'proxy_cookie_domain off; proxy_cookie_path off; proxy_cookie_flags off; proxy_ignore_headers Expires Vary;',
  ),
  inLocation('proxy_pass_request_headers off; proxy_pass_request_body off; proxy_intercept_errors on;'),
  inLocation('proxy_next_upstream http_500 http_502 http_503 http_504 http_403 http_404 http_429;'),
  inHttp(
    'upstream U { server 127.0.0.1:1; } server { listen 127.0.0.1:18081; location / { proxy_pass http://u; } }',
  ),
];

const REFUSED: readonly string[] = [
  inLocation('expires soon;'),
  inLocation('expires modified max;'),
  inLocation('expires modified @1h;'),
  inLocation('expires @25h;'),
  inLocation('expires other 1h;'),
  inLocation('expires 1h; expires 2h;'),
  inHttp('geo $a { ranges; 127.0.0.1-127.0.0.1 RU;\n127.0.0.1-127.0.0.255 US; }'),
  inHttp('geo $a { ranges; 127.0.0.1-127.0.0.255 US; 127.0.0.5-127.0.0.7 A;\n127.0.0.6-127.0.0.9 B; }'),
  inHttp('geo $a { default ZZ;\nranges; }'),
  inHttp('geo $a { x y; }'),
  inHttp('geo $a { proxy x; }'),
  inHttp('geo $a { 127.0.0.1; }'),
  inHttp('geo $a { ranges; 127.0.0.5-127.0.0.1 x; }'),
  inHttp('geo $a { ranges; 127.0.0.5 x; }'),
  inHttp('geo $a { ranges; ::1-::2 x; }'),
  inHttp('geo a { }'),
  inHttp('geo $remote_addr { }'),
  inHttp('split_clients $args $v { 50% a; 60% b; }'),
  inHttp('split_clients $args $v { 50% a; * b; 10% c; }'),
  inHttp('split_clients $args $v { 0% a; }'),
  inHttp('split_clients $args $v { 0.001% a; }'),
  inHttp('split_clients $args v { 50% a; }'),
  inLocation('root a; root b;'),
  inLocation('alias a; root b;'),
  inLocation('root a; alias b;'),
  inLocation('root $document_root/x;'),
  inLocation('index "";'),
  inLocation('try_files $uri =x;'),
  inLocation('try_files $uri =1000;'),
  inLocation('if_modified_since never;'),
  inLocation('max_ranges x;'),
  inLocation('etag maybe;'),
  inLocation('disable_symlinks off from=/x;'),
  inLocation('disable_symlinks some;'),
  inLocation('disable_symlinks from=/x;'),
  inServer('location @a { alias /x; }'),
  'events {}\nfoo;',
  'events {}\n}',
  'events {\n',
  'events {}\npid\n',
  'events {}\n{',
  '; events {}',
  'events;',
  'http {}',
  'events {}\npid "a"b;',
  'worker_processes 1 {\n}\nevents {}',
  'worker_processes x; events {}',
  'events { worker_connections x; }',
  'daemon maybe; events {}',
  'listen 80; events {}',
  'include a b; events {}',
  'error_log stderr loud; events {}',
  'events {}\nhttp {}\nhttp {}',
  'events {}\nevents {}',
  'events {}\nhttp {\n',
  'events {}\nfoo;\nbar',
  `events {}\npid "${'x'.repeat(5000)}";`,
  inHttp('keepalive_timeout 5x;'),
  inHttp('client_header_timeout 1M;'),
  inHttp('client_header_timeout "30s 1m";'),
  inHttp('client_header_timeout "";'),
  inHttp('client_max_body_size 1t;'),
  inHttp('client_header_buffer_size 1g;'),
  inHttp('large_client_header_buffers 4;'),
  inHttp('large_client_header_buffers 0 8k;'),
  inHttp('keepalive_requests -1;'),
  inHttp('send_timeout 1;\nsend_timeout 2;'),
  inHttp('merge_slashes yes;'),
  inHttp('proxy_pass http://127.0.0.1;'),
  inHttp('map $host x { a b; }'),
  inHttp('map $host $x { a; }'),
  inHttp('map $host $x { a b c; }'),
  inHttp('map $host $x { a { } }'),
  inHttp('map $host $x { a b; a c; }'),
  inHttp('map $host $x { default 1; default 2; }'),
  inHttp('map $host $host { a b; }'),
  inHttp('map $host $x;'),
  inHttp('log_format combined x;'),
  inHttp('log_format a x; log_format a y;'),
  inHttp('log_format a escape=x y;'),
  inHttp('log_format a "${uri";'),
  inHttp('access_log logs/a b;'),
  inHttp('access_log off x;'),
  inHttp('upstream u {}'),
  inHttp('upstream u { server 127.0.0.1; } upstream U { server 127.0.0.1; }'),
  inHttp('upstream u { server 127.0.0.1 weight=x; }'),
  inHttp('upstream u { server 127.0.0.1 max_fails=-1; }'),
  inHttp('upstream u { server 127.0.0.1 foo; }'),
  inHttp('upstream u { server 127.0.0.1:99999; }'),
  inHttp('upstream u { server 127.0.0.1 backup; }'),
  inHttp('upstream u { server 127.0.0.1/x; }'),
  inHttp('upstream u { server [::1; }'),
  inHttp('upstream u { server unix:; }'),
  inHttp('upstream u { server :80; }'),
  inHttp('upstream u { server 127.0.0.1; keepalive x; }'),
  inServer('listen 127.0.0.1:18080;'),
  inServer('listen 127.0.0.1:0;'),
  inServer('listen 127.0.0.1:18081 foo;'),
  inServer('listen 127.0.0.1:18081 backlog=x;'),
  inServer('listen unix:;'),
  inServer('listen;'),
  inHttp('server { listen 127.0.0.1:81 default_server; }\nserver { listen 127.0.0.1:81 default_server; }'),
  inServer('server_name *a.b;'),
  inServer('server_name *;'),
  inServer('server_name .;'),
  inServer('server_name ~;'),
  inServer('location / { } location / { }'),
  inServer('location ^~ / { } location / { }'),
  inServer('location foo / { }'),
  inServer('location a b c { }'),
  inServer('location / ;'),
  inServer('location /a { location /b { } }'),
  inServer('location ~ x { location /b { } }'),
  inServer('location = /a { location /a { } }'),
  inServer('location ~ a{2} { }'),
  inLocation('return;'),
  inLocation('return x;'),
  inLocation('return 1000;'),
  inLocation('return /x;'),
  inLocation('return 200 a b;'),
  inLocation('add_header a;'),
  inLocation('add_header a b c;'),
  inLocation('proxy_pass 127.0.0.1;'),
  inLocation('proxy_pass http://;'),
  inLocation('proxy_pass http://127.0.0.1:x;'),
  inLocation('proxy_pass http://127.0.0.1; proxy_pass http://127.0.0.1;'),
  inServer('location ~ x { proxy_pass http://127.0.0.1/; }'),
  inHttp('upstream u { server 127.0.0.1; }\nserver { listen 81; location / { proxy_pass http://u:80; } }'),
  inLocation('proxy_next_upstream foo;'),
  inLocation('proxy_next_upstream_tries x;'),
  inLocation('proxy_http_version 1.2;'),
  inLocation('proxy_connect_timeout 1y;'),
  inLocation('proxy_buffering maybe;'),
  inLocation('proxy_redirect foo;'),
  inLocation('proxy_redirect default; proxy_pass http://127.0.0.1;'),
  inLocation('proxy_redirect off;\nproxy_redirect off;'),
  inServer('if { }'),
  inLocation('allow x;'),
  inLocation('satisfy x;'),
  inLocation('auth_basic a b;'),
  inLocation('auth_request_set x y;'),
  inLocation('limit_rate x;'),
  inLocation('valid_referers;'),
  inLocation('deny;'),
  inLocation('deny 10.0.0.0/99;'),
  inServer('if $a { }'),
  inServer('if (a) { }'),
  inServer('if ($host { }'),
  inServer('if ($host ? b) { }'),
  inServer('if ($host = b c) { }'),
  inServer('if (-z a) { }'),
  inServer('if ($host) { location / { } }'),
  inServer('if ($host) { proxy_pass http://127.0.0.1; }'),
  inServer('if ($host) { add_header a b; }'),
  inLocation('if ($host) { proxy_set_header a b; }'),
  inLocation('if ($host) { proxy_pass http://127.0.0.1/; }'),
  inLocation('if ($host) { if ($host) { } }'),
  inLocation('limit_except GET { return 200; }'),
  inLocation('limit_except FOO { }'),
  inLocation('limit_except { }'),
  inLocation('set a b;'),
  inLocation('set $host b;'),
  inLocation('set $status b;'),
  inLocation('rewrite a;'),
  inLocation('rewrite a b c;'),
  inLocation('break x;'),
  inLocation('internal x;'),
  inServer('location @a { location /b { } }'),
  inServer('location /a { location @b { } }'),
  inServer('location @a { proxy_pass http://127.0.0.1/x; }'),
  inLocation('error_page 404;'),
  inLocation('error_page =200 /x;'),
  inLocation('error_page 200 /x;'),
  inLocation('error_page 600 /x;'),
  inLocation('error_page 499 /x;'),
  inLocation('error_page x /x;'),
  inLocation('error_page 404 =x /x;'),
  inLocation('proxy_redirect off; proxy_redirect a b;'),
  inLocation('proxy_pass http://$host; proxy_redirect default;'),
  inLocation('proxy_cookie_domain a;'),
  inLocation('proxy_ignore_headers Date;'),
  inLocation('proxy_method a b;'),
  inLocation('listen 80;'),
  inLocation('}'),
  inLocation('{}'),
];

describe('config beside nginx -t', () => {
  let directory = '';

  before(function () {
    if (!existsSync(NGINX)) {
      // On a machine that is there to test, a comparison that did not happen is a failure.
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${NGINX} is missing`);
      this.skip();
    }
    directory = mkdtempSync(join(tmpdir(), 'wirehop-nginx-'));
  });

  after(() => {
    if (directory !== '') rmSync(directory, { recursive: true });
  });

  /** Paths that nginx would otherwise take from its package, where only root may write. No line end: lines count. */
  function ownPaths(): string {
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const paths = kinds.map((kind) => `${kind}_temp_path ${join(directory, kind)};`);
    return `${paths.join(' ')} access_log ${join(directory, 'access.log')}; `;
  }

  /** nginx's verdict: 'ok', or its first fault with the line, as `text in FILE:line`. */
  function nginx(text: string): string {
    const file = join(directory, 'nginx.conf');
    writeFileSync(file, text.replace(/\bhttp \{/, `http { ${ownPaths()}`));
    const args = ['-t', '-p', directory, '-c', file, '-e', 'stderr'];
    const pid = text.includes('pid') ? [] : ['-g', `pid ${join(directory, 'pid')};`];
    const { stderr, status } = spawnSync(NGINX, [...args, ...pid], { encoding: 'utf8' });
    const fault = /\[emerg\] (?:\d+#\d+: )?(.*)/.exec(stderr)?.[1].replace(file, 'FILE');
    return status === 0 ? 'ok' : (fault ?? stderr);
  }

  async function wirehop(text: string): Promise<string> {
    const { config, errors } = await compile(text);
    if (config !== undefined) return 'ok';
    const [{ text: what, file, line }] = errors;
    return file === '' ? what : `${what} in FILE:${line}`;
  }

  for (const text of ACCEPTED) {
    it(`both accept ${JSON.stringify(text)}`, async () => {
      expect(nginx(text)).to.equal('ok');
      expect(await wirehop(text)).to.equal('ok');
    });
  }

  for (const text of REFUSED) {
    it(`both refuse ${JSON.stringify(text.slice(0, 120))}`, async () => {
      const verdict = nginx(text);
      expect(verdict).to.not.equal('ok');
      expect(await wirehop(text)).to.equal(verdict);
    });
  }
});
