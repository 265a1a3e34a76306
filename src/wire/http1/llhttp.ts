/**
 * The binding of llhttp: its WebAssembly exports used raw, with imports of our own that record spans as integers.
 * Decides how octets get in and spans get out; knows nothing of connections, limits or what a field means.
 *
 * Why not the npm package's own wrapper: it makes a string of every span through a new TextDecoder (lossy for obs-text,
 * twenty times slower: bench micro/head) and forgets the first half of a span that two executes share.
 */
import { createHash } from 'node:crypto';
import { StartError } from '../../error.js';
import { LLHTTP_BINARY } from './llhttp-binary.js';

/** A reader of request heads. */
export const TYPE_REQUEST = 1;
/** A reader of response heads. */
export const TYPE_RESPONSE = 2;

/** llhttp's error numbers that the readers tell apart (llhttp.h, enum llhttp_errno). */
export const HPE_OK = 0;
export const HPE_UNEXPECTED_CONTENT_LENGTH = 4;
export const HPE_INVALID_URL = 7;
export const HPE_INVALID_CONSTANT = 8;
export const HPE_INVALID_VERSION = 9;
export const HPE_INVALID_HEADER_TOKEN = 10;
export const HPE_INVALID_CONTENT_LENGTH = 11;
export const HPE_INVALID_STATUS = 13;
export const HPE_INVALID_TRANSFER_ENCODING = 15;
export const HPE_PAUSED = 21;

/** The one build that this version of wirehop was tested with: llhttp-wasm 1.0.3 (llhttp 9.2.1 and 56 commits). */
export const PINNED_SHA256 = '259f8302ac0f7fd7d38469e0d16b505e59c6b432cc5eb856be4d012260de0e11';

const NEEDED = [
  'memory',
  'llhttp_alloc',
  'llhttp_reset',
  'llhttp_execute',
  'llhttp_get_error_pos',
  'llhttp_get_http_major',
  'llhttp_get_http_minor',
  'llhttp_get_status_code',
] as const;

/** The little of the WebAssembly API that is used here; @types/node leaves it to the DOM's types. */
declare const WebAssembly: {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

interface LlhttpExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  _initialize?(): void;
  llhttp_alloc(type: number): number;
  llhttp_reset(parser: number): void;
  llhttp_execute(parser: number, at: number, length: number): number;
  llhttp_get_error_pos(parser: number): number;
  llhttp_get_http_major(parser: number): number;
  llhttp_get_http_minor(parser: number): number;
  llhttp_get_status_code(parser: number): number;
}

/**
 * Octets of WebAssembly memory that hold the head being parsed; a head cannot be longer. Several times nginx's
 * default limit for a head (large_client_header_buffers 4 8k, which is 32 KB), so that there is room to raise it.
 */
export const WINDOW_OCTETS = 262144;

/** Longest stretch parsed at once: octets of content behind a head need not be copied into WebAssembly memory. */
export const STRIDE_OCTETS = 8192;

/** Octets per page of WebAssembly memory. */
const PAGE_OCTETS = 65536;

/** Kinds of span, as llhttp reports them. */
const SPAN_URL = 1;
const SPAN_STATUS = 2;
const SPAN_NAME = 3;
const SPAN_VALUE = 4;

/**
 * Where the callbacks put what they see: offsets into the head. Two spans of one kind that touch are one span, cut by
 * the end of an execute. `marks` holds name start, name end, value start, value end for each field line.
 */
export class Spans {
  marks = new Int32Array(64 * 4);
  /** Names begun so far. */
  count = 0;
  startLineStart = -1;
  startLineEnd = -1;
  private last = 0;

  reset(): void {
    this.count = 0;
    this.startLineStart = -1;
    this.startLineEnd = -1;
    this.last = 0;
  }

  /** A span of the target or the reason phrase. */
  startLine(kind: number, start: number, end: number): void {
    if (this.last !== kind || this.startLineEnd !== start) this.startLineStart = start;
    this.startLineEnd = end;
    this.last = kind;
  }

  name(start: number, end: number): void {
    if (this.last === SPAN_NAME && this.marks[this.count * 4 - 3] === start) {
      this.marks[this.count * 4 - 3] = end;
      return;
    }
    this.last = SPAN_NAME;
    let at = this.count++ * 4;
    if (at === this.marks.length) this.grow();
    const marks = this.marks;
    marks[at++] = start;
    marks[at++] = end;
    // Until a value comes: an empty one, behind the colon.
    marks[at++] = end + 1;
    marks[at] = end + 1;
  }

