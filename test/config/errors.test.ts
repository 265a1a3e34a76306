/**
 * Proves what is refused, in whose words, and where: text, line, column and what the hint is about. Every file is read
 * whole, so each case may hold several faults.
 */
import { expect } from 'chai';
import { compile, FILE, inHttp, inLocation, inServer, show } from './compiling.js';

/** text, faults as line:column text, and a part of the first hint. */
type Case = readonly [string, readonly string[], string?];

const CASES: Readonly<Record<string, readonly Case[]>> = {
  'names and places': [
    ['events {}\nfoo;', ['2:1 unknown directive "foo"'], ''],
    ['events {}\nhtpp {}', ['2:1 unknown directive "htpp"'], 'did you mean "http"?'],
    [inLocation('prxoy_pass http://127.0.0.1;'), ['7:1 unknown directive "prxoy_pass"'], '"proxy_pass"'],
    [inLocation('autoindex on;'), ['7:11 "on" in "autoindex" directive is not supported'], 'not listed'],
    [
      inLocation('random_index on;'),
      ['7:1 "random_index" directive is not supported'],
      'lists and changes none',
    ],
    // What holds anyway may be said.
    [
      inLocation('autoindex off; ssi off; charset off; client_body_in_file_only off; autoindex on;'),
      ['7:78 "on" in "autoindex" directive is not supported'],
    ],
    [inServer('fastcgi_pass x;'), ['6:1 "fastcgi_pass" directive is not supported'], 'proxy_pass'],
    [inServer('if ($host) { foo; }'), ['6:14 unknown directive "foo"']],
    ['events {}\nlisten 80;', ['2:1 "listen" directive is not allowed here'], 'it belongs in "server"'],
    [
      inServer('proxy_pass http://127.0.0.1;'),
      ['6:1 "proxy_pass" directive is not allowed here'],
      '"location"',
    ],
    [
      'events { sendfile on; }',
      ['1:10 "sendfile" directive is not allowed here'],
      '"http", "server" or "location"',
    ],
    ['events {}\nworker_processes 1 {\n}', ['2:1 directive "worker_processes" is not terminated by ";"']],
    ['events;', ['1:1 directive "events" has no opening "{"']],
    [
      inServer('server_name;'),
      ['6:1 invalid number of arguments in "server_name" directive'],
      'server_name name ...;',
    ],
    ['http {}', ['0:0 no "events" section in configuration'], 'events {}'],
    ['events {}\nevents {}', ['2:1 "events" directive is duplicate']],
    ['events {}\nhttp {}\nhttp {}', ['3:1 "http" directive is duplicate']],
  ],
  'the process': [
    ['events {}\nworker_processes 0;', ['2:18 "worker_processes" directive invalid value'], '1 to 1024'],
    ['events {}\nworker_processes 1025;', ['2:18 "worker_processes" directive invalid value']],
    ['events {}\nworker_rlimit_nofile 0;', ['2:22 "worker_rlimit_nofile" directive invalid number']],
    ['events {}\nworker_priority 21;', ['2:17 "worker_priority" directive invalid value'], '-20 to 20'],
    ['events {}\nworker_processes x;', ['2:18 "worker_processes" directive invalid value']],
    [
      'events {}\ndaemon maybe;',
      ['2:8 invalid value "maybe" in "daemon" directive, it must be "on" or "off"'],
    ],
    ['events { worker_connections x; }', ['1:29 invalid number "x"']],
    ['pid a;\npid b;\nevents {}', ['2:1 "pid" directive is duplicate']],
    ['events {}\nworker_shutdown_timeout 1x;', ['2:25 "worker_shutdown_timeout" directive invalid value']],
    ['events {}\nerror_log stderr loud;', ['2:18 invalid log level "loud"'], 'emerg'],
    [
      'events {}\nerror_log syslog:server=unix:/dev/log;',
      ['2:11 "syslog:server=unix:/dev/log" in "error_log" directive is not supported'],
      'unix datagram sockets',
    ],
    ['events {}\nerror_log syslog:tag=a;', ['2:11 no syslog server specified']],
    [
      'events {}\nerror_log syslog:server=a,tag=a-b;',
      ['2:11 syslog "tag" only allows alphanumeric characters and underscore'],
    ],
    ['events {}\nerror_log syslog:server=a,facility=x;', ['2:11 unknown syslog facility "x"']],
    ['events {}\nerror_log syslog:server=a,severity=x;', ['2:11 unknown syslog severity "x"']],
    ['events {}\nerror_log syslog:server=a,loud;', ['2:11 unknown syslog parameter "loud"']],
    [
      'events {}\nerror_log memory:32m debug;',
      ['2:11 "memory:32m" in "error_log" directive is not supported'],
    ],
  ],
  'downstream connections': [
    [inHttp('keepalive_timeout 5x;'), ['4:19 "keepalive_timeout" directive invalid value'], 'is not a time'],
    [inHttp('keepalive_timeout 75 60ms;'), ['4:22 "keepalive_timeout" directive invalid value']],
    [inHttp('lingering_close maybe;'), ['4:17 invalid value "maybe"']],
    [inHttp('lingering_time 1x;'), ['4:16 "lingering_time" directive invalid value']],
    [
      inHttp('client_header_buffer_size 256k;'),
      ['4:27 "256k" in "client_header_buffer_size" directive is not supported'],
      'up to 255k',
    ],
    [
      inHttp('large_client_header_buffers 1 1m;'),
      ['4:31 "1m" in "large_client_header_buffers" directive is not supported'],
    ],
    [
      inHttp('proxy_buffer_size 256k;'),
      ['4:19 "256k" in "proxy_buffer_size" directive is not supported'],
      'up to 255k',
    ],
    [
      inHttp('client_max_body_size 1t;'),
      ['4:22 "client_max_body_size" directive invalid value'],
      'is not a size',
    ],
    [inHttp('keepalive_requests -1;'), ['4:20 "keepalive_requests" directive invalid number']],
    [inHttp('send_timeout 1;\nsend_timeout 2;'), ['5:1 "send_timeout" directive is duplicate']],
    [
      inHttp('large_client_header_buffers 0 8k;'),
      ['4:1 "large_client_header_buffers" directive invalid value'],
    ],
    [inHttp('server_tokens build;'), ['4:15 "build" in "server_tokens" directive is not supported']],
    [inServer('gzip on;'), ['6:6 "on" in "gzip" directive is not supported'], 'compress'],
  ],
  variables: [
    [inHttp('map $host x { a b; }'), ['4:11 invalid variable name "x"']],
    [
      inHttp('map $host $x {\na;\ndefault 1;\ndefault 2;\nb { }\n}'),
      [
        '5:1 invalid number of the map parameters',
        '7:1 duplicate default map parameter',
        '8:1 unexpected "{"',
      ],
    ],
    [inHttp('map $host $x { a b;\na c; }'), ['5:1 conflicting parameter "a"']],
    [inHttp('map $host $host { a b; }'), ['4:11 the duplicate "host" variable']],
    [inHttp('map $host $x { a $nope; }'), ['4:18 unknown "nope" variable']],
    [inHttp('map $y $x { a b; }\nmap $x $y { a b; }'), ['4:8 cycle while evaluating variable "x"']],
    [inHttp('map $x $x { a b; }'), ['4:8 cycle while evaluating variable "x"']],
    [inLocation('return 200 $nope;'), ['7:12 unknown "nope" variable']],
    [inLocation('proxy_set_header X $nope;'), ['7:20 unknown "nope" variable']],
  ],
  logs: [
    [inHttp('log_format combined x;'), ['4:12 duplicate "log_format" name "combined"']],
    [inHttp('log_format a escape=x y;'), ['4:14 unknown log format escaping "x"']],
    [inHttp('log_format a "$nope";'), ['4:14 unknown "nope" variable']],
    [inHttp('access_log logs/a b;\nlog_format b x;'), ['4:19 unknown log format "b"'], 'in front of it'],
    [inHttp('access_log off x;'), ['4:16 invalid parameter "x"']],
    [
      inHttp('access_log a if=$host;'),
      ['4:14 unknown log format "if=$host"'],
      'access_log a combined if=$host;',
    ],
    [inHttp('access_log a combined buffer=8x;'), ['4:23 invalid buffer size "8x"']],
    [inHttp('access_log a combined flush=1s;'), ['4:1 no buffer is defined for access_log "a"']],
    [inHttp('access_log a combined buffer=8k flush=0;'), ['4:33 invalid flush time "0"']],
    [
      inHttp('access_log a combined gzip;'),
      ['4:23 "gzip" in "access_log" directive is not supported'],
      'rotated',
    ],
    [inHttp('access_log a combined loud;'), ['4:23 invalid parameter "loud"']],
    [
      inServer('access_log a combined buffer=8k;\nlocation / { access_log a combined; return 200; }'),
      ['7:25 access_log "a" already defined with conflicting parameters'],
      'one buffer',
    ],
    [
      inHttp('access_log syslog:server=127.0.0.1 combined buffer=8k;'),
      ['4:12 logs to syslog cannot be buffered'],
    ],
    [inServer('access_log a combined if=$nobody;'), ['6:23 unknown "nobody" variable']],
    [
      inServer('access_log a$host;'),
      ['6:12 variables in the name of a log are not supported here'],
      'log to one file',
    ],
    [inHttp('access_log a$host combined buffer=1k;'), ['4:12 buffered logs cannot have variables in name']],
    [inHttp('open_log_file_cache inactive=1s;'), ['4:1 "open_log_file_cache" must have "max" parameter']],
    [inHttp('open_log_file_cache max=x;'), ['4:21 invalid "open_log_file_cache" parameter "max=x"']],
    [inHttp('open_log_file_cache off max=1;'), ['4:21 invalid "open_log_file_cache" parameter "off"']],
  ],
  servers: [
    [inServer('listen 127.0.0.1:0;'), ['6:8 invalid port in "127.0.0.1:0" of the "listen" directive']],
    [
      inServer('listen unix:;'),
      ['6:8 no path in the unix domain socket in "unix:" of the "listen" directive'],
    ],
    [inServer('listen nowhere:80;'), ['6:8 host not found in "nowhere:80" of the "listen" directive']],
    [
      inServer('listen 81 ssl;'),
      ['6:8 no "ssl_certificate" is defined for the "listen ... ssl" directive'],
      'ssl_certificate_key',
    ],
    [inServer('listen 81 foo;'), ['6:11 invalid parameter "foo"']],
    [inServer('listen 81 backlog=x;'), ['6:11 invalid backlog "backlog=x"']],
    [inServer('listen 81 so_keepalive=x;'), ['6:11 invalid so_keepalive value: "x"']],
    [inServer('listen 81 so_keepalive=::;'), ['6:11 invalid so_keepalive value: "::"']],
    [inServer('listen 81 reuseport=1;'), ['6:11 invalid parameter "reuseport=1"']],
    [inServer('listen 81 sndbuf=x;'), ['6:11 invalid parameter "sndbuf=x"']],
    [
      inServer('listen 81 so_keepalive=30m:10:5;'),
      ['6:11 "so_keepalive=30m:10:5" of "listen" is not supported'],
      'so_keepalive=30m::',
    ],
    [
      inServer('listen 81 setfib=1;'),
      ['6:11 "setfib=1" in "listen" directive is not supported'],
      'leave it out',
    ],
    [inServer('listen 127.0.0.1:18080;'), ['6:8 a duplicate listen 127.0.0.1:18080']],
    [
      inServer('listen 18080 proxy_protocol;'),
      ['5:8 listen 127.0.0.1:18080 cannot stand beside 0.0.0.0:18080'],
      'wildcard',
    ],
    [
      inHttp('server { listen 81 default_server; }\nserver { listen 81 default_server; server_name a; }'),
      ['5:17 a duplicate default server for 0.0.0.0:81'],
    ],
    [inServer('server_name a *b.c ~ ~(;'), ['6:15 server name "*b.c" is invalid']],
    [inServer('server_name ~;'), ['6:13 empty regex in server name "~"']],
  ],
  locations: [
    [inServer('location foo / { }'), ['6:10 invalid location modifier "foo"']],
    [
      inServer('location /a { location @a { } }'),
      ['6:15 named location "@a" can be on the server level only'],
    ],
    [
      inServer('location / { return 200; }\nlocation ^~ / { return 200; }'),
      ['7:13 duplicate location "/"'],
      'line 6',
    ],
    [inServer('location /a { location /b { } }'), ['6:15 location "/b" is outside location "/a"']],
    [
      inServer('location = /a { location /a/b { } }'),
      ['6:17 location "/a/b" cannot be inside the exact location "/a"'],
    ],
    [inLocation('return x;'), ['7:8 invalid return code "x"']],
    [inLocation('return 1000;'), ['7:8 invalid return code "1000"']],
    [inLocation('return 100;'), ['7:8 return code "100" is not supported'], 'final status'],
    [inLocation('add_header a b c;'), ['7:16 invalid parameter "c"']],
    [inLocation('add_header "a b" c;'), ['7:12 "a b" in "add_header" directive is not a field name']],
    [
      inLocation('add_header Transfer-Encoding x;'),
      ['7:12 "Transfer-Encoding" in "add_header" directive is not supported'],
    ],
  ],
  'access and limits': [
    [inLocation('allow 10.0.0.300;'), ['7:7 invalid parameter "10.0.0.300"'], '192.0.2.0/24'],
    [inHttp('limit_req_zone $host zone=a:1m rate=0r/s;'), ['4:32 invalid rate "rate=0r/s"'], '10r/s'],
    [inHttp('limit_req_zone $host zone=a rate=1r/s;'), ['4:22 invalid zone size "zone=a"']],
    [inHttp('limit_req_zone $host zone=a:1k rate=1r/s;'), ['4:22 zone "a" is too small']],
    [
      inHttp('limit_req_zone $host zone=a:1m rate=1r/s sync;'),
      ['4:42 "sync" in "limit_req_zone" directive is not supported'],
    ],
    [
      inHttp('limit_conn_zone $host zone=a:1m; limit_conn_zone $uri zone=a:1m;'),
      ['4:34 limit_conn_zone "a" is already bound to key'],
    ],
    [inHttp('limit_conn_zone $nobody zone=a:1m;'), ['4:17 unknown "nobody" variable']],
    [inLocation('limit_req zone=x; return 200;'), ['7:1 unknown zone "x"'], 'limit_req_zone key zone=x:10m'],
    [inLocation('limit_req burst=1;'), ['7:1 "limit_req" must have "zone" parameter']],
    [inLocation('limit_req zone=a burst=0;'), ['7:18 invalid burst value "burst=0"']],
    [inLocation('limit_conn a 0;'), ['7:14 invalid number of connections "0"']],
    [inLocation('limit_conn_status 200;'), ['7:19 value must be between 400 and 599']],
    [inLocation('limit_req_log_level crit;'), ['7:21 invalid value "crit"']],
    [inLocation('satisfy some;'), ['7:9 invalid value "some"']],
    [inLocation('auth_request_set user $uri;'), ['7:18 invalid variable name "user"'], 'begins with "$"'],
    [inLocation('auth_request_set $host $uri;'), ['7:18 the duplicate "host" variable']],
    [inLocation('auth_request_set $x $nobody; return 200;'), ['7:21 unknown "nobody" variable']],
    [inLocation('auth_basic a; auth_basic b;'), ['7:15 "auth_basic" directive is duplicate']],
    [inLocation('auth_delay soon;'), ['7:12 "auth_delay" directive invalid value']],
    [inLocation('limit_rate fast;'), ['7:12 "limit_rate" directive invalid value'], '"fast" is not a size'],
    [inLocation('limit_rate_after 1x;'), ['7:18 "limit_rate_after" directive invalid value']],
    [
      inLocation('valid_referers none; return 200;'),
      [
        '7:16 the "none" or "blocked" referers are specified in the "valid_referers" directive without any valid referer',
      ],
      'name a host',
    ],
    [
      inLocation('secure_link_secret a; secure_link b; return 200;'),
      ['7:1 "secure_link_secret" cannot be mixed with "secure_link" and "secure_link_md5"'],
    ],
  ],
  upstreams: [
    [inHttp('upstream u {}'), ['4:1 no servers are inside upstream']],
    [inHttp('upstream u { server 127.0.0.1 backup; }'), ['4:1 no servers in upstream "u"']],
    [
      inHttp('upstream u { server a:1; }\nupstream U { server b:1; }'),
      ['5:10 duplicate upstream "U"', '4:21 host not found in upstream "a:1"'],
    ],
    [inHttp('upstream u { server 127.0.0.1 weight=0; }'), ['4:31 invalid parameter "weight=0"']],
    [inHttp('upstream u { server 127.0.0.1 max_conns=x; }'), ['4:31 invalid parameter "max_conns=x"']],
    [inHttp('upstream u { server 127.0.0.1 slow_start=x; }'), ['4:31 invalid parameter "slow_start=x"']],
    [
      inHttp('upstream u { server 127.0.0.1 slow_start=1s; ip_hash; }'),
      ['4:21 balancing method does not support parameter "slow_start"'],
      '"ip_hash"',
    ],
    [
      inHttp(`upstream u { server 127.0.0.1 route=${'r'.repeat(33)}; }`),
      [`4:31 route value "${'r'.repeat(33)}" is longer than 32`],
    ],
    [
      inHttp('upstream u { server app.test resolve; }'),
      ['4:21 no resolver defined to resolve "app.test" in upstream "u"'],
      'resolver 192.0.2.53;',
    ],
    [
      inHttp('resolver 192.0.2.53; upstream u { server app.test service=http; }'),
      ['4:42 service upstream "app.test" requires "resolve" parameter'],
    ],
    [
      inHttp('resolver 192.0.2.53; upstream u { server app.test:80 service=http resolve; }'),
      ['4:42 service upstream "app.test:80" may not have port'],
    ],
    [inHttp('resolver valid=1s;'), ['4:1 no name servers defined']],
    [inHttp('resolver 192.0.2.53 ipv4=off ipv6=off;'), ['4:1 "ipv4" and "ipv6" cannot both be "off"']],
    [inHttp('resolver 192.0.2.53 valid=soon;'), ['4:21 invalid parameter: valid=soon']],
    [inHttp('resolver nowhere.test;'), ['4:10 host not found in resolver "nowhere.test"'], 'no such host'],
    [
      inHttp('upstream u { hash a b; server 127.0.0.1; }'),
      ['4:21 invalid parameter "b"'],
      'the only one is "consistent"',
    ],
    [inHttp('upstream u { hash $nobody; server 127.0.0.1; }'), ['4:19 unknown "nobody" variable']],
    [inHttp('upstream u { random three; server 127.0.0.1; }'), ['4:21 invalid parameter "three"']],
    [
      inHttp('upstream u { random two least_time=header; server 127.0.0.1; }'),
      ['4:25 "least_time=header" in "random" directive is not supported'],
      'least_conn',
    ],
    [
      inHttp('upstream u { ip_hash; server 127.0.0.1; server 127.0.0.2 backup; }'),
      ['4:48 balancing method does not support parameter "backup"'],
      'ip_hash',
    ],
    [
      inHttp('upstream u { sticky learn create=$a; server 127.0.0.1; }'),
      ['4:14 "sticky learn" needs the parameter "lookup"'],
    ],
    [
      inHttp('upstream u { sticky learn create=$a lookup=b zone=c:1m; server 127.0.0.1; }'),
      ['4:37 invalid variable name "b"'],
    ],
    [
      inHttp('upstream u { sticky learn create=$uri lookup=$uri zone=c:1k; server 127.0.0.1; }'),
      ['4:51 zone "c:1k" is too small'],
    ],
    [
      inHttp('upstream u { sticky learn create=$uri lookup=$uri zone=c:1m sync; server 127.0.0.1; }'),
      ['4:61 "sync" in "sticky" directive is not supported'],
    ],
    [
      inHttp('upstream u { sticky cookie; server 127.0.0.1; }'),
      ['4:14 invalid number of arguments in "sticky" directive'],
    ],
    [inHttp('upstream u { sticky cookie a domain=; server 127.0.0.1; }'), ['4:30 no value for "domain"']],
    [
      inHttp('upstream u { sticky cookie a path=/ path=/b; server 127.0.0.1; }'),
      ['4:37 parameter "path" is duplicate'],
    ],
    [
      inHttp('upstream u { sticky cookie a samesite=sometimes; server 127.0.0.1; }'),
      ['4:30 invalid "samesite" parameter value "sometimes"'],
      'strict, lax, none',
    ],
    [
      inHttp('upstream u { sticky cookie a expires=soon; server 127.0.0.1; }'),
      ['4:30 invalid "expires" parameter value'],
    ],
    [inHttp('upstream u { sticky route arg; server 127.0.0.1; }'), ['4:27 invalid variable name "arg"']],
    [inHttp('upstream u { sticky other a; server 127.0.0.1; }'), ['4:21 unknown parameter "other"']],
    [
      inHttp('upstream u { server 127.0.0.1; keepalive x; }'),
      ['4:42 invalid value "x" in "keepalive" directive'],
    ],
    [inHttp('upstream u { server 127.0.0.1:99999; }'), ['4:21 invalid port in upstream "127.0.0.1:99999"']],
  ],
  CONNECT: [
    [inLocation('tunnel_pass a;'), ['7:13 host not found in upstream "a"', '7:13 no port in upstream "a"']],
    [inLocation('tunnel_pass 127.0.0.1:x;'), ['7:13 invalid port in upstream "127.0.0.1:x"']],
    [inLocation('tunnel_pass; tunnel_pass;'), ['7:14 "tunnel_pass" directive is duplicate']],
    [
      inLocation('tunnel_pass; proxy_pass http://127.0.0.1;'),
      ['7:14 "tunnel_pass" and "proxy_pass" stand in one location'],
      'of its own',
    ],
    [inLocation('tunnel_pass $nobody;'), ['7:13 unknown "nobody" variable']],
    [inLocation('tunnel_allow https://a;'), ['7:14 invalid destination "https://a"'], '*.example.org'],
    [inLocation('tunnel_allow a.*;'), ['7:14 invalid destination "a.*"']],
    [inLocation('tunnel_deny all 0;'), ['7:17 invalid port "0"']],
    [inLocation('tunnel_deny all 9-8;'), ['7:17 invalid port "9-8"']],
    [
      inLocation('tunnel_next_upstream denied;'),
      ['7:22 "denied" in "tunnel_next_upstream" directive is not supported'],
    ],
    [inLocation('tunnel_next_upstream http_500;'), ['7:22 invalid value "http_500"']],
    [inLocation('tunnel_buffer_size x;'), ['7:20 "tunnel_buffer_size" directive invalid value']],
    [
      inLocation('tunnel_allow_upstream $a;'),
      ['7:1 "tunnel_allow_upstream" directive is not supported'],
      'tunnel_allow',
    ],
    [
      inLocation('tunnel_bind 127.0.0.1 transparent;'),
      ['7:23 "transparent" in "tunnel_bind" directive is not supported'],
      'proxy_protocol',
    ],
    [inLocation('proxy_bind example.org;'), ['7:12 invalid address "example.org"']],
    [inLocation('proxy_bind 127.0.0.1:99999;'), ['7:12 invalid address "127.0.0.1:99999"']],
  ],
  proxying: [
    [inLocation('proxy_pass 127.0.0.1;'), ['7:12 invalid URL prefix']],
    [inLocation('proxy_pass http://;'), ['7:12 no host in upstream ""']],
    [
      inLocation('proxy_pass http://nowhere/;'),
      ['7:12 host not found in upstream "nowhere/"'],
      'no such host',
    ],
    [
      inLocation('proxy_pass http://127.0.0.1;\nproxy_pass http://127.0.0.1;'),
      ['8:1 "proxy_pass" directive is duplicate'],
    ],
    [
      inServer('location ~ x { proxy_pass http://127.0.0.1/; }'),
      [
        '6:16 "proxy_pass" cannot have URI part in location given by regular expression, or inside named location, ' +
          'or inside "if" statement, or inside "limit_except" block',
      ],
      'leave "/" out',
    ],
    [
      inHttp(
        'upstream u { server 127.0.0.1; }\nserver { listen 81; location / { proxy_pass http://u:80; } }',
      ),
      ['5:45 upstream "u" may not have port 80'],
    ],
    [
      inLocation('proxy_next_upstream denied;'),
      ['7:21 "denied" in "proxy_next_upstream" directive is not supported'],
    ],
    [inLocation('proxy_next_upstream foo;'), ['7:21 invalid value "foo"']],
    [inLocation('proxy_http_version 2;'), ['7:20 "2" in "proxy_http_version" directive is not supported']],
    [inLocation('proxy_http_version 1.2;'), ['7:20 invalid value "1.2"']],
    [
      inLocation('proxy_set_header Content-Length 1;'),
      ['7:18 "Content-Length" in "proxy_set_header" directive is not supported'],
    ],
    [
      inHttp('proxy_redirect default;'),
      ['4:1 "proxy_redirect default" should be placed after the "proxy_pass" directive'],
    ],
    [inLocation('proxy_cache zone;'), ['7:13 "zone" in "proxy_cache" directive is not supported']],
  ],
};

