/**
 * The load program of an end-to-end run, a process of its own: jobs come in over IPC, results go back. Each connection
 * has one request or message under way; every octet that comes back is compared with what must come.
 */
import { connect, type Socket } from 'node:net';
import { cpuTime } from './end-to-end/cpu.js';
import { ORIGIN_CONTENT, type LoadJob, type LoadResult } from './end-to-end/messages.js';
import { BROWSER_REQUEST, UPGRADE_REQUEST } from './fixtures.js';
import { quantile } from './statistics.js';

const RECEIVE_OCTETS = 65536;
/** A cold proxy on a busy machine may need a while for the first answers; nothing counts before all have one. */
const FIRST_ANSWER_LIMIT_MS = 4000;
const RETRY_MS = 20;
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');

/** What a response must look like: learnt from the first one, after that has been checked by its meaning. */
class ExpectedResponse {
  private octets: Buffer | null = null;
  private dateStart = 0;
  private dateEnd = 0;

  /** Octets of a whole response; 0 while the first one is not whole. */
  get length(): number {
    return this.octets?.length ?? 0;
  }

  /** Takes the first response once it is whole. Throws when it is none. */
  learn(octets: Buffer): void {
    const headEnd = octets.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = octets.toString('latin1', 0, headEnd + 2);
    if (!head.startsWith('HTTP/1.1 200 OK\r\n')) throw new Error(`not a good response: ${head}`);
    const length = /\r\nContent-Length: (\d+)\r\n/.exec(head)?.[1];
    if (length !== String(ORIGIN_CONTENT.length)) throw new Error(`Content-Length is wrong: ${head}`);
    const end = headEnd + 4 + ORIGIN_CONTENT.length;
    if (octets.length < end) return;
    const content = octets.toString('latin1', headEnd + 4);
    if (content !== ORIGIN_CONTENT) throw new Error(`content is wrong: ${JSON.stringify(content)}`);
    this.octets = Buffer.from(octets);
    // The one value that changes from second to second.
    const date = /\r\nDate: [^\r]*/.exec(head);
    this.dateStart = date === null ? end : date.index + 8;
    this.dateEnd = date === null ? end : date.index + date[0].length;
  }

  /** Whether octets[0, length) is such a response, every octet but Date's. */
  matches(octets: Buffer): boolean {
    const expected = this.octets!;
    const { dateStart, dateEnd } = this;
    return (
      expected.compare(octets, 0, dateStart, 0, dateStart) === 0 &&
      expected.compare(octets, dateEnd, expected.length, dateEnd, expected.length) === 0
    );
  }
}

/** All connections of one job. */
class Load {
  readonly expected = new ExpectedResponse();
  /** Latencies of the operations that count, in microseconds. */
  private latencies = new Float64Array(65536);
  private operations = 0;
  private measures = false;
  private isOver = false;
  private readonly connections: LoadConnection[] = [];
  private readonly openedAt = performance.now();
  private startedAt = 0;
  private cpuBefore = { user: 0, system: 0 };
  private ownCpuBefore = process.cpuUsage();

  constructor(
    readonly job: LoadJob,
    private readonly report: (result: LoadResult) => void,
  ) {
    const Kind = job.work === 'http' ? HttpConnection : TunnelConnection;
    for (let i = 0; i < job.connections; i++) this.connections.push(new Kind(this, i));
    setTimeout(() => this.begin(), job.warmUpMs);
  }

  /** An operation is complete. */
  done(startedAt: number, now: number): void {
    if (!this.measures) return;
    if (this.operations === this.latencies.length) {
      const larger = new Float64Array(this.operations * 2);
      larger.set(this.latencies);
      this.latencies = larger;
    }
    this.latencies[this.operations++] = (now - startedAt) * 1000;
  }

  fail(why: string): void {
    this.finish(why);
  }

  private begin(): void {
    if (this.isOver) return;
    const idle = this.connections.findIndex((connection) => connection.operations === 0);
    if (idle >= 0) {
      if (performance.now() > this.openedAt + FIRST_ANSWER_LIMIT_MS) {
        this.finish(`connection ${idle} has got no answer in ${FIRST_ANSWER_LIMIT_MS} ms`);
      } else {
        setTimeout(() => this.begin(), RETRY_MS);
      }
      return;
    }
    this.measures = true;
    this.cpuBefore = cpuTime(this.job.pids);
    this.ownCpuBefore = process.cpuUsage();
    this.startedAt = performance.now();
    setTimeout(() => this.finish(''), this.job.measureMs);
  }

