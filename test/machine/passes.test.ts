/** Answers that take the place of others: the next peer for a status, error pages, and requests that are changed. */
import { expect } from 'chai';
import type { Exchange } from '../../src/machine/exchange.js';
import type { ForwardPlan, Plan } from '../../src/machine/policy.js';
import { ConstantValue } from '../../src/message/field-edits.js';
import { page } from './cases.js';
import { FixedPeers, forwardPlan, peer, respondPlan, TestPolicy } from './policies.js';
import { cutAt, FEEDS, Player, type Record, type Step } from './replay.js';

/** Peers by pass: a second pass begins with the first peer again. */
class PassPeers extends FixedPeers {
  private readonly all: readonly ReturnType<typeof peer>[];
  constructor(...ports: readonly number[]) {
    super();
    this.all = ports.map((port) => peer(port));
  }
  override next(exchange: Exchange): ReturnType<typeof peer> | undefined {
    return this.all[exchange.attempts.length - exchange.passStart];
  }
}

class PassPolicy extends TestPolicy {
  readonly seen: string[] = [];
  constructor(
    plan: Plan,
    private readonly next: Plan | undefined,
  ) {
    super(() => plan);
  }
  override failed(): undefined {
    return this.next as undefined;
  }
  intercept(exchange: Exchange): Plan | undefined {
    this.seen.push(exchange.response.text(0, exchange.response.startLineEnd));
    return this.next;
  }
}

interface Case {
  readonly name: string;
  readonly plan: Plan;
  readonly next?: Plan;
  readonly steps: readonly Step[];
  readonly downstream: string;
  readonly upstream: readonly string[];
  readonly events: readonly string[];
  readonly finished: string;
}

