/**
 * A model of a service that is asked by subrequests: answers yes in several ways, or fails in some where the request's
 * script is wild. What it gets must be a subrequest to the last octet, in front of the request that it is made for.
 */
import { type Entry, Violation } from './ledger.js';
import { mix } from './prng.js';
import type { ModelEvents, Wire } from './wire.js';
import type { World } from './world.js';

/** What a subrequest's target has in front of the request's. */
export const GATE = '/gate';

const YES: readonly (readonly string[])[] = [
  ['HTTP/1.1 204 No Content\r\n\r\n'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nquiet'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nqu', 'iet'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nquiet\r\n', '0\r\n\r\n'],
  ['HTTP/1.1 103 Early Hints\r\nX-Token: gate\r\n\r\nHTTP/1.1 2', '04 No Content\r\n\r\n'],
  ['HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'],
];
const NO = 'HTTP/1.1 403 No\r\nContent-Length: 6\r\n\r\nnobody';
const FAILED = 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n';
const WAYS_TO_FAIL = 8;
/** An answer in small pieces has not more of them than this. */
const MOST_PIECES = 12;

/** How a subrequest is answered; below 0: it is not let through. */
function wayOf({ connection, script }: Entry): number {
  const way = mix(connection.seed, 22, script.ordinal) % 100;
  const fails = script.plan === 'wild' && way < 32;
  return fails ? -1 - (way % WAYS_TO_FAIL) : way % YES.length;
}

export class Gate implements ModelEvents {
  wire!: Wire;
  private received = '';
  private isBusy = false;
  /** Nothing more may come: what it said closes the connection, or ought to have. */
  private isSpoilt = false;

  constructor(private readonly world: World) {}

  onOctets(octets: Buffer): void {
    this.received += octets.toString('latin1');
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.received.slice(0, end + 4);
    const [, target = ''] = /^GET (\S+) HTTP\/1\.1\r\n/.exec(head) ?? [];
    const entry = target.startsWith(GATE) ? this.world.ledger.find(target.slice(GATE.length)) : undefined;
    if (entry === undefined) throw new Violation('a subrequest that is none', head);
    const { token } = entry.script;
    if (this.received.length > head.length) throw new Violation('content of a subrequest', token);
    if (/^(content-length|transfer-encoding|upgrade|connection):/im.test(head))
      throw new Violation('framing or an offer in a subrequest', head);
    if (this.isBusy) throw new Violation('a subrequest in front of the last one’s answer', token);
    if (this.isSpoilt) throw new Violation('a spoilt connection was used again', token);
    if (entry.attempts > 0) throw new Violation('a subrequest behind its request', token);
    this.received = '';
    if (this.wire.isLetGo) return;
    this.isBusy = true;
    this.world.figures.subrequests++;
    const draw = mix(entry.connection.seed, 23, entry.script.ordinal);
    // Some take so long that clients leave meanwhile.
    const delay = draw % 4 === 0 ? draw % 4000 : draw % 300;
    this.world.agenda.after(delay, () => this.answer(entry, wayOf(entry)));
  }

  private answer(entry: Entry, way: number): void {
    const { world } = this;
    const draw = mix(entry.connection.seed, 27, entry.script.ordinal);
    // What fails is not used again, except for an answer that is whole.
    this.isSpoilt = way < -2;
    if (way >= 0) {
      const parts = YES[way];
      this.isSpoilt = parts[0].includes('close');
      this.send(draw % 3 === 0 ? inPieces(parts.join(''), draw) : parts, () => this.settle(draw));
    } else if (way === -1) {
      entry.isDenied = true;
      world.figures.denied++;
      this.send(draw % 3 === 0 ? inPieces(NO, draw) : [NO], () => this.settle(draw));
    } else if (way === -2) this.send([FAILED], () => this.settle(draw));
    else if (way === -3) this.wire.reset();
    else if (way === -4) this.wire.close();
    else if (way === -5) this.send(['nonsense\r\n\r\n'], () => undefined);
    else if (way < -6) {
      // It breaks off in its head, or in front of its last octet of content.
      const cut = NO.slice(0, way === -7 ? draw % NO.indexOf('\r\n\r\n') : NO.length - 1);
      if (way === -8) entry.isDenied = true;
      this.send([cut], () => (draw % 2 === 0 ? this.wire.close() : this.wire.reset()));
    }
    // -6 hangs.
  }

  /** Sends one part after another. */
  private send(parts: readonly string[], done: () => void): void {
    this.wire.send(Buffer.from(parts[0], 'latin1'));
    if (parts.length === 1) done();
    else this.world.agenda.after(40, () => this.send(parts.slice(1), done));
  }

  /** The answer is whole. Some close the connection while nobody needs it. */
  private settle(draw: number): void {
    this.isBusy = false;
    const answered = ++this.answered;
    if (!this.isSpoilt && draw % 5 !== 0) return;
    this.world.agenda.after(draw % 900, () => {
      if (this.isBusy || this.answered !== answered) return;
      this.isSpoilt = true;
      this.wire.close();
    });
  }
  private answered = 0;

  onPeerEnd(): void {
    this.wire.close();
  }

  onPeerReset(): void {
    // Let go of.
  }

  onSent(): void {
    // Nothing waits for it.
  }
}

function inPieces(text: string, draw: number): string[] {
  const size = Math.max(1 + (draw % 30), Math.ceil(text.length / MOST_PIECES));
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += size) parts.push(text.slice(at, at + size));
  return parts;
}
