/**
 * Heads and content at the limits, one octet beyond them, far beyond them, and drop by drop.
 */
import { bare, head, type HostileCase, refused, served, servedLast, type Table } from '../corpus.js';
import { drip, P } from '../steps.js';

const LINE = `GET ${P}x HTTP/1.1`;
const GET = `GET ${P}x`;
const SMUGGLED = head(`GET ${P}smuggled HTTP/1.1`);
/** large_client_header_buffers 4 8k: the longest line, its CRLF excluded. */
const LINE_OCTETS = 8190;

const lineCases: HostileCase[] = [-1, 0, 1, 2, 3, 100, 60_000].map((more) => {
  const target = P.padEnd(LINE_OCTETS + more - 'GET  HTTP/1.1'.length, 'x');
  return {
    name: `a request line of ${LINE_OCTETS + more} octets`,
    idea: 'large_client_header_buffers: the longest request line',
    client: head(`GET ${target} HTTP/1.1`) + SMUGGLED,
    expect: more > 2 ? refused(414) : [served(`GET ${target}`, `GET ${P}smuggled`), refused(414)],
  };
});

const fieldCases: HostileCase[] = [-1, 0, 1, 2, 3, 100, 60_000].map((more) => ({
  name: `a field line of ${LINE_OCTETS + more} octets`,
  idea: 'large_client_header_buffers: the longest field line',
  client: head(LINE, 'X: '.padEnd(LINE_OCTETS + more, 'y')) + SMUGGLED,
  expect: more > 2 ? refused(431) : [served(GET, `GET ${P}smuggled`), refused(431)],
}));

const cases: HostileCase[] = [
  {
    name: 'a field name without end',
    idea: 'large_client_header_buffers',
    client: `${LINE}\r\nHost: h\r\n${'X'.repeat(100_000)}`,
    expect: refused(431),
  },
  {
    name: 'a field value without end',
    idea: 'large_client_header_buffers',
    client: `${LINE}\r\nHost: h\r\nX: ${'y'.repeat(100_000)}`,
    expect: refused(431),
  },
  {
    name: 'a request line without end',
    idea: 'large_client_header_buffers',
    client: `GET ${P}${'x'.repeat(100_000)}`,
    expect: refused(414),
  },
  {
    name: 'fields without end',
    idea: 'max_headers',
    client: `${LINE}\r\nHost: h\r\n${'X: y\r\n'.repeat(20_000)}`,
    expect: refused(431),
  },
  {
    name: 'more fields than allowed',
    idea: 'max_headers 1000',
    client: head(LINE, ...Array.from({ length: 1001 }, () => 'X: y')) + SMUGGLED,
    expect: refused(431),
  },
  {
    name: 'many fields',
    idea: 'max_headers 1000',
    client: head(LINE, ...Array.from({ length: 900 }, () => 'X: y')) + SMUGGLED,
    expect: served(GET, `GET ${P}smuggled`),
  },
  {
    name: 'a Content-Length field line without end',
    idea: 'limits come before meaning',
    client: head(LINE, `Content-Length: ${'0'.repeat(20_000)}5`),
    expect: refused(431),
  },
  {
    name: 'a Connection field with thousands of members',
    idea: 'members times fields: quadratic work',
    client: head(
      LINE,
      `Connection: ${'x,'.repeat(3900)}close`,
      ...Array.from({ length: 500 }, (_, i) => `X${i}: y`),
    ),
    expect: servedLast(GET),
  },
  {
    name: 'nothing but commas in Connection',
    idea: 'RFC 9110 5.6.1: empty members, a reasonable number',
    client: head(LINE, `Connection: ${','.repeat(8000)}`),
    expect: [served(GET), refused(400)],
  },
  {
    name: 'a head that comes drop by drop',
    idea: 'slow heads: complete within the time, they are served',
    client: drip(head(LINE)),
    expect: served(GET),
  },
  {
    name: 'a head that never ends',
    idea: 'client_header_timeout',
    isSlow: true,
    client: `${LINE}\r\nHost: h\r\n`,
    expect: [refused(408), { statuses: [], closes: true, origin: [] }],
  },
  {
    name: 'a head whose drops do not put the timeout off',
    idea: 'client_header_timeout is for the whole head (slowloris)',
    isSlow: true,
    client: [`${LINE}\r\nHost: h\r\n`, ...Array.from({ length: 8 }, (_, i) => [`X${i}: y\r\n`, 330]).flat()],
    expect: [refused(408), { statuses: [], closes: true, origin: [] }],
  },
  {
    name: 'content that never ends',
    idea: 'client_body_timeout',
    isSlow: true,
    client: `${head(`POST ${P}x HTTP/1.1`, 'Content-Length: 50')}hello`,
    expect: [
      { statuses: [408], closes: true, origin: [`POST ${P}x hello...`] },
      { statuses: [], closes: true, origin: [`POST ${P}x hello...`] },
    ],
  },
  {
    name: 'a thousand pipelined requests',
    idea: 'pipelining: bounded, in order, all answered',
    client: head(LINE).repeat(1000),
    expect: served(...Array.from({ length: 1000 }, () => GET)),
  },
  {
    name: 'a connection that says nothing',
    idea: 'client_header_timeout counts from the accept',
    isSlow: true,
    client: '',
    expect: [{ statuses: [], closes: true, origin: [] }, refused(408)],
  },
  {
    name: 'nothing but an empty line',
    idea: 'client_header_timeout',
    isSlow: true,
    client: '\r\n',
    expect: [{ statuses: [], closes: true, origin: [] }, refused(408)],
  },
  {
    name: 'a large head in small pieces',
    idea: 'heads across any number of reads',
    client: [
      ...(head(LINE, `X: ${'y'.repeat(6000)}`, `Y: ${'z'.repeat(6000)}`).match(/[^]{1,500}/g) ?? []),
    ].flatMap((piece) => [piece, 1]),
    expect: { ...served(GET), sends: /X: y{6000}\r\nY: z{6000}\r\n/ },
  },
  {
    name: 'a large head of an HTTP/1.0 request',
    idea: 'limits are the same for all versions',
    client: bare(`GET ${P}x HTTP/1.0`, `X: ${'y'.repeat(60_000)}`),
    expect: refused(431),
  },
];

export const LIMITS: Table = { title: 'limits', cases: [...lineCases, ...fieldCases, ...cases] };
