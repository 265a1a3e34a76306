/**
 * Lays down the head that goes on: the start line of our own, the configured lines, and every received line that
 * stays, copied in runs with its octets untouched. Decides nothing about framing or persistence: it writes what it is
 * told.
 */
import type { OctetWriter } from '../../bytes/octet-writer.js';
import { CLASS, CR, equalsFolded, FIELD_VALUE, latin1, SP, TAB, TOKEN } from '../../bytes/octets.js';
import { listMembers } from '../../message/connection-field.js';
import {
  KEEPS,
  REWRITES,
  type FieldEdits,
  type FieldSet,
  type ValueSource,
} from '../../message/field-edits.js';
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  HOST,
  TRANSFER_ENCODING,
  UPGRADE,
} from '../../message/field-names.js';
import * as h from '../../message/head.js';
import type { Head } from '../../message/head.js';
import { reasonPhrase, wireStatus } from '../../message/statuses.js';

const VERSIONS = [latin1(' HTTP/1.0\r\n'), latin1(' HTTP/1.1\r\n')];
const CRLF = latin1('\r\n');
const COLON_SP = latin1(': ');
const SLASH = latin1('/');
const ASTERISK = latin1('*');
const STATUS_PREFIX = latin1('HTTP/1.1 ');
const CHUNKED_LINE = latin1('Transfer-Encoding: chunked\r\n');
const CLOSE_LINE = latin1('Connection: close\r\n');
const KEEP_ALIVE_LINE = latin1('Connection: keep-alive\r\n');
const UPGRADE_LINE = latin1('Connection: upgrade\r\n');
const CONTENT_LENGTH_PREFIX = latin1('Content-Length: ');
const HOST_PREFIX = latin1('Host: ');
const UPGRADE_MEMBER = latin1('upgrade');
const CLOSE_MEMBER = latin1('close');
const HEAD_METHOD = latin1('HEAD');
const GET_METHOD = latin1('GET');

/** A bit of {@link writeRequestHead}'s answer: the head offers to switch protocols. */
export const WROTE_OFFER = 1;
/** As {@link WROTE_OFFER}: `Connection: close` went upstream, so the connection cannot be used again. */
export const WROTE_CLOSE = 2;
/** A configured method came out as HEAD. */
export const WROTE_HEAD_METHOD = 4;

/** What a request head says in place of the received one's. */
export interface OwnParts<Context> {
  /** null: the method as received; an empty value too. */
  method: ValueSource<Context> | null;
  /** Octets of content of our own; negative: the received framing stays. */
  contentOctets: number;
}

/** Statuses on which add_header works without `always` (nginx, ngx_http_headers_module). */
const ADDED_ON = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

/**
 * Lays down the request head for the upstream side.
 * @param target null sends path and query as received
 * @param minorVersion the y of HTTP/1.y
 * @param isOffer the request offers a protocol switch (RFC 9110 7.8): only then may Upgrade go on
 * @param own null: method and framing are the received ones
 * @returns bits WROTE_*
 */