function forwardTo(ports: readonly number[], options: Partial<ForwardPlan> = {}): ForwardPlan {
  return forwardPlan(new PassPeers(...ports), options);
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const GET_UP = 'GET / HTTP/1.1\r\nHost: upstream\r\n\r\n';
const HEAD = 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n';
const BUSY = 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const OK_DOWN = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok';
const SORRY = respondPlan(503, 'sorry');
const SORRY_DOWN =
  'HTTP/1.1 503 Service Temporarily Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n' +
  'Connection: keep-alive\r\n\r\nsorry';
const ON_503 = new Set([503]);
const CONNECT = 'connect 127.0.0.1:3000';
const AGAIN = 'connect 127.0.0.1:3001';

const CASES: readonly Case[] = [
  {
    name: 'a status sends the request to the next peer',
    plan: forwardTo([3000, 3001], { nextStatuses: ON_503 }),
    steps: [{ down: GET }, { up: BUSY.slice(0, -4) }, { up: OK }],
    downstream: OK_DOWN,
    upstream: [GET_UP, GET_UP],
    events: [CONNECT, 'abort upstream', AGAIN, 'release'],
    finished: '200 complete',
  },
  {
    name: 'the last peer is passed on as it is',
    plan: forwardTo([3000], { nextStatuses: ON_503 }),
    steps: [{ down: GET }, { up: BUSY }],
    downstream: 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\nbusy',
    upstream: [GET_UP],
    events: [CONNECT, 'release'],
    finished: '503 complete',
  },
  {
    name: 'a POST is not sent twice for a status',
    plan: forwardTo([3000, 3001], { nextStatuses: ON_503 }),
    steps: [{ down: POST }, { down: 'abc' }, { up: BUSY }],
    downstream: 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\nbusy',
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 3\r\n\r\nabc'],
    events: [CONNECT, 'release'],
    finished: '503 complete',
  },
  {
    name: 'an intercepted response is replaced',
    plan: forwardTo([3000], { intercepts: ON_503 }),
    next: SORRY,
    steps: [{ down: GET }, { up: 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\n' }],
    downstream: SORRY_DOWN,
    upstream: [GET_UP],
    events: [CONNECT, 'abort upstream'],
    finished: '503 complete',
  },
  {
    name: 'the connection of an intercepted response without content is kept',
    plan: forwardTo([3000], { intercepts: ON_503 }),
    next: SORRY,
    steps: [{ down: GET }, { up: 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n' }, { down: GET }],
    downstream: SORRY_DOWN,
    upstream: [GET_UP, GET_UP],
    events: [CONNECT, 'release', 'reuse 127.0.0.1:3000'],
    finished: '503 complete',
  },
  {
    name: 'an intercepted response that the policy lets pass',
    plan: forwardTo([3000], { intercepts: ON_503 }),
    steps: [{ down: GET }, { up: BUSY }],
    downstream: 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\nbusy',
    upstream: [GET_UP],
    events: [CONNECT, 'release'],
    finished: '503 complete',
  },
  {
    name: 'another upstream answers, under the status of the first',
    plan: forwardTo([3000], { intercepts: ON_503 }),
    next: forwardTo([3001], { status: 503 }),
    steps: [{ down: GET }, { up: 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\n' }, { up: OK }],
    downstream:
      'HTTP/1.1 503 Service Temporarily Unavailable\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
    upstream: [GET_UP, GET_UP],
    events: [CONNECT, 'abort upstream', AGAIN, 'release'],
    finished: '503 complete',
  },
  {
    name: 'another upstream answers when the first cannot be reached',
    plan: forwardTo([]),
    next: forwardTo([3001]),
    steps: [{ down: POST }, { down: 'abc' }, { up: OK }],
    downstream: OK_DOWN,
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 3\r\n\r\nabc'],
    events: [AGAIN, 'release'],
    finished: '200 complete',
  },
  {
    name: 'content that is gone: the built-in page',
    plan: forwardTo([3000], { intercepts: ON_503 }),
    next: forwardTo([3001]),
    steps: [{ down: POST }, { down: 'abc' }, { up: 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\n' }],
    downstream: page('503 Service Temporarily Unavailable', false),
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 3\r\n\r\nabc'],
    events: [CONNECT, 'abort upstream'],
    finished: '503 complete',
  },
  {
    name: 'content that is gone does not matter to a GET that takes its place',
    plan: forwardTo([3000], { intercepts: ON_503 }),
    next: forwardTo([3001], { method: new ConstantValue('GET') }),
    steps: [
      { down: POST },
      { down: 'abc' },
      { up: 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\n' },
      { up: OK },
    ],
    downstream: OK_DOWN,
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 3\r\n\r\nabc', GET_UP],
    events: [CONNECT, 'abort upstream', AGAIN, 'release'],
    finished: '200 complete',
  },
  {
    name: 'content of our own',
    plan: forwardTo([3000], { content: new ConstantValue('own') }),
    steps: [{ down: POST }, { down: 'abc' }, { up: OK }],
    downstream: OK_DOWN,
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 3\r\n\r\nown'],
    events: [CONNECT, 'release'],
    finished: '200 complete',
  },
  {
    name: 'no content: chunks are dropped',
    plan: forwardTo([3000], { content: null }),
    steps: [
      { down: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' },
      { down: '3\r\nabc\r\n0\r\n\r\n' },
      { up: OK },
    ],
    downstream: OK_DOWN,
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 0\r\n\r\n'],
    events: [CONNECT, 'release'],
    finished: '200 complete',
  },
  {
    name: 'no content: the answer in front of it closes',
    plan: forwardTo([3000], { content: null }),
    steps: [{ down: POST }, { up: OK }],
    downstream: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 0\r\n\r\n'],
    events: [CONNECT, 'close upstream', 'end downstream'],
    finished: '200 complete',
  },
  {
    name: 'no content: a silent upstream is still waited for no longer than it may take',
    plan: forwardTo([3000], { content: null, readTimeoutMs: 1000 }),
    next: SORRY,
    steps: [{ down: POST }, { wait: 1000 }],
    downstream: SORRY_DOWN,
    upstream: ['POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 0\r\n\r\n'],
    events: [CONNECT, 'abort upstream'],
    finished: '',
  },
  {
    name: 'HEAD becomes GET: the content stays here',
    plan: forwardTo([3000], { method: new ConstantValue('GET') }),
    steps: [{ down: HEAD }, { up: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' }],
    downstream: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n',
    upstream: [GET_UP],
    events: [CONNECT, 'close upstream'],
    finished: '200 complete',
  },
  {
    name: 'GET becomes HEAD: there is no content',
    plan: forwardTo([3000], { method: new ConstantValue('HEAD') }),
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' }],
    downstream: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n',
    upstream: ['HEAD / HTTP/1.1\r\nHost: upstream\r\n\r\n'],
    events: [CONNECT, 'release'],
    finished: '200 complete',
  },
  {
    name: 'a method that is none stays as received',
    plan: forwardTo([3000], { method: new ConstantValue('GET /x HTTP/1.1\r\nA: b') }),
    steps: [{ down: GET }, { up: OK }],
    downstream: OK_DOWN,
    upstream: [GET_UP],
    events: [CONNECT, 'release'],
    finished: '200 complete',
  },
  {
    name: 'a status without content takes the content away',
    plan: forwardTo([3000], { status: 204 }),
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' }],
    downstream: 'HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n',
    upstream: [GET_UP],
    events: [CONNECT, 'close upstream'],
    finished: '204 complete',
  },
  {
    name: 'a status with content frames the content that is not there',
    plan: forwardTo([3000], { status: 404 }),
    steps: [{ down: GET }, { up: 'HTTP/1.1 204 No Content\r\n\r\n' }],
    downstream:
      'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n',
    upstream: [GET_UP],
    events: [CONNECT, 'release'],
    finished: '404 complete',
  },
  {
    name: 'content that is too large: another location answers, and the connection ends behind it',
    plan: forwardTo([3000], { downstream: { ...forwardTo([]).downstream, maxContentOctets: 2 } }),
    next: forwardTo([3001], { method: new ConstantValue('GET'), status: 413 }),
    steps: [{ down: POST }, { down: 'abc' }, { up: OK }, 'down end'],
    downstream: 'HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
    upstream: [GET_UP],
    events: [AGAIN, 'close upstream', 'end downstream', 'close downstream'],
    finished: '413 complete',
  },
  {
    name: 'a peer that cannot be reached in the second pass either',
    plan: forwardTo([]),
    next: SORRY,
    steps: [{ down: GET }],
    downstream: SORRY_DOWN,
    upstream: [],
    events: [],
    finished: '503 upstream-failed',
  },
];

function run(one: Case, split: (octets: Buffer) => Buffer[]): Record & { finished: string } {
  const policy = new PassPolicy(one.plan, one.next);
  const player = new Player(policy, { split });
  const record = player.play(one.steps);
  return { ...record, finished: policy.finishedExchanges[0] ?? '' };
}

describe('machine: answers that take the place of others', () => {
  for (const one of CASES) {
    const { downstream, upstream, events, finished } = one;
    const expected = { downstream, upstream: [...upstream], events: [...events], finished };
    describe(one.name, () => {
      for (const { name, split } of FEEDS) it(name, () => expect(run(one, split)).to.deep.equal(expected));
      it('cut in two at every place', () => {
        for (let at = 1; at < 80; at++) expect(run(one, cutAt(at)), `cut at ${at}`).to.deep.equal(expected);
      });
    });
  }

  it('shows the policy the response', () => {
    const policy = new PassPolicy(forwardTo([3000], { intercepts: ON_503 }), SORRY);
    new Player(policy).play([{ down: GET }, { up: BUSY }]);
    expect(policy.seen).to.deep.equal(['HTTP/1.1 503 Busy']);
  });

  it('tells the tries of a later pass apart', () => {
    const starts: boolean[][] = [];
    class Watching extends PassPolicy {
      override finished(exchange: Exchange): void {
        starts.push(exchange.attempts.map((attempt) => attempt.startsPass));
      }
    }
    const next = forwardTo([3001, 3002], { nextStatuses: ON_503 });
    const policy = new Watching(forwardTo([3000], { intercepts: ON_503 }), next);
    new Player(policy).play([{ down: GET }, { up: BUSY }, { up: BUSY }, { up: OK }]);
    expect(starts).to.deep.equal([[false, true, false]]);
  });
});
