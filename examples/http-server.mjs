// A server of your own answers some requests itself; the rest, and every WebSocket, go through wirehop.
import { once } from 'node:events';
import http from 'node:http';
import { createProxy } from 'wirehop';
import { PORT, startOrigin } from './origin.mjs';

const proxy = createProxy({ upstream: await startOrigin() });

const server = http.createServer((req, res) => {
  if (req.url === '/health') res.end('well\n');
  else proxy.web(req, res);
});
server.on('upgrade', proxy.upgrade);
server.listen(PORT, '127.0.0.1');
await once(server, 'listening');
console.log(`http://127.0.0.1:${server.address().port}`);
