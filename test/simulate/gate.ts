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
const WAYS_TO_FAIL = 4;

/** How a subrequest is answered. */
function wayOf({ connection, script }: Entry): number {
  const way = mix(connection.seed, 22, script.ordinal) % 100;
  const fails = script.plan === 'wild' && way < 20;
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
    this.world.agenda.after(delay, () => this.answer(wayOf(entry)));
  }

  private answer(way: number): void {
    this.isBusy = false;
    if (way === -1) this.wire.reset();
    else if (way === -2)
      this.wire.send(Buffer.from('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n', 'latin1'));
    else if (way === -3) this.wire.send(Buffer.from('nonsense\r\n\r\n', 'latin1'));
    // -4 hangs.
    if (way < 0) {
      this.isSpoilt = way !== -2;
      return;
    }
    const [first, second] = YES[way];
    this.isSpoilt = first.includes('close');
    this.wire.send(Buffer.from(first, 'latin1'));
    if (second !== undefined)
      this.world.agenda.after(40, () => this.wire.send(Buffer.from(second, 'latin1')));
  }

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
