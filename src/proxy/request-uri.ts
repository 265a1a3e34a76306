/**
 * The target that `proxy_pass` with a URI part sends. Leaves to normal-path.ts what the received path means.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { latin1, PERCENT, SLASH } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import type { ValueSource } from '../message/field-edits.js';
import { contextOf, type RequestContext } from './context.js';

/** ESCAPED[octet]: nginx encodes the octet in a path that it rebuilds (1.21.1 and later). */
const ESCAPED = new Uint8Array(256);
for (let c = 0; c < 256; c++) {
  if (c <= 0x20 || c >= 0x7f || '"#%<>?\\^`{|}'.includes(String.fromCharCode(c))) ESCAPED[c] = 1;
}
const HEX_DIGITS = latin1('0123456789ABCDEF');

/**
 * The target that `proxy_pass` with a URI part sends: the part of the normalised path that the location matched is
 * replaced by the given URI, the rest is encoded again if it came encoded, and the query follows as received.
 */
export class ProxyPassTarget implements ValueSource<Exchange> {
  private readonly prefix: Uint8Array;

  /**
   * @param location the location's prefix or exact path, as written, Latin-1
   * @param uri the URI part of proxy_pass, at least "/", Latin-1. Throws a RangeError for other text.
   */
  constructor(
    readonly location: string,
    readonly uri: string,
  ) {
    this.prefix = latin1(uri);
  }

  put(exchange: Exchange, out: OctetWriter): void {
    const path = contextOf(exchange);
    // Behind `rewrite ... break` the path stands for itself, and the given URI is left out.
    if (path.detour !== null && !path.detour.keepsLocation) return putPath(path, path.start, out);
    out.put(this.prefix);
    putPath(path, Math.min(path.start + this.location.length, path.end), out);
  }
}

/** The target that a path makes which was changed on the way: encoded anew, with the query in force. */
export const CHANGED_TARGET: ValueSource<Exchange> = {
  put(exchange: Exchange, out: OctetWriter): void {
    const path = contextOf(exchange);
    putPath(path, path.start, out);
  },
};

/** The target of a proxy_pass with variables: what they came out as; without a URI in it the request's own. */
export const VARIABLE_TARGET: ValueSource<Exchange> = {
  put(exchange: Exchange, out: OctetWriter): void {
    const path = contextOf(exchange);
    const uri = path.destination?.uri ?? '';
    if (uri !== '') {
      out.putLatin1(uri.startsWith('/') ? uri : `/${uri}`);
    } else if (path.detour !== null && !path.detour.keepsTarget) {
      putPath(path, path.start, out);
    } else {
      const { octets, pathStart, pathEnd } = exchange.request;
      if (octets[pathStart] !== SLASH || pathStart === pathEnd) out.putOctet(SLASH);
      out.put(octets, pathStart, pathEnd);
    }
  },
};

/** The path from `start` on, and the query. */
function putPath(path: RequestContext, start: number, out: OctetWriter): void {
  // nginx encodes what came encoded, and what is no longer as it came (1.21.1 and later).
  if (path.wasEncoded || path.detour?.isInternal === true) putEscaped(path.octets, start, path.end, out);
  else out.put(path.octets, start, path.end);
  path.putQuery(out);
}

function putEscaped(octets: Uint8Array, start: number, end: number, out: OctetWriter): void {
  for (let i = start; i < end; i++) {
    const octet = octets[i];
    if (ESCAPED[octet] === 0) {
      out.putOctet(octet);
    } else {
      out.putOctet(PERCENT);
      out.putOctet(HEX_DIGITS[octet >> 4]);
      out.putOctet(HEX_DIGITS[octet & 15]);
    }
  }
}

/** A path as it may stand in a target or in Location. @param text Latin-1 */
export function escapePath(text: string): string {
  return Array.from(latin1(text), (octet) =>
    ESCAPED[octet] === 0
      ? String.fromCharCode(octet)
      : `%${String.fromCharCode(HEX_DIGITS[octet >> 4], HEX_DIGITS[octet & 15])}`,
  ).join('');
}

/** ARGUMENT_ESCAPED[octet]: nginx encodes the octet in a capture that becomes part of a query. */
const ARGUMENT_ESCAPED = new Uint8Array(ESCAPED);
for (const octet of latin1('&+;')) ARGUMENT_ESCAPED[octet] = 1;

/** A capture as it may stand in a query. @param text Latin-1 */
export function escapeArgument(text: string): string {
  return text.replace(/[^]/g, (c) =>
    ARGUMENT_ESCAPED[c.charCodeAt(0)] === 0 ? c : percent(c.charCodeAt(0)),
  );
}

/** nginx decodes what it made of a redirection where that is safe: printable octets behind "%". */
export function unescapeRedirection(text: string): string {
  const query = text.indexOf('?');
  const path = query < 0 ? text : text.slice(0, query);
  const decoded = path.replace(/%([0-9A-Fa-f]{2})/g, (whole, digits: string) => {
    const octet = parseInt(digits, 16);
    return octet > PERCENT && octet < 0x7f ? String.fromCharCode(octet) : whole;
  });
  return query < 0 ? decoded : decoded + text.slice(query);
}

function percent(octet: number): string {
  return `%${String.fromCharCode(HEX_DIGITS[octet >> 4], HEX_DIGITS[octet & 15])}`;
}
