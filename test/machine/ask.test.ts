/**
 * Something is found out before there is a plan (AskPlan): by a subrequest, or behind a promise. Proves that the request
 * waits whole, that nothing of a subrequest goes downstream, and that whatever ends meanwhile is noticed once.
 */
import { expect } from 'chai';
import type { Exchange } from '../../src/machine/exchange.js';
import type { Decision, ForwardPlan } from '../../src/machine/policy.js';
import { ConstantValue } from '../../src/message/field-edits.js';
import {
  askPlan,
  FixedPeers,
  forwardPlan,
  peer,
  respondPlan,
  subrequestPlan,
  TestPolicy,
} from './policies.js';
import { cutAt, FEEDS, Player, type Step } from './replay.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
const EXPECTING = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n';
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const ALLOWED = 'HTTP/1.1 204 No Content\r\n\r\n';
const MAIN = 'connect 127.0.0.1:3000';
const AUTH = 'connect 127.0.0.1:3009';

const GET_AUTH = {
  method: new ConstantValue('GET'),
  target: new ConstantValue('/auth'),
};
const SENT_AUTH = 'GET /auth HTTP/1.1\r\nHost: upstream\r\n\r\n';

const auth = (options: Partial<ForwardPlan> = {}): ForwardPlan =>
  forwardPlan(new FixedPeers(peer(3009)), { ...GET_AUTH, nextOn: 0, ...options });
const main = (): ForwardPlan => forwardPlan(new FixedPeers(peer(3000)));
const byStatus = (status: number): Decision =>
  status >= 200 && status < 300 ? main() : respondPlan(status < 500 ? status : 500, 'no');
const checked = (options?: Partial<ForwardPlan>): Decision => subrequestPlan(() => auth(options), byStatus);

interface Case {
  readonly name: string;
  readonly plan?: () => Decision;
  readonly steps: readonly Step[];
  readonly downstream: RegExp | string;
  readonly upstream: readonly (string | RegExp)[];
  readonly events: readonly string[];
  readonly finished: readonly string[];
  readonly faults?: readonly string[];
  readonly wholeOnly?: true;
}

const PASSED = ['204 complete of a subrequest', '200 complete'];