  value(start: number, end: number): void {
    const at = this.count * 4 - 2;
    if (this.last !== SPAN_VALUE) this.marks[at] = start;
    this.marks[at + 1] = end;
    this.last = SPAN_VALUE;
  }

  private grow(): void {
    const marks = new Int32Array(this.marks.length * 2);
    marks.set(this.marks);
    this.marks = marks;
  }
}

/** Room behind the module's own memory: the window, and parsers. Pages that nobody touches cost nothing. */
const PARSERS_OCTETS = 64 * PAGE_OCTETS;

/**
 * One instance of the WebAssembly module; one serves the whole process. Its memory is made larger than the module asks
 * for, and used without its allocator, so that it never grows: growing detaches the buffer that JavaScript sees, and from
 * then on V8 looks for a detached buffer at every access to any typed array of the process (a tenth of an exchange).
 */
export class Llhttp {
  /** Where heads are laid: a view of WebAssembly memory. Replaced when that memory grows, so read it anew. */
  window: Buffer;
  private readonly exports: LlhttpExports;
  /** Address of the window; behind it stand the parsers. */
  private readonly base: number;
  private nextParser: number;
  private readonly parsersEnd: number;
  /** Addresses of a parser of each type that has seen nothing. */
  private readonly templates: readonly number[];
  private readonly parserOctets: number;
  /** Where the callbacks of the running execute record; executes do not nest. */
  private spans: Spans = new Spans();

  /** @param binary a build of llhttp with the exports of {@link NEEDED}; throws {@link StartError} LLHTTP_BINARY. */
  constructor(binary: Uint8Array) {
    const roomy = withMoreMemory(binary, WINDOW_OCTETS + PARSERS_OCTETS);
    let instance: { readonly exports: object };
    try {
      instance = new WebAssembly.Instance(new WebAssembly.Module(roomy?.binary ?? binary), {
        env: this.imports(),
      });
    } catch (error) {
      throw new StartError('LLHTTP_BINARY', `the llhttp binary cannot be used: ${(error as Error).message}`);
    }
    const exports = instance.exports as LlhttpExports;
    for (const name of NEEDED) {
      if (exports[name] === undefined) {
        throw new StartError('LLHTTP_BINARY', `the llhttp binary lacks the export "${name}"`);
      }
    }
    if (roomy === null) {
      throw new StartError('LLHTTP_BINARY', 'the llhttp binary has no memory of its own');
    }
    this.exports = exports;
    exports._initialize?.();
    this.base = roomy.at;
    this.nextParser = roomy.at + WINDOW_OCTETS;
    this.parsersEnd = this.nextParser + PARSERS_OCTETS;
    const request = exports.llhttp_alloc(TYPE_REQUEST);
    const response = exports.llhttp_alloc(TYPE_RESPONSE);
    this.templates = [0, request, response];
    // What the module's allocator takes for one, its own notes included: no parser is larger.
    this.parserOctets = response - request;
    const isOurs = request > 0 && response > request && response + this.parserOctets <= this.base;
    if (!isOurs || exports.memory.buffer.byteLength < this.parsersEnd) {
      throw new StartError('LLHTTP_BINARY', 'the llhttp binary lays its parsers where the window is to be');
    }
    this.window = Buffer.from(exports.memory.buffer, this.base, WINDOW_OCTETS);
  }

  /**
   * A parser's state in WebAssembly memory. Parsers are pooled and never freed. When the room for them is full, memory
   * grows.
   */
  allocate(type: number): number {
    const { memory } = this.exports;
    const parser = this.nextParser;
    const end = parser + this.parserOctets;
    if (end <= this.parsersEnd) {
      const template = this.templates[type];
      new Uint8Array(memory.buffer).copyWithin(parser, template, template + this.parserOctets);
      this.nextParser = end;
      return parser;
    }
    const grown = this.exports.llhttp_alloc(type);
    if (this.window.buffer !== memory.buffer) this.refreshWindow();
    return grown;
  }

  reset(parser: number): void {
    this.exports.llhttp_reset(parser);
  }

  /** Runs the parser over window[start, end). Spans land in `spans`, as offsets into the window. */
  execute(parser: number, spans: Spans, start: number, end: number): number {
    this.spans = spans;
    return this.exports.llhttp_execute(parser, this.base + start, end - start);
  }

