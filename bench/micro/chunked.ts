/**
 * Chunk framing per megabyte, in pieces as a socket delivers them, by size of the chunks; a copy of the same octets
 * stands beside it as the yardstick.
 */
import {
  CHUNKED_END,
  CHUNKED_MORE,
  CHUNKED_SPAN,
  ChunkedReader,
} from '../../src/wire/http1/chunked-reader.js';
import { chunkedContent } from '../fixtures.js';
import { check, type Case, type Skipped, type Suite } from '../suite.js';

const CONTENT_OCTETS = 1024 * 1024;
/** What one read of a busy socket brings. */
const PIECE_OCTETS = 65536;
const CHUNK_SIZES = [
  { name: '64 B', octets: 64 },
  { name: '4 KB', octets: 4096 },
  { name: '64 KB', octets: 65536 },
] as const;

/** Reads all pieces; answers the octets that would go on, or -1 if the content did not end where it should. */
function frame(pieces: readonly Buffer[], asReceived: boolean): number {
  const reader = new ChunkedReader(asReceived, 0);
  let octets = 0;
  let answer = CHUNKED_MORE;
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i];
    for (let at = 0; ; at = reader.at) {
      answer = reader.next(piece, at, piece.length);
      if (answer !== CHUNKED_SPAN) break;
      octets += reader.spanEnd - reader.spanStart;
    }
  }
  reader.release();
  return answer === CHUNKED_END ? octets : -1;
}

export const CHUNKED_SUITE: Suite = {
  name: 'chunked',
  about: 'chunk framing per MB of content, with chunks of 64 B, 4 KB and 64 KB',
  cases(): Promise<{ cases: Case[]; skipped: Skipped[] }> {
    const cases: Case[] = [];
    for (const { name, octets } of CHUNK_SIZES) {
      const whole = chunkedContent(CONTENT_OCTETS, octets);
      const pieces: Buffer[] = [];
      for (let at = 0; at < whole.length; at += PIECE_OCTETS)
        pieces.push(whole.subarray(at, at + PIECE_OCTETS));
      const group = `1 MB in chunks of ${name}`;
      check(`${group}: all goes on as received`, frame(pieces, true) === whole.length);
      check(`${group}: all content goes on`, frame(pieces, false) === CONTENT_OCTETS);
      const target = Buffer.alloc(whole.length);
      const copy = (): void => {
        let at = 0;
        for (let i = 0; i < pieces.length; i++) at += pieces[i].copy(target, at);
      };
      const shared = { group, octets: CONTENT_OCTETS };
      cases.push(
        { ...shared, subject: 'wirehop, as received', run: () => void frame(pieces, true) },
        { ...shared, subject: 'wirehop, content alone', run: () => void frame(pieces, false) },
        { ...shared, subject: 'a copy', run: copy },
      );
    }
    return Promise.resolve({ cases, skipped: [] });
  },
};
