/**
 * Which destinations CONNECT may name: `tunnel_allow` and `tunnel_deny`, and what is refused without them. Decides that
 * alone; resolves nothing.
 */
import { packAddress } from './fields.js';
import { isInside, parseNetwork, type Network } from './cidr.js';

/** Whom a rule is about. */
export type DestinationMatch =
  | { readonly kind: 'all' }
  | { readonly kind: 'network'; readonly network: Network }
  /** A name as CONNECT wrote it, lower case. */
  | { readonly kind: 'name'; readonly name: string }
  /** All names that end so, with the dot. */
  | { readonly kind: 'suffix'; readonly suffix: string };

/** One `tunnel_allow` or `tunnel_deny`. */
export interface DestinationRule {
  readonly allows: boolean;
  readonly match: DestinationMatch;
  /** First and last of each; empty for all ports. */
  readonly ports: readonly (readonly [number, number])[];
}

/** What rules say of a destination. `address`: its address has to be known first. */
export type Judgement = 'allowed' | 'refused' | 'address';

function networks(...texts: string[]): Network[] {
  return texts.map((text) => parseNetwork(text)!);
}

const LOOPBACK = networks('127.0.0.0/8', '::1');
/**
 * Addresses that reach further than a client who comes from elsewhere: this machine, and its link, where clouds keep
 * their metadata. The unspecified address is this machine, too, for who connects to it.
 */
const GUARDED = [...LOOPBACK, ...networks('0.0.0.0/8', '::', '169.254.0.0/16', 'fe80::/10')];

/** Whether all of a network is guarded: whoever writes it means it. */
function isGuarded({ base, bits }: Network): boolean {
  return GUARDED.some(
    (guarded) =>
      guarded.base.length === base.length && guarded.bits <= bits && isInside([guarded], unpack(base)),
  );
}

/** The rules of one location. */
export class Destinations {
  constructor(private readonly rules: readonly DestinationRule[]) {}

  /**
   * The first rule that matches decides; without one all are allowed. Loopback, link-local and unspecified addresses are
   * refused for all that, unless the rule names them: by an address, a network of such addresses, or the whole name that
   * was asked for. A client whose own address is loopback could connect there itself, and may.
   * @param host as CONNECT has it, lower case
   * @param address numeric; '' while it is not known
   * @param client numeric address of whoever asks
   */
  judge(host: string, address: string, port: number, client: string): Judgement {
    return this.judgePlain(host, address === '' ? '' : plain(address), port, plain(client));
  }

  private judgePlain(host: string, address: string, port: number, client: string): Judgement {
    for (const { allows, match, ports } of this.rules) {
      if (ports.length > 0 && !ports.some(([first, last]) => port >= first && port <= last)) continue;
      if (match.kind === 'network') {
        if (address === '') return 'address';
        if (!isInside([match.network], address)) continue;
        if (!allows) return 'refused';
        return isGuarded(match.network) || isOpen(address, client) ? 'allowed' : 'refused';
      }
      if (match.kind === 'name' && host !== match.name) continue;
      if (match.kind === 'suffix' && !host.endsWith(match.suffix)) continue;
      if (!allows) return 'refused';
      return match.kind === 'name' ? 'allowed' : opened(address, client);
    }
    return opened(address, client);
  }
}

/** IPv4 in IPv6's clothes (RFC 4291 2.5.5.2), however it is written, as IPv4. */
const MAPPED = '\0'.repeat(10) + '\xff\xff';

function plain(address: string): string {
  const packed = packAddress(address);
  return packed.length === 16 && packed.startsWith(MAPPED) ? unpack(packed.slice(MAPPED.length)) : address;
}

function opened(address: string, client: string): Judgement {
  if (address === '') return 'address';
  return isOpen(address, client) ? 'allowed' : 'refused';
}

function isOpen(address: string, client: string): boolean {
  if (!isInside(GUARDED, address)) return true;
  return isInside(LOOPBACK, address) && isInside(LOOPBACK, client);
}

/** An address as text, of its octets in Latin-1. */
function unpack(packed: string): string {
  const octets = Buffer.from(packed, 'latin1');
  if (octets.length === 4) return octets.join('.');
  const groups: string[] = [];
  for (let i = 0; i < octets.length; i += 2) groups.push(octets.readUInt16BE(i).toString(16));
  return groups.join(':');
}
