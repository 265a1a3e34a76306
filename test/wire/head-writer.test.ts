/**
 * The head writer. Proves: lines that stay go on octet for octet; framing and hop-by-hop fields are written as decided,
 * whatever is received or configured; nothing that comes out of a variable can end a line; a head is one span.
 */
import { expect } from 'chai';
import { FieldEdits, fieldSet } from '../../src/message/field-edits.js';
import {
  CONTINUE_RESPONSE,
  type ResponseHeadOptions,
  writeInterimHead,
  writeLocalHead,
  writeRequestHead,
  writeResponseHead,
  WROTE_CLOSE,
  WROTE_OFFER,
} from '../../src/wire/http1/head-writer.js';
import { dynamic, headOf, laidDown } from './heads.js';

type Edits = FieldEdits<string>;
const NO_EDITS: Edits = new FieldEdits<string>([], []);
/** Lines whose value is the context, so that a case can say it. */
const set = (...names: string[]): Edits =>
  new FieldEdits<string>(
    [],
    names.map((name) =>
      fieldSet(
        name,
        dynamic<string>((text) => text),
      ),
    ),
  );

interface RequestCase {
  readonly name: string;
  readonly head: string;
  readonly edits?: Edits;
  /** Value of the dynamic lines, and of the target. */
  readonly value?: string;
  readonly target?: string;
  readonly minorVersion?: 0 | 1;
  readonly isOffer?: boolean;
  readonly sent: string;
  readonly bits?: number;
}

