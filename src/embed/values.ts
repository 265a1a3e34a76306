/**
 * Values of the fields that an embedded proxy sets on its own account, laid down from the exchange without strings of
 * their own.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { latin1 } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import { listMembers } from '../message/connection-field.js';
import type { ValueSource } from '../message/field-edits.js';
import { FIELD_NAMES, UPGRADE } from '../message/field-names.js';
import { FIELD_STRIDE, VALUE_END, VALUE_START } from '../message/head.js';
import { cacheOf } from '../proxy/context.js';

const X_FORWARDED_FOR = FIELD_NAMES.intern('x-forwarded-for');
const HTTP = latin1('http');
const HTTPS = latin1('https');

/** The host and port that the request is for; the upstream's own where an HTTP/1.0 request names none. */
export class ReceivedHost implements ValueSource<Exchange> {
  private readonly otherwise: Uint8Array;
  constructor(authority: string) {
    this.otherwise = latin1(authority);
  }
  put({ request }: Exchange, out: OctetWriter): void {
    if (request.hostEnd > request.hostStart) out.put(request.octets, request.hostStart, request.hostEnd);
    else out.put(this.otherwise);
  }
}

/** The peer's address. */
export const PEER_ADDRESS: ValueSource<Exchange> = {
  put: ({ connection }, out) => out.put(cacheOf(connection).address),
};

/** The peer's address behind those that were received. */
export const FORWARDED_FOR: ValueSource<Exchange> = {
  put({ request, connection }, out) {
    const { address, suffix } = cacheOf(connection);
    if (request.findField(X_FORWARDED_FOR) < 0) {
      out.put(address);
      return;
    }
    out.putLatin1(request.joinedText(X_FORWARDED_FOR));
    out.put(suffix);
  },
};

export const SCHEME: ValueSource<Exchange> = {
  put: ({ connection }, out) => out.put(connection.secure ? HTTPS : HTTP),
};

/** The Upgrade field as received: what is offered, and only where it may be. */
export class OfferedProtocols implements ValueSource<Exchange> {
  private readonly allowed: ReadonlySet<string> | null;

  /** @param allowed in any case; null for every one */
  constructor(allowed: readonly string[] | null) {
    this.allowed = allowed === null ? null : new Set(allowed.map((name) => name.toLowerCase()));
  }

  put({ request }: Exchange, out: OctetWriter): void {
    const { upgradeField, octets, fields } = request;
    if (upgradeField < 0) return;
    const at = upgradeField * FIELD_STRIDE;
    const { allowed } = this;
    if (allowed === null) {
      out.put(octets, fields[at + VALUE_START], fields[at + VALUE_END]);
      return;
    }
    const offered = listMembers(request.joinedText(UPGRADE)).filter((name) => allowed.has(name));
    out.putLatin1(offered.join(', '));
  }
}
