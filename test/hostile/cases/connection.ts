/**
 * Fields that belong to one connection, persistence, pipelining and expectations.
 */
import { bare, head, type HostileCase, refused, served, servedLast, type Table } from '../corpus.js';
import { EARLY, FIN, LATER, P, until, WHOLE } from '../steps.js';

const LINE = `GET ${P}x HTTP/1.1`;
const GET = `GET ${P}x`;
const SMUGGLED = head(`GET ${P}smuggled HTTP/1.1`);

/** Fields that a client may wish the proxy to drop on its way. */
const NOMINATED: readonly [string, string][] = [
  ['Cookie', 'a=b'],
  ['Authorization', 'Basic eDp5'],
  ['X-Forwarded-For', '6.6.6.6'],
  ['X-Real-IP', '6.6.6.6'],
  ['X-Custom', 'y'],
  ['Accept', '*/*'],
  ['Origin', 'http://h'],
  ['Content-Type', 'text/plain'],
  ['Via', '1.1 x'],
  ['Range', 'bytes=0-0'],
];

const CLOSES: readonly string[] = [
  'close',
  'Close',
  'CLOSE',
  'close ',
  ' close',
  'close\t',
  '\tclose',
  ',close',
  'close,',
  ', ,close',
  'keep-alive, close',
  'close, keep-alive',
  'x, close',
  'close,upgrade',
  'upgrade, close',
  'keep-alive\t,\tclose\t,',
];

/** Members that only look like close. */
const NOT_CLOSES: readonly string[] = ['closed', 'xclose', 'close-x', 'keep-alive', '', 'c l o s e', 'x'];

const closeCases: HostileCase[] = CLOSES.map((value) => ({
  name: `Connection: ${JSON.stringify(value)} closes`,
  idea: 'RFC 9112 9.6: close is a member of a list, over all lines, in any case',
  client: head(LINE, `Connection: ${value}`) + SMUGGLED,
  expect: servedLast(GET),
}));

const notCloseCases: HostileCase[] = NOT_CLOSES.map((value) => ({
  name: `Connection: ${JSON.stringify(value)} does not close`,
  idea: 'RFC 9112 9.6',
  client: head(LINE, `Connection: ${value}`) + SMUGGLED,
  expect: [served(GET, `GET ${P}smuggled`), refused(400)],
}));

const nominatedCases: HostileCase[] = NOMINATED.map(([name, value]) => ({
  name: `Connection: ${name}`,
  idea: 'hop-by-hop abuse: fields that are dropped on the way; what the proxy sets itself stays (RFC 9110 7.6.1)',
  client: head(LINE, `Connection: close, ${name}`, `${name}: ${value}`),
  expect: {
    ...servedLast(GET),
    ...(name.startsWith('X-R') || name.startsWith('X-F')
      ? { sends: new RegExp(`\\r\\n${name}: (?:6\\.6\\.6\\.6, )?127\\.0\\.0\\.1\\r\\n`) }
      : {}),
    // $proxy_add_x_forwarded_for goes by what was received.
    ...(name === 'X-Forwarded-For'
      ? {}
      : { withholds: new RegExp(`\\r\\n${name}: ${value.replace(/[*/.=]/g, '\\$&')}`) }),
  },
}));

const hopCases: HostileCase[] = [
  'Keep-Alive: timeout=99',
  'Proxy-Connection: keep-alive',
  'Proxy-Connection: close',
  'TE: trailers',
  'TE: gzip;q=0.5',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Connection: x\r\nConnection: y\r\nX: 1\r\nY: 2',
  'Connection: keep-alive\r\nKeep-Alive: 300',
  'Connection: Keep-Alive\r\nConnection: TE\r\nTE: trailers',
  'CONNECTION: X\r\nX: 1',
  'Connection: "x"',
  'Connection: @',
  'Connection: a b',
].map((lines) => ({
  name: `hop by hop: ${JSON.stringify(lines)}`,
  idea: 'RFC 9110 7.6.1: hop-by-hop fields go no further',
  client: head(LINE, lines),
  expect: [
    { ...served(GET), withholds: /\r\n(?:X|Y|TE|Upgrade|Keep-Alive|Proxy-Connection|Connection):/i },
    refused(400),
  ],
}));

