/**
 * Octets in, one head out. Decides where a head ends, whether llhttp takes it, and whether it keeps within its limits;
 * what the head means is for `message/`. The result does not depend on how the octets were split.
 */
import { Buffer } from 'node:buffer';
import type { ErrorCode } from '../../error.js';
import { NameMemo } from '../../bytes/name-memo.js';
import { CLASS, CR, latin1, LF, SP, TAB, TOKEN } from '../../bytes/octets.js';
import { CONTENT_LENGTH, FIELD_NAMES, TRANSFER_ENCODING } from '../../message/field-names.js';
import { FIELD_STRIDE, Head, NOMINATED } from '../../message/head.js';
import { checkRequest, faultOffset } from '../../message/request-rules.js';
import { checkResponse } from '../../message/response-rules.js';
import { LineEnds } from './line-ends.js';
import {
  HPE_INVALID_CONSTANT,
  HPE_INVALID_CONTENT_LENGTH,
  HPE_INVALID_HEADER_TOKEN,
  HPE_INVALID_STATUS,
  HPE_INVALID_TRANSFER_ENCODING,
  HPE_INVALID_URL,
  HPE_INVALID_VERSION,
  HPE_OK,
  HPE_PAUSED,
  HPE_UNEXPECTED_CONTENT_LENGTH,
  type Llhttp,
  sharedLlhttp,
  Spans,
  STRIDE_OCTETS,
  TYPE_REQUEST,
  WINDOW_OCTETS,
} from './llhttp.js';

/** Answer of {@link HeadReader.read}: the head goes on behind this chunk. */
export const HEAD_MORE = 0;
/** The head is whole and good. */
export const HEAD_COMPLETE = 1;
/** The head is refused: {@link HeadReader.fault}. */
export const HEAD_REFUSED = 2;

/** What a head may not exceed. */
export interface HeadLimits {
  /** Longest start line or field line, its CRLF excluded. */
  readonly maxLineOctets: number;
  /** Longest head, from the first octet of its start line to its empty line; at most 256 KB. */
  readonly maxHeadOctets: number;
  /** Most field lines. */
  readonly maxFields: number;
  /** By octet: 0 for those that mark a line as not to be passed on when they stand in its name. Absent: none. */
  readonly nameOctets?: Uint8Array;
  /** A bare LF ends a line, too (RFC 9112 2.2). Absent: it is refused. */
  readonly ignoresMissingCr?: boolean;
}

/** The largest head that can be configured: what fits the window, less room in front for a method. */
export const LARGEST_HEAD_OCTETS = WINDOW_OCTETS - 64;

/** Octets kept free in the window in front of a head, so that a four-octet method fits in front of a shorter one. */
const HEADROOM = 8;
const LONGEST_METHOD_OCTETS = 32;
/** Empty lines skipped in front of a request line (RFC 9112 2.2 asks for at least one). */
const MAX_EMPTY_LINES = 4;
/** So much of what is no request line at all is kept, for the logs. */
const SHOWN_OCTETS = 256;
const STAND_IN_METHOD = latin1('POST');
/** Versions that llhttp takes; behind one of them it is the octet that follows that it refuses. */
const VERSIONS_KNOWN = new Set(['0.9', '1.0', '1.1', '2.0']);
const TRAILER_PREFIX = latin1('GET / HTTP/1.1\r\n');
/** Methods that llhttp reads as we do; it knows more, but reads some of those by the rules of RTSP or ICE. */
const PLAIN_METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT'].map(latin1);

/**
 * Reads one head after another; between heads it is {@link reset}. Owns the storage of {@link head}.
 * A reader whose head is incomplete keeps its llhttp state, so no octet is parsed twice.
 */
export class HeadReader {
  /** The head being read; its storage is used again after {@link reset}. */
  head = new Head();
  /** Position in the chunk behind the last octet used; set by every {@link read}. */
  consumed = 0;
  /** Why the head was refused. */
  fault: ErrorCode = 'HEAD_SYNTAX';
  /** Where, in octets from the start of the head. */
  faultOffset = 0;
  /** The response under way answers a HEAD request; set before reading. */
  toHead = false;

