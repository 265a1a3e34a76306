/**
 * Parts of a file (RFC 9110 14), as nginx reads them (`ngx_http_range_filter_module.c`).
 */
import { FIELD_NAMES } from '../../message/field-names.js';
import type { Head } from '../../message/head.js';
import { parseHttpTime } from '../http-time.js';
import type { FilePart } from './open-file.js';

const RANGE = FIELD_NAMES.intern('range');
const IF_RANGE = FIELD_NAMES.intern('if-range');

/** The parts that a request asks for; null for all of it; 416 where it asks for none that there is. */
export function partsOf(
  request: Head,
  size: number,
  modified: number,
  etag: string,
  maxRanges: number,
): readonly FilePart[] | null | 416 {
  if (maxRanges === 0) return null;
  const index = request.findField(RANGE);
  if (index < 0) return null;
  const text = request.valueText(index);
  if (text.length < 7 || text.slice(0, 6).toLowerCase() !== 'bytes=') return null;
  if (!stillHolds(request, modified, etag)) return null;
  return parse(text.slice(6), size, maxRanges);
}

/** If-Range: what the client has parts of is what there is. */
function stillHolds(request: Head, modified: number, etag: string): boolean {
  const index = request.findField(IF_RANGE);
  if (index < 0) return true;
  const text = request.valueText(index);
  return text.endsWith('"') && text.length >= 2
    ? text === etag && etag !== ''
    : parseHttpTime(text) === modified;
}

const SPEC = /^ *(?:(\d+) *- *(\d*)|-(\d+)) *$/;

function parse(list: string, size: number, maxRanges: number): readonly FilePart[] | null | 416 {
  const parts: FilePart[] = [];
  let sum = 0;
  for (const spec of list.split(',')) {
    const match = SPEC.exec(spec);
    if (match === null) return 416;
    const [, first, last, suffix] = match;
    const numbers = [first, last, suffix].map((digits) =>
      digits === undefined || digits === '' ? -1 : Number(digits),
    );
    if (numbers.some((number) => number > Number.MAX_SAFE_INTEGER)) return 416;
    const start = suffix === undefined ? numbers[0] : Math.max(0, size - numbers[2]);
    const end = suffix !== undefined || numbers[1] < 0 ? size : Math.min(size, numbers[1] + 1);
    if (start < end) {
      parts.push({ start, end });
      sum += end - start;
      if (parts.length > maxRanges) return null;
    } else if (start === 0) {
      return null;
    }
  }
  if (parts.length === 0) return 416;
  // More than there is, in pieces: all of it costs less.
  return sum > size ? null : parts;
}
