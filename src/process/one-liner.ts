/**
 * Turns `--listen` and `--upstream` into a configuration text, which is then compiled like any other: the flags can do
 * nothing that a file cannot, and `-T` shows what they mean. Every value is taken apart and put together again, so no
 * character of a flag can end a directive or begin a variable.
 */
import { isIPv6 } from 'node:net';
import { isAbsolute, resolve } from 'node:path';
import { UsageError } from './command-line.js';

/** What the text is made of; texts as a person typed them. */
export interface OneLiner {
  readonly listen: readonly string[];
  readonly upstream: readonly string[];
  /** Path of an access log, relative to the current directory, or '' for none. */
  readonly accessLog: string;
}

/** An upstream address: what stands behind `server`, and the path in front of every request's own ('' for none). */
interface Upstream {
  readonly server: string;
  readonly path: string;
}

const PORT_MAX = 65535;

/** The configuration text. @throws UsageError naming the flag whose value cannot be understood */
export function configurationText(flags: OneLiner): string {
  const upstreams = flags.upstream.map(readUpstream);
  const path = upstreams[0].path;
  if (upstreams.some((upstream) => upstream.path !== path)) {
    throw new UsageError('every --upstream must have the same path');
  }
  const listens = flags.listen.map((value) => `        listen ${quote(readListen(value))};\n`).join('');
  const servers = upstreams.map((upstream) => `        server ${quote(upstream.server)};\n`).join('');
  const accessLog = flags.accessLog === '' ? 'off' : `${quote(readLogPath(flags.accessLog))} combined`;
  return `# Made by wirehop from its flags. Saved to a file, it works with -c.
error_log stderr;

events {
    worker_connections 16384;
}

http {
    access_log ${accessLog};
    client_max_body_size 0;

    # Plain requests go without a Connection field, so that upstream connections are kept.
    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      '';
    }

    upstream wirehop_upstream {
${servers}        keepalive 32;
    }

    server {
${listens}
        location / {
            proxy_pass http://wirehop_upstream${path};
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_redirect off;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_pass_header Server;
            proxy_pass_header Date;
        }
    }
}
`;
}

/** A word of nginx's language that reads back as `text`: bare where that is safe, else in double quotes. */
export function quote(text: string): string {
  if (/^[A-Za-z0-9._:/[\]*-]+$/.test(text)) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** What stands behind `listen`. */
function readListen(value: string): string {
  checkText('--listen', value);
  if (value.startsWith('unix:')) return readUnix('--listen', value);
  if (/^\d+$/.test(value)) return String(readPort('--listen', value, value));
  const { host, port } = readHostPort('--listen', value);
  if (port < 0) throw invalid('--listen', value, 'a port is missing');
  return `${host}:${port}`;
}

function readUpstream(value: string): Upstream {
  const flag = '--upstream';
  checkText(flag, value);
  if (/^(https|wss):/i.test(value))
    throw invalid(flag, value, 'TLS towards an upstream needs a configuration file: proxy_pass https://...');
  const address = value.replace(/^(http|ws):\/\//i, '');
  if (address.startsWith('unix:')) return { server: readUnix(flag, address), path: '' };
  const slash = address.indexOf('/');
  const authority = slash < 0 ? address : address.slice(0, slash);
  const path = slash < 0 ? '' : address.slice(slash);
  if (authority.includes('@')) throw invalid(flag, value, 'a user name cannot be passed on');
  // A dollar sign would begin a variable in proxy_pass, and a query would be joined to every request's own.
  if (!/^(\/[A-Za-z0-9._~!&*+,=:@%/-]*)?$/.test(path)) {
    throw invalid(
      flag,
      value,
      'the path may hold letters, digits, "/" and -._~!&*+,=:@%; percent-encode the rest',
    );
  }
  if (/^\d+$/.test(authority))
    return { server: `127.0.0.1:${readPort(flag, authority, value)}`, path: tidy(path) };
  const { host, port } = readHostPort(flag, authority, value);
  return { server: `${host}:${port < 0 ? 80 : port}`, path: tidy(path) };
}

/** "http://host:port/" means what "http://host:port" means: nothing in front of the request's own path. */
function tidy(path: string): string {
  return path === '/' ? '' : path;
}

/** `host:port`, `[v6]:port`; port is -1 where there is none. */
function readHostPort(flag: string, text: string, shown = text): { host: string; port: number } {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._*-]+)(?::(\d+))?$/.exec(text);
  if (match === null) throw invalid(flag, shown, 'expected HOST:PORT, [IPv6]:PORT, PORT or unix:/path');
  const [, host, port] = match;
  if (host.startsWith('[') && !isIPv6(host.slice(1, -1)))
    throw invalid(flag, shown, `${host} is not an IPv6 address`);
  if (host.includes('*') && (host !== '*' || flag !== '--listen'))
    throw invalid(flag, shown, `${host} is not a host`);
  return { host, port: port === undefined ? -1 : readPort(flag, port, shown) };
}

function readPort(flag: string, digits: string, shown: string): number {
  const port = Number(digits);
  if (port < 1 || port > PORT_MAX) throw invalid(flag, shown, `the port must be from 1 to ${PORT_MAX}`);
  return port;
}

function readUnix(flag: string, value: string): string {
  const path = value.slice('unix:'.length);
  if (!isAbsolute(path)) throw invalid(flag, value, 'the path of a unix socket must be absolute');
  // nginx parses "unix:/socket:/uri": a colon ends the path of the socket.
  if (path.includes(':')) throw invalid(flag, value, 'the path of a unix socket cannot hold a colon');
  return value;
}

/** Made absolute, so that no word such as "off" or "syslog:" is read as anything but a file's name. */
function readLogPath(value: string): string {
  checkText('--access-log', value);
  if (value.includes('$')) throw invalid('--access-log', value, 'a dollar sign would begin a variable');
  return resolve(value);
}

/** No control characters: quoting could keep them, but nobody means them. */
function checkText(flag: string, value: string): string {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(value)) throw invalid(flag, value, 'control characters are not allowed');
  return value;
}

function invalid(flag: string, value: string, why: string): UsageError {
  return new UsageError(`invalid value ${JSON.stringify(value)} of "${flag}": ${why}`);
}
