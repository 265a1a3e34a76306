/**
 * The binding of llhttp. Proves: a binary that is not the pinned one is named with what to do; one that cannot work is
 * refused as a start-up failure; the binding is not tied to one build.
 */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { StartError } from '../../src/error.js';
import { HEAD_COMPLETE, HEAD_MORE, HeadReader } from '../../src/wire/http1/head-reader.js';
import { LLHTTP_BINARY } from '../../src/wire/http1/llhttp-binary.js';
import {
  checkBinary,
  HPE_OK,
  HPE_PAUSED,
  Llhttp,
  PINNED_SHA256,
  sharedLlhttp,
  Spans,
  TYPE_REQUEST,
  TYPE_RESPONSE,
  WINDOW_OCTETS,
} from '../../src/wire/http1/llhttp.js';
import { readCaseFiles } from './cases.js';
import { headReplay, LIMITS } from './head-log.js';
import { cut, cutsInTwo } from './replay.js';

/** The little of the WebAssembly API that is used here. */
declare const WebAssembly: {
  Instance: new (module: object, imports: object) => { readonly exports: object };
};

const require = createRequire(import.meta.url);
const pinned = Buffer.from(LLHTTP_BINARY, 'base64');

/** Sections of a WebAssembly module that is valid and does nothing. */
const EMPTY_MODULE = Buffer.from('0061736d01000000', 'hex');
/** The same with one import, env.foo, that nobody provides. */
const STRANGE_IMPORT = Buffer.concat([
  EMPTY_MODULE,
  Buffer.from('010401600000020b0103656e7603666f6f0000', 'hex'),
]);

function startErrorOf(action: () => void): StartError {
  try {
    action();
  } catch (error) {
    expect(error).to.be.instanceOf(StartError);
    expect((error as StartError).code).to.equal('LLHTTP_BINARY');
    return error as StartError;
  }
  return expect.fail('nothing was thrown');
}

describe('llhttp binary', () => {
  it('embedded is the pinned one, and the one that the package carries', () => {
    expect(createHash('sha256').update(pinned).digest('hex')).to.equal(PINNED_SHA256);
    checkBinary(pinned);
    expect(readFileSync(require.resolve('llhttp-wasm'), 'latin1')).to.include(LLHTTP_BINARY);
  });

  const flipped = Buffer.from(pinned);
  flipped[flipped.length >> 1] ^= 1;
  for (const [name, binary] of [
    ['nothing', Buffer.alloc(0)],
    ['garbage', Buffer.from('not WebAssembly at all')],
    ['truncated', pinned.subarray(0, pinned.length - 1)],
    ['with one bit flipped', flipped],
    ['with an octet behind it', Buffer.concat([pinned, Buffer.alloc(1)])],
  ] as const) {
    it(`${name}: not the pinned one`, () => {
      const { message } = startErrorOf(() => checkBinary(binary));
      expect(message).to.include(PINNED_SHA256);
      expect(message).to.include(createHash('sha256').update(binary).digest('hex'));
      expect(message).to.match(/install wirehop again, or run "npm ci && npm run build"/);
      expect(message).not.to.include('\n');
    });
  }

  for (const [name, binary, text] of [
    ['nothing', Buffer.alloc(0), /cannot be used/],
    ['garbage', Buffer.from('not WebAssembly at all'), /cannot be used/],
    ['truncated', pinned.subarray(0, pinned.length >> 1), /cannot be used/],
    ['another module', EMPTY_MODULE, /lacks the export "memory"/],
    ['a module that wants more', STRANGE_IMPORT, /cannot be used: .*foo/s],
  ] as const) {
    it(`${name}: cannot be loaded`, () => {
      expect(startErrorOf(() => new Llhttp(binary)).message).to.match(text);
    });
  }

  it('is compiled once for the process', () => expect(sharedLlhttp()).to.equal(sharedLlhttp()));
});

