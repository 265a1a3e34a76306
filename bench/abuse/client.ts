/**
 * The well-behaved client of an abuse run, a process of its own: requests at a fixed rate on kept connections. Each
 * latency counts from when the request was due, so that a proxy that stalls is not forgiven the requests behind it.
 */
import { connect, type Socket } from 'node:net';
import { quantile } from '../statistics.js';
import type { ClientFigures, ClientJob, ClientOrder, Latencies } from './messages.js';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** A request without an answer for this long has failed. */
const ANSWER_LIMIT_MS = 5000;

/** One kept connection. */
class Connection {
  private received = '';
  private dueAt = 0;
  private isFresh = true;
  private timer: NodeJS.Timeout | undefined;
  readonly socket: Socket;

  constructor(
    private readonly stream: Stream,
    port: number,
  ) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (octets) => this.receive(octets.toString('latin1')));
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.gone(error.code ?? error.message));
    this.socket.on('close', () => this.gone('closed'));
  }

  ask(dueAt: number): void {
    this.dueAt = dueAt;
    this.received = '';
    this.socket.write(REQUEST);
    this.timer = setTimeout(() => this.gone('no answer'), ANSWER_LIMIT_MS);
  }

  private receive(text: string): void {
    this.received += text;
    const head = this.received.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/^content-length: (\d+)/im.exec(this.received)?.[1] ?? 0);
    if (this.received.length < head + 4 + length) return;
    clearTimeout(this.timer);
    const { dueAt } = this;
    this.dueAt = 0;
    this.isFresh = false;
    const status = this.received.slice(9, 12);
    const closes = /^connection: close/im.test(this.received.slice(0, head));
    if (closes) this.socket.destroy();
    this.stream.answered(closes ? null : this, dueAt, status === '200' ? '' : status);
  }

  private gone(why: string): void {
    clearTimeout(this.timer);
    this.socket.destroy();
    const { dueAt } = this;
    this.dueAt = 0;
    this.stream.left(this);
    if (dueAt === 0) return;
    // A proxy may close a kept connection at any time (RFC 9112 9.3.1): then the request is sent once more.
    if (!this.isFresh && this.received === '' && why !== 'no answer') this.stream.retry(dueAt);
    else this.stream.answered(null, dueAt, why);
  }
}

/** Requests to one port at one rate. */
class Stream {
  private idle: Connection[] = [];
  private latencies: number[] = [];
  private errors: Record<string, number> = {};
  private retries = 0;
  private nextAt = performance.now();

  constructor(
    private readonly port: number,
    private readonly everyMs: number,
  ) {}

  /** Sends what is due. */
  tick(now: number): void {
    for (; this.nextAt <= now; this.nextAt += this.everyMs) this.send(this.nextAt);
  }

  answered(connection: Connection | null, dueAt: number, error: string): void {
    if (connection !== null) this.idle.push(connection);
    if (error === '') this.latencies.push(performance.now() - dueAt);
    else this.errors[error] = (this.errors[error] ?? 0) + 1;
  }

  left(connection: Connection): void {
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
  }

  retry(dueAt: number): void {
    this.retries++;
    new Connection(this, this.port).ask(dueAt);
  }

  /** What happened since the last report. */
  report(): Latencies {
    const sorted = Float64Array.from(this.latencies).sort();
    const failed = Object.values(this.errors).reduce((sum, count) => sum + count, 0);
    const of = (share: number): number => (sorted.length === 0 ? NaN : quantile(sorted, share));
    const found = {
      requests: sorted.length + failed,
      p50: of(0.5),
      p99: of(0.99),
      max: of(1),
      errors: this.errors,
      retries: this.retries,
    };
    this.latencies = [];
    this.errors = {};
    this.retries = 0;
    return found;
  }

  private send(dueAt: number): void {
    (this.idle.pop() ?? new Connection(this, this.port)).ask(dueAt);
  }
}

let streams: { readonly proxy: Stream; readonly control: Stream } | null = null;

function begin({ proxyPort, originPort, rate, controlRate }: ClientJob): void {
  const proxy = new Stream(proxyPort, 1000 / rate);
  const control = new Stream(originPort, 1000 / controlRate);
  streams = { proxy, control };
  setInterval(() => {
    proxy.tick(performance.now());
    control.tick(performance.now());
  }, 1);
}

process.on('message', (order: ClientOrder) => {
  if (order !== 'report') {
    begin(order.begin);
    return;
  }
  if (streams === null) throw new Error('nothing was begun');
  const figures: ClientFigures = { proxy: streams.proxy.report(), control: streams.control.report() };
  process.send?.(figures);
});
process.on('disconnect', () => process.exit(0));
