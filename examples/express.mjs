// Express with two services behind it: /api goes to one, /chat with its WebSockets to the other.
import express from 'express';
import { once } from 'node:events';
import { createProxy } from 'wirehop';
import { PORT, startOrigin } from './origin.mjs';

const api = createProxy({ upstream: await startOrigin('api') });
const chat = createProxy({ upstream: await startOrigin('chat') });

const app = express();
app.get('/', (req, res) => void res.send('<a href="/api/users">users</a>\n'));
app.use('/api', api.web);
app.use('/chat', chat.web);

const server = app.listen(PORT, '127.0.0.1');
server.on('upgrade', (req, socket, head) => {
  if (req.url.startsWith('/chat')) chat.upgrade(req, socket, head);
  else socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
});
await once(server, 'listening');
console.log(`http://127.0.0.1:${server.address().port}`);
