/**
 * What stands behind the proxy in the demo: a page, a WebSocket chat, and a few paths to try with curl. It knows
 * nothing of the proxy; what it shows of a request is what the proxy sent.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { demoPage } from './demo-page.js';
import { acceptWebSocket } from './demo-websocket.js';
import type { WebSocketConnection } from './demo-websocket.js';

/** Half of the 60 s after which a proxy closes an idle tunnel (proxy_read_timeout). */
const PING_INTERVAL_MS = 30_000;
const NAME_MAX_CHARACTERS = 24;
const STREAM_LINES = 5;
const STREAM_INTERVAL_MS = 400;

/** Somebody in the chat. */
interface Guest {
  name: string;
  readonly connection: WebSocketConnection;
}

/** What the chat sends; the page reads it. */
type ChatMessage =
  | { kind: 'welcome'; name: string }
  | { kind: 'people'; names: string[] }
  | { kind: 'message'; from: string; text: string }
  | { kind: 'event'; text: string };

/** The demo's origin server, on a port of its own on the loopback address. */
export class DemoUpstream {
  /** Shown on the page. Set before the first request. */
  configuration = '';
  private readonly server: Server;
  private readonly guests = new Set<Guest>();
  private readonly pinging: NodeJS.Timeout;
  private guestsSoFar = 0;

  constructor() {
    this.server = createServer((request, response) => this.answer(request, response));
    this.server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
    this.pinging = setInterval(() => {
      for (const guest of this.guests) guest.connection.ping();
    }, PING_INTERVAL_MS);
    this.pinging.unref();
  }

  /** Listens on a free port of 127.0.0.1 and answers it. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(0, '127.0.0.1', () => resolve((this.server.address() as AddressInfo).port));
    });
  }

  /** Ends every connection, and the server. */
  close(): void {
    clearInterval(this.pinging);
    for (const guest of this.guests) guest.connection.close(1001, 'the demo ends');
    this.server.close();
    this.server.closeAllConnections();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Server', 'wirehop-demo');
    const path = (request.url ?? '/').replace(/\?.*$/s, '');
    switch (path) {
      case '/':
        sendText(response, 200, 'text/html', demoPage(this.configuration));
        break;
      case '/headers':
        sendText(response, 200, 'application/json', `${JSON.stringify(fieldsOf(request), null, 2)}\n`);
        break;
      case '/echo':
        this.echo(request, response);
        break;
      case '/stream':
        stream(response);
        break;
      default:
        sendText(response, 404, 'text/plain', 'Try /, /headers, /echo or /stream.\n');
    }
  }

  /** Gives back the content as it comes; without content, the request head as the upstream received it. */
  private echo(request: IncomingMessage, response: ServerResponse): void {
    const hasContent =
      request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
    if (!hasContent) {
      const { rawHeaders } = request;
      let text = `${request.method} ${request.url} HTTP/${request.httpVersion}\n`;
      for (let i = 0; i < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\n`;
      sendText(response, 200, 'text/plain', text);
      return;
    }
    // Never as HTML: what a visitor sends in is not to run in anybody's browser.
    response.writeHead(200, {
      'Content-Type': 'application/octet-stream',
      'X-Content-Type-Options': 'nosniff',
    });
    request.pipe(response);
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    acceptWebSocket(request, socket, head, (connection) => {
      const guest: Guest = { name: `guest ${++this.guestsSoFar}`, connection };
      this.enter(guest);
      return {
        onText: (text) => this.hear(guest, text),
        onEnd: () => this.leave(guest),
      };
    });
  }

  private enter(guest: Guest): void {
    this.guests.add(guest);
    send(guest, { kind: 'welcome', name: guest.name });
    this.broadcast({ kind: 'event', text: `${guest.name} is here` });
    this.tellPeople();
  }

  private leave(guest: Guest): void {
    this.guests.delete(guest);
    this.broadcast({ kind: 'event', text: `${guest.name} left` });
    this.tellPeople();
  }

  /** `/name NEW` renames; anything else is said to everybody, the speaker included. */
  private hear(guest: Guest, text: string): void {
    const wanted = /^\/name\s+(.+)$/s.exec(text)?.[1].trim().slice(0, NAME_MAX_CHARACTERS);
    if (wanted === undefined) {
      this.broadcast({ kind: 'message', from: guest.name, text });
      return;
    }
    this.broadcast({ kind: 'event', text: `${guest.name} is now ${wanted}` });
    guest.name = wanted;
    send(guest, { kind: 'welcome', name: wanted });
    this.tellPeople();
  }

  private tellPeople(): void {
    this.broadcast({ kind: 'people', names: [...this.guests].map((guest) => guest.name) });
  }

  private broadcast(message: ChatMessage): void {
    for (const guest of this.guests) send(guest, message);
  }
}

function send(guest: Guest, message: ChatMessage): void {
  guest.connection.send(JSON.stringify(message));
}

function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'Content-Type': `${type}; charset=utf-8`,
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}

/** A few lines with pauses between them: a proxy that buffers shows them all at once. */
function stream(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
  let line = 0;
  const next = (): void => {
    response.write(`line ${++line} of ${STREAM_LINES}\n`);
    if (line === STREAM_LINES) {
      clearInterval(timer);
      response.end();
    }
  };
  const timer = setInterval(next, STREAM_INTERVAL_MS);
  response.on('close', () => clearInterval(timer));
  next();
}

/** Names as received, values of repeated names as lists. */
function fieldsOf(request: IncomingMessage): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i];
    const value = request.rawHeaders[i + 1];
    const before = fields[name];
    fields[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return fields;
}
