/**
 * Classes of octets as tables: one load and one test per octet. Decides which octets belong to which production of
 * RFC 9110 and RFC 3986; leaves to others what to do about an octet that does not belong.
 */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const DQUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const ASTERISK = 0x2a;
export const QUESTION = 0x3f;
export const PERCENT = 0x25;

/** tchar (RFC 9110 5.6.2): what a method and a field name are made of. */
export const TOKEN = 1;
/** HEXDIG in either case (RFC 5234 B.1). */
export const HEX = 2;
/** What may stand in the path or query of an origin-form target: RFC 3986 pchar, "/" and "?", "%" included. */
export const TARGET = 4;
/** What a reg-name may be made of (RFC 3986 3.2.2), "%" included. */
export const REG_NAME = 8;
/** field-vchar, SP, HTAB (RFC 9110 5.5), obs-text included. */
export const FIELD_VALUE = 16;
export const DIGIT = 32;
/** Not in RFC 3986's path, yet sent there unencoded by browsers (URL Standard, path percent-encode set). */
export const LOOSE_PATH = 64;
/** Not in RFC 3986's query, yet sent there unencoded by browsers (URL Standard, special-query percent-encode set). */
export const LOOSE_QUERY = 128;

/** CLASS[octet] is the set of classes that the octet belongs to, as bits. */
export const CLASS = new Uint8Array(256);

/** FOLD[octet] is the octet in lower case: ASCII letters only, all else unchanged. */
export const FOLD = new Uint8Array(256);

/** HEX_VALUE[octet] is the value of a hexadecimal digit, or 255. */
export const HEX_VALUE = new Uint8Array(256).fill(255);

const ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const SUB_DELIMS = "!$&'()*+,;=";
const UNRESERVED = ALNUM + '-._~';

function mark(octets: string, bit: number): void {
  for (let i = 0; i < octets.length; i++) CLASS[octets.charCodeAt(i)] |= bit;
}

mark(ALNUM + "!#$%&'*+-.^_`|~", TOKEN);
mark('0123456789abcdefABCDEF', HEX);
mark('0123456789', DIGIT);
mark(UNRESERVED + SUB_DELIMS + ':@/?%', TARGET);
mark(UNRESERVED + SUB_DELIMS + '%', REG_NAME);
mark('[]^|', LOOSE_PATH);
mark('[]\\^`{|}', LOOSE_QUERY);
for (let c = 0; c < 256; c++) {
  FOLD[c] = c >= 0x41 && c <= 0x5a ? c | 0x20 : c;
  if (c === TAB || (c >= 0x20 && c !== 0x7f)) CLASS[c] |= FIELD_VALUE;
}
for (let v = 0; v < 16; v++) {
  HEX_VALUE['0123456789abcdef'.charCodeAt(v)] = v;
  HEX_VALUE['0123456789ABCDEF'.charCodeAt(v)] = v;
}

/** Octets of Latin-1 text: one octet per code unit. Throws a RangeError for a code unit above 255. */
export function latin1(text: string): Uint8Array {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 255) throw new RangeError(`not Latin-1: ${JSON.stringify(text)}`);
  }
  return Buffer.from(text, 'latin1');
}

/** Whether octets[start, end) equals `name` without regard to ASCII case. `folded` must be in lower case. */
export function equalsFolded(octets: Uint8Array, start: number, end: number, folded: Uint8Array): boolean {
  if (end - start !== folded.length) return false;
  for (let i = 0; i < folded.length; i++) if (FOLD[octets[start + i]] !== folded[i]) return false;
  return true;
}
