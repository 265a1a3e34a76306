/**
 * What a tunnel keeps. Proves: both head readers go back as soon as it is open; its heads stay readable until it is logged,
 * in storage of their own that later exchanges do not write over; a policy may let go of the response head.
 */
import { expect } from 'chai';
import type { Exchange } from '../../src/machine/exchange.js';
import { FIELD_NAMES } from '../../src/message/field-names.js';
import { readersInUse } from '../../src/wire/http1/head-reader.js';
import { forward } from './cases.js';
import { TestPolicy } from './policies.js';
import { FEEDS, Player } from './replay.js';

const NOTE = FIELD_NAMES.intern('x-note');
const requestOf = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Note: of ${path}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
const switchTo = (path: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nX-Note: to ${path}\r\nUpgrade: websocket\r\n\r\n`;

/** Notes what the heads say when the exchange is over. */
class HeadsPolicy extends TestPolicy {
  readonly seen: string[] = [];
  constructor(private readonly forgets = false) {
    super(forward());
  }
  switched(exchange: Exchange): void {
    if (this.forgets) exchange.forgetResponse();
  }
  override finished(exchange: Exchange): void {
    super.finished(exchange);
    const { request, response } = exchange;
    this.seen.push(
      `${request.text(request.pathStart, request.pathEnd)}, ${request.joinedText(NOTE)}`,
      `${response.length} octets, ${response.joinedText(NOTE)}`,
    );
  }
}

function tunnel(policy: HeadsPolicy, path: string, split = FEEDS[0].split): Player {
  const player = new Player(policy, { split });
  player.play([{ down: requestOf(path) }, { up: switchTo(path) }]);
  return player;
}

describe('machine: what a tunnel keeps', () => {
  for (const { name, split } of FEEDS) {
    it(`no head reader; its heads, which later ones do not write over (${name})`, () => {
      const before = readersInUse();
      const policy = new HeadsPolicy();
      const first = tunnel(policy, '/first', split);
      expect(readersInUse()).to.equal(before);
      // The readers that the first one gave back read these, longer ones.
      const others = ['/second-and-longer', '/third-and-longer-still'].map((path) => tunnel(policy, path));
      expect(readersInUse()).to.equal(before);
      const messages = first.play([{ down: 'ping' }, { up: 'pong' }]);
      expect(messages.downstream.endsWith('\r\n\r\npong')).to.equal(true);
      for (const player of [first, ...others]) player.machine.abort(player.machine.now);
      expect(policy.seen).to.deep.equal(
        ['/first', '/second-and-longer', '/third-and-longer-still'].flatMap((path) => [
          `${path}, of ${path}`,
          `${switchTo(path).length} octets, to ${path}`,
        ]),
      );
    });
  }

  it('no response head when the policy lets go of it', () => {
    const policy = new HeadsPolicy(true);
    const player = tunnel(policy, '/x');
    player.machine.abort(player.machine.now);
    expect(policy.seen).to.deep.equal(['/x, of /x', '0 octets, ']);
  });
});