  private readonly parser: number;
  private readonly spans = new Spans();
  /** Octets of this head in storage. */
  private held = 0;
  /** Octets of this head that llhttp has seen. */
  private fed = 0;
  private emptyLines = 0;
  private sawCr = false;
  private isTrailer = false;
  /** Made for the first head that may lack CR. */
  private lineEnds: LineEnds | null = null;
  /** Octets that {@link refuseExcess} has looked at, where the line under way begins, and how many lines ended before. */
  private scanned = 0;
  private lineStart = 0;
  private lines = 0;

  constructor(
    /** TYPE_REQUEST or TYPE_RESPONSE. */
    readonly type: number,
    private readonly llhttp: Llhttp = sharedLlhttp(),
  ) {
    this.parser = llhttp.allocate(type);
  }

  /** Octets held of an incomplete head. */
  get heldOctets(): number {
    return this.held;
  }

  /** Whether a head has begun: an octet other than an empty line's has come. */
  get begun(): boolean {
    return this.held > 0;
  }

  /** Leaves the head to whoever holds it, in storage of its own. The reader is to be released. */
  leaveHead(): void {
    this.head = this.head.settle();
  }

  /** Makes the reader ready for the next head. */
  reset(): void {
    this.llhttp.reset(this.parser);
    this.spans.reset();
    this.head.clear();
    this.held = 0;
    this.fed = 0;
    this.emptyLines = 0;
    this.sawCr = false;
    this.isTrailer = false;
    this.lineEnds?.reset();
    this.scanned = 0;
    this.lineStart = 0;
    this.lines = 0;
  }

  /**
   * Prepares for a trailer section instead of a head: the same grammar and limits, as fields of a request head whose
   * start line is fed here. `head` then begins with that start line.
   */
  beginTrailer(): void {
    this.reset();
    this.isTrailer = true;
    this.store(TRAILER_PREFIX, 0, TRAILER_PREFIX.length);
    this.llhttp.window.set(TRAILER_PREFIX, HEADROOM);
    this.llhttp.execute(this.parser, this.spans, HEADROOM, HEADROOM + this.held);
    this.fed = this.held;
  }

  /**
   * Reads chunk[start, end) up to the end of the head. The chunk stays the caller's; its octets are copied.
   * @returns HEAD_COMPLETE when `head` is whole and good, HEAD_REFUSED when `fault` says why not, else HEAD_MORE
   */
  read(chunk: Buffer, start: number, end: number, limits: HeadLimits): number {
    return limits.ignoresMissingCr === true
      ? this.readLenient(chunk, start, end, limits)
      : this.readStrict(chunk, start, end, limits);
  }

  /** Reads what has CRLF for each line end, whatever came. */
  private readLenient(chunk: Buffer, start: number, end: number, limits: HeadLimits): number {
    const lineEnds = (this.lineEnds ??= new LineEnds());
    const whole = lineEnds.complete(chunk, start, end);
    if (whole === null) return this.readStrict(chunk, start, end, limits);
    const answer = this.readStrict(whole, 0, whole.length, limits);
    if (answer === HEAD_COMPLETE && this.consumed !== whole.length) {
      // Two opinions about where a head ends are one too many.
      this.refuse('HEAD_SYNTAX', this.held);
      return HEAD_REFUSED;
    }
    this.consumed = lineEnds.end;
    return answer;
  }

  private readStrict(chunk: Buffer, start: number, end: number, limits: HeadLimits): number {
    this.consumed = start;
    if (this.type === TYPE_REQUEST && this.held === 0) {
      if (!this.skipEmptyLines(chunk, end)) return HEAD_REFUSED;
      if (this.consumed === end) return HEAD_MORE;
    }
    if (this.type === TYPE_REQUEST && this.head.methodEnd === 0 && !this.isTrailer) {
      const answer = this.readMethod(chunk, end);
      if (answer !== HEAD_COMPLETE) return answer;
    }
    for (;;) {
      const answer = this.feed(chunk, end, limits);
      if (answer !== HEAD_MORE || this.consumed === end) return answer;
    }
  }

