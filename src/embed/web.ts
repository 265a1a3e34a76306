/**
 * One request of somebody else's HTTP server through the machine: the request is laid down as octets for it, and the
 * octets of its answer go out through the server's response object. So the server's connection stays the server's, and
 * middleware sees an ordinary response.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EventQueue, StreamEndpoint } from '../driver/stream-transport.js';
import { type Endpoint, NO_EVENTS, type Transport, type TransportEvents } from '../driver/transport.js';
import { contentOf, type ContentSource, type WebOptions, webHead } from './web-request.js';
import { WebAnswer } from './web-answer.js';

export type { WebOptions } from './web-request.js';

/** Begins to serve the exchange. Called on a later turn. */
export type Serve = (transport: Transport, endpoint: Endpoint, octets: Buffer) => void;

/**
 * Relays one exchange.
 * @throws TypeError if the request's content was read by somebody else; Error if the response has begun
 */
export function relay(
  request: IncomingMessage,
  response: ServerResponse,
  options: WebOptions,
  serve: Serve,
): void {
  if (response.headersSent || response.writableEnded) {
    throw new Error('the response has begun already: hand it over before anything is written');
  }
  const content = contentOf(request, options);
  const head = webHead(request, content);
  const transport = new WebTransport(request, response, content, options.isTaken);
  const { socket } = request;
  const endpoint = new StreamEndpoint({
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
    localAddress: socket.localAddress,
    localPort: socket.localPort,
    secure: 'encrypted' in socket,
  });
  process.nextTick(() => {
    if (!transport.isGone) serve(transport, endpoint, head);
  });
}

/** The downstream side of one exchange, made of a request and a response object. */
class WebTransport implements Transport {
  readonly ownsChunks = true;
  readonly keepsLent = true;
  /** What is written is copied at once: nothing of the writer's octets waits. */
  readonly waitingOctets = 0;
  events: TransportEvents = NO_EVENTS;
  owner: unknown = null;
  isBlocked = false;
  isGone = false;
  private readonly answer: WebAnswer;
  private readonly queue = new EventQueue();
  private isReceived: boolean;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly content: ContentSource,
    private readonly isTaken: (() => boolean) | undefined,
  ) {
    this.answer = new WebAnswer(request, response);
    this.isReceived = content.kind === 'none' || content.kind === 'given';
    response.on('close', () => this.queue.add(() => this.left()));
    response.on('error', (error: NodeJS.ErrnoException) =>
      this.queue.add(() => this.failed(error.code ?? '')),
    );
    response.on('drain', () => this.queue.add(() => this.drained()));
    if (this.isReceived) return;
    // Paused until the machine wants content: nothing is read that it does not take.
    request.pause();
    request.on('data', (chunk: Buffer) => this.queue.add(() => this.received(chunk)));
    request.on('end', () => this.queue.add(() => this.complete()));
    request.on('error', (error: NodeJS.ErrnoException) =>
      this.queue.add(() => this.failed(error.code ?? '')),
    );
  }

  write(buffer: Buffer, start: number, end: number): void {
    if (this.isGone) return;
    if (this.isTakenOver) {
      this.isGone = true;
      this.letGo();
      this.queue.add(() => this.events.onFailure(this, 'answered by somebody else'));
      return;
    }
    try {
      if (!this.answer.take(Buffer.from(buffer.subarray(start, end)))) this.isBlocked = true;
    } catch (error) {
      // A field that Node does not take, or middleware that threw: the exchange cannot be answered any more.
      this.response.destroy();
      this.queue.add(() => this.failed((error as NodeJS.ErrnoException).code ?? (error as Error).message));
    }
  }

  read(wanted: boolean): void {
    if (this.isGone || this.isReceived) return;
    if (wanted) this.request.resume();
    else this.request.pause();
  }

  end(): void {
    // The answer ends with its content; the connection is the server's.
  }

  close(_flushMs?: number, whenGone?: () => void): void {
    if (!this.isGone) {
      this.isGone = true;
      if (!this.answer.end() && !this.isTakenOver) this.response.destroy();
      this.letGo();
    }
    whenGone?.();
  }

  destroy(_reset: boolean): void {
    if (this.isGone) return;
    this.isGone = true;
    if (!this.answer.isComplete && !this.isTakenOver) this.response.destroy();
    this.letGo();
  }

  /** Somebody else answers, a listener for failures perhaps: the response is not touched. */
  private get isTakenOver(): boolean {
    return !this.answer.hasHead && (this.response.headersSent || this.isTaken?.() === true);
  }

  /** What is still to come of the request is the server's to drop. */
  private letGo(): void {
    this.answer.release();
    if (!this.isReceived) this.request.resume();
  }

  private received(chunk: Buffer): void {
    if (this.isGone) return;
    const octets = this.content.frame(chunk);
    this.events.onChunk(this, octets, 0, octets.length);
  }

  private complete(): void {
    this.isReceived = true;
    if (this.isGone) return;
    const octets = this.content.end(this.request);
    if (octets.length > 0) this.events.onChunk(this, octets, 0, octets.length);
    // A machine that has answered already waits for this.
    if (!this.isGone && this.answer.isComplete) this.events.onEnd(this);
  }

  /** The response is closed: sent whole, or its connection is gone. */
  private left(): void {
    if (!this.response.writableFinished) this.failed('ECONNRESET');
  }

  private failed(detail: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.answer.release();
    this.events.onFailure(this, detail);
  }

  private drained(): void {
    if (!this.isBlocked || this.isGone) return;
    this.isBlocked = false;
    this.events.onDrain(this);
  }
}
