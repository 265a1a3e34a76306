/**
 * Octets on the wire beside nginx: what of upstreams' responses goes on, what of requests is refused, which answers end
 * their connection, and what variables say of them. Heads are compared whole; the order of their lines may differ.
 */
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { cleanUp, onHeads, startRawUpstream } from '../e2e/harness.js';
import { NGINX, startPair, type Pair } from './beside.js';

/** What an upstream answers to a path, and closes. `\r\n` ends every line of a head here. */
const RESPONSES: Readonly<Record<string, string>> = {
  length: 'HTTP/1.1 200 OK|Content-Length: 4||body',
  close: 'HTTP/1.1 200 OK|X: y||until it closes',
  'old-version': 'HTTP/1.0 200 OK|X: y||old',
  'old-length': 'HTTP/1.0 200 OK|Content-Length: 3|Connection: keep-alive||old',
  chunked: 'HTTP/1.1 200 OK|Transfer-Encoding: chunked||4|body|0||',
  'other-reason': 'HTTP/1.1 299 Odd Reason|Content-Length: 4||body',
  'more-than-length': 'HTTP/1.1 200 OK|Content-Length: 2||body',
  'less-than-length': 'HTTP/1.1 200 OK|Content-Length: 9||body',
  'no-content': 'HTTP/1.1 204 No Content|X-A: 1||',
  'not-modified': 'HTTP/1.1 304 Not Modified|ETag: "x"||',
  'reset-content': 'HTTP/1.1 205 Reset Content|Content-Length: 0||',
  'lists-stay':
    'HTTP/1.1 200 OK|X-D: 1|X-D: 2|Set-Cookie: a=b|Set-Cookie: c=d|Vary: a|Vary: b|Content-Length: 0||',
  'hidden-fields':
    'HTTP/1.1 200 OK|Server: theirs|Date: Thu, 01 Jan 1970 00:00:00 GMT|X-Pad: p|X-Accel-Buffering: no|Content-Length: 0||',
  'odd-status': 'HTTP/1.1 999 X|Content-Length: 4||body',
  'bad-name': 'HTTP/1.1 200 OK|X bad: 1|Content-Length: 4||body',
  'space-before-colon': 'HTTP/1.1 200 OK|X-Sp : 1|Content-Length: 4||body',
  folded: 'HTTP/1.1 200 OK|X-F: a| b|Content-Length: 4||body',
  'nul-in-value': 'HTTP/1.1 200 OK|X-F: a\0b|Content-Length: 4||body',
  nothing: '',
  'not-found': 'HTTP/1.1 404 Not Found|Content-Length: 4|X-Theirs: 1||body',
  'their-error': 'HTTP/1.1 500 Oops|Content-Length: 4|X-Theirs: 1||body',
  'who-are-you': 'HTTP/1.1 401 Who|Content-Length: 4|WWW-Authenticate: Basic realm="x"||body',
};

/** nginx since 1.23: fields that may stand once, two lengths, and a length beside a coding. Debian's is older. */
const SINCE: Readonly<Record<string, { sends: string; answer: RegExp; lacks?: RegExp }>> = {
  'content-type twice': {
    sends: 'HTTP/1.1 200 OK|Content-Type: a/b|Content-Type: c/d|Content-Length: 4||body',
    answer: /^HTTP\/1.1 200 OK\r\n[^]*Content-Type: a\/b\r\n[^]*body$/,
    lacks: /c\/d/,
  },
  'etag and location twice': {
    sends: 'HTTP/1.1 201 OK|ETag: "a"|Location: /x|ETag: "b"|Location: /y|Content-Length: 0||',
    answer: /ETag: "a"\r\n[^]*Location: \S*\/x\r\n/,
    lacks: /"b"|\/y/,
  },
  'length twice': {
    sends: 'HTTP/1.1 200 OK|Content-Length: 4|Content-Length: 4||body',
    answer: /^HTTP\/1.1 502 /,
  },
  'length and coding': {
    sends: 'HTTP/1.1 200 OK|Content-Length: 4|Transfer-Encoding: chunked||4|body|0||',
    answer: /^HTTP\/1.1 502 /,
  },
};

