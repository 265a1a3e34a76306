/** What the documentation's programs stand in front of: HTTP that says what it saw, and WebSocket that echoes. */
import http from 'node:http';
import type net from 'node:net';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

export interface Origin {
  readonly port: number;
  close(): Promise<void>;
}

/** @param name what its answers begin with */
export async function startOrigin(name: string): Promise<Origin> {
  const server = http.createServer((request, response) => {
    const fields = JSON.stringify(request.headers);
    response.setHeader('X-Origin', name);
    const content: Buffer[] = [];
    request.on('data', (chunk: Buffer) => content.push(chunk));
    request.on('end', () => {
      const text = content.length === 0 ? '' : `${Buffer.concat(content).toString()} `;
      response.end(`${name} saw ${request.method} ${request.url} ${text}${fields}`);
    });
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
    socket.on('error', () => undefined);
  });
  const port = await listen(server);
  return {
    port,
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: net.Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
}
