/**
 * Judges a request head that llhttp took: everything that RFC 9110 and 9112 ask of an intermediary and llhttp lets
 * pass. Decides whether the head may be acted on, and how its content ends. Works on spans; makes no string.
 */
import type { ErrorCode } from '../error.js';
import {
  ASTERISK,
  CLASS,
  COLON,
  DIGIT,
  equalsFolded,
  FOLD,
  HEX,
  latin1,
  PERCENT,
  QUESTION,
  REG_NAME,
  SLASH,
  SP,
  LOOSE_PATH,
  LOOSE_QUERY,
  TARGET,
} from '../bytes/octets.js';
import { readConnection } from './connection-field.js';
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  HOST,
  SINGLE_OF_REQUEST,
  TRANSFER_ENCODING,
  UPGRADE,
} from './field-names.js';
import { decideRequestFraming } from './framing.js';
import * as h from './head.js';
import type { Head } from './head.js';

const HTTP_1 = latin1('HTTP/1.');
const CONTINUE = latin1('100-continue');
/** The usual ones first. */
const METHODS = [
  ['GET', h.METHOD_GET],
  ['HEAD', h.METHOD_HEAD],
  ['CONNECT', h.METHOD_CONNECT],
  ['OPTIONS', h.METHOD_OPTIONS],
  ['PUT', h.METHOD_IDEMPOTENT],
  ['DELETE', h.METHOD_IDEMPOTENT],
  ['TRACE', h.METHOD_TRACE],
].map(([name, method]) => ({ name: latin1(name as string), method: method as number }));

/** Where the last fault was found, in octets from the start of the head. Read right after a check answered a code. */
export let faultOffset = 0;

/** Answers the code of `fault`, noting its offset: keeps the checks below free of allocation. */
function at(offset: number, fault: ErrorCode): ErrorCode {
  faultOffset = offset;
  return fault;
}

/**
 * Checks a complete request head and fills in what it decides: method, form, path, host, connection, body.
 * `head.methodEnd`, the target's span, `head.startLineEnd` and the fields must be set.
 * @returns the code of the first rule broken, with its place in {@link faultOffset}; null for a good head
 */
export function checkRequest(head: Head): ErrorCode | null {
  return checkStartLine(head) ?? checkTarget(head) ?? checkFields(head);
}

/** method SP request-target SP HTTP/1.x, single spaces and nothing else (RFC 9112 3). */
function checkStartLine(head: Head): ErrorCode | null {
  const { octets, methodEnd, targetStart, targetEnd, startLineEnd } = head;
  if (targetStart !== methodEnd + 1 || octets[methodEnd] !== SP)
    return at(methodEnd, 'START_LINE_WHITESPACE');
  // Nothing but a target up to the line's end: HTTP/0.9.
  if (targetEnd + 9 > startLineEnd) return at(targetEnd, 'VERSION_INVALID');
  if (octets[targetEnd] !== SP) return at(targetEnd, 'START_LINE_WHITESPACE');
  const version = targetEnd + 1;
  if (startLineEnd !== version + 8) return at(version, 'START_LINE_WHITESPACE');
  for (let i = 0; i < HTTP_1.length; i++) {
    if (octets[version + i] === HTTP_1[i]) continue;
    // HTTP/2.0, HTTP/0.9: a version, but none of ours.
    return at(version, i === 5 ? 'VERSION_UNSUPPORTED' : 'VERSION_INVALID');
  }
  const minor = octets[version + 7] - 0x30;
  if (minor !== 0 && minor !== 1) return at(version + 7, 'VERSION_UNSUPPORTED');
  head.minorVersion = minor;

  head.method = methodOf(octets, methodEnd);
  return null;
}

function methodOf(octets: Uint8Array, end: number): number {
  next: for (let m = 0; m < METHODS.length; m++) {
    const { name, method } = METHODS[m];
    if (name.length !== end) continue;
    for (let i = 0; i < end; i++) if (octets[i] !== name[i]) continue next;
    return method;
  }
  return h.METHOD_OTHER;
}