export function writeRequestHead<Context>(
  out: OctetWriter,
  head: Head,
  edits: FieldEdits<Context>,
  target: ValueSource<Context> | null,
  minorVersion: 0 | 1,
  context: Context,
  isOffer: boolean,
  own: OwnParts<Context> | null = null,
): number {
  const method = own === null ? 0 : writeMethod(out, head, own.method, context);
  if (own === null) out.put(head.octets, 0, head.methodEnd + 1);
  if (target !== null) writeTarget(out, target, context);
  else if (head.form === h.FORM_ASTERISK) out.put(ASTERISK);
  else if (head.pathStart === head.pathEnd && head.method === h.METHOD_OPTIONS) {
    // OPTIONS for a whole server, in absolute-form (RFC 9112 3.2.4).
    out.put(ASTERISK);
  } else {
    // An absolute target without a path: "/" takes its place (RFC 9112 3.2.1).
    if (head.pathStart === head.pathEnd || head.octets[head.pathStart] !== 0x2f) out.put(SLASH);
    out.put(head.octets, head.pathStart, head.pathEnd);
  }
  out.put(VERSIONS[minorVersion]);

  let connection = 0;
  let offersProtocol = false;
  for (let i = 0; i < edits.first.length; i++) {
    const set = edits.first[i];
    // Framing is written below, whatever is configured.
    if (set.id === CONTENT_LENGTH || set.id === TRANSFER_ENCODING) continue;
    if (set.id === UPGRADE) {
      if (isOffer) offersProtocol = writeSet(out, set, context);
    } else if (set.id === CONNECTION) {
      connection |= writeConnection(out, set, context, isOffer);
    } else {
      writeSet(out, set, context);
    }
  }
  // Where no configuration sets Host, the authority of an absolute target takes its place (RFC 9112 3.2.2).
  const replacesHost = head.form === h.FORM_ABSOLUTE && edits.drops[HOST] === 0;
  if (replacesHost) {
    out.put(HOST_PREFIX);
    out.put(head.octets, head.hostStart, head.hostEnd);
    out.put(CRLF);
  }
  // HTTP/1.0 knows no expectation: one of an HTTP/1.0 request was ignored (RFC 9110 10.1.1), and must not come alive.
  const expect = minorVersion === 0 || head.minorVersion === 0 ? EXPECT : 0;
  if (own === null || own.contentOctets < 0) {
    if (edits.keepsReceived) copyFields(out, head, edits, expect, replacesHost ? HOST : 0);
    else if (head.body === h.BODY_LENGTH) writeLength(out, head.contentLength);
    if (head.body === h.BODY_CHUNKED) out.put(CHUNKED_LINE);
  } else {
    // Nobody waits for a content that is not there (Expect), nor learns of one (Content-Length).
    if (edits.keepsReceived) copyFields(out, head, edits, EXPECT, CONTENT_LENGTH, replacesHost ? HOST : 0);
    if (own.contentOctets > 0 || (method & NEEDS_NO_LENGTH) === 0) writeLength(out, own.contentOctets);
  }
  out.put(CRLF);
  const isOffered = offersProtocol && (connection & h.OPTION_UPGRADE) !== 0;
  const wroteHead = (method & IS_HEAD) !== 0 ? WROTE_HEAD_METHOD : 0;
  return (isOffered ? WROTE_OFFER : 0) | ((connection & h.OPTION_CLOSE) !== 0 ? WROTE_CLOSE : 0) | wroteHead;
}

/** What {@link writeMethod} found, as bits. */
const IS_HEAD = 1;
/** GET and HEAD: a request without content says nothing about it (RFC 9110 8.6). */
const NEEDS_NO_LENGTH = 2;

/** Appends the method and the SP behind it. */
function writeMethod<Context>(
  out: OctetWriter,
  head: Head,
  method: ValueSource<Context> | null,
  context: Context,
): number {
  const start = out.position - out.start;
  method?.put(context, out);
  const end = out.position;
  let isToken = end > out.start + start;
  for (let i = out.start + start; i < end; i++) if ((CLASS[out.octets[i]] & TOKEN) === 0) isToken = false;
  if (!isToken) {
    // What is no method would be a request line of somebody else's making.
    out.position = out.start + start;
    out.put(head.octets, 0, head.methodEnd);
  }
  const from = out.start + start;
  const isHead = equalsExactly(out.octets, from, out.position, HEAD_METHOD);
  const isGet = equalsExactly(out.octets, from, out.position, GET_METHOD);
  out.putOctet(SP);
  return (isHead ? IS_HEAD : 0) | (isHead || isGet ? NEEDS_NO_LENGTH : 0);
}

function equalsExactly(octets: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (octets[start + i] !== text[i]) return false;
  return true;
}

function writeLength(out: OctetWriter, octets: number): void {
  out.put(CONTENT_LENGTH_PREFIX);
  out.putDecimal(octets);
  out.put(CRLF);
}

