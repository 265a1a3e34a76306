/**
 * Message content, however it is framed: one interface over a counted length, chunks and the connection's end.
 * Decides where content ends; which framing applies was decided by `message/framing`.
 */
import type { ErrorCode } from '../../error.js';
import type { OctetWriter } from '../../bytes/octet-writer.js';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, BODY_UNTIL_CLOSE, type Head } from '../../message/head.js';
import {
  CHUNKED_END,
  CHUNKED_REFUSED,
  CHUNKED_SPAN,
  CHUNKED_TRAILER,
  ChunkedReader,
} from './chunked-reader.js';

/** Answer of {@link ContentReader.next}: all octets are used. */
export const CONTENT_MORE = 0;
/** octets[spanStart, spanEnd) go on. */
export const CONTENT_SPAN = 1;
/** The trailer section of chunked content is whole: {@link ContentReader.writeTrailer}. */
export const CONTENT_TRAILER = 2;
/** The content is complete. */
export const CONTENT_END = 3;
/** The content breaks its framing; `fault` says how. */
export const CONTENT_REFUSED = 4;

/** Reads the content of one message after another. Owns no octets. */
export class ContentReader {
  /** Position behind the last octet used by {@link next}. */
  at = 0;
  /** First octet of the span, after CONTENT_SPAN. */
  spanStart = 0;
  /** Behind its last octet. */
  spanEnd = 0;

  private body = BODY_NONE;
  private left = 0;
  private passed = 0;
  private chunked: ChunkedReader | null = null;

  /**
   * Prepares for the content of `head`.
   * @param asReceived chunked content is passed on with its framing; false: without
   * @param maxContentOctets chunked content beyond this is refused; 0 for no limit
   * @param nameOctets as in HeadLimits, for the trailer section
   */
  begin(head: Head, asReceived: boolean, maxContentOctets: number, nameOctets?: Uint8Array): void {
    this.release();
    this.body = head.body;
    this.left = head.body === BODY_LENGTH ? head.contentLength : 0;
    this.passed = 0;
    if (head.body === BODY_CHUNKED) {
      this.chunked = new ChunkedReader(asReceived, maxContentOctets, head, nameOctets);
    }
  }

  /** What is wrong, after CONTENT_REFUSED. */
  get fault(): ErrorCode {
    return this.chunked === null ? 'UNEXPECTED_INPUT' : this.chunked.fault;
  }

  /** Reads octets[at, end) up to the next thing to report. Call again from `this.at` until MORE, END or REFUSED. */
  next(octets: Buffer, at: number, end: number): number {
    if (this.chunked !== null) return this.nextChunked(this.chunked, octets, at, end);
    this.at = at;
    if (this.body === BODY_NONE) return CONTENT_END;
    if (at === end) return this.body === BODY_LENGTH && this.left === 0 ? CONTENT_END : CONTENT_MORE;
    let count = end - at;
    if (this.body === BODY_LENGTH) {
      if (this.left === 0) return CONTENT_END;
      if (count > this.left) count = this.left;
      this.left -= count;
    }
    this.passed += count;
    this.spanStart = at;
    this.spanEnd = this.at = at + count;
    return CONTENT_SPAN;
  }

  /** Octets of content so far, framing excluded; for chunked content those that the chunk headers announced. */
  get contentOctets(): number {
    return this.chunked === null ? this.passed : this.chunked.contentOctets;
  }

  /** Whether the connection's end is the content's end. */
  get endsWithConnection(): boolean {
    return this.body === BODY_UNTIL_CLOSE;
  }

  /** Lays down the trailer section after CONTENT_TRAILER, and the end of the message. */
  writeTrailer(out: OctetWriter): void {
    this.chunked?.writeTrailer(out);
  }

  /** Gives back what is held; the reader may then begin again. */
  release(): void {
    this.chunked?.release();
    this.chunked = null;
    this.body = BODY_NONE;
  }

  private nextChunked(chunked: ChunkedReader, octets: Buffer, at: number, end: number): number {
    const answer = chunked.next(octets, at, end);
    this.at = chunked.at;
    switch (answer) {
      case CHUNKED_SPAN:
        this.spanStart = chunked.spanStart;
        this.spanEnd = chunked.spanEnd;
        return CONTENT_SPAN;
      case CHUNKED_TRAILER:
        return CONTENT_TRAILER;
      case CHUNKED_END:
        return CONTENT_END;
      case CHUNKED_REFUSED:
        return CONTENT_REFUSED;
      default:
        return CONTENT_MORE;
    }
  }
}

/** Stands where no content is, or comes any more. Begun for messages without content alone. */
export const NO_CONTENT = new ContentReader();

/** The reader for the content of `head`: `reader`, or a new one with the first message that has content. */
export function readerFor(reader: ContentReader, head: Head): ContentReader {
  return reader === NO_CONTENT && head.body !== BODY_NONE ? new ContentReader() : reader;
}