const persistence: HostileCase[] = [
  {
    name: 'close in the second of two Connection lines',
    idea: 'RFC 9112 9.6',
    client: head(LINE, 'Connection: keep-alive', 'X: y', 'Connection: close') + SMUGGLED,
    expect: servedLast(GET),
  },
  {
    name: 'HTTP/1.0 closes',
    idea: 'RFC 9112 9.3',
    client: bare(`GET ${P}x HTTP/1.0`, 'Host: h') + SMUGGLED,
    expect: servedLast(GET),
  },
  {
    name: 'HTTP/1.0 with keep-alive goes on',
    idea: 'RFC 9112 9.3',
    client: bare(`GET ${P}x HTTP/1.0`, 'Host: h', 'Connection: Keep-Alive') + SMUGGLED,
    expect: [{ ...served(GET, `GET ${P}smuggled`), has: /Connection: keep-alive/i }, servedLast(GET)],
  },
  {
    name: 'HTTP/1.0 with keep-alive and close closes',
    idea: 'RFC 9112 9.3: close beats keep-alive',
    client: bare(`GET ${P}x HTTP/1.0`, 'Host: h', 'Connection: keep-alive, close') + SMUGGLED,
    expect: servedLast(GET),
  },
  {
    name: 'HTTP/1.0 with Proxy-Connection closes',
    idea: 'RFC 9112 C.2.2',
    client: bare(`GET ${P}x HTTP/1.0`, 'Host: h', 'Proxy-Connection: keep-alive') + SMUGGLED,
    expect: servedLast(GET),
  },
  {
    name: 'twenty requests at once are answered in order',
    idea: 'RFC 9112 9.3.2',
    client: Array.from({ length: 20 }, (_, i) => head(`GET ${P}${i} HTTP/1.1`)).join(''),
    expect: {
      ...served(...Array.from({ length: 20 }, (_, i) => `GET ${P}${i}`)),
      has: /\/0 0\][^]*\/9 0\][^]*\/19 0\]$/,
    },
  },
  {
    name: 'a bad request behind good ones ends them',
    idea: 'pipelining behind an error',
    client: `${head(LINE)}${head(`${LINE}x`)}${SMUGGLED}`,
    expect: refused(400, GET),
  },
  {
    name: 'a bad request behind content',
    idea: 'content one octet too long',
    client: `${head(`POST ${P}x HTTP/1.1`, 'Content-Length: 5')}hello!${SMUGGLED}`,
    expect: [served(`POST ${P}x hello`, `!GET ${P}smuggled`), refused(400, `POST ${P}x hello`)],
  },
  {
    name: 'a slow origin holds pipelined requests back, in order',
    idea: 'RFC 9112 9.3.2',
    client: head(`GET ${P}1 HTTP/1.1`) + head(`GET ${P}2 HTTP/1.1`),
    origin: [
      [60, 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo'],
    ],
    expect: { ...served(`GET ${P}1`, `GET ${P}2`), has: /one[^]*two$/ },
  },
  {
    name: 'a request behind a HEAD',
    idea: 'an answer to HEAD has no content, whatever its length says',
    client: head(`HEAD ${P}x HTTP/1.1`) + SMUGGLED,
    methods: ['HEAD'],
    expect: served(`HEAD ${P}x`, `GET ${P}smuggled`),
  },
  {
    name: 'a half-close behind a request still gets the answer',
    idea: 'RFC 9112 9.6: half-closed clients',
    client: [head(LINE), FIN],
    expect: servedLast(GET),
  },
  {
    name: 'a half-close inside a head',
    idea: 'RFC 9112 8',
    client: [head(LINE).slice(0, -3), FIN],
    expect: [{ statuses: [], closes: true, origin: [] }, refused(400)],
  },
];

