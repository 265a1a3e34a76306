/** Runs inside a proxy (`node --import`) and plants the slowdown that WIREHOP_PLANT names. See plants.ts. */
import { HandleTransport } from '../../src/driver/handle-transport.js';
import { NetTransport } from '../../src/driver/net-transport.js';
import { Pump } from '../../src/driver/pump.js';
import type { Transport } from '../../src/driver/transport.js';
import type { Plant } from './plants.js';

const TRANSPORTS: readonly { readonly prototype: Transport }[] = [HandleTransport, NetTransport];

/** Something between the arrival of a chunk and its handling. */
function onEveryChunk(act: (chunk: Buffer, start: number, end: number) => void): void {
  const { prototype } = Pump;

  const { onChunk } = prototype;
  prototype.onChunk = function (transport, chunk, start, end) {
    act(chunk, start, end);
    onChunk.call(this, transport, chunk, start, end);
  };
}

const PLANTINGS: Readonly<Record<Plant, () => void>> = {
  copy: () => {
    const aside = Buffer.alloc(1024 * 1024);
    onEveryChunk((chunk, start, end) => void chunk.copy(aside, 0, start, end));
  },
  buffer: () => onEveryChunk((_chunk, start, end) => void Buffer.alloc(end - start)),
  write: () => {
    for (const { prototype } of TRANSPORTS) {
      const { write } = prototype;
      prototype.write = function (buffer, start, end, hasMore) {
        const middle = start + ((end - start) >> 1);
        if (middle > start) write.call(this, buffer, start, middle, false);
        write.call(this, buffer, middle, end, hasMore);
      };
    }
  },
};

const plant = process.env.WIREHOP_PLANT;
if (plant === undefined || !Object.hasOwn(PLANTINGS, plant))
  throw new Error(`no such plant: ${String(plant)}`);
PLANTINGS[plant as Plant]();
