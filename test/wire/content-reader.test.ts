/**
 * The content reader over each framing. Chunked content has tables of its own; here it only has to be routed.
 */
import { expect } from 'chai';
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { BODY_CHUNKED, BODY_NONE, Head } from '../../src/message/head.js';
import { CONTENT_END, CONTENT_MORE, ContentReader } from '../../src/wire/http1/content-reader.js';
import { octetsOf } from './escapes.js';
import { type ContentReplayOptions, contentReplay } from './content-log.js';
import { itReplaysEverySplit } from './replay.js';

const CASES: readonly (ContentReplayOptions & { name: string; octets: string; log: string[] })[] = [
  { name: 'no content', body: 'none', octets: 'GET', log: ['end', 'rest GET'] },
  { name: 'no content, no octets', body: 'none', octets: '', log: ['end'] },
  { name: 'a length', body: 'length', contentLength: 3, octets: 'foo', log: ['data foo', 'end'] },
  {
    name: 'a length, and more behind it',
    body: 'length',
    contentLength: 3,
    octets: 'foobar',
    log: ['data foo', 'end', 'rest bar'],
  },
  {
    name: 'a length, and too little',
    body: 'length',
    contentLength: 5,
    octets: 'foo',
    log: ['data foo', 'incomplete'],
  },
  {
    name: 'a length that no connection can carry',
    body: 'length',
    contentLength: Number.MAX_SAFE_INTEGER,
    octets: 'foo',
    log: ['data foo', 'incomplete'],
  },
  {
    name: 'up to the close',
    body: 'until-close',
    octets: 'foo\\r\\n\\r\\n',
    log: ['data foo\\r\\n\\r\\n', 'until close'],
  },
  { name: 'up to the close, nothing', body: 'until-close', octets: '', log: ['until close'] },
  {
    name: 'chunks',
    body: 'chunked',
    octets: '3\\r\\nfoo\\r\\n0\\r\\nA: b\\r\\n\\r\\nbar',
    log: ['data foo', 'trailer A: b\\r\\n\\r\\n', 'end', 'rest bar'],
  },
  { name: 'bad chunks', body: 'chunked', octets: 'x', log: ['error CHUNK_SIZE_INVALID @0'] },
];

describe('content reader', () => {
  for (const { name, octets, log, ...options } of CASES) {
    describe(name, () => itReplaysEverySplit(octetsOf(octets), log, contentReplay(options)));
  }

  it('says which content ends with the connection', () => {
    const reader = new ContentReader();
    const head = new Head(0);
    for (const [body, ends] of [
      [0, false],
      [1, false],
      [2, false],
      [3, true],
    ] as const) {
      head.body = body;
      reader.begin(head, false, 0);
      expect(reader.endsWithConnection).to.equal(ends);
    }
    reader.release();
  });

  it('asks for nothing behind a length of nothing', () => {
    // message/framing makes a length of 0 no content; a reader that is told otherwise still ends.
    const reader = new ContentReader();
    const head = new Head(0);
    head.body = 1;
    head.contentLength = 0;
    reader.begin(head, false, 0);
    expect(reader.next(Buffer.from('x'), 0, 1)).to.equal(CONTENT_END);
    expect(reader.at).to.equal(0);
    reader.begin(head, false, 0);
    expect(reader.next(Buffer.alloc(0), 0, 0)).to.equal(CONTENT_END);
  });

  it('begins anew in the middle of other content', () => {
    const reader = new ContentReader();
    const head = new Head(0);
    head.body = BODY_CHUNKED;
    reader.begin(head, false, 0);
    const half = Buffer.from('0\r\nA: b');
    expect(reader.next(half, 0, half.length)).to.equal(CONTENT_MORE);
    head.body = BODY_NONE;
    reader.begin(head, false, 0);
    expect(reader.next(half, 0, half.length)).to.equal(CONTENT_END);
    // Nothing of the trailer section that was begun is left.
    const out = new OctetWriter();
    reader.writeTrailer(out);
    expect(out.position).to.equal(0);
    reader.release();
  });
});
