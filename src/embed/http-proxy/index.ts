/**
 * wirehop behind http-proxy's interface, for programs that were written for http-proxy or http-proxy-3: their common
 * options and events. What it cannot do it refuses by name, with the reason. docs/migrating.md goes through all of them,
 * and shows `createProxy`, which does more.
 *
 * @module http-proxy
 */
import type { ServerOptions } from './options.js';
import { ProxyServer } from './server.js';

export type { ServerOptions, Target, TargetParts } from './options.js';
export { type ErrorCallback, ProxyServer } from './server.js';
export type { ProxyRequest, ProxyResponse, TunnelSocket } from './stand-ins.js';

/**
 * Makes a proxy with http-proxy's interface.
 * @throws TypeError that names the option, and says why it is not taken
 */
export function createProxyServer(options?: ServerOptions): ProxyServer {
  return new ProxyServer(options);
}

/** The same, by http-proxy's other names. */
export const createProxy: typeof createProxyServer = createProxyServer;
/** The same, by http-proxy's other names. */
export const createServer: typeof createProxyServer = createProxyServer;

/** What `import httpProxy from 'http-proxy'` gives. */
export interface HttpProxy {
  /** See {@link createProxyServer}. */
  readonly createProxyServer: typeof createProxyServer;
  /** See {@link createProxyServer}. */
  readonly createProxy: typeof createProxyServer;
  /** See {@link createProxyServer}. */
  readonly createServer: typeof createProxyServer;
  /** See {@link ProxyServer}. */
  readonly ProxyServer: typeof ProxyServer;
}

/** For `import httpProxy from 'wirehop/http-proxy'`. */
const httpProxy: HttpProxy = { createProxyServer, createProxy, createServer, ProxyServer };
export default httpProxy;
