/**
 * The origin of an end-to-end run, a process of its own: one fixed response to every request head, and an echo behind
 * every offer to switch protocols. Raw sockets and a search for the head's end: as little work as an origin can have.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { SWITCH_RESPONSE } from './fixtures.js';
import { ORIGIN_CONTENT, type OriginReady } from './end-to-end/messages.js';

const RESPONSE = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sat, 22 Nov 2025 12:00:00 GMT\r\n' +
    `Content-Type: text/plain\r\nContent-Length: ${ORIGIN_CONTENT.length}\r\n\r\n${ORIGIN_CONTENT}`,
  'latin1',
);
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
const UPGRADE = Buffer.from('\r\nUpgrade: ', 'latin1');

/** One connection: heads one after another, until one offers a switch. */
class OriginConnection {
  private rest: Buffer | null = null;
  private echoes = false;

  constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', () => socket.destroy());
  }

  private receive(received: Buffer): void {
    if (this.echoes) {
      this.socket.write(received);
      return;
    }
    const chunk = this.rest === null ? received : Buffer.concat([this.rest, received]);
    let at = 0;
    for (let end = chunk.indexOf(HEAD_END); end >= 0; end = chunk.indexOf(HEAD_END, at)) {
      const head = chunk.subarray(at, end);
      at = end + HEAD_END.length;
      if (head.includes(UPGRADE)) {
        this.echoes = true;
        this.socket.write(SWITCH_RESPONSE);
        if (at < chunk.length) this.socket.write(chunk.subarray(at));
        return;
      }
      this.socket.write(RESPONSE);
    }
    this.rest = at < chunk.length ? chunk.subarray(at) : null;
  }
}

const server = createServer((socket) => void new OriginConnection(socket));
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  const ready: OriginReady = { port: (server.address() as AddressInfo).port };
  process.send?.(ready);
});
// The run is gone, in whatever way: so is its origin.
process.on('disconnect', () => process.exit(0));
