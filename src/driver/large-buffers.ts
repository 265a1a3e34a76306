/**
 * Large read buffers for connections of the `net` transport that move much. Decides who has one, and when it can be read
 * into again. Bare handles have such buffers of their own, which can be taken back at any time; a socket reads into the
 * one that it has been given until it has read once more.
 */
import type { Transport } from './transport.js';

/** As that of bare handles. */
const LARGE_OCTETS = 262144;
/** At once, 16 MB together: who finds none goes on with the shared buffer. */
const MAX_LARGE_BUFFERS = 64;
/** So many are kept for later, 4 MB together. */
const MAX_SPARE_BUFFERS = 16;

export class LargeBuffer {
  readonly octets = Buffer.allocUnsafeSlow(LARGE_OCTETS);
  /** A write of this transport waits with octets of the buffer until its `waitingOctets` are 0. */
  sink: Transport | null = null;

  /** @param holder who reads into it; null: nobody any more */
  constructor(public holder: BufferHolder | null) {}

  /** Neither read into nor written from. */
  get isFree(): boolean {
    const { holder, sink } = this;
    return (holder === null || holder.isDestroyed) && (sink === null || sink.waitingOctets === 0);
  }
}

/** Who reads into a large buffer. */
export interface BufferHolder {
  /** It reads nothing any more, also if it did not give its buffer back. */
  readonly isDestroyed: boolean;
}

const buffers: LargeBuffer[] = [];

/** A buffer for `holder`, or null. The first ones are given most often: their memory is in the processor's caches. */
export function takeLarge(holder: BufferHolder): LargeBuffer | null {
  for (const buffer of buffers) {
    if (!buffer.isFree) continue;
    buffer.holder = holder;
    buffer.sink = null;
    return buffer;
  }
  if (buffers.length === MAX_LARGE_BUFFERS) return null;
  const buffer = new LargeBuffer(holder);
  buffers.push(buffer);
  return buffer;
}

/** Its holder reads into it no more. It is used again when what waits of it is written. */
export function giveLarge(buffer: LargeBuffer): void {
  buffer.holder = null;
  // One that waits stays in the list, as it counts.
  if (buffers.length > MAX_SPARE_BUFFERS && buffer.isFree) dropLarge(buffer);
}

/** Somebody keeps octets of it for who knows how long: it is the collector's. */
export function dropLarge(buffer: LargeBuffer): void {
  const index = buffers.indexOf(buffer);
  if (index >= 0) buffers.splice(index, 1);
}

/** For tests: how many there are, and how many of them are not free. */
export function largeBuffers(): { readonly all: number; readonly used: number } {
  return { all: buffers.length, used: buffers.filter(({ isFree }) => !isFree).length };
}

/** For tests: forgets all of them, whoever holds them. */
export function dropAllLarge(): void {
  buffers.length = 0;
}
