/**
 * Writes the PROXY header that goes in front of a connection to an upstream
 * (haproxy.org/download/3.2/doc/proxy-protocol.txt). Decides nothing.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { V2_SIGNATURE } from './reader.js';

/** The two ends of a downstream connection. Numeric addresses; anything else is a unix socket. */
export interface ProxiedConnection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

const UNKNOWN_V1 = Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
/** Version 2, LOCAL, no address. */
const LOCAL_V2 = Buffer.concat([V2_SIGNATURE, Buffer.from([0x20, 0, 0, 0])]);

/** The header. Where the ends are of different families, or of none, it names no addresses. */
export function proxyHeaderOf(version: 1 | 2, connection: ProxiedConnection): Buffer {
  const { remoteAddress, localAddress, remotePort, localPort } = connection;
  const family =
    isIPv4(remoteAddress) && isIPv4(localAddress) ? 4 : isIPv6(remoteAddress) && isIPv6(localAddress) ? 6 : 0;
  if (version === 1) {
    if (family === 0) return UNKNOWN_V1;
    const line = `PROXY TCP${family} ${remoteAddress} ${localAddress} ${remotePort} ${localPort}\r\n`;
    return Buffer.from(line, 'latin1');
  }
  if (family === 0) return LOCAL_V2;
  const size = family === 4 ? 4 : 16;
  const rest = Buffer.alloc(4 + 2 * size + 4);
  rest[0] = 0x21; // version 2, PROXY
  rest[1] = family === 4 ? 0x11 : 0x21; // over a stream
  rest.writeUInt16BE(2 * size + 4, 2);
  rest.set(packAddress(remoteAddress), 4);
  rest.set(packAddress(localAddress), 4 + size);
  rest.writeUInt16BE(remotePort, 4 + 2 * size);
  rest.writeUInt16BE(localPort, 6 + 2 * size);
  return Buffer.concat([V2_SIGNATURE, rest]);
}

/** A numeric address as 4 or 16 octets. */
export function packAddress(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  const [head, tail] = text.split('%')[0].split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const groups = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The 16-bit groups of a part of an IPv6 address; an IPv4 address at its end is two of them. */
function groupsOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((text) => {
    if (!text.includes('.')) return [parseInt(text, 16)];
    const [a, b, c, d] = text.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
