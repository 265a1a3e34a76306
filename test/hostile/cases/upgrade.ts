/**
 * Switches of protocols, offered and unasked, and CONNECT.
 */
import {
  bare,
  type Expected,
  head,
  type HostileCase,
  refused,
  served,
  servedLast,
  type Table,
} from '../corpus.js';
import { EARLY, FIN, LATER, P, RST, until, WHOLE } from '../steps.js';

const LINE = `GET ${P}ws HTTP/1.1`;
const GET = `GET ${P}ws`;
const SMUGGLED = head(`GET ${P}smuggled HTTP/1.1`);
const OFFER = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
];
const HANDSHAKE = head(LINE, ...OFFER);
const SWITCH = bare('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket');
const EMPTY = bare('HTTP/1.1 200 OK', 'Content-Length: 0');
/** What a 101 that nobody may believe comes to. */
const BAD_GATEWAY: readonly Expected[] = [
  { statuses: [502], origin: [GET] },
  { statuses: [502, 502], origin: [GET, `GET ${P}smuggled`] },
  { statuses: [502, 200], origin: [GET, `GET ${P}smuggled`] },
];

/** Answers of 101 to a proper offer that are none. */
const BAD_SWITCHES: readonly [string, string][] = [
  ['without Upgrade', bare('HTTP/1.1 101 S', 'Connection: Upgrade')],
  ['with an empty Upgrade', bare('HTTP/1.1 101 S', 'Connection: Upgrade', 'Upgrade:')],
  ['to another protocol', bare('HTTP/1.1 101 S', 'Connection: Upgrade', 'Upgrade: h2c')],
  ['to one more protocol', bare('HTTP/1.1 101 S', 'Connection: Upgrade', 'Upgrade: websocket, h2c')],
  ['with nothing at all', bare('HTTP/1.1 101 S')],
  [
    'with two lengths',
    bare(
      'HTTP/1.1 101 S',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Content-Length: 1',
      'Content-Length: 2',
    ),
  ],
  [
    'with a length and a coding',
    bare(
      'HTTP/1.1 101 S',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Content-Length: 1',
      'Transfer-Encoding: chunked',
    ),
  ],
  ['with a bare LF', 'HTTP/1.1 101 S\nConnection: Upgrade\nUpgrade: websocket\n\n'],
  ['of another version', bare('HTTP/2.0 101 S', 'Connection: Upgrade', 'Upgrade: websocket')],
];

/** Requests that offer nothing by RFC 9110 7.8. */
const NO_OFFERS: readonly [string, string][] = [
  ['no Connection', head(LINE, 'Upgrade: websocket')],
  ['no Upgrade', head(LINE, 'Connection: Upgrade')],
  ['an empty Upgrade', head(LINE, 'Connection: Upgrade', 'Upgrade:')],
  ['Connection without the member', head(LINE, 'Connection: keep-alive', 'Upgrade: websocket')],
  ['a member that only looks like it', head(LINE, 'Connection: xupgrade, upgrade-x', 'Upgrade: websocket')],
  ['a member with something behind', head(LINE, 'Connection: upgrade;q=1', 'Upgrade: websocket')],
  ['a name that only looks like it', head(LINE, 'Connection: Upgrade', 'Upgrade_: websocket')],
];

const unaskedCases: HostileCase[] = [
  ['a plain GET', head(`GET ${P}ws HTTP/1.1`)],
  ...NO_OFFERS,
  ['HTTP/1.0', bare(`GET ${P}ws HTTP/1.0`, 'Host: h', ...OFFER)],
].map(([name, client]) => ({
  name: `a 101 to a request without an offer: ${name}`,
  idea: 'RFC 9110 15.2.2: a 101 unasked would open a tunnel into the origin (or past the cache and the rules)',
  client: client + SMUGGLED,
  origin: [[SWITCH, 'stolen'], [EMPTY]],
  expect: [...BAD_GATEWAY, { statuses: [502], closes: true, origin: [GET] }],
}));

