/**
 * `proxy_bind`, `tunnel_bind` and their `..._socket_keepalive` as rules for sockets. Decides nothing at run time.
 */
import { socketOf } from '../../proxy/bind.js';
import type { DialRules } from '../../proxy/model.js';
import type { BindLine } from '../directives/proxy-bind.js';
import type { Site } from './site.js';

/** What is asked of a socket; undefined for the system's defaults. */
export function socketRules(
  site: Site,
  bind: BindLine,
  keepsAlive: boolean,
): Pick<DialRules, 'socket' | 'socketOf'> | undefined {
  if (bind?.isDynamic === true) return { socketOf: socketOf(site.template(bind.word), keepsAlive) };
  if (bind === null && !keepsAlive) return undefined;
  return { socket: { localAddress: bind?.host ?? '', localPort: bind?.port ?? 0, keepsAlive } };
}
