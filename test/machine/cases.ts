/** Connections from their first octet to their last, as scripts: what goes in, and all that must come out. */
import type { Exchange } from '../../src/machine/exchange.js';
import type { ForwardPlan, Plan } from '../../src/machine/policy.js';
import { DOWNSTREAM_RULES, FixedPeers, forwardPlan, peer, respondPlan } from './policies.js';
import type { Step } from './replay.js';

export interface Case {
  readonly name: string;
  /** Where the behaviour comes from. */
  readonly source: string;
  readonly plan?: (exchange: Exchange) => Plan;
  readonly autoConnect?: boolean;
  readonly steps: readonly Step[];
  readonly downstream: string;
  readonly upstream?: readonly string[];
  readonly events: readonly string[];
  readonly faults?: readonly string[];
  readonly finished: readonly string[];
  /** The record depends on how octets are cut, for the reason given: replayed whole only. */
  readonly wholeOnly?: string;
}

export const forward =
  (options: Partial<ForwardPlan> = {}) =>
  (): Plan =>
    forwardPlan(new FixedPeers(peer(3000)), options);

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const GET_UP = 'GET / HTTP/1.1\r\nHost: upstream\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const OK_DOWN = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok';
const OK_CLOSE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n';
const UPGRADE_UP =
  'GET /chat HTTP/1.1\r\nHost: upstream\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\n\r\n';
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: y\r\n\r\n';
const SWITCH_DOWN =
  'HTTP/1.1 101 Switching Protocols\r\nX: y\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';
const CONNECT = 'connect 127.0.0.1:3000';
const REUSE = 'reuse 127.0.0.1:3000';

/** A built-in page as it leaves. */
export function page(status: string, closes = true): string {
  const body =
    `<html>\r\n<head><title>${status}</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n` +
    `<hr><center>wirehop</center>\r\n</body>\r\n</html>\r\n`;
  const length = `Content-Length: ${body.length}\r\n`;
  const connection = `Connection: ${closes ? 'close' : 'keep-alive'}\r\n`;
  return `HTTP/1.1 ${status}\r\nContent-Type: text/html\r\n${length}${connection}\r\n${body}`;
}

