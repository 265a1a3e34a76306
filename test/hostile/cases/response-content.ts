/**
 * Response content: where it ends, what comes behind it, and answers that have none.
 */
import {
  bare,
  type Expected,
  head,
  type HostileCase,
  ok,
  served,
  servedLast,
  type Table,
} from '../corpus.js';
import { FIN, LATER, P, RST, until } from '../steps.js';

const SMUGGLED = head(`GET ${P}smuggled HTTP/1.1`);
const LINE = `GET ${P}x HTTP/1.1`;
const GET = `GET ${P}x`;
const GOOD = ok('good');
const EVIL = ok('evil');
const CHUNKED = bare('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
/** The answer breaks off; whoever reads it can tell. */
const CUT: Expected = { statuses: [200], closes: true, origin: [GET], isCut: true };

/** Chunks that must not pass for whole content. */
const BROKEN_CHUNKS: readonly [string, string][] = [
  ['a size that is no number', 'g\r\nevil\r\n0\r\n\r\n'],
  ['a size with a prefix', '0x4\r\nevil\r\n0\r\n\r\n'],
  ['a size with a sign', '+4\r\nevil\r\n0\r\n\r\n'],
  ['a negative size', '-1\r\nevil\r\n0\r\n\r\n'],
  ['a size beyond 64 bits', '10000000000000004\r\nevil\r\n0\r\n\r\n'],
  ['a size of 2^64 - 1', 'ffffffffffffffff\r\nevil\r\n0\r\n\r\n'],
  ['white space in front of a size', ' 4\r\nevil\r\n0\r\n\r\n'],
  ['an empty size', '\r\nevil\r\n0\r\n\r\n'],
  ['a bare LF behind a size', '4\nevil\r\n0\r\n\r\n'],
  ['a bare CR behind a size', '4\revil\r\n0\r\n\r\n'],
  ['a bare LF in an extension', '4;x\nevil\r\n0\r\n\r\n'],
  ['a NUL in an extension', '4;x\0\r\nevil\r\n0\r\n\r\n'],
  ['an extension without end', `4;${'x'.repeat(20_000)}\r\nevil\r\n0\r\n\r\n`],
  ['nothing behind a chunk', '4\r\nevil0\r\n\r\n'],
  ['a bare LF behind a chunk', '4\r\nevil\n0\r\n\r\n'],
  ['other octets behind a chunk', '4\r\nevilXX0\r\n\r\n'],
  ['a chunk longer than its size', '3\r\nevil\r\n0\r\n\r\n'],
  ['a bare LF behind the last chunk', '4\r\nevil\r\n0\n\r\n'],
  ['a bare LF for the empty line', '4\r\nevil\r\n0\r\n\n'],
  ['a trailer without a colon', '4\r\nevil\r\n0\r\nevil\r\n\r\n'],
  ['a folded trailer', '4\r\nevil\r\n0\r\nX: y\r\n z\r\n\r\n'],
  ['a trailer with a NUL', '4\r\nevil\r\n0\r\nX: y\0\r\n\r\n'],
  ['a length as a trailer', '4\r\nevil\r\n0\r\nContent-Length: 4\r\n\r\n'],
  ['a coding as a trailer', '4\r\nevil\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['trailers without end', `4\r\nevil\r\n0\r\n${'X: y\r\n'.repeat(5000)}\r\n`],
  ['leading zeros without end', `${'0'.repeat(5000)}4\r\nevil\r\n0\r\n\r\n`],
];
const brokenCases: HostileCase[] = BROKEN_CHUNKS.map(([name, content]) => ({
  name: `chunks: ${name}`,
  idea: 'RFC 9112 7.1, 8: content that broke is never ended as if it were whole',
  client: head(LINE) + SMUGGLED,
  origin: [[CHUNKED + content], [GOOD]],
  expect: [CUT, { statuses: [502], closes: true, origin: [GET] }],
}));
/** The same towards HTTP/1.0, where nothing but a reset shows. */
const brokenOldCases: HostileCase[] = BROKEN_CHUNKS.slice(0, 6).map(([name, content]) => ({
  name: `chunks towards HTTP/1.0: ${name}`,
  idea: 'RFC 9112 8: HTTP/1.0 sees a reset where content breaks off, not an end',
  client: bare(`GET ${P}x HTTP/1.0`, 'Host: h'),
  origin: [[`${CHUNKED}4\r\ngood\r\n`, LATER, content], [GOOD]],
  expect: [
    { statuses: [200], closes: true, origin: [GET], isCut: true },
    // A reset may overtake what was sent before it.
    { statuses: [], closes: true, origin: [GET] },
  ],
}));

/** Endings in front of the content's end. */
const ENDINGS: readonly [string, string, symbol][] = [
  ['a length, by an end', `${bare('HTTP/1.1 200 OK', 'Content-Length: 100')}evil`, FIN],
  ['a length, by a reset', `${bare('HTTP/1.1 200 OK', 'Content-Length: 100')}evil`, RST],
  ['chunks, by an end', `${CHUNKED}4\r\nevil\r\n`, FIN],
  ['chunks, by a reset', `${CHUNKED}4\r\nevil\r\n`, RST],
  ['chunks, inside a size', `${CHUNKED}4\r\nevil\r\n1`, FIN],
  ['chunks, behind the last size', `${CHUNKED}4\r\nevil\r\n0\r\n`, FIN],
  ['chunks, inside the last CRLF', `${CHUNKED}4\r\nevil\r\n0\r\n\r`, FIN],
  ['chunks, inside trailers', `${CHUNKED}4\r\nevil\r\n0\r\nX: y\r\n`, FIN],
  ['content up to the end, by a reset', `${bare('HTTP/1.1 200 OK')}evil`, RST],
];
const endingCases: HostileCase[] = ENDINGS.flatMap(([name, answer, end]) => [
  {
    name: `cut: ${name}`,
    idea: 'RFC 9112 8: incomplete messages never become complete ones',
    client: head(LINE) + SMUGGLED,
    origin: [[answer, LATER, end], [GOOD]],
    expect: [CUT, { statuses: [], closes: true, origin: [GET] }],
  },
  {
    name: `cut towards HTTP/1.0: ${name}`,
    idea: 'RFC 9112 8',
    client: bare(`GET ${P}x HTTP/1.0`, 'Host: h'),
    origin: [[answer, LATER, end], [GOOD]],
    expect: [
      { ...CUT, isCut: true },
      { statuses: [], closes: true, origin: [GET] },
    ],
  },
]);

/** Answers that have no content, whatever they say, and what comes behind them. */
const BARE_STATUSES: readonly [string, string, string, number][] = [
  ['HEAD with a length', 'HEAD', bare('HTTP/1.1 200 OK', 'Content-Length: 100'), 200],
  ['HEAD with chunks', 'HEAD', bare('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'), 200],
  ['HEAD with neither', 'HEAD', bare('HTTP/1.1 200 OK'), 200],
  ['204', 'GET', bare('HTTP/1.1 204 No'), 204],
  ['204 with a length', 'GET', bare('HTTP/1.1 204 No', 'Content-Length: 100'), 204],
  ['204 with chunks', 'GET', bare('HTTP/1.1 204 No', 'Transfer-Encoding: chunked'), 204],
  ['304', 'GET', bare('HTTP/1.1 304 No'), 304],
  ['304 with a length', 'GET', bare('HTTP/1.1 304 No', 'Content-Length: 100'), 304],
  ['304 with chunks', 'GET', bare('HTTP/1.1 304 No', 'Transfer-Encoding: chunked'), 304],
];
const bareCases: HostileCase[] = BARE_STATUSES.flatMap(([name, method, answer, status]) => {
  const first = `${method} ${P}x`;
  const common = { client: head(`${method} ${P}x HTTP/1.1`) + SMUGGLED, methods: [method, 'GET'] };
  return [
    {
      ...common,
      name: `no content with ${name}`,
      idea: 'RFC 9112 6.3 rule 1',
      origin: [[answer], [GOOD]],
      expect: { statuses: [status, 200], closes: false, origin: [first, `GET ${P}smuggled`], has: /good$/ },
    },
    {
      ...common,
      name: `content all the same with ${name}`,
      idea: 'response queue poisoning: content that was not to come is the next answer',
      origin: [[answer + EVIL], [GOOD]],
      expect: [
        {
          statuses: [status, 200],
          closes: false,
          origin: [first, `GET ${P}smuggled`],
          has: /good$/,
          lacks: /evil/,
        },
        { statuses: [status], closes: true, origin: [first], lacks: /evil/ },
      ],
    },
    {
      ...common,
      name: `content a moment later with ${name}`,
      idea: 'the same on a connection that is idle by then',
      client: [common.client.slice(0, -SMUGGLED.length), until('HTTP/1.1 '), 80, SMUGGLED],
      origin: [[answer, LATER, EVIL], [GOOD]],
      expect: {
        statuses: [status, 200],
        closes: false,
        origin: [first, `GET ${P}smuggled`],
        has: /good$/,
        lacks: /evil/,
      },
    },
  ];
});

const otherCases: HostileCase[] = [
  {
    name: 'content up to the end goes on in chunks',
    idea: 'RFC 9112 6.3 rule 8',
    client: head(LINE) + SMUGGLED,
    origin: [[bare('HTTP/1.1 200 OK') + 'good', FIN], [GOOD]],
    expect: { ...served(GET, `GET ${P}smuggled`), has: /Transfer-Encoding: chunked/ },
  },
  {
    name: 'content up to the end that looks like another answer is content',
    idea: 'response splitting',
    client: head(LINE) + SMUGGLED,
    origin: [[bare('HTTP/1.1 200 OK') + EVIL, FIN], [GOOD]],
    expect: { ...served(GET, `GET ${P}smuggled`), has: /good$/ },
  },
  {
    name: 'content that looks like another answer is content',
    idea: 'response splitting',
    client: head(LINE) + SMUGGLED,
    origin: [[ok(EVIL)], [GOOD]],
    expect: { ...served(GET, `GET ${P}smuggled`), has: /good$/ },
  },
  {
    name: 'chunked content towards HTTP/1.0 loses its chunks',
    idea: 'RFC 9112 7.1: no chunks to HTTP/1.0',
    client: bare(`GET ${P}x HTTP/1.0`, 'Host: h', 'Connection: keep-alive'),
    origin: [`${CHUNKED}4;x=y\r\ngood\r\n0\r\nX-T: y\r\n\r\n`],
    expect: { ...servedLast(GET), has: /\r\n\r\ngood$/, lacks: /chunked|X-T/i },
  },
  {
    name: 'extensions of chunks do not pass, trailers do, hop-by-hop ones do not',
    idea: 'RFC 9112 7.1.1, RFC 9110 6.5',
    client: head(LINE),
    origin: [`${CHUNKED}4;x="y;z"\r\ngood\r\n0;w\r\nX-T: y\r\nKeep-Alive: 5\r\nUpgrade: x\r\n\r\n`],
    expect: [{ ...served(GET), lacks: /Keep-Alive:|Upgrade|y;z/ }, CUT],
  },
  {
    name: 'a trailer that Connection names does not pass',
    idea: 'RFC 9110 7.6.1',
    client: head(LINE),
    origin: [
      `${bare('HTTP/1.1 200 OK', 'Connection: X-Hop', 'Transfer-Encoding: chunked')}4\r\ngood\r\n0\r\nX-Hop: y\r\n\r\n`,
    ],
    expect: { ...served(GET), lacks: /X-Hop/i },
  },
  {
    name: '205 with content is content, and nothing of it is another answer',
    idea: 'RFC 9110 15.3.6: framing goes by the fields',
    client: head(LINE) + SMUGGLED,
    origin: [[`${bare('HTTP/1.1 205 R', 'Content-Length: 4')}evil`], [GOOD]],
    expect: [
      { statuses: [205, 200], closes: false, origin: [GET, `GET ${P}smuggled`], has: /good$/ },
      { statuses: [205], closes: true, origin: [GET] },
    ],
  },
  {
    name: 'a large answer to a reader who stops',
    idea: 'backpressure: nothing is lost, nothing is mixed up',
    client: [head(LINE), 60, SMUGGLED],
    origin: [[ok('x'.repeat(3_000_000))], [GOOD]],
    expect: { ...served(GET, `GET ${P}smuggled`), has: /xgood$|xHTTP\/1\.1 200 OK[^]*good$/ },
  },
];

export const RESPONSE_CONTENT: Table = {
  title: 'response content',
  cases: [...brokenCases, ...brokenOldCases, ...endingCases, ...bareCases, ...otherCases],
};
