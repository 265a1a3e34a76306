/**
 * Origins that answer too early, too often, too late or not at all; and connections to them that are used again.
 */
import {
  bare,
  type Expected,
  head,
  type HostileCase,
  ok,
  refused,
  served,
  servedLast,
  type Table,
} from '../corpus.js';
import { EARLY, FIN, LATER, P, RST, until, WHOLE } from '../steps.js';

const LINE = `GET ${P}x HTTP/1.1`;
const GET = `GET ${P}x`;
const NEXT = head(`GET ${P}next HTTP/1.1`);
const BOTH = [GET, `GET ${P}next`];
const GOOD = ok('good');
const EVIL = ok('evil');
const POST = head(`POST ${P}x HTTP/1.1`, 'Content-Length: 50');

/** The second request gets its own answer, never what the origin sent for nobody. */
const UNPOISONED: Expected = { ...served(...BOTH), has: /good[^]*good$/, lacks: /evil/ };

/** Octets behind a whole answer, by when they come. */
const EXCESS: readonly [string, string][] = [
  ['a second answer', EVIL],
  ['half of a second answer', EVIL.slice(0, 30)],
  ['one octet', 'e'],
  ['an empty line', '\r\n'],
  ['an interim answer', bare('HTTP/1.1 100 evil')],
  ['a 101', bare('HTTP/1.1 101 evil', 'Connection: Upgrade', 'Upgrade: websocket')],
  ['a 408 of an impatient origin', bare('HTTP/1.1 408 evil', 'Connection: close', 'Content-Length: 0')],
  ['nonsense', 'evil nonsense\r\n\r\n'],
];
const excessCases: HostileCase[] = EXCESS.flatMap(([name, octets]) => [
  {
    name: `${name} behind an answer, with it`,
    idea: "response queue poisoning: octets that no request asked for are the next client's answer",
    client: [head(LINE), until('good'), NEXT],
    origin: [[GOOD + octets], [GOOD]],
    expect: UNPOISONED,
  },
  {
    name: `${name} behind an answer, later`,
    idea: 'octets on an idle connection of the pool',
    client: [head(LINE), until('good'), 100, NEXT],
    origin: [[GOOD, LATER, octets], [GOOD]],
    expect: UNPOISONED,
  },
  {
    name: `${name} behind a chunked answer`,
    idea: 'response queue poisoning behind chunks',
    client: head(LINE) + NEXT,
    origin: [
      [`${bare('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}4\r\ngood\r\n0\r\n\r\n${octets}`],
      [GOOD],
    ],
    expect: UNPOISONED,
  },
]);

/** An answer of so many octets, head and all. */
function filling(octets: number): string {
  const length = octets - ok('x'.repeat(octets / 2)).length + octets / 2;
  return ok('good'.padStart(length, 'x'));
}

/** Answers that fill a read to its last octet, so that what comes behind them is not seen with them. */
const alignedCases: HostileCase[] = [0x10000, 0x20000, 0x40000, 0x50000].map((octets) => ({
  name: `a second answer behind one of ${octets} octets`,
  idea: 'response queue poisoning: the excess is in the next read, the connection already used again',
  client: head(LINE) + NEXT,
  origin: [[filling(octets) + EVIL], [GOOD]],
  expect: UNPOISONED,
}));

