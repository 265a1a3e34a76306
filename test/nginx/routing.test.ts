/**
 * Locations, rewrites, conditions, error pages and the targets that upstreams get: the same configuration and the same
 * requests through nginx and wirehop, with the same answers.
 */
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { cleanUp } from '../e2e/harness.js';
import { NGINX, startPair, type Ask, type Pair } from './beside.js';

/** A server, and requests to it: targets, or more. The name of the server is its host. */
interface Site {
  readonly host: string;
  readonly names?: string;
  readonly server: string;
  readonly asks: readonly (string | (Partial<Ask> & { readonly target: string }))[];
}

const HTTP = `
  upstream back { server @UP@; }
  upstream dead { server @DEAD@; }
  map $uri $mapped { default none; /map one; ~^/map/(?<rest>.+) "rest $rest"; }
`;

const SITES: readonly Site[] = [
  {
    host: 'locations',
    server: `
      location / { return 200 "prefix $uri"; }
      location = / { return 200 "root"; }
      location /images/ { return 200 "images"; }
      location ^~ /static/ { return 200 "static"; }
      location ~ \\.(gif|jpg)$ { return 200 "regex $1"; }
      location ~* \\.PNG$ { return 200 "nocase"; }
      location /nest/ {
        return 200 "nest";
        location ~ \\.gif$ { return 200 "nested gif"; }
        location /nest/deep/ { return 200 "deep"; }
        location = /nest/exact { return 200 "nested exact"; }
      }
      location /pass/ { proxy_pass http://back; }
      location = /caf\xc3\xa9 { return 200 "decoded"; }
      location /inner { internal; return 200 "inner"; }
    `,
    asks: [
      '/',
      '/x',
      '/images/',
      '/images/a.gif',
      '/images/a.png',
      '/static/a.gif',
      '/static/../images/a.txt',
      '/nest/a.gif',
      '/nest/deep/a.gif',
      '/nest/deep/x',
      '/nest/exact',
      '/nest',
      '/pass',
      '/pass?a=b',
      '/pass/x?y',
      '//images//a',
      '/./images/./x',
      '/images/%2e%2e/x',
      '/im%61ges/',
      '/caf%C3%A9',
      '/inner',
      '/x%00y',
      '/../x',
      '/x%zz',
      '/a?b?c',
      '/a%3Fb?c',
    ],
  },
  {
    host: 'slashes',
    server: 'location / { return 200 "$uri"; } location //a { return 200 "double"; }',
    asks: ['//a', '//b//c', '/a//b/../c', '/a//../c'],
  },
  {
    host: 'passing',
    server: `
      location /plain { proxy_pass http://back; }
      location /uri/ { proxy_pass http://back/new/; }
      location /cut/ { proxy_pass http://back/new; }
      location /root/ { proxy_pass http://back/; }
      location = /exact { proxy_pass http://back/other; }
      location /query/ { proxy_pass http://back/new?x=; }
      location ~ ^/regex/(.*)$ { proxy_pass http://back; }
      location ~ ^/captured/(.*)$ { proxy_pass http://back/got/$1; }
      location ~ ^/captured2/(.*)$ { proxy_pass http://back/got/$1$is_args$args; }
      location /var/ { set $u back; proxy_pass http://$u; }
      location /varuri/ { set $u back; proxy_pass http://$u/fixed; }
      location /vararg/ { proxy_pass http://back$request_uri; }
      location /dynamic/ { set $u @UP@; proxy_pass http://$u; }
      location /broken { rewrite ^/broken/(.*)$ /got/$1 break; proxy_pass http://back; }
      location /brokenuri/ { rewrite ^/brokenuri/(.*)$ /got/$1 break; proxy_pass http://back/never/; }
      location /none { set $u ""; proxy_pass http://$u; }
      location /badscheme { set $u ftp://x; proxy_pass $u; }
      location /noresolver { set $u no.such.example; proxy_pass http://$u; }
      location /nouri { proxy_pass http://back?a=b; }
      location / { proxy_pass http://back; }
    `,
    asks: [
      '/plain',
      '/plain%20x/%2F..%2Fy?a=%20b',
      '/plain/../plain/%7Euser',
      '//plain//x',
      '/uri/',
      '/uri/a%20b?c',
      '/uri/a%2Fb',
      '/uri/a+b&c',
      '/uri/%7E%25',
      '/uri/caf%C3%A9',
      '/uri/../uri/x',
      '/uri//x',
      '/cut/x?y',
      '/root/x?y',
      '/root/',
      '/exact',
      '/exact?q',
      '/query/z',
      '/query/z?q',
      '/regex/a%20b?c',
      '/captured/ab?c',
      '/captured2/ab?c=d',
      '/captured2/ab',
      '/var/a%20b?c',
      '/varuri/x?y',
      '/vararg/x%20z?y',
      '/dynamic/x%20z?y',
      '/broken/a?b',
      '/broken/a%20b?c',
      '/broken',
      '/brokenuri/a?b',
      '/brokenuri/a%20b',
      '/none',
      '/badscheme',
      '/noresolver',
      '/nouri',
      '/nouri/x?y',
      '/a?b?c',
      '/a?',
      '/%41',
      '/caf%C3%A9?%C3%A9',
    ],
  },
  {
    host: 'rewriting',
    server: `
      rewrite ^/first$ /second;
      rewrite ^/second$ /third last;
      rewrite ^/third$ /never last;
      rewrite ^/servbreak/(.*)$ /shown/$1 break;
      location / { return 200 "$uri?$args"; }
      location /shown { return 200 "shown $uri?$args"; }
      location /last/ { rewrite ^/last/(.*)$ /shown/$1 last; return 200 "not here"; }
      location /args/ { rewrite ^/args/(.*)$ /shown?a=$1 last; }
      location /noargs/ { rewrite ^/noargs/(.*)$ /shown? last; }
      location /noargs2/ { rewrite ^/noargs2/(.*)$ /shown?b=$1? last; }
      location /twice/ { rewrite ^/twice/(.*)$ /shown?b=$1?c=$1 last; }
      location /keep/ { rewrite ^/keep/(.*)$ /shown/$1; return 200 "kept $uri?$args"; }
      location /noflag/ { rewrite ^/noflag/(.*)$ /shown/$1; }
      location /redirect/ { rewrite ^/redirect/(.*)$ /to/$1 redirect; }
      location /permanent/ { rewrite ^/permanent/(.*)$ /to/$1 permanent; }
      location /absolute/ { rewrite ^/absolute/(.*)$ http://else.example/$1; }
      location /absquery/ { rewrite ^/absquery/(.*)$ http://else.example/?x=$1; }
      location /absdrop/ { rewrite ^/absdrop/(.*)$ https://else.example/$1? permanent; }
      location /scheme/ { rewrite ^/scheme/(.*)$ $scheme://$host/$1; }
      location /cycle { rewrite ^/cycle(.*)$ /cycle$1x last; }
      location /case/ { rewrite (?i)^/CASE/(.*)$ /shown/$1 last; }
      location /named/ { rewrite ^/named/(?<what>.*)$ /shown/$what last; }
      location /vars/ { rewrite ^ /shown?u=$uri&a=$arg_a? last; }
      location /empty/ { rewrite ^/empty/(.*)$ $1 last; return 200 "empty"; }
      location /relative/ { rewrite ^/relative/(.*)$ shown/$1 break; return 200 "$uri"; }
      location /several/ { rewrite a b; rewrite c d; return 200 "$uri"; }
      location /nomatch/ { rewrite ^/other /shown last; return 200 "[$1]"; }
      location /breaks/ { break; rewrite ^ /shown last; return 200 never; }
      location /afterbreak/ { rewrite ^/afterbreak/(.*)$ /shown/$1 break; return 200 never; }
      location /setargs/ { set $args "x=y"; return 200 "$args $arg_x $is_args"; }
      location /toproxy/ { rewrite ^/toproxy/(.*)$ /proxied/$1 last; }
      location /proxied/ { proxy_pass http://back; }
      location /proxieduri/ { rewrite ^/proxieduri/in/(.*)$ /proxieduri/out/$1; proxy_pass http://back/u/; }
    `,
    asks: [
      '/first',
      '/first?a=b',
      '/second',
      '/third',
      '/servbreak/x?y',
      '/last/x',
      '/last/x?q=1',
      '/last/a%20b+c',
      '/args/x',
      '/args/x?old=1',
      '/args/a%20b%26c',
      '/args/a+b',
      '/args/%22%3c%3e%5c%5e%60%7b%7c%7d%7e%7f',
      '/noargs/x?old=1',
      '/noargs2/x?old=1',
      '/twice/x?o',
      '/keep/x?y',
      '/noflag/x?y',
      '/redirect/x',
      '/redirect/x?y=1',
      '/redirect/a%20b%2Fc',
      '/redirect/%3F%23',
      '/redirect/caf%C3%A9',
      '/redirect/a%25b%26',
      '/permanent/x?y=1',
      '/absolute/x?y=1',
      '/absolute/a+b%20',
      '/absquery/x?y=1',
      '/absdrop/x?y=1',
      '/scheme/x',
      '/cycle',
      '/case/x',
      '/named/x%20y',
      '/vars/x%20y?a=1',
      '/empty/',
      '/relative/x',
      '/several/ac',
      '/nomatch/x',
      '/breaks/x',
      '/afterbreak/x',
      '/setargs/x?x=z',
      '/toproxy/a%20b?c',
      '/toproxy/a%3Fb',
      '/proxieduri/in/x?y',
      '/proxieduri/z',
    ],
  },
  {
    host: 'conditions',
    server: `
      set $server "at server";
      if ($arg_s = yes) { set $server "if in server"; }
      if ($http_x_gone) { return 410; }
      location / { return 200 "$server"; }
      location /true { if ($arg_a) { return 200 "true"; } return 200 "false"; }
      location /equal { if ($arg_a = "b c") { return 200 "equal"; } if ($arg_a != "b") { return 200 "not b"; } return 200 "b"; }
      location /regex { if ($arg_a ~ ^(x+)(y*)$) { return 200 "match $1 $2"; } if ($arg_a ~* ^(Z)$) { return 200 "nocase $1"; } return 200 "[$1]"; }
      location /not { if ($arg_a !~ x) { return 200 "no x"; } if ($arg_a !~* Y) { return 200 "no y"; } return 200 "x and y"; }
      location ~ ^/captures/(.*)$ { if ($arg_a ~ ^(b)$) { set $in "$1"; } return 200 "in=$in out=$1"; }
      location ~ ^/lost/(.*)$ { if ($arg_a ~ ^(b)$) { set $x 1; } return 200 "[$1]"; }
      location /chain { set $a 1; if ($arg_a) { set $a "\${a}2"; } if ($arg_b) { set $a "\${a}3"; } return 200 $a; }
      location /header { add_header X-Where outer; if ($arg_a) { add_header X-Where inner; } return 200 done; }
      location /pass { if ($arg_a) { proxy_pass http://back; } return 200 "not passed"; }
      location /passed { proxy_pass http://back; if ($arg_a) { set $x 1; } }
      location /passuri/ { proxy_pass http://back/uri/; if ($arg_a) { set $x 1; } }
      location /two { proxy_pass http://back; if ($arg_a) { add_header X-A a; } if ($arg_b) { add_header X-B b; } }
      location /breakif { if ($arg_a) { break; return 200 never; } return 200 "no break"; }
      location /rewriteif { if ($arg_a) { rewrite ^ /equal?a=b? last; } return 200 "not rewritten"; }
      location /file { if (-f /etc/passwd) { return 200 file; } return 200 "no file"; }
      location /nofile { if (!-e /no/such/file) { return 200 "nothing there"; } return 200 something; }
      location /dir { if (-d /etc) { return 200 dir; } return 200 "no dir"; }
      location /exec { if (-x /bin/sh) { return 200 exec; } return 200 "no exec"; }
      location /spaces { if ( $arg_a = x ) { return 200 x; } return 200 "not x"; }
      location /map { return 200 "$mapped"; }
      location /setmap { set $mapped set; return 200 "$mapped"; }
      location /unset { return 200 "[$never]"; if ($arg_a) { set $never x; } }
      location /method { if ($request_method = POST) { return 405; } return 200 $request_method; }
    `,
    asks: [
      '/',
      '/?s=yes',
      { target: '/', fields: { 'X-Gone': '1' } },
      { target: '/', fields: { 'X-Gone': '0' } },
      '/true?a=1',
      '/true?a=0',
      '/true?a=00',
      '/true?a=',
      '/true',
      '/equal?a=b',
      '/equal?a=b%20c',
      '/equal?a=c',
      '/regex?a=xxy',
      '/regex?a=z',
      '/regex?a=q',
      '/not?a=x',
      '/not?a=xy',
      '/not?a=z',
      '/captures/out?a=b',
      '/captures/out?a=c',
      '/lost/out?a=b',
      '/lost/out?a=c',
      '/chain',
      '/chain?a=1',
      '/chain?a=1&b=1',
      '/header',
      '/header?a=1',
      '/pass',
      '/pass?a=1',
      '/passed',
      '/passed?a=1',
      '/passuri/x?a=1',
      '/two?a=1',
      '/two?b=1',
      '/two?a=1&b=1',
      '/breakif',
      '/breakif?a=1',
      '/rewriteif',
      '/rewriteif?a=1',
      '/file',
      '/nofile',
      '/dir',
      '/exec',
      '/spaces?a=x',
      '/spaces',
      '/map',
      '/map/a',
      '/setmap',
      '/unset',
      { target: '/method', method: 'POST', body: 'x' },
      '/method',
    ],
  },
  {
    host: 'errors',
    server: `
      error_page 404 /404.html;
      error_page 410 =200 /gone?why=410;
      error_page 403 = @named;
      error_page 402 =302 http://pay.example/;
      error_page 418 http://tea.example/$uri;
      error_page 500 501 @missing;
      error_page 502 504 @fallback;
      error_page 503 =404 @fallback;
      error_page 405 /method;
      error_page 409 /loop;
      error_page 301 /moved;
      add_header X-Server s always;
      location = /404.html { internal; return 200 "own 404 $uri $request_uri"; }
      location / { return 404; }
      location /text { return 404 "text"; }
      location /gone { return 200 "gone $args"; }
      location /410 { return 410; }
      location /403 { return 403; }
      location /402 { return 402; }
      location /418 { return 418; }
      location /500 { return 500; }
      location /405 { return 405; }
      location /409 { return 409; }
      location /loop { return 409; }
      location /301 { return 301 http://there.example/; }
      location /moved { return 200 "moved $request_method"; }
      location /method { return 200 "$request_method $uri"; }
      location @named { add_header X-Named n; return 200 "named $uri $args"; }
      location @fallback { proxy_pass http://back; }
      location /dead { proxy_pass http://dead; }
      location /503 { return 503; }
      location /up { proxy_pass http://back; }
      location /intercept { proxy_pass http://back; proxy_intercept_errors on; }
      location /own { error_page 404 /404.html; error_page 503 /gone; return 503; }
      location /inherit { proxy_pass http://back; proxy_intercept_errors on; error_page 401 /auth; error_page 503 @fallback; }
      location /auth { return 200 "please"; }
      location /toproxy { error_page 404 = /up/error; return 404; }
      location /toproxyuri { error_page 404 /upuri/error%20x?q; return 404; }
      location /upuri/ { proxy_pass http://back/new/; }
      location /query { error_page 404 = /gone?from=$uri; return 404; }
      location /nested { error_page 404 = /nested2; return 404; }
      location /nested2 { error_page 404 /gone; return 404; }
      location /recursive { recursive_error_pages on; error_page 404 = /recursive2; return 404; }
      location /recursive2 { recursive_error_pages on; error_page 404 =200 /gone; return 404; }
      location /endless { recursive_error_pages on; error_page 404 /endless; return 404; }
      location /redirected { error_page 404 =301 /else; return 404; }
      location /norootslash/ { proxy_pass http://back; }
      location /rewritten { error_page 404 = @rewritten; return 404; }
      location @rewritten { rewrite ^/rewritten(.*)$ /gone?w=$1 last; }
      location /ifpage { if ($arg_a) { error_page 404 =200 /gone?if; return 404; } return 404; }
    `,
    asks: [
      '/nothing',
      '/nothing?a=b',
      { target: '/nothing', method: 'HEAD' },
      { target: '/nothing', method: 'POST', body: 'abc' },
      '/text',
      '/404.html',
      '/410',
      '/403?a=b',
      '/402',
      '/418',
      '/500',
      { target: '/405', method: 'POST', body: 'abc' },
      { target: '/405', method: 'HEAD' },
      '/409',
      '/301',
      '/dead',
      '/dead/x%20y?z',
      { target: '/dead', method: 'POST', body: 'abc' },
      { target: '/dead', method: 'PUT', body: '' },
      '/503',
      { target: '/up', fields: { 'X-Want': '404' } },
      { target: '/up', fields: { 'X-Want': '502' } },
      { target: '/intercept', fields: { 'X-Want': '404' } },
      { target: '/intercept', fields: { 'X-Want': '404' }, method: 'HEAD' },
      { target: '/intercept', fields: { 'X-Want': '502' } },
      { target: '/intercept', fields: { 'X-Want': '400' } },
      { target: '/intercept', fields: { 'X-Want': '200' } },
      { target: '/intercept', fields: { 'X-Want': '403' } },
      { target: '/intercept', fields: { 'X-Want': '301 Location: http://a/' } },
      { target: '/intercept', fields: { 'X-Want': '404' }, method: 'POST', body: 'abc' },
      { target: '/inherit', fields: { 'X-Want': '401 WWW-Authenticate: Basic realm="x"' } },
      { target: '/inherit', fields: { 'X-Want': '404' } },
      '/own',
      '/toproxy',
      { target: '/toproxy', method: 'POST', body: 'abc' },
      '/toproxyuri',
      '/query/x%20y',
      '/nested',
      '/recursive',
      '/endless',
      '/redirected',
      '/norootslash',
      '/rewritten/x',
      '/ifpage',
      '/ifpage?a=1',
    ],
  },
  {
    host: 'redirects',
    server: `
      location / { return 301 /there; }
      location /text { return 302 "/a b"; }
      location /whole { return 307 http://x.example/$uri; }
      location /308 { return 308 /p; }
      location /303 { return 303 /p; }
      location /relative { absolute_redirect off; return 301 /there; }
      location /named { server_name_in_redirect on; return 301 /there; }
      location /noport { port_in_redirect off; return 301 /there; }
      location /slash/ { proxy_pass http://back; }
      location /relslash/ { absolute_redirect off; proxy_pass http://back; }
      location /up { proxy_pass http://back; }
      location /upuri/ { proxy_pass http://back/new/; }
      location /off { proxy_pass http://back; proxy_redirect off; }
      location /own { proxy_pass http://back; proxy_redirect http://one/ /two/; proxy_redirect ~^http://(\\w+)\\.x/(.*)$ /re/$1/$2; proxy_redirect ~*^HTTPS://q $scheme://$host/q; proxy_redirect / /front/; }
      location /vars { set $v one; proxy_pass http://back; proxy_redirect http://$v/ http://$host/; }
      location /rel { absolute_redirect off; proxy_pass http://back; proxy_redirect http://one/ /two/; }
    `,
    names: 'redirects *.redirects',
    asks: [
      '/',
      '/text',
      '/whole',
      '/308',
      '/303',
      '/relative',
      '/named',
      { target: '/named', host: 'a.redirects' },
      '/noport',
      '/slash',
      '/slash?a=%20b',
      '/relslash',
      ...['http://back/x', 'http://back:80/x', '/x', 'http://other/x', 'https://back/x'].map((location) => ({
        target: '/up',
        fields: { 'X-Want': `302 Location: ${location}` },
      })),
      { target: '/up', fields: { 'X-Want': '200 Refresh: 5; url=http://back/y' } },
      { target: '/up', fields: { 'X-Want': '200 Refresh: 5' } },
      { target: '/upuri/z', fields: { 'X-Want': '301 Location: http://back/new/x' } },
      { target: '/upuri/z', fields: { 'X-Want': '301 Location: http://back/old/x' } },
      { target: '/off', fields: { 'X-Want': '301 Location: http://back/new/x' } },
      ...['http://one/x', 'http://w.x/y/z', 'https://q', '/p', 'http://none/'].map((location) => ({
        target: '/own',
        fields: { 'X-Want': `302 Location: ${location}` },
      })),
      { target: '/own', fields: { 'X-Want': '200 Refresh: 1; URL=http://one/x' } },
      { target: '/vars', fields: { 'X-Want': '302 Location: http://one/x' } },
      { target: '/rel', fields: { 'X-Want': '302 Location: http://one/x' } },
    ],
  },
  {
    host: 'requests',
    server: `
      location / { proxy_pass http://back; }
      location /method { proxy_method PUT; proxy_pass http://back; }
      location /methodvar { proxy_method $arg_m; proxy_pass http://back; }
      location /body { proxy_set_body "own $arg_a"; proxy_pass http://back; }
      location /nobody { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://back; }
      location /nofields { proxy_pass_request_headers off; proxy_set_header X-Own own; proxy_pass http://back; }
      location /fields { proxy_set_header X-Empty ""; proxy_set_header X-Two "a$arg_a"; proxy_set_header Host h; proxy_pass http://back; }
      location /hide { proxy_hide_header X-Secret; proxy_pass_header X-Accel-Limit-Rate; proxy_pass http://back; }
      location /cookies { proxy_cookie_domain back.example $host; proxy_cookie_domain ~\\.re\\.(\\w+)$ $1.example; proxy_cookie_path /old/ /new/; proxy_cookie_path ~*^/RE/(.*)$ /$1; proxy_pass http://back; }
      location /flags { proxy_cookie_flags one secure nohttponly; proxy_cookie_flags ~^t httponly samesite=strict; proxy_pass http://back; }
      location /limited { limit_except GET { proxy_pass http://back; } return 200 never; }
      location /limitpass { limit_except GET PUT { proxy_pass http://back; } proxy_pass http://dead; }
      location /typed { return 200 "$uri"; }
      location /types/ { types { text/own own; text/html html; } default_type text/else; return 200 x; }
      location /notypes/ { types { } default_type a/b; return 200 x; }
    `,
    asks: [
      '/x',
      { target: '/x', method: 'POST', body: 'abc' },
      { target: '/method', method: 'POST', body: 'abc' },
      '/method',
      '/methodvar?m=DELETE',
      { target: '/methodvar?m=GET', method: 'HEAD' },
      { target: '/body?a=1', method: 'POST', body: 'theirs' },
      '/body',
      '/nobody',
      { target: '/nofields', fields: { 'X-Theirs': '1', Cookie: 'a=b' } },
      { target: '/nofields', method: 'POST', body: 'abc', fields: { 'X-Theirs': '1' } },
      { target: '/fields?a=1', fields: { 'X-Empty': '1', 'X-Two': '2' } },
      { target: '/hide', fields: { 'X-Want': '200 X-Secret: 1 | X-Shown: 2 | X-Accel-Limit-Rate: 0' } },
      ...[
        'a=b; Domain=back.example; Path=/old/x',
        'a=b; domain=.BACK.example; path=/other',
        'a=b;Path=/re/x;HttpOnly',
        'a=b; Domain=w.re.host',
        'a=b; Secure',
      ].map((cookie) => ({
        target: '/cookies',
        fields: { 'X-Want': `200 Set-Cookie: ${cookie} | Set-Cookie: z=y` },
      })),
      ...[
        'one=1; HttpOnly',
        'two=2',
        'three=3; SameSite=None',
        'other=1',
        'one=1; Secure; HttpOnly; Path=/',
      ].map((cookie) => ({ target: '/flags', fields: { 'X-Want': `200 Set-Cookie: ${cookie}` } })),
      '/limitpass',
      { target: '/limitpass', method: 'POST', body: 'a' },
      { target: '/limitpass', method: 'HEAD' },
      { target: '/limitpass', method: 'PUT', body: 'a' },
      '/typed/a.html',
      '/typed/a.gif',
      '/typed/a.HTML',
      '/typed/a.txt',
      '/typed/.html',
      '/typed/a.html/b',
      '/types/a.own',
      '/types/a.gif',
      '/notypes/a.html',
    ],
  },
  {
    host: 'accel',
    server: `
      location / { proxy_pass http://back; add_header X-Outer o; }
      location /ignoring { proxy_pass http://back; proxy_ignore_headers X-Accel-Redirect; }
      location /shown { return 200 "shown $uri?$args $request_method"; }
      location /inner { internal; add_header X-Inner i; return 200 "inner $uri"; }
      location /again/ { proxy_pass http://back/new/; }
      location @named { return 201 "named $uri"; }
      location /errors { proxy_pass http://back; proxy_intercept_errors on; error_page 404 /shown?page; }
    `,
    asks: [
      ...[
        '/shown',
        '/shown?a=b',
        '/inner',
        '@named',
        '/sho%77n%20x?%20',
        '/../x',
        '/shown/../x',
        '@none',
        '/none',
      ].map((target) => ({ target: '/x?q', fields: { 'X-Want': `200 X-Accel-Redirect: ${target}` } })),
      { target: '/x', fields: { 'X-Want': '200 X-Accel-Redirect: /again/y?z' } },
      { target: '/x', fields: { 'X-Want': '404 X-Accel-Redirect: /shown' } },
      { target: '/x', method: 'POST', body: 'abc', fields: { 'X-Want': '200 X-Accel-Redirect: /shown' } },
      { target: '/x', method: 'HEAD', fields: { 'X-Want': '200 X-Accel-Redirect: /shown' } },
      {
        target: '/x',
        fields: { 'X-Want': '200 X-Accel-Redirect: /shown | Set-Cookie: a=b | Set-Cookie: c=d' },
      },
      { target: '/x', fields: { 'X-Want': '200 X-Accel-Redirect: /shown | X-Lost: a' } },
      { target: '/errors', fields: { 'X-Want': '404 X-Accel-Redirect: /inner' } },
      { target: '/errors', fields: { 'X-Want': '500 X-Accel-Redirect: /inner' } },
      { target: '/ignoring', fields: { 'X-Want': '200 X-Accel-Redirect: /shown' } },
    ],
  },
  {
    host: 'access',
    server: `
      deny 192.0.2.0/24;
      error_page 403 =200 /sorry;
      location / { return 200 open; }
      location /denied { deny all; proxy_pass http://back; }
      location /returned { deny all; return 200 "returned"; }
      location /inherited { proxy_pass http://back; }
      location /allowed { allow 127.0.0.0/8; deny all; proxy_pass http://back; }
      location /first { deny 127.0.0.1; allow all; proxy_pass http://back; error_page 404 /x; }
      location /methods { proxy_pass http://back; limit_except GET OPTIONS { deny all; } }
      location /rewritten { deny all; rewrite ^ /inherited last; }
      location /sixth { deny ::/0; proxy_pass http://back; }
      location /sorry { return 200 "sorry $uri"; }
    `,
    asks: [
      '/',
      '/denied',
      '/returned',
      '/inherited',
      '/allowed',
      '/first',
      '/methods',
      { target: '/methods', method: 'HEAD' },
      { target: '/methods', method: 'POST', body: 'abc' },
      { target: '/methods', method: 'OPTIONS' },
      { target: '/methods', method: 'PURGE' },
      '/rewritten',
      '/sixth',
    ],
  },
  {
    host: 'exact.example',
    names: 'exact.example',
    server: 'location / { return 200 "exact"; }',
    asks: [
      '/',
      { target: '/', host: 'EXACT.example:81' },
      { target: '/', host: 'a.lead.example' },
      { target: '/', host: 'lead.example' },
      { target: '/', host: 'a.b.lead.example' },
      { target: '/', host: 'trail.example.org' },
      { target: '/', host: 'trail.' },
      { target: '/', host: 'dot.example' },
      { target: '/', host: 'x.dot.example' },
      { target: '/', host: 'w3.name.example' },
      { target: '/', host: 'nobody.example' },
      { target: '/', host: 'exact.example.' },
      { target: '/', host: '[::1]:80' },
    ],
  },
  {
    host: 'masks',
    names: '*.lead.example trail.* .dot.example ~^(?<label>\\w+)\\.name\\.example$',
    server: 'location / { return 200 "masks $server_name $label $1"; }',
    asks: [],
  },
];

