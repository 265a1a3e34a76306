/**
 * Octets of an answer become calls of Node's response object: its status, fields, content and trailers. Interim
 * responses go out where Node has a call for them (100, 102, 103), and are dropped where it has none.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OctetWriter } from '../bytes/octet-writer.js';
import { BODY_CHUNKED, FIELD_STRIDE, type Head, NAME_END, NAME_START } from '../message/head.js';
import {
  CONTENT_END,
  CONTENT_MORE,
  CONTENT_REFUSED,
  CONTENT_SPAN,
  ContentReader,
} from '../wire/http1/content-reader.js';
import {
  acquireReader,
  HEAD_COMPLETE,
  HEAD_MORE,
  type HeadReader,
  LARGEST_HEAD_OCTETS,
  releaseReader,
} from '../wire/http1/head-reader.js';
import { TYPE_RESPONSE } from '../wire/http1/llhttp.js';

/** The machine wrote what is read here: its own limits have been kept. */
const LIMITS = { maxLineOctets: LARGEST_HEAD_OCTETS, maxHeadOctets: LARGEST_HEAD_OCTETS, maxFields: 65_535 };
/** Between the machine and this file; the server says its own to its peer. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding']);

const scratch = new OctetWriter();

export class WebAnswer {
  /** The whole answer was handed to the response. */
  isComplete = false;
  private reader: HeadReader | null;
  private readonly content = new ContentReader();
  /** The response has begun, by this answer. */
  hasHead = false;
  /** Content that is written with what follows: with the end, if that comes at once. */
  private pending: Buffer | null = null;
  /** The response says that it has enough. */
  private isFull = false;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
  ) {
    this.reader = acquireReader(TYPE_RESPONSE);
    this.reader.toHead = request.method === 'HEAD';
  }

  /**
   * Takes octets of the answer, which are the answer's from here on. Throws what the response throws.
   * @returns false if the response wants no more for now
   */
  take(octets: Buffer): boolean {
    this.isFull = false;
    let at = 0;
    while (!this.hasHead && at < octets.length) at = this.readHead(octets, at);
    if (this.hasHead && !this.isComplete) this.readContent(octets, at);
    if (!this.isComplete && this.hasHead) {
      if (this.pending !== null) this.flush();
      // A head alone goes at once: who waits for events sees that they will come.
      else if (!this.response.headersSent) this.response.flushHeaders();
    }
    return !this.isFull;
  }

  /** The connection to the machine is closed in order. Answers whether that makes the answer whole. */
  end(): boolean {
    if (!this.isComplete && this.hasHead && this.content.endsWithConnection) this.finish();
    return this.isComplete;
  }

  release(): void {
    this.content.release();
    if (this.reader !== null) releaseReader(this.reader);
    this.reader = null;
  }

  private readHead(octets: Buffer, at: number): number {
    const reader = this.reader!;
    const answer = reader.read(octets, at, octets.length, LIMITS);
    if (answer === HEAD_MORE) return octets.length;
    if (answer !== HEAD_COMPLETE) throw new Error(`the answer cannot be read: ${reader.fault}`);
    const { head, consumed } = reader;
    if (head.status < 200) {
      this.sendInterim(head);
      reader.reset();
      return consumed;
    }
    this.hasHead = true;
    this.sendHead(head);
    this.content.begin(head, false, 0);
    return consumed;
  }

  private sendInterim(head: Head): void {
    const { response, request } = this;
    if (head.status === 100) {
      if (request.headers.expect !== undefined) response.writeContinue();
    } else if (head.status === 102) {
      response.writeProcessing();
    } else if (head.status === 103) {
      const hints = fieldsOf(head);
      try {
        if (hints.has('link')) response.writeEarlyHints(lowerCase(hints));
      } catch {
        // Node checks Link by a grammar of its own; a hint that it does not take is no loss.
      }
    }
  }

  private sendHead(head: Head): void {
    const { response, request } = this;
    response.statusCode = head.status;
    if (request.httpVersionMajor < 2) response.statusMessage = head.text(head.reasonStart, head.reasonEnd);
    // Node refuses Trailer where it writes no chunks.
    const hasTrailers = head.body === BODY_CHUNKED && request.httpVersion === '1.1';
    for (const [lower, [name, values]] of fieldsOf(head)) {
      if (HOP_BY_HOP.has(lower) || (lower === 'trailer' && !hasTrailers)) continue;
      response.setHeader(name, values.length === 1 ? values[0] : values);
    }
  }

  private readContent(octets: Buffer, from: number): void {
    const { content } = this;
    for (let at = from; ; at = content.at) {
      const answer = content.next(octets, at, octets.length);
      if (answer === CONTENT_MORE) return;
      if (answer === CONTENT_REFUSED) throw new Error(`the answer cannot be read: ${content.fault}`);
      if (answer === CONTENT_SPAN) {
        if (this.pending !== null) this.flush();
        this.pending = octets.subarray(content.spanStart, content.spanEnd);
      } else if (answer === CONTENT_END) {
        this.finish();
        return;
      } else {
        this.sendTrailers();
      }
    }
  }

  private sendTrailers(): void {
    scratch.position = 0;
    scratch.begin();
    this.content.writeTrailer(scratch);
    const text = scratch.octets.toString('latin1', scratch.start, scratch.position);
    const lines = text.split('\r\n').filter((line) => line !== '');
    const pairs = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 2)];
    });
    if (pairs.length > 0) this.response.addTrailers(pairs);
  }

  private flush(): void {
    const { pending } = this;
    this.pending = null;
    if (pending !== null && !this.response.write(pending)) this.isFull = true;
  }

  private finish(): void {
    const { pending } = this;
    this.pending = null;
    this.isComplete = true;
    if (pending === null) this.response.end();
    else this.response.end(pending);
  }
}

/** As Node wants hints: names in lower case. */
function lowerCase(fields: ReturnType<typeof fieldsOf>): Record<string, string[]> {
  return Object.fromEntries(Array.from(fields, ([name, [, values]]) => [name, values]));
}

/** Lines of one name together: by the name in lower case, the name as first spelt and all values. */
function fieldsOf(head: Head): Map<string, [name: string, values: string[]]> {
  const lines = new Map<string, [string, string[]]>();
  for (let i = 0; i < head.count; i++) {
    const f = i * FIELD_STRIDE;
    const name = head.text(head.fields[f + NAME_START], head.fields[f + NAME_END]);
    const known = lines.get(name.toLowerCase());
    if (known === undefined) lines.set(name.toLowerCase(), [name, [head.valueText(i)]]);
    else known[1].push(head.valueText(i));
  }
  return lines;
}