const noOfferCases: HostileCase[] = NO_OFFERS.map(([name, client]) => ({
  name: `no offer: ${name}`,
  idea: 'RFC 9110 7.8: without a proper offer neither Upgrade nor Connection: upgrade goes on',
  client: client + SMUGGLED,
  expect: [{ ...served(GET, `GET ${P}smuggled`), withholds: /upgrade/i }, refused(400)],
}));

const badSwitchCases: HostileCase[] = BAD_SWITCHES.map(([name, answer]) => ({
  name: `a 101 ${name}`,
  idea: 'RFC 9110 7.8, 15.2.2: readers that believe any 101',
  client: [HANDSHAKE, LATER, SMUGGLED],
  origin: [[answer, 'stolen'], [EMPTY]],
  expect: BAD_GATEWAY,
}));

/** Other statuses than 101: what the client sent early is the next request. */
const refusals: HostileCase[] = [200, 400, 403, 426, 500].map((status) => ({
  name: `an offer answered by ${status}: what waits is the next request`,
  idea: 'websocket smuggling: a proxy that opens the tunnel before it has seen the 101 (wrong version, 426)',
  client: HANDSHAKE + SMUGGLED,
  origin: [[`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`], [EMPTY]],
  expect: { statuses: [status, 200], closes: false, origin: [GET, `GET ${P}smuggled`] },
}));

