/** Files as packages and people write them: they load where nothing in them matters here, and are refused where it does. */
import { expect } from 'chai';
import { compile, inHttp, show } from './compiling.js';

const STOCK = `
user somebody;
worker_processes auto;
pid /run/nginx.pid;
events { worker_connections 768; }
http {
  sendfile on;
  tcp_nopush on;
  types_hash_max_size 2048;
  include mime.types;
  default_type application/octet-stream;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_prefer_server_ciphers on;
  access_log off;
  gzip on;
  gzip_vary on;
  gzip_types text/plain text/css;
  server {
    listen 8080 default_server;
    listen [::]:8080 default_server;
    root /var/www/html;
    index index.html index.htm;
    server_name _;
    location / { proxy_pass http://127.0.0.1:3000; }
    location = /favicon.ico { log_not_found off; access_log off; return 204; }
  }
}
`;

describe('config of every day', () => {
  const more = { '/etc/wirehop/mime.types': 'types { text/html html htm; image/png png; }' };

  it('a packaged file in front of an upstream loads, and says what has no effect', async () => {
    const { config, errors, warnings } = await compile(STOCK, { more });
    expect(errors).to.deep.equal([]);
    expect(config).to.not.equal(undefined);
    const named = warnings.map((warning) => /"(\w+)"/.exec(warning.text)?.[1]);
    expect(named).to.not.include.members(['root', 'index', 'log_not_found']);
    expect(named).to.include.members(['sendfile', 'gzip', 'gzip_types']);
  });

  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['root where a location has no other answer', 'root /x; location / { }', []],
    [
      'root of a location that passes requests on',
      'location / { root /x; proxy_pass http://127.0.0.1; }',
      [],
    ],
    ['root where some paths have no location', 'root /x; location /a { return 200; }', []],
    ['root where the server answers', 'root /x; return 301 https://$host$request_uri;', []],
    [
      'files, scripts and conversions: all told at once',
      'location / { try_files $uri @app; } location @app { fastcgi_pass x; expires 1d; } location /b { alias /c; }',
      ['5:53 "fastcgi_pass" directive is not supported'],
    ],
  ];
  for (const [name, text, expected] of cases) {
    it(name, async () => {
      const { errors } = await compile(inHttp(`server { listen 81;\n${text} }`));
      expect(errors.map(show)).to.deep.equal(expected);
      for (const { hint } of errors) expect(hint).to.not.equal('');
    });
  }
});
