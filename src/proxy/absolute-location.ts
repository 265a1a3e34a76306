/**
 * The Location of a redirection that wirehop makes. nginx answers a target that begins with "/" with an absolute one
 * (absolute_redirect on, port_in_redirect on, server_name_in_redirect off: their defaults).
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { SLASH } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import type { ValueSource } from '../message/field-edits.js';
import { hostText } from './request-variables.js';
import type { Template } from './template.js';

/** A target, with scheme, host and port in front where it has none. */
export class AbsoluteLocation implements ValueSource<Exchange> {
  constructor(private readonly target: Template) {}

  put(exchange: Exchange, out: OctetWriter): void {
    const target = this.target.text(exchange);
    if (target.charCodeAt(0) === SLASH) out.putLatin1(origin(exchange));
    out.putLatin1(target);
  }
}

/** `http://host[:port]` as the downstream side sees it; the port of the listener, where it is not the scheme's own. */
export function origin(exchange: Exchange): string {
  const { secure, localPort, localAddress } = exchange.connection;
  const host = hostText(exchange) || (localAddress.includes(':') ? `[${localAddress}]` : localAddress);
  const port = localPort === 0 || localPort === (secure ? 443 : 80) ? '' : `:${localPort}`;
  return `${secure ? 'https' : 'http'}://${host}${port}`;
}
