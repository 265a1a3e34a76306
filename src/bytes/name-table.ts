/**
 * Finds names by length and case-folded octets, never by making a string. Decides nothing about HTTP.
 */
import { FOLD, latin1 } from './octets.js';

/** A growing set of case-insensitive names, each with a small number. Lookup allocates nothing. */
export class NameTable {
  /** Names by length, first and last octet: most names that nobody asked for meet an empty bucket. */
  private readonly buckets = new Array<Entry[] | undefined>(BUCKETS).fill(undefined);
  private readonly ids = new Map<string, number>();
  private readonly names: string[] = [''];

  /** How many ids exist; ids run from 1 to size - 1, and 0 stands for "not in the table". */
  get size(): number {
    return this.names.length;
  }

  /** The id of `name`, made if needed. Latin-1, any case, not empty. */
  intern(name: string): number {
    const lower = name.toLowerCase();
    const known = this.ids.get(lower);
    if (known !== undefined) return known;
    const octets = latin1(lower);
    const id = this.names.length;
    this.names.push(lower);
    this.ids.set(lower, id);
    (this.buckets[bucketOf(octets, 0, octets.length)] ??= []).push({ octets, id });
    return id;
  }

  /** The name behind an id, in lower case. */
  name(id: number): string {
    return this.names[id] ?? '';
  }

  /** The id of the name in octets[start, end), or 0. */
  find(octets: Uint8Array, start: number, end: number): number {
    if (start >= end) return 0;
    const bucket = this.buckets[bucketOf(octets, start, end)];
    if (bucket === undefined) return 0;
    const length = end - start;
    next: for (let c = 0; c < bucket.length; c++) {
      const entry = bucket[c];
      const name = entry.octets;
      if (name.length !== length) continue;
      for (let i = 0; i < length; i++) {
        if (FOLD[octets[start + i]] !== name[i]) continue next;
      }
      return entry.id;
    }
    return 0;
  }
}

interface Entry {
  readonly octets: Uint8Array;
  readonly id: number;
}

/** A power of two, well above the number of names that configurations ask for. */
const BUCKETS = 512;

function bucketOf(octets: Uint8Array, start: number, end: number): number {
  return ((end - start) * 37 + FOLD[octets[start]] * 5 + FOLD[octets[end - 1]] * 11) & (BUCKETS - 1);
}
