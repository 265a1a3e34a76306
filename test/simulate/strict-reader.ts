/**
 * The oracle: a strict HTTP/1.1 reader of its own, with strings and regular expressions and nothing of wirehop's. It
 * says what a message is; wirehop's readers, machine and writers are held against it. Slow and plain on purpose.
 */

/** A head as the oracle has it. */
export interface StrictHead {
  /** Start line and field lines, CRLF and all, without the empty line. */
  readonly text: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly minorVersion: number;
  readonly fields: readonly (readonly [string, string])[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  /** Octets of content when framing is `length`. */
  readonly length: number;
  readonly keepsAlive: boolean;
  /** A request that offers to switch protocols, or a 101. */
  readonly isUpgrade: boolean;
}

export interface StrictEvents {
  onHead(head: StrictHead): void;
  onContent(octets: Buffer): void;
  /** The message is whole. */
  onEnd(trailers: readonly string[]): void;
  /** Not HTTP: nothing behind this is looked at. */
  onError(reason: string): void;
  /** Octets behind a switch of protocols. */
  onTunnel?(octets: Buffer): void;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([!-~]+) HTTP/1\\.([01])$`);
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9][0-9])(?: [\t -~\x80-\xff]*)?$/;
const FIELD_LINE = new RegExp(
  `^(${TOKEN}):[ \\t]*((?:[!-~\\x80-\\xff](?:[\\t -~\\x80-\\xff]*[!-~\\x80-\\xff])?)?)[ \\t]*$`,
);
const CHUNK_LINE = new RegExp(
  `^([0-9A-Fa-f]{1,16})(?:;${TOKEN}(?:=(?:${TOKEN}|"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"))?)*$`,
);
const HOST =
  /^(?:\[[0-9A-Za-z:._~!$&'()*+,;=-]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::([0-9]*))?$/;
const PATH =
  /^(?:[0-9A-Za-z._~!$&'()*+,;=:@/^|[\]-]|%[0-9A-Fa-f]{2})*(?:\?(?:[0-9A-Za-z._~!$&'()*+,;=:@/?[\]\\^`{|}-]|%[0-9A-Fa-f]{2})*)?$/;
const MOST_HEAD_OCTETS = 262144;
const MOST_EMPTY_LINES = 4;

class Refusal {
  constructor(readonly reason: string) {}
}

const refuse = (reason: string): never => {
  throw new Refusal(reason);
};

type Place =
  'head' | 'length' | 'close' | 'chunk size' | 'chunk' | 'chunk end' | 'trailer' | 'held' | 'tunnel' | 'dead';

/** Reads one side of a connection, message after message. */
export class StrictReader {
  place: Place = 'head';
  /** Methods of the requests whose responses are still to come; a request reader leaves it alone. */
  readonly methods: string[] = [];
  private rest: Buffer = Buffer.alloc(0);
  private left = 0;
  private trailers: string[] = [];
  private emptyLines = 0;

  constructor(
    private readonly kind: 'request' | 'response',
    private readonly events: StrictEvents,
  ) {}

  /** Whether the octets so far end with a whole message. */
  get isBetween(): boolean {
    return this.place === 'head' && this.rest.length === 0;
  }

  feed(octets: Buffer): void {
    this.rest = this.rest.length === 0 ? Buffer.from(octets) : Buffer.concat([this.rest, octets]);
    this.run();
  }

  /** The connection has ended in good order: that ends content which lasts as long as it. */
  ended(): void {
    if (this.place !== 'close') return;
    this.place = 'dead';
    this.events.onEnd([]);
  }

  /** What became of the switch that the last request offered. */
  resume(asTunnel: boolean): void {
    if (this.place !== 'held') return;
    this.place = asTunnel ? 'tunnel' : 'head';
    this.run();
  }

  private run(): void {
    try {
      while (this.advance());
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.place = 'dead';
      this.events.onError(error.reason);
    }
  }

