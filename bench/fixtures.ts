/**
 * Heads and content that the suites, their test and the load program share. Decides what "usual" means here: a bare
 * head, a plain one, a browser's, and one with forty fields and cookies.
 */

/** One head and how it is cut in two. */
export interface HeadFixture {
  readonly name: string;
  readonly kind: 'request' | 'response';
  /** The head, the empty line included; no content behind it. */
  readonly octets: Buffer;
  /** Number of field lines. */
  readonly fields: number;
  /** The same in one part. */
  readonly whole: readonly Buffer[];
  /**
   * The same in two parts, cut between two field lines near the middle: there llhttp-wasm's wrapper still reads
   * everything, while a cut inside a span makes it lose the first half.
   */
  readonly halves: readonly Buffer[];
}

function head(
  name: string,
  kind: HeadFixture['kind'],
  startLine: string,
  lines: readonly string[],
): HeadFixture {
  const octets = Buffer.from(`${[startLine, ...lines].join('\r\n')}\r\n\r\n`, 'latin1');
  const cut = octets.indexOf('\r\n', octets.length >> 1) + 2;
  // A minimal head has no line end behind its middle but the last two: cut in front of the empty line.
  const at = Math.min(cut, octets.length - 2);
  return {
    name,
    kind,
    octets,
    fields: lines.length,
    whole: [octets],
    halves: [octets.subarray(0, at), octets.subarray(at)],
  };
}

/** `count` lines that a proxy passes on untouched. */
function customLines(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `X-Trace-Part-${String(i + 10)}: 7f3a91c0-${String(i * 7919)}`,
  );
}

const SESSION = 'c2Vzc2lvbi1zdGF0ZS10aGF0LWEtZnJhbWV3b3JrLXN0b3Jlcy1vbi10aGUtY2xpZW50';
const COOKIES = `session=${SESSION}; theme=dark; _ga=GA1.2.1187463923.1763800000; consent=all; locale=en-GB`;

const MINIMAL_REQUEST = head('minimal', 'request', 'GET / HTTP/1.1', ['Host: example.com']);

const PLAIN_REQUEST = head('plain', 'request', 'GET /api/items?page=2 HTTP/1.1', [
  'Host: api.example.com',
  'User-Agent: curl/8.5.0',
  'Accept: */*',
  'Accept-Encoding: gzip',
  'Authorization: Bearer 9f86d081884c7d659a2feaa0c55ad015',
]);

/** 476 octets and 14 fields, as the design's measurements have it. */
export const BROWSER_REQUEST = head('browser-like', 'request', 'GET /news/index.html HTTP/1.1', [
  'Host: www.example.com',
  'Connection: keep-alive',
  'sec-ch-ua: "Chromium";v="130"',
  'sec-ch-ua-mobile: ?0',
  'sec-ch-ua-platform: "Linux"',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0',
  'Accept: text/html,application/xhtml+xml,*/*;q=0.8',
  'Sec-Fetch-Site: none',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Dest: document',
  'Accept-Encoding: gzip, deflate, br',
  'Accept-Language: en-GB,en;q=0.9',
  'Cookie: id=8d5f4b1; theme=dark',
]);

const COOKIE_REQUEST = head(
  '40 fields, cookies',
  'request',
  'GET /shop/basket?item=4711&colour=blue HTTP/1.1',
  [
    'Host: shop.example.com',
    'Connection: keep-alive',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
    'Referer: https://shop.example.com/catalogue/shoes?sort=price',
    `Cookie: ${COOKIES}`,
    ...customLines(32),
  ],
);

const MINIMAL_RESPONSE = head('minimal', 'response', 'HTTP/1.1 204 No Content', ['Server: origin']);

/** What an application usually answers, with 12 octets of content to follow. */
export const PLAIN_RESPONSE = head('usual', 'response', 'HTTP/1.1 200 OK', [
  'Server: origin',
  'Date: Sat, 22 Nov 2025 12:00:00 GMT',
  'Content-Type: text/html; charset=utf-8',
  'Content-Length: 12',
  'Cache-Control: private, max-age=0, must-revalidate',
  'ETag: "5f8a-61d2c7f04b0c0"',
  'Vary: Accept-Encoding',
  'X-Content-Type-Options: nosniff',
  'X-Frame-Options: DENY',
  'Strict-Transport-Security: max-age=31536000',
]);

const COOKIE_RESPONSE = head('40 fields, cookies', 'response', 'HTTP/1.1 200 OK', [
  'Server: origin',
  'Date: Sat, 22 Nov 2025 12:00:00 GMT',
  'Content-Type: text/html; charset=utf-8',
  'Content-Length: 12',
  `Set-Cookie: session=${SESSION}; Path=/; HttpOnly; Secure; SameSite=Lax`,
  'Set-Cookie: theme=dark; Path=/; Max-Age=31536000',
  'Set-Cookie: consent=all; Path=/; Max-Age=31536000',
  'Cache-Control: private, no-store',
  ...customLines(32),
]);

/** Content that goes with {@link PLAIN_RESPONSE}. */
export const CONTENT: Buffer = Buffer.from('hello world\n', 'latin1');

/** Requests by number of fields: 1, 5, 14, 40. */
export const REQUESTS = {
  minimal: MINIMAL_REQUEST,
  plain: PLAIN_REQUEST,
  browser: BROWSER_REQUEST,
  cookies: COOKIE_REQUEST,
} as const;

/** Responses by number of fields: 1, 10, 40. */
export const RESPONSES = {
  minimal: MINIMAL_RESPONSE,
  plain: PLAIN_RESPONSE,
  cookies: COOKIE_RESPONSE,
} as const;

/** An offer to switch protocols, as a browser's `new WebSocket` sends it. */
export const UPGRADE_REQUEST: Buffer = Buffer.from(
  'GET /chat/ HTTP/1.1\r\nHost: www.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  'latin1',
);

/** The origin's answer to it. */
export const SWITCH_RESPONSE: Buffer = Buffer.from(
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
  'latin1',
);

/** Content of `octets` octets in chunks of `chunkOctets`, whole: last chunk and empty trailer section included. */
export function chunkedContent(octets: number, chunkOctets: number): Buffer {
  const parts: Buffer[] = [];
  for (let left = octets; left > 0; left -= chunkOctets) {
    const count = Math.min(left, chunkOctets);
    parts.push(
      Buffer.from(`${count.toString(16)}\r\n`, 'latin1'),
      Buffer.alloc(count, 'wirehop '),
      Buffer.from('\r\n'),
    );
  }
  parts.push(Buffer.from('0\r\n\r\n', 'latin1'));
  return Buffer.concat(parts);
}
