/**
 * The judge's reader: what a stream of octets is by the letter of RFC 9110 and 9112, with strings, regular expressions
 * and nothing of wirehop's. It reads whole streams after the fact; what is not exactly HTTP is an error, never repaired.
 */

/** One message, as far as it came. Texts are Latin-1. */
export interface Message {
  readonly startLine: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly minorVersion: number;
  readonly fields: readonly (readonly [string, string])[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  content: string;
  trailers: readonly (readonly [string, string])[];
  hasExtensions: boolean;
  /** The end of the message came. */
  isWhole: boolean;
}

export interface Reading {
  readonly messages: readonly Message[];
  /** Why the octets behind `end` are not HTTP, or null. */
  readonly error: string | null;
  /** Octets of whole messages; those behind are a message that is not whole yet, a tunnel's, or broken. */
  readonly end: number;
  /** Octets behind a switch of protocols; null without one. */
  readonly tunnel: string | null;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const VCHAR = '[!-~\\x80-\\xff]';
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([!-~]+) HTTP/1\\.([01])$`);
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: [\t -~\x80-\xff]*)?$/;
const FIELD_LINE = new RegExp(`^(${TOKEN}):[ \\t]*(|${VCHAR}|${VCHAR}[\\t -~\\x80-\\xff]*${VCHAR})[ \\t]*$`);
const CHUNK_LINE = new RegExp(
  `^([0-9A-Fa-f]{1,16})((?:;${TOKEN}(?:=(?:${TOKEN}|"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"))?)*)$`,
);
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::([0-9]*))?$/;
/** pchar, "/" and what browsers send unencoded. */
const PATH =
  /^\/(?:[0-9A-Za-z._~!$&'()*+,;=:@/^|[\]-]|%[0-9A-Fa-f]{2})*(?:\?(?:[0-9A-Za-z._~!$&'()*+,;=:@/?[\]\\^`{|}-]|%[0-9A-Fa-f]{2})*)?$/;

class Broken {
  constructor(readonly reason: string) {}
}
/** The octets so far are the beginning of something. */
const SHORT = Symbol('short');

function broken(reason: string): never {
  throw new Broken(reason);
}

/** Values of all lines of this name, in lower case given. */
export function values(message: Pick<Message, 'fields'>, name: string): string[] {
  return message.fields.filter(([is]) => is.toLowerCase() === name).map(([, value]) => value);
}

/** Members of a list field over all its lines, in lower case. */
export function members(message: Pick<Message, 'fields'>, name: string): string[] {
  return values(message, name)
    .flatMap((value) => value.split(','))
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase());
}

/**
 * Requests one behind the other.
 * @param switchesBehind number of requests behind which a tunnel begins; Infinity for none
 */
export function readRequests(stream: string, switchesBehind = Infinity): Reading {
  return read(stream, (head) => requestHead(head), switchesBehind, false, true);
}

/**
 * Responses one behind the other.
 * @param methods of the requests in order; those behind the last are GET
 * @param hasEnded the connection ended in good order
 */
export function readResponses(stream: string, methods: readonly string[], hasEnded: boolean): Reading {
  const left = [...methods];
  return read(
    stream,
    (head) => {
      const message = responseHead(head, left[0] ?? 'GET');
      if (message.status >= 200) left.shift();
      return message;
    },
    Infinity,
    hasEnded,
    false,
  );
}

function read(
  stream: string,
  readHead: (text: string) => Message,
  switchesBehind: number,
  hasEnded: boolean,
  skipsEmptyLines: boolean,
): Reading {
  const messages: Message[] = [];
  let at = 0;
  const done = (error: string | null, tunnel: string | null = null): Reading => ({
    messages,
    error,
    end: at,
    tunnel,
  });
  for (;;) {
    if (messages.length === switchesBehind) return done(null, stream.slice(at));
    let start = at;
    while (skipsEmptyLines && stream.startsWith('\r\n', start)) start += 2;
    const headEnd = stream.indexOf('\r\n\r\n', start);
    if (start === stream.length) return done(null);
    try {
      if (headEnd < 0) {
        checkBeginning(stream.slice(start));
        return done(null);
      }
      const message = readHead(stream.slice(start, headEnd + 2));
      messages.push(message);
      const end = readContent(stream, headEnd + 4, message, hasEnded);
      if (end === SHORT) return done(null);
      message.isWhole = true;
      at = end;
      if (message.status === 101) return done(null, stream.slice(at));
    } catch (error) {
      if (error instanceof Broken) return done(error.reason);
      throw error;
    }
  }
}

/** Whether an unfinished head can still become one: a control octet never goes away. */
function checkBeginning(text: string): void {
  if (/[^\t\n\r -~\x80-\xff]/.test(text)) broken('a control octet in a head');
  if (/(?:^|[^\r])\n|\r[^\n]/.test(text)) broken('a bare CR or LF in a head');
}

function readContent(
  stream: string,
  start: number,
  message: Message,
  hasEnded: boolean,
): number | typeof SHORT {
  switch (message.framing) {
    case 'none':
      return start;
    case 'length': {
      const length = Number(values(message, 'content-length')[0]);
      message.content = stream.slice(start, start + length);
      return stream.length - start < length ? SHORT : start + length;
    }
    case 'close':
      message.content = stream.slice(start);
      return hasEnded ? stream.length : SHORT;
    case 'chunked':
      return readChunks(stream, start, message);
  }
}

