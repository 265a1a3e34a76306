/**
 * http-proxy's interface over wirehop's proxy: `web`, `ws`, `listen`, `close` and the events. Decides which event tells
 * what; everything else is the proxy's. No error ends the process: without a listener the client gets a 502 or 504.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorInfo } from '../hooks.js';
import type { Action } from '../options.js';
import { createProxy, type Proxy } from '../proxy.js';
import type { ProxyExchange, RequestHead, ResponseHead } from '../views.js';
import { actionOf, checkServerOptions, parseTarget, type ServerOptions, type Target } from './options.js';
import {
  applyHeaders,
  proxyRequest,
  type ProxyResponse,
  proxyResponse,
  setField,
  tunnelSocket,
} from './stand-ins.js';

/** Told of a failure, in place of the event `error`. */
export type ErrorCallback = (
  error: NodeJS.ErrnoException,
  request: IncomingMessage,
  response: ServerResponse | Duplex,
  target?: Target,
) => void;

/** One call of `web` or `ws`. */
interface Call {
  readonly kind: 'web' | 'ws';
  readonly request: IncomingMessage;
  readonly response: ServerResponse | Duplex;
  readonly options: ServerOptions;
  readonly target: Target;
  readonly head: Buffer | undefined;
  readonly callback: ErrorCallback | undefined;
  /** A listener was told of a failure: the response is its. */
  isTaken: boolean;
  proxyRes: ProxyResponse | null;
}

/**
 * A proxy with http-proxy's interface. Events: `start`, `proxyReq`, `proxyReqWs`, `proxyRes`, `open`, `close`, `end`,
 * `error` and `econnreset`, with the arguments that http-proxy gives them; stand-ins take the place of its sockets and
 * messages.
 */
export class ProxyServer extends EventEmitter {
  private readonly proxy: Proxy;
  private readonly calls = new AsyncLocalStorage<Call>();
  private server: Server | null = null;

  /** @throws TypeError that names the option, and says why it is not taken */
  constructor(private readonly options: ServerOptions = {}) {
    super();
    checkServerOptions(options);
    this.proxy = createProxy({
      routes: (request, exchange) => this.route(request, exchange),
      hooks: {
        response: (response, exchange) => this.responded(response, exchange),
        switched: (exchange) => void this.announce('open', tunnelSocket(exchange)),
        tunnelClosed: (_end, exchange) => this.tunnelClosed(exchange),
        finished: ({ outcome }, exchange) => this.finished(outcome === 'complete', exchange),
        error: (error, exchange) => this.failed(error, exchange),
      },
    });
  }

  /**
   * Answers a request.
   * @param options of this request, over those of the proxy; checked in the same way
   * @param callback is told of a failure in place of the event `error`; the answer is then its own
   */
  web(
    request: IncomingMessage,
    response: ServerResponse,
    options?: ServerOptions | ErrorCallback,
    callback?: ErrorCallback,
  ): void {
    const call = this.call('web', request, response, undefined, [options, callback]);
    if (call === null) return;
    if (call.options.timeout !== undefined) request.socket.setTimeout(call.options.timeout);
    const isTaken = (): boolean => call.isTaken;
    this.calls.run(call, () => this.proxy.web(request, response, { isTaken }));
  }

  /** Takes over a request that asks for a WebSocket. Parameters as for {@link web}. */
  ws(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    options?: ServerOptions | ErrorCallback,
    callback?: ErrorCallback,
  ): void {
    if (request.method !== 'GET' || request.headers.upgrade?.toLowerCase() !== 'websocket') {
      socket.on('error', () => undefined).destroy();
      return;
    }
    const call = this.call('ws', request, socket, head, [options, callback]);
    if (call !== null) this.calls.run(call, () => this.proxy.upgrade(request, socket, head));
  }

  /** Makes an http.Server of its own; with the option `ws` it passes WebSockets on. */
  listen(port: number, hostname?: string): this {
    this.server = http.createServer((request, response) => this.web(request, response));
    if (this.options.ws === true) {
      this.server.on('upgrade', (request, socket, head) => this.ws(request, socket, head));
    }
    this.server.listen(port, hostname);
    return this;
  }

  /** Where its own server listens; null before. */
  address(): AddressInfo | string | null {
    return this.server?.address() ?? null;
  }

  /** Stops its own server, and ends what the proxy still does. */
  close(callback?: (error?: Error) => void): void {
    const { server } = this;
    this.server = null;
    void this.proxy.close().then(() => (server === null ? callback?.() : server.close(callback)));
  }