const NEXT = 'GET /second HTTP/1.1|Host: a|Connection: close||';

/** Requests as octets. The last one of each ends the connection. */
const REQUESTS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      '/errors/404',
      '/errors/400',
      '/errors/413',
      '/errors/500',
      '/errors/501',
      '/errors/503',
      '/text/500',
      '/page/500',
    ].map((path) => [`the connection behind ${path}`, `GET ${path} HTTP/1.1|Host: a||${NEXT}`]),
  ),
  ...Object.fromEntries(
    [
      'Authorization',
      'If-Modified-Since',
      'If-Unmodified-Since',
      'If-Match',
      'If-None-Match',
      'If-Range',
      'Content-Range',
    ].map((name) => [`${name} twice`, `GET / HTTP/1.1|Host: a|${name}: x|${name}: x|Connection: close||`]),
  ),
  ...Object.fromEntries(
    ['close', 'Close', 'keep-alive, close', 'close, keep-alive', 'keep-alive', 'x', 'x,close'].flatMap(
      (value) => [
        [`Connection: ${value}`, `GET /first HTTP/1.1|Host: a|Connection: ${value}||${NEXT}`],
        [`Connection: ${value}, in HTTP/1.0`, `GET /first HTTP/1.0|Host: a|Connection: ${value}||${NEXT}`],
      ],
    ),
  ),
  'a keep-alive time in the head': `GET /kept HTTP/1.1|Host: a||${NEXT}`,
  'keepalive_timeout 0': `GET /never HTTP/1.1|Host: a||${NEXT}`,
  'keepalive_requests 2': `GET /twice HTTP/1.1|Host: a||GET /twice HTTP/1.1|Host: a||${NEXT}`,
  TRACE: 'TRACE / HTTP/1.1|Host: a||',
  'a label of no letters': 'GET / HTTP/1.1|Host: a..b|Connection: close||',
  'no host': 'GET / HTTP/1.1|Connection: close||',
  'two hosts': 'GET / HTTP/1.1|Host: a|Host: a|Connection: close||',
  'a slash in the host': 'GET / HTTP/1.1|Host: a/b|Connection: close||',
  'a second version': 'GET / HTTP/1.1 HTTP/1.1|Host: a|Connection: close||',
  'a space in the target': 'GET /a b HTTP/1.1|Host: a|Connection: close||',
  'NUL in the target': 'GET /a%00 HTTP/1.1|Host: a|Connection: close||',
  'half an escape': 'GET /a%2 HTTP/1.1|Host: a|Connection: close||',
  'above the root': 'GET /../a HTTP/1.1|Host: a|Connection: close||',
  'an unknown coding': 'GET / HTTP/1.1|Host: a|Transfer-Encoding: x|Connection: close||',
  'coding and length': 'POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked|Content-Length: 5||0||',
  'two lengths': 'POST / HTTP/1.1|Host: a|Content-Length: 0|Content-Length: 0||',
  'a negative length': 'POST / HTTP/1.1|Host: a|Content-Length: -1||',
  'content, and a next request': `POST /first HTTP/1.1|Host: a|Content-Length: 4||body${NEXT}`,
  'chunks, and a next request': `POST /first HTTP/1.1|Host: a|Transfer-Encoding: chunked||4|body|0||${NEXT}`,
  'empty lines first': `||${NEXT}`,
};

