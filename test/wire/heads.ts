/**
 * Heads out of text, and text out of a writer, for tests that need one of them.
 */
import { expect } from 'chai';
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import type { ValueSource } from '../../src/message/field-edits.js';
import type { Head } from '../../src/message/head.js';
import { HEAD_COMPLETE, HeadReader } from '../../src/wire/http1/head-reader.js';
import { TYPE_REQUEST, TYPE_RESPONSE } from '../../src/wire/http1/llhttp.js';
import { LIMITS } from './head-log.js';

const readers = { request: new HeadReader(TYPE_REQUEST), response: new HeadReader(TYPE_RESPONSE) };

/**
 * The head in `text` (Latin-1), which must be good. It stands in a reader of its kind: the next one overwrites it.
 */
export function headOf(type: 'request' | 'response', text: string, toHead = false): Head {
  const reader = readers[type];
  reader.reset();
  reader.toHead = toHead;
  const octets = Buffer.from(text, 'latin1');
  expect(reader.read(octets, 0, octets.length, LIMITS), `${reader.fault} in ${text}`).to.equal(HEAD_COMPLETE);
  expect(reader.consumed).to.equal(octets.length);
  return reader.head;
}

/**
 * What `write` lays down, as Latin-1, twice: into a new writer, and into one whose slab ends in the middle of it, so that
 * the span has to move. Both must be one span with the same octets, and what stood in front must not be touched.
 */
export function laidDown(write: (out: OctetWriter) => void): string {
  const out = new OctetWriter();
  out.begin();
  write(out);
  const text = out.octets.toString('latin1', out.start, out.position);
  for (let free = 0; free < text.length; free += Math.max(1, text.length >> 5)) {
    const tight = new OctetWriter();
    const slab = tight.octets;
    slab.fill(0x2e);
    tight.position = slab.length - free;
    tight.begin();
    write(tight);
    expect(tight.octets.toString('latin1', tight.start, tight.position), `${free} octets left`).to.equal(
      text,
    );
    expect(tight.octets, 'another slab').not.to.equal(slab);
    expect(slab.subarray(0, slab.length - free).every((octet) => octet === 0x2e)).to.equal(true);
  }
  return text;
}

/** A value that is asked for each time, Latin-1. */
export function dynamic<Context>(text: (context: Context) => string): ValueSource<Context> {
  return { put: (context, out) => out.putLatin1(text(context)) };
}
