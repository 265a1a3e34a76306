/**
 * Heads whose lines end in a bare LF (RFC 9112 2.2: a recipient MAY recognize one as a line end). Decides which octets
 * of a chunk belong to a head, and puts the missing CR in front of each LF there, so that everything behind this file
 * sees CRLF alone. Used only where `ignore_missing_cr` is on.
 */
import { CR, LF } from '../../bytes/octets.js';

/** Completes the line ends of one head after another; {@link reset} between them. */
export class LineEnds {
  /** Position in the chunk behind the last octet that was looked at: behind the head, if it ended there. */
  end = 0;
  private lastIsCr = false;
  /** Octets of the line under way, CR excluded. */
  private lineOctets = 0;
  /** A line that is not empty has begun: the next empty one ends the head. */
  private hasBegun = false;

  reset(): void {
    this.lastIsCr = false;
    this.lineOctets = 0;
    this.hasBegun = false;
  }

  /**
   * The octets of chunk[start, end) up to the end of the head, with CRLF for each bare LF.
   * @returns null where nothing is missing: the chunk can be read as it is
   */
  complete(chunk: Buffer, start: number, end: number): Buffer | null {
    const beganWithCr = this.lastIsCr;
    const missing = this.scan(chunk, start, end);
    return missing === 0 ? null : insertCrs(chunk, start, this.end, missing, beganWithCr);
  }

  /** Finds the end of the head; answers how many CR are missing in front of it. */
  private scan(chunk: Buffer, start: number, end: number): number {
    let missing = 0;
    for (let at = start; at < end; at++) {
      const octet = chunk[at];
      if (octet === LF) {
        if (!this.lastIsCr) missing++;
        this.lastIsCr = false;
        if (this.hasBegun && this.lineOctets === 0) {
          this.end = at + 1;
          return missing;
        }
        this.lineOctets = 0;
        continue;
      }
      this.lastIsCr = octet === CR;
      if (this.lastIsCr) continue;
      this.lineOctets++;
      this.hasBegun = true;
    }
    this.end = end;
    return missing;
  }
}

function insertCrs(chunk: Buffer, start: number, end: number, missing: number, beganWithCr: boolean): Buffer {
  const whole = Buffer.allocUnsafe(end - start + missing);
  let lastIsCr = beganWithCr;
  let to = 0;
  for (let at = start; at < end; at++) {
    const octet = chunk[at];
    if (octet === LF && !lastIsCr) whole[to++] = CR;
    whole[to++] = octet;
    lastIsCr = octet === CR;
  }
  return whole;
}
