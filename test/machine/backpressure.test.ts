import { expect } from 'chai';
import type { Connection } from '../../src/machine/connection.js';
import { FixedPeers, forwardPlan, peer, respondPlan, TestPolicy } from './policies.js';
import { Player, type Step } from './replay.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

function reads(machine: Connection): string {
  return `${machine.readsDownstream ? 'down' : '-'} ${machine.readsUpstream ? 'up' : '-'}`;
}

/** Plays steps, each with the reading flags expected behind it. */
function follow(steps: readonly (readonly [Step, string])[], autoConnect = true): void {
  const player = new Player(new TestPolicy(() => forwardPlan(new FixedPeers(peer(1)))), { autoConnect });
  steps.forEach(([step, expected], i) => {
    player.step(step);
    expect(reads(player.machine), `step ${i}: ${JSON.stringify(step)}`).to.equal(expected);
  });
}

describe('machine: who is read when', () => {
  it('stops the origin while the client does not take its response', () => {
    follow([
      [{ down: GET }, 'down up'],
      [{ up: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123' }, 'down up'],
      ['block down', 'down -'],
      ['unblock down', 'down up'],
      [{ up: '456789' }, 'down -'],
    ]);
  });

  it('stops the client while the origin does not take its content', () => {
    follow([
      [{ down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123' }, 'down up'],
      ['block up', '- up'],
      ['unblock up', 'down up'],
    ]);
  });

  it('stops the client when it sends content before there is an upstream connection', () => {
    follow(
      [
        [{ down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n' }, '- -'],
        ['connected', 'down up'],
      ],
      false,
    );
  });

  it('stops a client that pipelines, until its turn comes', () => {
    follow([
      [{ down: GET + GET.slice(0, 9) }, '- up'],
      [{ up: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' }, 'down -'],
    ]);
  });

  it('does not read further requests from a client that does not take its answers', () => {
    const player = new Player(new TestPolicy(() => respondPlan(200, 'x')));
    player.play([{ down: GET }, 'block down']);
    expect(reads(player.machine)).to.equal('- -');
    const { downstream } = player.record;
    // What was read before the stop was noticed waits.
    player.step({ down: GET + GET });
    expect(player.record.downstream).to.equal(downstream);
    player.step('unblock down');
    expect(player.record.downstream).to.equal(downstream.repeat(3));
    expect(reads(player.machine)).to.equal('down -');
  });

  it('lays down no more answers of its own at a time than it can answer for', () => {
    const player = new Player(new TestPolicy(() => respondPlan(200, 'x'.repeat(60_000))));
    player.step({ down: GET.repeat(50) });
    const first = player.record.downstream.length;
    expect(first).to.be.within(262_144, 262_144 + 61_000);
    expect(reads(player.machine)).to.equal('- -');
    // What was put off is looked at again by the next turn of the wheel, and goes on unless the client is blocked.
    expect(player.machine.deadline).to.equal(0);
    player.step({ wait: 100 });
    expect(player.record.downstream).to.have.length(2 * first);
    player.step('block down');
    expect(player.machine.deadline).to.be.greaterThan(1000);
    player.step({ wait: 100 });
    expect(player.record.downstream).to.have.length(2 * first);
    player.step('unblock down');
    for (let i = 0; i < 20; i++) player.step({ wait: 100 });
    expect(player.record.downstream.match(/HTTP\/1.1 200 OK/g)).to.have.length(50);
    expect(reads(player.machine)).to.equal('down -');
  });

  it('stops each side of a tunnel for the other alone', () => {
    follow([
      [{ down: UPGRADE }, 'down up'],
      [{ up: SWITCH }, 'down up'],
      ['block up', '- up'],
      ['block down', '- -'],
      ['unblock up', 'down -'],
      ['unblock down', 'down up'],
    ]);
  });

  it('stops the client that sends tunnel octets before the switch', () => {
    follow([
      [{ down: UPGRADE + 'early' }, '- up'],
      [{ up: SWITCH }, 'down up'],
    ]);
  });
});

describe('machine: writes', () => {
  const cases: readonly { name: string; steps: readonly Step[]; writes: number }[] = [
    {
      name: 'an exchange with short content each way: one write to each side',
      steps: [
        { down: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello' },
        { up: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' },
      ],
      writes: 2,
    },
    {
      name: 'a head with 64 KB of content behind it: one write',
      steps: [{ down: GET }, { up: `HTTP/1.1 200 OK\r\nContent-Length: 65000\r\n\r\n${'x'.repeat(65000)}` }],
      writes: 2,
    },
    {
      name: 'a read that holds many chunks: one write',
      steps: [
        { down: GET },
        { up: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'3\r\nabc\r\n'.repeat(100)}0\r\n\r\n` },
      ],
      writes: 2,
    },
    {
      name: 'an answer of our own, head and page: one write',
      steps: [{ down: 'X' }, { down: ' / FTP/1\r\n\r\n' }],
      writes: 1,
    },
    { name: 'a handshake: one write to each side', steps: [{ down: UPGRADE }, { up: SWITCH }], writes: 2 },
    {
      name: 'a tunnel: one write for each message',
      steps: [{ down: UPGRADE }, { up: SWITCH }, { down: 'a' }, { up: 'b' }, { down: 'c' }],
      writes: 5,
    },
  ];
  for (const { name, steps, writes } of cases) {
    it(name, () => {
      const player = new Player(new TestPolicy(() => forwardPlan(new FixedPeers(peer(1)))));
      player.play(steps);
      expect(player.writes).to.equal(writes);
    });
  }
});