/** How a received response head goes on. */
export interface ResponseHeadOptions<Context> {
  /** What is done to its fields. */
  readonly edits: FieldEdits<Context>;
  /** The content goes on chunked. */
  readonly isChunked: boolean;
  /** The connection is closed behind this response. */
  readonly closes: boolean;
  /** The response switches protocols. */
  readonly switches: boolean;
  /** Content-Length lines go on: false where none may stand (1xx and 204, RFC 9110 8.6). */
  readonly keepsLength: boolean;
  /** Written where the connection stays, instead of `Connection: keep-alive`. */
  readonly keepAliveLines?: Uint8Array | undefined;
  /** The status that is sent, with its own reason phrase; 0 or absent: as received. */
  readonly status?: number;
}

/** Lays down a received response head for the downstream side; the version is ours (RFC 9110 6.2). */
export function writeResponseHead<Context>(
  out: OctetWriter,
  head: Head,
  options: ResponseHeadOptions<Context>,
  context: Context,
): void {
  const { edits } = options;
  const status = options.status || head.status;
  out.put(STATUS_PREFIX);
  if (status === head.status) {
    // Status and reason as received, or the status and the SP that the grammar wants behind it.
    out.put(head.octets, 9, 12);
    out.putOctet(SP);
    out.put(head.octets, head.reasonStart, head.reasonEnd);
  } else {
    writeStatus(out, status);
  }
  out.put(CRLF);
  writeSets(out, edits.first, status, context);
  copyFields(out, head, edits, options.keepsLength ? 0 : CONTENT_LENGTH, 0, 0, context);
  if (options.switches) {
    copyUpgrade(out, head);
    out.put(UPGRADE_LINE);
  } else {
    if (options.isChunked) out.put(CHUNKED_LINE);
    out.put(options.closes ? CLOSE_LINE : (options.keepAliveLines ?? KEEP_ALIVE_LINE));
  }
  writeSets(out, edits.last, status, context);
  out.put(CRLF);
}

function writeStatus(out: OctetWriter, status: number): void {
  const code = wireStatus(status);
  out.putDecimal(code);
  out.putOctet(SP);
  out.putLatin1(reasonPhrase(code));
}

/** Lays down an interim response (RFC 9110 15.2): no edits but the dropped names, nothing about the connection. */
export function writeInterimHead<Context>(
  out: OctetWriter,
  head: Head,
  edits: FieldEdits<Context>,
  context: Context,
): void {
  out.put(STATUS_PREFIX);
  out.put(head.octets, 9, 12);
  out.putOctet(SP);
  out.put(head.octets, head.reasonStart, head.reasonEnd);
  out.put(CRLF);
  copyFields(out, head, edits, CONTENT_LENGTH, 0, 0, context);
  out.put(CRLF);
}

/**
 * Lays down the head of an answer of our own.
 * @param contentOctets the Content-Length; negative writes none (204, 304)
 * @param keepAliveLines as in {@link ResponseHeadOptions}
 */
export function writeLocalHead<Context>(
  out: OctetWriter,
  status: number,
  edits: FieldEdits<Context>,
  contentOctets: number,
  closes: boolean,
  context: Context,
  keepAliveLines: Uint8Array = KEEP_ALIVE_LINE,
): void {
  out.put(STATUS_PREFIX);
  writeStatus(out, status);
  out.put(CRLF);
  writeSets(out, edits.first, status, context);
  if (contentOctets >= 0) writeLength(out, contentOctets);
  out.put(closes ? CLOSE_LINE : keepAliveLines);
  writeSets(out, edits.last, status, context);
  out.put(CRLF);
}

/**
 * Lays down the answer that opens the tunnel of CONNECT: 200 without framing and without Connection, as there is no
 * content and the connection is HTTP no more (RFC 9110 9.3.6).
 */
export function writeTunnelHead<Context>(
  out: OctetWriter,
  edits: FieldEdits<Context>,
  context: Context,
): void {
  out.put(STATUS_PREFIX);
  writeStatus(out, 200);
  out.put(CRLF);
  writeSets(out, edits.first, 200, context);
  writeSets(out, edits.last, 200, context);
  out.put(CRLF);
}