  /** Lays the next stretch into the window and runs llhttp over it. */
  private feed(chunk: Buffer, end: number, limits: HeadLimits): number {
    const { llhttp } = this;
    const from = this.fed;
    // One octet past the largest head and no further: that octet breaks the limit.
    const room = Math.min(limits.maxHeadOctets, LARGEST_HEAD_OCTETS) + 1 - this.held;
    if (room <= 0) {
      this.refuseExcess(this.held, limits);
      return HEAD_REFUSED;
    }
    const count = Math.min(end - this.consumed, room, STRIDE_OCTETS);
    copyOctets(chunk, this.consumed, this.consumed + count, llhttp.window, HEADROOM + this.held);
    const code = llhttp.execute(this.parser, this.spans, HEADROOM + from, HEADROOM + this.held + count);
    const seen = this.held + count;
    if (this.type === TYPE_REQUEST && this.lacksVersion(seen)) {
      this.store(chunk, this.consumed, this.consumed + count);
      const { startLineEnd } = this.spans;
      if (!this.refuseExcess(startLineEnd - HEADROOM + 1, limits))
        this.refuse('VERSION_INVALID', startLineEnd - HEADROOM);
      return HEAD_REFUSED;
    }
    if (code === HPE_OK) {
      this.store(chunk, this.consumed, this.consumed + count);
      this.consumed += count;
      this.fed = this.held;
      return this.mayExceed(limits) && this.refuseExcess(this.held, limits) ? HEAD_REFUSED : HEAD_MORE;
    }
    const stopped = llhttp.stoppedAt(this.parser) - HEADROOM;
    if (code !== HPE_PAUSED) {
      // A limit broken in front of the place where llhttp stopped comes first.
      const seen = Math.max(this.held, stopped);
      this.store(chunk, this.consumed, this.consumed + seen - this.held);
      if (this.refuseExcess(seen, limits)) return HEAD_REFUSED;
      if (code === HPE_INVALID_URL && this.lineEndsAt(stopped - 1))
        this.refuse('VERSION_INVALID', stopped - 1);
      else this.refuse(this.faultOf(code, stopped), stopped);
      return HEAD_REFUSED;
    }
    const used = stopped - this.held;
    this.store(chunk, this.consumed, this.consumed + used);
    this.consumed += used;
    this.fed = this.held;
    return this.finish(limits);
  }

  /** The rule that llhttp saw broken in front of the stored octet at `stopped`. */
  private faultOf(code: number, stopped: number): ErrorCode {
    switch (code) {
      case HPE_INVALID_VERSION:
        return this.namesVersion(stopped) ? 'VERSION_UNSUPPORTED' : 'VERSION_INVALID';
      case HPE_INVALID_CONSTANT:
        return this.type === TYPE_REQUEST ? 'VERSION_INVALID' : 'STATUS_LINE_INVALID';
      case HPE_INVALID_STATUS:
        return 'STATUS_LINE_INVALID';
      case HPE_INVALID_URL:
        return 'TARGET_INVALID';
      case HPE_INVALID_HEADER_TOKEN:
        return 'FIELD_LINE_INVALID';
      case HPE_INVALID_CONTENT_LENGTH:
        return 'CONTENT_LENGTH_INVALID';
      case HPE_UNEXPECTED_CONTENT_LENGTH:
        return 'FRAMING_AMBIGUOUS';
      case HPE_INVALID_TRANSFER_ENCODING:
        if (this.countFields(CONTENT_LENGTH) > 0) return 'FRAMING_AMBIGUOUS';
        return this.countFields(TRANSFER_ENCODING) > 1
          ? 'TRANSFER_CODING_REPEATED'
          : 'TRANSFER_CODING_UNKNOWN';
      default:
        return 'HEAD_SYNTAX';
    }
  }

  /** Field lines named `id`, the one that llhttp refused included. */
  private countFields(id: number): number {
    const { marks, count } = this.spans;
    let lines = 0;
    for (let m = 0; m < count * 4; m += 4) {
      if (FIELD_NAMES.find(this.head.octets, marks[m] - HEADROOM, marks[m + 1] - HEADROOM) === id) lines++;
    }
    return lines;
  }

  /** Whether a version ends at `end` that is well formed and none of those that llhttp knows. */
  private namesVersion(end: number): boolean {
    const text = this.head.octets.toString('latin1', Math.max(0, end - 3), end);
    return /^\d\.\d$/.test(text) && !VERSIONS_KNOWN.has(text);
  }

