/**
 * Replays heads through a HeadReader and writes down what it made of them: the log lines of the case files.
 */
import { HEAD_MORE, HEAD_REFUSED, type HeadLimits, HeadReader } from '../../src/wire/http1/head-reader.js';
import { type Llhttp, sharedLlhttp, TYPE_REQUEST, TYPE_RESPONSE } from '../../src/wire/http1/llhttp.js';
import * as h from '../../src/message/head.js';
import { visible } from './escapes.js';
import { EventLog, feed, type Replay } from './replay.js';

/** nginx's defaults: large_client_header_buffers 4 8k, and room for any head of these cases. */
export const LIMITS: HeadLimits = { maxLineOctets: 8192, maxHeadOctets: 32768, maxFields: 100 };

const FORMS = ['origin', 'absolute', 'authority', 'asterisk'];
const KINDS = ['other', 'GET', 'HEAD', 'CONNECT', 'OPTIONS', 'idempotent', 'TRACE'];
const BODIES = ['none', 'length', 'chunked', 'until-close'];
const OPTIONS = ['close', 'keep-alive', 'upgrade', 'other'];

export interface HeadReplayOptions {
  readonly type: 'request' | 'response';
  readonly toHead?: boolean;
  readonly limits?: HeadLimits;
  readonly llhttp?: Llhttp;
}

/**
 * Readers are used again: parsers in WebAssembly memory are never freed, and every case then proves that a reader is
 * clean after the one before, whatever became of that.
 */
const readers = new Map<Llhttp, HeadReader[]>();

function readerFor(type: number, llhttp: Llhttp): HeadReader {
  let pair = readers.get(llhttp);
  if (pair === undefined) readers.set(llhttp, (pair = []));
  return (pair[type] ??= new HeadReader(type, llhttp));
}

/** A replay of one or several heads; octets behind a message with content, or behind a response, are `rest`. */
export function headReplay(options: HeadReplayOptions): Replay {
  const type = options.type === 'request' ? TYPE_REQUEST : TYPE_RESPONSE;
  const { limits = LIMITS, llhttp = sharedLlhttp(), toHead = false } = options;
  return (pieces) => {
    const reader = readerFor(type, llhttp);
    const log = new EventLog();
    reader.toHead = toHead;
    reader.reset();
    let isRest = false;
    let isRefused = false;
    let seen = Buffer.alloc(0);
    feed(pieces, (chunk, start, end) => {
      // What another connection's reader leaves in the window, which all share.
      llhttp.window.fill(0x41);
      let at = start;
      while (at < end && !isRest) {
        const answer = reader.read(chunk, at, end, limits);
        if (answer === HEAD_REFUSED) {
          log.add(`error ${reader.fault} @${reader.faultOffset}`);
          isRefused = true;
          return false;
        }
        seen = Buffer.concat([seen, chunk.subarray(at, reader.consumed)]);
        at = reader.consumed;
        if (answer === HEAD_MORE) {
          if (at !== end) log.add(`stopped ${end - at} octets short`);
          return true;
        }
        logHead(log, reader, seen);
        seen = Buffer.alloc(0);
        isRest = type === TYPE_RESPONSE || reader.head.body !== h.BODY_NONE;
        reader.reset();
      }
      if (at < end) log.data('rest', chunk.subarray(at, end));
      return true;
    });
    if (reader.heldOctets > 0 && !isRefused) log.add(`incomplete, ${reader.heldOctets} held`);
    return log.end();
  };
}

function logHead(log: EventLog, reader: HeadReader, seen: Buffer): void {
  const { head } = reader;
  // The head is what came, less empty lines in front.
  const own = head.octets.subarray(0, head.length);
  if (!seen.subarray(seen.length - head.length).equals(own)) log.add(`octets differ: ${visible(own)}`);
  const text = (start: number, end: number): string => visible(head.octets.subarray(start, end));
  if (reader.type === TYPE_REQUEST) {
    const name = text(0, head.methodEnd);
    const kind = KINDS[head.method];
    log.add(kind === name ? `method ${name}` : `method ${name} (${kind})`);
    log.add(`target ${FORMS[head.form]} ${text(head.targetStart, head.targetEnd)}`);
    if (head.form === h.FORM_ABSOLUTE) log.add(`path ${text(head.pathStart, head.pathEnd)}`.trimEnd());
    if (head.hostEnd > 0) {
      const port = text(head.hostNameEnd, head.hostEnd);
      log.add(`host ${text(head.hostStart, head.hostNameEnd)}${port === '' ? '' : ` port ${port}`}`);
    }
  } else {
    log.add(`status ${head.status} ${text(head.reasonStart, head.reasonEnd)}`.trimEnd());
  }
  log.add(`version 1.${head.minorVersion}`);
  for (let i = 0; i < head.count; i++) {
    const f = i * h.FIELD_STRIDE;
    const { fields } = head;
    const isNominated = fields[f + h.NAME_ID] >= h.NOMINATED;
    const line = `field ${text(fields[f], fields[f + 1])}: ${text(fields[f + 2], fields[f + 3])}`.trimEnd();
    log.add(isNominated ? `${line} (hop-by-hop)` : line);
  }
  const options = OPTIONS.filter((_, bit) => (head.connection & (1 << bit)) !== 0);
  if (options.length > 0) log.add(`connection ${options.join(' ')}`);
  if (head.upgradeField >= 0) log.add(`upgrade ${head.valueText(head.upgradeField)}`);
  if (reader.type === TYPE_REQUEST && head.expectsContinue) log.add('expects 100-continue');
  log.add(`body ${BODIES[head.body]}${head.body === h.BODY_LENGTH ? ` ${head.contentLength}` : ''}`);
  log.add(head.keepsAlive ? 'persistent' : 'closes');
}