  private finish(failure: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.measures = false;
    const elapsedMs = performance.now() - this.startedAt;
    const own = process.cpuUsage(this.ownCpuBefore);
    let cpu = this.cpuBefore;
    let why = failure;
    try {
      cpu = cpuTime(this.job.pids);
    } catch (error) {
      why ||= `the proxy is gone: ${(error as Error).message}`;
    }
    for (const connection of this.connections) connection.close();
    const latencies = this.latencies.subarray(0, this.operations).sort();
    if (why === '' && latencies.length === 0) why = 'no operation was completed';
    this.report({
      failure: why,
      operations: latencies.length,
      elapsedMs,
      proxyUserMs: cpu.user - this.cpuBefore.user,
      proxySystemMs: cpu.system - this.cpuBefore.system,
      loadCpuMs: (own.user + own.system) / 1000,
      p50: why === '' ? quantile(latencies, 0.5) : 0,
      p99: why === '' ? quantile(latencies, 0.99) : 0,
    });
  }
}

/** One connection: sends, gathers what comes back, checks it, sends again. */
abstract class LoadConnection {
  operations = 0;
  protected readonly socket: Socket;
  /** What has come of the answer under way. */
  protected readonly received = Buffer.allocUnsafeSlow(RECEIVE_OCTETS);
  protected count = 0;
  private sentAt = 0;

  constructor(
    protected readonly load: Load,
    protected readonly index: number,
  ) {
    const { port } = load.job;
    this.socket = connect({
      host: '127.0.0.1',
      port,
      // Read into one buffer per connection: no allocation per answer that would show in the latencies.
      onread: {
        buffer: Buffer.allocUnsafeSlow(RECEIVE_OCTETS),
        callback: (count, octets) => {
          this.take(octets as Buffer, count);
          return true;
        },
      },
    });
    this.socket.setNoDelay(true);
    this.socket.on('connect', () => this.start());
    this.socket.on('error', (error) => load.fail(`connection ${index}: ${error.message}`));
    this.socket.on('end', () => load.fail(`connection ${index} was closed by the proxy`));
  }

  close(): void {
    this.socket.removeAllListeners('end');
    this.socket.destroy();
  }

  protected abstract start(): void;
  /** Octets were added to `received`. */
  protected abstract check(): void;

  protected send(octets: Buffer): void {
    this.count = 0;
    this.sentAt = performance.now();
    this.socket.write(octets);
  }

  /** The answer was right. */
  protected complete(): void {
    this.operations++;
    this.load.done(this.sentAt, performance.now());
  }

  private take(octets: Buffer, count: number): void {
    if (this.count + count > this.received.length) {
      this.load.fail(`connection ${this.index}: more octets than were asked for`);
      return;
    }
    octets.copy(this.received, this.count, 0, count);
    this.count += count;
    this.check();
  }
}

/** GET after GET. */
class HttpConnection extends LoadConnection {
  protected override start(): void {
    this.send(BROWSER_REQUEST.octets);
  }

  protected override check(): void {
    const { expected } = this.load;
    if (expected.length === 0) {
      try {
        expected.learn(this.received.subarray(0, this.count));
      } catch (error) {
        this.load.fail((error as Error).message);
      }
    }
    const { length } = expected;
    if (length === 0 || this.count < length) return;
    if (this.count > length || !expected.matches(this.received)) {
      const text = this.received.toString('latin1', 0, this.count);
      this.load.fail(`connection ${this.index}: another response than before: ${JSON.stringify(text)}`);
      return;
    }
    this.complete();
    this.send(BROWSER_REQUEST.octets);
  }
}

/** Message after message, each echoed, each different. */
class TunnelConnection extends LoadConnection {
  private isOpen = false;
  private readonly message = Buffer.alloc(this.load.job.messageOctets, 'message ');

  protected override start(): void {
    this.send(UPGRADE_REQUEST);
  }

  protected override check(): void {
    if (!this.isOpen) {
      const end = this.received.subarray(0, this.count).indexOf(HEAD_END);
      if (end < 0) return;
      const head = this.received.toString('latin1', 0, end);
      if (!head.startsWith('HTTP/1.1 101 ') || end + 4 !== this.count) {
        this.load.fail(`connection ${this.index}: protocols were not switched: ${head}`);
        return;
      }
      this.isOpen = true;
      this.sendNext();
      return;
    }
    if (this.count < this.message.length) return;
    if (this.count > this.message.length || this.message.compare(this.received, 0, this.count) !== 0) {
      this.load.fail(`connection ${this.index}: message ${this.operations} came back changed`);
      return;
    }
    this.complete();
    this.sendNext();
  }

  private sendNext(): void {
    this.message.writeUInt32BE(this.index, 0);
    this.message.writeUInt32BE(this.operations, 4);
    this.send(this.message);
  }
}

process.on('message', (job: LoadJob) => void new Load(job, (result) => process.send?.(result)));
// The run is gone, in whatever way: so is its load.
process.on('disconnect', () => process.exit(0));