describe('config errors', () => {
  for (const [topic, cases] of Object.entries(CASES)) {
    describe(topic, () => {
      for (const [text, faults, hint] of cases) {
        it(faults[0], async () => {
          const { config, errors } = await compile(text);
          expect(config).to.equal(undefined);
          expect(errors.map(show)).to.deep.equal(faults);
          if (hint !== undefined) expect(errors[0].hint).to.contain(hint);
          if (errors[0].line > 0) expect(errors[0].file).to.equal(FILE);
        });
      }
    });
  }

  it('refuses a regular expression where it stands', async () => {
    for (const [text, line, column] of [
      [inServer('location ~ ( { return 200; }'), 6, 12],
      [inServer('server_name ~(;'), 6, 13],
      [inHttp('map $host $x { ~( b; }'), 4, 16],
    ] as const) {
      const { errors } = await compile(text);
      expect(errors.map((error) => [error.line, error.column])).to.deep.equal([[line, column]]);
      expect(errors[0].text).to.contain('regular expression "("');
    }
  });

  it('names all faults of a file, in the order of the file, and those of the built parts behind them', async () => {
    const { errors } = await compile(
      'foo;\nevents { bar; }\nhttp { server { listen x; location / { return 1; } baz; }',
    );
    expect(errors.map(show)).to.deep.equal([
      '1:1 unknown directive "foo"',
      '2:10 unknown directive "bar"',
      '3:47 return code "1" is not supported',
      '3:52 unknown directive "baz"',
      '3:58 unexpected end of file, expecting "}"',
      '3:24 host not found in "x" of the "listen" directive',
    ]);
  });

  it('tells a fault once, however many levels inherit it', async () => {
    const { errors } = await compile(
      inHttp(
        'add_header X $nope;\nserver { listen 81; location / { return 200; } location /a { return 200; } }',
      ),
    );
    expect(errors.map(show)).to.deep.equal(['4:14 unknown "nope" variable']);
  });

  it('takes -g for a file without a name', async () => {
    const { errors } = await compile('events {}', { globals: 'foo;' });
    expect(errors.map(show)).to.deep.equal(['1:1 unknown directive "foo"']);
    expect(errors[0].file).to.equal('');
    const twice = await compile('worker_processes 1;\nevents {}', { globals: 'worker_processes 1;' });
    expect(twice.errors.map(show)).to.deep.equal(['1:1 "worker_processes" directive is duplicate']);
  });

  it('tells why a log cannot be opened, once', async () => {
    const { errors } = await compile(
      'events {}\nhttp {\naccess_log /x/a;\nserver { location / { return 200; } }\n}',
      {
        openLog: () => {
          throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
        },
      },
    );
    expect(errors.map(show)).to.deep.equal(['3:12 open() "/x/a" failed (13: Permission denied)']);
  });

  it('shows text that is not ASCII as it was written', async () => {
    const { errors } = await compile('events {}\nпривет;');
    expect(errors.map(show)).to.deep.equal(['2:1 unknown directive "привет"']);
  });
});