const expectations: HostileCase[] = [
  {
    name: 'an unknown expectation',
    idea: 'RFC 9110 10.1.1: 417',
    client: `${head(`POST ${P}x HTTP/1.1`, 'Expect: 200-ok', 'Content-Length: 5')}hello${SMUGGLED}`,
    expect: refused(417),
  },
  ...[
    '100-continue, x',
    'x, 100-continue',
    '100-continue;q=1',
    '100-continu',
    '100 continue',
    '"100-continue"',
    '100-continue 100-continue',
    '100',
  ].map((value) => ({
    name: `Expect: ${value}`,
    idea: 'RFC 9110 10.1.1: expectations that one reader takes for 100-continue (0.CL by Expect)',
    client: `${head(`POST ${P}x HTTP/1.1`, `Expect: ${value}`, 'Content-Length: 5')}hello${SMUGGLED}`,
    expect: refused(417),
  })),
  {
    name: 'an empty expectation',
    idea: 'RFC 9110 10.1.1',
    client: `${head(`POST ${P}x HTTP/1.1`, 'Expect:', 'Content-Length: 5')}hello`,
    expect: [refused(417), served(`POST ${P}x hello`)],
  },
  {
    name: '100-continue: the 100 is relayed, then the content flows',
    idea: 'RFC 9110 10.1.1',
    client: [
      head(`POST ${P}x HTTP/1.1`, 'Expect: 100-continue', 'Content-Length: 5'),
      until('100 '),
      `hello${SMUGGLED}`,
    ],
    origin: [
      [EARLY, 'HTTP/1.1 100 Continue\r\n\r\n', WHOLE, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ],
    expect: { statuses: [100, 200, 200], closes: false, origin: [`POST ${P}x hello`, `GET ${P}smuggled`] },
  },
  {
    name: '100-continue: content that does not wait is content',
    idea: 'RFC 9110 10.1.1: a client may send it at once',
    client: `${head(`POST ${P}x HTTP/1.1`, 'Expect: 100-continue', 'Content-Length: 5')}hello${SMUGGLED}`,
    origin: [
      [EARLY, 'HTTP/1.1 100 Continue\r\n\r\n', WHOLE, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ],
    expect: [
      { statuses: [100, 200, 200], closes: false, origin: [`POST ${P}x hello`, `GET ${P}smuggled`] },
      served(`POST ${P}x hello`, `GET ${P}smuggled`),
    ],
  },
  {
    name: '100-continue refused by the origin: what comes behind is no request',
    idea: 'a final answer to 100-continue, then content that is a request (0.CL by Expect)',
    client: [
      head(`POST ${P}x HTTP/1.1`, 'Expect: 100-continue', `Content-Length: ${SMUGGLED.length}`),
      until('403'),
      SMUGGLED,
      LATER,
      SMUGGLED,
    ],
    origin: [EARLY, 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'],
    expect: [
      { statuses: [403], closes: true, origin: [`POST ${P}x...`] },
      { statuses: [403], closes: true, origin: [`POST ${P}x ${SMUGGLED}`] },
    ],
  },
  {
    name: '100-continue with GET and no content',
    idea: 'Expect on requests without content: readers that wait for some (0.CL by Expect)',
    client: head(LINE, 'Expect: 100-continue') + SMUGGLED,
    expect: [
      { statuses: [100, 200, 200], closes: false, origin: [GET, `GET ${P}smuggled`] },
      served(GET, `GET ${P}smuggled`),
    ],
  },
  {
    name: '100-continue in HTTP/1.0 is no expectation',
    idea: 'RFC 9110 10.1.1: ignored in HTTP/1.0; no 100 goes to HTTP/1.0',
    client: `${bare(`POST ${P}x HTTP/1.0`, 'Host: h', 'Expect: 100-continue', 'Content-Length: 5')}hello`,
    expect: servedLast(`POST ${P}x hello`),
  },
  {
    name: '100-continue on two lines',
    idea: 'RFC 9110 10.1.1',
    client: `${head(`POST ${P}x HTTP/1.1`, 'Expect: 100-continue', 'expect: 100-CONTINUE', 'Content-Length: 5')}hello`,
    expect: [
      { statuses: [100, 200], closes: false, origin: [`POST ${P}x hello`] },
      served(`POST ${P}x hello`),
      refused(417),
    ],
  },
  {
    name: '100-continue that Connection names',
    idea: 'hop-by-hop abuse: the origin must not be left waiting for content that waits for its 100',
    client: [
      head(`POST ${P}x HTTP/1.1`, 'Connection: Expect', 'Expect: 100-continue', 'Content-Length: 5'),
      until('HTTP/1.1 '),
      'hello',
    ],
    expect: [
      { statuses: [100, 200], closes: false, origin: [`POST ${P}x hello`] },
      refused(417),
      refused(400),
    ],
  },
];

export const CONNECTION: Table = {
  title: 'connections and expectations',
  cases: [...closeCases, ...notCloseCases, ...nominatedCases, ...hopCases, ...persistence, ...expectations],
};
