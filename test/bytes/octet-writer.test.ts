/**
 * The octet writer. Proves: what is put is there, in one span, whatever room is left; spans handed out stay as they are
 * until they are given back; nothing in front of a span is touched when it has to move.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { OctetWriter } from '../../src/bytes/octet-writer.js';

const text = (out: OctetWriter): string => out.octets.toString('latin1', out.start, out.position);
/** A writer with `free` octets left in its slab. */
function nearlyFull(free: number): OctetWriter {
  const out = new OctetWriter();
  out.octets.fill(0x2e);
  out.position = out.octets.length - free;
  return out;
}

describe('octet writer', () => {
  it('lays down octets, text and numbers', () => {
    const out = new OctetWriter();
    expect(out.begin()).to.equal(0);
    out.putOctet(0x61);
    out.put(Buffer.from('bcd'), 1, 2);
    out.put(Buffer.from('ef'));
    out.put(new Uint8Array([0x67]));
    out.put(Buffer.alloc(0));
    out.putLatin1('\xe9');
    out.putLatin1('');
    out.putDecimal(1234567890123);
    out.putHex(48879);
    expect(text(out)).to.equal('acefg\xe91234567890123beef');
  });

  it('numbers of any length, in decimal digits', () => {
    const numbers = [0, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
    for (let power = 1; power < 1e15; power *= 10) numbers.push(power - 1, power, power + 1, power * 7 + 3);
    for (const number of numbers) {
      const out = new OctetWriter();
      out.begin();
      out.putDecimal(number);
      expect(text(out)).to.equal(String(number));
    }
  });

  // Around the length below which octets are copied one by one.
  for (const length of [0, 1, 47, 48, 49, 100, 5000]) {
    const octets = Buffer.from(Array.from({ length: length + 2 }, (_, i) => i & 255));
    const wanted = octets.toString('latin1', 1, length + 1);
    const puts: Record<string, (out: OctetWriter) => void> = {
      'a Buffer': (out) => out.put(octets, 1, length + 1),
      'a Uint8Array': (out) => out.put(new Uint8Array(octets), 1, length + 1),
      text: (out) => out.putLatin1(wanted),
    };
    for (const [what, put] of Object.entries(puts)) {
      it(`${what} of ${length} octets, wherever the slab ends`, () => {
        for (const free of [0, 1, length - 1, length, length + 1, length + 2, length + 3]) {
          if (free < 0) continue;
          const out = nearlyFull(free);
          out.begin();
          out.putOctet(0x3c);
          put(out);
          out.putOctet(0x3e);
          expect(text(out)).to.equal(`<${wanted}>`);
        }
      });
    }
  }

  it('begins in a new slab when the old one is full, without what stood there', () => {
    const out = nearlyFull(10);
    out.begin();
    out.putLatin1('0123456789');
    const slab = out.octets;
    expect(out.begin()).to.equal(0);
    expect(out.octets).not.to.equal(slab);
    expect(out.position).to.equal(0);
    expect(out.octets.length).to.equal(slab.length);
    expect(slab.toString('latin1', slab.length - 10)).to.equal('0123456789');
  });

  it('moves the span that is laid down, and leaves the old slab as it was', () => {
    const out = nearlyFull(3);
    const slab = out.octets;
    out.begin();
    out.putLatin1('abc');
    expect(out.octets).to.equal(slab);
    out.putLatin1('def');
    expect(out.octets).not.to.equal(slab);
    expect(out.start).to.equal(0);
    expect(text(out)).to.equal('abcdef');
    expect(slab.toString('latin1', slab.length - 5)).to.equal('..abc');
  });

  it('takes a span larger than a slab', () => {
    const out = new OctetWriter();
    const large = Buffer.alloc(200_000, 0x78);
    out.begin();
    out.putOctet(0x3c);
    out.put(large);
    out.putLatin1('y'.repeat(200_000));
    expect(out.position - out.start).to.equal(400_001);
    expect(text(out)).to.equal(`<${'x'.repeat(200_000)}${'y'.repeat(200_000)}`);
  });

  it('makes room ahead', () => {
    const out = nearlyFull(10);
    const slab = out.octets;
    out.begin();
    out.putLatin1('ab');
    out.reserve(8);
    expect(out.octets).to.equal(slab);
    out.reserve(9);
    expect(out.octets).not.to.equal(slab);
    expect(out.octets.length - out.position).to.be.at.least(9);
    expect(text(out)).to.equal('ab');
  });

  describe('giving octets back', () => {
    it('a written span is used again', () => {
      const out = new OctetWriter();
      const start = out.begin();
      out.putLatin1('abc');
      out.rewind(out.octets, start);
      expect(out.begin()).to.equal(start);
    });
    it('a span under way stays, and the next goes behind it', () => {
      const out = new OctetWriter();
      out.begin();
      out.putLatin1('abc');
      const first = out.octets.subarray(out.start, out.position);
      out.begin();
      out.putLatin1('def');
      expect(first.toString('latin1')).to.equal('abc');
      expect(text(out)).to.equal('def');
    });
    it('a span of an older slab is not', () => {
      const out = nearlyFull(3);
      const slab = out.octets;
      out.begin();
      out.putLatin1('abc');
      out.begin();
      out.putLatin1('x');
      out.rewind(slab, 0);
      expect(out.position).to.equal(1);
    });
    it('nothing is given back that was not laid down', () => {
      const out = new OctetWriter();
      out.begin();
      out.putLatin1('abc');
      out.rewind(out.octets, 10);
      expect(out.position).to.equal(3);
    });
  });

  it('holds what a list of strings would, for any sequence of puts and spans', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), length: fc.nat(30_000) }),
      fc.record({ kind: fc.constant('text' as const), length: fc.nat(300) }),
      fc.record({ kind: fc.constant('begin' as const), length: fc.constant(0) }),
      fc.record({ kind: fc.constant('undo' as const), length: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const out = new OctetWriter();
        out.begin();
        let wanted = '';
        const done: { span: Buffer; wanted: string }[] = [];
        steps.forEach(({ kind, length }, i) => {
          const part = String.fromCharCode(0x41 + (i % 26)).repeat(length);
          if (kind === 'put') out.put(Buffer.from(part));
          if (kind === 'text') out.putLatin1(part);
          wanted += part;
          if (kind === 'undo') {
            out.rewind(out.octets, out.start);
            wanted = '';
          }
          if (kind === 'begin') {
            done.push({ span: out.octets.subarray(out.start, out.position), wanted });
            out.begin();
            wanted = '';
          }
        });
        expect(text(out)).to.equal(wanted);
        for (const { span, wanted: own } of done) expect(span.toString('latin1')).to.equal(own);
      }),
      { numRuns: 200 },
    );
  });
});