/** The four forms of RFC 9112 3.2. */
function checkTarget(head: Head): ErrorCode | null {
  const { octets, targetStart, targetEnd } = head;
  head.hostStart = head.hostEnd = head.hostNameEnd = 0;
  if (head.method === h.METHOD_CONNECT) {
    head.form = h.FORM_AUTHORITY;
    head.pathStart = head.pathEnd = targetEnd;
    const end = checkAuthority(head, targetStart, targetEnd);
    // authority-form needs its port (RFC 9112 3.2.3), and an empty one MUST be refused (RFC 9110 9.3.6).
    if (end !== null || head.hostEnd - head.hostNameEnd < 2) return at(targetStart, 'TARGET_INVALID');
    return null;
  }
  const first = octets[targetStart];
  if (first === SLASH) {
    head.form = h.FORM_ORIGIN;
    head.pathStart = targetStart;
    head.pathEnd = targetEnd;
    return checkPath(octets, targetStart, targetEnd);
  }
  if (first === ASTERISK && targetEnd === targetStart + 1) {
    head.form = h.FORM_ASTERISK;
    head.pathStart = head.pathEnd = targetEnd;
    return head.method === h.METHOD_OPTIONS ? null : at(targetStart, 'TARGET_ASTERISK');
  }
  head.form = h.FORM_ABSOLUTE;
  let i = targetStart;
  while (i < targetEnd && octets[i] !== COLON) i++;
  if (octets[i + 1] !== SLASH || octets[i + 2] !== SLASH || i + 3 >= targetEnd)
    return at(targetStart, 'TARGET_INVALID');
  if (!equalsFolded(octets, targetStart, i, HTTP) && !equalsFolded(octets, targetStart, i, HTTPS)) {
    return at(targetStart, 'TARGET_SCHEME');
  }
  const authority = i + 3;
  let end = authority;
  while (end < targetEnd && octets[end] !== SLASH && octets[end] !== QUESTION) end++;
  head.pathStart = end;
  head.pathEnd = targetEnd;
  return checkAuthority(head, authority, end) ?? checkPath(octets, end, targetEnd);
}

const HTTP = latin1('http');
const HTTPS = latin1('https');

/**
 * Path and query: every octet must be one that RFC 3986 allows there, or one that browsers send there unencoded.
 * "#", quotes and angle brackets never belong in a target, nor a backslash in a path (some origins read it as "/");
 * "%" needs two hex digits.
 */
function checkPath(octets: Uint8Array, start: number, end: number): ErrorCode | null {
  let allowed = TARGET | LOOSE_PATH;
  for (let i = start; i < end; i++) {
    const octet = octets[i];
    if ((CLASS[octet] & allowed) === 0) return at(i, 'TARGET_INVALID');
    if (octet === QUESTION) allowed = TARGET | LOOSE_QUERY;
    else if (
      octet === PERCENT &&
      (i + 2 >= end || (CLASS[octets[i + 1]] & CLASS[octets[i + 2]] & HEX) === 0)
    ) {
      return at(i, 'TARGET_INVALID');
    }
  }
  return null;
}

/**
 * uri-host [ ":" port ] (RFC 9110 7.2): a reg-name, IPv4 address or IP literal in brackets; a port is digits, at most
 * 65535. Sets the head's host span. An empty host is refused: no http URI has one (RFC 9110 4.2.1).
 */
function checkAuthority(head: Head, start: number, end: number): ErrorCode | null {
  const octets = head.octets;
  let i = start;
  if (octets[i] === 0x5b && i < end) {
    for (i++; i < end && octets[i] !== 0x5d; i++) {
      if ((CLASS[octets[i]] & REG_NAME) === 0 && octets[i] !== COLON) return at(i, 'HOST_INVALID');
      if (octets[i] === PERCENT) return at(i, 'HOST_INVALID');
    }
    if (i === end || !isIpLiteral(octets, start + 1, i)) return at(start, 'HOST_INVALID');
    i++;
  } else {
    for (; i < end && octets[i] !== COLON; i++) {
      const octet = octets[i];
      if (octet === 0x40) return at(i, 'TARGET_USERINFO');
      // An empty label is in no name (RFC 1034 3.1), and readers differ in what they make of it.
      if (octet === DOT && i > start && octets[i - 1] === DOT) return at(i, 'HOST_INVALID');
      if ((CLASS[octet] & REG_NAME) === 0) return at(i, 'HOST_INVALID');
      if (octet === PERCENT && (i + 2 >= end || (CLASS[octets[i + 1]] & CLASS[octets[i + 2]] & HEX) === 0)) {
        return at(i, 'HOST_INVALID');
      }
    }
    if (i === start) return at(start, 'HOST_INVALID');
  }
  head.hostStart = start;
  head.hostNameEnd = i;
  head.hostEnd = end;
  if (i === end) return null;
  if (octets[i] !== COLON) return at(i, 'HOST_INVALID');
  let port = 0;
  for (let p = i + 1; p < end; p++) {
    if (octets[p] === 0x40) return at(p, 'TARGET_USERINFO');
    if ((CLASS[octets[p]] & DIGIT) === 0) return at(p, 'HOST_INVALID');
    port = port * 10 + octets[p] - 0x30;
    if (port > 65535) return at(p, 'HOST_INVALID');
  }
  return null;
}

/** IPv6address or IPvFuture (RFC 3986 3.2.2), without the brackets. A zone is none of either. */
function isIpLiteral(octets: Uint8Array, start: number, end: number): boolean {
  return FOLD[octets[start]] === LETTER_V ? isIpFuture(octets, start, end) : isIpv6(octets, start, end);
}

