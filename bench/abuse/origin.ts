/**
 * The origin of an abuse run, a process of its own, on a port and on the unix socket that its argument names: a short response, a long one under /big, content that is read and
 * answered, and an echo behind an offer to switch protocols.
 */
import { createServer } from 'node:http';
import { createServer as createNetServer, type AddressInfo, type Socket } from 'node:net';
import { SWITCH_RESPONSE } from '../fixtures.js';

/** Content of /big. */
const BIG_OCTETS = 10 * 1024 * 1024;
const BLOCK = Buffer.alloc(65536, 'x');

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  if (request.url === '/big') {
    response.writeHead(200, { 'content-length': BIG_OCTETS });
    let left = BIG_OCTETS;
    const more = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= BLOCK.length;
        if (!response.write(BLOCK)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
    return;
  }
  request.resume();
  request.on('end', () => response.end('hello world\n'));
});
server.on('upgrade', (_request, socket: Socket) => {
  socket.on('error', () => socket.destroy());
  socket.write(SWITCH_RESPONSE);
  socket.on('data', (octets) => socket.write(octets));
  socket.on('end', () => socket.end());
});
// Only the proxy is under test: this one waits for ever.
server.headersTimeout = server.requestTimeout = 0;
const [, , path] = process.argv;
const byPath = createNetServer((socket) => server.emit('connection', socket));
byPath.listen({ path, backlog: 4096 }, () => {
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
    process.send?.({ port: (server.address() as AddressInfo).port });
  });
});
// The run is gone, in whatever way: so is its origin.
process.on('disconnect', () => process.exit(0));
