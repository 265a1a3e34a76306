/**
 * Field values of a head for variables: joined as nginx joins them, as text or straight as octets. And small lists
 * inside values: cookies and query arguments.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { COMMA, SEMICOLON, SP } from '../bytes/octets.js';
import { FIELD_STRIDE, ID_MASK, NAME_ID, VALUE_END, VALUE_START, type Head } from '../message/head.js';

/** Appends the values of all lines with this id. @param separator octet between them, with SP behind it */
export function putJoined(head: Head, id: number, separator: number, out: OctetWriter): void {
  const { fields, count, octets } = head;
  let isFirst = true;
  for (let i = 0, at = 0; i < count; i++, at += FIELD_STRIDE) {
    if ((fields[at + NAME_ID] & ID_MASK) !== id) continue;
    if (!isFirst) {
      out.putOctet(separator);
      out.putOctet(SP);
    }
    isFirst = false;
    out.put(octets, fields[at + VALUE_START], fields[at + VALUE_END]);
  }
}

/** The same as text. */
export function joinedText(head: Head, id: number, separator: number): string {
  if (separator === COMMA) return head.joinedText(id);
  const { fields, count } = head;
  const values: string[] = [];
  for (let i = 0, at = NAME_ID; i < count; i++, at += FIELD_STRIDE) {
    if ((fields[at] & ID_MASK) === id) values.push(head.valueText(i));
  }
  return values.join('; ');
}

/** The separator that nginx puts between repeated lines of a name: "; " for Cookie (RFC 6265 5.4), else ", ". */
export function separatorOf(name: string): number {
  return name === 'cookie' ? SEMICOLON : COMMA;
}

/** One cookie of a Cookie value; the name without regard to case, the first that matches, as in nginx. '' if none. */
export function cookieValue(cookies: string, name: string): string {
  const text = cookies;
  const end = text.length;
  let at = 0;
  while (at < end) {
    let i = at + name.length;
    if (text.slice(at, i).toLowerCase() === name) {
      while (text[i] === ' ') i++;
      if (text[i] === '=') {
        i++;
        while (text[i] === ' ') i++;
        const stop = text.indexOf(';', i);
        return text.slice(i, stop < 0 ? end : stop);
      }
    }
    while (at < end && text[at] !== ';' && text[at] !== ',') at++;
    at++;
    while (text[at] === ' ') at++;
  }
  return '';
}

/** A cookie that a Set-Cookie value sets, or null if it sets another. */
export function setCookieValue(line: string, name: string): string | null {
  const match = /^\s*([^=;\s]+) *= *([^;]*)/.exec(line);
  return match !== null && match[1].toLowerCase() === name ? match[2] : null;
}

/** One argument of a query, not decoded; the name without regard to case, the first that matches. '' if none. */
export function argumentValue(args: string, name: string): string {
  const folded = args.toLowerCase();
  const wanted = `${name}=`;
  for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + 1)) {
    if (at > 0 && args[at - 1] !== '&') continue;
    const stop = args.indexOf('&', at);
    return args.slice(at + wanted.length, stop < 0 ? undefined : stop);
  }
  return '';
}

/**
 * Name and password of a Basic Authorization value (RFC 7617), their octets as Latin-1; null where there is no name, as
 * nginx has it (`ngx_http_auth_basic_user`): what stands behind "=" is not looked at.
 */
export function basicCredentials(authorization: string): { user: string; password: string } | null {
  const match = /^basic +([A-Za-z0-9+/]+)(?:=.*)?$/i.exec(authorization);
  if (match === null || match[1].length % 4 === 1) return null;
  const text = Buffer.from(match[1], 'base64').toString('latin1');
  const colon = text.indexOf(':');
  return colon <= 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** User of a Basic Authorization value, or ''. */
export function basicUser(authorization: string): string {
  return basicCredentials(authorization)?.user ?? '';
}

/** A numeric address as octets in Latin-1: 4 for IPv4, 16 for IPv6; any other text as it is ($binary_remote_addr). */
export function packAddress(address: string): string {
  if (/^\d+(\.\d+){3}$/.test(address)) return String.fromCharCode(...address.split('.').map(Number));
  if (!address.includes(':') || address.startsWith('unix:')) return address;
  // An IPv4 tail counts as two groups (RFC 4291 2.2).
  const plain = address
    .replace(/%.*$/, '')
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) => `${group(+a, +b)}:${group(+c, +d)}`);
  const [head, tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...new Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return groups
    .map((g) => parseInt(g, 16))
    .reduce((text, g) => text + String.fromCharCode(g >> 8, g & 255), '');
}

function group(high: number, low: number): string {
  return ((high << 8) | low).toString(16);
}
