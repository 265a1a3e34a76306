/**
 * A second reading of heads, written from the grammar with strings and regular expressions, slow and plain. It judges
 * what the head reader took; it shares no code with src/.
 */

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const HEX2 = '%[0-9A-Fa-f]{2}';
/** RFC 3986 pchar and "/", and what browsers send unencoded in a path. */
const PATH = `/(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/\\[\\]^|]|${HEX2})*`;
/** RFC 3986 query, and what browsers send unencoded there. */
const QUERY = `\\?(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/?\\[\\]^|\\\\\`{}]|${HEX2})*`;
const HOST_NAME = `(?:\\[[A-Za-z0-9\\-._~!$&'()*+,;=:]+\\]|(?:[A-Za-z0-9\\-._~!$&'()*+,;=]|${HEX2})+)`;
const AUTHORITY = `${HOST_NAME}(?::[0-9]*)?`;

const REQUEST_LINE = new RegExp(`^(${TOKEN}) (\\S+) HTTP/1\\.([01])$`);
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: ([\t -~\x80-\xff]*))?$/;
const ORIGIN = new RegExp(`^(${PATH}(?:${QUERY})?)$`);
const ABSOLUTE = new RegExp(`^https?://(${AUTHORITY})((?:${PATH})?(?:${QUERY})?)$`, 'i');
const CONNECT_TARGET = new RegExp(`^${HOST_NAME}:[0-9]+$`);
const HOST_VALUE = new RegExp(`^${AUTHORITY}$`);
const FIELD_LINE = new RegExp(
  `^(${TOKEN}):[\\t ]*((?:[!-~\\x80-\\xff](?:[\\t -~\\x80-\\xff]*[!-~\\x80-\\xff])?)?)[\\t ]*$`,
);

export interface Reading {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly status: number;
  readonly minorVersion: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly isPersistent: boolean;
  /** Members of Connection, in lower case. */
  readonly members: readonly string[];
}

/** What a good head says, or the rule that it breaks. `text` is Latin-1, the empty line included. */
export function readRequest(text: string): Reading | string {
  const section = readSection(text);
  if (typeof section === 'string') return section;
  const match = REQUEST_LINE.exec(section.start);
  if (match === null) return 'request line';
  const [, method, target, minor] = match;
  if (method.length > 32) return 'method too long';
  const hosts = valuesOf(section.fields, 'host');
  if (hosts.length > 1 || (hosts.length === 0 && minor === '1')) return 'number of Host lines';
  if (hosts.some((value) => !HOST_VALUE.test(value) || !isPort(value))) return 'Host';
  let host = hosts[0] ?? '';
  if (method === 'CONNECT') {
    if (!CONNECT_TARGET.test(target) || !isPort(target)) return 'authority-form';
    host = target;
  } else if (target === '*') {
    if (method !== 'OPTIONS') return 'asterisk-form';
  } else if (!ORIGIN.test(target)) {
    const absolute = ABSOLUTE.exec(target);
    if (absolute === null || !isPort(absolute[1])) return 'target';
    host = absolute[1];
  }
  const expectations = valuesOf(section.fields, 'expect');
  if (minor === '1' && expectations.some((value) => value.toLowerCase() !== '100-continue')) return 'Expect';
  const body = framing(section.fields, minor);
  if (body === null) return 'framing';
  const members = membersOf(section.fields);
  return {
    ...{ method, target, host, status: 0, minorVersion: Number(minor), fields: section.fields, members },
    body: body === 'until-close' ? 'none' : body,
    isPersistent: !members.includes('close') && (minor === '1' || members.includes('keep-alive')),
  };
}

/** The same for a response. */
export function readResponse(text: string, toHead: boolean): Reading | string {
  const section = readSection(text);
  if (typeof section === 'string') return section;
  const match = STATUS_LINE.exec(section.start);
  if (match === null) return 'status line';
  const [, minor, code] = match;
  const status = Number(code);
  const hasNone = toHead || status < 200 || status === 204 || status === 304;
  // What a transfer coding means in HTTP/1.0 does not matter where there is no content.
  const body = framing(section.fields, hasNone ? '1' : minor);
  if (body === null) return 'framing';
  const members = membersOf(section.fields);
  const own = hasNone ? 'none' : body;
  return {
    ...{
      method: '',
      target: '',
      host: '',
      status,
      minorVersion: Number(minor),
      fields: section.fields,
      members,
    },
    body: own,
    isPersistent:
      own !== 'until-close' &&
      !members.includes('close') &&
      (minor === '1' || members.includes('keep-alive')),
  };
}

interface Section {
  readonly start: string;
  readonly fields: (readonly [string, string])[];
}

function readSection(text: string): Section | string {
  if (!text.endsWith('\r\n\r\n')) return 'no empty line';
  const [start, ...lines] = text.slice(0, -4).split('\r\n');
  const fields: (readonly [string, string])[] = [];
  for (const line of lines) {
    const match = FIELD_LINE.exec(line);
    if (match === null) return `field line ${JSON.stringify(line)}`;
    fields.push([match[1], match[2]]);
  }
  return { start, fields };
}

function framing(fields: readonly (readonly [string, string])[], minor: string): string | null {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  if (lengths.length + codings.length > 1) return null;
  if (codings.length === 1) return codings[0].toLowerCase() === 'chunked' && minor === '1' ? 'chunked' : null;
  if (lengths.length === 0) return 'until-close';
  if (!/^[0-9]+$/.test(lengths[0]) || BigInt(lengths[0]) > 9007199254740991n) return null;
  return BigInt(lengths[0]) === 0n ? 'none' : `length ${BigInt(lengths[0])}`;
}

function valuesOf(fields: readonly (readonly [string, string])[], name: string): string[] {
  return fields.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

/** Members of Connection that are tokens (RFC 9110 5.6.1: empty ones are ignored). */
function membersOf(fields: readonly (readonly [string, string])[]): string[] {
  return valuesOf(fields, 'connection')
    .flatMap((value) => value.split(','))
    .map((member) => member.replace(/^[\t ]+|[\t ]+$/g, '').toLowerCase())
    .filter((member) => new RegExp(`^${TOKEN}$`).test(member));
}

function isPort(authority: string): boolean {
  const port = /:([0-9]*)$/.exec(authority.replace(/^\[.*\]/, ''))?.[1] ?? '';
  return Number(port) <= 65535;
}
