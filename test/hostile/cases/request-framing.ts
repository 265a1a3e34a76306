/**
 * Requests whose content two readers could see end in different places.
 */
import { bare, type Expected, head, type HostileCase, refused, served, type Table } from '../corpus.js';
import { FIN, LATER, P } from '../steps.js';

const SMUGGLED = head(`GET ${P}smuggled HTTP/1.1`);
const LAST_CHUNK = '0\r\n\r\n';
const REFUSED: readonly Expected[] = [refused(400), refused(501)];

function post(...lines: readonly string[]): string {
  return head(`POST ${P}x HTTP/1.1`, ...lines);
}

/** Both lengths at once, in the order and spelling given; whatever is believed, a request would be left over. */
const BOTH: readonly [string, ...string[]][] = [
  ['CL.TE', 'Content-Length: 6', 'Transfer-Encoding: chunked'],
  ['TE.CL', 'Transfer-Encoding: chunked', 'Content-Length: 6'],
  ['CL.TE with a length of nothing', 'Content-Length: 0', 'Transfer-Encoding: chunked'],
  ['CL.TE with identity', 'Content-Length: 6', 'Transfer-Encoding: identity'],
  ['CL.TE with an unknown coding', 'Content-Length: 6', 'Transfer-Encoding: xchunked'],
  ['CL.TE with an empty coding', 'Content-Length: 6', 'Transfer-Encoding:'],
  ['CL.TE with gzip', 'Content-Length: 6', 'Transfer-Encoding: gzip, chunked'],
  ['CL.TE in capitals', 'CONTENT-LENGTH: 6', 'TRANSFER-ENCODING: CHUNKED'],
  [
    'CL.TE with the coding nominated',
    'Connection: Transfer-Encoding',
    'Content-Length: 6',
    'Transfer-Encoding: chunked',
  ],
  [
    'CL.TE with the length nominated',
    'Connection: Content-Length',
    'Content-Length: 6',
    'Transfer-Encoding: chunked',
  ],
  ['CL.TE with Connection: close', 'Connection: close', 'Content-Length: 6', 'Transfer-Encoding: chunked'],
  ['CL.CL.TE', 'Content-Length: 6', 'Content-Length: 6', 'Transfer-Encoding: chunked'],
  ['CL.TE.TE', 'Content-Length: 6', 'Transfer-Encoding: chunked', 'Transfer-Encoding: x'],
];

/** Spellings of a transfer coding that some readers take for chunked and others do not. */
const CODINGS: readonly string[] = [
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunkedx',
  'Transfer-Encoding: x chunked',
  'Transfer-Encoding: chunked x',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding: chunked; foo=bar',
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: 'chunked'",
  'Transfer-Encoding: chunked,',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding: , chunked ,',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: chunked, cow',
  'Transfer-Encoding: cow, chunked',
  'Transfer-Encoding: gzip',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, gzip',
  'Transfer-Encoding: deflate',
  'Transfer-Encoding: compress, chunked',
  'Transfer-Encoding: trailers',
  'Transfer-Encoding: chu nked',
  'Transfer-Encoding: chunk',
  'Transfer-Encoding: Chunked=1',
  'Transfer-Encoding: \xe7hunked',
  'Transfer-Encoding: \xa0chunked',
  'Transfer-Encoding: chunked\xa0',
  'Transfer-Encoding: \x85chunked',
  'Transfer-Encoding: \xefchunked',
  'Transfer-Encoding: c\u0000hunked',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding: \x0cchunked',
  'Transfer-Encoding: chunked\x0b',
  'Transfer-Encoding: chunked\x00',
  'Transfer-Encoding: chunked\x08',
  'Transfer-Encoding: chunked\x7f',
  'Transfer-Encoding: \x1fchunked',
  'Transfer-Encoding:\x0dchunked',
  'Transfer-Encoding: chunked\x0d',
  'Transfer-Encoding:\n chunked',
  'Transfer-Encoding:\r\n chunked',
  'Transfer-Encoding:\r\n\tchunked',
  'Transfer-Encoding: chunked\r\n foo',
  'Transfer-Encoding: foo\r\n chunked',
  'Transfer-Encoding: foo\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: foo',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding:',
  'Transfer-Encoding:\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\ntransfer-encoding: identity',
  'Transfer-Encoding',
  'Transfer-Encoding chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding\t: chunked',
  'Transfer-Encoding\x00: chunked',
  'Transfer-Encoding\x0b: chunked',
  'Transfer-Encoding\xa0: chunked',
  'Transfer-Encoding\r: chunked',
  ' Transfer-Encoding: chunked',
  '\tTransfer-Encoding: chunked',
  '\x0bTransfer-Encoding: chunked',
  '\x00Transfer-Encoding: chunked',
  ': Transfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\r\n Transfer-Encoding: chunked',
  'X: y\r\r\nTransfer-Encoding: chunked',
  'X: y\n\rTransfer-Encoding: chunked',
];

