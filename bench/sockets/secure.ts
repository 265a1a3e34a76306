/** TLS connections of the load program: Node's own, because bare handles know no TLS. */
import { connect, type TLSSocket } from 'node:tls';
import type { Receiver, Socket } from './socket.js';

class SecureSocket implements Socket {
  isBlocked = false;
  private isClosed = false;
  private readonly socket: TLSSocket;

  constructor(port: number, receiver: Receiver) {
    // Certificates are made for the run: nothing to check them against. Each connection is a full handshake.
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('secureConnect', () => receiver.onOpen(this));
    socket.on('data', (octets: Buffer) => receiver.onOctets(this, octets, octets.length));
    socket.on('drain', () => {
      this.isBlocked = false;
      receiver.onDrain?.(this);
    });
    const end = (why: string): void => {
      if (this.isClosed) return;
      this.close();
      receiver.onEnd(this, why);
    };
    socket.on('end', () => end('end'));
    socket.on('close', () => end('end'));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  }

  write(octets: Uint8Array): void {
    if (!this.socket.write(octets)) this.isBlocked = true;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.socket.destroy();
  }
}

/** Connects to 127.0.0.1 by TLS. */
export function connectSecure(port: number, receiver: Receiver): Socket {
  return new SecureSocket(port, receiver);
}
