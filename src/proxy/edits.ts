/**
 * Field edits as nginx makes them: its defaults, and what a configuration changes about them. Leaves hop-by-hop fields
 * and framing to the head writer, which follows no configuration there.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { Exchange } from '../machine/exchange.js';
import {
  ConstantValue,
  FieldEdits,
  fieldSet,
  type FieldRewrites,
  type FieldSet,
  type ValueSource,
} from '../message/field-edits.js';
import { DATE, HOST, SERVER } from '../message/field-names.js';
import { CompileError } from './compile-error.js';
import {
  ACCEPT_RANGES_LINE,
  CONTENT_RANGE_LINE,
  ETAG_LINE,
  LAST_MODIFIED_LINE,
  typeLine,
} from './files/representation.js';
import { VERSION } from './identity.js';
import { ConstantTemplate, type Template } from './template.js';
import { HTTP_DATE } from './wall-clock.js';

/** One add_header in force. */
export interface AddedField {
  readonly name: string;
  readonly value: ValueSource<Exchange>;
  /** Also on other statuses than 200, 201, 204, 206, 301-304, 307 and 308. */
  readonly always: boolean;
  /** Stands in for a received line of its name. Absent: goes on beside it. */
  readonly replaces?: boolean;
}

/** One proxy_set_header in force. */
export interface SetField {
  readonly name: string;
  /** Where it is empty, the field is not sent. */
  readonly value: Template;
}

/** Fields of a response that nginx does not pass (proxy_hide_header). */
const HIDDEN = [
  'Date',
  'Server',
  'X-Pad',
  'X-Accel-Expires',
  'X-Accel-Redirect',
  'X-Accel-Limit-Rate',
  'X-Accel-Buffering',
  'X-Accel-Charset',
];

/** Fields that add_header replaces rather than adds, as nginx does. */
const REPLACED = new Set(['last-modified', 'etag']);

/**
 * Edits of a request on its way up: proxy_set_header over nginx's one default that remains since 1.29.7, `Host $proxy_host`.
 * A name set here, whatever its case, replaces the received lines and the default; of two with one name both are sent.
 * @param proxyHost $proxy_host of this proxy_pass
 * @param keepsReceived false: no received field goes on (proxy_pass_request_headers off)
 * @throws CompileError for a name that is not a token
 */
export function requestEdits(
  sets: readonly SetField[],
  proxyHost: Template,
  keepsReceived = true,
): FieldEdits<Exchange> {
  const lines = sets.map(({ name, value }) =>
    line(name, isHost(name) && !value.isConstant ? new OrElse(value, proxyHost) : value),
  );
  const setsHost = sets.some(({ name }) => isHost(name));
  // Host goes first: RFC 9110 7.2 asks senders for it.
  const first = setsHost ? lines.sort(hostFirst) : [line('Host', proxyHost), ...lines];
  return new FieldEdits<Exchange>([], first, [], null, keepsReceived);
}

function isHost(name: string): boolean {
  return name.toLowerCase() === 'host';
}

/**
 * A value, or another where it is empty. An HTTP/1.0 request may come without Host, and must not become an HTTP/1.1
 * request without one (RFC 9112 3.2), as it would with `Host $http_host` in nginx.
 */
class OrElse implements ValueSource<Exchange> {
  constructor(
    private readonly value: ValueSource<Exchange>,
    private readonly other: ValueSource<Exchange>,
  ) {}
  put(exchange: Exchange, out: OctetWriter): void {
    const length = out.position - out.start;
    this.value.put(exchange, out);
    if (out.position - out.start === length) this.other.put(exchange, out);
  }
}

function hostFirst(a: FieldSet<Exchange>, b: FieldSet<Exchange>): number {
  return Number(b.id === HOST) - Number(a.id === HOST);
}

/**
 * Edits of a response on its way down: proxy_hide_header, proxy_pass_header and add_header. wirehop's own Server and
 * Date stand in for the upstream's unless they are passed.
 * @param options.serverTokens Server names the version
 * @throws CompileError for a name that is not a token
 */
