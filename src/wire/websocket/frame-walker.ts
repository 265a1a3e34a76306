/**
 * Finds where the WebSocket frames of one direction begin and end (RFC 6455 5.2). Decides nothing about what they say:
 * it reads headers and counts payloads, so it costs a few operations per frame and nothing per octet of payload, and
 * extensions such as permessage-deflate do not disturb it. A boundary cannot be found from the middle of a stream: a
 * walker must see every octet from the first one behind the 101.
 */

/** The opcode of a message's later frames (RFC 6455 5.2). From {@link OPCODE_CLOSE} on opcodes are control frames'. */
export const OPCODE_CONTINUATION = 0x0;
/** A text message's first frame. */
export const OPCODE_TEXT = 0x1;
/** A binary message's first frame. */
export const OPCODE_BINARY = 0x2;
/** The closing handshake (RFC 6455 5.5.1). */
export const OPCODE_CLOSE = 0x8;
/** A ping (RFC 6455 5.5.2). */
export const OPCODE_PING = 0x9;
/** A pong (RFC 6455 5.5.3). */
export const OPCODE_PONG = 0xa;

const FIN = 0x80;
const OPCODE = 0x0f;
const MASKED = 0x80;
const LENGTH = 0x7f;
/** Values of the seven bits that say how many octets of length follow. */
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASKING_KEY_OCTETS = 4;
/** Every header has these: what it is, and how long. */
const FIRST_OCTETS = 2;

/**
 * A place in a stream of frames. Give it every octet of one direction in order, in whatever pieces they come, masked
 * or not. It keeps no octets and never throws.
 */
export class FrameWalker {
  /** Of the frame under way, or behind its end of the last one; 0 before the first header octet. */
  opcode = 0;
  /** The frame is the last one of its message. As `opcode`. */
  isFinal = false;
  /** The frame's payload is masked: it comes from the client. Known, as `payloadOctets`, when the header is whole. */
  isMasked = false;
  /** Length of the frame's payload. Known when {@link step} has walked over the header. */
  payloadOctets = 0;
  /** A message has begun and its last frame has not ended yet; control frames may stand in between (RFC 6455 5.4). */
  inMessage = false;
  /** A Close frame has begun: behind its end nothing may follow (RFC 6455 5.5.1). */
  sawClose = false;
  /**
   * A header gave a length that no frame can have: from 2^63 on (RFC 6455 5.2), or above 2^53 - 1, which cannot be
   * counted here. No boundary is found any more.
   */
  isLost = false;

  /** Header octets of the frame under way that were seen; 0 between frames. */
  private seen = 0;
  /** Header octets that it has, as far as is known. */
  private headerOctets = FIRST_OCTETS;
  /** Payload octets that are still to come. */
  private left = 0;

  /** Everything walked over so far is whole frames: another frame may be put in here. True before the first octet. */
  get atBoundary(): boolean {
    return this.seen === 0;
  }

  /**
   * Walks to the end of the frame under way, between frames to that of the next one, but not beyond octets[start, end).
   * @returns where it stopped: behind the frame if {@link atBoundary} holds then, else `end`
   */
  step(octets: Uint8Array, start: number, end: number): number {
    let at = start;
    while (this.seen < this.headerOctets) {
      if (at >= end) return end;
      this.takeHeaderOctet(octets[at++]);
    }
    const { left } = this;
    if (end - at < left) {
      this.left = left - (end - at);
      return end;
    }
    this.endFrame();
    return at + left;
  }

  /**
   * Walks over octets[start, end).
   * @returns the offset behind the last frame that ended there, or -1 if none did
   */
  walk(octets: Uint8Array, start: number, end: number): number {
    let boundary = -1;
    for (let at = start; at < end;) {
      at = this.step(octets, at, end);
      if (this.seen === 0) boundary = at;
    }
    return boundary;
  }

  private takeHeaderOctet(octet: number): void {
    const index = this.seen++;
    if (index === 0) {
      this.opcode = octet & OPCODE;
      this.isFinal = (octet & FIN) !== 0;
      if (this.opcode === OPCODE_CLOSE) this.sawClose = true;
      else if (this.opcode < OPCODE_CLOSE) this.inMessage = true;
    } else if (index === 1) {
      const length = octet & LENGTH;
      const lengthOctets = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0;
      this.isMasked = (octet & MASKED) !== 0;
      this.headerOctets = FIRST_OCTETS + lengthOctets + (this.isMasked ? MASKING_KEY_OCTETS : 0);
      this.payloadOctets = this.left = lengthOctets === 0 ? length : 0;
    } else if (index < this.headerOctets - (this.isMasked ? MASKING_KEY_OCTETS : 0)) {
      this.payloadOctets = this.left = this.left * 256 + octet;
      if (!Number.isSafeInteger(this.left)) this.lose();
    }
  }

  private lose(): void {
    this.isLost = true;
    this.seen = this.headerOctets;
    this.left = Infinity;
  }

  private endFrame(): void {
    if (this.isFinal && this.opcode < OPCODE_CLOSE) this.inMessage = false;
    this.seen = 0;
    this.headerOctets = FIRST_OCTETS;
    this.left = 0;
  }
}
