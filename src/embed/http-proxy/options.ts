/**
 * The options of http-proxy and http-proxy-3 that the adapter takes, and for every other one the reason why it does not.
 * Decides what an option becomes in wirehop's own terms.
 */
import type { IncomingMessage } from 'node:http';
import { fieldFault } from '../fields.js';
import type { ForwardAction } from '../options.js';
import { parseUpstreamUrl, type UpstreamUrl } from '../upstream-url.js';

/** A target in parts. */
export interface TargetParts {
  /** Name or number. */
  readonly host?: string | undefined;
  /** As `host`, which it takes the place of. */
  readonly hostname?: string | undefined;
  /** Default 80. */
  readonly port?: number | string | undefined;
  /** `http:`; `ws:` is the same. */
  readonly protocol?: string | undefined;
  /** Path of a unix socket, instead of host and port. */
  readonly socketPath?: string | undefined;
}

/** Where requests go: an address, whole or in parts. */
export type Target = string | URL | TargetParts;

/** Options, by http-proxy's names. Durations are milliseconds. */
export interface ServerOptions {
  /** Where requests go, or a function that says so for one. */
  readonly target?: Target | ((request: IncomingMessage) => Target) | undefined;
  /** `listen` passes WebSockets on, too. Default false. */
  readonly ws?: boolean | undefined;
  /** Adds X-Forwarded-For, -Port, -Proto and -Host. Default false. */
  readonly xfwd?: boolean | undefined;
  /** X-Forwarded-Proto of a WebSocket is `http` or `https` instead of `ws` or `wss`. Default false. */
  readonly xfwdWsProtoAsHttp?: boolean | undefined;
  /** Host becomes the target's. Default false. */
  readonly changeOrigin?: boolean | undefined;
  /** Fields that the target gets, in place of received ones of the same names. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined;
  /** `user:password` for the target. */
  readonly auth?: string | undefined;
  /** The target's path is put in front of the request's. Default true. */
  readonly prependPath?: boolean | undefined;
  /** The target's path is sent instead of the request's. Default false. */
  readonly ignorePath?: boolean | undefined;
  /** Idle time of the incoming socket of `web`. Default: the server's. */
  readonly timeout?: number | undefined;
  /** For which the target may be silent. Default 120 000. */
  readonly proxyTimeout?: number | undefined;
  /** For a connection to the target. Default: as `proxyTimeout`. */
  readonly connectTimeout?: number | undefined;
  /** Whether the certificate of an `https:` target is looked at. Default true. */
  readonly secure?: boolean | undefined;
  /** No effect: names keep their case in any case. */
  readonly preserveHeaderKeyCase?: boolean | undefined;
}

/** Why an option of theirs is not taken, and what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  agent: 'connections to targets are kept open and used again without one: leave it out',
  autoRewrite: 'rewrite Location in a "proxyRes" listener: proxyRes.headers.location = ...',
  buffer: 'use createProxy().web(req, res, { content })',
  ca: 'use "upstreamTls" of createProxy()',
  cookieDomainRewrite:
    'rewrite Set-Cookie in a "proxyRes" listener, or use proxy_cookie_domain in a configuration',
  cookiePathRewrite:
    'rewrite Set-Cookie in a "proxyRes" listener, or use proxy_cookie_path in a configuration',
  fetch: 'requests go out through sockets',
  fetchOptions: 'requests go out through sockets',
  followRedirects: 'a redirect is for the client to follow',
  forward: 'a request goes to one place; use proxy_pass and mirror in nginx',
  hostRewrite: 'rewrite Location in a "proxyRes" listener: proxyRes.headers.location = ...',
  localAddress: 'the system chooses; use proxy_bind in a configuration',
  method: 'the method goes on as it is; use proxy_method in a configuration',
  protocolRewrite: 'rewrite Location in a "proxyRes" listener: proxyRes.headers.location = ...',
  selfHandleResponse: 'responses are streamed; to answer instead use the "response" hook of createProxy',
  ssl: 'make the https.Server yourself, and hand its requests to web() and ws()',
  toProxy: 'targets are origin servers',
};

/** How each option that is taken must look. */
const TYPES: Readonly<Record<keyof ServerOptions, readonly string[]>> = {
  target: ['string', 'object', 'function'],
  ws: ['boolean'],
  xfwd: ['boolean'],
  xfwdWsProtoAsHttp: ['boolean'],
  changeOrigin: ['boolean'],
  headers: ['object'],
  auth: ['string'],
  prependPath: ['boolean'],
  ignorePath: ['boolean'],
  timeout: ['number'],
  proxyTimeout: ['number'],
  connectTimeout: ['number'],
  secure: ['boolean'],
  preserveHeaderKeyCase: ['boolean'],
};

