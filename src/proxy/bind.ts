/**
 * Where connections to upstreams come from (`proxy_bind`, `tunnel_bind`). Decides what a value with variables means for one
 * connection (`ngx_http_upstream_set_local`).
 */
import type { Exchange } from '../machine/exchange.js';
import type { DialSocket } from '../machine/security.js';
import { logHere } from './fault-lines.js';
import { parseAddressPort } from './real-ip.js';
import type { Template } from './template.js';

/**
 * The socket of one connection. An empty value leaves the address to the system; one that is no address does so too, and is
 * told, as in nginx.
 */
export function socketOf(value: Template, keepsAlive: boolean): (exchange: Exchange) => DialSocket {
  const unbound: DialSocket = { localAddress: '', localPort: 0, keepsAlive };
  return (exchange) => {
    const text = value.text(exchange);
    if (text === '') return unbound;
    const address = parseAddressPort(text);
    if (address !== null) return { localAddress: address[0], localPort: address[1], keepsAlive };
    logHere('error', `invalid local address "${text}"`, exchange);
    return unbound;
  };
}