  /** One step; false when octets are short. */
  private advance(): boolean {
    const { rest } = this;
    switch (this.place) {
      case 'head':
        return this.readHead();
      case 'length':
      case 'chunk': {
        if (rest.length === 0 && this.left > 0) return false;
        const count = Math.min(this.left, rest.length);
        this.left -= count;
        this.rest = rest.subarray(count);
        if (count > 0) this.events.onContent(rest.subarray(0, count));
        if (this.left > 0) return false;
        if (this.place === 'length') this.end();
        else this.place = 'chunk end';
        return true;
      }
      case 'close':
      case 'tunnel':
        if (rest.length === 0) return false;
        this.rest = Buffer.alloc(0);
        if (this.place === 'close') this.events.onContent(rest);
        else this.events.onTunnel?.(rest);
        return false;
      case 'chunk size': {
        const line = this.line(1024);
        if (line === null) return false;
        const match = CHUNK_LINE.exec(line) ?? refuse(`chunk line ${JSON.stringify(line)}`);
        this.left = Number.parseInt(match[1], 16);
        if (!Number.isSafeInteger(this.left)) refuse('chunk too large');
        this.place = this.left === 0 ? 'trailer' : 'chunk';
        return true;
      }
      case 'chunk end':
        if (rest.length > 0 && rest[0] !== 13) refuse('no CR behind a chunk');
        if (rest.length < 2) return false;
        if (rest[1] !== 10) refuse('no CRLF behind a chunk');
        this.rest = rest.subarray(2);
        this.place = 'chunk size';
        return true;
      case 'trailer': {
        const line = this.line(16384);
        if (line === null) return false;
        if (line === '') {
          this.end();
          return true;
        }
        const [name] = readField(line);
        if (/^(content-length|transfer-encoding|host|connection)$/i.test(name)) refuse(`trailer ${name}`);
        this.trailers.push(line);
        return true;
      }
      default:
        return false;
    }
  }

  /** A line without its CRLF, or null while it is not whole. */
  private line(most: number): string | null {
    const end = this.rest.indexOf(10);
    if (end < 0) {
      if (this.rest.length > most) refuse('line too long');
      return null;
    }
    if (end === 0 || this.rest[end - 1] !== 13) refuse('bare LF');
    const line = this.rest.toString('latin1', 0, end - 1);
    this.rest = this.rest.subarray(end + 1);
    return line;
  }

  private readHead(): boolean {
    while (this.kind === 'request' && this.rest.length >= 2 && this.rest[0] === 13 && this.rest[1] === 10) {
      if (++this.emptyLines > MOST_EMPTY_LINES) refuse('too many empty lines');
      this.rest = this.rest.subarray(2);
    }
    const end = this.rest.indexOf('\r\n\r\n', 0, 'latin1');
    if (end < 0) {
      if (this.rest.length > MOST_HEAD_OCTETS) refuse('head too large');
      return false;
    }
    const text = this.rest.toString('latin1', 0, end + 2);
    this.rest = this.rest.subarray(end + 4);
    this.emptyLines = 0;
    const head =
      this.kind === 'request' ? readRequestHead(text) : readResponseHead(text, this.methods[0] ?? 'GET');
    if (this.kind === 'response' && (head.status >= 200 || head.status === 101)) this.methods.shift();
    this.trailers = [];
    this.left = head.length;
    this.offers = head.isUpgrade;
    this.place = head.framing === 'chunked' ? 'chunk size' : head.framing === 'close' ? 'close' : 'length';
    this.isInterim = this.kind === 'response' && head.status < 200 && head.status !== 101;
    if (this.isInterim) this.place = 'head';
    this.events.onHead(head);
    return true;
  }
  private offers = false;
  private isInterim = false;

  private end(): void {
    // A 101 switches at once; an offer waits for its answer.
    this.place = !this.offers ? 'head' : this.kind === 'request' ? 'held' : 'tunnel';
    this.events.onEnd(this.trailers);
  }
}

function readField(line: string): readonly [string, string] {
  const match = FIELD_LINE.exec(line) ?? refuse(`field line ${JSON.stringify(line)}`);
  return [match[1], match[2]];
}

function readFields(lines: readonly string[]): (readonly [string, string])[] {
  return lines.map(readField);
}

function valuesOf(fields: readonly (readonly [string, string])[], name: string): string[] {
  return fields.filter(([is]) => is.toLowerCase() === name).map(([, value]) => value);
}

/** Members of lists, folded. OWS is SP and TAB (RFC 9110 5.6.3): trim() would take more. */
export function membersOf(values: readonly string[]): string[] {
  return values
    .flatMap((value) => value.split(','))
    .map((member) => member.replace(/^[\t ]+|[\t ]+$/g, '').toLowerCase());
}

function splitHead(text: string): [string, string[]] {
  const lines = text.split('\r\n');
  lines.pop();
  return [lines[0], lines.slice(1)];
}

function readLength(values: readonly string[]): number {
  if (values.length > 1) refuse('Content-Length repeated');
  if (!/^[0-9]+$/.test(values[0]) || !Number.isSafeInteger(Number(values[0]))) refuse('Content-Length');
  return Number(values[0]);
}

