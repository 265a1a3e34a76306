/**
 * Addresses of upstreams as a person writes them. Decides what is one; resolves nothing.
 */
import { isIP } from 'node:net';

/** An address, taken apart. */
export interface UpstreamUrl {
  /** Name or number, IPv6 without its brackets; '' for a unix socket. */
  readonly host: string;
  readonly port: number;
  /** TLS is spoken there. */
  readonly isSecure: boolean;
  /** Path of a unix socket, or ''. */
  readonly socket: string;
  /** What stands in front of every request's own path: '' or `/path` without a slash at its end. */
  readonly base: string;
  /** Host field that names it, with a port that is not its scheme's own; `localhost` for a unix socket. */
  readonly authority: string;
}

const PORT_MAX = 65535;

/** The address, or what is wrong with the text. */
export function parseUpstreamUrl(text: string): UpstreamUrl | string {
  const isSecure = /^(https|wss):\/\//i.test(text);
  const rest = text.replace(/^(http|ws)s?:\/\//i, '');
  if (/^unix:/i.test(rest)) return unixUrl(rest.slice('unix:'.length));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(rest)) return 'the scheme is none of http, https, ws, wss and unix';
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)?(?::(\d+))?(\/.*)?$/.exec(rest);
  if (match === null || match[1] === undefined) {
    return rest.includes('@')
      ? 'a user name cannot be passed on'
      : 'expected http://HOST:PORT/PATH or unix:/PATH';
  }
  const usual = isSecure ? 443 : 80;
  const port = match[2] === undefined ? usual : Number(match[2]);
  if (port < 1 || port > PORT_MAX) return `the port must be from 1 to ${PORT_MAX}`;
  const isBracketed = match[1].startsWith('[');
  const host = isBracketed ? match[1].slice(1, -1) : match[1].toLowerCase();
  if (isBracketed && isIP(host) !== 6) return `${match[1]} is not an IPv6 address`;
  const base = (match[3] ?? '').replace(/\/+$/, '');
  if (!/^[\x21-\x22\x24-\x3e\x40-\x7e]*$/.test(base))
    return 'the path holds white space, a query or a fragment';
  const authority = port === usual ? match[1] : `${match[1]}:${port}`;
  return { host, port, isSecure, socket: '', base, authority };
}

function unixUrl(path: string): UpstreamUrl | string {
  if (!path.startsWith('/')) return 'the path of a unix socket must be absolute';
  return { host: '', port: 0, isSecure: false, socket: path, base: '', authority: 'localhost' };
}
