/** The Close frame of a peer that does not mask (RFC 6455 5.5.1): what a proxy puts in front of a tunnel's end. */
import { OPCODE_CLOSE } from './frame-walker.js';

/** A control frame's payload (RFC 6455 5.5) without the code in front. */
export const MAX_CLOSE_REASON_OCTETS = 123;

/** Codes that may be sent: those of RFC 6455 7.4.1 and IANA's registry, and those for applications (7.4.2). */
export function isCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return Number.isInteger(code);
  // 1004 is reserved; 1005, 1006 and 1015 stand for ends without a Close frame.
  return [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].includes(code);
}

/**
 * A whole Close frame, as it goes from a server to a client: not masked. The caller owns it.
 * @param reason at most {@link MAX_CLOSE_REASON_OCTETS} octets of UTF-8
 * @throws RangeError for a code that may not be sent, or a reason that is too long
 */
export function closeFrame(code: number, reason = ''): Buffer {
  if (!isCloseCode(code)) throw new RangeError(`${code} is no code that a Close frame may carry`);
  const text = Buffer.from(reason);
  if (text.length > MAX_CLOSE_REASON_OCTETS) {
    throw new RangeError(`a Close frame's reason has at most ${MAX_CLOSE_REASON_OCTETS} octets`);
  }
  const head = [0x80 | OPCODE_CLOSE, 2 + text.length, code >> 8, code & 0xff];
  return Buffer.concat([Buffer.from(head), text]);
}
