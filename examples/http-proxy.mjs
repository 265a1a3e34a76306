// A program written for http-proxy, with nothing changed but its import.
import { once } from 'node:events';
import http from 'node:http';
import httpProxy from 'wirehop/http-proxy';
import { PORT, startOrigin } from './origin.mjs';

const proxy = httpProxy.createProxyServer({ target: await startOrigin(), xfwd: true });
proxy.on('proxyRes', (proxyRes) => {
  proxyRes.headers['x-seen-by'] = 'the proxy';
});

const server = http.createServer((req, res) => proxy.web(req, res));
server.on('upgrade', (req, socket, head) => proxy.ws(req, socket, head));
server.listen(PORT, '127.0.0.1');
await once(server, 'listening');
console.log(`http://127.0.0.1:${server.address().port}`);
