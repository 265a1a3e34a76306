/**
 * Replays message content through a ContentReader and writes down what it made of it.
 */
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import * as h from '../../src/message/head.js';
import { Head } from '../../src/message/head.js';
import {
  CONTENT_END,
  CONTENT_MORE,
  CONTENT_REFUSED,
  CONTENT_SPAN,
  CONTENT_TRAILER,
  ContentReader,
} from '../../src/wire/http1/content-reader.js';
import { visible } from './escapes.js';
import { EventLog, feed, type Replay } from './replay.js';

export interface ContentReplayOptions {
  /** How the head says that the content ends. */
  readonly body: 'none' | 'length' | 'chunked' | 'until-close';
  readonly contentLength?: number;
  /** Chunked content goes on with its framing. */
  readonly asReceived?: boolean;
  readonly maxContentOctets?: number;
}

const BODIES = {
  none: h.BODY_NONE,
  length: h.BODY_LENGTH,
  chunked: h.BODY_CHUNKED,
  'until-close': h.BODY_UNTIL_CLOSE,
};

/** Used again from replay to replay: each proves that the reader is clean after the one before. */
const reader = new ContentReader();

/**
 * A replay that logs `data ...` (the octets that go on, joined), `trailer ...` (the trailer section as it is laid down),
 * `end`, `error CODE @offset`, `incomplete`, and `rest ...` for octets behind the end. The offset of a fault in a trailer
 * section is left out: the reader does not keep it.
 */
export function contentReplay(options: ContentReplayOptions): Replay {
  const { body, contentLength = 0, asReceived = false, maxContentOctets = 0 } = options;
  return (pieces) => {
    const head = new Head(0);
    head.body = BODIES[body];
    head.contentLength = contentLength;
    reader.begin(head, asReceived, maxContentOctets);
    const log = new EventLog();
    let isOver = false;
    let before = 0;
    feed(pieces, (chunk, start, end) => {
      let at = start;
      while (!isOver) {
        const answer = reader.next(chunk, at, end);
        at = reader.at;
        if (answer === CONTENT_SPAN) log.data('data', chunk.subarray(reader.spanStart, reader.spanEnd));
        else if (answer === CONTENT_TRAILER) log.add(`trailer ${trailerOf(reader)}`);
        else if (answer === CONTENT_MORE) {
          if (at !== end) log.add(`stopped ${end - at} octets short`);
          break;
        } else {
          isOver = true;
          if (answer === CONTENT_END) log.add('end');
          if (answer === CONTENT_REFUSED) {
            const offset = reader.fault.startsWith('TRAILER') ? '' : ` @${before + at - start}`;
            log.add(`error ${reader.fault}${offset}`);
            return false;
          }
        }
      }
      if (at < end) log.data('rest', chunk.subarray(at, end));
      before += end - start;
      return true;
    });
    if (!isOver) log.add(reader.endsWithConnection ? 'until close' : 'incomplete');
    reader.release();
    return log.end();
  };
}

function trailerOf(content: ContentReader): string {
  const out = new OctetWriter();
  const start = out.begin();
  content.writeTrailer(out);
  return visible(out.octets.subarray(start, out.position));
}
