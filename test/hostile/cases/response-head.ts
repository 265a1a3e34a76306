/**
 * Response heads that two readers could read differently: the origin lies, or was made to.
 */
import { bare, type Expected, head, type HostileCase, served, type Table } from '../corpus.js';
import { P } from '../steps.js';

const SMUGGLED = head(`GET ${P}smuggled HTTP/1.1`);
const LINE = `GET ${P}x HTTP/1.1`;
const GET = `GET ${P}x`;
const GOOD = bare('HTTP/1.1 200 OK', 'Content-Length: 4') + 'good';
const BAD: readonly Expected[] = [
  { statuses: [502, 200], closes: false, origin: [GET, `GET ${P}smuggled`], lacks: /evil/ },
  { statuses: [502], closes: true, origin: [GET], lacks: /evil/ },
];

function lying(name: string, idea: string, answer: string): HostileCase {
  return { name, idea, client: head(LINE) + SMUGGLED, origin: [[answer], [GOOD]], expect: BAD };
}

const STATUS_LINES: readonly string[] = [
  'HTTP/2.0 200 OK',
  'HTTP/0.9 200 OK',
  'HTTP/1.2 200 OK',
  'HTTP/1 200 OK',
  'HTTP/11.1 200 OK',
  'HTTP/1.10 200 OK',
  'http/1.1 200 OK',
  'ICY 200 OK',
  'HTTP 200 OK',
  '200 OK',
  'HTTP/1.1',
  'HTTP/1.1 ',
  'HTTP/1.1 OK',
  'HTTP/1.1 20',
  'HTTP/1.1 20 OK',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1 0200 OK',
  'HTTP/1.1 -200 OK',
  'HTTP/1.1 +200 OK',
  'HTTP/1.1 2x0 OK',
  'HTTP/1.1 000 OK',
  'HTTP/1.1 099 OK',
  'HTTP/1.1  200 OK',
  'HTTP/1.1\t200 OK',
  'HTTP/1.1 200\tOK',
  'HTTP/1.1 200OK',
  'HTTP/1.1 200,OK',
  ' HTTP/1.1 200 OK',
  '\tHTTP/1.1 200 OK',
  '\0HTTP/1.1 200 OK',
  '\nHTTP/1.1 200 OK',
  '\r\nHTTP/1.1 200 OK',
  '\rHTTP/1.1 200 OK',
  'HTTP/1.1 200 O\0K',
  'HTTP/1.1 200 O\x01K',
  'HTTP/1.1 200 O\x1bK',
  'HTTP/1.1 200 O\x7fK',
  'HTTP/1.1 200 O\rK',
  'HTTP/1.1 200 O\nK',
  'HTTP/1.1 200 OK\r',
  'HTTP/1.1 \xb2\xb0\xb0 OK',
  'HTTP/1.1 200.0 OK',
  'HTTP/1.1 2e2 OK',
  'GET / HTTP/1.1',
  'Content-Type: text/html',
  '<html>evil',
  'SSH-2.0-OpenSSH',
];

const FIELD_LINES: readonly string[] = [
  'X : evil',
  'X\t: evil',
  'X evil',
  'X',
  ': evil',
  ' X: evil',
  '\tX: evil',
  'X: y\r\n evil',
  'X: y\r\n\tevil',
  'X: y\nEvil: evil',
  'X: y\rEvil: evil',
  'X: y\r\r\nEvil: evil',
  'X: y\n\nevil',
  'X: y\0evil',
  'X: y\x01evil',
  'X: y\x0bevil',
  'X: evil\x7f',
  'X Y: evil',
  'X\0: evil',
  'X\xe9: evil',
  'X(: evil',
  'X\r: evil',
  '"X": evil',
  'X,: evil',
  'Set-Cookie: a=b\r\n ; evil',
  'Content-Length\0: 4',
  'Content-Length : 4',
  'Transfer-Encoding : chunked',
  ' Content-Length: 4',
  'X/: evil',
  '{X}: evil',
  'Location: /\rSet-Cookie: evil',
  'Location: /\nSet-Cookie: evil',
];

