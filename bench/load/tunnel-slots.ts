/** Slots behind a switch of protocols: messages that are echoed, a stream from the origin, an echo of a stream. */
import type { Socket } from '../sockets/socket.js';
import { MAX_PATTERN_OCTETS, PATHS, pattern, upgradeRequest } from '../traffic.js';
import { difference, WrongAnswer } from './expected-response.js';
import { isSwitched } from './request-slots.js';
import { Slot, type Turn } from './slot.js';

const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');

/** A tunnel: opened once, then octets. */
abstract class TunnelSlot extends Slot {
  private isOpen = false;
  private head: Buffer | null = null;
  protected readonly path: string = PATHS.echo;

  override go(): void {
    if (this.socket === null) this.open();
    else this.start(this.socket);
  }

  protected override opened(socket: Socket): void {
    const { extraLines = [] } = this.turn.job;
    socket.write(upgradeRequest({ path: this.path, extraLines }));
  }

  protected override receive(octets: Buffer, count: number): void {
    if (this.isOpen) {
      this.take(octets, 0, count);
      return;
    }
    const part = octets.subarray(0, count);
    const all = this.head === null ? part : Buffer.concat([this.head, part]);
    if (!isSwitched(all, all.length)) {
      this.head = Buffer.from(all);
      return;
    }
    this.isOpen = true;
    const end = all.indexOf(HEAD_END) + HEAD_END.length;
    if (this.socket !== null) this.start(this.socket);
    if (end < all.length) this.take(all, end, all.length);
  }

  /** The tunnel is open, and an operation may begin. */
  protected abstract start(socket: Socket): void;
  /** octets[start, end) came through the tunnel. */
  protected abstract take(octets: Buffer, start: number, end: number): void;

  /** Throws {@link WrongAnswer} unless octets[start, end) are the pattern from `at` on. */
  protected checkPattern(octets: Buffer, start: number, end: number, at: number): void {
    const wanted = pattern(at, end - start);
    if (wanted.compare(octets, start, end) !== 0)
      throw new WrongAnswer(
        `octets from ${at} on of the tunnel: ${difference(octets, start, wanted, 0, end - start)}`,
      );
  }
}

/** Message after message, each echoed, each different. */
export class MessageSlot extends TunnelSlot {
  private readonly message = Buffer.from(
    pattern(this.index * 61, Math.max(MIN_MESSAGE_OCTETS, this.turn.job.messageOctets ?? 0)),
  );
  private sequence = 0;
  private position = 0;

  constructor(turn: Turn, index: number) {
    super(turn, index);
    this.message.writeUInt32BE(index, 0);
  }

  protected override start(socket: Socket): void {
    this.message.writeUInt32BE(this.sequence++, 4);
    this.position = 0;
    socket.write(this.message);
  }

  protected override take(octets: Buffer, start: number, end: number): void {
    const { message, position } = this;
    const next = position + end - start;
    if (this.startedAt === 0 || next > message.length)
      throw new WrongAnswer(`message ${this.sequence - 1}: octets that were never sent`);
    if (message.compare(octets, start, end, position, next) !== 0)
      throw new WrongAnswer(
        `message ${this.sequence - 1}: ${difference(octets, start, message, position, end - start)}`,
      );
    this.position = next;
    if (next === message.length) this.turn.done(this);
  }
}

/** Who it is from and which it is: four octets each. */
const MIN_MESSAGE_OCTETS = 8;

/** Octets of one operation of bulk work. */
export const MEGABYTE = 1_048_576;

/** The origin's stream, as much as comes. */
export class DownloadSlot extends TunnelSlot {
  protected override readonly path = PATHS.stream;
  private position = 0;

  /** Nothing to wait for: a stream has no end. */
  override rest(): boolean {
    return true;
  }

  protected override start(): void {
    // The origin sends by itself.
  }

  protected override take(octets: Buffer, start: number, end: number): void {
    this.checkPattern(octets, start, end, this.position);
    const whole = Math.floor((this.position + end - start) / MEGABYTE) - Math.floor(this.position / MEGABYTE);
    this.position += end - start;
    if (whole > 0) this.turn.done(this, whole);
  }
}

/** So much may be on its way to the origin and back. */
const ECHO_WINDOW_OCTETS = 1_048_576;

/** A stream to the origin and back; octets of both ways count. */
export class EchoSlot extends TunnelSlot {
  private sent = 0;
  private received = 0;
  private rests = false;

  override rest(): boolean {
    this.rests = true;
    return this.received === this.sent;
  }

  onDrain(socket: Socket): void {
    this.fill(socket);
  }

  protected override start(socket: Socket): void {
    this.fill(socket);
  }

  protected override take(octets: Buffer, start: number, end: number): void {
    const { received } = this;
    if (received + end - start > this.sent) throw new WrongAnswer('octets that were never sent');
    this.checkPattern(octets, start, end, received);
    this.received += end - start;
    const whole = Math.floor(this.received / MEGABYTE) - Math.floor(received / MEGABYTE);
    if (this.socket !== null) this.fill(this.socket);
    if (whole > 0) this.turn.done(this, 2 * whole);
  }

  private fill(socket: Socket): void {
    const octets = MAX_PATTERN_OCTETS / 4;
    while (!this.rests && !socket.isBlocked && this.sent - this.received + octets <= ECHO_WINDOW_OCTETS) {
      socket.write(pattern(this.sent, octets));
      this.sent += octets;
    }
  }
}
