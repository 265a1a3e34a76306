/**
 * Chunked content (RFC 9112 7.1): decides where chunks, the trailer section and the message end, and which octets may
 * go on as received. Strict: CRLF only, at most 16 hexadecimal digits, extensions by grammar, bounded and dropped.
 *
 * Written by hand rather than through llhttp, which reads the heads and trailers: llhttp would need every octet of
 * content copied into WebAssembly memory and a parser for each message under way, reports no chunk header in this
 * build, and takes a megabyte of leading zeros and sizes up to 2^64 - 1. A property test holds the two against each
 * other.
 */
import type { ErrorCode } from '../../error.js';
import {
  BACKSLASH,
  CLASS,
  CR,
  DQUOTE,
  EQUALS,
  FIELD_VALUE,
  HEX_VALUE,
  LF,
  SEMICOLON,
  TOKEN,
} from '../../bytes/octets.js';
import type { OctetWriter } from '../../bytes/octet-writer.js';
import { isNominated } from '../../message/connection-field.js';
import {
  CONNECTION,
  CONTENT_LENGTH,
  HOP_BY_HOP,
  HOST,
  TRANSFER_ENCODING,
} from '../../message/field-names.js';
import {
  FIELD_STRIDE,
  type Head,
  NAME_END,
  NAME_ID,
  NAME_START,
  NOMINATED,
  OPTION_OTHER,
  VALUE_END,
  VALUE_START,
} from '../../message/head.js';
import { acquireReader, HEAD_COMPLETE, HEAD_REFUSED, type HeadReader, releaseReader } from './head-reader.js';
import { TYPE_REQUEST } from './llhttp.js';

/** Answer of {@link ChunkedReader.next}: all octets are used. */
export const CHUNKED_MORE = 0;
/** octets[spanStart, spanEnd) go on: framing and content as received, or content alone. */
export const CHUNKED_SPAN = 1;
/** The trailer section is whole and good: {@link ChunkedReader.writeTrailer} has it. */
export const CHUNKED_TRAILER = 2;
/** The message is complete. */
export const CHUNKED_END = 3;
/** `fault` says why the content cannot be trusted; nothing more may be read. */
export const CHUNKED_REFUSED = 4;

/** Longest chunk-size line: 16 digits and this much extension. curl sends none, and nobody needs more. */
const MAX_EXTENSION_OCTETS = 256;
const MAX_SIZE_DIGITS = 16;
const TRAILER_LIMITS = { maxLineOctets: 4096, maxHeadOctets: 8192, maxFields: 64 };
/** Why a trailer section is refused that is too large; all else is its grammar. */
const EXCESSES: ReadonlySet<ErrorCode> = new Set([
  'HEAD_TOO_LARGE',
  'FIELD_LINE_TOO_LARGE',
  'TOO_MANY_FIELDS',
]);

/** Places in the grammar. Those from EXTENSION_NAME_FIRST to EXTENSION_QUOTED_END are inside an extension. */
const SIZE_FIRST = 0;
const SIZE = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_FIRST = 6;
const TRAILER_FIELDS = 7;
const END_LF = 8;
const DONE = 9;
const EXTENSION_NAME_FIRST = 10;
const EXTENSION_NAME = 11;
const EXTENSION_VALUE_FIRST = 12;
const EXTENSION_VALUE = 13;
const EXTENSION_QUOTED = 14;
const EXTENSION_ESCAPED = 15;
const EXTENSION_QUOTED_END = 16;

/** Reads the content of one message. */
export class ChunkedReader {
  /** Position behind the last octet used by {@link next}. */
  at = 0;
  spanStart = 0;
  spanEnd = 0;
  fault: ErrorCode = 'CHUNK_SIZE_INVALID';
  /** Octets of content announced by the chunk headers so far. */
  contentOctets = 0;

  private state = SIZE_FIRST;
  /** Octets of the current chunk still to come; while its size is read, the size so far. */
  private left = 0;
  private digits = 0;
  private extensionOctets = 0;
  private trailer: HeadReader | null = null;

