import { expect } from 'chai';
import { type Pump, Session } from '../../src/driver/pump.js';
import { SessionList } from '../../src/driver/session-list.js';
import type { Transport } from '../../src/driver/transport.js';

function session(): Session {
  return new Session({} as Pump, {} as Transport);
}

describe('list of sessions', () => {
  it('is what a Set is: order, size, and nothing kept of what left (generated)', () => {
    const seed = Date.now() % 1_000_000;
    let state = seed;
    const random = (below: number): number => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state % below;
    };
    const list = new SessionList();
    const model = new Set<Session>();
    for (let i = 0; i < 5000; i++) {
      const all = [...model];
      if (all.length === 0 || random(100) < 50) {
        const one = session();
        list.add(one);
        model.add(one);
      } else {
        const one = all[random(all.length)];
        list.remove(one);
        model.delete(one);
        expect([one.previous, one.next], `seed ${seed}`).to.deep.equal([null, null]);
      }
      expect(list.size, `seed ${seed}`).to.equal(model.size);
      expect(list.head(3), `seed ${seed}`).to.deep.equal([...model].slice(0, 3));
    }
    expect(list.head(), `seed ${seed}`).to.deep.equal([...model]);
  });
});
