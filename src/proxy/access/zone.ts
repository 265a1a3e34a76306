/**
 * `limit_req_zone` and `limit_conn_zone`: what is remembered by key. Decides how much of it: where a zone is full, what
 * was used longest ago makes room, as in nginx.
 */
import type { Exchange } from '../../machine/exchange.js';

/** Gives a key as text. */
export interface KeySource {
  text(exchange: Exchange): string;
}

/** About what nginx needs for one key (`ngx_http_limit_req_node_t` in its slab). */
const OCTETS_PER_KEY = 128;
/** Longer keys are not counted, as in nginx. */
export const LONGEST_KEY = 65535;

/** Values by key, at most as many as nginx would hold in the same memory. State of this worker alone. */
export class Zone<T> {
  private readonly values = new Map<string, T>();
  private readonly most: number;

  /** @param octets size of the zone as configured */
  constructor(
    readonly name: string,
    readonly key: KeySource,
    octets: number,
  ) {
    this.most = Math.max(1, Math.floor(octets / OCTETS_PER_KEY));
  }

  /** Values held. */
  get size(): number {
    return this.values.size;
  }

  /** The value of a key, which was used now. */
  get(key: string): T | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    this.values.delete(key);
    this.values.set(key, value);
    return value;
  }

  /** Keeps the value of a new key. */
  add(key: string, value: T): void {
    if (this.values.size >= this.most) {
      const [oldest] = this.values.keys();
      this.values.delete(oldest);
    }
    this.values.set(key, value);
  }

  /** Whether a new key has room without another one's being forgotten. */
  get hasRoom(): boolean {
    return this.values.size < this.most;
  }

  delete(key: string): void {
    this.values.delete(key);
  }
}
