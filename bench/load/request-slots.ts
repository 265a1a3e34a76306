/** Slots for HTTP: requests on a kept connection, a connection for each request, a connection for each handshake. */
import type { Socket } from '../sockets/socket.js';
import { getRequest, LARGE_CONTENT, PATHS, postRequest, SMALL_CONTENT, upgradeRequest } from '../traffic.js';
import { ExpectedResponse, WrongAnswer } from './expected-response.js';
import { Slot, type Turn } from './slot.js';

/** A request and the content that must come back for it. */
interface Exchange {
  readonly request: Buffer;
  readonly content: Buffer;
}

function exchangeOf({ job }: Turn): Exchange {
  const { path = PATHS.small, extraLines = [] } = job;
  const closes = job.kind === 'connection';
  const options = { path: closes && path === PATHS.small ? PATHS.close : path, closes, extraLines };
  return {
    request: path === PATHS.post ? postRequest(options) : getRequest(options),
    content: path === PATHS.large ? LARGE_CONTENT : SMALL_CONTENT,
  };
}

/** Request after request on one connection. */
export class RequestSlot extends Slot {
  private readonly exchange = exchangeOf(this.turn);
  /** Octets of the response that came. */
  private position = 0;
  /** The first response of the turn, as far as it came. */
  private first: Buffer = Buffer.alloc(0);

  override go(): void {
    if (this.socket === null) this.open();
    else this.send(this.socket);
  }

  protected override opened(socket: Socket): void {
    this.send(socket);
  }

  protected override receive(octets: Buffer, count: number): void {
    if (this.startedAt === 0) throw new WrongAnswer(`${count} octets that nobody asked for`);
    const { expected } = this.turn;
    if (expected === null) {
      if (this.learn(octets, count)) this.complete();
      return;
    }
    expected.check(octets, count, this.position);
    this.position += count;
    if (this.position === expected.length) this.complete();
  }

  /** The whole response came and is right. */
  protected complete(): void {
    this.turn.done(this);
  }

  private send(socket: Socket): void {
    this.position = 0;
    socket.write(this.exchange.request);
  }

  private learn(octets: Buffer, count: number): boolean {
    this.first = Buffer.concat([this.first, octets.subarray(0, count)]);
    this.turn.expected = ExpectedResponse.learn(this.first, this.exchange.content);
    this.position = this.first.length;
    return this.turn.expected !== null;
  }
}

/** A connection for each request, which asks for its end; the operation is complete when the proxy has closed it. */
export class ConnectionSlot extends RequestSlot {
  private isAnswered = false;

  override go(): void {
    this.isAnswered = false;
    this.open();
  }

  protected override complete(): void {
    this.isAnswered = true;
  }

  protected override ended(why: string): void {
    if (why !== 'end' || !this.isAnswered) super.ended(why);
    else this.turn.done(this);
  }
}

const ACCEPT = /\r\nsec-websocket-accept: *s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i;
const SWITCHED = /\r\nupgrade: *websocket\r\n/i;

/** Throws {@link WrongAnswer} unless these octets are the whole answer to an offer to switch; false while not whole. */
export function isSwitched(octets: Buffer, count: number): boolean {
  const text = octets.toString('latin1', 0, Math.min(count, 8192));
  const end = text.indexOf('\r\n\r\n');
  if (end < 0 && count < 8192) return false;
  if (!text.startsWith('HTTP/1.1 101 ') || !ACCEPT.test(text) || !SWITCHED.test(text))
    throw new WrongAnswer(`protocols were not switched: ${JSON.stringify(text.slice(0, 400))}`);
  return true;
}

/** Connects, offers a switch, gets the 101, closes. */
export class HandshakeSlot extends Slot {
  private readonly request = upgradeRequest({
    path: PATHS.echo,
    extraLines: this.turn.job.extraLines ?? [],
  });
  private received: Buffer | null = null;

  override go(): void {
    this.received = null;
    this.open();
  }

  protected override opened(socket: Socket): void {
    socket.write(this.request);
  }

  protected override receive(octets: Buffer, count: number): void {
    const part = octets.subarray(0, count);
    const all = this.received === null ? part : Buffer.concat([this.received, part]);
    if (!isSwitched(all, all.length)) {
      this.received = Buffer.from(all);
      return;
    }
    if (!all.toString('latin1', 0, all.length).endsWith('\r\n\r\n'))
      throw new WrongAnswer('octets behind the 101 that nobody sent');
    this.stop();
    this.turn.done(this);
  }
}
