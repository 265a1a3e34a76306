/**
 * Addresses as nginx writes them, for `listen`, `proxy_pass` and upstream servers (`ngx_parse_url` in
 * src/core/ngx_inet.c). Decides what is a host and what a port; resolves nothing.
 */
import { isIP } from 'node:net';
import { decodeText } from './syntax.js';
import { parseNumber } from './units.js';

/** An address that was read. */
export type Address = UnixAddress | HostAddress;

/** `unix:/path`. */
export interface UnixAddress {
  readonly kind: 'unix';
  readonly path: string;
}

/** `host:port`. */
export interface HostAddress {
  readonly kind: 'host';
  /** Name or number, IPv6 without its brackets, lower case; '*' in `listen`. */
  readonly host: string;
  /** 4 or 6, or 0 for a name that has to be resolved. */
  readonly family: 0 | 4 | 6;
  /** -1 where none is written. */
  readonly port: number;
  /** Last port of a range in `listen`; otherwise `port`. */
  readonly lastPort: number;
}

const PORT_MAX = 65535;

/** The address, or nginx's words for what is wrong with it. */
export function parseAddress(text: string, use: 'listen' | 'upstream'): Address | string {
  if (/^unix:/i.test(text)) {
    const path = text.slice('unix:'.length);
    return path === '' ? 'no path in the unix domain socket' : { kind: 'unix', path: decodeText(path) };
  }
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    const host = text.slice(1, close).toLowerCase();
    if (close < 0) return 'invalid host';
    if (isIP(host) !== 6) return 'invalid IPv6 address';
    const rest = text.slice(close + 1);
    if (rest !== '' && !rest.startsWith(':')) return 'invalid host';
    return hostAddress(host, 6, rest === '' ? null : rest.slice(1), use);
  }
  const colon = text.indexOf(':');
  if (colon < 0 && use === 'listen' && /^[0-9]+$/.test(text)) return hostAddress('*', 0, text, use);
  const host = (colon < 0 ? text : text.slice(0, colon)).toLowerCase();
  if (host === '') return 'no host';
  if (host.includes('/')) return 'invalid host';
  return hostAddress(host, isIP(host) === 4 ? 4 : 0, colon < 0 ? null : text.slice(colon + 1), use);
}

function hostAddress(
  host: string,
  family: 0 | 4 | 6,
  portText: string | null,
  use: 'listen' | 'upstream',
): HostAddress | string {
  if (portText === null) return { kind: 'host', host, family, port: -1, lastPort: -1 };
  const range = use === 'listen' ? /^([0-9]+)-([0-9]+)$/.exec(portText) : null;
  const port = parseNumber(range === null ? portText : range[1]);
  const lastPort = range === null ? port : parseNumber(range[2]);
  if (port === undefined || port < 1 || port > PORT_MAX) return 'invalid port';
  if (lastPort === undefined || lastPort < port || lastPort > PORT_MAX) return 'invalid port range';
  return { kind: 'host', host, family, port, lastPort };
}

/** As nginx shows it: `127.0.0.1:80`, `[::1]:80`. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether a listening host stands for all addresses of its family. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The host that stands for all addresses of the family of `host`. */
export function wildcardOf(host: string): string {
  return host.includes(':') ? '::' : '0.0.0.0';
}
