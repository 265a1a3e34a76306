/**
 * Answers whose content is read as it goes. Proves: head and first octets are one write; what is not taken is not read;
 * requests behind such an answer wait for it; a source that fails or ends early never makes a whole answer; whoever
 * leaves, the source is let go of once.
 */
import { expect } from 'chai';
import type { Plan } from '../../src/machine/policy.js';
import { DOWNSTREAM_RULES, sourcePlan, TestPolicy } from './policies.js';
import { FEEDS, Player, type Step } from './replay.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const head = (octets: number, connection = 'keep-alive', status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${octets}\r\nConnection: ${connection}\r\n\r\n`;

interface Row {
  readonly name: string;
  readonly plan?: Plan;
  readonly steps: readonly Step[];
  readonly downstream: string;
  readonly events: readonly string[];
  readonly finished: readonly string[];
  readonly faults?: readonly string[];
}

const CLOSING: Plan = { ...sourcePlan(4), downstream: { ...DOWNSTREAM_RULES, keepaliveTimeoutMs: 0 } };
const ROWS: readonly Row[] = [
  {
    name: 'a whole answer, and another one behind it',
    steps: [{ down: GET }, { up: 'file' }, { down: GET }, { up: 'file' }],
    downstream: `${head(4)}file`.repeat(2),
    events: ['open 4', 'close upstream', 'open 4', 'close upstream'],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'a pipelined request waits',
    steps: [{ down: GET + GET }, { up: 'file' }, { up: 'more' }],
    downstream: `${head(4)}file${head(4)}more`,
    events: ['open 4', 'close upstream', 'open 4', 'close upstream'],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'HEAD: the length of what is not read',
    steps: [{ down: GET.replace('GET', 'HEAD') }],
    downstream: head(4),
    events: [],
    finished: ['200 complete'],
  },
  {
    name: '304: neither length nor content',
    plan: sourcePlan(4, 304),
    steps: [{ down: GET }],
    downstream: head(4, 'keep-alive', '304 Not Modified').replace('Content-Length: 4\r\n', ''),
    events: [],
    finished: ['304 complete'],
  },
  {
    name: 'an empty source',
    plan: sourcePlan(0),
    steps: [{ down: GET }],
    downstream: head(0),
    events: [],
    finished: ['200 complete'],
  },
  {
    name: 'a connection that closes behind it',
    plan: CLOSING,
    steps: [{ down: GET }, { up: 'file' }],
    downstream: `${head(4, 'close')}file`,
    events: ['open 4', 'close upstream', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'a half-closed client gets all of it',
    steps: [{ down: GET }, 'down end', { up: 'fi' }, { up: 'le' }],
    downstream: `${head(4)}file`,
    events: ['open 4', 'close upstream', 'close downstream'],
    finished: ['200 complete'],
  },
  {
    name: 'content of the request is dropped meanwhile',
    steps: [
      { down: 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab' },
      { up: 'fi' },
      { down: 'cd' },
      { up: 'le' },
      { down: GET },
      { up: 'file' },
    ],
    downstream: `${head(4)}file`.repeat(2),
    events: ['open 4', 'close upstream', 'open 4', 'close upstream'],
    finished: ['200 complete', '200 complete'],
  },
  {
    name: 'a source that ends early',
    steps: [{ down: GET }, { up: 'fi' }, 'up end'],
    downstream: `${head(4)}fi`,
    events: ['open 4', 'abort upstream', 'close downstream'],
    finished: ['200 refused'],
    faults: ['SOURCE_FAILED internal'],
  },
  {
    name: 'a source that cannot be read at all',
    steps: [{ down: GET }, 'up reset'],
    downstream: '',
    events: ['open 4', 'abort upstream', 'close downstream'],
    finished: ['200 refused'],
    faults: ['SOURCE_FAILED internal'],
  },
  {
    name: 'a client that goes',
    steps: [{ down: GET }, { up: 'f' }, 'down reset'],
    downstream: `${head(4)}f`,
    events: ['open 4', 'abort upstream', 'abort downstream'],
    finished: ['200 downstream-closed'],
    faults: ['DOWNSTREAM_CLOSED downstream'],
  },
  {
    name: 'a client that takes nothing for too long',
    steps: [{ down: GET }, { up: 'f' }, 'block down', { wait: 60_000 }],
    downstream: `${head(4)}f`,
    events: ['open 4', 'abort upstream', 'drop downstream'],
    finished: ['200 downstream-closed'],
    faults: ['SEND_TIMEOUT downstream'],
  },
  {
    name: 'a drain waits for the end of the answer',
    steps: [{ down: GET }, 'drain', { up: 'file' }],
    downstream: `${head(4, 'close')}file`,
    events: ['open 4', 'close upstream', 'close downstream'],
    finished: ['200 complete'],
  },
];

describe('machine: answers that are read from a source', () => {
  for (const { name, plan = sourcePlan(4), steps, downstream, events, finished, faults = [] } of ROWS) {
    for (const feed of FEEDS) {
      it(`${name}, ${feed.name}`, () => {
        const policy = new TestPolicy(() => plan);
        const player = new Player(policy, { split: feed.split });
        player.play(steps);
        expect(player.record.downstream).to.equal(downstream);
        expect(player.record.events).to.deep.equal(events);
        expect(policy.finishedExchanges).to.deep.equal(finished);
        expect(policy.faults).to.deep.equal(faults);
      });
    }
  }

  it('write head and first octets together', () => {
    const player = new Player(new TestPolicy(() => sourcePlan(4)));
    player.play([{ down: GET }]);
    expect(player.writes).to.equal(0);
    player.play([{ up: 'file' }]);
    expect(player.writes).to.equal(1);
  });

  it('are read only while the downstream side takes them', () => {
    const player = new Player(new TestPolicy(() => sourcePlan(8)));
    const { machine } = player;
    player.play([{ down: GET }]);
    expect(machine.readsUpstream).to.equal(true);
    player.play([{ up: 'file' }, 'block down']);
    expect(machine.readsUpstream).to.equal(false);
    player.play(['unblock down']);
    expect(machine.readsUpstream).to.equal(true);
    player.play([{ up: 'file' }]);
    expect(machine.readsUpstream).to.equal(false);
  });

  it('pass no octet beyond the length that was told', () => {
    const player = new Player(new TestPolicy(() => sourcePlan(4)));
    player.play([{ down: GET }, { up: 'file and more' }]);
    expect(player.record.downstream).to.equal(`${head(4)}file`);
  });
});
