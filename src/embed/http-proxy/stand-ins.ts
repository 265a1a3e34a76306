/**
 * What listeners of http-proxy's events are given where http-proxy hands out Node's own objects: as much of them as
 * programs use to read and to edit heads. What is missing is refused by name, never silently absent.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Fields } from '../fields.js';
import type { ProxyExchange, RequestHead, ResponseHead } from '../views.js';

/** Throws for every member that `object` lacks: a program that needs it must hear of it. */
function refusing<T extends object>(object: T, what: string, reason: string): T {
  return new Proxy(object, {
    get(target, name) {
      if (typeof name === 'symbol' || name === 'then' || name === 'toJSON' || name in target) {
        return Reflect.get(target, name) as unknown;
      }
      throw new TypeError(`${what}.${name} is not there: ${reason}`);
    },
  });
}

/** In place of the http.ClientRequest of `proxyReq` and `proxyReqWs`. */
export interface ProxyRequest {
  /** The method, which goes on as it is. */
  readonly method: string;
  /** The request target. Set it to send another one. */
  path: string;
  /** Lines of that name, joined; undefined without one. */
  getHeader(name: string): string | undefined;
  /** Whether there is a line of that name. */
  hasHeader(name: string): boolean;
  /** All of them, names in lower case. */
  getHeaders(): IncomingHttpHeaders;
  /** Puts these lines in place of all of that name. @throws TypeError for a field that is the proxy's own */
  setHeader(name: string, value: number | string | readonly string[]): this;
  /** Takes all lines of that name away. @throws TypeError as {@link setHeader} */
  removeHeader(name: string): void;
}

/** Edits of it are edits of the request that goes on. */
export function proxyRequest(request: RequestHead): ProxyRequest {
  const { fields, method } = request;
  const object: ProxyRequest = {
    method,
    get path() {
      return request.target;
    },
    set path(target) {
      request.target = target;
    },
    getHeader: (name) => fields.get(name),
    hasHeader: (name) => fields.has(name),
    getHeaders: () => headersOf(fields),
    setHeader(name, value) {
      setField(fields, name, value);
      return this;
    },
    removeHeader: (name) => void fields.delete(name),
  };
  return refusing(
    object,
    'proxyReq',
    "content is streamed, and its socket is the proxy's; edit the head alone",
  );
}

/** In place of the http.IncomingMessage of `proxyRes`. */
export interface ProxyResponse {
  /** The status, which goes on as it is. */
  readonly statusCode: number;
  /** The reason phrase. */
  readonly statusMessage: string;
  /** The target's version: `1.1` or `1.0`. */
  readonly httpVersion: string;
  /** As Node has them. What a listener changes, adds and deletes here is changed in the response that goes on. */
  readonly headers: IncomingHttpHeaders;
}

export function proxyResponse(response: ResponseHead): ProxyResponse {
  const object: ProxyResponse = {
    statusCode: response.status,
    statusMessage: response.reason,
    httpVersion: response.httpVersion,
    headers: headersOf(response.fields),
  };
  return refusing(
    object,
    'proxyRes',
    'content is streamed; edit proxyRes.headers, or use the hooks of createProxy',
  );
}

/** Carries over what listeners did to the headers. */
export function applyHeaders({ headers }: ProxyResponse, { fields }: ResponseHead): void {
  const before = headersOf(fields);
  for (const name of Object.keys(before)) if (headers[name] === undefined) fields.delete(name);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && String(value) !== String(before[name])) setField(fields, name, value);
  }
}

/** In place of the net.Socket of `open` and `close`. */
export interface TunnelSocket {
  /** `127.0.0.1:3000`. */
  readonly upstream: string;
}

export function tunnelSocket(exchange: ProxyExchange): TunnelSocket {
  const object: TunnelSocket = { upstream: exchange.upstream ?? '' };
  return refusing(object, 'proxySocket', 'octets of a tunnel pass without anybody in between');
}

/** Sets a field as Node's setHeader does. */
export function setField(fields: Fields, name: string, value: number | string | readonly string[]): void {
  const [first = '', ...others] = [value].flat().map(String);
  fields.set(name, first);
  for (const other of others) fields.append(name, other);
}

/** Fields as Node's `headers`: names in lower case, lines joined, Set-Cookie as an array. */
function headersOf(fields: Fields): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (const [name] of fields) {
    const lower = name.toLowerCase();
    if (lower in headers) continue;
    headers[lower] = lower === 'set-cookie' ? fields.getAll(name) : fields.get(name);
  }
  return headers;
}