/** The same in names that are tokens: no framing at all, so nothing may be made of them on the other side either. */
const OTHER_NAMES: readonly string[] = [
  'Transfer_Encoding: chunked',
  'Transfer-Encodin: chunked',
  'Transfer-Encodings: chunked',
  'Transfer--Encoding: chunked',
  'X-Transfer-Encoding: chunked',
  'Transfer.Encoding: chunked',
  'Content_Length: 50',
  'Content-Lengt: 50',
  'Content-Length-: 50',
];

/** Lengths that are no length by RFC 9110 8.6. */
const LENGTHS: readonly string[] = [
  '-1',
  '+5',
  '0x5',
  '5,',
  ',5',
  '5,5',
  '5, 5',
  '5,6',
  '5 5',
  '5;',
  '5.0',
  '5e0',
  '0b1',
  '5_0',
  '',
  ' ',
  'five',
  '"5"',
  '\xb5',
  '5\x00',
  '\x005',
  '\x0b5',
  '5\x0c',
  '\xa05',
  '5\xa0',
  '5\x7f',
  '\xd9\xa5',
  '9007199254740992',
  '18446744073709551615',
  '18446744073709551616',
  '18446744073709551621',
  '99999999999999999999999999',
  '4294967301x',
  '00x5',
  '5\r\n 5',
  '\r\n 5',
  '5 \r\n\t',
  '05a',
  '5\n',
  '5\r',
];

const bothCases: HostileCase[] = BOTH.map(([name, ...lines]) => ({
  name,
  idea: 'RFC 9112 6.1, 11.2: both lengths, the classic of request smuggling',
  client: post(...lines) + LAST_CHUNK + SMUGGLED,
  expect: REFUSED,
}));

const codingCases: HostileCase[] = CODINGS.map((line) => ({
  name: `TE.TE: ${JSON.stringify(line)}`,
  idea: 'spellings of Transfer-Encoding that one reader honours and the next ignores (TE.TE), RFC 9112 6.1',
  client: post(line) + LAST_CHUNK + SMUGGLED,
  expect: REFUSED,
}));

const codingWithLengthCases: HostileCase[] = CODINGS.map((line) => ({
  name: `CL.TE: ${JSON.stringify(line)} beside a length`,
  idea: 'the same beside a Content-Length that the next reader may fall back to',
  client: post('Content-Length: 5', line) + LAST_CHUNK + SMUGGLED,
  expect: REFUSED,
}));

const nameCases: HostileCase[] = OTHER_NAMES.map((line) => ({
  name: `no framing: ${JSON.stringify(line)}`,
  idea: 'names that CGI-like origins fold into the real one; without framing the request has no content',
  client: post(line) + SMUGGLED,
  expect: [
    { ...served(`POST ${P}x`, `GET ${P}smuggled`), withholds: /(?:Transfer|Content)[_.]/i },
    refused(400),
  ],
}));

const lengthCases: HostileCase[] = [...new Set(LENGTHS)].map((value) => ({
  name: `Content-Length: ${JSON.stringify(value)}`,
  idea: 'numbers that parsers round, wrap, cut or sum up differently (RFC 9112 6.3)',
  client: `${post(`Content-Length: ${value}`)}hello${SMUGGLED}`,
  expect: refused(400),
}));

