/**
 * Looks into the first octets of a connection for a TLS client hello (RFC 8446 4.1.2, RFC 5246 7.4.1.2) and the name in
 * it (server_name, RFC 6066 3), so that the server to speak as is known before the handshake begins. Decides nothing
 * about TLS: whatever is malformed is left to the TLS library, which has the right alert for it.
 */

/** More octets are needed. */
export const HELLO_MORE = 0;
/** A client hello is there, or octets that begin like one and are not: the handshake can begin. */
export const HELLO_TLS = 1;
/** These octets do not begin a TLS handshake. */
export const HELLO_CLEAR = 2;

/** Octets after which nobody waits for the end of a client hello any more: OpenSSL's own limit, and record headers. */
export const LARGEST_HELLO_OCTETS = 131_396 + 1024;

const RECORD_HANDSHAKE = 0x16;
/** An SSLv2 client hello begins with a length whose highest bit is set. OpenSSL answers it with an alert. */
const SSL2_BIT = 0x80;
const RECORD_HEADER_OCTETS = 5;
const LARGEST_RECORD_OCTETS = 16_384;
const MESSAGE_CLIENT_HELLO = 1;
const MESSAGE_HEADER_OCTETS = 4;
const EXTENSION_SERVER_NAME = 0;
const NAME_HOST = 0;
/** Version and random. */
const FIXED_OCTETS = 2 + 32;

/** What {@link readClientHello} found. */
export interface ClientHello {
  /** One of HELLO_*. */
  readonly outcome: number;
  /** As sent, Latin-1; '' for none, and for a hello that is malformed. */
  readonly serverName: string;
}

const MORE: ClientHello = { outcome: HELLO_MORE, serverName: '' };
const CLEAR: ClientHello = { outcome: HELLO_CLEAR, serverName: '' };
const NAMELESS: ClientHello = { outcome: HELLO_TLS, serverName: '' };

/** Reads octets[start, end), all that came so far. It keeps nothing: call it again with more octets. */
export function readClientHello(octets: Uint8Array, start: number, end: number): ClientHello {
  if (start === end) return MORE;
  if (octets[start] !== RECORD_HANDSHAKE) return (octets[start] & SSL2_BIT) === 0 ? CLEAR : NAMELESS;
  const message: number[] = [];
  let wanted = MESSAGE_HEADER_OCTETS;
  // A hello may be cut into records at any octet.
  for (let at = start; ;) {
    if (end - at < RECORD_HEADER_OCTETS) {
      return at < end && octets[at] !== RECORD_HANDSHAKE ? NAMELESS : MORE;
    }
    const length = (octets[at + 3] << 8) | octets[at + 4];
    if (octets[at] !== RECORD_HANDSHAKE || octets[at + 1] !== 3 || length === 0) return NAMELESS;
    if (length > LARGEST_RECORD_OCTETS) return NAMELESS;
    at += RECORD_HEADER_OCTETS;
    const recordEnd = Math.min(at + length, end);
    for (let i = at; i < recordEnd && message.length < wanted; i++) {
      message.push(octets[i]);
      if (message.length !== MESSAGE_HEADER_OCTETS) continue;
      if (message[0] !== MESSAGE_CLIENT_HELLO) return NAMELESS;
      wanted += (message[1] << 16) | (message[2] << 8) | message[3];
      if (wanted > LARGEST_HELLO_OCTETS) return NAMELESS;
    }
    if (message.length === wanted && wanted > MESSAGE_HEADER_OCTETS) return helloOf(message);
    if (at + length > end) return MORE;
    at += length;
  }
}

/** A fatal alert in the clear: unrecognized_name (RFC 6066 3), in a record of the version that hellos carry. */
export const UNRECOGNIZED_NAME: Buffer = Buffer.from([0x15, 3, 1, 0, 2, 2, 112]);

function helloOf(message: readonly number[]): ClientHello {
  const name = serverNameOf(new Reader(message, MESSAGE_HEADER_OCTETS));
  return name === '' ? NAMELESS : { outcome: HELLO_TLS, serverName: name };
}

/** '' where there is no name, or where the grammar is broken. */
function serverNameOf(hello: Reader): string {
  hello.skip(FIXED_OCTETS);
  hello.skip(hello.uint8()); // legacy_session_id
  hello.skip(hello.uint16()); // cipher_suites
  hello.skip(hello.uint8()); // legacy_compression_methods
  const extensions = hello.part(hello.uint16());
  while (!extensions.isAtEnd && !hello.isBroken) {
    const type = extensions.uint16();
    const extension = extensions.part(extensions.uint16());
    if (extensions.isBroken) return '';
    if (type === EXTENSION_SERVER_NAME) return firstName(extension);
  }
  return '';
}

/** One name alone is allowed, and only of type host_name (RFC 6066 3). */
function firstName(extension: Reader): string {
  const list = extension.part(extension.uint16());
  if (list.uint8() !== NAME_HOST) return '';
  const name = list.text(list.uint16());
  return extension.isBroken || list.isBroken || !list.isAtEnd ? '' : name;
}

/** Reads numbers off octets. Behind the end everything is 0 and `isBroken`. */
class Reader {
  isBroken = false;

  constructor(
    private readonly octets: readonly number[],
    private at: number,
    private readonly end: number = octets.length,
  ) {}

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  uint8(): number {
    if (this.at < this.end) return this.octets[this.at++];
    this.isBroken = true;
    return 0;
  }

  uint16(): number {
    const high = this.uint8();
    return (high << 8) | this.uint8();
  }

  skip(count: number): void {
    if (this.at + count > this.end) this.isBroken = true;
    this.at = Math.min(this.at + count, this.end);
  }

  part(count: number): Reader {
    const from = this.at;
    this.skip(count);
    const part = new Reader(this.octets, from, this.at);
    part.isBroken = this.isBroken;
    return part;
  }

  text(count: number): string {
    const from = this.at;
    this.skip(count);
    return String.fromCharCode(...this.octets.slice(from, this.at));
  }
}