  /**
   * Whether the request line has ended behind its target: HTTP/0.9, which would be all of a request. It is refused at
   * once, as its sender waits for the answer. `seen` octets of the head have come.
   */
  private lacksVersion(seen: number): boolean {
    const { startLineStart, startLineEnd } = this.spans;
    const behind = startLineEnd - HEADROOM;
    if (behind >= seen || startLineStart - HEADROOM !== this.head.methodEnd + 1) return false;
    // What came with an earlier read is no longer in the window, which all heads share.
    const octet = behind < this.held ? this.head.octets[behind] : this.llhttp.window[startLineEnd];
    return octet === CR || octet === LF;
  }

  /** The same for a target in whose scheme llhttp met the line's end: it reports no span of it then. */
  private lineEndsAt(at: number): boolean {
    const { octets, methodEnd } = this.head;
    return at > methodEnd + 1 && (octets[at] === CR || octets[at] === LF);
  }

  /** The head is whole: fill in its fields and judge it. */
  private finish(limits: HeadLimits): number {
    const { head, spans, held } = this;
    head.length = held;
    if (this.mayExceed(limits) && this.refuseExcess(held, limits)) return HEAD_REFUSED;
    this.fillFields(limits.nameOctets);
    if (this.isTrailer) return HEAD_COMPLETE;
    // Behind a reason phrase llhttp takes CR CR for the line's end.
    if (head.octets[head.startLineEnd] !== CR || head.octets[head.startLineEnd + 1] !== LF) {
      this.refuse('HEAD_SYNTAX', head.startLineEnd);
      return HEAD_REFUSED;
    }
    let fault: ErrorCode | null;
    if (this.type === TYPE_REQUEST) {
      head.targetStart = spans.startLineStart - HEADROOM;
      head.targetEnd = spans.startLineEnd - HEADROOM;
      fault = checkRequest(head);
    } else {
      fault = checkResponse(head, this.toHead);
    }
    if (fault === null) return HEAD_COMPLETE;
    this.refuse(fault, this.type === TYPE_REQUEST ? faultOffset : 0);
    return HEAD_REFUSED;
  }

  /**
   * Turns llhttp's marks into field lines: names looked up, values without trailing OWS. Lines whose names hold an octet
   * that is not wanted are marked; like hop-by-hop lines they do not go on.
   */
  private fillFields(nameOctets: Uint8Array | undefined): void {
    const { head, spans } = this;
    const { marks, count } = spans;
    const { octets, view } = head;
    const memo = memoFor(nameOctets);
    if (head.fields.length < count * FIELD_STRIDE) head.fields = new Int32Array(count * 2 * FIELD_STRIDE);
    const fields = head.fields;
    for (let i = 0, m = 0, f = 0; i < count; i++, m += 4, f += FIELD_STRIDE) {
      const name = marks[m] - HEADROOM;
      const nameEnd = marks[m + 1] - HEADROOM;
      let value = marks[m + 2] - HEADROOM;
      let valueEnd = marks[m + 3] - HEADROOM;
      while (valueEnd > value && (octets[valueEnd - 1] === SP || octets[valueEnd - 1] === TAB)) valueEnd--;
      // llhttp reports an empty value wherever it noticed the line's end; it stands behind the colon.
      if (value === valueEnd) value = valueEnd = nameEnd + 1;
      let id = memo.recall(view, name, nameEnd);
      if (id < 0) {
        id = lookUp(octets, name, nameEnd, nameOctets);
        memo.learn(view, name, nameEnd, id);
      }
      fields[f] = name;
      fields[f + 1] = nameEnd;
      fields[f + 2] = value;
      fields[f + 3] = valueEnd;
      fields[f + 4] = id;
    }
    head.count = count;
    // The start line ends in front of the first field line, or of the empty line when there is none.
    head.startLineEnd = (count > 0 ? fields[0] : head.length - 2) - 2;
  }

  /** Appends chunk[start, end) to the head's storage. */
  private store(chunk: Uint8Array, start: number, end: number): void {
    const { head } = this;
    const held = this.held + end - start;
    if (held > head.octets.length) {
      const octets = Buffer.allocUnsafeSlow(Math.max(held, head.octets.length * 2));
      head.octets.copy(octets, 0, 0, this.held);
      head.replace(octets);
    }
    // A short chunk is copied whole, which needs no view of it; what lies behind the head is overwritten or ignored.
    if (start === 0 && chunk.length <= head.octets.length - this.held) head.octets.set(chunk, this.held);
    else copyOctets(chunk, start, end, head.octets, this.held);
    this.held = held;
  }