/** "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
function isIpFuture(octets: Uint8Array, start: number, end: number): boolean {
  let i = start + 1;
  while (i < end && (CLASS[octets[i]] & HEX) !== 0) i++;
  if (i === start + 1 || i + 1 >= end || octets[i] !== DOT) return false;
  // The octets behind the dot have been looked at.
  return true;
}

/** Eight groups of one to four hexadecimal digits, or fewer around one "::"; the last two may be an IPv4 address. */
export function isIpv6(octets: Uint8Array, start: number, end: number): boolean {
  let groups = 0;
  let hasGap = false;
  let i = start;
  while (i < end) {
    if (octets[i] === COLON && octets[i + 1] === COLON && i + 1 < end) {
      if (hasGap) return false;
      hasGap = true;
      i += 2;
      continue;
    }
    // A single colon stands between two groups only.
    if (groups > 0 && octets[i - 1] !== COLON) {
      if (octets[i] !== COLON) return false;
      i++;
    }
    const group = i;
    while (i < end && (CLASS[octets[i]] & HEX) !== 0) i++;
    if (i < end && octets[i] === DOT) {
      groups += 2;
      if (!isIpv4(octets, group, end)) return false;
      i = end;
    } else {
      groups++;
      if (i === group || i - group > 4) return false;
    }
  }
  return hasGap ? groups < 8 : groups === 8;
}

/** Four decimal numbers up to 255, without leading zeros. */
export function isIpv4(octets: Uint8Array, start: number, end: number): boolean {
  let i = start;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && octets[i++] !== DOT) return false;
    const first = i;
    let value = 0;
    for (; i < end && (CLASS[octets[i]] & DIGIT) !== 0; i++) value = value * 10 + octets[i] - 0x30;
    if (i === first || i - first > 3 || value > 255 || (i - first > 1 && octets[first] === 0x30))
      return false;
  }
  return i === end;
}

const DOT = 0x2e;
const LETTER_V = 0x76;

/** Host, Connection, Upgrade, Expect and framing. */
function checkFields(head: Head): ErrorCode | null {
  const { fields, count } = head;
  let host = -1;
  let hasConnection = false;
  let lengths = 0;
  let lengthField = -1;
  let codings = 0;
  let codingField = -1;
  head.connection = 0;
  head.upgradeField = -1;
  head.expectsContinue = false;
  let single = 0;
  for (let i = 0, f = 0; i < count; i++, f += h.FIELD_STRIDE) {
    const id = fields[f + h.NAME_ID];
    if (id === 0 || id > PROTOCOLS_OWN_MAX) continue;
    if (id === HOST) {
      if (host >= 0) return at(fields[f], 'HOST_REPEATED');
      host = f;
    } else if (id === CONTENT_LENGTH) {
      lengths++;
      lengthField = f;
    } else if (id === TRANSFER_ENCODING) {
      codings++;
      codingField = f;
    } else if (id === CONNECTION) {
      hasConnection = true;
    } else if (id === UPGRADE) {
      // An empty value offers nothing; of several lines the first that offers something counts.
      if (head.upgradeField < 0 && fields[f + h.VALUE_START] < fields[f + h.VALUE_END]) head.upgradeField = i;
    } else if (id === EXPECT && head.minorVersion === 1) {
      if (!equalsFolded(head.octets, fields[f + h.VALUE_START], fields[f + h.VALUE_END], CONTINUE)) {
        return at(fields[f + h.VALUE_START], 'EXPECTATION_UNKNOWN');
      }
      head.expectsContinue = true;
    }
    if (id > EXPECT) {
      const bit = 1 << (id - EXPECT);
      if ((single & bit) !== 0) return at(fields[f], 'FIELD_REPEATED');
      single |= bit;
    }
  }
  if (hasConnection) readConnection(head);

  if (host < 0) {
    if (head.minorVersion === 1) return at(head.startLineEnd, 'HOST_MISSING');
  } else {
    const { form, hostStart, hostNameEnd, hostEnd } = head;
    const fault = checkAuthority(head, fields[host + h.VALUE_START], fields[host + h.VALUE_END]);
    if (fault !== null) return fault === 'TARGET_USERINFO' ? 'HOST_INVALID' : fault;
    if (form === h.FORM_ABSOLUTE || form === h.FORM_AUTHORITY) {
      // The target's authority replaces Host (RFC 9112 3.2.2).
      head.hostStart = hostStart;
      head.hostNameEnd = hostNameEnd;
      head.hostEnd = hostEnd;
    }
  }

  const fault = decideRequestFraming(head, lengths, lengthField, codings, codingField);
  if (fault !== null) return at(codingField >= 0 ? fields[codingField] : fields[lengthField], fault);
  head.keepsAlive =
    (head.connection & h.OPTION_CLOSE) === 0 &&
    (head.minorVersion === 1 || (head.connection & h.OPTION_KEEP_ALIVE) !== 0);
  return null;
}

/** Ids above this one are not the protocol's: the usual field is told apart by one comparison. */
const PROTOCOLS_OWN_MAX = SINGLE_OF_REQUEST[SINGLE_OF_REQUEST.length - 1];
