/** A client for a soak: one connection, its requests one after another, every octet of the answers checked. */
import net from 'node:net';
import { Pattern } from '../simulate/pattern.js';
import { type StrictEvents, type StrictHead, StrictReader } from '../simulate/strict-reader.js';
import type { Complain, Wish } from './origins.js';

/** Everything good is there within this. */
const LIMIT_MS = 20_000;

/** What became of a request. */
export interface Answer {
  readonly status: number;
  /** The whole message came. */
  readonly isWhole: boolean;
  /** The origin's, not the proxy's own. */
  readonly isForwarded: boolean;
  readonly keepsAlive: boolean;
}

interface Expected {
  readonly wish: Wish | null;
  readonly method: string;
  readonly resolve: (answer: Answer) => void;
  head: StrictHead | null;
  received: number;
}

const CUT: Answer = { status: 0, isWhole: false, isForwarded: false, keepsAlive: false };

export class SoakClient implements StrictEvents {
  readonly socket: net.Socket;
  /** Octets of answers and tunnels that were checked. */
  octets = 0;
  isClosed = false;
  /** Writes to the socket itself, and does not care what comes back. */
  isCareless = false;
  private readonly reader = new StrictReader('response', this);
  private readonly expected: Expected[] = [];
  private echo: { pattern: Pattern; at: number; until: number; done: () => void } | null = null;
  private onClosed: () => void = () => undefined;

  constructor(
    port: number,
    private readonly complain: Complain,
  ) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const { socket } = this;
    socket.on('data', (octets) => {
      this.octets += octets.length;
      if (!this.isCareless) this.reader.feed(octets);
    });
    socket.on('end', () => {
      this.reader.ended();
      socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
      for (const { resolve } of this.expected.splice(0)) resolve(CUT);
      this.echo?.done();
      this.onClosed();
    });
    socket.setTimeout(LIMIT_MS, () => socket.destroy());
  }

  /** Sends a request; the answer is there when it is whole, or broken off. */
  ask(octets: string | Buffer, method: string, wish: Wish | null): Promise<Answer> {
    this.reader.methods.push(method);
    const answer = new Promise<Answer>((resolve) =>
      this.expected.push({ wish, method, resolve, head: null, received: 0 }),
    );
    this.socket.write(octets as string, 'latin1');
    if (this.isClosed) for (const { resolve } of this.expected.splice(0)) resolve(CUT);
    return answer;
  }

  /** Sends octets through a tunnel that echoes, and waits for them; answers whether all came back. */
  async send(pattern: Pattern, from: number, count: number): Promise<boolean> {
    if (this.isClosed) return false;
    const back = new Promise<void>((done) => (this.echo = { pattern, at: from, until: from + count, done }));
    this.socket.write(pattern.take(from, count));
    await back;
    const isWhole = this.echo!.at === from + count;
    this.echo = null;
    return isWhole;
  }

  /** Waits for the connection's end. */
  async closed(): Promise<void> {
    if (!this.isClosed) await new Promise<void>((resolve) => (this.onClosed = resolve));
  }

  onHead(head: StrictHead): void {
    if (head.status < 200 && head.status !== 101) return;
    const [first] = this.expected;
    if ((first as Expected | undefined) === undefined) {
      this.complain(`an answer to nothing: ${head.text}`);
      return;
    }
    first.head = head;
    const token = tokenOf(head);
    if (token !== undefined && token !== first.wish?.token)
      this.complain(`${first.wish?.token} was given ${token}`);
    first.received = 0;
  }

  onContent(octets: Buffer): void {
    const first = this.expected[0] as Expected | undefined;
    if (first === undefined) return;
    const { wish, head, received } = first;
    if (head !== null && tokenOf(head) !== undefined) {
      if (!new Pattern(`${wish!.token}a`).matches(received, octets))
        this.complain(`content of ${wish!.token} at ${received}`);
    }
    first.received += octets.length;
  }

  onEnd(): void {
    const first = this.expected.shift();
    if (first === undefined || first.head === null) return;
    const { wish, head, method, received, resolve } = first;
    const isForwarded = tokenOf(head) !== undefined;
    if (isForwarded && head.status === 200) {
      const wanted = method === 'HEAD' ? 0 : wish!.kind === 'up' ? 100 : wish!.count;
      if (received !== wanted)
        this.complain(
          `length of ${wish!.token} (${method}, ${wish!.kind}, ${wish!.framing}): ${received} of ${wanted}, ${JSON.stringify(head.text)}`,
        );
    }
    resolve({
      status: head.status,
      isWhole: true,
      isForwarded,
      keepsAlive: head.keepsAlive && head.framing !== 'close',
    });
  }

  onError(reason: string): void {
    this.complain(`a client received what is not HTTP: ${reason}`);
    this.socket.destroy();
  }

  onTunnel(octets: Buffer): void {
    const { echo } = this;
    if (echo === null || !echo.pattern.matches(echo.at, octets)) {
      this.complain(`octets of a tunnel: ${echo?.pattern.name ?? 'unasked'}`);
      return;
    }
    echo.at += octets.length;
    if (echo.at > echo.until) this.complain(`too many octets of a tunnel: ${echo.pattern.name}`);
    if (echo.at >= echo.until) echo.done();
  }
}

function tokenOf(head: StrictHead): string | undefined {
  return head.fields.find(([name]) => name.toLowerCase() === 'x-token')?.[1];
}
