/** A proxy made with one of the libraries that have http-proxy's interface: the header work of the others, no more. */
import { readFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { LibrarySettings } from './node-proxies.js';

interface ProxyServer {
  web(request: IncomingMessage, response: ServerResponse): unknown;
  ws(request: IncomingMessage, socket: Duplex, head: Buffer): unknown;
  on(event: 'error', listener: (error: Error) => void): void;
}
type Create = (options: object) => ProxyServer;

const { library, listen, origin, certificate } = JSON.parse(process.argv[2]) as LibrarySettings;
const module_ = (await import(library)) as {
  createProxyServer?: Create;
  default?: { createProxyServer: Create };
};
const create = module_.createProxyServer ?? module_.default?.createProxyServer;
if (create === undefined) throw new Error(`${library} has no createProxyServer`);

const proxy = create({
  target: `http://127.0.0.1:${origin}`,
  ws: true,
  // Without one, each request would open a connection to the origin.
  agent: new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 128 }),
});
proxy.on('error', (error) => process.stderr.write(`${error.stack}\n`));

function editFields(request: IncomingMessage): void {
  const { headers, socket } = request;
  const address = socket.remoteAddress ?? '';
  const before = headers['x-forwarded-for'];
  headers['x-real-ip'] = address;
  headers['x-forwarded-for'] = before === undefined ? address : `${String(before)}, ${address}`;
}

const listener = (request: IncomingMessage, response: ServerResponse): void => {
  editFields(request);
  void proxy.web(request, response);
};
const server =
  certificate === ''
    ? createServer(listener)
    : createSecureServer({ key: readFileSync(certificate), cert: readFileSync(certificate) }, listener);
// As long as nginx keeps them; Node's own 5 s would end idle connections in the middle of a run.
server.keepAliveTimeout = 75_000;
server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
  editFields(request);
  socket.on('error', () => socket.destroy());
  void proxy.ws(request, socket, head);
});
server.listen({ host: '127.0.0.1', port: listen, backlog: 4096 });
