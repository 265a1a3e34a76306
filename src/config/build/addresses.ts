/**
 * Names to numbers. Decides that a name is asked for once, however often it is written.
 */
import { isIP } from 'node:net';
import type { HostAddress } from '../address.js';
import type { Site } from './site.js';

/** Asks the world for addresses, each name once. */
export class Addresses {
  private readonly asked = new Map<string, Promise<readonly string[]>>();

  constructor(private readonly site: Site) {}

  /** Numeric hosts behind an address; rejects with an Error when there are none. */
  async of(address: HostAddress): Promise<readonly string[]> {
    const { host, family } = address;
    if (family !== 0) return [host];
    // What no resolver could know is not asked for: a query takes its time.
    if (!/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/.test(host)) throw new Error('this is not a host name');
    let answer = this.asked.get(host);
    if (answer === undefined) {
      answer = this.site.world.resolve(host);
      this.asked.set(host, answer);
    }
    const addresses = [...new Set(await answer)].filter((one) => isIP(one) !== 0);
    if (addresses.length === 0) throw new Error('it has no addresses');
    return addresses;
  }
}

/** Why a name has no address, for a hint. */
export function resolveReason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code === 'ENOTFOUND' ? 'no such host is known' : (message ?? String(error));
}
