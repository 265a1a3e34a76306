/** Large read buffers: one is never read into while somebody reads into it or a write waits with it, and they are few. */
import { expect } from 'chai';
import {
  dropAllLarge,
  dropLarge,
  giveLarge,
  type LargeBuffer,
  largeBuffers,
  takeLarge,
} from '../../src/driver/large-buffers.js';
import type { Transport } from '../../src/driver/transport.js';

class Holder {
  isDestroyed = false;
}

describe('driver: large read buffers', () => {
  let taken: LargeBuffer[];
  beforeEach(() => {
    taken = [];
    // Those of connections that other tests made: one of them may become free at any moment.
    dropAllLarge();
  });
  afterEach(() => {
    for (const buffer of taken) dropLarge(buffer);
  });

  function take(holder = new Holder()): LargeBuffer | null {
    const buffer = takeLarge(holder);
    if (buffer !== null && !taken.includes(buffer)) taken.push(buffer);
    return buffer;
  }

  it('are given to one at a time', () => {
    const [first, second] = [take(), take()];
    expect(first).to.not.equal(second);
    giveLarge(first!);
    expect(take()).to.equal(first);
  });

  it('are not given on while a write waits with them', () => {
    const sink = { waitingOctets: 5 };
    const first = take()!;
    first.sink = sink as unknown as Transport;
    giveLarge(first);
    expect(take()).to.not.equal(first);
    sink.waitingOctets = 0;
    expect(take()).to.equal(first);
    expect(first.sink).to.equal(null);
  });

  it('of a socket that is gone are given on', () => {
    const holder = new Holder();
    const first = take(holder);
    holder.isDestroyed = true;
    expect(take()).to.equal(first);
  });

  it('are 64 at most, of which waiting ones count, and 16 when all is calm', () => {
    while (take() !== null);
    expect(largeBuffers().all).to.equal(64);
    const sink = { waitingOctets: 1 };
    for (const buffer of taken) {
      buffer.sink = sink as unknown as Transport;
      giveLarge(buffer);
    }
    expect(take()).to.equal(null);
    expect(largeBuffers()).to.deep.equal({ all: 64, used: 64 });
    sink.waitingOctets = 0;
    const again = taken.map(() => take()!);
    expect(again).to.not.include(null);
    for (const buffer of again) giveLarge(buffer);
    expect(largeBuffers()).to.deep.equal({ all: 16, used: 0 });
  });
});
