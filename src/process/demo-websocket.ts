/**
 * The WebSocket side of the demo's upstream: RFC 6455 as far as a chat needs it. Text messages in and out, fragments,
 * pings, the closing handshake, limits. No extensions, no binary messages. Stands on a socket that `node:http` hands
 * over; what the messages mean is `demo-upstream`'s to decide.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** RFC 6455 1.3: proves that the answer comes from somebody who speaks WebSocket. */
const HANDSHAKE_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const CONTINUATION = 0x0;
const TEXT = 0x1;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;
const FIN = 0x80;
const MASKED = 0x80;

/** Close codes (RFC 6455 7.4.1). */
const NORMAL = 1000;
const PROTOCOL_ERROR = 1002;
const UNSUPPORTED = 1003;
const INVALID_TEXT = 1007;
const TOO_LARGE = 1009;

const CONTROL_PAYLOAD_MAX = 125;
/**
 * Longest message, in octets of payload: a chat line is short, and nobody should fill the demo's memory. The most that
 * a 16-bit length can say, so the 64-bit form is refused unread.
 */
export const MESSAGE_MAX_OCTETS = 65535;
/** A receiver that has this much waiting has stopped reading, and is let go. */
const UNSENT_MAX_OCTETS = 1024 * 1024;
/** The other side's Close frame is awaited this long. */
const CLOSE_TIMEOUT_MS = 2000;

/** What a connection tells its owner. */
export interface WebSocketHandlers {
  onText(text: string): void;
  /** Once, however the connection ended. */
  onEnd(): void;
}

/** One frame of a WebSocket, its payload unmasked. */
interface Frame {
  readonly final: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A fault of the other side, and the close code that tells it so. */
class CloseSignal {
  constructor(
    readonly code: number,
    readonly reason: string,
  ) {}
}

/**
 * Answers an opening handshake. Returns undefined when the request is not one: it was refused, and its socket ended.
 * @param head octets that came behind the request head: the first frames
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  makeHandlers: (connection: WebSocketConnection) => WebSocketHandlers,
): WebSocketConnection | undefined {
  const key = request.headers['sec-websocket-key'] ?? '';
  const offered = (request.headers.upgrade ?? '').toLowerCase() === 'websocket';
  if (!offered || request.method !== 'GET' || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    refuse(socket, '400 Bad Request', '');
    return undefined;
  }
  if (request.headers['sec-websocket-version'] !== '13') {
    refuse(socket, '426 Upgrade Required', 'Sec-WebSocket-Version: 13\r\n');
    return undefined;
  }
  const accept = createHash('sha1')
    .update(key + HANDSHAKE_GUID)
    .digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const connection = new WebSocketConnection(socket);
  connection.begin(makeHandlers(connection), head);
  return connection;
}

/** The server's end of one WebSocket. */
export class WebSocketConnection {
  private received: Buffer = Buffer.alloc(0);
  private fragments: Buffer[] | null = null;
  private fragmentOctets = 0;
  private closeSent = false;
  private ended = false;
  private handlers: WebSocketHandlers | null = null;

  constructor(private readonly socket: Duplex) {}

  /** Starts reading. Called once, by {@link acceptWebSocket}. */
  begin(handlers: WebSocketHandlers, head: Buffer): void {
    this.handlers = handlers;
    const end = (): void => this.end();
    this.socket.on('error', end).on('close', end).on('end', end);
    this.socket.on('data', (octets: Buffer) => this.receive(octets));
    if (head.length > 0) this.receive(head);
  }

  send(text: string): void {
    this.write(TEXT, Buffer.from(text));
  }

  /** An answer shows that the other side lives, and the octets keep an idle tunnel open. */
  ping(): void {
    this.write(PING, Buffer.alloc(0));
  }

