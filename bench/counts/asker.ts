/** The peer in front of a counted proxy: one operation after another, so that none shares a wake-up with the next. */
import { connect, type Socket } from 'node:net';
import { onCleanUp } from '../../test/e2e/harness.js';

const HEAD_END = '\r\n\r\n';

/** A connection that asks and waits, again and again. */
export class Asker {
  private received = 0;
  private wanted = 0;
  private text = '';
  private keepsText = false;
  private whenDone: ((error?: Error) => void) | null = null;
  private readonly closed: Promise<void>;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.received += chunk.length;
      if (this.keepsText) this.text += chunk.toString('latin1');
      if (this.received >= this.wanted || this.text.includes(HEAD_END)) this.settle();
    });
    socket.on('error', (error) => this.settle(error));
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.settle(new Error('closed too early'));
        resolve();
      });
    });
    onCleanUp(() => socket.destroy());
  }

  static async open(port: number): Promise<Asker> {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Asker(socket);
  }

  /** Sends `octets` and resolves when as many as `wanted` have come back. */
  ask(octets: Buffer, wanted: number): Promise<void> {
    this.received = 0;
    this.wanted = wanted;
    return new Promise((resolve, reject) => {
      this.whenDone = (error) => (error === undefined ? resolve() : reject(error));
      this.socket.write(octets);
    });
  }

  /** Sends `octets` and answers the head that comes back. */
  async askHead(octets: Buffer): Promise<string> {
    this.text = '';
    this.keepsText = true;
    await this.ask(octets, Infinity);
    this.keepsText = false;
    const { text } = this;
    this.text = '';
    return text;
  }

  /** Ends our half; resolves when the other side has ended its own. */
  end(): Promise<void> {
    this.socket.end();
    return this.closed;
  }

  private settle(error?: Error): void {
    const { whenDone } = this;
    this.whenDone = null;
    whenDone?.(error);
  }
}
