/**
 * `allow` and `deny`: the first rule that an address matches decides; without a match nothing is said.
 */
import { isInside, type Network } from '../cidr.js';
import { DECLINED, GRANTED } from './verdict.js';

export interface AddressRule {
  readonly allows: boolean;
  /** null for all. */
  readonly network: Network | null;
}

export class AddressRules {
  constructor(private readonly rules: readonly AddressRule[]) {}

  /**
   * @param address numeric, or `unix:` and what follows
   * @returns GRANTED, DECLINED or 403
   */
  judge(address: string): number {
    for (const { allows, network } of this.rules) {
      if (network === null || isInside([network], address)) return allows ? GRANTED : 403;
    }
    return DECLINED;
  }
}