  /** Offset in the window at which the last execute stopped. */
  stoppedAt(parser: number): number {
    return this.exports.llhttp_get_error_pos(parser) - this.base;
  }

  majorVersion(parser: number): number {
    return this.exports.llhttp_get_http_major(parser);
  }

  minorVersion(parser: number): number {
    return this.exports.llhttp_get_http_minor(parser);
  }

  status(parser: number): number {
    return this.exports.llhttp_get_status_code(parser);
  }

  private refreshWindow(): void {
    this.window = Buffer.from(this.exports.memory.buffer, this.base, WINDOW_OCTETS);
  }

  /** llhttp's callbacks. Each answers 0 to go on; the head's end answers HPE_PAUSED, as content is not llhttp's here. */
  private imports(): Record<string, (parser: number, at: number, length: number) => number> {
    return {
      wasm_on_message_begin: () => 0,
      wasm_on_url: (_parser, at, length) => {
        this.spans.startLine(SPAN_URL, at - this.base, at - this.base + length);
        return 0;
      },
      wasm_on_status: (_parser, at, length) => {
        this.spans.startLine(SPAN_STATUS, at - this.base, at - this.base + length);
        return 0;
      },
      wasm_on_header_field: (_parser, at, length) => {
        this.spans.name(at - this.base, at - this.base + length);
        return 0;
      },
      wasm_on_header_value: (_parser, at, length) => {
        this.spans.value(at - this.base, at - this.base + length);
        return 0;
      },
      wasm_on_headers_complete: () => HPE_PAUSED,
      wasm_on_body: () => 0,
      wasm_on_message_complete: () => 0,
    };
  }
}

/** Number of a WebAssembly module's section that says how large its memory is, and of the preamble in front of all. */
const MEMORY_SECTION = 5;
const PREAMBLE_OCTETS = 8;

/**
 * The module with more memory to begin with (WebAssembly core specification, 5.5.8).
 * @param octets how much more, a multiple of {@link PAGE_OCTETS}
 * @returns the new binary, and the address at which the additional memory begins; null when it has none of its own
 */
function withMoreMemory(binary: Uint8Array, octets: number): { binary: Uint8Array; at: number } | null {
  let at = PREAMBLE_OCTETS;
  while (at < binary.length) {
    const start = at;
    const id = binary[at++];
    const [length, body] = readInteger(binary, at);
    at = body + length;
    if (id !== MEMORY_SECTION || binary[body] !== 1) continue;
    const [pages, behind] = readInteger(binary, body + 2);
    const more = integerOctets(pages + octets / PAGE_OCTETS);
    const section = [binary[body], binary[body + 1], ...more, ...binary.subarray(behind, at)];
    const roomy = Buffer.concat([
      binary.subarray(0, start),
      Buffer.from([MEMORY_SECTION, ...integerOctets(section.length), ...section]),
      binary.subarray(at),
    ]);
    return { binary: roomy, at: pages * PAGE_OCTETS };
  }
  return null;
}

/** The unsigned integer at `at` in LEB128, and the position behind it. */
function readInteger(octets: Uint8Array, at: number): [value: number, behind: number] {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const octet = octets[at++];
    value += (octet & 0x7f) * factor;
    if (!(octet >= 0x80)) return [value, at];
  }
}

function integerOctets(value: number): number[] {
  const octets: number[] = [];
  for (; value > 0x7f; value >>>= 7) octets.push((value & 0x7f) | 0x80);
  octets.push(value);
  return octets;
}

/** Checks that `binary` is the pinned build. Throws {@link StartError} LLHTTP_BINARY with what to do. */
export function checkBinary(binary: Uint8Array): void {
  const found = createHash('sha256').update(binary).digest('hex');
  if (found === PINNED_SHA256) return;
  throw new StartError(
    'LLHTTP_BINARY',
    `the llhttp binary is missing or not the one this version of wirehop was built for (SHA-256 ${found}, ` +
      `expected ${PINNED_SHA256}): install wirehop again, or run "npm ci && npm run build" in a checkout`,
  );
}

let shared: Llhttp | undefined;

/** The process's instance, compiled on first use. Throws {@link StartError} when the binary is not the pinned one. */
export function sharedLlhttp(): Llhttp {
  if (shared === undefined) {
    const binary = Buffer.from(LLHTTP_BINARY, 'base64');
    checkBinary(binary);
    shared = new Llhttp(binary);
  }
  return shared;
}
