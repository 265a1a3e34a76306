/**
 * The Location of a redirection that wirehop makes. nginx answers a target that begins with "/" with an absolute one,
 * made from what the downstream side knows of wirehop.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { SLASH } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import type { ValueSource } from '../message/field-edits.js';
import { hostOf, serverName } from './request-variables.js';

/** How a target without a scheme is completed. */
export interface RedirectRules {
  /** It is completed at all (absolute_redirect). */
  readonly isAbsolute: boolean;
  /** With the server's first name, rather than the host that the request names (server_name_in_redirect). */
  readonly usesServerName: boolean;
  /** With the listener's port where it is not the scheme's own (port_in_redirect). */
  readonly showsPort: boolean;
}

/** nginx's defaults. */
export const DEFAULT_REDIRECTS: RedirectRules = { isAbsolute: true, usesServerName: false, showsPort: true };

/** A target, with scheme, host and port in front where it has none. */
export class AbsoluteLocation implements ValueSource<Exchange> {
  constructor(
    private readonly target: { text(exchange: Exchange): string },
    private readonly rules: RedirectRules = DEFAULT_REDIRECTS,
  ) {}

  put(exchange: Exchange, out: OctetWriter): void {
    out.putLatin1(absolute(this.target.text(exchange), exchange, this.rules));
  }
}

/** `target` with {@link origin} in front where it begins with "/" and the rules say so. */
export function absolute(target: string, exchange: Exchange, rules: RedirectRules): string {
  return target.charCodeAt(0) === SLASH && rules.isAbsolute ? origin(exchange, rules) + target : target;
}

/** `http://host[:port]` as the downstream side sees it. */
export function origin(exchange: Exchange, rules: RedirectRules = DEFAULT_REDIRECTS): string {
  const { secure, localPort, localAddress } = exchange.connection;
  const named = rules.usesServerName ? serverName(exchange) : hostOf(exchange.request);
  const host = named || (localAddress.includes(':') ? `[${localAddress}]` : localAddress);
  const isOwn = localPort === 0 || localPort === (secure ? 443 : 80);
  return `${secure ? 'https' : 'http'}://${host}${isOwn || !rules.showsPort ? '' : `:${localPort}`}`;
}
