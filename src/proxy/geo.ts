/**
 * `geo`: a variable whose value depends on an address. Decides by the longest prefix that holds it, or by ranges; whose
 * address it is follows nginx's rules for trusted proxies.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Exchange } from '../machine/exchange.js';
import { FIELD_NAMES } from '../message/field-names.js';
import { clearHost, type Network } from './cidr.js';
import { packAddress } from './fields.js';
import { walkForwarded } from './real-ip.js';
import type { Template } from './template.js';
import type { Variable } from './variables.js';

const FORWARDED_FOR = FIELD_NAMES.intern('x-forwarded-for');
/** What stands for an address that is none. */
const NO_ADDRESS = packAddress('255.255.255.255');

/** Finds values by addresses. */
export interface GeoTable {
  /** @param packed 4 or 16 octets, Latin-1 */
  find(packed: string): string | undefined;
}

/** Prefixes, IPv4 and IPv6. */
export class NetworkTable implements GeoTable {
  private readonly byBits = new Map<string, Map<string, string>>();
  /** Lengths in octets and bits that there are, longest first. */
  private lengths: (readonly [octets: number, bits: number])[] = [];

  /** @returns the value that it had before, or undefined */
  set({ base, bits }: Network, value: string): string | undefined {
    const key = `${base.length}/${bits}`;
    let networks = this.byBits.get(key);
    if (networks === undefined) {
      this.byBits.set(key, (networks = new Map<string, string>()));
      this.lengths.push([base.length, bits]);
      this.lengths.sort((a, b) => b[1] - a[1]);
    }
    const old = networks.get(base);
    networks.set(base, value);
    return old;
  }

  /** @returns whether it was there */
  delete({ base, bits }: Network): boolean {
    return this.byBits.get(`${base.length}/${bits}`)?.delete(base) ?? false;
  }

  find(packed: string): string | undefined {
    for (const [octets, bits] of this.lengths) {
      if (octets !== packed.length) continue;
      const value = this.byBits.get(`${octets}/${bits}`)?.get(clearHost(packed, bits));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

/** From one IPv4 address to another, both included. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/** Ranges of IPv4 addresses (`ranges`). */
export class RangeTable implements GeoTable {
  /** In order, without overlaps. */
  private ranges: (AddressRange & { readonly value: string })[] = [];

  /**
   * Adds a range; one that lies in another takes its part of it.
   * @returns the value that the very same range had before; `overlaps` with what it cuts; or undefined
   */
  set(
    range: AddressRange,
    value: string,
  ): { readonly old: string } | { readonly overlaps: AddressRange } | undefined {
    const { start, end } = range;
    // From the end, as nginx looks, so that both name the same one where several are cut.
    const at = this.ranges.findLastIndex((one) => one.end >= start && one.start <= end);
    if (at < 0) {
      this.ranges.push({ start, end, value });
      this.ranges.sort((a, b) => a.start - b.start);
      return undefined;
    }
    const known = this.ranges[at];
    if (known.start === start && known.end === end) {
      this.ranges[at] = { start, end, value };
      return { old: known.value };
    }
    if (start < known.start || end > known.end) return { overlaps: known };
    const parts = [
      { ...known, end: start - 1 },
      { start, end, value },
      { ...known, start: end + 1 },
    ];
    this.ranges.splice(at, 1, ...parts.filter((part) => part.start <= part.end));
    return undefined;
  }

  /** @returns whether it was there */
  delete({ start, end }: AddressRange): boolean {
    const at = this.ranges.findIndex((one) => one.start === start && one.end === end);
    if (at >= 0) this.ranges.splice(at, 1);
    return at >= 0;
  }

  find(packed: string): string | undefined {
    const address = addressNumber(packed.length === 4 ? packed : NO_ADDRESS);
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ranges[middle].end < address) low = middle + 1;
      else high = middle;
    }
    const range = this.ranges.at(low);
    return range !== undefined && range.start <= address ? range.value : undefined;
  }
}

/** An IPv4 address as a number. @param packed 4 octets, Latin-1 */
export function addressNumber(packed: string): number {
  let number = 0;
  for (let i = 0; i < 4; i++) number = number * 256 + packed.charCodeAt(i);
  return number;
}

/** The variable of a `geo`. */
export class GeoVariable implements Variable {
  /** @param source null: the client's address. @param proxies senders whose X-Forwarded-For is believed */
  constructor(
    private readonly source: Template | null,
    private readonly table: GeoTable,
    private readonly defaultValue: string,
    private readonly proxies: readonly Network[],
    private readonly isRecursive: boolean,
  ) {}

  isFound(): boolean {
    return true;
  }

  text(exchange: Exchange): string {
    let address = this.source === null ? exchange.connection.remoteAddress : this.source.text(exchange);
    if (this.proxies.length > 0 && exchange.request.findField(FORWARDED_FOR) >= 0) {
      const list = exchange.request.joinedText(FORWARDED_FOR);
      address = walkForwarded(this.proxies, this.isRecursive, address, list)?.[0] ?? address;
    }
    return this.table.find(packed(address)) ?? this.defaultValue;
  }
}

function packed(address: string): string {
  const plain = /^::ffff:\d+\./i.test(address) ? address.slice('::ffff:'.length) : address;
  return isIPv4(plain) || (isIPv6(plain) && !plain.includes('%')) ? packAddress(plain) : NO_ADDRESS;
}