  /** What a call is about; null if that cannot be found out, and its caller was told. */
  private call(
    kind: Call['kind'],
    request: IncomingMessage,
    response: ServerResponse | Duplex,
    head: Buffer | undefined,
    given: readonly [ServerOptions | ErrorCallback | undefined, ErrorCallback | undefined],
  ): Call | null {
    const [first, second] = given;
    const callback = typeof first === 'function' ? first : second;
    let { options } = this;
    if (typeof first === 'object') {
      checkServerOptions(first);
      options = { ...options, ...first };
    }
    const { target: wanted } = options;
    const base = { kind, request, response, options, head, callback, isTaken: false, proxyRes: null };
    try {
      const target = typeof wanted === 'function' ? wanted(request) : wanted;
      if (target === undefined) throw new Error('Must set target');
      parseTarget(target);
      return { ...base, target };
    } catch (error) {
      const call = { ...base, target: '' };
      if (!this.tell(call, error as Error)) {
        if ('writeHead' in response) response.writeHead(500).end();
        else response.destroy();
      }
      return null;
    }
  }

  // ---- Hooks

  private route(request: RequestHead, exchange: ProxyExchange): Action | null {
    const call = this.calls.getStore();
    if (call === undefined) return null;
    exchange.locals.call = call;
    const { kind, options } = call;
    const target = parseTarget(call.target);
    const { fields } = request;
    if (options.xfwd === true) forward(call, exchange, request);
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (value !== undefined) setField(fields, name, value);
    }
    if (options.changeOrigin === true) fields.set('Host', target.url.authority);
    if (options.auth !== undefined) {
      fields.set('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
    }
    const proxyReq = proxyRequest(request);
    if (kind === 'web') {
      this.emit('start', call.request, call.response, call.target);
      this.emit('proxyReq', proxyReq, call.request, call.response, options);
    } else {
      this.emit('proxyReqWs', proxyReq, call.request, call.response, options, call.head);
    }
    return actionOf(target, options, kind === 'ws');
  }

  private responded(response: ResponseHead, exchange: ProxyExchange): void {
    const call = callOf(exchange);
    if (call === null) return;
    const proxyRes = (call.proxyRes = proxyResponse(response));
    if (call.kind === 'ws' || this.listenerCount('proxyRes') === 0) return;
    this.emit('proxyRes', proxyRes, call.request, call.response);
    applyHeaders(proxyRes, response);
  }

  private tunnelClosed(exchange: ProxyExchange): void {
    this.announce('close', callOf(exchange)?.proxyRes, tunnelSocket(exchange), Buffer.alloc(0));
  }

  private finished(isComplete: boolean, exchange: ProxyExchange): void {
    const call = callOf(exchange);
    if (isComplete && call?.kind === 'web' && call.proxyRes !== null) {
      this.announce('end', call.request, call.response, call.proxyRes);
    }
  }

  private failed(info: ErrorInfo, exchange: ProxyExchange | null): void {
    const call = exchange === null ? null : callOf(exchange);
    if (call === null) return;
    const { cause } = info;
    const error =
      cause instanceof Error
        ? cause
        : Object.assign(new Error(info.message), { code: info.detail === '' ? info.code : info.detail });
    if (info.side === 'downstream') {
      this.announce('econnreset', error, call.request, call.response, call.target);
      return;
    }
    const isAnswered = call.kind === 'ws' || (call.response as ServerResponse).headersSent;
    if (this.tell(call, error) && !isAnswered) call.isTaken = true;
  }

  /** Tells the callback or the listeners; false if there are none. */
  private tell({ callback, request, response, target }: Call, error: Error): boolean {
    if (callback === undefined) {
      return this.listenerCount('error') > 0 && this.announce('error', error, request, response, target);
    }
    try {
      callback(error, request, response, target);
    } catch (thrown) {
      process.emitWarning(thrown as Error);
    }
    return true;
  }

  /** Tells listeners. What one throws is no trouble of the exchange's, and none of the process's. */
  private announce(event: string, ...told: unknown[]): boolean {
    try {
      return this.emit(event, ...told);
    } catch (thrown) {
      process.emitWarning(thrown instanceof Error ? thrown : String(thrown));
      return true;
    }
  }
}

function callOf(exchange: ProxyExchange): Call | null {
  return (exchange.locals.call as Call | undefined) ?? null;
}

/** The fields of `xfwd`, in http-proxy's forms. */
function forward(call: Call, { connection }: ProxyExchange, { fields }: RequestHead): void {
  const isSecure = 'encrypted' in (call.request.socket as Socket & { encrypted?: boolean });
  const scheme = call.kind === 'ws' && call.options.xfwdWsProtoAsHttp !== true ? 'ws' : 'http';
  const port = /:(\d+)$/.exec(call.request.headers.host ?? '')?.[1] ?? (isSecure ? '443' : '80');
  const values = { For: connection.remoteAddress, Port: port, Proto: isSecure ? `${scheme}s` : scheme };
  for (const [name, value] of Object.entries(values)) {
    const received = fields.get(`X-Forwarded-${name}`);
    fields.set(`X-Forwarded-${name}`, received === undefined ? value : `${received},${value}`);
  }
  if (!fields.has('X-Forwarded-Host')) fields.set('X-Forwarded-Host', fields.get('Host') ?? '');
}