const switches: HostileCase[] = [
  {
    name: 'a tunnel: octets that come with the heads go first, both ways',
    idea: 'first frames lost or doubled',
    client: [`${HANDSHAKE}early`, until('early'), LATER, 'more', until('more'), FIN],
    origin: [[SWITCH + 'early', until('early'), 'more', until('more'), FIN]],
    expect: { statuses: [101], closes: true, origin: [GET], tunnel: ['earlymore', 'earlymore'] },
  },
  ...[0x10000, 0x20000, 0x40000].map((octets) => ({
    name: `a tunnel: ${octets} octets at once, with the heads and behind them`,
    idea: 'reads that are filled to their last octet; what comes with a head and what comes behind it',
    client: [
      HANDSHAKE + 'a'.repeat(octets - HANDSHAKE.length),
      until('101'),
      'b'.repeat(octets),
      until('y'.repeat(octets)),
      FIN,
    ],
    origin: [
      [
        SWITCH + 'x'.repeat(octets - SWITCH.length),
        until('b'.repeat(octets)),
        'y'.repeat(octets),
        LATER,
        FIN,
      ],
    ],
    expect: {
      statuses: [101],
      closes: true,
      origin: [GET],
      tunnel: [
        'x'.repeat(octets - SWITCH.length) + 'y'.repeat(octets),
        'a'.repeat(octets - HANDSHAKE.length) + 'b'.repeat(octets),
      ] as const,
    },
  })),
  {
    name: 'a request in a tunnel is no request',
    idea: 'readers that go on reading requests',
    client: [HANDSHAKE, until('101'), SMUGGLED, LATER, FIN],
    origin: [[SWITCH, until('smuggled'), bare('HTTP/1.1 200 OK'), FIN]],
    expect: { statuses: [101], closes: true, origin: [GET], tunnel: [bare('HTTP/1.1 200 OK'), SMUGGLED] },
  },
  {
    name: 'an offer in any case, over several lines, of several protocols',
    idea: 'RFC 9110 7.8: lists over all lines, in any case',
    client: [
      head(LINE, 'connection: x', 'CONNECTION: keep-alive, UPGRADE', 'upgrade: foo/1, WebSocket'),
      until('101'),
      'ping',
      until('pong'),
      FIN,
    ],
    origin: [[SWITCH, until('ping'), 'pong', FIN]],
    expect: { statuses: [101], closes: true, origin: [GET], tunnel: ['pong', 'ping'] },
  },
  {
    name: 'a 101 behind a 100 and a 103',
    idea: '101 behind other interim answers',
    client: [HANDSHAKE, until('pong'), FIN],
    origin: [
      ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n', SWITCH, 'pong', FIN],
    ],
    expect: { statuses: [100, 103, 101], closes: true, origin: [GET], tunnel: ['pong', ''] },
  },
  {
    name: 'close and upgrade at once: an offer, and closed behind a refusal',
    idea: 'Connection: close, upgrade',
    client: head(LINE, 'Connection: close, upgrade', 'Upgrade: websocket') + SMUGGLED,
    origin: [['HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n']],
    expect: { statuses: [403], closes: true, origin: [GET] },
  },
  {
    name: 'an offer with content: the content is content, and the switch comes behind it',
    idea: "content of an upgrade request taken for the tunnel's (or for a request)",
    client: [
      `${head(`POST ${P}ws HTTP/1.1`, ...OFFER, 'Content-Length: 5')}hello`,
      until('pong'),
      'ping',
      LATER,
      FIN,
    ],
    origin: [[SWITCH, 'pong', until('ping'), FIN]],
    expect: { statuses: [101], closes: true, origin: [`POST ${P}ws hello`], tunnel: ['pong', 'ping'] },
  },
  {
    name: "a 101 in front of the content's end",
    idea: "101 to a POST with incomplete content: what still comes would be the tunnel's for one and content for the other",
    client: [`${head(`POST ${P}ws HTTP/1.1`, ...OFFER, 'Content-Length: 50')}hello`, LATER, SMUGGLED],
    origin: [[EARLY, SWITCH, 'stolen']],
    expect: [
      { statuses: [502] },
      // What comes behind the content is the next request, by the full rules.
      { statuses: [502, 400] },
    ],
  },
  {
    name: 'an offer with chunked content, and a refusal',
    idea: 'content of an upgrade request',
    client: `${head(`POST ${P}ws HTTP/1.1`, ...OFFER, 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`,
    origin: [[WHOLE, 'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n'], [EMPTY]],
    expect: { statuses: [403, 200], closes: false, origin: [`POST ${P}ws hello`, `GET ${P}smuggled`] },
  },
  {
    name: 'an offer with both lengths',
    idea: 'the rules of framing hold for offers',
    client: `${head(LINE, ...OFFER, 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n${SMUGGLED}`,
    expect: refused(400),
  },
  {
    name: 'an offer to an origin that never answers: octets that come early are held, bounded, and go nowhere',
    idea: 'octets in front of the 101',
    client: [HANDSHAKE, 'x'.repeat(200_000), 120, RST],
    origin: [200, RST],
    expect: { statuses: [], origin: [GET] },
  },
  {
    name: 'a tunnel whose origin resets',
    idea: 'what came is flushed, then the tunnel closes',
    client: [HANDSHAKE, until('last')],
    origin: [[SWITCH, 'last', LATER, RST]],
    expect: { statuses: [101], closes: true, origin: [GET], tunnel: ['last', ''] },
  },
  {
    name: 'a tunnel whose client resets',
    idea: 'the origin is told',
    client: [HANDSHAKE, until('101'), 'ping', LATER, RST],
    origin: [[SWITCH, until('ping')]],
    expect: { statuses: [101], origin: [GET], tunnel: ['', 'ping'] },
  },
  {
    name: 'a tunnel whose client ends its half first: the rest of the other half still comes',
    idea: 'half-closes in tunnels',
    client: [HANDSHAKE, until('101'), 'ping', FIN],
    origin: [[SWITCH, until('ping'), 60, 'late', FIN]],
    expect: { statuses: [101], closes: true, origin: [GET], tunnel: ['late', 'ping'] },
  },
  {
    name: "a request behind a tunnel's handshake that is refused in broken HTTP",
    idea: 'a failed handshake must not leave the client in a tunnel',
    client: HANDSHAKE + SMUGGLED,
    origin: [['nonsense\r\n\r\n'], [EMPTY]],
    expect: BAD_GATEWAY,
  },
  ...['h2c', 'h2c, websocket', 'H2C', 'TLS/1.0', 'HTTP/2.0'].map((protocol) => ({
    name: `an offer of ${protocol}`,
    idea: 'h2c smuggling: HTTP requests in a tunnel that no rule sees (RFC 9113 3.1 has withdrawn h2c)',
    client: head(
      LINE,
      'Connection: Upgrade, HTTP2-Settings',
      `Upgrade: ${protocol}`,
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    ),
    expect: { ...served(GET), withholds: /h2c|HTTP2-Settings/i },
  })),
];