const LENGTHS: readonly string[] = [
  '-1',
  '+4',
  '0x4',
  '4,',
  ',4',
  '4,4',
  '4, 4',
  '4,5',
  '4 4',
  '4;',
  '4.0',
  '4e0',
  '',
  'four',
  '"4"',
  '4\0',
  '\x0b4',
  '4\x0c',
  '4\xa0',
  '18446744073709551620',
  '9007199254740992',
  '4294967300x',
  '99999999999999999999',
  '4\r\n 4',
  '4\n',
  '4\r',
];

const CODINGS: readonly string[] = [
  'xchunked',
  'chunkedx',
  'chunked, chunked',
  'chunked, identity',
  'identity, chunked',
  'identity',
  'gzip',
  'gzip, chunked',
  'chunked, gzip',
  'chunked;q=1',
  '"chunked"',
  ',chunked',
  'chunked,',
  '',
  'x chunked',
  'chunked x',
  '\x0bchunked',
  'chunked\0',
  '\r\n chunked',
  'chunked\r\nTransfer-Encoding: chunked',
  'chunked\r\nTransfer-Encoding: gzip',
  'gzip\r\nTransfer-Encoding: chunked',
  'trailers',
  'cow',
];

const lineCases = STATUS_LINES.map((line) =>
  lying(
    `status line ${JSON.stringify(line)}`,
    'RFC 9112 4: a status line that one reader takes for another status, or for content (response splitting)',
    `${bare(line, 'Content-Length: 4')}evil`,
  ),
);
const fieldCases = FIELD_LINES.map((line) =>
  lying(
    `field line ${JSON.stringify(line)}`,
    'RFC 9112 5: response splitting and folding',
    `${bare('HTTP/1.1 200 OK', line, 'Content-Length: 4')}evil`,
  ),
);
const lastFieldCases = FIELD_LINES.map((line) =>
  lying(
    `field line ${JSON.stringify(line)}, behind the length`,
    'RFC 9112 5: response splitting and folding',
    `${bare('HTTP/1.1 200 OK', 'Content-Length: 4', line)}evil`,
  ),
);
const lengthCases = LENGTHS.map((value) =>
  lying(
    `Content-Length: ${JSON.stringify(value)}`,
    'RFC 9112 6.3: lengths that parsers round, wrap, cut or sum up differently',
    `${bare('HTTP/1.1 200 OK', `Content-Length: ${value}`)}evil`,
  ),
);
const codingCases = CODINGS.map((value) =>
  lying(
    `Transfer-Encoding: ${JSON.stringify(value)}`,
    'RFC 9112 6.1: a coding that one reader undoes and another does not',
    `${bare('HTTP/1.1 200 OK', `Transfer-Encoding: ${value}`)}4\r\nevil\r\n0\r\n\r\n`,
  ),
);

