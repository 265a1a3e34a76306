// What the examples stand in front of: an HTTP server that says what it saw, with a WebSocket echo.
import { once } from 'node:events';
import http from 'node:http';
import { WebSocketServer } from 'ws';

/** Starts one at a free port of 127.0.0.1 and answers its address. It does not keep the process alive. */
export async function startOrigin(name = 'origin') {
  const server = http.createServer((req, res) => {
    res.end(`${name}: ${req.method} ${req.url} for ${req.headers['x-forwarded-for']}\n`);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, req) => {
    socket.on('message', (text) => socket.send(`${name}: ${text} at ${req.url}`));
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

/** The port that the example listens at. */
export const PORT = Number(process.env.PORT ?? 8080);