const poolCases: HostileCase[] = [
  {
    name: 'an idle connection that ends is not used',
    idea: 'RFC 9112 9.6: stale connections',
    client: [head(LINE), until('good'), 80, NEXT],
    origin: [[GOOD, LATER, FIN], [GOOD]],
    expect: UNPOISONED,
  },
  {
    name: 'an idle connection that resets is not used',
    idea: 'RFC 9112 9.6',
    client: [head(LINE), until('good'), 80, NEXT],
    origin: [[GOOD, LATER, RST], [GOOD]],
    expect: UNPOISONED,
  },
  {
    name: 'a connection that ends as it is used again: a GET is sent once more',
    idea: 'RFC 9112 9.3.1: idempotent requests are repeated, once, on a fresh connection',
    client: [head(LINE), until('good'), NEXT],
    origin: [[GOOD], [FIN], [GOOD]],
    expect: { statuses: [200, 200], closes: false, origin: [GET, `GET ${P}next`, `GET ${P}next`] },
  },
  {
    name: 'a connection that ends as it is used again: a POST is not',
    idea: 'RFC 9110 9.2.2: what is not idempotent is not repeated',
    client: [head(LINE), until('good'), head(`POST ${P}next HTTP/1.1`, 'Content-Length: 0')],
    origin: [[GOOD], [FIN], [GOOD]],
    expect: { statuses: [200, 502], closes: false, origin: [GET, `POST ${P}next`] },
  },
  {
    name: 'a connection that resets inside the head of an answer',
    idea: 'RFC 9110 9.2.2',
    client: [head(LINE), until('good'), NEXT],
    origin: [[GOOD], ['HTTP/1.1 2', LATER, RST], [GOOD]],
    expect: [
      { statuses: [200, 502], closes: false, origin: BOTH },
      { statuses: [200, 200], closes: false, origin: [...BOTH, `GET ${P}next`] },
    ],
  },
  {
    name: 'an answer marked close: its connection is not used again',
    idea: 'RFC 9112 9.6',
    client: [head(LINE), until('good'), NEXT],
    origin: [[`${bare('HTTP/1.1 200 OK', 'Connection: close', 'Content-Length: 4')}good`, 100, EVIL], [GOOD]],
    expect: UNPOISONED,
  },
  {
    name: 'an HTTP/1.0 answer without keep-alive: its connection is not used again',
    idea: 'RFC 9112 9.3',
    client: [head(LINE), until('good'), NEXT],
    origin: [[`${bare('HTTP/1.0 200 OK', 'Content-Length: 4')}good`, 100, EVIL], [GOOD]],
    expect: UNPOISONED,
  },
  {
    name: 'an origin that speaks first',
    idea: 'an answer in front of any request (RFC 9112 9.2)',
    client: [head(LINE), 60, NEXT],
    greeting: [ok('good')],
    origin: [[GOOD]],
    expect: [
      { statuses: [200, 200], closes: false, origin: BOTH },
      { statuses: [502, 502], closes: false, origin: BOTH },
      { statuses: [502, 502], closes: false, origin: [] },
    ],
  },
];

const earlyCases: HostileCase[] = [
  {
    name: 'a final answer in front of the content: what still comes is no request',
    idea: 'early answers (RFC 9112 9.3): the rest of the content is content, or the connection closes',
    client: [`${POST}hello`, until('good'), NEXT, LATER, NEXT],
    origin: [[EARLY, GOOD]],
    expect: ['', ' hello', ` hello${NEXT}`.slice(0, 51)].map((part) => ({
      statuses: [200],
      closes: true,
      origin: [`POST ${P}x${part}${part.length === 51 ? '' : '...'}`],
    })),
  },
  {
    name: 'a final answer in front of chunked content',
    idea: 'early answers',
    client: [
      `${head(`POST ${P}x HTTP/1.1`, 'Transfer-Encoding: chunked')}5\r\nhello\r\n`,
      until('good'),
      `0\r\n\r\n${NEXT}`,
    ],
    origin: [[EARLY, GOOD]],
    expect: ['...', ' hello...', ' hello'].map((part) => ({
      statuses: [200],
      closes: true,
      origin: [`POST ${P}x${part}`],
    })),
  },
  {
    name: 'a final answer and an end in front of the content',
    idea: 'early answers: the answer must arrive though the rest cannot be sent',
    client: [
      `${head(`POST ${P}x HTTP/1.1`, 'Content-Length: 300000')}${'x'.repeat(150_000)}`,
      LATER,
      'x'.repeat(150_000),
    ],
    origin: [[EARLY, ok('good', 'Connection: close'), FIN]],
    expect: { statuses: [200] },
  },
  {
    name: "a final answer in two parts around the content's end",
    idea: 'early answers that end after the request',
    client: [`${POST}${'x'.repeat(20)}`, until('go'), 'x'.repeat(30) + NEXT],
    origin: [[EARLY, GOOD.slice(0, -2), WHOLE, 'od'], [GOOD]],
    expect: [
      { statuses: [200], closes: true, origin: [`POST ${P}x ${'x'.repeat(50)}`] },
      { statuses: [200, 200], closes: false, origin: [`POST ${P}x ${'x'.repeat(50)}`, `GET ${P}next`] },
    ],
  },
];