  /** Whether a limit can be broken at all: true for few heads, which pay for {@link refuseExcess}. */
  private mayExceed(limits: HeadLimits): boolean {
    const { held } = this;
    if (held > limits.maxLineOctets || held > limits.maxHeadOctets) return true;
    return this.spans.count > limits.maxFields || held > LARGEST_HEAD_OCTETS;
  }

  /**
   * Whether a limit is broken within the first `seen` octets, which are stored. Each limit is broken at one octet, and
   * the first such octet decides, so that the answer is the same for every split. Lines are told apart by their LF
   * rather than by llhttp's marks, which lack the line that llhttp refused. Looks at no octet twice.
   */
  private refuseExcess(seen: number, limits: HeadLimits): boolean {
    const { octets } = this.head;
    const largest = Math.min(limits.maxHeadOctets, LARGEST_HEAD_OCTETS);
    let code: ErrorCode | null = null;
    for (; this.scanned < seen; this.scanned++) {
      const i = this.scanned;
      if (i >= largest) code = 'HEAD_TOO_LARGE';
      // Two octets more than the limit may be the line's CRLF.
      else if (i >= this.lineStart + limits.maxLineOctets + 2) code = this.lineExcess();
      else if (i === this.lineStart && this.lines > limits.maxFields && octets[i] !== CR) {
        code = 'TOO_MANY_FIELDS';
      }
      if (code !== null) {
        this.refuse(code, i);
        return true;
      }
      if (octets[i] === LF) {
        this.lines++;
        this.lineStart = i + 1;
      }
    }
    return false;
  }

  private lineExcess(): ErrorCode {
    if (this.lines > 0) return 'FIELD_LINE_TOO_LARGE';
    return this.type === TYPE_REQUEST ? 'START_LINE_TOO_LARGE' : 'STATUS_LINE_INVALID';
  }

  private refuse(code: ErrorCode, offset: number): void {
    this.fault = code;
    this.faultOffset = offset;
    const { head, held } = this;
    if (this.type === TYPE_REQUEST && head.startLineEnd === 0) head.startLineEnd = lineEnd(head.octets, held);
  }

  /** Skips CRLF in front of a request line; refuses a bare CR or LF there, and too many. */
  private skipEmptyLines(chunk: Buffer, end: number): boolean {
    for (; this.consumed < end; this.consumed++) {
      const octet = chunk[this.consumed];
      if (this.sawCr ? octet === LF : octet === CR) {
        if (this.sawCr && ++this.emptyLines > MAX_EMPTY_LINES) break;
        this.sawCr = !this.sawCr;
        continue;
      }
      if (!this.sawCr && octet !== LF) return true;
      break;
    }
    if (this.consumed === end) return true;
    this.refuse('START_LINE_EMPTY_LINES', 0);
    return false;
  }

  /**
   * Reads the method before llhttp sees the head. RFC 9110 16.1 lets anybody invent methods, but llhttp knows only its
   * own: for all but the usual ones it is shown POST, laid over the method's last octets so that all offsets stay.
   * @returns HEAD_COMPLETE once the method is whole and llhttp is ready for what follows it
   */
  private readMethod(chunk: Buffer, end: number): number {
    let i = this.held;
    let at = this.consumed;
    const stop = Math.min(end, this.consumed + LONGEST_METHOD_OCTETS + 1 - this.held);
    while (at < stop && (CLASS[chunk[at]] & TOKEN) !== 0) {
      i++;
      at++;
    }
    const isWhole = at < end && chunk[at] === SP && i > 0 && i <= LONGEST_METHOD_OCTETS;
    if (!isWhole && (at < end || i > LONGEST_METHOD_OCTETS)) {
      this.store(chunk, this.consumed, Math.min(end, this.consumed + SHOWN_OCTETS));
      this.refuse('METHOD_INVALID', i);
      return HEAD_REFUSED;
    }
    const { head, llhttp } = this;
    // The usual case, a usual method in one piece: llhttp reads it along with what follows.
    if (isWhole && this.held === 0 && isPlainMethod(chunk, this.consumed, i)) {
      head.methodEnd = i;
      return HEAD_COMPLETE;
    }
    this.store(chunk, this.consumed, at);
    this.consumed = at;
    if (!isWhole) return HEAD_MORE;
    head.methodEnd = i;
    if (isPlainMethod(head.octets, 0, i)) {
      copyOctets(head.octets, 0, i, llhttp.window, HEADROOM);
      this.fed = 0;
    } else {
      this.fed = i - STAND_IN_METHOD.length;
      llhttp.window.set(STAND_IN_METHOD, HEADROOM + this.fed);
    }
    return HEAD_COMPLETE;
  }
}