/** RFC 9112 3 and 6.3, as WIRE has them: what is ambiguous is refused. */
export function readRequestHead(text: string): StrictHead {
  const [line, lines] = splitHead(text);
  const [, method, target, minor] = REQUEST_LINE.exec(line) ?? refuse(`request line ${JSON.stringify(line)}`);
  const minorVersion = Number(minor);
  const fields = readFields(lines);
  const hosts = valuesOf(fields, 'host');
  if (hosts.length > 1 || (hosts.length === 0 && minorVersion === 1)) refuse('Host');
  if (hosts.length === 1) checkHost(hosts[0]);
  checkTarget(method, target);
  for (const expectation of minorVersion === 1 ? valuesOf(fields, 'expect') : []) {
    if (expectation.toLowerCase() !== '100-continue') refuse('Expect');
  }
  const connection = membersOf(valuesOf(fields, 'connection'));
  const codings = valuesOf(fields, 'transfer-encoding');
  const lengths = valuesOf(fields, 'content-length');
  let framing: StrictHead['framing'] = 'none';
  let length = 0;
  if (codings.length > 0) {
    if (minorVersion === 0 || lengths.length > 0) refuse('Transfer-Encoding not allowed here');
    if (codings.length > 1 || codings[0].toLowerCase() !== 'chunked') refuse('Transfer-Encoding');
    framing = 'chunked';
  } else if (lengths.length > 0) {
    length = readLength(lengths);
    framing = length === 0 ? 'none' : 'length';
  }
  return {
    text,
    method,
    target,
    status: 0,
    minorVersion,
    fields,
    framing,
    length,
    keepsAlive: !connection.includes('close') && (minorVersion === 1 || connection.includes('keep-alive')),
    isUpgrade:
      minorVersion === 1 &&
      connection.includes('upgrade') &&
      valuesOf(fields, 'upgrade').some((value) => value !== ''),
  };
}

function checkHost(host: string): void {
  const match = HOST.exec(host) ?? refuse(`Host ${JSON.stringify(host)}`);
  if (match[1] !== undefined && Number(match[1]) > 65535) refuse('port');
}

function checkTarget(method: string, target: string): void {
  if (method === 'CONNECT') refuse('CONNECT');
  if (target === '*') {
    if (method !== 'OPTIONS') refuse('asterisk-form');
    return;
  }
  if (target.startsWith('/')) {
    if (!PATH.test(target)) refuse(`target ${JSON.stringify(target)}`);
    return;
  }
  const match = /^https?:\/\/([^/?]*)(.*)$/i.exec(target) ?? refuse(`target ${JSON.stringify(target)}`);
  checkHost(match[1]);
  if (!PATH.test(match[2])) refuse(`target ${JSON.stringify(target)}`);
}

/** RFC 9112 4 and 6.3. @param method of the request that it answers */
export function readResponseHead(text: string, method: string): StrictHead {
  const [line, lines] = splitHead(text);
  const [, minor, digits] = STATUS_LINE.exec(line) ?? refuse(`status line ${JSON.stringify(line)}`);
  const minorVersion = Number(minor);
  const status = Number(digits);
  const fields = readFields(lines);
  const connection = membersOf(valuesOf(fields, 'connection'));
  const codings = valuesOf(fields, 'transfer-encoding');
  const lengths = valuesOf(fields, 'content-length');
  if (codings.length > 0 && lengths.length > 0) refuse('Content-Length and Transfer-Encoding');
  if (codings.length > 1 || (codings.length === 1 && codings[0].toLowerCase() !== 'chunked')) {
    refuse('Transfer-Encoding');
  }
  if (codings.length > 0 && minorVersion === 0) refuse('Transfer-Encoding in HTTP/1.0');
  const announced = lengths.length > 0 ? readLength(lengths) : 0;
  const isUpgrade = status === 101;
  let framing: StrictHead['framing'];
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) framing = 'none';
  else if (codings.length > 0) framing = 'chunked';
  else if (lengths.length > 0) framing = announced === 0 ? 'none' : 'length';
  else framing = 'close';
  return {
    text,
    method,
    target: '',
    status,
    minorVersion,
    fields,
    framing,
    length: framing === 'length' ? announced : 0,
    keepsAlive:
      framing !== 'close' &&
      !connection.includes('close') &&
      (minorVersion === 1 || connection.includes('keep-alive')),
    isUpgrade,
  };
}
