/**
 * What a head costs in memory. Proves: reading and writing heads keeps nothing, and allocates nothing of wirehop's own,
 * so that the collector has next to nothing to do at any rate of requests. What Node allocates for a copy between
 * buffers (Node 20: a view of the part that is copied; later versions: nothing) is measured first and allowed for.
 */
import { expect } from 'chai';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { FieldEdits, fieldSet } from '../../src/message/field-edits.js';
import { HEAD_COMPLETE, HEAD_REFUSED, HeadReader } from '../../src/wire/http1/head-reader.js';
import { writeRequestHead, writeResponseHead } from '../../src/wire/http1/head-writer.js';
import { TYPE_REQUEST, TYPE_RESPONSE } from '../../src/wire/http1/llhttp.js';
import { LIMITS } from './head-log.js';

/** Few enough for a batch's garbage to stay below the young generation's first size: no collection hides it. */
const BATCH = 2500;
const BATCHES = 8;
/** What measuring itself costs, spread over a batch. */
const NOISE_OCTETS = 4;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Octets of heap that a run of `once` allocates, and that it keeps: medians over batches, after warming up. */
function octetsPerRun(once: () => void): { allocated: number; kept: number } {
  for (let i = 0; i < BATCH * BATCHES; i++) once();
  const allocated: number[] = [];
  const kept: number[] = [];
  for (let b = 0; b < BATCHES; b++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < BATCH; i++) once();
    allocated.push((process.memoryUsage().heapUsed - before) / BATCH);
    collect();
    kept.push((process.memoryUsage().heapUsed - before) / BATCH);
  }
  return { allocated: median(allocated), kept: median(kept) };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

/** In a buffer as a connection reads into: larger than what came. */
function received(text: string): { octets: Buffer; length: number } {
  const octets = Buffer.alloc(65536);
  return { octets, length: octets.write(text, 'latin1') };
}

const REQUEST = received(
  'GET /some/path?with=query HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, x-hop\r\n' +
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html;q=0.9, */*;q=0.8\r\nX-Hop: 1\r\n' +
    'Accept-Encoding: gzip, br\r\nCookie: a=b; c=d\r\nX-Empty:\r\nContent-Length: 12\r\nUpgrade: h2c\r\n\r\n',
);
const RESPONSE = received(
  'HTTP/1.1 200 OK\r\nServer: other\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/html\r\n' +
    'Content-Length: 1234\r\nConnection: keep-alive\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n',
);
const UNUSUAL_METHOD = received('PROPFIND /x HTTP/1.1\r\nHost: a\r\n\r\n');

describe('memory per head', function () {
  this.timeout(60000);

  const request = new HeadReader(TYPE_REQUEST);
  const response = new HeadReader(TYPE_RESPONSE);
  const out = new OctetWriter();
  const edits = new FieldEdits<null>(
    ['Cookie'],
    [
      fieldSet('Host', 'upstream.example'),
      fieldSet('X-Forwarded-For', '127.0.0.1'),
      fieldSet('Connection', ''),
    ],
    [fieldSet('X-Last', 'z', true)],
  );
  const options = { edits, isChunked: false, closes: false, switches: false, keepsLength: true };

  function read(reader: HeadReader, { octets, length }: typeof REQUEST): void {
    reader.reset();
    if (reader.read(octets, 0, length, LIMITS) !== HEAD_COMPLETE) throw new Error(reader.fault);
  }

  /** Copies longer than a loop is worth: into the window and out of it, and for each run of lines that stay. */
  const CASES: readonly [name: string, copies: number, once: () => void][] = [
    ['reading a request head', 2, () => read(request, REQUEST)],
    ['reading a response head', 2, () => read(response, RESPONSE)],
    ['reading a short head with an unusual method', 0, () => read(request, UNUSUAL_METHOD)],
    [
      'reading a head in two pieces',
      4,
      () => {
        request.reset();
        request.read(REQUEST.octets, 0, 100, LIMITS);
        request.read(REQUEST.octets, 100, REQUEST.length, LIMITS);
      },
    ],
    [
      'refusing a head',
      2,
      () => {
        request.reset();
        const answer = request.read(REQUEST.octets, 0, REQUEST.length, REFUSING);
        if (answer !== HEAD_REFUSED) throw new Error('taken');
      },
    ],
    [
      'writing a request head',
      2,
      () => {
        const start = out.begin();
        writeRequestHead(out, request.head, edits, null, 1, null, false);
        out.rewind(out.octets, start);
      },
    ],
    [
      'writing a response head',
      2,
      () => {
        const start = out.begin();
        writeResponseHead(out, response.head, options, null);
        out.rewind(out.octets, start);
      },
    ],
  ];

  let perCopy = 0;
  before(() => {
    const from = Buffer.alloc(200);
    const to = Buffer.alloc(200);
    perCopy = octetsPerRun(() => void from.copy(to, 0, 1, 120)).allocated;
  });

  for (const [name, copies, once] of CASES) {
    it(`${name} keeps nothing, and allocates nothing of its own`, () => {
      read(request, REQUEST);
      read(response, RESPONSE);
      const { allocated, kept } = octetsPerRun(once);
      expect(allocated, 'allocated').to.be.below(copies * perCopy + NOISE_OCTETS);
      expect(kept, 'kept').to.be.below(NOISE_OCTETS);
    });
  }
});

const REFUSING = { maxLineOctets: 8192, maxHeadOctets: 32768, maxFields: 3 };