/** Where the first line of octets[0, end) ends; `end` if it does not. */
function lineEnd(octets: Uint8Array, end: number): number {
  let at = 0;
  while (at < end && octets[at] !== CR && octets[at] !== LF) at++;
  return at;
}

/** The id of a name, with {@link NOMINATED} set where one of its octets is not wanted. */
function lookUp(octets: Uint8Array, start: number, end: number, wanted: Uint8Array | undefined): number {
  const id = FIELD_NAMES.find(octets, start, end);
  if (wanted === undefined) return id;
  for (let at = start; at < end; at++) if (wanted[octets[at]] === 0) return id | NOMINATED;
  return id;
}

/** What {@link lookUp} has answered, by the octets that are wanted, as long as no name is added. */
const memos = new Map<Uint8Array | undefined, NameMemo>();
const MOST_MEMOS = 8;
let lastWanted: Uint8Array | undefined;
let lastMemo = new NameMemo();
let namesKnown = 0;

function memoFor(wanted: Uint8Array | undefined): NameMemo {
  if (namesKnown !== FIELD_NAMES.size || memos.size > MOST_MEMOS) {
    namesKnown = FIELD_NAMES.size;
    memos.clear();
  } else if (wanted === lastWanted) {
    return lastMemo;
  }
  let memo = memos.get(wanted);
  if (memo === undefined) memos.set(wanted, (memo = new NameMemo()));
  lastWanted = wanted;
  return (lastMemo = memo);
}

/** Below this length a loop beats the call into Node's copy, which in Node 20 also makes a view of what it copies. */
const COPY_BY_LOOP_OCTETS = 48;

function copyOctets(source: Uint8Array, start: number, end: number, target: Buffer, at: number): void {
  const count = end - start;
  if (count === source.length) {
    target.set(source, at);
  } else if (count <= COPY_BY_LOOP_OCTETS) {
    for (let i = start; i < end; i++) target[at++] = source[i];
  } else if (source instanceof Buffer) {
    source.copy(target, at, start, end);
  } else {
    target.set(source.subarray(start, end), at);
  }
}

/** Whether octets[start, start + length) is one of {@link PLAIN_METHODS}. */
function isPlainMethod(octets: Uint8Array, start: number, length: number): boolean {
  next: for (let m = 0; m < PLAIN_METHODS.length; m++) {
    const method = PLAIN_METHODS[m];
    if (method.length !== length) continue;
    for (let i = 0; i < length; i++) if (octets[start + i] !== method[i]) continue next;
    return true;
  }
  return false;
}

/** Idle readers, by type. */
const idleReaders: HeadReader[][] = [[], [], []];
let inUse = 0;

/** Readers acquired and not released: 0 when no head is under way anywhere in the process. For tests. */
export function readersInUse(): number {
  return inUse;
}

/**
 * A reader that is ready for a head. Parsers in WebAssembly memory cannot be freed by the collector, so every reader
 * must come back through {@link releaseReader}; the pool never shrinks, and is as large as the most heads ever under
 * way at once.
 */
export function acquireReader(type: number): HeadReader {
  const reader = idleReaders[type].pop() ?? new HeadReader(type);
  inUse++;
  reader.reset();
  return reader;
}

/** Storage beyond this is not kept for the next head. */
const KEPT_HEAD_OCTETS = 4096;

/** Gives a reader back; its head must not be used any more. */
export function releaseReader(reader: HeadReader): void {
  const { head } = reader;
  inUse--;
  if (head.octets.length > KEPT_HEAD_OCTETS) head.replace(Buffer.allocUnsafeSlow(1024));
  idleReaders[reader.type].push(reader);
}
