/**
 * What one request gets of a file: which part, and what the head says of it. Decides by conditions and ranges; the lines
 * themselves are value sources that a location's plans share.
 */
import type { OctetWriter } from '../../bytes/octet-writer.js';
import type { Exchange } from '../../machine/exchange.js';
import type { ContentSource } from '../../machine/policy.js';
import type { ValueSource } from '../../message/field-edits.js';
import type { Head } from '../../message/head.js';
import { contextOf } from '../context.js';
import { httpTime } from '../http-time.js';
import type { FilePart, OpenFile } from './open-file.js';
import { judge, type ModifiedRule } from './preconditions.js';
import { partsOf } from './ranges.js';

/** What a location says about conditions and parts. */
export interface RepresentationRules {
  /** etag. */
  readonly hasEtag: boolean;
  /** if_modified_since. */
  readonly modifiedRule: ModifiedRule;
  /** max_ranges. */
  readonly maxRanges: number;
}

export class Representation {
  /** With its quotes; '' for none. */
  readonly etag: string;
  /** Accept-Ranges is said. */
  acceptsRanges = false;
  /** Content-Range, '' for none. */
  contentRange = '';
  /** What parts the pieces of multipart/byteranges, '' for other content. */
  boundary = '';

  constructor(
    readonly file: OpenFile,
    private readonly rules: RepresentationRules,
  ) {
    this.etag = rules.hasEtag ? `"${file.modified.toString(16)}-${file.size.toString(16)}"` : '';
  }

  /**
   * Reads the conditions and ranges of a request that would be answered 200.
   * @param type Content-Type of the whole, asked where there are several parts
   */
  negotiate(request: Head, type: () => string): 200 | 206 | 304 | 412 | 416 {
    const { file, etag, rules } = this;
    const verdict = judge(request, file.modified, etag, rules.modifiedRule);
    if (verdict !== 200) return verdict;
    const parts = partsOf(request, file.size, file.modified, etag, rules.maxRanges);
    if (parts === null) {
      this.acceptsRanges = rules.maxRanges > 0;
      return 200;
    }
    if (parts === 416) {
      this.contentRange = `bytes */${file.size}`;
      return 416;
    }
    if (parts.length === 1) this.sendPart(parts[0]);
    else this.sendParts(parts, type());
    return 206;
  }

  private sendPart(part: FilePart): void {
    this.contentRange = rangeText(part, this.file.size);
    this.file.choose([part]);
  }

  private sendParts(parts: readonly FilePart[], type: string): void {
    this.boundary = nextBoundary();
    const typeLine = type === '' ? '' : `Content-Type: ${type}\r\n`;
    const pieces = parts.flatMap((part): (FilePart | Buffer)[] => {
      const range = rangeText(part, this.file.size);
      const lines = `\r\n--${this.boundary}\r\n${typeLine}Content-Range: ${range}\r\n\r\n`;
      return [Buffer.from(lines, 'latin1'), part];
    });
    this.file.choose([...pieces, Buffer.from(`\r\n--${this.boundary}--\r\n`, 'latin1')]);
  }
}

function rangeText({ start, end }: FilePart, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

let boundaries = Math.floor(Math.random() * 1e9);

/** 20 digits, as nginx's. */
function nextBoundary(): string {
  return String(++boundaries).padStart(20, '0');
}

/** The file that an exchange is answered with, or null. */
export function representationOf(exchange: Exchange): Representation | null {
  return contextOf(exchange).file;
}

/** The content of such an answer: what a plan's `source` is. */
export function fileSource(exchange: Exchange): ContentSource | null {
  return representationOf(exchange)?.file ?? null;
}

function line(text: (file: Representation, status: number) => string): ValueSource<Exchange> {
  return {
    put(exchange: Exchange, out: OctetWriter): void {
      const file = representationOf(exchange);
      if (file !== null) out.putLatin1(text(file, exchange.status));
    },
  };
}

/** Not on the page of another status, as in nginx. */
export const LAST_MODIFIED_LINE = line(({ file }, status) =>
  status === 200 || status === 206 || status === 304 ? httpTime(file.modified) : '',
);
export const ETAG_LINE = line(({ etag }) => etag);
export const ACCEPT_RANGES_LINE = line(({ acceptsRanges }) => (acceptsRanges ? 'bytes' : ''));
export const CONTENT_RANGE_LINE = line(({ contentRange }) => contentRange);

/** Content-Type: of the file, or of its several parts. @param type of the file */
export function typeLine(type: ValueSource<Exchange>): ValueSource<Exchange> {
  return {
    put(exchange: Exchange, out: OctetWriter): void {
      const boundary = representationOf(exchange)?.boundary ?? '';
      if (boundary === '') type.put(exchange, out);
      else out.putLatin1(`multipart/byteranges; boundary=${boundary}`);
    },
  };
}