const otherCases: HostileCase[] = [
  lying(
    'two equal lengths',
    'RFC 9112 6.3',
    `${bare('HTTP/1.1 200 OK', 'Content-Length: 4', 'Content-Length: 4')}evil`,
  ),
  lying(
    'two lengths',
    'RFC 9112 6.3',
    `${bare('HTTP/1.1 200 OK', 'Content-Length: 4', 'Content-Length: 3')}evil`,
  ),
  lying(
    'a length and a coding',
    'RFC 9112 6.3',
    `${bare('HTTP/1.1 200 OK', 'Content-Length: 4', 'Transfer-Encoding: chunked')}4\r\nevil\r\n0\r\n\r\n`,
  ),
  lying(
    'a coding and a length',
    'RFC 9112 6.3',
    `${bare('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Content-Length: 4')}4\r\nevil\r\n0\r\n\r\n`,
  ),
  lying(
    'a coding and a broken length',
    'RFC 9112 6.3',
    `${bare('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Content-Length: x')}4\r\nevil\r\n0\r\n\r\n`,
  ),
  lying(
    'an unknown coding and a length',
    'RFC 9112 6.3',
    `${bare('HTTP/1.1 200 OK', 'Transfer-Encoding: x', 'Content-Length: 4')}evil`,
  ),
  lying(
    'chunks in HTTP/1.0',
    'RFC 9112 6.1',
    `${bare('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked')}4\r\nevil\r\n0\r\n\r\n`,
  ),
  lying('bare LFs for all line ends', 'RFC 9112 2.2', 'HTTP/1.1 200 OK\nContent-Length: 4\n\nevil'),
  lying('a bare LF behind the status line', 'RFC 9112 2.2', 'HTTP/1.1 200 OK\nContent-Length: 4\r\n\r\nevil'),
  lying('a bare LF for the empty line', 'RFC 9112 2.2', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\nevil'),
  lying('a bare CR for the empty line', 'RFC 9112 2.2', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\revil'),
  lying('nothing but content', 'HTTP/0.9', 'evil\r\n\r\n'),
  lying(
    'a head that is too large',
    'proxy_buffer_size',
    bare('HTTP/1.1 200 OK', `X: ${'evil'.repeat(30_000)}`),
  ),
  lying('fields without end', 'proxy_buffer_size', `HTTP/1.1 200 OK\r\n${'X: evil\r\n'.repeat(30_000)}`),
  lying('a request in place of a response', 'a peer that is a client', head(`GET ${P}evil HTTP/1.1`)),
  lying(
    'an interim answer with two lengths',
    'RFC 9112 6.3',
    `${bare('HTTP/1.1 103 E', 'Content-Length: 1', 'Content-Length: 2')}${GOOD}`,
  ),
  lying('an interim answer with a bare LF', 'RFC 9112 2.2', `HTTP/1.1 100 C\n\n${GOOD}`),
  {
    name: 'an answer to HEAD with two lengths',
    idea: 'framing that is broken is refused, needed or not',
    client: head(`HEAD ${P}x HTTP/1.1`),
    methods: ['HEAD'],
    origin: [bare('HTTP/1.1 200 OK', 'Content-Length: 1', 'Content-Length: 2')],
    expect: { statuses: [502], origin: [`HEAD ${P}x`] },
  },
  {
    name: 'white space around values, obs-text and an empty reason pass',
    idea: 'RFC 9112 4, 5.1',
    client: head(LINE),
    origin: [`${bare('HTTP/1.1 200 ', 'Content-Length:  4  ', 'X: \xe9\t y \t')}good`],
    expect: { statuses: [200], closes: false, origin: [GET], has: /\r\nX: \xe9\t y\r\n/ },
  },
  {
    name: 'hop-by-hop fields of an answer do not pass',
    idea: 'RFC 9110 7.6.1',
    client: head(LINE),
    origin: [
      `${bare('HTTP/1.1 200 OK', 'Connection: keep-alive, X-Hop', 'X-Hop: 1', 'Keep-Alive: timeout=5', 'Proxy-Connection: x', 'TE: x', 'Upgrade: h2c', 'Content-Length: 4')}good`,
    ],
    expect: { statuses: [200], closes: false, origin: [GET], lacks: /X-Hop|Keep-Alive:|Proxy-Conn|TE:|h2c/ },
  },
  {
    name: 'a length that Connection names stays a length',
    idea: 'hop-by-hop abuse',
    client: head(LINE) + SMUGGLED,
    origin: [[`${bare('HTTP/1.1 200 OK', 'Connection: Content-Length', 'Content-Length: 4')}good`], [GOOD]],
    expect: [{ ...served(GET, `GET ${P}smuggled`), has: /good[^]*good$/ }, ...BAD],
  },
  {
    name: 'an HTTP/1.0 answer is answered in HTTP/1.1',
    idea: 'RFC 9110 6.2',
    client: head(LINE) + SMUGGLED,
    origin: [[`${bare('HTTP/1.0 200 OK', 'Content-Length: 4')}good`], [GOOD]],
    expect: served(GET, `GET ${P}smuggled`),
  },
  ...[299, 399, 499, 599, 418, 451].map((status) => ({
    name: `status ${status} passes`,
    idea: 'RFC 9110 15: unknown codes are those of their class',
    client: head(LINE),
    origin: [`${bare(`HTTP/1.1 ${status} X`, 'Content-Length: 4')}good`],
    expect: { statuses: [status], closes: false, origin: [GET] },
  })),
];

export const RESPONSE_HEAD: Table = {
  title: 'response heads',
  cases: [...lineCases, ...fieldCases, ...lastFieldCases, ...lengthCases, ...codingCases, ...otherCases],
};
