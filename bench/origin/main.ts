/**
 * The origin of a run, a process of its own: fixed responses, an echo and a stream behind a switch of protocols. As
 * little work as an origin can have, but what it is sent it checks: see traffic.ts for what it does at which path.
 */
import type { OriginReady } from '../lab/messages.js';
import { SWITCH_RESPONSE } from '../fixtures.js';
import { listenBare } from '../sockets/bare.js';
import type { Receiver, Socket } from '../sockets/socket.js';
import {
  LARGE_CONTENT,
  MAX_PATTERN_OCTETS,
  PATHS,
  pattern,
  POST_CONTENT,
  SMALL_CONTENT,
} from '../traffic.js';
import { sendCopy } from './stage.js';

const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
const SPACE = 0x20;
const SLASH = 0x2f;
const POST_LENGTH = new RegExp(`\\r\\ncontent-length: ${POST_CONTENT.length}\\r\\n`, 'i');
const ASKS_FOR_CLOSE = /\r\nconnection: *close\r\n/i;

function response(content: Buffer, status = '200 OK', line = ''): Buffer {
  const head = [
    `HTTP/1.1 ${status}`,
    'Server: origin',
    'Date: Sat, 22 Nov 2025 12:00:00 GMT',
    'Content-Type: application/octet-stream',
    `Content-Length: ${content.length}`,
  ];
  return Buffer.concat([
    Buffer.from(`${[...head, ...(line === '' ? [] : [line])].join('\r\n')}\r\n\r\n`, 'latin1'),
    content,
  ]);
}

const SMALL = response(SMALL_CONTENT);
const SMALL_AND_CLOSE = response(SMALL_CONTENT, '200 OK', 'Connection: close');
const LARGE = response(LARGE_CONTENT);

/** What a connection takes its octets for. */
type Phase = 'head' | 'content' | 'echo' | 'stream';

/** Writes of the stream in a row before others have their turn. */
const STREAM_BURST = 4;

class OriginConnection implements Receiver {
  private phase: Phase = 'head';
  /** The beginning of a head that came in pieces. */
  private rest: Buffer | null = null;
  /** Octets of {@link POST_CONTENT} that came, or octets of the stream that went. */
  private position = 0;

  onOpen(): void {
    // The first octets will tell.
  }

  onOctets(socket: Socket, octets: Buffer, count: number): void {
    if (this.phase === 'echo') this.echo(socket, octets, 0, count);
    else if (this.phase !== 'stream') this.read(socket, octets, count);
  }

  onDrain(socket: Socket): void {
    if (this.phase === 'echo') socket.resume();
    else if (this.phase === 'stream') this.stream(socket);
  }

  onEnd(): void {
    this.phase = 'head';
  }

  /** Heads and content, as many as are there. */
  private read(socket: Socket, received: Buffer, count: number): void {
    const { rest } = this;
    const octets = rest === null ? received : Buffer.concat([rest, received.subarray(0, count)]);
    const end = rest === null ? count : octets.length;
    this.rest = null;
    let at = 0;
    while (at < end) {
      if (this.phase === 'content') {
        at = this.takeContent(socket, octets, at, end);
        continue;
      }
      const headEnd = octets.indexOf(HEAD_END, at);
      if (headEnd < 0 || headEnd + HEAD_END.length > end) {
        this.rest = Buffer.from(octets.subarray(at, end));
        return;
      }
      const from = at;
      at = headEnd + HEAD_END.length;
      this.takeHead(socket, octets, from, at);
      if (this.phase === 'echo' && at < end) this.echo(socket, octets, at, end);
      if (this.phase === 'echo' || this.phase === 'stream') return;
    }
  }

  private takeHead(socket: Socket, octets: Buffer, start: number, end: number): void {
    const slash = octets.indexOf(SLASH, start);
    const path = octets.toString('latin1', slash, octets.indexOf(SPACE, slash));
    switch (path) {
      case PATHS.small:
        return socket.write(SMALL);
      case PATHS.close:
        if (!ASKS_FOR_CLOSE.test(octets.toString('latin1', start, end))) return socket.write(SMALL);
        socket.write(SMALL_AND_CLOSE);
        return socket.close();
      case PATHS.large:
        return socket.write(LARGE);
      case PATHS.head:
        return socket.write(response(Buffer.from(octets.subarray(start, end))));
      case PATHS.post:
        if (!POST_LENGTH.test(octets.toString('latin1', start, end)))
          return this.refuse(socket, 'framing is wrong');
        this.phase = 'content';
        this.position = 0;
        return;
      case PATHS.echo:
        socket.write(SWITCH_RESPONSE);
        this.phase = 'echo';
        return;
      case PATHS.stream:
        socket.write(SWITCH_RESPONSE);
        this.phase = 'stream';
        this.position = 0;
        return this.stream(socket);
      default:
        return this.refuse(socket, `nothing is at ${path}`);
    }
  }

  /** Answers where the content ended. */
  private takeContent(socket: Socket, octets: Buffer, at: number, end: number): number {
    const count = Math.min(end - at, POST_CONTENT.length - this.position);
    const { position } = this;
    if (POST_CONTENT.compare(octets, at, at + count, position, position + count) !== 0)
      this.refuse(socket, `content is wrong between octets ${position} and ${position + count}`);
    this.position += count;
    if (this.position === POST_CONTENT.length) {
      this.phase = 'head';
      socket.write(SMALL);
    }
    return at + count;
  }

  private echo(socket: Socket, octets: Buffer, start: number, end: number): void {
    sendCopy(socket, octets, start, end);
    if (socket.isBlocked) socket.pause();
  }

  private stream(socket: Socket): void {
    for (let i = 0; i < STREAM_BURST; i++) {
      if (socket.isBlocked || this.phase !== 'stream') return;
      socket.write(pattern(this.position, MAX_PATTERN_OCTETS));
      this.position += MAX_PATTERN_OCTETS;
    }
    setImmediate(() => this.stream(socket));
  }

  /** The load program sees a response that it does not expect, and says so. */
  private refuse(socket: Socket, why: string): void {
    socket.write(response(Buffer.from(`origin: ${why}\n`, 'latin1'), '500 Internal Server Error'));
    socket.close();
  }
}

const port = await listenBare(() => new OriginConnection());
const ready: OriginReady = { port };
process.send?.(ready);
// The run is gone, in whatever way: so is its origin.
process.on('disconnect', () => process.exit(0));
