/**
 * Runs inside a proxy (`node --import`) and counts what its JavaScript does: writes handed to the system, octets copied,
 * memory allocated. Wraps what it counts only when it is asked to: allocation is measured in untouched code.
 */
import { GCProfiler, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { OctetWriter } from '../../src/bytes/octet-writer.js';

/** `wrap` once, before the counts; then `begin` and `end` around what is counted. */
export type ProbeRequest = 'wrap' | 'begin' | 'end';

/** What happened between `begin` and `end`. */
export interface Probed {
  /** Calls that hand octets to the system, on either transport. */
  readonly writes: number;
  /** Octets laid down or copied from one place in memory to another by wirehop's code. */
  readonly copiedOctets: number;
  /** Growth of the JavaScript heap and of what is held outside it. */
  readonly heapOctets: number;
  readonly externalOctets: number;
  /** Collections meanwhile: with one, the growth says nothing. */
  readonly collections: number;
}

const counted = { writes: 0, copiedOctets: 0 };

type AnyMethod = (this: unknown, ...args: unknown[]) => unknown;

/** Calls `count` before each call of a method, wherever in the chain of prototypes it is. */
function onEach(owner: object, name: string, count: (self: unknown, args: readonly unknown[]) => void): void {
  let holder = owner;
  while (!Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder) as object;
  const table = holder as Record<string, AnyMethod>;
  const original = table[name];
  table[name] = function (this: unknown, ...args: unknown[]) {
    count(this, args);
    return original.apply(this, args);
  };
}

function lengthOf(value: unknown): number {
  return (value as { readonly length?: number } | undefined)?.length ?? 0;
}

function wrap(): void {
  countWrites();
  countCopies();
}

/** Every way by which Node's sockets, and the bare handles, hand octets over. */
function countWrites(): void {
  const { binding } = process as unknown as {
    binding: (name: string) => { TCP: { prototype: object } };
  };
  const { prototype } = binding('tcp_wrap').TCP;
  for (const name of ['writeBuffer', 'writev', 'writeLatin1String', 'writeUtf8String']) {
    onEach(prototype, name, () => counted.writes++);
  }
}

/**
 * What the writer lays down, by whatever means, and every native copy to anywhere else: into llhttp's window, a held
 * head, a new buffer.
 */
function countCopies(): void {
  const slabs = new WeakSet<object>();
  const out = OctetWriter.prototype as unknown as Record<string, AnyMethod> & OctetWriter;
  onEach(out, 'begin', (self) => slabs.add((self as OctetWriter).octets));
  onEach(out, 'settle', (self) => {
    const writer = self as OctetWriter;
    counted.copiedOctets += writer.position - writer.base;
  });
  onEach(Uint8Array.prototype, 'set', (self, [source]) => {
    if (!slabs.has(self as object)) counted.copiedOctets += lengthOf(source);
  });
  onEach(Buffer.prototype, 'copy', (self, [target, at = 0, start = 0, end = lengthOf(self)]) => {
    if (slabs.has(target as object)) return;
    const room = lengthOf(target) - (at as number);
    counted.copiedOctets += Math.min(room, (end as number) - (start as number));
  });
  onEach(Uint8Array.prototype, 'slice', (self) => (counted.copiedOctets += lengthOf(self)));
  onEach(Buffer, 'from', (_self, [source]) => {
    // A view of memory copies nothing; texts are short and become octets only when a configuration is read.
    if (source instanceof Uint8Array) counted.copiedOctets += source.length;
  });
  onEach(Buffer, 'concat', (_self, [list]) => {
    for (const one of list as readonly Uint8Array[]) counted.copiedOctets += one.length;
  });
}

let collect: ((options: { type: 'minor' }) => void) | undefined;
let profiler: GCProfiler | null = null;
let before = { writes: 0, copiedOctets: 0, heapUsed: 0, external: 0 };

function begin(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as NonNullable<typeof collect>;
  }
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  profiler = new GCProfiler();
  profiler.start();
  const { heapUsed, external } = process.memoryUsage();
  before = { ...counted, heapUsed, external };
}

function end(): Probed {
  const { heapUsed, external } = process.memoryUsage();
  const collections = profiler?.stop().statistics.length ?? 0;
  return {
    writes: counted.writes - before.writes,
    copiedOctets: counted.copiedOctets - before.copiedOctets,
    heapOctets: heapUsed - before.heapUsed,
    externalOctets: external - before.external,
    collections,
  };
}

const NOTHING: Probed = { writes: 0, copiedOctets: 0, heapOctets: 0, externalOctets: 0, collections: 0 };

process.on('message', (request: ProbeRequest) => {
  if (request === 'wrap') wrap();
  else if (request === 'begin') begin();
  process.send?.(request === 'end' ? end() : NOTHING);
});
// The channel must not keep a proxy that has ended.
process.channel?.unref();