const REQUESTS: readonly RequestCase[] = [
  // Lines that stay
  {
    name: 'untouched lines stay octet for octet: order, case, duplicates, obs-text, missing and single SP',
    head: 'GET /a?b HTTP/1.1\r\nHost: a\r\nX-b: 1\r\nx-A:2\r\nX-B: \xe9, \t"y"\r\nX-b: 1\r\nZ:\r\n\r\n',
    sent: 'GET /a?b HTTP/1.1\r\nHost: a\r\nX-b: 1\r\nx-A:2\r\nX-B: \xe9, \t"y"\r\nX-b: 1\r\nZ:\r\n\r\n',
  },
  {
    name: 'white space around a value becomes one SP (A2)',
    head: 'GET / HTTP/1.1\r\nHost:\ta\r\nA:  b\r\nC: d \t\r\nE: \r\nF:\t\r\nG: h\r\n\r\n',
    sent: 'GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\nE: \r\nF: \r\nG: h\r\n\r\n',
  },
  {
    name: 'no field lines at all',
    head: 'GET / HTTP/1.0\r\n\r\n',
    sent: 'GET / HTTP/1.1\r\n\r\n',
  },
  {
    name: 'runs: dropped lines at the front, in the middle and at the end',
    head: 'GET / HTTP/1.1\r\nX-D: 1\r\nHost: a\r\nA: 1\r\nx-d: 2\r\nX-d:\r\nB: 2\r\nC: 3\r\nX-D: 3\r\n\r\n',
    edits: new FieldEdits<string>(['X-D'], []),
    sent: 'GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n',
  },
  {
    name: 'every line dropped',
    head: 'GET / HTTP/1.0\r\nX-D: 1\r\nTE: x\r\n\r\n',
    edits: new FieldEdits<string>(['x-d'], []),
    sent: 'GET / HTTP/1.1\r\n\r\n',
  },
  {
    name: 'a method that llhttp does not know goes on as it came',
    head: 'bREW /pot HTTP/1.1\r\nHost: a\r\n\r\n',
    sent: 'bREW /pot HTTP/1.1\r\nHost: a\r\n\r\n',
  },

  // Hop-by-hop (rule C1)
  {
    name: 'hop-by-hop fields are dropped, and those that Connection names',
    head:
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Foo\r\nKeep-Alive: timeout=5\r\nfoo: 1\r\nTE: trailers\r\n' +
      'Proxy-Connection: close\r\nUpgrade: h2c\r\nA: b\r\nFOO:\t2\r\nFoo2: 3\r\n\r\n',
    sent: 'GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nFoo2: 3\r\n\r\n',
  },
  {
    name: 'a nominated Host, Content-Length or Transfer-Encoding keeps its meaning',
    head: 'POST / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length\r\nContent-Length: 3\r\n\r\n',
    sent: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n',
  },
  {
    name: 'a nominated field that the configuration sets is set',
    head: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: x-real-ip\r\nX-Real-IP: spoofed\r\n\r\n',
    edits: set('X-Real-IP'),
    value: '192.0.2.1',
    sent: 'GET / HTTP/1.1\r\nX-Real-IP: 192.0.2.1\r\nHost: a\r\n\r\n',
  },

  // Framing
  {
    name: 'chunked is written afresh',
    head: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tCHUNKED\r\nA: b\r\n\r\n',
    sent: 'POST / HTTP/1.1\r\nHost: a\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n',
  },
  {
    name: 'Content-Length stays, without its white space',
    head: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length:  3 \r\n\r\n',
    sent: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n',
  },
  {
    name: 'a configuration cannot write framing, nor take it away',
    head: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n',
    edits: new FieldEdits<string>(
      ['Content-Length'],
      [fieldSet('Content-Length', '999'), fieldSet('transfer-encoding', 'chunked'), fieldSet('X', 'y')],
    ),
    sent: 'POST / HTTP/1.1\r\nX: y\r\nHost: a\r\nContent-Length: 3\r\n\r\n',
  },

  // Start line
  {
    name: 'an absolute target goes on as path and query, its authority as Host (RFC 9112 3.2.2)',
    head: 'GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n',
    sent: 'GET /x?y HTTP/1.1\r\nHost: b:80\r\n\r\n',
  },
  {
    name: 'an absolute target without a path goes on as "/"',
    head: 'GET http://b HTTP/1.1\r\nHost: a\r\n\r\n',
    sent: 'GET / HTTP/1.1\r\nHost: b\r\n\r\n',
  },
  {
    name: 'an absolute target with a query alone gets its "/"',
    head: 'GET http://b?y HTTP/1.1\r\nHost: a\r\n\r\n',
    sent: 'GET /?y HTTP/1.1\r\nHost: b\r\n\r\n',
  },
  {
    name: 'OPTIONS for a whole server',
    head: 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    sent: 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  },
  {
    name: 'OPTIONS for a whole server, in absolute-form (RFC 9112 3.2.4)',
    head: 'OPTIONS http://b:80 HTTP/1.1\r\nHost: a\r\n\r\n',
    sent: 'OPTIONS * HTTP/1.1\r\nHost: b:80\r\n\r\n',
  },
  {
    name: 'OPTIONS with a path, in absolute-form',
    head: 'OPTIONS http://b/ HTTP/1.1\r\nHost: a\r\n\r\n',
    sent: 'OPTIONS / HTTP/1.1\r\nHost: b\r\n\r\n',
  },
  {
    name: 'OPTIONS with a query alone, in absolute-form',
    head: 'OPTIONS http://b?q HTTP/1.1\r\nHost: a\r\n\r\n',
    sent: 'OPTIONS /?q HTTP/1.1\r\nHost: b\r\n\r\n',
  },
  {
    name: 'a configured target',
    head: 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n',
    target: '/other?\xe9',
    sent: 'GET /other?\xe9 HTTP/1.1\r\nHost: a\r\n\r\n',
  },
  {
    name: 'a configured target that would break the request line',
    head: 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n',
    target: '/a b\r\nX: y\t\0\x7f\xe9 HTTP/1.1',
    sent: 'GET /a%20b%0D%0AX:%20y%09%00%7F\xe9%20HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n',
  },
  {
    name: 'an empty configured target',
    head: 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n',
    target: '',
    sent: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  },
  {
    name: 'HTTP/1.0 upstream: the version, and no Expect (RFC 9110 10.1.1)',
    head: 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n',
    minorVersion: 0,
    sent: 'POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\n',
  },
  {
    name: 'HTTP/1.1 upstream: Expect goes on',
    head: 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n',
    sent: 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n',
  },

  // Edits
  {
    name: 'configured lines come first, in their order, and replace the received ones in any case',
    head: 'GET / HTTP/1.1\r\nhost: a\r\nA: b\r\nHOST2: c\r\n\r\n',
    edits: new FieldEdits<string>([], [fieldSet('Host', 'up'), fieldSet('X-1', '1'), fieldSet('X-1', '2')]),
    sent: 'GET / HTTP/1.1\r\nHost: up\r\nX-1: 1\r\nX-1: 2\r\nA: b\r\nHOST2: c\r\n\r\n',
  },
  {
    name: 'an empty value drops the field',
    head: 'GET / HTTP/1.1\r\nHost: a\r\nX: received\r\n\r\n',
    edits: set('X'),
    value: '',
    sent: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  },
  {
    name: 'CR, LF, NUL and other control octets in a value become SP (C4, RFC 9110 5.5)',
    head: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    edits: set('X'),
    value: 'a\r\nY: z\0\x7f\x01\tb\xe9',
    sent: 'GET / HTTP/1.1\r\nX: a  Y: z   \tb\xe9\r\nHost: a\r\n\r\n',
  },

  // Connection and Upgrade
  {
    name: 'an offer: both lines are configured and written',
    head: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    edits: new FieldEdits<string>([], [fieldSet('Upgrade', 'websocket'), fieldSet('Connection', 'Upgrade')]),
    isOffer: true,
    sent: 'GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nHost: a\r\n\r\n',
    bits: WROTE_OFFER,
  },
  {
    name: 'no offer: neither line is written',
    head: 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n',
    edits: new FieldEdits<string>([], [fieldSet('Upgrade', 'websocket'), fieldSet('Connection', 'upgrade')]),
    sent: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    bits: 0,
  },
  {
    name: 'no offer: "upgrade" is taken out of a list',
    head: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    edits: set('Connection'),
    value: 'close, UPGRADE ,x',
    sent: 'GET / HTTP/1.1\r\nConnection: close,x\r\nHost: a\r\n\r\n',
    bits: WROTE_CLOSE,
  },
  {
    name: 'an offer whose Connection line is not configured is none',
    head: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    edits: set('Upgrade'),
    value: 'websocket',
    isOffer: true,
    sent: 'GET / HTTP/1.1\r\nUpgrade: websocket\r\nHost: a\r\n\r\n',
    bits: 0,
  },
  {
    name: 'an offer whose Upgrade is empty is none',
    head: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    edits: new FieldEdits<string>(
      [],
      [
        fieldSet(
          'Upgrade',
          dynamic<string>(() => ''),
        ),
        fieldSet('Connection', 'upgrade'),
      ],
    ),
    isOffer: true,
    sent: 'GET / HTTP/1.1\r\nConnection: upgrade\r\nHost: a\r\n\r\n',
    bits: 0,
  },
  {
    name: 'an offer with close in the list',
    head: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
    edits: new FieldEdits<string>([], [fieldSet('Upgrade', 'h2c'), fieldSet('Connection', 'upgrade, Close')]),
    isOffer: true,
    sent: 'GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade, Close\r\nHost: a\r\n\r\n',
    bits: WROTE_OFFER | WROTE_CLOSE,
  },
  {
    name: 'Connection: close, as the seed page has it for plain requests',
    head: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    edits: set('Connection'),
    value: 'close',
    sent: 'GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n\r\n',
    bits: WROTE_CLOSE,
  },
  {
    name: 'an empty Connection is not written: nginx since 1.29.7',
    head: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    edits: set('Connection'),
    value: '',
    sent: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    bits: 0,
  },
  {
    name: 'another member of Connection goes on',
    head: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    edits: set('Connection'),
    value: 'keep-alive, close2',
    sent: 'GET / HTTP/1.1\r\nConnection: keep-alive, close2\r\nHost: a\r\n\r\n',
    bits: 0,
  },
];

