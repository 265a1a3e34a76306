/**
 * Reads the PROXY header in front of a connection, version 1 or 2 (haproxy.org/download/3.2/doc/proxy-protocol.txt).
 * Decides whether the header is one: what breaks the specification is refused, nothing is guessed. Leaves to others what
 * the addresses are used for.
 */
import { latin1 } from '../../bytes/octets.js';
import { isIpv4, isIpv6 } from '../../message/request-rules.js';

/** The header is not whole yet. */
export const PROXY_MORE = 0;
/** The header is whole. */
export const PROXY_COMPLETE = 1;
/** These octets are no PROXY header. */
export const PROXY_REFUSED = 2;

/** What a PROXY header says of the connection in front of the proxy that sent it. */
export interface ProxyHeader {
  /** 1 or 2. */
  readonly version: number;
  /** Of the client, numeric; '' where the header names none (UNKNOWN, LOCAL, a unix socket). */
  readonly address: string;
  /** Of the client; 0 where the header names none. */
  readonly port: number;
  /** Where the client connected to; '' where the header names none. */
  readonly serverAddress: string;
  /** 0 where the header names none. */
  readonly serverPort: number;
  /** Type-length-value fields of version 2, in order. */
  readonly tlvs: readonly ProxyTlv[];
}

/** One type-length-value field. */
export interface ProxyTlv {
  /** One octet. */
  readonly type: number;
  /** Its octets, which nobody else uses. */
  readonly value: Buffer;
}

/** The longest line of version 1, its CRLF included. */
export const LONGEST_V1_OCTETS = 107;
/** nginx's limit for version 2 (NGX_PROXY_PROTOCOL_MAX_HEADER). */
export const LONGEST_V2_OCTETS = 4096;

const V1_PREFIX = Buffer.from('PROXY ', 'latin1');
export const V2_SIGNATURE: Buffer = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEADER_OCTETS = 16;
const CR = 0x0d;
const LF = 0x0a;

const COMMAND_LOCAL = 0;
const COMMAND_PROXY = 1;
const FAMILY_INET = 1;
const FAMILY_INET6 = 2;
const FAMILY_UNIX = 3;
/** Octets of the address part, by family. */
const ADDRESS_OCTETS = [0, 12, 36, 216];
const LARGEST_TRANSPORT = 2;

export class ProxyHeaderReader {
  /** What was read, after {@link PROXY_COMPLETE}. */
  header: ProxyHeader | null = null;
  /** Octets that the header takes, after {@link PROXY_COMPLETE}. */
  length = 0;

  /**
   * Reads octets[start, end), all that came so far; call it again with more.
   * @returns one of PROXY_*
   */
  read(octets: Buffer, start: number, end: number): number {
    if (start === end) return PROXY_MORE;
    if (octets[start] === V1_PREFIX[0]) return this.readLine(octets, start, end);
    if (octets[start] === V2_SIGNATURE[0]) return this.readBinary(octets, start, end);
    return PROXY_REFUSED;
  }

  private complete(header: ProxyHeader, length: number): number {
    this.header = header;
    this.length = length;
    return PROXY_COMPLETE;
  }

  private readLine(octets: Buffer, start: number, end: number): number {
    if (!beginsWith(octets, start, end, V1_PREFIX)) return PROXY_REFUSED;
    const limit = Math.min(end, start + LONGEST_V1_OCTETS);
    let at = start;
    while (at < limit && octets[at] !== CR && octets[at] !== LF) at++;
    // The line ends with CRLF; a CR may be the last octet that came.
    const isBroken = at < limit && (octets[at] === LF || (at + 1 < end && octets[at + 1] !== LF));
    if (isBroken || at - start > LONGEST_V1_OCTETS - 2) return PROXY_REFUSED;
    if (at + 1 >= end) return PROXY_MORE;
    const header = lineHeader(octets.toString('latin1', start, at));
    return header === null ? PROXY_REFUSED : this.complete(header, at + 2 - start);
  }