const interimCases: HostileCase[] = [
  {
    name: 'interim answers pass, in order, in front of the final one',
    idea: 'RFC 9110 15.2',
    client: head(LINE) + NEXT,
    origin: [
      [bare('HTTP/1.1 100 C') + bare('HTTP/1.1 102 P') + bare('HTTP/1.1 103 E', 'Link: </x>') + GOOD],
      [GOOD],
    ],
    expect: { statuses: [100, 102, 103, 200, 200], closes: false, origin: BOTH },
  },
  {
    name: 'a flood of interim answers',
    idea: 'RFC 9110 15.2: any number',
    client: head(LINE),
    origin: [bare('HTTP/1.1 103 E').repeat(300) + GOOD],
    expect: { statuses: [...Array.from({ length: 300 }, () => 103), 200], closes: false, origin: [GET] },
  },
  {
    name: 'interim answers never reach HTTP/1.0',
    idea: 'RFC 9110 15.2',
    client: bare(`GET ${P}x HTTP/1.0`, 'Host: h'),
    origin: [bare('HTTP/1.1 100 C') + bare('HTTP/1.1 103 E') + GOOD],
    expect: servedLast(GET),
  },
  {
    name: 'an interim answer with a length or a coding has no content',
    idea: 'RFC 9112 6.3 rule 1: content of a 1xx would be the answer',
    client: head(LINE) + NEXT,
    origin: [
      [
        bare('HTTP/1.1 103 E', 'Content-Length: 4') +
          bare('HTTP/1.1 103 E', 'Transfer-Encoding: chunked') +
          GOOD,
      ],
      [GOOD],
    ],
    expect: [
      { statuses: [103, 103, 200, 200], closes: false, origin: BOTH },
      { statuses: [502, 200], closes: false, origin: BOTH },
    ],
  },
  {
    name: 'an interim answer and an end',
    idea: 'no final answer: 502',
    client: head(LINE) + NEXT,
    origin: [[bare('HTTP/1.1 103 E'), LATER, FIN], [GOOD]],
    expect: { statuses: [103, 502, 200], closes: false, origin: BOTH },
  },
  {
    name: 'interim answers without end and a client that leaves',
    idea: 'RFC 9110 15.2',
    client: [head(LINE), until('103'), RST],
    origin: [bare('HTTP/1.1 103 E'), LATER, bare('HTTP/1.1 103 E'), LATER, bare('HTTP/1.1 103 E')],
    expect: [[103], [103, 103], [103, 103, 103]].map((statuses) => ({ statuses, origin: [GET] })),
  },
];

const deadCases: HostileCase[] = [
  ['ends at once', [FIN]],
  ['resets at once', [RST]],
  ['ends inside the status line', ['HTTP/1.1 20', LATER, FIN]],
  ['ends inside the fields', ['HTTP/1.1 200 OK\r\nContent-Le', LATER, FIN]],
  ['ends in front of the empty line', ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n', LATER, FIN]],
  ['resets inside the head', ['HTTP/1.1 200 OK\r\n', LATER, RST]],
].map(([name, script]) => ({
  name: `an origin that ${name as string}: 502, and the connection goes on`,
  idea: 'RFC 9110 15.6.3',
  client: head(LINE) + NEXT,
  origin: [script as (string | number | symbol)[], [GOOD]],
  expect: { statuses: [502, 200], closes: false, origin: BOTH },
}));

const otherCases: HostileCase[] = [
  {
    name: 'an origin that says nothing: 504',
    idea: 'proxy_read_timeout',
    client: head(LINE),
    origin: [4000],
    isSlow: true,
    expect: { statuses: [504], origin: [GET] },
  },
  {
    name: 'an origin whose content stalls: cut',
    idea: 'proxy_read_timeout',
    client: head(LINE),
    origin: [`${bare('HTTP/1.1 200 OK', 'Content-Length: 100')}evil`, 4000],
    isSlow: true,
    expect: { statuses: [200], closes: true, origin: [GET], isCut: true },
  },
  {
    name: 'an answer drop by drop',
    idea: 'splits between any two octets',
    client: head(LINE) + NEXT,
    origin: [
      [{ drip: GOOD }],
      [{ drip: `${bare('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}4\r\ngood\r\n0\r\nX: y\r\n\r\n` }],
    ],
    expect: served(...BOTH),
  },
  {
    name: 'a client that resets while it waits, and another one',
    idea: "the answer to who left is nobody else's",
    client: [head(LINE), 200, RST],
    origin: [[400, EVIL]],
    expect: { statuses: [], origin: [GET] },
  },
  {
    name: 'a client that ends and leaves while it waits for content',
    idea: "the rest of content for who left is nobody else's",
    client: [head(LINE), until('200'), RST],
    origin: [[`${bare('HTTP/1.1 200 OK', 'Content-Length: 8')}evil`, 100, 'evil']],
    expect: { statuses: [200], origin: [GET], isCut: true },
  },
  {
    name: 'a refused request behind one that is being answered',
    idea: 'answers in order (RFC 9112 9.3.2)',
    client: `${head(LINE)}bad\r\n\r\n`,
    origin: [[60, GOOD]],
    expect: { ...refused(400, GET), has: /good[^]*400 Bad/ },
  },
  {
    name: 'chunked content that grows beyond client_max_body_size',
    idea: 'client_max_body_size in the middle of content',
    client: `${head(`POST ${P}x HTTP/1.1`, 'Transfer-Encoding: chunked')}100000\r\n${'x'.repeat(0x100000)}\r\n400000\r\n`,
    expect: { statuses: [413], closes: true },
  },
];

export const EXCHANGES: Table = {
  title: 'origins and their connections',
  cases: [
    ...excessCases,
    ...alignedCases,
    ...poolCases,
    ...earlyCases,
    ...interimCases,
    ...deadCases,
    ...otherCases,
  ],
};