  /**
   * @param asReceived spans hold framing and content as received, extensions cut out; false: content alone
   * @param maxContentOctets CONTENT_TOO_LARGE beyond this; 0 for no limit
   * @param owner the message's head: trailer fields that its Connection names do not go on
   * @param nameOctets as in HeadLimits: nor do those with another octet in their names
   */
  constructor(
    private readonly asReceived: boolean,
    private readonly maxContentOctets: number,
    private readonly owner: Head | null = null,
    private readonly nameOctets?: Uint8Array,
  ) {}

  /**
   * Reads octets[at, end) up to the next thing to report. Call again from `this.at`, also when it equals `end`, until
   * the answer is CHUNKED_MORE, CHUNKED_END or CHUNKED_REFUSED.
   */
  next(octets: Buffer, at: number, end: number): number {
    const raw = this.asReceived;
    let from = at;
    for (let i = at; i < end; i++) {
      const octet = octets[i];
      switch (this.state) {
        case SIZE_FIRST:
        case SIZE: {
          const digit = HEX_VALUE[octet];
          if (digit !== 255) {
            this.left = this.left * 16 + digit;
            if (++this.digits > MAX_SIZE_DIGITS || this.left > Number.MAX_SAFE_INTEGER)
              return this.refuse('CHUNK_SIZE_INVALID', i);
            this.state = SIZE;
          } else if (this.state === SIZE && octet === CR) {
            this.state = SIZE_LF;
          } else if (this.state === SIZE && octet === SEMICOLON) {
            this.state = EXTENSION_NAME_FIRST;
            this.extensionOctets = 0;
            if (raw && i > from) return this.span(from, i, i + 1);
          } else {
            return this.refuse('CHUNK_SIZE_INVALID', i);
          }
          break;
        }
        case SIZE_LF:
          if (octet !== LF) return this.refuse('CHUNK_SIZE_INVALID', i);
          this.digits = 0;
          this.contentOctets += this.left;
          if (this.maxContentOctets > 0 && this.contentOctets > this.maxContentOctets) {
            return this.refuse('CONTENT_TOO_LARGE', i);
          }
          this.state = this.left === 0 ? TRAILER_FIRST : DATA;
          break;
        case DATA: {
          const count = Math.min(this.left, end - i);
          this.left -= count;
          if (this.left === 0) this.state = DATA_CR;
          if (!raw) return this.span(i, i + count, i + count);
          i += count - 1;
          break;
        }
        case DATA_CR:
          if (octet !== CR) return this.refuse('CHUNK_END_INVALID', i);
          this.state = DATA_LF;
          break;
        case DATA_LF:
          if (octet !== LF) return this.refuse('CHUNK_END_INVALID', i);
          this.state = SIZE_FIRST;
          break;
        case TRAILER_FIRST:
          if (octet === CR) {
            this.state = END_LF;
            break;
          }
          this.state = TRAILER_FIELDS;
          this.trailer = acquireReader(TYPE_REQUEST);
          this.trailer.beginTrailer();
          if (raw && i > from) return this.span(from, i, i);
          return this.readTrailer(octets, i, end);
        case TRAILER_FIELDS:
          return this.readTrailer(octets, i, end);
        case END_LF:
          if (octet !== LF) return this.refuse('TRAILER_INVALID', i);
          this.state = DONE;
          if (raw) return this.span(from, i + 1, i + 1);
          this.at = i + 1;
          return CHUNKED_END;
        case DONE:
          this.at = i;
          return CHUNKED_END;
        default:
          if (++this.extensionOctets > MAX_EXTENSION_OCTETS) return this.refuse('CHUNK_LINE_TOO_LARGE', i);
          if (!this.readExtension(octet)) return this.refuse('CHUNK_EXTENSION_INVALID', i);
          // The next span begins with the CR that ends the shortened line.
          if (this.state === SIZE_LF) from = i;
          break;
      }
    }
    this.at = end;
    if (this.state === DONE) return CHUNKED_END;
    if (raw && end > from && this.state < EXTENSION_NAME_FIRST) return this.span(from, end, end);
    return CHUNKED_MORE;
  }

