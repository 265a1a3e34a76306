/**
 * Who reads heads: wirehop's reader, the wrapper that comes with llhttp-wasm, and Node's own parser. Each can read a
 * head for the clock, and once more into plain values that can be compared.
 */
import { createRequire } from 'node:module';
import { createParser } from 'llhttp-wasm';
import type { HeadFixture } from '../fixtures.js';
import { HEAD_COMPLETE, HeadReader, type HeadLimits } from '../../src/wire/http1/head-reader.js';
import { TYPE_REQUEST, TYPE_RESPONSE } from '../../src/wire/http1/llhttp.js';

/** A head as plain values, the same for every reader. */
export interface PlainHead {
  /** A request's target, a response's reason phrase. */
  readonly startLine: string;
  /** A response's status, 0 for a request. */
  readonly status: number;
  /** Names and values in turn, as received. */
  readonly fields: readonly string[];
}

/** A reader that is ready for heads of one kind. */
export interface ReadingSubject {
  /** Reads a head that comes in these parts. */
  run(parts: readonly Buffer[]): void;
  /** Reads it and answers what it read; throws when it did not come to the head's end. */
  read(parts: readonly Buffer[]): PlainHead;
}

/** Who reads. {@link make} throws when that reader does not exist here. */
export interface HeadSubject {
  readonly name: string;
  make(kind: HeadFixture['kind']): ReadingSubject;
}

/** nginx's defaults: large_client_header_buffers 4 8k. */
const LIMITS: HeadLimits = { maxLineOctets: 8192, maxHeadOctets: 32768, maxFields: 1000 };

class WirehopSubject implements ReadingSubject {
  private readonly reader: HeadReader;
  private answer = 0;

  constructor(private readonly kind: HeadFixture['kind']) {
    this.reader = new HeadReader(kind === 'request' ? TYPE_REQUEST : TYPE_RESPONSE);
  }

  run(parts: readonly Buffer[]): void {
    const { reader } = this;
    reader.reset();
    for (let i = 0; i < parts.length; i++) this.answer = reader.read(parts[i], 0, parts[i].length, LIMITS);
  }

  read(parts: readonly Buffer[]): PlainHead {
    this.run(parts);
    const { head } = this.reader;
    if (this.answer !== HEAD_COMPLETE) throw new Error(`head not read: ${this.reader.fault}`);
    const fields: string[] = [];
    for (let i = 0; i < head.count; i++) {
      const at = i * 5;
      fields.push(head.text(head.fields[at], head.fields[at + 1]), head.valueText(i));
    }
    const isRequest = this.kind === 'request';
    return {
      startLine: isRequest
        ? head.text(head.targetStart, head.targetEnd)
        : head.text(head.reasonStart, head.reasonEnd),
      status: isRequest ? 0 : head.status,
      fields,
    };
  }
}

/** Node's and llhttp's answer for "no content behind this head", so that the next head can follow. */
const SKIP_BODY = 1;

class WrapperSubject implements ReadingSubject {
  private readonly parser: ReturnType<typeof createParser>;
  private found: PlainHead | null = null;

  constructor(kind: HeadFixture['kind']) {
    // `TYPE` of the package: REQUEST and RESPONSE are looked up by name.
    this.parser = createParser((kind === 'request' ? 'REQUEST' : 'RESPONSE') as unknown as number);
    this.parser.onHeadersComplete = (message): number => {
      this.found = {
        startLine: message.url ?? message.statusMessage ?? '',
        status: message.statusCode ?? 0,
        fields: message.rawHeaders,
      };
      return SKIP_BODY;
    };
  }

  run(parts: readonly Buffer[]): void {
    this.parser.reset();
    for (let i = 0; i < parts.length; i++) this.parser.execute(parts[i]);
  }

  read(parts: readonly Buffer[]): PlainHead {
    this.found = null;
    this.run(parts);
    if (this.found === null) throw new Error('head not read');
    return this.found;
  }
}

/** The little of Node's private parser that is used; its callbacks live under numbered keys. */
interface NodeParser {
  initialize(type: number, resource: object): void;
  execute(octets: Buffer): unknown;
  [callback: number]: ((...args: never[]) => unknown) | null;
}

interface NodeParserClass {
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  new (): NodeParser;
}

/**
 * Node 20 shows its parser through `process.binding`; later ones only with --expose-internals, as `npm run bench` sets
 * it. Throws where it is not shown.
 */
function nodeParserClass(): NodeParserClass {
  const inside = process as unknown as {
    binding?: (name: string) => { HTTPParser?: NodeParserClass };
    noDeprecation?: boolean;
  };
  // DEP0111 warns of just this: here it is wanted, and once per head size it would drown the table.
  const { noDeprecation } = inside;
  inside.noDeprecation = true;
  let found: NodeParserClass | undefined;
  try {
    found = inside.binding?.('http_parser').HTTPParser;
  } catch {
    // Node 24 and later: no such module.
  } finally {
    inside.noDeprecation = noDeprecation ?? false;
  }
  found ??= exposedParserClass();
  if (found !== undefined) return found;
  throw new Error('this Node shows its parser only with --expose-internals');
}

function exposedParserClass(): NodeParserClass | undefined {
  if (!process.execArgv.includes('--expose-internals')) return undefined;
  const { internalBinding } = createRequire(import.meta.url)('internal/test/binding') as {
    internalBinding: (name: string) => { HTTPParser?: NodeParserClass };
  };
  return internalBinding('http_parser').HTTPParser;
}

class NodeSubject implements ReadingSubject {
  private readonly parser: NodeParser;
  private startLine = '';
  private status = 0;
  private fields: readonly string[] = [];
  private isComplete = false;

  constructor(kind: HeadFixture['kind']) {
    const HTTPParser = nodeParserClass();
    this.parser = new HTTPParser();
    // Beyond 32 fields they come in several calls, as Node's own http module takes them.
    this.parser[HTTPParser.kOnHeaders] = (headers: string[], url: string): void => {
      this.fields = this.fields.concat(headers);
      this.startLine += url;
    };
    this.parser[HTTPParser.kOnHeadersComplete] = (
      _major: number,
      _minor: number,
      headers: string[] | undefined,
      _method: number | undefined,
      url: string | undefined,
      status: number | undefined,
      reason: string | undefined,
    ): number => {
      if (headers !== undefined) this.fields = headers;
      this.startLine = url ?? reason ?? this.startLine;
      this.status = status ?? 0;
      this.isComplete = true;
      return SKIP_BODY;
    };
    this.parser.initialize(kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {});
  }

  run(parts: readonly Buffer[]): void {
    this.fields = [];
    this.startLine = '';
    for (let i = 0; i < parts.length; i++) this.parser.execute(parts[i]);
  }

  read(parts: readonly Buffer[]): PlainHead {
    this.isComplete = false;
    this.run(parts);
    if (!this.isComplete) throw new Error('head not read');
    return { startLine: this.startLine, status: this.status, fields: this.fields };
  }
}

/** Every reader that is compared; ours first. */
export const HEAD_SUBJECTS: readonly HeadSubject[] = [
  { name: 'wirehop', make: (kind) => new WirehopSubject(kind) },
  { name: 'llhttp-wasm', make: (kind) => new WrapperSubject(kind) },
  { name: 'node', make: (kind) => new NodeSubject(kind) },
];
