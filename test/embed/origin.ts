/** The upstream of these tests: every kind of answer by its path, and a WebSocket that echoes. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:http';
import { WebSocketServer } from 'ws';
import { onCleanUp, pause } from '../e2e/harness.js';

export interface Origin {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  /** Requests that ended before their content was whole, by path. */
  readonly broken: string[];
  /** Responses whose connection went away before they were whole, by path. */
  readonly left: string[];
}

/** Starts it on a free port of 127.0.0.1. */
export async function startOrigin(): Promise<Origin> {
  const broken: string[] = [];
  const left: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    request.on('error', () => broken.push(path));
    response.on('close', () => {
      if (!response.writableFinished) left.push(path);
    });
    void answer(request, response);
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/refuse') {
      response.writeHead(417).end('no');
    } else {
      response.writeContinue();
      void answer(request, response);
    }
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (request.url === '/forbidden') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.send(`hello ${request.url}`);
      ws.on('message', (message, isBinary) => ws.send(message, { binary: isBinary }));
      ws.on('error', () => undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanUp(() => {
    for (const ws of sockets.clients) ws.terminate();
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, url: `http://127.0.0.1:${port}`, broken, left };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  if (path.startsWith('/status/')) {
    response.writeHead(Number(path.slice(8)), { 'X-Origin': 'yes', ETag: '"1"' }).end();
  } else if (path === '/cookies') {
    response.setHeader('Set-Cookie', ['a=1', 'b=2']).end('cookies');
  } else if (path === '/interim') {
    response.writeProcessing();
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    response.end('hinted');
  } else if (path === '/trailers') {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('content');
    response.addTrailers({ 'X-Sum': '7' });
    response.end();
  } else if (path === '/large') {
    const block = Buffer.alloc(65_536, 'large ');
    for (let i = 0; i < 128; i++) if (!response.write(block)) await drained(response);
    response.end();
  } else if (path === '/drip') {
    for (let i = 0; i < 3; i++) {
      response.write(`${i}`);
      await pause(20);
    }
    response.end('.');
  } else if (path === '/broken') {
    response.writeHead(200, { 'Content-Length': 10 });
    response.write('1234');
    await pause(10);
    response.destroy();
  } else if (path === '/endless') {
    response.write('x');
  } else {
    await echo(request, response);
  }
}

/** What came: method, target, content's length and digest, fields and trailers. */
async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const digest = createHash('sha256');
  let octets = 0;
  try {
    for await (const chunk of request) {
      octets += (chunk as Buffer).length;
      digest.update(chunk as Buffer);
    }
  } catch {
    return;
  }
  const { method, url, headers, rawHeaders, trailers } = request;
  const text = JSON.stringify({
    method,
    url,
    octets,
    sha256: digest.digest('hex'),
    headers,
    rawHeaders,
    trailers,
  });
  response.setHeader('Content-Type', 'application/json').end(text);
}

/** What {@link echo} answers. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly octets: number;
  readonly sha256: string;
  readonly headers: Record<string, string>;
  readonly rawHeaders: readonly string[];
  readonly trailers: Record<string, string>;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.on('drain', go).on('close', go);
  });
}
