/**
 * `split_clients`: a variable that has each of several values for a share of its keys. The numbers are nginx's
 * (MurmurHash2), so the same client is in the same share behind either.
 */
import { latin1 } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import type { Template } from './template.js';
import type { Variable } from './variables.js';

const MULTIPLIER = 0x5bd1e995;

/** MurmurHash2 with the length as its seed. */
export function murmurHash2(octets: Uint8Array): number {
  let hash = octets.length;
  let at = 0;
  let left = octets.length;
  for (; left >= 4; at += 4, left -= 4) {
    let word = octets[at] | (octets[at + 1] << 8) | (octets[at + 2] << 16) | (octets[at + 3] << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  if (left > 0) {
    for (let i = left - 1; i >= 0; i--) hash ^= octets[at + i] << (8 * i);
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** A share of all hashes. */
export interface Share {
  /** Hundredths of a percent; 0 for all that is left (`*`). */
  readonly hundredths: number;
  readonly value: string;
}

export class SplitVariable implements Variable {
  /** Hashes below it have the value. */
  private readonly bounds: readonly { readonly below: number; readonly value: string }[];

  constructor(
    private readonly source: Template,
    shares: readonly Share[],
  ) {
    let last = 0;
    this.bounds = shares.map(({ hundredths, value }) => {
      if (hundredths === 0) return { below: Infinity, value };
      last += Math.floor((hundredths * 0xffffffff) / 10_000);
      return { below: last, value };
    });
  }

  text(exchange: Exchange): string {
    const hash = murmurHash2(latin1(this.source.text(exchange)));
    return this.bounds.find(({ below }) => hash < below)?.value ?? '';
  }

  isFound(): boolean {
    return true;
  }
}
