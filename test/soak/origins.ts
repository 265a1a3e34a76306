/**
 * Origins for a soak, on real sockets: one that always does right, and one that fails in every way it can. Requests are
 * read by the strict reader and their content is checked octet by octet.
 */
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { Pattern } from '../simulate/pattern.js';
import type { Prng } from '../simulate/prng.js';
import { type StrictEvents, type StrictHead, StrictReader } from '../simulate/strict-reader.js';

/** Where violations go. */
export type Complain = (what: string) => void;

const PIECE_OCTETS = 65536;
/** Tokens of requests that must never be whole. */
export const BROKEN_PREFIX = 'x';

/** `/KIND/TOKEN/COUNT/FRAMING`, below a prefix. */
export interface Wish {
  readonly kind: string;
  readonly token: string;
  readonly count: number;
  readonly framing: string;
}

export function wishOf(target: string): Wish | null {
  const match = /\/(up|down|ws)\/([a-z0-9]+)\/([0-9]+)\/([a-z]+)$/.exec(target);
  return match === null
    ? null
    : { kind: match[1], token: match[2], count: Number(match[3]), framing: match[4] };
}

abstract class OriginConnection implements StrictEvents {
  protected readonly reader = new StrictReader('request', this);
  protected wish: Wish | null = null;
  protected head: StrictHead | null = null;
  private pattern: Pattern | null = null;
  protected received = 0;

  constructor(
    protected readonly socket: Socket,
    protected readonly complain: Complain,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (octets) => this.reader.feed(octets));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
  }

  onHead(head: StrictHead): void {
    this.head = head;
    this.wish = wishOf(head.target);
    this.received = 0;
    if (this.wish === null) {
      this.complain(`a request that nobody sent: ${head.target}`);
      this.socket.destroy();
      return;
    }
    this.pattern = new Pattern(`${this.wish.token}q`);
  }

  onContent(octets: Buffer): void {
    const isBroken = this.wish?.token.startsWith(BROKEN_PREFIX) === true;
    if (!isBroken && this.pattern?.matches(this.received, octets) !== true) {
      this.complain(`an origin received other content for ${this.wish?.token} at ${this.received}`);
    }
    this.received += octets.length;
  }

  onEnd(): void {
    const { wish, head } = this;
    if (wish === null || head === null) return;
    if (wish.token.startsWith(BROKEN_PREFIX)) this.complain(`a broken request looks whole: ${head.text}`);
    else if (wish.kind === 'up' && this.received !== wish.count) {
      this.complain(`an origin received ${this.received} octets for ${wish.token}, not ${wish.count}`);
    }
    this.answer(wish, head);
  }

  onError(reason: string): void {
    this.complain(`an origin received what is not HTTP: ${reason}`);
    this.socket.destroy();
  }

  onTunnel(octets: Buffer): void {
    this.socket.write(octets);
  }

  protected abstract answer(wish: Wish, head: StrictHead): void;

  /** The whole answer to a wish: its octets in pieces, written as fast as they are taken. */
  protected give(
    { kind, token, count, framing }: Wish,
    head: StrictHead,
    until = Infinity,
    then = (): void => undefined,
  ): void {
    const { socket } = this;
    if (kind === 'ws') {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nX-Token: ${token}\r\n\r\n`,
      );
      this.reader.resume(true);
      return;
    }
    const size = kind === 'up' ? 100 : count;
    const framings: Record<string, string> = {
      length: `Content-Length: ${size}`,
      chunked: 'Transfer-Encoding: chunked',
      close: 'Connection: close',
    };
    socket.write(`HTTP/1.1 200 OK\r\nX-Token: ${token}\r\n${framings[framing]}\r\n\r\n`);
    const pattern = new Pattern(`${token}a`);
    const end = head.method === 'HEAD' ? 0 : Math.min(size, until);
    let at = 0;
    const more = (): void => {
      while (at < end) {
        const octets = pattern.take(at, Math.min(PIECE_OCTETS, end - at));
        at += octets.length;
        if (framing === 'chunked') socket.write(`${octets.length.toString(16)}\r\n`);
        const goesOn = socket.write(octets);
        if (framing === 'chunked') socket.write('\r\n');
        if (!goesOn) {
          socket.once('drain', more);
          return;
        }
      }
      if (until === Infinity) {
        if (framing === 'chunked' && head.method !== 'HEAD') socket.write('0\r\n\r\n');
        if (framing === 'close') socket.end();
      }
      then();
    };
    more();
  }
}

class GoodConnection extends OriginConnection {
  protected override answer(wish: Wish, head: StrictHead): void {
    this.give(wish, head);
  }
}

class WildConnection extends OriginConnection {
  constructor(
    socket: Socket,
    complain: Complain,
    private readonly prng: Prng,
  ) {
    super(socket, complain);
  }

  override onHead(head: StrictHead): void {
    super.onHead(head);
    if (this.prng.chance(15)) this.socket.resetAndDestroy();
    else if (this.prng.chance(5)) this.socket.pause();
  }

  protected override answer(wish: Wish, head: StrictHead): void {
    const { socket, prng } = this;
    // Content that lasts until the end cannot be cut in good order: its end would be the end.
    const cut = (): void =>
      void (wish.framing === 'close' || prng.chance(50) ? socket.resetAndDestroy() : socket.end());
    switch (prng.below(9)) {
      case 0:
        socket.end();
        return;
      case 1:
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
        return;
      case 2:
        socket.end('garbage\r\n\r\n');
        return;
      case 3:
        // Silence: the proxy's timeout ends it.
        return;
      case 4:
      case 5:
        if (wish.kind !== 'ws') this.give(wish, head, prng.below(wish.count + 1), cut);
        else socket.resetAndDestroy();
        return;
      case 6:
        if (wish.kind === 'ws') setTimeout(() => socket.resetAndDestroy(), prng.below(300));
        this.give(wish, head, Infinity, () => {
          if (wish.kind !== 'ws' && wish.framing !== 'close') socket.write('excess');
        });
        return;
      default:
        this.give(wish, head);
    }
  }
}

/** A listening origin and its connections. */
export class Origin {
  private readonly sockets = new Set<Socket>();
  private constructor(private readonly server: Server) {}

  /** @param prng null for the good one */
  static async start(complain: Complain, prng: Prng | null): Promise<Origin> {
    const server = net.createServer({ allowHalfOpen: true });
    const origin = new Origin(server);
    server.on('connection', (socket) => {
      origin.sockets.add(socket);
      socket.on('close', () => origin.sockets.delete(socket));
      if (prng === null) new GoodConnection(socket, complain);
      else new WildConnection(socket, complain, prng);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return origin;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
