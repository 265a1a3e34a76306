/**
 * `allow` and `deny`: who may use a location, by the client's address. The first rule that is about an address decides;
 * one that none is about is let in (`ngx_http_access_module`).
 */
import { isInside, type Network } from './cidr.js';

/** One rule; null is about every address. */
export interface AccessRule {
  readonly allows: boolean;
  readonly network: Network | null;
}

/** The rules of one level. Immutable. */
export class AccessRules {
  private readonly rules: readonly {
    readonly allows: boolean;
    readonly networks: readonly Network[] | null;
  }[];

  constructor(rules: readonly AccessRule[]) {
    this.rules = rules.map(({ allows, network }) => ({
      allows,
      networks: network === null ? null : [network],
    }));
  }

  /** @param address numeric, or `unix:` and what follows */
  admit(address: string): boolean {
    for (const { allows, networks } of this.rules) {
      if (networks === null || isInside(networks, address)) return allows;
    }
    return true;
  }
}
