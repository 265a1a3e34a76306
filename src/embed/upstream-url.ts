/**
 * Addresses of upstreams as a person writes them. Decides what is one; resolves nothing.
 */
import { isIP } from 'node:net';

/** An address, taken apart. */
export interface UpstreamUrl {
  /** Name or number, IPv6 without its brackets; '' for a unix socket. */
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket, or ''. */
  readonly socket: string;
  /** What stands in front of every request's own path: '' or `/path` without a slash at its end. */
  readonly base: string;
  /** Host field that names it: `host`, or `host:port` where the port is not 80; `localhost` for a unix socket. */
  readonly authority: string;
}

const PORT_MAX = 65535;

/** The address, or what is wrong with the text. */
export function parseUpstreamUrl(text: string): UpstreamUrl | string {
  if (/^(https|wss):/i.test(text)) return 'TLS towards an upstream is not there yet';
  const rest = text.replace(/^(http|ws):\/\//i, '');
  if (/^unix:/i.test(rest)) return unixUrl(rest.slice('unix:'.length));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(rest)) return 'the scheme is none of http, ws and unix';
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)?(?::(\d+))?(\/.*)?$/.exec(rest);
  if (match === null || match[1] === undefined) {
    return rest.includes('@')
      ? 'a user name cannot be passed on'
      : 'expected http://HOST:PORT/PATH or unix:/PATH';
  }
  const port = match[2] === undefined ? 80 : Number(match[2]);
  if (port < 1 || port > PORT_MAX) return `the port must be from 1 to ${PORT_MAX}`;
  const isBracketed = match[1].startsWith('[');
  const host = isBracketed ? match[1].slice(1, -1) : match[1].toLowerCase();
  if (isBracketed && isIP(host) !== 6) return `${match[1]} is not an IPv6 address`;
  const base = (match[3] ?? '').replace(/\/+$/, '');
  if (!/^[\x21-\x22\x24-\x3e\x40-\x7e]*$/.test(base))
    return 'the path holds white space, a query or a fragment';
  return { host, port, socket: '', base, authority: port === 80 ? match[1] : `${match[1]}:${port}` };
}

function unixUrl(path: string): UpstreamUrl | string {
  if (!path.startsWith('/')) return 'the path of a unix socket must be absolute';
  return { host: '', port: 0, socket: path, base: '', authority: 'localhost' };
}