export const CASES: readonly Case[] = [
  {
    name: 'one exchange, then an idle connection',
    source: 'RFC 9112 9.3',
    steps: [{ down: GET }, { up: OK }],
    downstream: OK_DOWN,
    upstream: [GET_UP],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'a second request uses the upstream connection again',
    source: 'RFC 9112 9.3',
    steps: [{ down: GET }, { up: OK }, { down: GET }, { up: OK }, 'down end'],
    downstream: OK_DOWN + OK_DOWN,
    upstream: [GET_UP, GET_UP],
    events: [CONNECT, 'release', REUSE, 'release', 'close downstream'],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'pipelined requests are answered one after another, in order',
    source: 'RFC 9112 9.3.2',
    steps: [{ down: GET + 'GET /2 HTTP/1.1\r\nHost: a\r\n\r\n' }, { up: OK }, { up: OK.replace('ok', 'k2') }],
    downstream: OK_DOWN + OK_DOWN.replace('ok', 'k2'),
    upstream: [GET_UP, GET_UP.replace('/', '/2')],
    events: [CONNECT, 'release', REUSE, 'release'],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'a half-closed client that pipelined gets every answer',
    source: 'RFC 9112 9.6',
    steps: [{ down: GET + GET }, 'down end', { up: OK }, { up: OK }],
    downstream: OK_DOWN + OK_DOWN,
    upstream: [GET_UP, GET_UP],
    events: [CONNECT, 'release', REUSE, 'release', 'close downstream'],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'untouched field lines keep octets, order, case and duplicates',
    source: 'RFC 9110 5.3',
    steps: [
      { down: 'GET / HTTP/1.1\r\nhOsT: a\r\nX-B: \xe9\xff\r\nx-a:1\r\nX-B: 2\r\nCookie: a=b; c\r\n\r\n' },
      {
        up: 'HTTP/1.1 200 Sch\xf6n\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\nX: \xe9\r\n\r\n',
      },
    ],
    downstream:
      'HTTP/1.1 200 Sch\xf6n\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\nX: \xe9\r\nConnection: keep-alive\r\n\r\n',
    upstream: [
      'GET / HTTP/1.1\r\nHost: upstream\r\nX-B: \xe9\xff\r\nx-a:1\r\nX-B: 2\r\nCookie: a=b; c\r\n\r\n',
    ],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'hop-by-hop fields go in both directions, named ones too',
    source: 'RFC 9110 7.6.1',
    steps: [
      {
        down:
          'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nTE: trailers\r\n' +
          'Proxy-Connection: x\r\nUpgrade: foo\r\nX-Stays: 1\r\n\r\n',
      },
      {
        up: 'HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nContent-Length: 0\r\nX-Stays: 1\r\n\r\n',
      },
    ],
    downstream: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Stays: 1\r\nConnection: keep-alive\r\n\r\n',
    upstream: ['GET / HTTP/1.1\r\nHost: upstream\r\nX-Stays: 1\r\n\r\n'],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'content with a length',
    source: 'RFC 9112 6.2',
    steps: [{ down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello' }, { up: OK }],
    downstream: OK_DOWN,
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 5\r\n\r\nhello'],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'chunked content and trailers as received, extensions dropped',
    source: 'RFC 9112 7.1',
    steps: [
      {
        down:
          'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n' +
          '5;a=b;c="d;\\"e"\r\nhello\r\n0A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n',
      },
      { up: OK },
    ],
    downstream: OK_DOWN,
    upstream: [
      'POST / HTTP/1.1\r\nHost: upstream\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '5\r\nhello\r\n0A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n',
    ],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'a chunked response with trailers',
    source: 'RFC 9112 7.1',
    steps: [
      { down: GET },
      { up: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n' },
    ],
    downstream:
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n',
    upstream: [GET_UP],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'a chunked response to HTTP/1.0 loses its chunks and ends with the connection',
    source: 'RFC 9112 6.1',
    steps: [
      { down: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n' },
      { up: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n' },
    ],
    downstream: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok',
    upstream: [GET_UP],
    events: [CONNECT, 'release', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'HTTP/1.0 with keep-alive persists, without it does not',
    source: 'RFC 9112 C.2.2',
    steps: [
      { down: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n' },
      { up: OK },
      { down: 'GET / HTTP/1.0\r\n\r\n' },
      { up: OK },
    ],
    downstream: OK_DOWN + OK_CLOSE,
    upstream: [GET_UP, GET_UP],
    events: [CONNECT, 'release', REUSE, 'release', 'close downstream'],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'an HTTP/1.0 upstream connection is not used again',
    source: 'RFC 9112 9.3',
    steps: [{ down: GET }, { up: OK.replace('1.1', '1.0') }],
    downstream: OK_DOWN,
    upstream: [GET_UP],
    events: [CONNECT, 'close upstream'],
    finished: ['200 complete'],
  },
  {
    name: 'Connection: close from downstream: the answer says so, then the connection closes',
    source: 'RFC 9112 9.6',
    steps: [{ down: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive, CLOSE\t\r\n\r\n' }, { up: OK }],
    downstream: OK_CLOSE,
    upstream: [GET_UP],
    events: [CONNECT, 'release', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'octets behind a message marked close are dropped, never a request',
    source: 'WIRE B5',
    steps: [
      { down: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' + GET },
      { up: OK },
      { down: GET },
      'down end',
    ],
    downstream: OK_CLOSE,
    upstream: [GET_UP],
    events: [CONNECT, 'release', 'end downstream', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'Connection: close from upstream: the upstream connection closes, the downstream one goes on',
    source: 'RFC 9112 9.6',
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok' }],
    downstream: OK_DOWN,
    upstream: [GET_UP],
    events: [CONNECT, 'close upstream'],
    finished: ['200 complete'],
  },
  {
    name: 'octets beyond the response are given to nobody, and the upstream connection is dropped',
    source: 'RFC 9112 6.3; WIRE D2',
    steps: [{ down: GET }, { up: OK + 'HTTP/1.1 200 OK\r\n' }],
    downstream: OK_DOWN,
    upstream: [GET_UP],
    events: [CONNECT, 'close upstream'],
    finished: ['200 complete'],
    wholeOnly: 'octets that come later find the connection in the pool, which is the driver',
  },
  {
    name: 'HEAD: no content whatever the fields say',
    source: 'RFC 9110 9.3.2',
    steps: [
      { down: 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' },
      { up: 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n' },
      { down: GET },
      { up: OK },
    ],
    downstream: 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: keep-alive\r\n\r\n' + OK_DOWN,
    upstream: ['HEAD / HTTP/1.1\r\nHost: upstream\r\n\r\n', GET_UP],
    events: [CONNECT, 'release', REUSE, 'release'],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: '204 and 304 end with their heads',
    source: 'RFC 9110 15.3.5, 15.4.5',
    steps: [
      { down: GET },
      { up: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n' },
      { down: GET },
      { up: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n' },
    ],
    downstream:
      'HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n' +
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nConnection: keep-alive\r\n\r\n',
    upstream: [GET_UP, GET_UP],
    events: [CONNECT, 'release', REUSE, 'release'],
    finished: ['204 complete', '304 complete'],
  },
  {
    name: 'content up to the close: chunks for HTTP/1.1, the connection goes on',
    source: 'RFC 9112 6.3 rule 8',
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\n\r\nab' }, 'up end'],
    downstream:
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n2\r\nab\r\n0\r\n\r\n',
    upstream: [GET_UP],
    events: [CONNECT, 'close upstream'],
    finished: ['200 complete'],
    wholeOnly: 'chunks of our own follow the reads',
  },
  {
    name: 'content up to the close: HTTP/1.0 ends with the connection',
    source: 'RFC 9112 6.3 rule 8',
    steps: [{ down: 'GET / HTTP/1.0\r\n\r\n' }, { up: 'HTTP/1.1 200 OK\r\n\r\nab' }, 'up end'],
    downstream: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab',
    upstream: [GET_UP],
    events: [CONNECT, 'close upstream', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'content up to the close, cut by a reset, is not an end: HTTP/1.0 sees a reset',
    source: 'WIRE D4',
    steps: [{ down: 'GET / HTTP/1.0\r\n\r\n' }, { up: 'HTTP/1.1 200 OK\r\n\r\nab' }, 'up reset'],
    downstream: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab',
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream', 'abort downstream'],
    faults: ['UPSTREAM_CLOSED upstream'],
    finished: ['200 upstream-failed'],
  },
  {
    name: 'a chunked response that breaks off gets no last chunk',
    source: 'WIRE B4',
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel' }, 'up end'],
    downstream: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5\r\nhel',
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream', 'close downstream'],
    faults: ['UPSTREAM_CLOSED upstream'],
    finished: ['200 upstream-failed'],
  },
  {
    name: 'a counted response that breaks off closes the downstream connection',
    source: 'RFC 9112 8',
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel' }, 'up end'],
    downstream: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: keep-alive\r\n\r\nhel',
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream', 'close downstream'],
    faults: ['UPSTREAM_CLOSED upstream'],
    finished: ['200 upstream-failed'],
  },
  {
    name: 'broken chunks from upstream close the downstream connection',
    source: 'WIRE B3, D6',
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\n' }],
    downstream: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n',
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream', 'close downstream'],
    faults: ['CHUNK_END_INVALID upstream'],
    finished: ['200 upstream-failed'],
    wholeOnly: 'octets in front of the fault go on only if they came in an earlier read',
  },
  {
    name: 'interim responses are passed on, any number, and the final one follows',
    source: 'RFC 9110 15.2',
    steps: [
      { down: GET },
      {
        up:
          'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\n\r\n' + OK,
      },
    ],
    downstream: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' + OK_DOWN,
    upstream: [GET_UP],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'interim responses never reach HTTP/1.0',
    source: 'RFC 9110 15.2',
    steps: [{ down: 'GET / HTTP/1.0\r\n\r\n' }, { up: 'HTTP/1.1 103 Early Hints\r\n\r\n' + OK }],
    downstream: OK_CLOSE,
    upstream: [GET_UP],
    events: [CONNECT, 'release', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'Expect: 100-continue is passed on, the 100 is relayed, then the content flows',
    source: 'RFC 9110 10.1.1',
    steps: [
      { down: 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n' },
      { up: 'HTTP/1.1 100 Continue\r\n\r\n' },
      { down: 'hi' },
      { up: OK },
    ],
    downstream: 'HTTP/1.1 100 Continue\r\n\r\n' + OK_DOWN,
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi'],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'Expect towards an HTTP/1.0 upstream is answered here and not passed on',
    source: 'RFC 9110 10.1.1',
    plan: forward({ minorVersion: 0 }),
    steps: [
      { down: 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n' },
      { down: 'hi' },
      { up: OK.replace('1.1', '1.0') },
    ],
    downstream: 'HTTP/1.1 100 Continue\r\n\r\n' + OK_DOWN,
    upstream: ['POST / HTTP/1.0\r\nHost: upstream\r\nContent-Length: 2\r\n\r\nhi'],
    events: [CONNECT, 'close upstream'],
    finished: ['200 complete'],
  },
  {
    name: 'an unknown expectation is 417',
    source: 'RFC 9110 10.1.1',
    steps: [{ down: 'GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n' }, 'down end'],
    downstream: page('417 Expectation Failed'),
    events: ['end downstream', 'close downstream'],
    faults: ['EXPECTATION_UNKNOWN downstream'],
    finished: ['417 refused'],
  },
  {
    name: 'a final answer in front of the content: it says close, the rest is read and dropped',
    source: 'RFC 9112 9.3; WIRE C6',
    steps: [
      { down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc' },
      { up: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno' },
      { down: 'def' + GET },
      'down end',
    ],
    downstream: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno',
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 100\r\n\r\nabc'],
    events: [CONNECT, 'close upstream', 'end downstream', 'close downstream'],
    finished: ['403 complete'],
  },
  {
    name: 'an early head with the content still flowing both ways',
    source: 'RFC 9112 9.3',
    steps: [
      { down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab' },
      { up: 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nAB' },
      { down: 'cd' },
      { up: 'CD' },
    ],
    downstream: 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nABCD',
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 4\r\n\r\nabcd'],
    events: [CONNECT, 'release', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'a half-closed client gets its answer',
    source: 'RFC 9112 9.6',
    steps: [{ down: GET }, 'down end', { up: OK }],
    downstream: OK_DOWN,
    upstream: [GET_UP],
    events: [CONNECT, 'release', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'a client that goes in the middle of its content takes the upstream connection with it',
    source: 'WIRE B4',
    steps: [{ down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc' }, 'down end'],
    downstream: '',
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 9\r\n\r\nabc'],
    events: [CONNECT, 'abort upstream', 'abort downstream'],
    faults: ['CONTENT_INCOMPLETE downstream'],
    finished: ['499 downstream-closed'],
  },
  {
    name: 'a client that resets ends its exchange alone',
    source: 'RFC 9112 9.5',
    steps: [{ down: GET }, 'down reset', { up: OK }],
    downstream: '',
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream', 'abort downstream'],
    faults: ['DOWNSTREAM_CLOSED downstream'],
    finished: ['499 downstream-closed'],
  },
  {
    name: 'an upstream that refuses is a 502, and the connection goes on',
    source: 'RFC 9110 15.6.3',
    autoConnect: false,
    steps: [{ down: GET }, 'refused', { down: GET }, 'refused'],
    downstream: page('502 Bad Gateway', false) + page('502 Bad Gateway', false),
    upstream: ['', ''],
    events: [CONNECT, 'abort upstream', CONNECT, 'abort upstream'],
    faults: ['UPSTREAM_CONNECT upstream', 'UPSTREAM_CONNECT upstream'],
    finished: ['502 upstream-failed', '502 upstream-failed'],
  },
  {
    name: 'a refused first peer: the second one answers',
    source: 'ngx_http_proxy_module, proxy_next_upstream',
    plan: () => forwardPlan(new FixedPeers(peer(1), peer(2))),
    autoConnect: false,
    steps: [{ down: GET }, 'refused', 'connected', { up: OK }],
    downstream: OK_DOWN,
    upstream: ['', GET_UP],
    events: ['connect 127.0.0.1:1', 'abort upstream', 'connect 127.0.0.1:2', 'release'],
    faults: ['UPSTREAM_CONNECT upstream'],
    finished: ['200 complete'],
  },
  {
    name: 'content waits for the connection, then follows the head',
    source: 'WIRE principle',
    autoConnect: false,
    steps: [
      { down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel' },
      { down: 'lo' },
      'connected',
      { up: OK },
    ],
    downstream: OK_DOWN,
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 5\r\n\r\nhello'],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'a kept connection that the peer closed: the request goes out again on a fresh one',
    source: 'RFC 9112 9.3.1',
    steps: [{ down: GET }, { up: OK }, { down: GET }, 'up end', { up: OK }],
    downstream: OK_DOWN + OK_DOWN,
    upstream: [GET_UP, GET_UP, GET_UP],
    events: [CONNECT, 'release', REUSE, 'abort upstream', CONNECT, 'release'],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'the same for a POST: it may have been acted on, so it is a 502',
    source: 'RFC 9110 9.2.2',
    steps: [{ down: GET }, { up: OK }, { down: 'POST / HTTP/1.1\r\nHost: a\r\n\r\n' }, 'up reset'],
    downstream: OK_DOWN + page('502 Bad Gateway', false),
    upstream: [GET_UP, 'POST / HTTP/1.1\r\nHost: upstream\r\n\r\n'],
    events: [CONNECT, 'release', REUSE, 'abort upstream'],
    faults: ['UPSTREAM_CLOSED upstream'],
    finished: ['200 complete', '502 upstream-failed'],
  },
  {
    name: 'an upstream that closes in its head is a 502',
    source: 'RFC 9110 15.6.3',
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\nX: ' }, 'up end'],
    downstream: page('502 Bad Gateway', false),
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream'],
    faults: ['UPSTREAM_CLOSED upstream'],
    finished: ['502 upstream-failed'],
  },
  {
    name: 'a malformed response head is a 502',
    source: 'WIRE D1',
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n' }],
    downstream: page('502 Bad Gateway', false),
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream'],
    faults: ['HEAD_SYNTAX upstream'],
    finished: ['502 upstream-failed'],
  },
  {
    name: 'a malformed request is a 400; what follows is dropped',
    source: 'RFC 9112 2.2; WIRE B5',
    steps: [{ down: 'GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n' + GET }, 'down end'],
    downstream: page('400 Bad Request'),
    events: ['end downstream', 'close downstream'],
    faults: ['HEAD_SYNTAX downstream'],
    finished: ['400 refused'],
  },
  {
    name: 'CONNECT is refused and its connection closed',
    source: 'WIRE A4',
    steps: [{ down: 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n' }, 'down end'],
    downstream: page('405 Not Allowed'),
    events: ['end downstream', 'close downstream'],
    faults: ['CONNECT_REFUSED downstream'],
    finished: ['405 refused'],
  },
  {
    name: 'content beyond the limit is 413 before anything is sent upstream',
    source: 'client_max_body_size',
    plan: forward({ downstream: { ...DOWNSTREAM_RULES, maxContentOctets: 4 } }),
    steps: [{ down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello' }, 'down end'],
    downstream: page('413 Request Entity Too Large'),
    events: ['end downstream', 'close downstream'],
    faults: ['CONTENT_TOO_LARGE downstream'],
    finished: ['413 refused'],
  },
  {
    name: 'chunked content beyond the limit is 413 and the upstream connection is dropped',
    source: 'client_max_body_size',
    plan: forward({ downstream: { ...DOWNSTREAM_RULES, maxContentOctets: 4 } }),
    steps: [
      { down: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' },
      { down: '5\r\n' },
      'down end',
    ],
    downstream: page('413 Request Entity Too Large'),
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nTransfer-Encoding: chunked\r\n\r\n'],
    events: [CONNECT, 'abort upstream', 'end downstream', 'close downstream'],
    faults: ['CONTENT_TOO_LARGE downstream'],
    finished: ['413 refused'],
    wholeOnly: 'a size is passed on digit by digit; the message it begins is never completed',
  },
  {
    name: 'chunked content cannot go to an HTTP/1.0 upstream: 411',
    source: 'RFC 9112 6.1',
    plan: forward({ minorVersion: 0 }),
    steps: [{ down: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' }, 'down end'],
    downstream: page('411 Length Required'),
    events: ['end downstream', 'close downstream'],
    faults: ['LENGTH_REQUIRED downstream'],
    finished: ['411 refused'],
  },
  {
    name: 'a switch: heads, then octets both ways, then the end of one side and of the other',
    source: 'RFC 9110 7.8, RFC 6455 4',
    steps: [
      { down: UPGRADE },
      { up: SWITCH },
      { down: 'ping' },
      { up: 'pong' },
      'down end',
      { up: 'bye' },
      'up end',
    ],
    downstream: SWITCH_DOWN + 'pongbye',
    upstream: [UPGRADE_UP + 'ping'],
    events: [CONNECT, 'end upstream', 'close upstream', 'close downstream'],
    finished: ['101 tunnel-closed'],
  },
  {
    name: 'octets that come with the heads are delivered first, none lost',
    source: 'WIRE F3',
    steps: [{ down: UPGRADE + 'early' }, { up: SWITCH + 'first' }, { down: ' late' }, 'up end', 'down end'],
    downstream: SWITCH_DOWN + 'first',
    upstream: [UPGRADE_UP + 'early late'],
    events: [CONNECT, 'end downstream', 'close upstream', 'close downstream'],
    finished: ['101 tunnel-closed'],
  },
  {
    name: 'an end that comes before the switch is passed on behind the early octets',
    source: 'WIRE F3, F5',
    steps: [{ down: UPGRADE + 'early' }, 'down end', { up: SWITCH }, { up: 'last' }, 'up end'],
    downstream: SWITCH_DOWN + 'last',
    upstream: [UPGRADE_UP + 'early'],
    events: [CONNECT, 'end upstream', 'close upstream', 'close downstream'],
    finished: ['101 tunnel-closed'],
  },
  {
    name: 'a refused upgrade is an ordinary response, and held octets are the next request',
    source: 'WIRE F4',
    steps: [{ down: UPGRADE + GET }, { up: OK.replace('200 OK', '403 Forbidden') }, { up: OK }],
    downstream: OK_DOWN.replace('200 OK', '403 Forbidden') + OK_DOWN,
    upstream: [UPGRADE_UP, GET_UP],
    events: [CONNECT, 'release', REUSE, 'release'],
    finished: ['403 complete', '200 complete'],
  },
  {
    name: 'an unasked 101 is a 502',
    source: 'RFC 9110 15.2.2; WIRE F2',
    steps: [{ down: GET }, { up: SWITCH }],
    downstream: page('502 Bad Gateway', false),
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream'],
    faults: ['UPSTREAM_SWITCH_UNASKED upstream'],
    finished: ['502 upstream-failed'],
  },
  {
    name: 'a 101 to a protocol that was not offered is a 502',
    source: 'RFC 9110 7.8; WIRE F2',
    steps: [{ down: UPGRADE }, { up: SWITCH.replace('websocket', 'h2c') }],
    downstream: page('502 Bad Gateway', false),
    upstream: [UPGRADE_UP],
    events: [CONNECT, 'abort upstream'],
    faults: ['UPSTREAM_SWITCH_UNASKED upstream'],
    finished: ['502 upstream-failed'],
  },
  {
    name: 'Upgrade without Connection: upgrade is no offer: neither goes on',
    source: 'RFC 9110 7.8; WIRE F1',
    steps: [{ down: UPGRADE.replace('Connection: Upgrade\r\n', '') }, { up: OK }],
    downstream: OK_DOWN,
    upstream: [UPGRADE_UP.replace('Upgrade: websocket\r\nConnection: upgrade\r\n', '')],
    events: [CONNECT, 'release'],
    finished: ['200 complete'],
  },
  {
    name: 'Upgrade in HTTP/1.0 is ignored',
    source: 'RFC 9110 7.8',
    steps: [{ down: UPGRADE.replace('1.1', '1.0') }, { up: OK }],
    downstream: OK_CLOSE,
    upstream: [UPGRADE_UP.replace('Upgrade: websocket\r\nConnection: upgrade\r\n', '')],
    events: [CONNECT, 'release', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'a tunnel whose upstream resets: what came is flushed, then both sides close',
    source: 'WIRE F5',
    steps: [{ down: UPGRADE }, { up: SWITCH + 'last words' }, 'up reset'],
    downstream: SWITCH_DOWN + 'last words',
    upstream: [UPGRADE_UP],
    events: [CONNECT, 'close upstream', 'close downstream'],
    faults: ['UPSTREAM_CLOSED upstream'],
    finished: ['101 tunnel-closed'],
  },
  {
    name: 'a tunnel is closed when neither side has sent anything for proxy_read_timeout',
    source: 'nginx, websocket.html',
    steps: [
      { down: UPGRADE },
      { up: SWITCH },
      { wait: 59_000 },
      { up: 'ping' },
      { wait: 59_000 },
      { down: 'pong' },
      { wait: 59_000 },
      { wait: 1_000 },
    ],
    downstream: SWITCH_DOWN + 'ping',
    upstream: [UPGRADE_UP + 'pong'],
    events: [CONNECT, 'close upstream', 'close downstream'],
    faults: ['TUNNEL_IDLE upstream'],
    finished: ['101 tunnel-closed'],
  },
  {
    name: 'an answer of our own, and the next request on the same connection',
    source: 'ngx_http_rewrite_module, return',
    plan: () => respondPlan(200, 'here\n'),
    steps: [{ down: GET + 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' }],
    downstream:
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhere\n' +
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n',
    events: [],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'an answer of our own to a POST: the content is read and dropped, then the next request is served',
    source: 'RFC 9112 9.3',
    plan: () => respondPlan(200, 'x'),
    steps: [{ down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello' + GET }],
    downstream:
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx'.repeat(
        2,
      ),
    events: [],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'status 444 closes without an answer',
    source: 'ngx_http_rewrite_module, return',
    plan: () => respondPlan(444, ''),
    steps: [{ down: GET }],
    downstream: '',
    events: ['close downstream'],
    finished: ['0 refused'],
  },
  {
    name: 'a head that takes too long is 408',
    source: 'ngx_http_core_module, client_header_timeout',
    steps: [
      { down: 'GET / HTTP/1.1\r\n' },
      { wait: 30_000 },
      { down: 'Host: a\r\n' },
      { wait: 30_000 },
      'down end',
    ],
    downstream: page('408 Request Time-out'),
    events: ['end downstream', 'close downstream'],
    faults: ['HEAD_TIMEOUT downstream'],
    finished: ['408 refused'],
  },
  {
    name: 'a connection on which nothing comes is closed without a word',
    source: 'ngx_http_core_module, client_header_timeout',
    steps: [{ wait: 60_000 }],
    downstream: '',
    events: ['close downstream'],
    finished: [],
  },
  {
    name: 'an idle persistent connection is closed after keepalive_timeout',
    source: 'ngx_http_core_module, keepalive_timeout',
    steps: [{ down: GET }, { up: OK }, { wait: 74_999 }, { wait: 1 }],
    downstream: OK_DOWN,
    upstream: [GET_UP],
    events: [CONNECT, 'release', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'content that stalls is 408',
    source: 'ngx_http_core_module, client_body_timeout',
    steps: [
      { down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe' },
      { wait: 60_000 },
      'down end',
    ],
    downstream: page('408 Request Time-out'),
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 5\r\n\r\nhe'],
    events: [CONNECT, 'abort upstream', 'end downstream', 'close downstream'],
    faults: ['CONTENT_TIMEOUT downstream'],
    finished: ['408 refused'],
  },
  {
    name: 'an upstream that says nothing is 504',
    source: 'ngx_http_proxy_module, proxy_read_timeout',
    steps: [{ down: GET }, { wait: 60_000 }],
    downstream: page('504 Gateway Time-out', false),
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream'],
    faults: ['UPSTREAM_READ_TIMEOUT upstream'],
    finished: ['504 upstream-failed'],
  },
  {
    name: 'an upstream that cannot be reached in time is 504',
    source: 'ngx_http_proxy_module, proxy_connect_timeout',
    autoConnect: false,
    steps: [{ down: GET }, { wait: 60_000 }],
    downstream: page('504 Gateway Time-out', false),
    upstream: [''],
    events: [CONNECT, 'abort upstream'],
    faults: ['UPSTREAM_CONNECT_TIMEOUT upstream'],
    finished: ['504 upstream-failed'],
  },
  {
    name: 'a downstream side that does not read is cut off',
    source: 'ngx_http_core_module, send_timeout',
    steps: [{ down: GET }, { up: OK.slice(0, -1) }, 'block down', { wait: 60_000 }],
    downstream: OK_DOWN.slice(0, -1),
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream', 'abort downstream'],
    faults: ['SEND_TIMEOUT downstream'],
    finished: ['200 downstream-closed'],
  },
  {
    name: 'draining: an idle connection closes, one with an answer due closes behind it',
    source: 'nginx, control.html',
    steps: [{ down: GET }, 'drain', { up: OK }],
    downstream: OK_CLOSE,
    upstream: [GET_UP],
    events: [CONNECT, 'release', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'draining an idle connection closes it at once',
    source: 'nginx, control.html',
    steps: ['drain'],
    downstream: '',
    events: ['close downstream'],
    finished: [],
  },
  {
    name: 'the last request that keepalive_requests allows is answered with close',
    source: 'ngx_http_core_module, keepalive_requests',
    plan: forward({ downstream: { ...DOWNSTREAM_RULES, keepaliveRequests: 1 } }),
    steps: [{ down: GET }, { up: OK }],
    downstream: OK_CLOSE,
    upstream: [GET_UP],
    events: [CONNECT, 'release', 'close downstream'],
    finished: ['200 complete'],
  },
];
