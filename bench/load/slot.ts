/**
 * One place of a load: at most one operation is under way in it. What the kinds of work have in common; the turn
 * decides when an operation begins and what counts.
 */
import { connectBare } from '../sockets/bare.js';
import { connectSecure } from '../sockets/secure.js';
import type { Receiver, Socket } from '../sockets/socket.js';
import type { LoadJob } from '../lab/messages.js';
import { WrongAnswer, type ExpectedResponse } from './expected-response.js';

/** What a slot tells its turn. */
export interface Turn {
  readonly job: LoadJob;
  /** Learnt by the first slot; the others begin when it is there. */
  expected: ExpectedResponse | null;
  /** An operation is complete; the turn calls {@link Slot.go} when the next one is to begin. */
  done(slot: Slot, operations?: number): void;
  fail(why: string): void;
}

export abstract class Slot implements Receiver {
  /** When the operation under way began or was due; 0 when there is none. */
  startedAt = 0;
  /** Whether it has completed an operation. */
  isWarm = false;
  protected socket: Socket | null = null;

  constructor(
    protected readonly turn: Turn,
    protected readonly index: number,
  ) {}

  /** Begins an operation. */
  abstract go(): void;
  protected abstract receive(octets: Buffer, count: number): void;

  /** Begins no further operation by itself; true when nothing that it must wait for is under way. */
  rest(): boolean {
    return this.startedAt === 0;
  }

  stop(): void {
    this.socket?.close();
    this.socket = null;
  }

  onOctets(_socket: Socket, octets: Buffer, count: number): void {
    try {
      this.receive(octets, count);
    } catch (error) {
      if (!(error instanceof WrongAnswer)) throw error;
      this.fail(error.message);
    }
  }

  onOpen(socket: Socket): void {
    this.opened(socket);
  }

  onEnd(_socket: Socket, why: string): void {
    this.socket = null;
    this.ended(why);
  }

  protected open(): void {
    const { port, isSecure = false } = this.turn.job;
    this.socket = isSecure ? connectSecure(port, this) : connectBare(port, this);
  }

  protected abstract opened(socket: Socket): void;

  protected ended(why: string): void {
    this.fail(why === 'end' ? 'closed by the proxy' : why);
  }

  protected fail(why: string): void {
    this.turn.fail(`connection ${this.index}: ${why}`);
  }
}
