/**
 * A policy that looks at response heads. Proves: one that takes its time changes nothing about what is passed on, in any
 * case of the table however octets are cut; edits and answers of its own take the response's place; what ends meanwhile
 * is noticed, and a verdict that comes too late is ignored.
 */
import { expect } from 'chai';
import type { Exchange } from '../../src/machine/exchange.js';
import type { Plan, Review } from '../../src/machine/policy.js';
import { FieldEdits, fieldSet } from '../../src/message/field-edits.js';
import { CASES, forward } from './cases.js';
import { respondPlan, TestPolicy } from './policies.js';
import { FEEDS, Player, type Step } from './replay.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nX-Secret: 1\r\nContent-Length: 2\r\n\r\nok';
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

class ReviewPolicy extends TestPolicy {
  readonly seen: string[] = [];
  constructor(
    private readonly verdict: Review | undefined,
    plan: (exchange: Exchange) => Plan = forward(),
    defaults?: TestPolicy['defaults'],
  ) {
    super(plan, {}, defaults);
  }
  attempted(exchange: Exchange): void {
    this.seen.push(`attempt ${exchange.attempts.length} ${exchange.attempt!.peer.name}`);
  }
  review(exchange: Exchange): Review | undefined {
    this.seen.push(`review ${exchange.response.status}`);
    return this.verdict;
  }
  switched(exchange: Exchange): void {
    this.seen.push(`switched ${exchange.status}`);
  }
}

const EDITS = new FieldEdits<Exchange>(['X-Secret'], [fieldSet('X-Seen', 'yes', true)]);
const EDITED = 'HTTP/1.1 200 OK\r\nX-Seen: yes\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok';

describe('machine: a policy that reviews responses', () => {
  describe('and passes every one on, later', () => {
    for (const one of CASES) {
      for (const { name, split } of one.wholeOnly === undefined ? FEEDS : FEEDS.slice(0, 1)) {
        it(`${one.name}, ${name}`, () => {
          const policy = new ReviewPolicy(undefined, one.plan, one.defaults);
          const player = new Player(policy, { autoConnect: one.autoConnect ?? true, split });
          const record = player.play(one.steps.flatMap((step): Step[] => [step, 'reviewed']));
          expect(record.downstream).to.equal(one.downstream);
          expect(record.upstream).to.deep.equal(one.upstream ?? []);
          expect(record.events).to.deep.equal(one.events);
          expect(policy.faults).to.deep.equal(one.faults ?? []);
          expect(policy.finishedExchanges).to.deep.equal(one.finished);
        });
      }
    }
  });

  it('edits a response at once', () => {
    const player = new Player(new ReviewPolicy(EDITS));
    expect(player.play([{ down: GET }, { up: OK }]).downstream).to.equal(EDITED);
  });

  it('edits a response later, and does not read the upstream side meanwhile', () => {
    const player = new Player(new ReviewPolicy(undefined), { verdict: () => EDITS });
    player.play([{ down: GET }, { up: OK.slice(0, -1) }]);
    expect(player.machine.readsUpstream).to.equal(false);
    player.play([{ up: 'k' }]);
    expect(player.record.downstream).to.equal('');
    expect(player.play(['reviewed']).downstream).to.equal(EDITED);
    expect(player.record.events).to.deep.equal(['connect 127.0.0.1:3000', 'release']);
  });

  it('answers in place of the upstream, at once and later', () => {
    for (const verdict of [respondPlan(503, 'no'), undefined]) {
      const player = new Player(new ReviewPolicy(verdict), { verdict: () => respondPlan(503, 'no') });
      const { downstream, events } = player.play([{ down: GET }, { up: OK }, 'reviewed', { down: GET }]);
      expect(downstream)
        .to.match(/^HTTP\/1\.1 503 .*\r\n\r\nno$/s)
        .and.not.match(/ok/);
      expect(events).to.deep.equal(['connect 127.0.0.1:3000', 'abort upstream', 'connect 127.0.0.1:3000']);
    }
  });

  it('tells attempts, reviews and switches in their order', () => {
    const policy = new ReviewPolicy(null);
    const player = new Player(policy);
    player.play([{ down: UPGRADE }, { up: `${SWITCH}hello` }, { down: 'there' }, 'up end', 'down end']);
    expect(policy.seen).to.deep.equal(['attempt 1 127.0.0.1:3000', 'review 101', 'switched 101']);
    expect(player.record.downstream).to.match(/\r\n\r\nhello$/);
    expect(player.record.upstream[0]).to.match(/\r\n\r\nthere$/);
  });

  it('waits with a switch, and with what the upstream sent behind it', () => {
    const player = new Player(new ReviewPolicy(undefined));
    player.play([{ down: `${UPGRADE}early` }, { up: `${SWITCH}hel` }, { up: 'lo' }]);
    expect(player.record.downstream).to.equal('');
    player.play(['reviewed', { up: '!' }]);
    expect(player.record.downstream).to.match(/\r\n\r\nhello!$/);
    expect(player.record.upstream[0]).to.match(/\r\n\r\nearly$/);
  });

  it('takes an end of the upstream that came meanwhile for the end of content', () => {
    const player = new Player(new ReviewPolicy(undefined));
    player.play([{ down: GET }, { up: 'HTTP/1.1 200 OK\r\n\r\nall' }, 'up end', 'reviewed']);
    expect(player.record.downstream).to.match(/\r\n\r\n3\r\nall\r\n0\r\n\r\n$/);
  });

  it('takes a reset of the upstream that came meanwhile for a failure, and ignores the verdict', () => {
    const policy = new ReviewPolicy(undefined, forward({ nextOn: 0 }));
    const player = new Player(policy);
    player.play([{ down: GET }, { up: OK }, 'up reset', 'reviewed']);
    expect(player.record.downstream)
      .to.match(/^HTTP\/1\.1 502 /)
      .and.not.match(/ok/);
    expect(policy.faults).to.deep.equal(['UPSTREAM_CLOSED upstream']);
  });

  it('ends with a downstream side that goes away meanwhile', () => {
    const policy = new ReviewPolicy(undefined);
    const player = new Player(policy);
    player.play([{ down: GET }, { up: OK }, 'down reset', 'reviewed']);
    expect(player.record.events).to.deep.equal([
      'connect 127.0.0.1:3000',
      'abort upstream',
      'abort downstream',
    ]);
    expect(policy.finishedExchanges).to.deep.equal(['499 downstream-closed']);
  });

  it('ignores a verdict on an attempt that is over', () => {
    const player = new Player(new ReviewPolicy(undefined));
    player.play([{ down: GET }, { up: OK }]);
    const { machine } = player;
    const first = machine.exchange!.attempt!;
    player.play(['reviewed', { down: GET }, { up: OK }]);
    machine.reviewed(first, respondPlan(503, 'late'), player.now);
    expect(machine.effects.count).to.equal(0);
    expect(player.play(['reviewed']).downstream).not.to.match(/late/);
  });
});
