/**
 * How a message's content ends: RFC 9112 6.3, asked once per message. Nobody else looks at Content-Length or
 * Transfer-Encoding. What is ambiguous is refused, never repaired: two readers that repair differently are how
 * requests are smuggled.
 */
import type { ErrorCode } from '../error.js';
import { CLASS, DIGIT, equalsFolded, latin1 } from '../bytes/octets.js';
import * as h from './head.js';
import type { Head } from './head.js';

const CHUNKED = latin1('chunked');

/**
 * @param lengths number of Content-Length lines, `lengthField` the last one's place in `head.fields`
 * @param codings number of Transfer-Encoding lines, `codingField` the last one's place
 * @returns null when `head.body` and `head.contentLength` are set
 */
export function decideRequestFraming(
  head: Head,
  lengths: number,
  lengthField: number,
  codings: number,
  codingField: number,
): ErrorCode | null {
  head.contentLength = 0;
  // 3. Both at once "ought to be handled as an error": it is one here.
  if (codings > 0 && lengths > 0) return 'FRAMING_AMBIGUOUS';
  // 4. A transfer coding: chunked alone, and only where the version knows it.
  if (codings > 0) {
    if (head.minorVersion === 0) return 'TRANSFER_CODING_IN_1_0';
    if (codings > 1) return 'TRANSFER_CODING_REPEATED';
    if (!isChunked(head, codingField)) return 'TRANSFER_CODING_UNKNOWN';
    head.body = h.BODY_CHUNKED;
    return null;
  }
  // 5., 6. One Content-Length.
  if (lengths > 0) return readLength(head, lengths, lengthField);
  // 7. Neither: no content.
  head.body = h.BODY_NONE;
  return null;
}

/**
 * The same for a response. `toHead`: it answers a HEAD request.
 * @returns null when `head.body` and `head.contentLength` are set
 */
export function decideResponseFraming(
  head: Head,
  toHead: boolean,
  lengths: number,
  lengthField: number,
  codings: number,
  codingField: number,
): ErrorCode | null {
  head.contentLength = 0;
  head.body = h.BODY_NONE;
  if (codings > 0 && lengths > 0) return 'FRAMING_AMBIGUOUS';
  if (codings > 1) return 'TRANSFER_CODING_REPEATED';
  // Malformed framing fields are refused even where no content follows: the sender cannot be trusted to know.
  if (lengths > 0) {
    const fault = readLength(head, lengths, lengthField);
    if (fault !== null) return fault;
  } else if (codings > 0) {
    if (!isChunked(head, codingField)) return 'TRANSFER_CODING_UNKNOWN';
    if (head.minorVersion === 0) return 'TRANSFER_CODING_IN_1_0';
  }
  // 1. Answers to HEAD, interim answers, 204 and 304 end with their head.
  if (toHead || head.status < 200 || head.status === 204 || head.status === 304) {
    head.body = h.BODY_NONE;
    return null;
  }
  if (codings > 0) {
    head.body = h.BODY_CHUNKED;
  } else if (lengths === 0) {
    // 8. Up to the connection's end.
    head.body = h.BODY_UNTIL_CLOSE;
  }
  return null;
}

/** `chunked` in any case, and nothing else. */
function isChunked(head: Head, field: number): boolean {
  return equalsFolded(
    head.octets,
    head.fields[field + h.VALUE_START],
    head.fields[field + h.VALUE_END],
    CHUNKED,
  );
}

/** One line of digits, no sign, at most 2^53 - 1: beyond that a JavaScript number would round. */
function readLength(head: Head, lengths: number, field: number): ErrorCode | null {
  if (lengths > 1) return 'CONTENT_LENGTH_REPEATED';
  const { octets, fields } = head;
  const end = fields[field + h.VALUE_END];
  let i = fields[field + h.VALUE_START];
  if (i === end) return 'CONTENT_LENGTH_INVALID';
  let length = 0;
  for (; i < end; i++) {
    if ((CLASS[octets[i]] & DIGIT) === 0) return 'CONTENT_LENGTH_INVALID';
    // The digit's value first: beyond 2^53 on the way there, the sum would be rounded.
    length = length * 10 + (octets[i] - 0x30);
    if (length > Number.MAX_SAFE_INTEGER) return 'CONTENT_LENGTH_INVALID';
  }
  head.contentLength = length;
  head.body = length === 0 ? h.BODY_NONE : h.BODY_LENGTH;
  return null;
}