const CONNECTS: readonly [string, string][] = [
  ['an authority', 'CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n'],
  ['the proxy itself', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n'],
  ['no port', 'CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['an empty port', 'CONNECT h: HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['a path', `CONNECT ${P}x HTTP/1.1\r\nHost: h\r\n\r\n`],
  ['an absolute target', `CONNECT http://h:80${P}x HTTP/1.1\r\nHost: h\r\n\r\n`],
  ['an asterisk', 'CONNECT * HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['userinfo', 'CONNECT u@h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n'],
  ['an IPv6 address', 'CONNECT [::1]:22 HTTP/1.1\r\nHost: [::1]:22\r\n\r\n'],
  ['HTTP/1.0', 'CONNECT h:443 HTTP/1.0\r\n\r\n'],
  ['a length', 'CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nContent-Length: 5\r\n\r\nhello'],
  ['chunks', 'CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['an offer', 'CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['an expectation', 'CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nExpect: 100-continue\r\n\r\n'],
  ['keep-alive', 'CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nConnection: keep-alive\r\n\r\n'],
  ['another Host', 'CONNECT h:443 HTTP/1.1\r\nHost: evil\r\n\r\n'],
];
const connectCases: HostileCase[] = CONNECTS.map(([name, client]) => ({
  name: `CONNECT with ${name}`,
  idea: "RFC 9110 9.3.6: CONNECT is refused, and what comes behind is a tunnel's: no request",
  client: client + SMUGGLED,
  expect: [refused(405), refused(400)],
}));

const others: HostileCase[] = [
  {
    name: 'a 200 to an offer, with content, then a request',
    idea: 'RFC 9110 7.8: a server may ignore an offer',
    client: [HANDSHAKE, until('200'), SMUGGLED],
    expect: served(GET, `GET ${P}smuggled`),
  },
  {
    name: 'an offer in HTTP/1.0 is none',
    idea: 'RFC 9110 7.8: Upgrade in HTTP/1.0 is ignored',
    client: bare(`GET ${P}ws HTTP/1.0`, 'Host: h', ...OFFER) + SMUGGLED,
    expect: { ...servedLast(GET), withholds: /upgrade:/i },
  },
  {
    name: 'an offer towards an HTTP/1.0 origin is none',
    idea: 'RFC 9110 7.8',
    client: HANDSHAKE,
    location:
      'proxy_http_version 1.0; proxy_set_header Host h; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;',
    expect: { statuses: [200], origin: [GET], withholds: /upgrade:/i },
  },
  {
    name: 'Upgrade where it is not configured goes no further, and its 101 is refused',
    idea: 'RFC 9110 7.8: hop by hop',
    client: [HANDSHAKE, LATER, SMUGGLED],
    location: 'proxy_http_version 1.1; proxy_set_header Host h;',
    origin: [[SWITCH, 'stolen'], [EMPTY]],
    expect: BAD_GATEWAY.map((one) => ({ ...one, withholds: /upgrade/i })),
  },
];

export const UPGRADE: Table = {
  title: 'switches of protocols and CONNECT',
  cases: [
    ...switches,
    ...noOfferCases,
    ...unaskedCases,
    ...badSwitchCases,
    ...refusals,
    ...connectCases,
    ...others,
  ],
};