function readChunks(stream: string, start: number, message: Message): number | typeof SHORT {
  for (let at = start; ;) {
    const lineEnd = stream.indexOf('\n', at);
    if (lineEnd < 0) return SHORT;
    if (stream[lineEnd - 1] !== '\r') broken('a bare LF behind a chunk size');
    const line = stream.slice(at, lineEnd - 1);
    const [, digits, extensions] = CHUNK_LINE.exec(line) ?? broken(`chunk line ${JSON.stringify(line)}`);
    if (extensions !== '') message.hasExtensions = true;
    const size = Number.parseInt(digits, 16);
    if (!Number.isSafeInteger(size)) broken('a chunk beyond counting');
    at = lineEnd + 1;
    if (size === 0) return readTrailers(stream, at, message);
    message.content += stream.slice(at, at + size);
    at += size;
    if (stream.length < at + 2) return SHORT;
    if (!stream.startsWith('\r\n', at)) broken('no CRLF behind a chunk');
    at += 2;
  }
}

function readTrailers(stream: string, start: number, message: Message): number | typeof SHORT {
  if (stream.startsWith('\r\n', start)) return start + 2;
  const end = stream.indexOf('\r\n\r\n', start);
  if (end < 0) return SHORT;
  message.trailers = stream.slice(start, end).split('\r\n').map(fieldLine);
  for (const [name] of message.trailers) {
    if (/^(?:content-length|transfer-encoding|host|connection)$/i.test(name))
      broken(`${name} in a trailer section`);
  }
  return end + 4;
}

function fieldLine(line: string): readonly [string, string] {
  const [, name, value] = FIELD_LINE.exec(line) ?? broken(`field line ${JSON.stringify(line)}`);
  return [name, value];
}

function requestHead(text: string): Message {
  const [startLine, ...lines] = text.slice(0, -2).split('\r\n');
  const [, method, target, minor] =
    REQUEST_LINE.exec(startLine) ?? broken(`request line ${JSON.stringify(startLine)}`);
  const fields = lines.map(fieldLine);
  const minorVersion = Number(minor);
  checkTarget(method, target);
  const hosts = values({ fields }, 'host');
  if (hosts.length !== 1 && (minorVersion === 1 || hosts.length > 1)) broken(`${hosts.length} Host lines`);
  if (hosts.length === 1) checkHost(hosts[0]);
  return message(startLine, method, target, 0, minorVersion, fields, requestFraming(fields, minorVersion));
}

function checkTarget(method: string, target: string): void {
  if (method === 'CONNECT') return checkHost(target);
  if (target === '*' && method === 'OPTIONS') return;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  if (absolute !== null) checkHost(absolute[1]);
  let path = absolute === null ? target : absolute[2];
  if (absolute !== null && !path.startsWith('/')) path = `/${path}`;
  if (!PATH.test(path)) broken(`request target ${JSON.stringify(target)}`);
}

function checkHost(host: string): void {
  const match = HOST.exec(host) ?? broken(`host ${JSON.stringify(host)}`);
  if (Number(match[1] ?? 0) > 65535) broken('port');
}

type Fields = Message['fields'];

function requestFraming(fields: Fields, minorVersion: number): Message['framing'] {
  const codings = values({ fields }, 'transfer-encoding');
  const lengths = values({ fields }, 'content-length');
  if (codings.length > 0) {
    if (minorVersion === 0 || lengths.length > 0) broken('Transfer-Encoding has no place here');
    checkCodings(codings);
    return 'chunked';
  }
  if (lengths.length === 0) return 'none';
  checkLengths(lengths);
  return 'length';
}

function checkCodings(codings: readonly string[]): void {
  if (codings.length > 1 || codings[0].toLowerCase() !== 'chunked')
    broken(`Transfer-Encoding ${codings.join()}`);
}

function checkLengths(lengths: readonly string[]): void {
  if (lengths.length > 1 || !/^[0-9]+$/.test(lengths[0]) || !Number.isSafeInteger(Number(lengths[0]))) {
    broken(`Content-Length ${lengths.join()}`);
  }
}

function responseHead(text: string, method: string): Message {
  const [startLine, ...lines] = text.slice(0, -2).split('\r\n');
  const [, minor, code] = STATUS_LINE.exec(startLine) ?? broken(`status line ${JSON.stringify(startLine)}`);
  const fields = lines.map(fieldLine);
  const status = Number(code);
  const codings = values({ fields }, 'transfer-encoding');
  const lengths = values({ fields }, 'content-length');
  if (codings.length > 0) checkCodings(codings);
  if (lengths.length > 0) checkLengths(lengths);
  if (codings.length > 0 && lengths.length > 0) broken('Content-Length and Transfer-Encoding');
  let framing: Message['framing'];
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) framing = 'none';
  else if (codings.length > 0) framing = minor === '1' ? 'chunked' : broken('chunked in HTTP/1.0');
  else framing = lengths.length > 0 ? 'length' : 'close';
  return message(startLine, method, '', status, Number(minor), fields, framing);
}

function message(
  startLine: string,
  method: string,
  target: string,
  status: number,
  minorVersion: number,
  fields: Fields,
  framing: Message['framing'],
): Message {
  const rest = { content: '', trailers: [], hasExtensions: false, isWhole: false };
  return { startLine, method, target, status, minorVersion, fields, framing, ...rest };
}