export function responseEdits(options: {
  readonly hide: readonly string[];
  readonly pass: readonly string[];
  readonly add: readonly AddedField[];
  readonly serverTokens: boolean;
  /** Set-Cookie of `sticky cookie`. */
  readonly cookie?: ValueSource<Exchange> | null;
  readonly rewrites?: FieldRewrites<Exchange> | null;
}): FieldEdits<Exchange> {
  const passed = new Set(options.pass.map((name) => name.toLowerCase()));
  // Of a name that is both hidden and passed nginx takes the second.
  const dropped = [...HIDDEN, ...options.hide].filter((name) => !passed.has(name.toLowerCase()));
  const isDropped = new Set(dropped.map((name) => name.toLowerCase()));
  const first: FieldSet<Exchange>[] = [];
  const last: FieldSet<Exchange>[] = [];
  for (const [name, id, value] of [
    ['Server', SERVER, serverValue(options.serverTokens)],
    ['Date', DATE, DATE_NOW],
  ] as const) {
    if (isDropped.has(name.toLowerCase())) first.push(line(name, value, true));
    else last.push(line(name, new UnlessReceived(id, value), true));
  }
  if (options.cookie) last.push(line('Set-Cookie', options.cookie, true));
  for (const { name, value, always, replaces } of options.add) {
    (replaces === true || REPLACED.has(name.toLowerCase()) ? first : last).push(line(name, value, always));
  }
  return new FieldEdits<Exchange>(dropped, first, last, options.rewrites ?? null);
}

/**
 * Lines of an answer made here: `return`, redirections and the built-in pages.
 * @param options.contentType default_type in force, `text/html` for a page; null for none
 * @param options.location target of a redirection; null for none
 * @throws CompileError for a name that is not a token
 */
export function localEdits(options: {
  readonly contentType: string | ValueSource<Exchange> | null;
  readonly location: ValueSource<Exchange> | null;
  readonly add: readonly AddedField[];
  readonly serverTokens: boolean;
  /** Content-Range of an answer to a range that there is not. */
  readonly tellsRange?: boolean;
}): FieldEdits<Exchange> {
  const first = [line('Server', serverValue(options.serverTokens), true), line('Date', DATE_NOW, true)];
  if (options.contentType !== null) first.push(line('Content-Type', options.contentType, true));
  if (options.location !== null) first.push(line('Location', options.location, true));
  const last = options.add.map(({ name, value, always }) => line(name, value, always));
  if (options.tellsRange === true) last.push(line('Content-Range', CONTENT_RANGE_LINE, true));
  return new FieldEdits<Exchange>([], first, last);
}

/**
 * Lines of an answer from a file, in nginx's order.
 * @param options.type Content-Type; null for none
 * @throws CompileError for a name that is not a token
 */
export function fileEdits(options: {
  readonly type: string | ValueSource<Exchange> | null;
  readonly add: readonly AddedField[];
  readonly serverTokens: boolean;
}): FieldEdits<Exchange> {
  const { type, add, serverTokens } = options;
  const replaced = new Set(add.map(({ name }) => name.toLowerCase()));
  const first = [line('Server', serverValue(serverTokens), true), line('Date', DATE_NOW, true)];
  if (type !== null) {
    const source = typeof type === 'string' ? new ConstantValue(type) : type;
    first.push(line('Content-Type', typeLine(source), true));
  }
  const last: FieldSet<Exchange>[] = [];
  if (!replaced.has('last-modified')) first.push(line('Last-Modified', LAST_MODIFIED_LINE, true));
  if (!replaced.has('etag')) last.push(line('ETag', ETAG_LINE, true));
  for (const { name, value, always } of add) last.push(line(name, value, always));
  last.push(line('Accept-Ranges', ACCEPT_RANGES_LINE, true), line('Content-Range', CONTENT_RANGE_LINE, true));
  return new FieldEdits<Exchange>([], first, last);
}

function line(name: string, value: ValueSource<Exchange> | string, always = false): FieldSet<Exchange> {
  try {
    // A template without variables is a constant, which the head writer copies whole.
    if (value instanceof ConstantTemplate) return fieldSet(name, value.text(), always);
    return fieldSet(name, value, always);
  } catch {
    throw new CompileError(`"${name}" is not a field name`);
  }
}

function serverValue(serverTokens: boolean): string {
  return serverTokens ? `wirehop/${VERSION}` : 'wirehop';
}

const DATE_NOW: ValueSource<Exchange> = {
  put(_exchange: Exchange, out: OctetWriter): void {
    out.put(HTTP_DATE.octets());
  },
};

/** A line for a response that came without one of this name. */
class UnlessReceived implements ValueSource<Exchange> {
  private readonly value: ValueSource<Exchange>;
  constructor(
    private readonly id: number,
    value: ValueSource<Exchange> | string,
  ) {
    this.value = typeof value === 'string' ? new ConstantValue(value) : value;
  }
  put(exchange: Exchange, out: OctetWriter): void {
    if (exchange.response.findField(this.id) < 0) this.value.put(exchange, out);
  }
}
