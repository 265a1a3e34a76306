/**
 * The target that `proxy_pass` with a URI part sends. Leaves to normal-path.ts what the received path means.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { latin1, PERCENT, QUESTION } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import type { ValueSource } from '../message/field-edits.js';
import { contextOf } from './context.js';

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
    const { octets, end } = path;
    const rest = Math.min(path.start + this.location.length, end);
    out.put(this.prefix);
    if (path.wasEncoded) putEscaped(octets, rest, end, out);
    else out.put(octets, rest, end);
    if (path.argsEnd > path.argsStart) {
      out.putOctet(QUESTION);
      out.put(exchange.request.octets, path.argsStart, path.argsEnd);
    }
  }
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
