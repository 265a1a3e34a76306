/** Memory of chunks is given back as soon as nobody needs it, never before: by both ways, and not another's. */
import { expect } from 'chai';
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { Driver } from '../../src/driver/driver.js';
import { freeByPort, freeOctets } from '../../src/driver/free-octets.js';
import { FixedPeers, forwardPlan, peer, TestPolicy } from '../machine/policies.js';

const CONTENT_OCTETS = 200_000;

for (const [name, free] of Object.entries({ freeOctets, freeByPort }))
  describe(`driver: ${name}`, () => {
    it('leaves a Buffer without octets', () => {
      for (let i = 0; i < 100; i++) {
        const octets = Buffer.allocUnsafeSlow(16384);
        free(octets);
        expect(octets.length).to.equal(0);
        expect(octets.buffer.byteLength).to.equal(0);
      }
    });

    it('leaves memory alone of which the Buffer is only a part', () => {
      const all = Buffer.alloc(16384, 'x');
      free(all.subarray(1));
      free(all.subarray(0, 8191));
      const pooled = Buffer.from('short');
      free(pooled);
      expect(all.equals(Buffer.alloc(16384, 'x'))).to.equal(true);
      expect(pooled.toString()).to.equal('short');
    });

    it('frees what a read did not fill', () => {
      const octets = Buffer.allocUnsafeSlow(16384).subarray(0, 10_000);
      free(octets);
      expect(octets.length).to.equal(0);
    });

    it('does nothing to what is free already', () => {
      const octets = Buffer.allocUnsafeSlow(10);
      free(octets);
      free(octets);
      expect(octets.length).to.equal(0);
    });
  });

describe('driver: chunks of accepted sockets', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** Sends a request with content through a driver. Answers the content's chunks as a listener of a program saw them. */
  async function seen(listens: (socket: Socket) => void, serve: (origin: Socket) => void): Promise<Socket> {
    const origin = net.createServer((socket) => {
      closers.push(() => socket.destroy());
      socket.on('error', () => undefined);
      serve(socket);
    });
    origin.listen({ port: 0, host: '127.0.0.1' });
    await once(origin, 'listening');
    closers.push(() => origin.close());
    const driver = new Driver({ transport: 'net' });
    closers.push(() => driver.close());
    const peers = new FixedPeers(peer((origin.address() as AddressInfo).port));
    const bound = await driver.listen(
      { host: '127.0.0.1', port: 0 },
      new TestPolicy(() => forwardPlan(peers)),
    );
    const { port } = bound as { port: number };
    const onSocket = (message: unknown): void => {
      const { socket } = message as { socket: Socket };
      if (socket.localPort === port) setImmediate(() => listens(socket));
    };
    diagnostics.subscribe('net.server.socket', onSocket);
    closers.push(() => diagnostics.unsubscribe('net.server.socket', onSocket));
    const client = net.connect({ port, host: '127.0.0.1' });
    closers.push(() => client.destroy());
    return client;
  }

  /** Sends head and content, each when the one before has arrived. */
  async function post(client: Socket): Promise<void> {
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${CONTENT_OCTETS}\r\n\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.write(Buffer.alloc(CONTENT_OCTETS, 'c'));
  }

  /** Answers what it got of the content. */
  function answerer(socket: Socket): void {
    let got = 0;
    let sum = 0;
    socket.on('data', (chunk: Buffer) => {
      const head = got === 0 && sum === 0 ? chunk.indexOf('\r\n\r\n') + 4 : 0;
      sum = 1;
      for (const octet of chunk.subarray(head)) if (octet === 0x63) got++;
      if (got === CONTENT_OCTETS) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  }

  it('are freed when they are written', async () => {
    const chunks: Buffer[] = [];
    const client = await seen((socket) => {
      // Looks on without a listener, which would make the chunk the program's as well.
      const { emit } = socket;
      socket.emit = function (this: Socket, event: string, ...values: unknown[]): boolean {
        if (event === 'data') chunks.push(values[0] as Buffer);
        return (emit as (...all: unknown[]) => boolean).call(this, event, ...values);
      } as typeof emit;
    }, answerer);
    await post(client);
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString('latin1')).to.match(/^HTTP\/1.1 200 OK/);
    // What has to wait for a moment is left to the collector.
    expect(chunks.some(({ length }) => length === 0)).to.equal(true);
  });

  it('stay as they are where a program listens to the socket too', async () => {
    const chunks: Buffer[] = [];
    const client = await seen((socket) => socket.on('data', (chunk: Buffer) => chunks.push(chunk)), answerer);
    await post(client);
    await once(client, 'data');
    const all = Buffer.concat(chunks).toString('latin1');
    expect(all.slice(all.indexOf('\r\n\r\n') + 4)).to.equal('c'.repeat(CONTENT_OCTETS));
  });

  it('stay as they are while their octets wait: for the connection upstream, behind another request', async () => {
    let served = 0;
    const client = await seen(
      () => undefined,
      (socket) => {
        let text = '';
        socket.on('data', (chunk: Buffer) => {
          text += chunk.toString('latin1');
          for (let end = text.indexOf('.END'); end >= 0; end = text.indexOf('.END')) {
            const content = text.slice(text.indexOf('\r\n\r\n') + 4, end);
            text = text.slice(end + 4);
            served++;
            socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n${`${content.length}`.padStart(6)}`);
          }
        });
      },
    );
    // All in one go: content comes before the connection is there, and requests before the last one is answered.
    const requests = [5000, 9000, 30_000].map((count) => {
      const content = `${'d'.repeat(count)}.END`;
      return `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n${content}`;
    });
    client.write(requests.join(''));
    let answers = '';
    client.on('data', (chunk: Buffer) => (answers += chunk.toString('latin1')));
    for (const giveUpAt = Date.now() + 5000; served < 3 && Date.now() < giveUpAt;)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(answers.match(/ +\d+(?=H|$)/g)?.map(Number)).to.deep.equal([5000, 9000, 30_000]);
  });
});
