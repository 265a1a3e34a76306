/**
 * The origin of every case: one listening socket on all of 127.0.0.0/8, where each case has an address of its own. It
 * does what the case says, answers canaries truthfully, and writes down all that it receives.
 */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { carryOut, EARLY, type Step, stepsInSlot } from './steps.js';
import { members, type Message, readRequests, readResponses, values } from './strict.js';

/** What a slot's origin does; see HostileCase. */
export interface Behaviour {
  readonly answers: readonly (readonly Step[])[];
  readonly greeting: readonly Step[];
}

/** One connection that the proxy made. */
export class OriginConnection {
  received = '';
  /** Requests so far, the last one perhaps not whole. */
  messages: Message[] = [];
  error: string | null = null;
  /** Octets behind a switch of protocols; null without one. */
  tunnel: string | null = null;
  hasEnded = false;
  /** Requests that are whole, and where the next one begins. */
  private whole = 0;
  private end = 0;
  private switchedBehind = Infinity;
  private waiting: (() => void)[] = [];

  constructor(
    readonly slot: number,
    readonly socket: Socket,
  ) {
    socket.on('data', (octets) => {
      this.received += octets.toString('latin1');
      this.read();
      this.wake();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.hasEnded = true;
        this.wake();
      });
    }
  }

  /** Everything behind the requests so far belongs to a tunnel. */
  switchProtocols(): void {
    this.switchedBehind = this.messages.length;
    this.read();
  }

  isWhole(turn: number): boolean {
    return this.messages[turn]?.isWhole === true;
  }

  /** Waits until `condition` holds, the connection has ended or what came is broken. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.hasEnded && this.error === null) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const go of waiting) go();
  }

  private read(): void {
    if (this.error !== null) return;
    const reading = readRequests(this.received.slice(this.end), this.switchedBehind - this.whole);
    this.messages = [...this.messages.slice(0, this.whole), ...reading.messages];
    this.whole += reading.messages.filter((message) => message.isWhole).length;
    this.end += reading.end;
    this.error = reading.error;
    this.tunnel = reading.tunnel;
  }
}

/** The address of a slot's origin. */
export function addressOf(slot: number): string {
  return `127.1.${slot >> 8}.${slot & 255}`;
}

/** Target of a canary: answered with its own target whatever the case says. */
const CANARY = /^\/c\d{4}\/canary\?/;

export function isCanary(message: Message): boolean {
  return CANARY.test(message.target);
}

export class Origin {
  readonly connections: OriginConnection[] = [];
  port = 0;
  private readonly behaviours = new Map<number, Behaviour>();
  /** Requests that were answered by a script, by slot. */
  private readonly turns = new Map<number, number>();
  private readonly answerers = new Map<number, (message: Message) => string | null>();
  private readonly server: Server;

  constructor() {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void this.serve(socket));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '0.0.0.0', 4096, resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    for (const { socket } of this.connections) socket.destroy();
    this.server.close();
  }

  behave(slot: number, behaviour: Behaviour): void {
    this.behaviours.set(slot, behaviour);
  }

  /** Requests of this slot are answered by these octets; null for a truthful answer. */
  answerBy(slot: number, answer: (message: Message) => string | null): void {
    this.answerers.set(slot, answer);
  }

  of(slot: number): OriginConnection[] {
    return this.connections.filter((connection) => connection.slot === slot);
  }

  private async serve(socket: Socket): Promise<void> {
    const [, , high, low] = (socket.localAddress ?? '0.0.0.0').split('.').map(Number);
    const connection = new OriginConnection(high * 256 + low, socket);
    this.connections.push(connection);
    const behaviour = this.behaviours.get(connection.slot);
    const isFirst = this.of(connection.slot).length === 1;
    if (isFirst) await carryOut(socket, stepsInSlot(behaviour?.greeting ?? [], connection.slot), () => '');
    for (let turn = 0; connection.tunnel === null; turn++) {
      await connection.until(() => connection.messages.length > turn);
      const message = connection.messages[turn];
      if (message === undefined || connection.error !== null) break;
      await this.answer(connection, turn, message);
    }
    // The proxy has left, or what it sends is no more HTTP; a tunnel's script has ended it as it likes.
    if (connection.tunnel === null) socket.end();
  }

  private async answer(connection: OriginConnection, turn: number, message: Message): Promise<void> {
    const { socket, slot } = connection;
    const isWhole = (): boolean => connection.isWhole(turn);
    const answers = this.behaviours.get(slot)?.answers ?? [];
    const octets = this.answerers.get(slot)?.(message) ?? null;
    if (octets !== null) {
      socket.write(Buffer.from(octets, 'latin1'));
      // Nobody is to wait for the rest of an answer that never comes.
      const { messages, error } = readResponses(octets, [], false);
      if (error !== null || messages.length !== 1 || !messages[0].isWhole) socket.end();
      return;
    }
    if (isCanary(message) || answers.length === 0) {
      if (members(message, 'expect').length > 0) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      await connection.until(isWhole);
      if (isWhole()) answerTruthfully(socket, connection.messages[turn]);
      return;
    }
    const count = this.turns.get(slot) ?? 0;
    this.turns.set(slot, count + 1);
    const script = stepsInSlot(answers[Math.min(count, answers.length - 1)], slot);
    if (script[0] !== EARLY) await connection.until(isWhole);
    const switches = script.some((step) => typeof step === 'string' && step.startsWith('HTTP/1.1 101'));
    if (switches) connection.switchProtocols();
    await carryOut(socket, script, () => connection.received, isWhole);
    // The request's rest, if the script did not wait for it.
    await connection.until(isWhole);
  }
}

function answerTruthfully(socket: Socket, message: Message): void {
  const text = `[${message.method} ${message.target} ${message.content.length}]`;
  const closes = members(message, 'connection').includes('close');
  const isBare = message.method === 'HEAD';
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n${closes ? 'Connection: close\r\n' : ''}\r\n` +
      (isBare ? '' : text),
  );
  if (closes || (message.minorVersion === 0 && values(message, 'connection').length === 0)) socket.end();
}