  private readBinary(octets: Buffer, start: number, end: number): number {
    if (!beginsWith(octets, start, end, V2_SIGNATURE)) return PROXY_REFUSED;
    if (end - start < V2_HEADER_OCTETS) return PROXY_MORE;
    const at = start + V2_SIGNATURE.length;
    const version = octets[at] >> 4;
    const command = octets[at] & 0x0f;
    const family = octets[at + 1] >> 4;
    const transport = octets[at + 1] & 0x0f;
    const length = octets.readUInt16BE(at + 2);
    if (version !== 2 || command > COMMAND_PROXY) return PROXY_REFUSED;
    if (family > FAMILY_UNIX || transport > LARGEST_TRANSPORT) return PROXY_REFUSED;
    if (V2_HEADER_OCTETS + length > LONGEST_V2_OCTETS) return PROXY_REFUSED;
    if (command === COMMAND_PROXY && length < ADDRESS_OCTETS[family]) return PROXY_REFUSED;
    if (end - start < V2_HEADER_OCTETS + length) return PROXY_MORE;
    const from = start + V2_HEADER_OCTETS;
    const header = binaryHeader(
      octets.subarray(from, from + length),
      command === COMMAND_LOCAL ? 0 : family,
      command,
    );
    return header === null ? PROXY_REFUSED : this.complete(header, V2_HEADER_OCTETS + length);
  }
}

function beginsWith(octets: Buffer, start: number, end: number, wanted: Buffer): boolean {
  const count = Math.min(end - start, wanted.length);
  for (let i = 0; i < count; i++) if (octets[start + i] !== wanted[i]) return false;
  return true;
}

const UNKNOWN: ProxyHeader = {
  version: 1,
  address: '',
  port: 0,
  serverAddress: '',
  serverPort: 0,
  tlvs: [],
};

/** `PROXY TCP4 source destination port port`: single spaces, nothing else. */
function lineHeader(line: string): ProxyHeader | null {
  // Whatever follows UNKNOWN is to be ignored.
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) return UNKNOWN;
  const words = line.split(' ');
  if (words.length !== 6) return null;
  const [, protocol, source, destination, sourcePort, destinationPort] = words;
  const isAddress = protocol === 'TCP4' ? isIpv4 : protocol === 'TCP6' ? isIpv6 : null;
  if (isAddress === null) return null;
  for (const text of [source, destination]) if (!isAddress(latin1(text), 0, text.length)) return null;
  if (!isPort(sourcePort) || !isPort(destinationPort)) return null;
  return {
    version: 1,
    address: source.toLowerCase(),
    port: Number(sourcePort),
    serverAddress: destination.toLowerCase(),
    serverPort: Number(destinationPort),
    tlvs: [],
  };
}

/** 0 to 65535 without leading zeros. */
function isPort(text: string): boolean {
  return /^(0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** null where the fields behind the addresses do not add up. */
function binaryHeader(octets: Buffer, family: number, command: number): ProxyHeader | null {
  const tlvs = command === COMMAND_LOCAL ? [] : tlvsOf(octets.subarray(ADDRESS_OCTETS[family]));
  if (tlvs === null) return null;
  const none = { ...UNKNOWN, version: 2, tlvs };
  if (family !== FAMILY_INET && family !== FAMILY_INET6) return none;
  const size = family === FAMILY_INET ? 4 : 16;
  const show = family === FAMILY_INET ? ipv4Text : ipv6Text;
  return {
    ...none,
    address: show(octets.subarray(0, size)),
    serverAddress: show(octets.subarray(size, 2 * size)),
    port: octets.readUInt16BE(2 * size),
    serverPort: octets.readUInt16BE(2 * size + 2),
  };
}

/** Every field is one octet of type, two of length and as many octets of value. */
export function tlvsOf(octets: Buffer): ProxyTlv[] | null {
  const tlvs: ProxyTlv[] = [];
  for (let at = 0; at < octets.length;) {
    if (at + 3 > octets.length) return null;
    const end = at + 3 + octets.readUInt16BE(at + 1);
    if (end > octets.length) return null;
    // A copy: the octets received are not kept for it.
    tlvs.push({ type: octets[at], value: Buffer.from(octets.subarray(at + 3, end)) });
    at = end;
  }
  return tlvs;
}

function ipv4Text(octets: Buffer): string {
  return octets.join('.');
}

/** As RFC 5952 writes it: the longest run of two zero groups or more is "::". */
function ipv6Text(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i));
  let best = 0;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > bestLength) [best, bestLength] = [i, length];
    i += length;
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  if (bestLength < 2) return hex(0, 8);
  const isMapped = best === 0 && bestLength === 5 && groups[5] === 0xffff;
  return isMapped
    ? `::ffff:${ipv4Text(octets.subarray(12))}`
    : `${hex(0, best)}::${hex(best + bestLength, 8)}`;
}