function writeSets<Context>(
  out: OctetWriter,
  sets: readonly FieldSet<Context>[],
  status: number,
  context: Context,
): void {
  let isAddedOn = false;
  let isKnown = false;
  for (let i = 0; i < sets.length; i++) {
    const set = sets[i];
    // Framing is written by the head's writer, whatever is configured.
    if (set.id === CONTENT_LENGTH || set.id === TRANSFER_ENCODING) continue;
    if (!set.always && !isKnown) {
      isAddedOn = ADDED_ON.has(status);
      isKnown = true;
    }
    if (set.always || isAddedOn) writeSet(out, set, context);
  }
}

/** Appends a configured target, "/" for an empty one. SP or a control octet in it would break the request line. */
function writeTarget<Context>(out: OctetWriter, target: ValueSource<Context>, context: Context): void {
  const start = out.position - out.start;
  target.put(context, out);
  if (out.position === out.start + start) out.put(SLASH);
  const octets = out.octets;
  for (let i = out.start + start; i < out.position; i++) {
    if (octets[i] > SP && octets[i] !== 0x7f) continue;
    const text = octets.toString('latin1', out.start + start, out.position);
    out.position = out.start + start;
    out.putLatin1(text.replace(/[^!-~\x80-\xff]/g, encodeURIComponent));
    return;
  }
}

/** Appends one configured line; an empty value leaves no line. Answers whether a line was written. */
function writeSet<Context>(out: OctetWriter, set: FieldSet<Context>, context: Context): boolean {
  const { line } = set;
  if (line !== null) {
    out.put(line);
    return line.length > 0;
  }
  const lineStart = out.position - out.start;
  out.put(set.prefix);
  const valueStart = out.position - out.start;
  set.value.put(context, out);
  if (!sealValue(out, valueStart)) {
    out.position = out.start + lineStart;
    return false;
  }
  out.put(CRLF);
  return true;
}

/**
 * Makes the value laid down since `valueStart` (from the span's start) fit for a field line: octets that could end the
 * line become SP, as RFC 9110 5.5 has it for CR, LF and NUL. Answers whether there is a value at all.
 */
function sealValue(out: OctetWriter, valueStart: number): boolean {
  const octets = out.octets;
  const end = out.position;
  const start = out.start + valueStart;
  if (start === end) return false;
  for (let i = start; i < end; i++) if ((CLASS[octets[i]] & FIELD_VALUE) === 0) octets[i] = SP;
  return true;
}

/**
 * Appends the configured Connection line and answers its members as OPTION_*. Without an offer, "upgrade" is left out:
 * it would name a field that is not there.
 */
function writeConnection<Context>(
  out: OctetWriter,
  set: FieldSet<Context>,
  context: Context,
  isOffer: boolean,
): number {
  const lineStart = out.position - out.start;
  out.put(set.prefix);
  const valueStart = out.position - out.start;
  set.value.put(context, out);
  if (!sealValue(out, valueStart)) {
    out.position = out.start + lineStart;
    return 0;
  }
  const octets = out.octets;
  const start = out.start + valueStart;
  let end = out.position;
  let members = memberBit(octets, start, end);
  if (members === 0) members = readMembers(octets, start, end);
  if ((members & h.OPTION_UPGRADE) !== 0 && !isOffer) {
    end = removeUpgrade(octets, start, end);
    out.position = end;
    if (end === start) {
      out.position = out.start + lineStart;
      return 0;
    }
  }
  out.put(CRLF);
  return members;
}

/** The usual case: a single member, compared in place. */
function memberBit(octets: Uint8Array, start: number, end: number): number {
  if (equalsFolded(octets, start, end, UPGRADE_MEMBER)) return h.OPTION_UPGRADE;
  return equalsFolded(octets, start, end, CLOSE_MEMBER) ? h.OPTION_CLOSE : 0;
}

function readMembers(octets: Buffer, start: number, end: number): number {
  let members = 0;
  for (const name of listMembers(octets.toString('latin1', start, end))) {
    if (name === 'upgrade') members |= h.OPTION_UPGRADE;
    else if (name === 'close') members |= h.OPTION_CLOSE;
    else if (name === 'keep-alive') members |= h.OPTION_KEEP_ALIVE;
  }
  return members;
}