  /** Lays down the trailer section as received, less the fields that do not belong there, and the end of the message. */
  writeTrailer(out: OctetWriter): void {
    const { owner } = this;
    const { head } = this.trailer!;
    const hasNominations = owner !== null && (owner.connection & OPTION_OTHER) !== 0;
    for (let i = 0; i < head.count; i++) {
      const f = i * FIELD_STRIDE;
      const id = head.fields[f + NAME_ID];
      const start = head.fields[f + NAME_START];
      const end = head.fields[f + NAME_END];
      if ((id !== 0 && HOP_BY_HOP.includes(id)) || id >= NOMINATED) continue;
      if (hasNominations && isNominated(owner, head.octets, start, end)) continue;
      out.put(head.octets, start, end);
      out.putLatin1(': ');
      out.put(head.octets, head.fields[f + VALUE_START], head.fields[f + VALUE_END]);
      out.putLatin1('\r\n');
    }
    out.putLatin1('\r\n');
  }

  /** Gives back what is held. Must be called when the message is done with, however it ended. */
  release(): void {
    if (this.trailer !== null) releaseReader(this.trailer);
    this.trailer = null;
  }

  private readTrailer(octets: Buffer, at: number, end: number): number {
    const trailer = this.trailer!;
    const { nameOctets } = this;
    const limits = nameOctets === undefined ? TRAILER_LIMITS : { ...TRAILER_LIMITS, nameOctets };
    const answer = trailer.read(octets, at, end, limits);
    if (answer === HEAD_REFUSED) {
      const isExcess = EXCESSES.has(trailer.fault);
      return this.refuse(isExcess ? 'TRAILER_TOO_LARGE' : 'TRAILER_INVALID', at);
    }
    this.at = trailer.consumed;
    if (answer !== HEAD_COMPLETE) return CHUNKED_MORE;
    // RFC 9110 6.5.1: framing, routing and connection control never belong in a trailer section.
    for (const id of FORBIDDEN_TRAILERS)
      if (trailer.head.findField(id) >= 0) return this.refuse('TRAILER_INVALID', at);
    this.state = DONE;
    return CHUNKED_TRAILER;
  }

  /** chunk-ext = *( ";" name [ "=" ( token / quoted-string ) ] ), without the bad whitespace that RFC 9112 allows. */
  private readExtension(octet: number): boolean {
    switch (this.state) {
      case EXTENSION_NAME_FIRST:
      case EXTENSION_VALUE_FIRST:
        if (this.state === EXTENSION_VALUE_FIRST && octet === DQUOTE) {
          this.state = EXTENSION_QUOTED;
          return true;
        }
        this.state = this.state === EXTENSION_NAME_FIRST ? EXTENSION_NAME : EXTENSION_VALUE;
        return (CLASS[octet] & TOKEN) !== 0;
      case EXTENSION_QUOTED:
        if (octet === DQUOTE) this.state = EXTENSION_QUOTED_END;
        else if (octet === BACKSLASH) this.state = EXTENSION_ESCAPED;
        return (CLASS[octet] & FIELD_VALUE) !== 0;
      case EXTENSION_ESCAPED:
        this.state = EXTENSION_QUOTED;
        return (CLASS[octet] & FIELD_VALUE) !== 0;
      default:
        if (octet === CR) this.state = SIZE_LF;
        else if (octet === SEMICOLON) this.state = EXTENSION_NAME_FIRST;
        else if (octet === EQUALS && this.state === EXTENSION_NAME) this.state = EXTENSION_VALUE_FIRST;
        else return this.state !== EXTENSION_QUOTED_END && (CLASS[octet] & TOKEN) !== 0;
        return true;
    }
  }

  private span(start: number, end: number, at: number): number {
    this.spanStart = start;
    this.spanEnd = end;
    this.at = at;
    return CHUNKED_SPAN;
  }

  private refuse(fault: ErrorCode, at: number): number {
    this.fault = fault;
    this.at = at;
    return CHUNKED_REFUSED;
  }
}

const FORBIDDEN_TRAILERS = [CONTENT_LENGTH, TRANSFER_ENCODING, HOST, CONNECTION];