  /** Begins the closing handshake, and ends it by force when the other side does not answer. */
  close(code = NORMAL, reason = ''): void {
    if (this.closeSent) return;
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code, 0);
    payload.write(reason, 2);
    this.write(CLOSE, payload);
    this.closeSent = true;
    setTimeout(() => this.socket.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  private receive(octets: Buffer): void {
    if (this.ended) return;
    this.received = this.received.length === 0 ? octets : Buffer.concat([this.received, octets]);
    try {
      for (let frame = this.takeFrame(); frame !== undefined; frame = this.takeFrame()) this.act(frame);
    } catch (signal) {
      if (!(signal instanceof CloseSignal)) throw signal;
      this.close(signal.code, signal.reason);
      this.received = Buffer.alloc(0);
      this.socket.end();
      this.end();
    }
  }

  /** The next frame, or undefined while octets are missing. @throws CloseSignal */
  private takeFrame(): Frame | undefined {
    const octets = this.received;
    if (octets.length < 2) return undefined;
    const opcode = octets[0] & 0x0f;
    const final = (octets[0] & FIN) !== 0;
    if ((octets[0] & 0x70) !== 0) throw new CloseSignal(PROTOCOL_ERROR, 'no extension was agreed on');
    // RFC 6455 5.1: "a server MUST close the connection upon receiving a frame that is not masked".
    if ((octets[1] & MASKED) === 0) throw new CloseSignal(PROTOCOL_ERROR, 'the frame is not masked');
    let length = octets[1] & 0x7f;
    if (opcode >= CLOSE && (!final || length > CONTROL_PAYLOAD_MAX)) {
      throw new CloseSignal(PROTOCOL_ERROR, 'a control frame is short and whole');
    }
    let at = 2;
    if (length === 126) {
      if (octets.length < 4) return undefined;
      length = octets.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      throw new CloseSignal(TOO_LARGE, 'the message is too large');
    }
    if (length + this.fragmentOctets > MESSAGE_MAX_OCTETS && opcode < CLOSE) {
      throw new CloseSignal(TOO_LARGE, 'the message is too large');
    }
    if (octets.length < at + 4 + length) return undefined;
    const maskingKey = octets.subarray(at, at + 4);
    const payload = Buffer.from(octets.subarray(at + 4, at + 4 + length));
    for (let i = 0; i < length; i++) payload[i] ^= maskingKey[i & 3];
    this.received = octets.subarray(at + 4 + length);
    return { final, opcode, payload };
  }

  private act(frame: Frame): void {
    switch (frame.opcode) {
      case TEXT:
      case CONTINUATION:
        this.join(frame);
        break;
      case PING:
        this.write(PONG, frame.payload);
        break;
      case PONG:
        break;
      case CLOSE:
        this.answerClose(frame.payload);
        break;
      case 0x2:
        throw new CloseSignal(UNSUPPORTED, 'text messages only');
      default:
        throw new CloseSignal(PROTOCOL_ERROR, 'unknown opcode');
    }
  }

  /** Puts the fragments of a message together (RFC 6455 5.4). */
  private join(frame: Frame): void {
    if ((frame.opcode === CONTINUATION) !== (this.fragments !== null)) {
      throw new CloseSignal(PROTOCOL_ERROR, 'the fragments are out of order');
    }
    const fragments = (this.fragments ??= []);
    fragments.push(frame.payload);
    this.fragmentOctets += frame.payload.length;
    if (!frame.final) return;
    this.fragments = null;
    this.fragmentOctets = 0;
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(fragments));
    } catch {
      throw new CloseSignal(INVALID_TEXT, 'the text is not UTF-8');
    }
    if (!this.closeSent) this.handlers?.onText(text);
  }

  private answerClose(payload: Buffer): void {
    if (payload.length === 1) throw new CloseSignal(PROTOCOL_ERROR, 'half a close code');
    const code = payload.length === 0 ? NORMAL : payload.readUInt16BE(0);
    // Only codes that may stand in a frame are answered in kind (RFC 6455 7.4).
    const valid =
      (code >= 3000 && code <= 4999) || (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006));
    this.close(valid ? code : PROTOCOL_ERROR);
    this.socket.end();
    this.end();
  }

  private write(opcode: number, payload: Buffer): void {
    if (this.ended || this.closeSent || this.socket.destroyed) return;
    if (this.socket.writableLength > UNSENT_MAX_OCTETS) {
      this.socket.destroy();
      return;
    }
    const length = payload.length;
    const head = length < 126 ? Buffer.alloc(2) : length < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
    head[0] = FIN | opcode;
    if (length < 126) {
      head[1] = length;
    } else if (length < 65536) {
      head[1] = 126;
      head.writeUInt16BE(length, 2);
    } else {
      head[1] = 127;
      head.writeBigUInt64BE(BigInt(length), 2);
    }
    this.socket.write(Buffer.concat([head, payload]));
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.fragments = null;
    if (!this.socket.writableEnded) this.socket.end();
    this.handlers?.onEnd();
  }
}

function refuse(socket: Duplex, status: string, fields: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\n${fields}Content-Length: 0\r\nConnection: close\r\n\r\n`);
}