const HTTP = `
  server {
    listen @PORT@; server_name a; server_tokens off;
    location / { return 200 "$connection_requests $request_uri"; }
    location /errors/ {
      location /errors/404 { return 404; } location /errors/400 { return 400; } location /errors/413 { return 413; }
      location /errors/500 { return 500; } location /errors/501 { return 501; } location /errors/503 { return 503; }
    }
    location /text/500 { return 500 "text"; }
    location /page/500 { error_page 500 /page/in-place; return 500; }
    location = /page/in-place { return 200 "in place"; }
    location /kept { keepalive_timeout 10 60; return 200 "$sent_http_connection"; }
    location /never { keepalive_timeout 0; return 200 never; }
    location /twice { keepalive_requests 2; return 200 "$connection_requests"; }
    location /nothing { return 444; }
    location /up/ { proxy_pass http://127.0.0.1:@RAW@/; proxy_set_header Connection ""; }
    location /up10/ { proxy_pass http://127.0.0.1:@RAW@/; proxy_http_version 1.0; proxy_set_header Connection ""; }
    location /intercepted/ {
      proxy_pass http://127.0.0.1:@RAW@/; proxy_set_header Connection ""; proxy_intercept_errors on;
      error_page 404 401 /page/in-place; error_page 500 =200 /page/in-place;
    }
  }`;

const octetsOf = (text: string): string => text.replaceAll('|', '\r\n');

/** One line of a head below the other, in the order of the alphabet; lengths of pages that name the program left out. */
function sorted(answers: string): string {
  return answers.replace(/HTTP\/1\.1 \d{3}[^]*?\r\n\r\n(?=(<html>)?)/g, (head, isPage?: string) => {
    const [start, ...lines] = head.trimEnd().split('\r\n');
    const told = lines.map((line) =>
      isPage === undefined ? line : line.replace(/^Content-Length: .*/, 'Content-Length: page'),
    );
    return `${[start.trimEnd(), ...told.sort()].join('\n')}\n\n`;
  });
}

describe('octets beside nginx', function () {
  this.timeout(20_000);
  let pair: Pair;

  before(async function () {
    if (!existsSync(NGINX)) {
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${NGINX} is missing`);
      this.skip();
    }
    const upstream = await startRawUpstream((socket) =>
      onHeads(socket, (head) => {
        const name = decodeURIComponent(head.split(' ')[1].slice(1));
        socket.end(octetsOf(RESPONSES[name] ?? SINCE[name].sends), 'latin1');
      }),
    );
    pair = await startPair(HTTP.replaceAll('@RAW@', String(upstream.port)));
  });
  after(cleanUp);

  async function same(request: string): Promise<void> {
    const { nginx, wirehop } = await pair.raw(octetsOf(request));
    expect(sorted(wirehop)).to.equal(sorted(nginx));
  }

  describe('responses', () => {
    for (const name of Object.keys(RESPONSES)) {
      const target = encodeURIComponent(name);
      it(name, () => same(`GET /up/${target} HTTP/1.1|Host: a|Connection: close||`));
      it(`${name}, over HTTP/1.0`, () => same(`GET /up10/${target} HTTP/1.1|Host: a|Connection: close||`));
      it(`${name}, to HTTP/1.0`, () => same(`GET /up/${target} HTTP/1.0|Host: a||`));
    }
    for (const name of ['length', 'close', 'not-found', 'not-modified', 'no-content']) {
      it(`${name}, to HEAD`, () => same(`HEAD /up/${name} HTTP/1.1|Host: a|Connection: close||`));
    }
    for (const name of ['not-found', 'their-error', 'who-are-you', 'not-modified', 'length']) {
      it(`${name}, intercepted`, () => same(`GET /intercepted/${name} HTTP/1.1|Host: a|Connection: close||`));
      it(`${name}, intercepted, to HEAD`, () =>
        same(`HEAD /intercepted/${name} HTTP/1.1|Host: a|Connection: close||`));
    }
    for (const [name, { answer, lacks }] of Object.entries(SINCE)) {
      it(`${name}, as nginx since 1.23`, async () => {
        const { wirehop } = await pair.raw(
          octetsOf(`GET /up/${encodeURIComponent(name)} HTTP/1.1|Host: a|Connection: close||`),
        );
        expect(wirehop).to.match(answer);
        if (lacks !== undefined) expect(wirehop).not.to.match(lacks);
      });
    }
  });

  describe('requests', () => {
    for (const [name, request] of Object.entries(REQUESTS)) it(name, () => same(request));
  });
});
