/**
 * TLS on one side and bare handles on the other. Proves: octets that a handle only lends arrive unchanged where a TLS
 * socket cannot take them at once, in both directions and while other connections use the same read buffer.
 */
import { expect } from 'chai';
import { connect as connectPlainly, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectSecurely, createServer as createTlsServer } from 'node:tls';
import { cleanUp, onCleanUp, soon } from '../e2e/harness.js';
import { basics, pairLines, serve } from './stage.js';

const CONNECTIONS = 4;
const OCTETS = 6 * 1024 * 1024;
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n';
const OFFER = 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n';

/** The octet at a place: neighbours differ, and so do places 256 and 65,536 apart. */
const octetAt = (at: number): number => (at * 7 + (at >> 8) * 13 + (at >> 16) * 31) & 255;

const PATTERN = Buffer.from(Uint8Array.from({ length: OCTETS }, (_, at) => octetAt(at)));

/** Writes the pattern in many pieces, one or more in a turn of the event loop. */
async function writePieces(socket: Socket): Promise<void> {
  for (let at = 0, size = 1; at < OCTETS && !socket.destroyed; at += size) {
    size = Math.min(1 + ((at * 31 + 7) % 5000), OCTETS - at);
    if (socket.write(PATTERN.subarray(at, at + size))) await new Promise((resolve) => setImmediate(resolve));
    else await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
  }
}

/** Reads behind the head, with pauses so that what is written must wait; answers the first wrong place, or -1. */
function readSlowly(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let head = '';
    let at = -1;
    let chunks = 0;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed at ${at}`)));
    socket.on('data', (chunk: Buffer) => {
      let from = 0;
      if (at < 0) {
        const before = head.length;
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        from = end + 4 - before;
        at = 0;
      }
      for (let i = from; i < chunk.length; i++, at++) {
        if (chunk[i] === octetAt(at)) continue;
        resolve(at);
        return;
      }
      if (at === OCTETS) resolve(-1);
      if (++chunks % 16 !== 0) return;
      socket.pause();
      setTimeout(() => socket.resume(), 10);
    });
  });
}

describe('TLS on one side, another transport on the other', () => {
  afterEach(cleanUp);

  for (const transport of ['handle', 'net'] as const) {
    for (const secure of ['downstream', 'upstream'] as const) {
      it(`a tunnel towards a slow reader over TLS loses and changes nothing: ${secure}, ${transport}`, async () => {
        const { server: pair } = await basics();
        const received: Promise<number>[] = [];
        const serveOrigin = (socket: Socket): void => {
          onCleanUp(() => socket.destroy());
          socket.on('error', () => undefined);
          if (secure === 'upstream') received.push(readSlowly(socket));
          socket.once('data', () => {
            socket.write(SWITCH);
            if (secure === 'downstream') void writePieces(socket);
          });
        };
        const server = secure === 'upstream' ? createTlsServer(pair, serveOrigin) : createServer(serveOrigin);
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        onCleanUp(() => server.close());
        const { port } = server.address() as AddressInfo;
        const { port: front } = await serve(
          `server { listen 127.0.0.1:1 ${secure === 'downstream' ? `ssl; ${pairLines(pair)}` : ';'}
             location / { proxy_pass http${secure === 'upstream' ? 's' : ''}://127.0.0.1:${port};
               proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }`,
          {},
          { transport },
        );
        for (let i = 0; i < CONNECTIONS; i++) {
          const client =
            secure === 'downstream'
              ? connectSecurely({ port: front, host: '127.0.0.1', rejectUnauthorized: false })
              : connectPlainly(front, '127.0.0.1');
          onCleanUp(() => client.destroy());
          client.write(OFFER);
          if (secure === 'downstream') received.push(readSlowly(client));
          else client.once('data', () => void writePieces(client));
        }
        await new Promise<void>((resolve) => {
          const look = setInterval(() => {
            if (received.length < CONNECTIONS) return;
            clearInterval(look);
            resolve();
          }, 5);
        });
        const wrong = await soon('all octets', Promise.all(received), 15_000);
        expect(wrong).to.deep.equal(new Array(CONNECTIONS).fill(-1));
      }).timeout(20_000);
    }
  }
});