describe('head writer: requests', () => {
  for (const { name, head, edits = NO_EDITS, value = '', target, sent, bits, ...rest } of REQUESTS) {
    it(name, () => {
      const { minorVersion = 1, isOffer = false } = rest;
      const source = target === undefined ? null : dynamic<string>(() => target);
      let wrote = -1;
      const text = laidDown((out) => {
        const read = headOf('request', head);
        wrote = writeRequestHead(out, read, edits, source, minorVersion, value, isOffer);
      });
      expect(text).to.equal(sent);
      if (bits !== undefined) expect(wrote).to.equal(bits);
    });
  }
});

interface ResponseCase {
  readonly name: string;
  readonly head: string;
  readonly options?: Partial<ResponseHeadOptions<string>>;
  readonly value?: string;
  readonly sent: string;
}

const RESPONSES: readonly ResponseCase[] = [
  {
    name: 'status, reason and lines as received, the version and Connection ours (C3)',
    head: 'HTTP/1.0 404 N\xf6pe \tx\r\nServer: b\r\nset-cookie: 1\r\nSet-Cookie: 2\r\nContent-Length: 3\r\n\r\n',
    sent:
      'HTTP/1.1 404 N\xf6pe \tx\r\nServer: b\r\nset-cookie: 1\r\nSet-Cookie: 2\r\nContent-Length: 3\r\n' +
      'Connection: keep-alive\r\n\r\n',
  },
  {
    name: 'without a reason the SP stays (RFC 9112 4)',
    head: 'HTTP/1.1 200\r\n\r\n',
    options: { closes: true },
    sent: 'HTTP/1.1 200 \r\nConnection: close\r\n\r\n',
  },
  {
    name: 'hop-by-hop fields are dropped, and those that Connection names',
    head: 'HTTP/1.1 200 OK\r\nConnection: X-A, close\r\nKeep-Alive: 1\r\nX-A: 1\r\nUpgrade: b\r\nTransfer-Encoding: chunked\r\n\r\n',
    options: { isChunked: true },
    sent: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n',
  },
  {
    name: 'chunked content to a peer that does not take it: no framing but the close',
    head: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    options: { closes: true },
    sent: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
  },
  {
    name: 'no Content-Length where none may stand (RFC 9110 8.6)',
    head: 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\nA: b\r\n\r\n',
    options: { keepsLength: false },
    sent: 'HTTP/1.1 204 No Content\r\nA: b\r\nConnection: keep-alive\r\n\r\n',
  },
  {
    name: 'a switch of protocols: Upgrade goes on, Connection names it',
    head: 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nUPGRADE:  websocket\r\nSec-WebSocket-Accept: x=\r\n\r\n',
    options: { switches: true },
    sent:
      'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x=\r\nUPGRADE: websocket\r\n' +
      'Connection: upgrade\r\n\r\n',
  },
  {
    name: 'configured lines in front and behind; what is set in front replaces what came, what is set behind adds',
    head: 'HTTP/1.1 200 OK\r\nServer: b\r\nX: 1\r\nDate: d\r\n\r\n',
    options: {
      closes: true,
      edits: new FieldEdits<string>(
        ['Date'],
        [fieldSet('Server', 'wirehop', true)],
        [
          fieldSet('X', '2'),
          fieldSet(
            'Y',
            dynamic<string>((text) => text),
          ),
        ],
      ),
    },
    value: 'a\nb',
    sent: 'HTTP/1.1 200 OK\r\nServer: wirehop\r\nX: 1\r\nConnection: close\r\nX: 2\r\nY: a b\r\n\r\n',
  },
  {
    name: 'add_header without always: not on 404',
    head: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n',
    options: {
      edits: new FieldEdits<string>([], [], [fieldSet('A', '1'), fieldSet('B', '2', true)]),
    },
    sent: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: keep-alive\r\nB: 2\r\n\r\n',
  },
  {
    name: 'an empty value leaves no line',
    head: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    options: {
      edits: new FieldEdits<string>(
        [],
        [],
        [
          fieldSet(
            'A',
            dynamic<string>((text) => text),
          ),
        ],
      ),
    },
    sent: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n',
  },
  {
    name: 'a configuration cannot write framing',
    head: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n',
    options: {
      edits: new FieldEdits<string>(
        [],
        [fieldSet('Transfer-Encoding', 'chunked', true)],
        [fieldSet('content-length', '999', true)],
      ),
    },
    sent: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n',
  },
];

