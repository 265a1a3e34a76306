/** Octets from each connection to one of its own to the origin, and back: net.Socket and nothing else. */
import { connect, createServer, type Socket } from 'node:net';

const [listen, origin] = process.argv.slice(2).map(Number);

function pass(from: Socket, to: Socket): void {
  from.setNoDelay(true);
  from.on('data', (octets) => {
    if (!to.write(octets)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroySoon());
}

createServer({ allowHalfOpen: true }, (down) => {
  const up = connect({ host: '127.0.0.1', port: origin, allowHalfOpen: true });
  pass(down, up);
  pass(up, down);
}).listen({ host: '127.0.0.1', port: listen, backlog: 4096 });
