/**
 * `allow` and `deny`: the first rule that an address matches decides; without a match all are allowed.
 */
import { isInside, type Network } from '../cidr.js';

export interface AddressRule {
  readonly allows: boolean;
  /** null for all. */
  readonly network: Network | null;
}

export class AddressRules {
  constructor(private readonly rules: readonly AddressRule[]) {}

  /** @param address numeric, or `unix:` and what follows */
  admits(address: string): boolean {
    for (const { allows, network } of this.rules) {
      if (network === null || isInside([network], address)) return allows;
    }
    return true;
  }
}
