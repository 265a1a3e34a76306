import { expect } from 'chai';
import { IDLE_EVENTS, Link, Pool } from '../../src/driver/pool.js';
import type { Transport, TransportEvents } from '../../src/driver/transport.js';
import { Wheel } from '../../src/driver/wheel.js';
import { peer, POOL } from '../machine/policies.js';

/** A transport that only remembers what was done to it. */
class FakeTransport implements Transport {
  owner: unknown = null;
  ownsChunks = true;
  keepsLent = true;
  waitingOctets = 0;
  isBlocked = false;
  isReading = false;
  ended = '';
  events: TransportEvents = IDLE_EVENTS;
  write(): void {
    throw new Error('nothing is written to an idle connection');
  }
  read(wanted: boolean): void {
    this.isReading = wanted;
  }
  end(): void {
    this.ended = 'end';
  }
  close(): void {
    this.ended = 'close';
  }
  destroy(): void {
    this.ended = 'destroy';
  }
}

const FIRST = peer(1);
const SECOND = peer(2);

function make(rules = POOL): {
  pool: Pool;
  wheel: Wheel;
  closed: () => number;
  link: (to?: typeof FIRST) => Link;
} {
  const wheel = new Wheel(() => 0);
  let closed = 0;
  const pool = new Pool(rules, wheel, IDLE_EVENTS, () => closed++);
  return {
    pool,
    wheel,
    closed: () => closed,
    link: (to = FIRST) => {
      const link = new Link(to, 0);
      link.transport = new FakeTransport();
      link.requests = 1;
      return link;
    },
  };
}

const endOf = (link: Link): string => (link.transport as FakeTransport).ended;

describe('driver: the pool of idle upstream connections', () => {
  it('hands out the connection to that peer which was used last', () => {
    const { pool, link } = make();
    const [a, b, other] = [link(), link(), link(SECOND)];
    for (const one of [a, b, other]) pool.put(one, 0);
    expect(pool.take(FIRST)).to.equal(b);
    expect(pool.take(FIRST)).to.equal(a);
    expect(pool.take(FIRST)).to.equal(undefined);
    expect(pool.count).to.equal(1);
  });

  it('reads idle connections, and closes one that shows any sign of life', () => {
    for (const event of ['onChunk', 'onEnd', 'onFailure'] as const) {
      const { pool, link, closed } = make();
      const one = link();
      pool.put(one, 0);
      expect((one.transport as FakeTransport).isReading).to.equal(true);
      (one.transport.events[event] as (transport: Transport) => void)(one.transport);
      expect(endOf(one), event).to.equal('destroy');
      expect(pool.take(FIRST), event).to.equal(undefined);
      expect(closed(), event).to.equal(1);
    }
  });

  it('keeps at most maxIdle connections: the one idle longest goes', () => {
    const { pool, link, closed } = make({ ...POOL, maxIdle: 2 });
    const [a, b, c] = [link(), link(SECOND), link()];
    for (const one of [a, b, c]) pool.put(one, 0);
    expect([a, b, c].map(endOf)).to.deep.equal(['destroy', '', '']);
    expect(closed()).to.equal(1);
  });

  it('keeps none that is too old, has served too many requests, or is not wanted', () => {
    const cases = [
      { ...POOL, maxIdle: 0 },
      { ...POOL, maxRequests: 1 },
      { ...POOL, maxAgeMs: 5000 },
    ];
    for (const rules of cases) {
      const { pool, link, closed } = make(rules);
      const one = link();
      pool.put(one, 5000);
      expect(endOf(one)).to.equal('close');
      expect(pool.count).to.equal(0);
      expect(closed()).to.equal(1);
    }
  });

  it('closes a connection that has been idle for idleTimeoutMs, counted from its last use', () => {
    const { pool, wheel, link } = make({ ...POOL, idleTimeoutMs: 1000 });
    const one = link();
    pool.put(one, 0);
    wheel.turn(900);
    expect(pool.take(FIRST)).to.equal(one);
    pool.put(one, 900);
    wheel.turn(1800);
    expect(endOf(one)).to.equal('');
    wheel.turn(2000);
    expect(endOf(one)).to.equal('destroy');
    expect(pool.count).to.equal(0);
  });

  it('makes room by closing the oldest, and closes all at the end', () => {
    const { pool, link, closed } = make();
    const [a, b] = [link(), link()];
    pool.put(a, 0);
    pool.put(b, 0);
    expect(pool.evictOldest()).to.equal(true);
    expect(endOf(a)).to.equal('destroy');
    pool.close();
    expect(endOf(b)).to.equal('destroy');
    expect(pool.evictOldest()).to.equal(false);
    expect(closed()).to.equal(2);
  });
});