describe('head writer: responses', () => {
  for (const { name, head, options = {}, value = '', sent } of RESPONSES) {
    it(name, () => {
      const all: ResponseHeadOptions<string> = {
        ...{ edits: NO_EDITS, isChunked: false, closes: false, switches: false, keepsLength: true },
        ...options,
      };
      const text = laidDown((out) => writeResponseHead(out, headOf('response', head), all, value));
      expect(text).to.equal(sent);
    });
  }

  // nginx, ngx_http_headers_module: the statuses on which add_header works without `always`.
  for (const status of [200, 201, 204, 206, 301, 302, 303, 304, 307, 308]) {
    it(`add_header works on ${status}`, () => expect(statusLines(status)).to.include('A: 1'));
  }
  for (const status of [202, 203, 205, 300, 305, 400, 404, 500, 502, 999]) {
    it(`add_header does not work on ${status}`, () => expect(statusLines(status)).not.to.include('A: 1'));
  }

  function statusLines(status: number): string[] {
    const edits = new FieldEdits<string>([], [], [fieldSet('A', '1')]);
    return laidDown((out) => writeLocalHead(out, status, edits, 0, false, '')).split('\r\n');
  }
});

describe('head writer: interim responses', () => {
  it('pass with their fields, without hop-by-hop ones and Content-Length', () => {
    const text = laidDown((out) => {
      const head = headOf(
        'response',
        'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nX: 1\r\nContent-Length: 3\r\nLink: </b>\r\n\r\n',
      );
      writeInterimHead(out, head, NO_EDITS, '');
    });
    expect(text).to.equal('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n');
  });

  it('100 without a reason', () => {
    const text = laidDown((out) =>
      writeInterimHead(out, headOf('response', 'HTTP/1.0 100\r\n\r\n'), NO_EDITS, ''),
    );
    expect(text).to.equal('HTTP/1.1 100 \r\n\r\n');
  });

  it('one of our own is a head that the reader takes', () => {
    const head = headOf('response', Buffer.from(CONTINUE_RESPONSE).toString('latin1'));
    expect(head.status).to.equal(100);
  });
});