const CASES: readonly Case[] = [
  {
    name: 'a request without content, twice on kept connections',
    steps: [{ down: GET }, { up: ALLOWED }, { up: OK }],
    downstream: /^HTTP\/1\.1 200 OK\r\n[^]*ok$/,
    upstream: [SENT_AUTH, /^GET \/ HTTP\/1\.1\r\n/],
    events: [AUTH, 'release', 'reuse 127.0.0.1:3000', 'release'],
    finished: PASSED,
  },
  {
    name: 'content with a length waits, and nothing of it is in the subrequest',
    steps: [{ down: POST }, { up: ALLOWED }, { up: OK }],
    downstream: /^HTTP\/1\.1 200 OK\r\n[^]*ok$/,
    upstream: [SENT_AUTH, /^POST \/ HTTP\/1\.1\r\n[^]*Content-Length: 5\r\n(?:[^]*\r\n)?\r\nhello$/],
    events: [AUTH, 'release', 'reuse 127.0.0.1:3000', 'release'],
    finished: PASSED,
  },
  {
    name: 'chunked content waits',
    steps: [{ down: CHUNKED }, { up: ALLOWED }, { up: OK }],
    downstream: /^HTTP\/1\.1 200 OK\r\n[^]*ok$/,
    upstream: [SENT_AUTH, /^POST \/ HTTP\/1\.1\r\n[^]*\r\n\r\n(5\r\nhello|1\r\n[^]*)\r\n0\r\n\r\n$/],
    events: [AUTH, 'release', 'reuse 127.0.0.1:3000', 'release'],
    finished: PASSED,
  },
  {
    name: 'an upgrade: the offer is made to the upstream alone, and the tunnel opens',
    steps: [
      { down: UPGRADE },
      { down: 'early' },
      { up: ALLOWED },
      { up: `${SWITCH}hi` },
      'up end',
      'down end',
    ],
    downstream: /^HTTP\/1\.1 101 [^]*\r\n\r\nhi$/,
    upstream: [SENT_AUTH, /^GET \/ HTTP\/1\.1\r\n[^]*Upgrade: websocket\r\n(?:[^]*\r\n)?\r\nearly$/],
    events: [AUTH, 'release', 'reuse 127.0.0.1:3000', 'end downstream', 'close upstream', 'close downstream'],
    finished: ['204 complete of a subrequest', '101 tunnel-closed'],
  },
  {
    name: 'a refusal with content, which goes nowhere',
    steps: [{ down: GET }, { up: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nsecret' }],
    downstream: /^HTTP\/1\.1 403 Forbidden\r\n[^]*\r\n\r\nno$/,
    upstream: [SENT_AUTH],
    events: [AUTH, 'release'],
    finished: ['403 complete of a subrequest', '403 complete'],
    wholeOnly: true,
  },
  {
    name: 'an answer that is not whole with its head: its connection is given up',
    steps: [{ down: GET }, { up: 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsec' }, { up: OK }],
    downstream: /^HTTP\/1\.1 200 OK\r\n[^]*ok$/,
    upstream: [SENT_AUTH, /^GET \/ /],
    events: [AUTH, 'abort upstream', MAIN, 'release'],
    finished: ['200 complete of a subrequest', '200 complete'],
    wholeOnly: true,
  },
  {
    name: 'interim responses to the subrequest stay here',
    steps: [
      { down: GET },
      { up: 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n' },
      { up: ALLOWED },
      { up: OK },
    ],
    downstream: /^HTTP\/1\.1 200 OK\r\n[^]*ok$/,
    upstream: [SENT_AUTH, /^GET \/ /],
    events: [AUTH, 'release', 'reuse 127.0.0.1:3000', 'release'],
    finished: PASSED,
  },
  {
    name: 'a switch that nobody asked for fails the subrequest',
    steps: [{ down: UPGRADE }, { up: SWITCH }],
    downstream: /^HTTP\/1\.1 500 /,
    upstream: [SENT_AUTH],
    events: [AUTH, 'abort upstream'],
    finished: ['502 upstream-failed of a subrequest', '500 complete'],
    faults: ['UPSTREAM_SWITCH_UNASKED upstream'],
  },
  {
    name: 'the expectation of content is met by the upstream, behind the subrequest',
    steps: [
      { down: EXPECTING },
      { up: ALLOWED },
      { up: 'HTTP/1.1 100 Continue\r\n\r\n' },
      { down: 'hello' },
      { up: OK },
    ],
    downstream: /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    upstream: [SENT_AUTH, /Expect: 100-continue\r\n(?:[^]*\r\n)?\r\nhello$/],
    events: [AUTH, 'release', 'reuse 127.0.0.1:3000', 'release'],
    finished: PASSED,
  },
  {
    name: 'another peer answers the subrequest, though the request is none that is repeated',
    plan: () =>
      subrequestPlan(
        () => forwardPlan(new FixedPeers(peer(3009), peer(3008)), { ...GET_AUTH, nextOn: 1 }),
        byStatus,
      ),
    steps: [{ down: POST }, 'up reset', { up: ALLOWED }, { up: OK }],
    downstream: /^HTTP\/1\.1 200 OK\r\n[^]*ok$/,
    upstream: [SENT_AUTH, SENT_AUTH, /^POST [^]*hello$/],
    events: [AUTH, 'abort upstream', 'connect 127.0.0.1:3008', 'release', 'reuse 127.0.0.1:3000', 'release'],
    finished: PASSED,
    faults: ['UPSTREAM_CLOSED upstream'],
  },
  {
    name: 'a subrequest that takes too long',
    plan: () => checked({ readTimeoutMs: 1000 }),
    steps: [{ down: POST }, { wait: 999 }, { wait: 1 }],
    downstream: /^HTTP\/1\.1 500 /,
    upstream: [SENT_AUTH],
    events: [AUTH, 'abort upstream'],
    finished: ['504 upstream-failed of a subrequest', '500 complete'],
    faults: ['UPSTREAM_READ_TIMEOUT upstream'],
  },
  {
    name: 'a client that goes meanwhile ends both',
    steps: [{ down: GET }, 'down reset'],
    downstream: '',
    upstream: [SENT_AUTH],
    events: [AUTH, 'abort upstream', 'abort downstream'],
    finished: ['0 downstream-closed of a subrequest', '499 downstream-closed'],
    faults: ['DOWNSTREAM_CLOSED downstream'],
  },
  {
    name: 'a pipelined request waits for its turn, and asks for itself',
    steps: [{ down: GET + GET }, { up: ALLOWED }, { up: OK }, { up: ALLOWED }, { up: OK }],
    downstream: /^HTTP\/1\.1 200 OK\r\n[^]*okHTTP\/1\.1 200 OK\r\n[^]*ok$/,
    upstream: [SENT_AUTH, /^GET \/ /, SENT_AUTH, /^GET \/ /],
    events: [
      AUTH,
      'release',
      'reuse 127.0.0.1:3000',
      'release',
      'reuse 127.0.0.1:3009',
      'release',
      'reuse 127.0.0.1:3000',
      'release',
    ],
    finished: [...PASSED, ...PASSED],
  },
];

describe('machine: something to find out first', () => {
  for (const one of CASES) {
    const feeds = [
      ...FEEDS,
      ...Array.from({ length: 90 }, (_, at) => ({ name: `cut at ${at + 1}`, split: cutAt(at + 1) })),
    ];
    for (const { name, split } of one.wholeOnly === true ? FEEDS.slice(0, 1) : feeds) {
      it(`${one.name}, ${name}`, () => {
        const policy = new TestPolicy(one.plan ?? (() => checked()));
        const player = new Player(policy, { split });
        const { downstream, upstream, events } = player.play(one.steps);
        if (typeof one.downstream === 'string') expect(downstream).to.equal(one.downstream);
        else expect(downstream).to.match(one.downstream);
        expect(upstream).to.have.length(one.upstream.length);
        one.upstream.forEach((wanted, i) => {
          if (typeof wanted === 'string') expect(upstream[i]).to.equal(wanted);
          else expect(upstream[i]).to.match(wanted);
        });
        expect(events).to.deep.equal(one.events);
        expect(policy.finishedExchanges).to.deep.equal(one.finished);
        expect(policy.faults).to.deep.equal(one.faults ?? []);
      });
    }
  }

  it('the answer to a subrequest can be read when it is there', () => {
    let seen = '';
    const plan = subrequestPlan(auth, (status, subrequest) => {
      seen = subrequest.response.text(0, subrequest.response.length);
      return respondPlan(status, 'done');
    });
    const answer = 'HTTP/1.1 200 OK\r\nX-User: somebody\r\nContent-Length: 0\r\n\r\n';
    new Player(new TestPolicy(() => plan)).play([{ down: GET }, { up: answer }]);
    expect(seen).to.equal(answer);
  });

  it('content is not read while something is found out', () => {
    const player = new Player(new TestPolicy(() => checked()));
    player.play([{ down: POST.slice(0, -2) }]);
    expect(player.machine.readsDownstream).to.equal(false);
    player.play([{ up: ALLOWED }]);
    expect(player.machine.readsDownstream).to.equal(true);
  });

  describe('behind a promise', () => {
    const waiting = askPlan(() => new Promise<Decision>(() => undefined));

    it('the driver is to await it, and the exchange goes on with what it brings', () => {
      const policy = new TestPolicy(() => waiting);
      const player = new Player(policy);
      expect(player.play([{ down: POST }]).events).to.deep.equal(['await']);
      const exchange = player.machine.exchange!;
      player.machine.decide(exchange, main(), player.now);
      const { upstream } = player.play([{ wait: 0 }, { up: OK }]);
      expect(upstream[0]).to.match(/^POST [^]*hello$/);
      expect(policy.finishedExchanges).to.deep.equal(['200 complete']);
    });

    it('another step may follow, and a delay', () => {
      const policy = new TestPolicy(() => waiting);
      const player = new Player(policy);
      player.play([{ down: GET }]);
      const exchange = player.machine.exchange!;
      player.machine.decide(exchange, checked(), player.now);
      player.play([{ wait: 0 }]);
      exchange.delayMs = 300;
      player.play([{ up: 'HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n' }, { wait: 299 }]);
      expect(player.record.downstream).to.equal('');
      expect(player.play([{ wait: 1 }]).downstream).to.match(/^HTTP\/1\.1 401 /);
    });

    it('is ignored when the client has gone', () => {
      const policy = new TestPolicy(() => waiting);
      const player = new Player(policy);
      player.play([{ down: GET }]);
      const exchange = player.machine.exchange!;
      player.play(['down reset']);
      player.machine.decide(exchange, main(), player.now);
      expect(player.machine.effects.count).to.equal(0);
      expect(policy.finishedExchanges).to.deep.equal(['499 downstream-closed']);
    });
  });

  describe('before an answer is given in another way', () => {
    class Replacing extends TestPolicy {
      constructor(private readonly instead: () => Decision) {
        super(() => forwardPlan(new FixedPeers(peer(3001)), { nextOn: 0 }));
      }
      override failed(exchange: Exchange): Decision | undefined {
        return exchange.main === null && exchange.attempts.length === 1 ? this.instead() : undefined;
      }
    }
    const second = (): ForwardPlan => forwardPlan(new FixedPeers(peer(3001), peer(3002)));
    const instead = (): Decision =>
      subrequestPlan(auth, (status) => (status === 204 ? second() : byStatus(status)));

    it('the request goes to another upstream behind the subrequest', () => {
      const policy = new Replacing(instead);
      const { downstream, upstream } = new Player(policy).play([
        { down: GET },
        'up reset',
        { up: ALLOWED },
        { up: OK },
      ]);
      expect(downstream).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
      expect(upstream).to.have.length(3);
      expect(policy.finishedExchanges).to.deep.equal(PASSED);
    });

    it('content that is gone stays gone: the request is not sent without it', () => {
      const policy = new Replacing(instead);
      const { downstream, upstream } = new Player(policy).play([{ down: POST }, 'up reset', { up: ALLOWED }]);
      expect(downstream).to.match(/^HTTP\/1\.1 502 /);
      expect(upstream).to.have.length(2);
      expect(policy.finishedExchanges).to.deep.equal(['204 complete of a subrequest', '502 upstream-failed']);
    });

    it('a refusal takes the place of the answer', () => {
      const policy = new Replacing(instead);
      const { downstream } = new Player(policy).play([
        { down: GET },
        'up reset',
        { up: 'HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n' },
      ]);
      expect(downstream).to.match(/^HTTP\/1\.1 401 /);
    });
  });
});