describe('llhttp binding', () => {
  it('answers spans as offsets into the window, and pauses behind the head', () => {
    const llhttp = sharedLlhttp();
    const parser = llhttp.allocate(TYPE_REQUEST);
    const spans = new Spans();
    const head = Buffer.from('GET /x HTTP/1.0\r\nA: b\r\n\r\n');
    head.copy(llhttp.window, 100);
    expect(llhttp.execute(parser, spans, 100, 100 + head.length)).to.equal(HPE_PAUSED);
    expect(llhttp.stoppedAt(parser)).to.equal(100 + head.length);
    expect([spans.startLineStart, spans.startLineEnd]).to.deep.equal([104, 106]);
    expect(spans.count).to.equal(1);
    expect([...spans.marks.subarray(0, 4)]).to.deep.equal([117, 118, 120, 121]);
    expect([llhttp.majorVersion(parser), llhttp.minorVersion(parser)]).to.deep.equal([1, 0]);
  });

  it('tells the status of a response', () => {
    const llhttp = sharedLlhttp();
    const parser = llhttp.allocate(TYPE_RESPONSE);
    const head = Buffer.from('HTTP/1.1 404 Nope\r\n\r\n');
    head.copy(llhttp.window, 0);
    expect(llhttp.execute(parser, new Spans(), 0, head.length)).to.equal(HPE_PAUSED);
    expect(llhttp.status(parser)).to.equal(404);
  });

  it('its memory does not grow, so that no buffer of it is ever detached', () => {
    const given = WebAssembly.Instance;
    const memories: { readonly buffer: ArrayBuffer }[] = [];
    const buffers: ArrayBuffer[] = [];
    WebAssembly.Instance = class extends given {
      constructor(module: object, imports: object) {
        super(module, imports);
        const { memory } = this.exports as { readonly memory: { readonly buffer: ArrayBuffer } };
        memories.push(memory);
        buffers.push(memory.buffer);
      }
    };
    let llhttp: Llhttp;
    try {
      llhttp = new Llhttp(pinned);
    } finally {
      WebAssembly.Instance = given;
    }
    const { window } = llhttp;
    const parsers = new Set(Array.from({ length: 20_000 }, (_, i) => llhttp.allocate(1 + (i % 2))));
    expect(parsers.size).to.equal(20_000);
    expect(llhttp.window).to.equal(window);
    expect(window.length).to.equal(WINDOW_OCTETS);
    expect(memories).to.have.lengthOf(1);
    expect(memories[0].buffer === buffers[0], 'the buffer that it began with').to.equal(true);
  });

  it('more parsers than there is room for: its memory grows, and all of them go on', () => {
    const llhttp = new Llhttp(pinned);
    const { window } = llhttp;
    const early = new HeadReader(TYPE_REQUEST, llhttp);
    early.reset();
    const [first, second] = cut(Buffer.from('GET /early HTTP/1.1\r\nHost: a\r\n\r\n'), 25);
    expect(early.read(first, 0, first.length, LIMITS)).to.equal(HEAD_MORE);
    while (llhttp.window === window) llhttp.allocate(TYPE_RESPONSE);
    expect(window.length, 'the view in use before').to.equal(0);
    expect(early.read(second, 0, second.length, LIMITS)).to.equal(HEAD_COMPLETE);
    expect(early.head.text(early.head.hostStart, early.head.hostEnd)).to.equal('a');
    const late = new HeadReader(TYPE_RESPONSE, llhttp);
    late.reset();
    const head = Buffer.from('HTTP/1.1 404 Late\r\n\r\n');
    expect(late.read(head, 0, head.length, LIMITS)).to.equal(HEAD_COMPLETE);
    expect(late.head.status).to.equal(404);
  });

  it('two parsers in one window do not disturb each other', () => {
    const a = new HeadReader(TYPE_REQUEST);
    const b = new HeadReader(TYPE_RESPONSE);
    a.reset();
    b.reset();
    const request = Buffer.from('PUT /long/target HTTP/1.1\r\nHost: example.com\r\n\r\n');
    const response = Buffer.from('HTTP/1.1 200 Reason\r\nServer: something else\r\n\r\n');
    const steps = Math.max(request.length, response.length);
    for (let i = 0; i < steps; i++) {
      if (i < request.length)
        expect(a.read(request, i, i + 1, LIMITS)).to.equal(i === request.length - 1 ? 1 : 0);
      if (i < response.length)
        expect(b.read(response, i, i + 1, LIMITS)).to.equal(i === response.length - 1 ? 1 : 0);
    }
    expect(a.head.text(a.head.targetStart, a.head.targetEnd)).to.equal('/long/target');
    expect(b.head.valueText(0)).to.equal('something else');
  });

  it('goes on when WebAssembly memory grows and every view of it is detached', () => {
    const llhttp = new Llhttp(pinned);
    const reader = new HeadReader(TYPE_REQUEST, llhttp);
    reader.reset();
    const head = Buffer.from('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(reader.read(head, 0, 20, LIMITS)).to.equal(HEAD_MORE);
    const before = llhttp.window;
    let parsers = 0;
    while (llhttp.window === before && parsers < 100_000) {
      llhttp.allocate(TYPE_REQUEST);
      parsers++;
    }
    expect(llhttp.window, 'memory grew').not.to.equal(before);
    expect(before.length, 'the old view is detached').to.equal(0);
    expect(llhttp.window.length).to.equal(WINDOW_OCTETS);
    expect(reader.read(head, 20, head.length, LIMITS)).to.equal(HEAD_COMPLETE);
    expect(reader.head.valueText(0)).to.equal('a');
  });

  it('room for field lines grows', () => {
    const spans = new Spans();
    for (let i = 0; i < 1000; i++) {
      spans.name(i * 10, i * 10 + 2);
      spans.value(i * 10 + 4, i * 10 + 5);
    }
    expect(spans.count).to.equal(1000);
    expect([...spans.marks.subarray(999 * 4, 1000 * 4)]).to.deep.equal([9990, 9992, 9994, 9995]);
  });
});

/**
 * undici carries newer builds of llhttp, made by other people with another compiler. None of the cases comes out
 * differently on them; one that does belongs in DIFFERENCES, with the reason.
 */
const DIFFERENCES: ReadonlySet<string> = new Set();

for (const file of ['llhttp-wasm.js', 'llhttp_simd-wasm.js']) {
  describe(`head reader on undici's ${file}`, () => {
    const binary = require(`undici/lib/llhttp/${file}`) as Uint8Array;

    it('is another build', () => {
      expect(binary.length).to.be.greaterThan(10_000);
      startErrorOf(() => checkBinary(binary));
    });

    const llhttp = new Llhttp(binary);
    for (const { title, cases } of readCaseFiles()) {
      it(`${title}: the same answers`, () => {
        for (const { where, type, toHead, limits, octets, log } of cases) {
          if (DIFFERENCES.has(where)) continue;
          const replay = headReplay({ type, toHead, limits, llhttp });
          expect(replay([octets]), where).to.deep.equal(log);
          if (octets.length > 400) continue;
          for (const at of cutsInTwo(octets.length)) {
            expect(replay(cut(octets, at)), `${where}, cut at ${at}`).to.deep.equal(log);
          }
        }
      });
    }

    it('answers HPE_OK to nothing', () => {
      expect(llhttp.execute(llhttp.allocate(TYPE_REQUEST), new Spans(), 0, 0)).to.equal(HPE_OK);
    });
  });
}
