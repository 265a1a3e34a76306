/**
 * Content that can be recognised: every octet belongs to one message and one place in it. A prime period keeps octets
 * that were lost, doubled or swapped from looking right; the text in it would do harm if it were read as HTTP.
 */
import { mix, Prng } from './prng.js';

const PERIOD = 1021;

export class Pattern {
  private readonly octets = Buffer.alloc(PERIOD);

  /** @param name the same name makes the same octets */
  constructor(readonly name: string) {
    let seed = 0;
    for (let i = 0; i < name.length; i++) seed = mix(seed, name.charCodeAt(i));
    const prng = new Prng(seed);
    const text = `\r\n0\r\n\r\nGET /smuggled-${name} HTTP/1.1\r\nHost: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n`;
    for (let at = 0; at < PERIOD;) {
      at += this.octets.write(text.slice(0, prng.below(text.length)), at, 'latin1');
      for (let i = prng.between(1, 40); i > 0 && at < PERIOD; i--) this.octets[at++] = prng.next();
    }
  }

  /** A copy of `count` octets from `position` on. */
  take(position: number, count: number): Buffer {
    const taken = Buffer.allocUnsafe(count);
    for (let done = 0; done < count;) {
      const from = (position + done) % PERIOD;
      done += this.octets.copy(taken, done, from, Math.min(PERIOD, from + count - done));
    }
    return taken;
  }

  /** Whether `octets` are those from `position` on. */
  matches(position: number, octets: Buffer): boolean {
    for (let done = 0; done < octets.length;) {
      const from = (position + done) % PERIOD;
      const count = Math.min(PERIOD - from, octets.length - done);
      if (octets.compare(this.octets, from, from + count, done, done + count) !== 0) return false;
      done += count;
    }
    return true;
  }
}
