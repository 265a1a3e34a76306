/**
 * Sets of addresses by network, as nginx's configuration writes them: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`,
 * `unix:`. Decides whether an address is in a set; resolves nothing.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { packAddress } from './fields.js';

/** One network. */
export interface Network {
  /** Octets of the address in Latin-1, host bits cleared: 4, 16, or none for unix sockets. */
  readonly base: string;
  readonly bits: number;
}

/** Every connection over a unix socket. */
export const UNIX_NETWORK: Network = { base: '', bits: 0 };

/**
 * Reads a network.
 * @returns undefined for what is none. `isPrecise` is false where bits of the host were set, which nginx warns of.
 */
export function parseNetwork(text: string): (Network & { readonly isPrecise: boolean }) | undefined {
  if (text === 'unix:') return { ...UNIX_NETWORK, isPrecise: true };
  const [address, mask, more] = text.split('/');
  if (more !== undefined || !(isIPv4(address) || isIPv6(address)) || address.includes('%')) return undefined;
  const packed = packAddress(address);
  const most = packed.length * 8;
  const bits = mask === undefined ? most : maskBits(mask, most);
  if (bits === undefined) return undefined;
  const base = clearHost(packed, bits);
  return { base, bits, isPrecise: base === packed };
}

/** Whether an address is in one of the networks. @param address numeric, or `unix:` and what follows */
export function isInside(networks: readonly Network[], address: string): boolean {
  // An IPv4 address in IPv6's clothes is an IPv4 address.
  const plain = /^::ffff:\d+\./i.test(address) ? address.slice('::ffff:'.length) : address;
  const packed = plain.startsWith('unix:') ? '' : packAddress(plain);
  return networks.some(
    ({ base, bits }) => base.length === packed.length && (base === '' || clearHost(packed, bits) === base),
  );
}

/** `24`; for IPv4 also `255.255.255.0`, as nginx has it. */
function maskBits(mask: string, most: number): number | undefined {
  if (/^[0-9]{1,3}$/.test(mask)) return Number(mask) <= most ? Number(mask) : undefined;
  if (most !== 32 || !isIPv4(mask)) return undefined;
  const binary = mask
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(binary) ? binary.replace(/0+$/, '').length : undefined;
}

/** An address whose host bits are cleared. @param packed octets, Latin-1 */
export function clearHost(packed: string, bits: number): string {
  const whole = bits >> 3;
  const rest = bits & 7;
  if (rest === 0) return packed.slice(0, whole).padEnd(packed.length, '\0');
  const cut = packed.charCodeAt(whole) & (0xff00 >> rest);
  return (packed.slice(0, whole) + String.fromCharCode(cut)).padEnd(packed.length, '\0');
}