/** @throws TypeError that names the option, and says why it is not taken */
export function checkServerOptions(options: ServerOptions): void {
  for (const [name, value] of Object.entries(options)) {
    // Switched off, or left to its default.
    if (value === undefined || value === null) continue;
    if (Object.hasOwn(REFUSED, name)) {
      if (value === false) continue;
      throw new TypeError(`option "${name}" of http-proxy is not taken here: ${REFUSED[name]}`);
    }
    if (!Object.hasOwn(TYPES, name)) throw new TypeError(`option "${name}" is not known`);
    const types = TYPES[name as keyof ServerOptions];
    if (!types.includes(typeof value))
      throw new TypeError(`option "${name}" must be a ${types.join(' or a ')}`);
  }
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    for (const line of value === undefined ? [] : [value].flat()) {
      const fault = fieldFault(name, line);
      if (fault !== '') throw new TypeError(`option "headers": ${fault}`);
    }
  }
  if (options.target !== undefined && typeof options.target !== 'function') parseTarget(options.target);
}

/** A target that was read: the address as wirehop writes it, and taken apart. */
export interface ParsedTarget {
  /** `http://host:port/base` or `unix:/path`. */
  readonly text: string;
  readonly url: UpstreamUrl;
}

/** @throws TypeError for what cannot be a target */
export function parseTarget(target: Target): ParsedTarget {
  const text = targetText(target);
  const url = parseUpstreamUrl(text);
  if (typeof url === 'string') throw new TypeError(`option "target": ${url}, got ${JSON.stringify(text)}`);
  return { text, url };
}

function targetText(target: Target): string {
  if (typeof target === 'string') return target;
  if (target instanceof URL) return target.href;
  if (target.socketPath !== undefined) return `unix:${target.socketPath}`;
  const host = target.hostname ?? target.host ?? 'localhost';
  const protocol = (target.protocol ?? 'http:').replace(/:?$/, ':');
  return `${protocol}//${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${target.port ?? 80}`;
}

/** Silence that http-proxy's documentation promises to bear. */
const PROXY_TIMEOUT_MS = 120_000;
/** Actions are made anew when more different ones than this have come up. */
const MOST_ACTIONS = 256;
const made = new Map<string, ForwardAction>();

/** What is done with a request. One object for equal options, so that it is prepared once. */
export function actionOf(
  { text, url }: ParsedTarget,
  options: ServerOptions,
  isUpgrade: boolean,
): ForwardAction {
  const { prependPath = true, ignorePath = false } = options;
  const readMs = options.proxyTimeout ?? PROXY_TIMEOUT_MS;
  const hasBase = prependPath && !ignorePath && url.socket === '';
  const upstream =
    hasBase || url.base === '' ? text : text.slice(0, text.indexOf(url.base, text.indexOf('//') + 2));
  const action: ForwardAction = {
    upstream,
    // xfwd has names and forms of its own.
    forwarded: 'none',
    protocols: isUpgrade ? ['websocket'] : false,
    timeouts: { connectMs: options.connectTimeout ?? readMs, sendMs: readMs, readMs },
    ...(url.isSecure && options.secure === false ? { upstreamTls: { verify: false } } : {}),
    ...(ignorePath ? { target: url.base === '' ? '/' : url.base } : {}),
  };
  const key = JSON.stringify(action);
  const known = made.get(key);
  if (known !== undefined) return known;
  if (made.size >= MOST_ACTIONS) made.clear();
  made.set(key, action);
  return action;
}
