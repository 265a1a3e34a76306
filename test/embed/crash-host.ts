/**
 * An HTTP server with a proxy library in it, as a process of its own, so that a test can see whether it lives on.
 * Arguments: the library, the upstream's port, and `listener` to listen for the library's errors. Prints its port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProxyServer } from 'http-proxy-3';
import { createProxy } from '../../src/index.js';

const [library, upstreamPort, listens] = process.argv.slice(2);
const upstream = `http://127.0.0.1:${upstreamPort}`;
const server = createServer();
if (library === 'http-proxy-3') {
  const proxy = createProxyServer({ target: upstream });
  if (listens === 'listener') proxy.on('error', () => undefined);
  server.on('request', (request, response) => {
    if (request.url === '/alive') response.end('alive');
    else proxy.web(request, response);
  });
  server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
} else {
  const proxy = createProxy({ upstream });
  server.on('request', (request, response) => {
    if (request.url === '/alive') response.end('alive');
    else proxy.web(request, response);
  });
  server.on('upgrade', proxy.upgrade);
}
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
