/** A relay that does one wrong thing: proves that the load program sees it. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What may happen to octets on their way back; `position` counts those of this connection so far. */
export type Fault = (octets: Buffer, position: number, down: Socket) => Buffer | null;

/** Passes everything on but what `fault` changes; null swallows. */
export async function startFaultyProxy(
  origin: number,
  fault: Fault,
): Promise<{ port: number; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((down) => {
    const up = connect({ host: '127.0.0.1', port: origin });
    let position = 0;
    sockets.add(down).add(up);
    down.on('data', (octets) => void up.write(octets));
    up.on('data', (octets: Buffer) => {
      const changed = fault(Buffer.from(octets), position, down);
      position += octets.length;
      if (changed !== null) down.write(changed);
    });
    for (const [one, other] of [
      [down, up],
      [up, down],
    ]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroySoon());
    }
  });
  server.on('close', () => sockets.forEach((socket) => socket.destroy()));
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  return { port: (server.address() as AddressInfo).port, server };
}