describe('head writer: answers of our own', () => {
  const edits = new FieldEdits<string>(
    [],
    [
      fieldSet('Server', 'wirehop', true),
      fieldSet(
        'X',
        dynamic<string>((text) => text),
        true,
      ),
    ],
    [fieldSet('Y', 'z')],
  );
  const write = (status: number, contentOctets: number, closes: boolean, value = ''): string =>
    laidDown((out) => writeLocalHead(out, status, edits, contentOctets, closes, value));

  it('have a phrase, a length and Connection', () =>
    expect(write(405, 150, false)).to.equal(
      'HTTP/1.1 405 Not Allowed\r\nServer: wirehop\r\nContent-Length: 150\r\nConnection: keep-alive\r\n\r\n',
    ));
  it('close', () =>
    expect(write(400, 0, true, 'a\rb')).to.equal(
      'HTTP/1.1 400 Bad Request\r\nServer: wirehop\r\nX: a b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    ));
  it('without a length', () =>
    expect(write(204, -1, false)).to.equal(
      'HTTP/1.1 204 No Content\r\nServer: wirehop\r\nConnection: keep-alive\r\nY: z\r\n\r\n',
    ));
  it('with a status that has no phrase', () =>
    expect(write(299, 0, true)).to.match(/^HTTP\/1\.1 299 \r\nServer/));
});
