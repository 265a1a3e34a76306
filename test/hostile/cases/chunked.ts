/**
 * Chunked request content whose chunks two readers could see differently.
 */
import { head, type HostileCase, refused, served, type Table } from '../corpus.js';
import { drip, FIN, LATER, P, RST } from '../steps.js';

const SMUGGLED = head(`GET ${P}smuggled HTTP/1.1`);
const HEAD = head(`POST ${P}x HTTP/1.1`, 'Transfer-Encoding: chunked');

/** Content that must be refused: the origin may have seen a part of the request, never all of it. */
const BROKEN: readonly [string, string, string][] = [
  ['a size with a prefix', '0x5\r\nhello\r\n0\r\n\r\n', 'strtol readers'],
  ['a size with a sign', '+5\r\nhello\r\n0\r\n\r\n', 'strtol readers'],
  ['a negative size', '-5\r\nhello\r\n0\r\n\r\n', 'strtol readers'],
  ['white space in front of a size', ' 5\r\nhello\r\n0\r\n\r\n', 'strtol readers'],
  ['a TAB in front of a size', '\t5\r\nhello\r\n0\r\n\r\n', 'strtol readers'],
  ['a TAB behind a size', '5\t\r\nhello\r\n0\r\n\r\n', 'BWS'],
  ['an underscore in a size', '0_5\r\nhello\r\n0\r\n\r\n', 'int() of Python takes it'],
  ['a size that is no number', 'g\r\nhello\r\n0\r\n\r\n', 'RFC 9112 7.1'],
  ['an empty size', '\r\nhello\r\n0\r\n\r\n', 'RFC 9112 7.1'],
  ['no size but an extension', ';a=b\r\nhello\r\n0\r\n\r\n', 'RFC 9112 7.1'],
  ['a size with a fraction', '5.0\r\nhello\r\n0\r\n\r\n', 'RFC 9112 7.1'],
  ['a size in two parts', '5 5\r\nhello\r\n0\r\n\r\n', 'RFC 9112 7.1'],
  ['a size with a comma', '5,5\r\nhello\r\n0\r\n\r\n', 'RFC 9112 7.1'],
  ['a size with a NUL behind it', '5\0\r\nhello\r\n0\r\n\r\n', 'C strings'],
  ['a size with a CR inside', '\r5\r\nhello\r\n0\r\n\r\n', 'RFC 9112 2.2'],
  ['a size of 2^64 + 5', '10000000000000005\r\nhello\r\n0\r\n\r\n', 'sizes that wrap in 64 bits'],
  ['a size of 2^64 - 1', 'ffffffffffffffff\r\nhello\r\n0\r\n\r\n', 'sizes that are -1 when signed'],
  ['a size of 2^63', '8000000000000000\r\nhello\r\n0\r\n\r\n', 'sizes that are negative when signed'],
  ['a size of 2^53', '20000000000000\r\nhello\r\n0\r\n\r\n', 'sizes that a double cannot hold'],
  ['a size of many digits', `${'f'.repeat(40)}\r\nhello\r\n0\r\n\r\n`, 'sizes that wrap'],
  ['seventeen digits of zeros', `${'0'.repeat(16)}5\r\nhello\r\n0\r\n\r\n`, 'leading zeros without end'],
  ['a bare LF behind a size', '5\nhello\r\n0\r\n\r\n', 'RFC 9112 2.2: one LF for a line end'],
  ['a bare CR behind a size', '5\rhello\r\n0\r\n\r\n', 'RFC 9112 2.2'],
  ['CR CR LF behind a size', '5\r\r\nhello\r\n0\r\n\r\n', 'RFC 9112 2.2'],
  ['LF CR behind a size', '5\n\rhello\r\n0\r\n\r\n', 'RFC 9112 2.2'],
  [
    'a bare LF in an extension',
    `5;a\nhello\r\n0\r\n\r\n`,
    'TERM.EXT: a reader that skips an extension up to CRLF',
  ],
  ['a bare LF in an extension that hides a chunk', '2;\nxx\r\n4c\r\n0\r\n\r\n', 'TERM.EXT / EXT.TERM'],
  ['a bare CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n', 'EXT.TERM'],
  ['a NUL in an extension', '5;a\0b\r\nhello\r\n0\r\n\r\n', 'RFC 9112 7.1.1'],
  ['a quoted LF in an extension', '5;a="\n"\r\nhello\r\n0\r\n\r\n', 'RFC 9110 5.6.4'],
  ['a quoted CRLF in an extension', '5;a="\r\n"\r\nhello\r\n0\r\n\r\n', 'RFC 9110 5.6.4'],
  ['an extension with an open quote', '5;a="b\r\nhello\r\n0\r\n\r\n', 'RFC 9110 5.6.4'],
  [
    'an extension that is too long',
    `5;a=${'b'.repeat(20000)}\r\nhello\r\n0\r\n\r\n`,
    'extensions without end',
  ],
  ['an extension without a name', '5;=b\r\nhello\r\n0\r\n\r\n', 'RFC 9112 7.1.1'],
  ['nothing behind a chunk', '5\r\nhello0\r\n\r\n', 'RFC 9112 7.1: CRLF behind the content'],
  ['a bare LF behind a chunk', '5\r\nhello\n0\r\n\r\n', 'two octets skipped unread make this a spill'],
  ['any two octets behind a chunk', '5\r\nhelloXX0\r\n\r\n', 'two octets skipped unread (SPILL)'],
  ['CR and another octet behind a chunk', '5\r\nhello\rX0\r\n\r\n', 'SPILL'],
  ['a chunk longer than its size', '4\r\nhello\r\n0\r\n\r\n', 'RFC 9112 7.1'],
  ['a bare LF behind the last chunk', `5\r\nhello\r\n0\n\r\n${SMUGGLED}`, 'RFC 9112 2.2'],
  ['a bare LF for the empty line', `5\r\nhello\r\n0\r\n\n${SMUGGLED}`, 'RFC 9112 2.2'],
  ['LF LF behind the last chunk', `5\r\nhello\r\n0\n\n${SMUGGLED}`, 'RFC 9112 2.2'],
  ['CR and another octet for the empty line', `5\r\nhello\r\n0\r\n\rX${SMUGGLED}`, 'RFC 9112 2.2'],
  ['a request where the trailer section would be', `5\r\nhello\r\n0\r\n${SMUGGLED}`, '0 CRLF without an end'],
  ['a last chunk of many zeros', `5\r\nhello\r\n${'0'.repeat(64)}\r\n\r\n`, 'leading zeros without end'],
  ['a trailer without a colon', '0\r\nnonsense\r\n\r\n', 'RFC 9112 7.1.2'],
  ['a trailer with white space in front of the colon', '0\r\nX-T : y\r\n\r\n', 'RFC 9112 5.1'],
  ['a folded trailer', '0\r\nX-T: y\r\n z\r\n\r\n', 'RFC 9112 5.2'],
  ['a trailer with a bare LF', '0\r\nX-T: y\nX-U: z\r\n\r\n', 'RFC 9112 2.2'],
  ['a trailer with a NUL', '0\r\nX-T: y\0z\r\n\r\n', 'RFC 9110 5.5'],
  ['a trailer with a bare CR', '0\r\nX-T: y\rz\r\n\r\n', 'RFC 9112 2.2'],
  [
    'Content-Length as a trailer',
    '0\r\nContent-Length: 5\r\n\r\n',
    'trailers merged into the head (TRAILER.MERGE)',
  ],
  [
    'Transfer-Encoding as a trailer',
    '0\r\nTransfer-Encoding: chunked\r\n\r\n',
    'trailers merged into the head',
  ],
  ['Host as a trailer', '0\r\nHost: evil\r\n\r\n', 'trailers merged into the head'],
  ['Connection as a trailer', '0\r\nConnection: close\r\n\r\n', 'trailers merged into the head'],
  ['a trailer section that is too large', `0\r\nX-T: ${'y'.repeat(70000)}\r\n\r\n`, 'trailers without end'],
  ['too many trailers', `0\r\n${'X: y\r\n'.repeat(5000)}\r\n`, 'trailers without end'],
];