const otherCases: HostileCase[] = [
  {
    name: 'two equal lengths',
    idea: 'RFC 9112 6.3: collapse or refuse',
    client: `${post('Content-Length: 5', 'Content-Length: 5')}hello`,
    expect: refused(400),
  },
  {
    name: 'two different lengths',
    idea: 'CL.CL',
    client: `${post('Content-Length: 5', 'Content-Length: 0')}hello${SMUGGLED}`,
    expect: refused(400),
  },
  {
    name: 'two different lengths, the second behind other fields',
    idea: 'CL.CL',
    client: `${post('Content-Length: 0', ...Array.from({ length: 40 }, (_, i) => `X${i}: y`), 'Content-Length: 5')}hello`,
    expect: refused(400),
  },
  {
    name: 'a length with leading zeros is that length',
    idea: 'octal readings',
    client: `${post('Content-Length: 0000000012')}hello, world`,
    expect: { ...served(`POST ${P}x hello, world`) },
  },
  {
    name: 'a length with white space around it is that length, and goes on without',
    idea: 'RFC 9110 5.5: OWS is no part of the value',
    client: `${post('Content-Length: \t 5 \t ')}hello`,
    expect: [{ ...served(`POST ${P}x hello`), sends: /\r\nContent-Length: 5\r\n/ }, refused(400)],
  },
  {
    name: 'chunked in any case, with white space around it',
    idea: 'RFC 9112 7: codings are case-insensitive',
    client: `${post('tRANSFER-eNCODING: \t CHUNKED \t')}5\r\nhello\r\n${LAST_CHUNK}`,
    expect: { ...served(`POST ${P}x hello`), sends: /\r\nTransfer-Encoding: chunked\r\n/ },
  },
  {
    name: 'CL.0: content with a GET is content',
    idea: 'CL.0: an origin that ignores the content of some requests',
    client: `${head(`GET ${P}x HTTP/1.1`, `Content-Length: ${SMUGGLED.length}`)}${SMUGGLED}`,
    expect: { ...served(`GET ${P}x ${SMUGGLED}`) },
  },
  ...['HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'X'].map((method) => ({
    name: `CL.0: content with ${method} is content`,
    idea: 'RFC 9110 9.1: framing does not depend on the method',
    client: `${head(`${method} ${P}x HTTP/1.1`, 'Content-Length: 5')}hello${SMUGGLED}`,
    methods: [method, 'GET'],
    expect: [served(`${method} ${P}x hello`, `GET ${P}smuggled`), refused(405)],
  })),
  {
    name: 'chunked content with a GET is content',
    idea: 'RFC 9110 9.1',
    client: `${head(`GET ${P}x HTTP/1.1`, 'Transfer-Encoding: chunked')}5\r\nhello\r\n${LAST_CHUNK}${SMUGGLED}`,
    expect: served(`GET ${P}x hello`, `GET ${P}smuggled`),
  },
  {
    name: '0.CL: no length means no content, even with octets behind a POST',
    idea: '0.CL',
    client: `${head(`POST ${P}x HTTP/1.1`)}${SMUGGLED}`,
    expect: served(`POST ${P}x`, `GET ${P}smuggled`),
  },
  {
    name: 'chunked in HTTP/1.0',
    idea: 'RFC 9112 6.1: HTTP/1.0 knows no chunks',
    client:
      bare(`POST ${P}x HTTP/1.0`, 'Host: h', 'Connection: keep-alive', 'Transfer-Encoding: chunked') +
      LAST_CHUNK +
      SMUGGLED,
    expect: REFUSED,
  },
  {
    name: 'chunked in HTTP/1.0, with a length',
    idea: 'RFC 9112 6.1',
    client: `${bare(`POST ${P}x HTTP/1.0`, 'Host: h', 'Content-Length: 5', 'Transfer-Encoding: chunked')}hello`,
    expect: REFUSED,
  },
  {
    name: 'a length nominated by Connection stays a length',
    idea: 'hop-by-hop abuse: Connection: Content-Length makes the next reader see the content as a request',
    client: `${post('Connection: Content-Length', `Content-Length: ${SMUGGLED.length}`)}${SMUGGLED}`,
    expect: [served(`POST ${P}x ${SMUGGLED}`), refused(400)],
  },
  {
    name: 'a coding nominated by Connection stays a coding',
    idea: 'hop-by-hop abuse: Connection: Transfer-Encoding',
    client: `${post('Connection: Transfer-Encoding', 'Transfer-Encoding: chunked')}5\r\nhello\r\n${LAST_CHUNK}${SMUGGLED}`,
    expect: [served(`POST ${P}x hello`, `GET ${P}smuggled`), refused(400)],
  },
  {
    name: 'Content-Length in lower case and again in capitals',
    idea: 'names are case-insensitive: two lengths',
    client: `${post('content-length: 5', 'CONTENT-LENGTH: 6')}hello!`,
    expect: refused(400),
  },
  {
    name: 'octets behind a refused request are no request, also when they come later',
    idea: 'pipelining behind an error: the connection is closed (RFC 9112 9.6)',
    client: [post('Content-Length: x'), LATER, SMUGGLED, LATER, SMUGGLED],
    expect: refused(400),
  },
  {
    name: 'content that is cut by a half-close never becomes a whole request',
    idea: 'RFC 9112 8',
    client: [`${post('Content-Length: 10')}hello`, LATER, FIN],
    expect: [
      { statuses: [], closes: true, origin: [`POST ${P}x hello...`] },
      { statuses: [400], closes: true, origin: [`POST ${P}x hello...`] },
    ],
  },
];

export const REQUEST_FRAMING: Table = {
  title: 'request framing',
  cases: [
    ...bothCases,
    ...codingCases,
    ...codingWithLengthCases,
    ...nameCases,
    ...lengthCases,
    ...otherCases,
  ],
};