function configuration(): string {
  const servers = SITES.map(
    ({ host, names, server }) => `server { listen @PORT@; server_name ${names ?? host}; ${server} }`,
  );
  return `${HTTP} server { listen @PORT@ default_server; server_name ""; return 200 default; } ${servers.join('\n')}`;
}

describe('routing beside nginx', function () {
  this.timeout(20_000);
  let pair: Pair;

  before(async function () {
    if (!existsSync(NGINX)) {
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${NGINX} is missing`);
      this.skip();
    }
    pair = await startPair(configuration());
  });
  after(cleanUp);

  for (const { host, asks } of SITES) {
    describe(host, () => {
      for (const ask of asks) {
        const whole: Ask = typeof ask === 'string' ? { host, target: ask } : { host, ...ask };
        const { method = 'GET', target, fields, host: named } = whole;
        const want = fields === undefined ? '' : ` ${JSON.stringify(fields)}`;
        it(`${method} ${target}${named === host ? '' : ` of ${named}`}${want}`, async () => {
          const { nginx, wirehop } = await pair.ask(whole);
          expect(wirehop).to.deep.equal(nginx);
        });
      }
    });
  }

  it('says the same in the error log', () => {
    const { nginx, wirehop } = pair.errors();
    const about = (lines: string[]): string[] =>
      [
        ...new Set(
          lines.filter((line) =>
            /cycle|uninitialized|unsafe|forbidden|could not find|zero length|URL prefix|no resolver/.test(
              line,
            ),
          ),
        ),
      ].sort();
    expect(about(wirehop)).to.deep.equal(about(nginx));
  });
});
