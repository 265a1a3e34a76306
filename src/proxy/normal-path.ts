/**
 * The path of a request as locations see it. Decides what a path means: nobody else decodes one.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { HEX_VALUE, latin1, PERCENT, QUESTION, SLASH } from '../bytes/octets.js';
import { FORM_ABSOLUTE, Head } from '../message/head.js';

const DOT = 0x2e;
const NO_HEAD = new Head(0);
const ROOT_PATH = latin1('/');

/** The normalised path, and where the query stands. Empty until {@link read}. */
export class NormalPath {
  /** Asked for its octets each time: a head that stays for long moves ({@link Head.settle}). */
  private head: Head = NO_HEAD;
  /** In place of the head's octets: a path that was decoded or replaced. */
  private ownPath: Uint8Array | null = null;
  /** As {@link ownPath}: a query that was replaced. */
  private ownArgs: Uint8Array | null = null;
  /** The path is octets[start, end): percent-decoded, without dot segments. */
  start = 0;
  end = 0;
  /** The query is argsOctets[argsStart, argsEnd), without its "?"; equal when there is none or it is empty. */
  argsStart = 0;
  argsEnd = 0;
  /** The received path held a percent-encoded octet, so that what is made of it must be encoded again. */
  wasEncoded = false;
  private cachedText: string | null = null;

  /** The head's own octets while the path is plain, else a decoded copy. */
  get octets(): Uint8Array {
    return this.ownPath ?? this.head.octets;
  }

  /** As {@link octets}, for the query. */
  get argsOctets(): Uint8Array {
    return this.ownArgs ?? this.head.octets;
  }

  /**
   * Reads the path of a request. Allocates nothing for a plain one: no "%", no "//" (when merged), no "/.".
   * @param mergesSlashes merge_slashes
   * @returns false if the path is not one (OPTIONS *), climbs above the root, or holds an encoded NUL: 400 is due
   */
  read(head: Head, mergesSlashes: boolean): boolean {
    const { octets, pathStart, pathEnd } = head;
    this.wasEncoded = false;
    let isPlain = true;
    let last = 0;
    let i = pathStart;
    for (; i < pathEnd; i++) {
      const octet = octets[i];
      if (octet === QUESTION) break;
      if (octet === PERCENT) {
        isPlain = false;
        this.wasEncoded = true;
      } else if (last === SLASH && (octet === DOT || (octet === SLASH && mergesSlashes))) {
        isPlain = false;
      }
      last = octet;
    }
    this.head = head;
    this.ownArgs = null;
    this.argsStart = i < pathEnd ? i + 1 : pathEnd;
    this.argsEnd = pathEnd;
    this.cachedText = null;
    if (i === pathStart) return this.readEmpty(head);
    if (!isPlain) return this.normalise(octets, pathStart, i, mergesSlashes);
    this.ownPath = null;
    this.start = pathStart;
    this.end = i;
    return octets[pathStart] === SLASH;
  }

  /** An absolute-form target may leave its path out (RFC 9110 4.2.3: it is "/" then); the others without one have none. */
  private readEmpty(head: Head): boolean {
    this.ownPath = ROOT_PATH;
    this.start = 0;
    this.end = 1;
    return head.form === FORM_ABSOLUTE;
  }

  /** Puts another path in place of the received one. @param text Latin-1, as locations are to see it */
  setPath(text: string): void {
    this.ownPath = latin1(text);
    this.start = 0;
    this.end = this.ownPath.length;
    this.cachedText = text;
  }

  /** Puts another query in place of the received one. @param text Latin-1, without "?" */
  setArgs(text: string): void {
    this.ownArgs = latin1(text);
    this.argsStart = 0;
    this.argsEnd = this.ownArgs.length;
  }

  /** The query as Latin-1 text ($args). */
  argsText(): string {
    const { argsOctets, argsStart, argsEnd } = this;
    if (argsStart === argsEnd) return '';
    return Buffer.from(argsOctets.buffer, argsOctets.byteOffset + argsStart, argsEnd - argsStart).toString(
      'latin1',
    );
  }

  /** Appends "?" and the query, if there is one. */
  putQuery(out: OctetWriter): void {
    if (this.argsEnd === this.argsStart) return;
    out.putOctet(QUESTION);
    out.put(this.argsOctets, this.argsStart, this.argsEnd);
  }

  /** The path as Latin-1 text ($uri); made once. */
  text(): string {
    if (this.cachedText === null) {
      const { octets } = this;
      const path = Buffer.from(octets.buffer, octets.byteOffset + this.start, this.end - this.start);
      this.cachedText = path.toString('latin1');
    }
    return this.cachedText;
  }

  /**
   * Decodes, removes dot segments and merges slashes in one pass, as nginx does: an encoded "/" or "." counts as one.
   * Segments are judged where they end, at a slash or at the end of the path.
   */
  private normalise(octets: Uint8Array, from: number, to: number, mergesSlashes: boolean): boolean {
    // Never longer than what came, one slash more excepted.
    const path = new Uint8Array(to - from + 1);
    this.ownPath = path;
    this.start = this.end = 0;
    if (octets[from] !== SLASH) return false;
    path[0] = SLASH;
    let length = 1;
    let segment = 1;
    for (let i = from + 1; i <= to; i++) {
      let octet = i < to ? octets[i] : SLASH;
      if (octet === PERCENT) {
        if (i + 2 >= to) return false;
        const high = HEX_VALUE[octets[i + 1]];
        const low = HEX_VALUE[octets[i + 2]];
        octet = (high << 4) | low;
        // NUL would end the path for whoever reads it as a C string.
        if (high > 15 || low > 15 || octet === 0) return false;
        i += 2;
      }
      if (octet !== SLASH) {
        path[length++] = octet;
        continue;
      }
      const size = length - segment;
      if (size === 1 && path[segment] === DOT) {
        length = segment;
      } else if (size === 2 && path[segment] === DOT && path[segment + 1] === DOT) {
        if (segment === 1) return false;
        length = path.lastIndexOf(SLASH, segment - 2) + 1;
      } else if (i < to && (size > 0 || !mergesSlashes)) {
        path[length++] = SLASH;
      }
      segment = length;
    }
    this.end = length;
    return true;
  }
}