/** Rewrites octets[start, end) without the member "upgrade"; answers the new end. */
function removeUpgrade(octets: Buffer, start: number, end: number): number {
  const kept = octets
    .toString('latin1', start, end)
    .split(',')
    .filter((member) => listMembers(member)[0] !== 'upgrade');
  return start + octets.write(kept.join(',').replace(/^[\t ]+|[\t ]+$/g, ''), start, 'latin1');
}

/**
 * Copies the field lines that stay, in runs: octets, order, case and duplicates as received. A line whose value has
 * unusual white space around it is laid down afresh (WIRE rule A2: OWS is no part of a value).
 * @param dropsToo id of one more name to drop, or 0; `andToo` and `also` of others
 */
function copyFields<Context>(
  out: OctetWriter,
  head: Head,
  edits: FieldEdits<Context>,
  dropsToo: number,
  andToo = 0,
  also = 0,
  context?: Context,
): void {
  const { octets, fields, count } = head;
  const { drops } = edits;
  let run = -1;
  for (let i = 0, f = 0; i < count; i++, f += h.FIELD_STRIDE) {
    const name = fields[f + h.NAME_START];
    const id = fields[f + h.NAME_ID];
    const isDropped =
      id !== 0 &&
      ((id < drops.length && drops[id] !== KEEPS) ||
        id >= h.NOMINATED ||
        id === dropsToo ||
        id === andToo ||
        id === also);
    if (!isDropped && isPlainLine(octets, fields, f)) {
      if (run < 0) run = name;
      continue;
    }
    if (run >= 0) out.put(octets, run, name);
    run = -1;
    if (isDropped) {
      if (id < drops.length && drops[id] === REWRITES) writeRewritten(out, head, f, edits, context!);
      continue;
    }
    out.put(octets, name, fields[f + h.NAME_END]);
    out.put(COLON_SP);
    out.put(octets, fields[f + h.VALUE_START], fields[f + h.VALUE_END]);
    out.put(CRLF);
  }
  // The last field line ends in front of the empty line.
  if (run >= 0) out.put(octets, run, head.length - 2);
}

/** Appends a received line whose value the edits change. */
function writeRewritten<Context>(
  out: OctetWriter,
  head: Head,
  f: number,
  edits: FieldEdits<Context>,
  context: Context,
): void {
  const { fields, octets } = head;
  out.put(octets, fields[f + h.NAME_START], fields[f + h.NAME_END]);
  out.put(COLON_SP);
  const valueStart = out.position - out.start;
  const value = head.text(fields[f + h.VALUE_START], fields[f + h.VALUE_END]);
  out.putLatin1(edits.rewrites!.rewrite(fields[f + h.NAME_ID], value, context));
  sealValue(out, valueStart);
  out.put(CRLF);
}

/** `name: value CRLF` or `name:value CRLF`, nothing else around the value. */
function isPlainLine(octets: Uint8Array, fields: Int32Array, f: number): boolean {
  const gap = fields[f + h.VALUE_START] - fields[f + h.NAME_END];
  return (
    (gap === 1 || (gap === 2 && octets[fields[f + h.NAME_END] + 1] !== TAB)) &&
    octets[fields[f + h.VALUE_END]] === CR
  );
}

/** The Upgrade lines of a 101, which name the protocol that begins. */
function copyUpgrade(out: OctetWriter, head: Head): void {
  for (let i = 0; i < head.count; i++) {
    const f = i * h.FIELD_STRIDE;
    if ((head.fields[f + h.NAME_ID] & h.ID_MASK) !== UPGRADE) continue;
    out.put(head.octets, head.fields[f + h.NAME_START], head.fields[f + h.NAME_END]);
    out.put(COLON_SP);
    out.put(head.octets, head.fields[f + h.VALUE_START], head.fields[f + h.VALUE_END]);
    out.put(CRLF);
  }
}

/** The octets of `HTTP/1.1 100 Continue`, whole. */
export const CONTINUE_RESPONSE: Uint8Array = latin1('HTTP/1.1 100 Continue\r\n\r\n');