const brokenCases: HostileCase[] = BROKEN.map(([name, content, idea]) => ({
  name,
  idea,
  client: HEAD + content + SMUGGLED,
  expect: [
    refused(400),
    // What was good of the content may have gone on by then, the end of the request never.
    ...['', ' hell', ' hello', ' xx'].map((part) => ({
      statuses: [400],
      closes: true,
      origin: [`POST ${P}x${part}...`],
    })),
  ],
}));

const GOOD: readonly [string, string, string][] = [
  ['digits in both cases', 'A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n', '01234567890123456789'],
  ['leading zeros up to sixteen digits', '0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n', 'hello'],
  ['an extension is dropped', '5;a=b\r\nhello\r\n0;c\r\n\r\n', 'hello'],
  ['a quoted extension is dropped', '5;a="b;c\\"\r"\r\nhello\r\n0\r\n\r\n'.replace('\r"', '"'), 'hello'],
  ['content that looks like a last chunk', '7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n\r\n'],
  [
    'content that looks like a request',
    `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    SMUGGLED,
  ],
  ['many small chunks', `${'1\r\nx\r\n'.repeat(60)}0\r\n\r\n`, 'x'.repeat(60)],
];

const goodCases: HostileCase[] = GOOD.map(([name, content, text]) => ({
  name,
  idea: 'RFC 9112 7.1: what is legal passes, with the same content',
  client: HEAD + content + SMUGGLED,
  expect: served(`POST ${P}x ${text}`, `GET ${P}smuggled`),
}));

const otherCases: HostileCase[] = [
  {
    name: 'trailers stay behind the content',
    idea: 'RFC 9110 6.5.1: trailers are not merged into the head',
    client: `${HEAD}5\r\nhello\r\n0\r\nX-T: y\r\nX-Real-IP: 6.6.6.6\r\n\r\n`,
    expect: { ...served(`POST ${P}x hello`), withholds: /6\.6\.6\.6[^]*\r\n\r\n5\r\n/ },
  },
  {
    name: 'hop-by-hop trailers do not pass',
    idea: 'RFC 9110 7.6.1',
    client: `${HEAD}5\r\nhello\r\n0\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: x\r\nProxy-Connection: y\r\nX-T: y\r\n\r\n`,
    expect: [
      { ...served(`POST ${P}x hello`), withholds: /Keep-Alive|\nTE:|Upgrade|Proxy-Conn/i },
      { ...refused(400), origin: [`POST ${P}x hello...`] },
    ],
  },
  {
    name: 'a trailer that Connection names does not pass',
    idea: 'RFC 9110 7.6.1: nominated fields, wherever they stand',
    client: `${head(`POST ${P}x HTTP/1.1`, 'Connection: X-Secret', 'Transfer-Encoding: chunked')}0\r\nX-Secret: y\r\n\r\n`,
    expect: { ...served(`POST ${P}x`), withholds: /X-Secret/i },
  },
  {
    name: 'a trailer with an underscore does not pass where a field would not',
    idea: 'ignore_invalid_headers: X_Real_IP beside X-Real-IP for CGI-like origins',
    client: `${HEAD}0\r\nContent_Length: 5\r\nX-T: y\r\n\r\n`,
    expect: [
      { ...served(`POST ${P}x`), withholds: /Content_Length/i },
      { ...refused(400), origin: [`POST ${P}x...`] },
    ],
  },
  {
    name: 'chunk by chunk, octet by octet',
    idea: 'splits between any two octets',
    client: drip(`${HEAD}5;a=b\r\nhello\r\n0\r\nX-T: y\r\n\r\n`),
    expect: served(`POST ${P}x hello`),
  },
  {
    name: 'a broken chunk behind good ones, later',
    idea: 'B4: the origin never gets a last chunk',
    client: [`${HEAD}5\r\nhello\r\n`, LATER, `x\r\n${SMUGGLED}`],
    expect: [[], [`POST ${P}x...`], [`POST ${P}x hello...`]].map((origin) => ({
      statuses: [400],
      closes: true,
      origin,
    })),
  },
  {
    name: 'chunks that end with the connection',
    idea: 'RFC 9112 8: no last chunk is made up',
    client: [`${HEAD}5\r\nhello\r\n`, LATER, FIN],
    expect: [
      { statuses: [], closes: true, origin: [`POST ${P}x hello...`] },
      { statuses: [400], closes: true, origin: [`POST ${P}x hello...`] },
    ],
  },
  {
    name: 'chunks that are cut by a reset',
    idea: 'RFC 9112 8',
    // Long enough to be accepted on a busy machine: nothing is read of a client that has gone before.
    client: [`${HEAD}5\r\nhello\r\n`, 250, RST],
    expect: { statuses: [], origin: [`POST ${P}x hello...`] },
  },
  {
    name: 'content beyond client_max_body_size, in chunks',
    idea: 'client_max_body_size counts chunked content',
    client: `${HEAD}500000\r\n`,
    expect: [refused(413), { statuses: [413], closes: true, origin: [`POST ${P}x...`] }],
  },
  {
    name: 'content beyond client_max_body_size, by its length',
    idea: 'client_max_body_size',
    client: head(`POST ${P}x HTTP/1.1`, 'Content-Length: 5000000'),
    expect: refused(413),
  },
];

export const CHUNKED: Table = {
  title: 'chunked requests',
  cases: [...brokenCases, ...goodCases, ...otherCases],
};
