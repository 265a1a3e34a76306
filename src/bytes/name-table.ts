/**
 * Finds names by length and case-folded octets, never by making a string. Decides nothing about HTTP.
 */
import { FOLD, latin1 } from './octets.js';

/** A growing set of case-insensitive names, each with a small number. Lookup allocates nothing. */
export class NameTable {
  /** byLength[n] holds the names of n octets; a table over a name's length rejects most names at once. */
  private readonly byLength: ({ octets: Uint8Array; id: number }[] | undefined)[] = [];
  private readonly ids = new Map<string, number>();
  private readonly names: string[] = [''];

  /** How many ids exist; ids run from 1 to size - 1, and 0 stands for "not in the table". */
  get size(): number {
    return this.names.length;
  }

  /** The id of `name`, made if needed. Latin-1, any case. */
  intern(name: string): number {
    const lower = name.toLowerCase();
    const known = this.ids.get(lower);
    if (known !== undefined) return known;
    const octets = latin1(lower);
    const id = this.names.length;
    this.names.push(lower);
    this.ids.set(lower, id);
    while (this.byLength.length <= octets.length) this.byLength.push(undefined);
    (this.byLength[octets.length] ??= []).push({ octets, id });
    return id;
  }

  /** The name behind an id, in lower case. */
  name(id: number): string {
    return this.names[id] ?? '';
  }

  /** The id of the name in octets[start, end), or 0. */
  find(octets: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length >= this.byLength.length) return 0;
    const candidates = this.byLength[length];
    if (candidates === undefined) return 0;
    next: for (let c = 0; c < candidates.length; c++) {
      const candidate = candidates[c];
      const name = candidate.octets;
      for (let i = length - 1; i >= 0; i--) {
        if (FOLD[octets[start + i]] !== name[i]) continue next;
      }
      return candidate.id;
    }
    return 0;
  }
}
