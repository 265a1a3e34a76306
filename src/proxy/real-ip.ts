/**
 * The client's address behind trusted proxies (`set_real_ip_from` and its like). Decides as nginx does
 * (`ngx_http_realip_handler`, `ngx_http_get_forwarded_addr`): an address is believed only from a trusted sender.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Exchange } from '../machine/exchange.js';
import type { ConnectionFacts } from '../machine/policy.js';
import { FIELD_NAMES } from '../message/field-names.js';
import { isInside, type Network } from './cidr.js';

/** `proxy_protocol`: the PROXY header. Otherwise a field's name, lower case. */
export type RealIpSource = string;
/** The PROXY header as a source. */
export const FROM_PROXY_HEADER: RealIpSource = 'proxy_protocol';

const FORWARDED_FOR = 'x-forwarded-for';

/** Where an address and a port came from before realip put others in their place. */
interface RealConnection extends ConnectionFacts {
  readonly original: ConnectionFacts;
}

/** The rules of one level. Immutable. */
export class RealIp {
  private readonly field: number;

  /** @param networks senders that are trusted */
  constructor(
    private readonly networks: readonly Network[],
    private readonly source: RealIpSource,
    private readonly isRecursive: boolean,
  ) {
    this.field = source === FROM_PROXY_HEADER ? 0 : FIELD_NAMES.intern(source);
  }

  /** Puts the client's address in the place of the connection's, if it is to be believed. Once for each exchange. */
  apply(exchange: Exchange): void {
    const { connection, request } = exchange;
    if (isReal(connection)) return;
    if (this.source === FROM_PROXY_HEADER) {
      const { proxied } = connection;
      if (proxied == null || proxied.address === '' || !this.trusts(connection.remoteAddress)) return;
      const [address] = this.walk(connection.remoteAddress, proxied.address) ?? [''];
      if (address !== '') exchange.connection = realConnection(connection, address, proxied.port);
      return;
    }
    const index = request.findField(this.field);
    if (index < 0) return;
    const value = this.source === FORWARDED_FOR ? request.joinedText(this.field) : request.valueText(index);
    const found = this.walk(connection.remoteAddress, value);
    if (found !== null) exchange.connection = realConnection(connection, ...found);
  }

  private trusts(address: string): boolean {
    return isInside(this.networks, address);
  }

  private walk(sender: string, list: string): [address: string, port: number] | null {
    return walkForwarded(this.networks, this.isRecursive, sender, list);
  }
}

/**
 * From the last address of a list to its first, as long as each sender is in one of the networks
 * (`ngx_http_get_forwarded_addr`); null where none is believed.
 * @param isRecursive not only the last one
 */
export function walkForwarded(
  networks: readonly Network[],
  isRecursive: boolean,
  sender: string,
  list: string,
): [address: string, port: number] | null {
  let found: [address: string, port: number] | null = null;
  let rest = list;
  for (let from = sender; isInside(networks, from);) {
    rest = rest.replace(/[ ,]+$/, '');
    const start = Math.max(rest.lastIndexOf(' '), rest.lastIndexOf(',')) + 1;
    const address = parseAddressPort(rest.slice(start));
    if (address === null) break;
    found = address;
    if (!isRecursive || start === 0) break;
    rest = rest.slice(0, start);
    from = address[0];
  }
  return found;
}

/** The connection as it came: of a client behind a trusted proxy that proxy's. */
export function originalConnection(connection: ConnectionFacts): ConnectionFacts {
  return isReal(connection) ? connection.original : connection;
}

function isReal(connection: ConnectionFacts): connection is RealConnection {
  return 'original' in connection;
}

/** All else is the connection's, now and later. */
function realConnection(
  original: ConnectionFacts,
  remoteAddress: string,
  remotePort: number,
): RealConnection {
  return Object.create(original, {
    original: { value: original },
    remoteAddress: { value: remoteAddress },
    remotePort: { value: remotePort },
    cache: { value: undefined, writable: true },
  }) as RealConnection;
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; null for all else (`ngx_parse_addr_port`). */
export function parseAddressPort(text: string): [address: string, port: number] | null {
  if (isIPv4(text)) return [text, 0];
  if (isIPv6(text) && !text.includes('%')) return [text.toLowerCase(), 0];
  const match = /^(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) return null;
  const [, four, six, port = '0'] = match;
  const isAddress = four === undefined ? isIPv6(six) : isIPv4(four);
  const isPort = match[3] === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
  return isAddress && isPort ? [(four ?? six).toLowerCase(), Number(port)] : null;
}
