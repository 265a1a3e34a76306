/**
 * The frame walker and the Close frame. Proves: boundaries are found wherever the octets are cut, also in the middle of
 * a header; frames made by the ws package are walked over, and it understands the Close frame.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import * as ws from 'ws';
import { closeFrame, isCloseCode, MAX_CLOSE_REASON_OCTETS } from '../../src/wire/websocket/close-frame.js';
import {
  FrameWalker,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_TEXT,
} from '../../src/wire/websocket/frame-walker.js';
import { cuts, piecesOf } from './generators.js';

/** Parts of the package that its types leave out. */
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => NodeJS.EventEmitter & { write(octets: Buffer): void };
  /** Answers a header and a payload. */
  Sender: { frame(data: Buffer, options: object): Buffer[] };
};

interface Frame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly mask: boolean;
  readonly rsv1: boolean;
  readonly length: number;
}

/** The frame's octets, by the ws package. */
function made({ opcode, fin, mask, rsv1, length }: Frame): Buffer {
  const payload = Buffer.alloc(length, 0x81);
  return Buffer.concat(Sender.frame(payload, { fin, rsv1, opcode, mask, readOnly: true }));
}

const frame: fc.Arbitrary<Frame> = fc.record({
  opcode: fc.constantFrom(OPCODE_CONTINUATION, OPCODE_TEXT, OPCODE_BINARY, OPCODE_CLOSE, OPCODE_PING, 0xb),
  fin: fc.boolean(),
  mask: fc.boolean(),
  rsv1: fc.boolean(),
  length: fc.oneof(fc.nat(12), fc.constantFrom(124, 125, 126, 127, 255, 65535, 65536)),
});

/** Every frame that ended, as one line with its place in the stream. */
function walkAll(pieces: readonly Buffer[]): string[] {
  const walker = new FrameWalker();
  const log: string[] = [];
  let passed = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      at = walker.step(piece, at, piece.length);
      if (!walker.atBoundary) continue;
      const { opcode, isFinal, isMasked, payloadOctets } = walker;
      log.push(line(passed + at, { opcode, fin: isFinal, mask: isMasked, length: payloadOctets }));
    }
    passed += piece.length;
  }
  return log;
}

function line(end: number, { opcode, fin, mask, length }: Omit<Frame, 'rsv1'>): string {
  return `@${end} opcode ${opcode}${fin ? ' FIN' : ''}${mask ? ' masked' : ''} ${length}`;
}

function expected(frames: readonly Frame[]): string[] {
  let end = 0;
  return frames.map((one) => line((end += made(one).length), one));
}

describe('WebSocket frame walker', () => {
  it('finds the end of every frame, wherever the octets are cut (generated)', () => {
    const property = fc.property(fc.array(frame, { maxLength: 6 }), cuts, (frames, at) => {
      const octets = Buffer.concat(frames.map(made));
      expect(walkAll(piecesOf(octets, at))).to.deep.equal(expected(frames));
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('finds them at every two-part split and octet by octet', () => {
    const frames: Frame[] = [0, 5, 125, 126, 65536].flatMap((length) =>
      [false, true].map((mask) => ({ opcode: OPCODE_BINARY, fin: true, mask, rsv1: false, length })),
    );
    for (const one of frames) {
      const octets = Buffer.concat([made(one), made({ ...one, length: 1 })]);
      const log = expected([one, { ...one, length: 1 }]);
      const places = octets.length < 400 ? octets.length : 40;
      for (let cut = 0; cut <= places; cut++) {
        expect(walkAll([octets.subarray(0, cut), octets.subarray(cut)]), `cut at ${cut}`).to.deep.equal(log);
      }
      expect(walkAll(Array.from(octets, (_, i) => octets.subarray(i, i + 1)))).to.deep.equal(log);
    }
  });

  it('walk() answers the last boundary of a chunk', () => {
    const octets = Buffer.concat([
      made({ opcode: OPCODE_TEXT, fin: true, mask: false, rsv1: false, length: 3 }),
      made({ opcode: OPCODE_TEXT, fin: true, mask: true, rsv1: false, length: 4 }),
    ]);
    const walker = new FrameWalker();
    expect([walker.walk(octets, 0, 7), walker.atBoundary]).to.deep.equal([5, false]);
    expect([walker.walk(octets, 7, 14), walker.atBoundary]).to.deep.equal([-1, false]);
    expect([walker.walk(octets, 14, 15), walker.atBoundary]).to.deep.equal([15, true]);
    expect([walker.walk(octets, 15, 15), walker.atBoundary]).to.deep.equal([-1, true]);
  });

  it('knows whether a message is under way, and that a Close frame was begun', () => {
    const walker = new FrameWalker();
    const states: boolean[][] = [];
    for (const [opcode, fin] of [
      [OPCODE_TEXT, false],
      [OPCODE_PING, true],
      [OPCODE_CONTINUATION, false],
      [OPCODE_CONTINUATION, true],
      [OPCODE_CLOSE, true],
    ] as const) {
      const octets = made({ opcode, fin, mask: true, rsv1: false, length: 2 });
      walker.walk(octets, 0, octets.length);
      states.push([walker.atBoundary, walker.inMessage, walker.sawClose]);
    }
    expect(states).to.deep.equal([
      [true, true, false],
      [true, true, false],
      [true, true, false],
      [true, false, false],
      [true, false, true],
    ]);
  });

  it('takes lengths up to 2^53 - 1, and is lost behind what no frame can have', () => {
    const walker = new FrameWalker();
    const largest = Buffer.from([0x82, 127, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x61]);
    expect(walker.walk(largest, 0, largest.length)).to.equal(-1);
    expect([walker.isLost, walker.payloadOctets]).to.deep.equal([false, Number.MAX_SAFE_INTEGER]);
    for (const first of [0x00, 0x80, 0xff]) {
      const lost = new FrameWalker();
      const octets = Buffer.from([0x82, 127, first, 0x20, 0, 0, 0, 0, 0, 0, 0x82, 0, 0x82, 0]);
      expect(lost.walk(octets, 0, octets.length)).to.equal(-1);
      expect([lost.isLost, lost.atBoundary]).to.deep.equal([true, false]);
    }
  });
});

describe('WebSocket Close frame', () => {
  it('is what a client expects (by ws)', async () => {
    for (const [code, reason] of [
      [1001, ''],
      [1012, 'restart'],
      [4000, 'ü'.repeat(61)],
    ] as const) {
      const receiver = new Receiver({ isServer: false });
      const concluded = new Promise<string>((resolve, reject) => {
        receiver.on('conclude', (got: number, text: Buffer) => resolve(`${got} ${text.toString()}`));
        receiver.on('error', reject);
      });
      receiver.write(closeFrame(code, reason));
      expect(await concluded).to.equal(`${code} ${reason}`);
    }
  });

  it('refuses codes that may not be sent, and reasons that are too long', () => {
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5, 3000.5, NaN]) {
      expect(isCloseCode(code), String(code)).to.equal(false);
      expect(() => closeFrame(code)).to.throw(RangeError, 'no code');
    }
    expect(closeFrame(1000, 'x'.repeat(MAX_CLOSE_REASON_OCTETS))).to.have.length(127);
    expect(() => closeFrame(1000, 'ü'.repeat(62))).to.throw(RangeError, '123');
  });
});
