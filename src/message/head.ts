/**
 * A message head as a plain value: its octets, and where its parts stand in them. Decides nothing; the readers of
 * `wire/` fill it, the rules of `message/` judge it, the writers of `wire/` copy from it.
 */

/** Integers per field line in {@link Head.fields}: name start, name end, value start, value end, name id. */
export const FIELD_STRIDE = 5;
/** First octet of the name, from the head's first. */
export const NAME_START = 0;
/** Behind the last octet of the name. */
export const NAME_END = 1;
/** First octet of the value, leading OWS excluded. */
export const VALUE_START = 2;
/** Behind the last octet of the value, trailing OWS excluded. */
export const VALUE_END = 3;
/** Id in FIELD_NAMES, 0 for a name nobody asked for, with {@link NOMINATED} set where Connection names the field. */
export const NAME_ID = 4;

/** Set in a field's NAME_ID: a Connection field names it, so it is hop-by-hop (RFC 9110 7.6.1). */
export const NOMINATED = 1 << 20;
/** The id alone, without {@link NOMINATED}. */
export const ID_MASK = NOMINATED - 1;

/** How the content of a message ends (RFC 9112 6.3), as {@link Head.body}: there is none. */
export const BODY_NONE = 0;
/** It has {@link Head.contentLength} octets. */
export const BODY_LENGTH = 1;
/** It comes in chunks. */
export const BODY_CHUNKED = 2;
/** It ends with the connection: responses only. */
export const BODY_UNTIL_CLOSE = 3;

/** Members of Connection, as bits of {@link Head.connection}: `close`. */
export const OPTION_CLOSE = 1;
/** `keep-alive`. */
export const OPTION_KEEP_ALIVE = 2;
/** `upgrade`. */
export const OPTION_UPGRADE = 4;
/** Any other member: it names a field that is hop-by-hop. */
export const OPTION_OTHER = 8;

/** A method that neither the protocol nor a retry depends on, as {@link Head.method}; its name is octets[0, methodEnd). */
export const METHOD_OTHER = 0;
/** GET. */
export const METHOD_GET = 1;
/** HEAD: its response has no content. */
export const METHOD_HEAD = 2;
/** CONNECT. */
export const METHOD_CONNECT = 3;
/** OPTIONS: the one method with an asterisk-form. */
export const METHOD_OPTIONS = 4;
/** Idempotent by RFC 9110 9.2.2, and none of the others: PUT, DELETE. */
export const METHOD_IDEMPOTENT = 5;
/** TRACE: it shows whoever asks what the proxy adds to a request. */
export const METHOD_TRACE = 6;

/** Forms of a request target (RFC 9112 3.2), as {@link Head.form}: `/path?query`. */
export const FORM_ORIGIN = 0;
/** `http://host/path?query`. */
export const FORM_ABSOLUTE = 1;
/** `host:port`: CONNECT only. */
export const FORM_AUTHORITY = 2;
/** `*`: OPTIONS only. */
export const FORM_ASTERISK = 3;

/**
 * One message head. Offsets count from the first octet of the start line, which stands at octets[0].
 * The storage belongs to whoever reads the head and is used again for the next one: copy what must outlive the exchange.
 */
export class Head {
  /** The head from its start line on; what stands behind {@link length} is left over. */
  octets: Buffer;
  /** The same octets, for reading several at once; empty once the head is {@link settle}d. */
  view: DataView;
  /** Octets of the head, the empty line that ends it included. */
  length = 0;
  /** {@link FIELD_STRIDE} integers for each field line, in order. */
  fields: Int32Array;
  /** Number of field lines. */
  count = 0;
  /** The y of HTTP/1.y. */
  minorVersion = 1;
  /** Position behind the last octet of the start line. */
  startLineEnd = 0;

  // Requests
  /** One of METHOD_*. */
  method = METHOD_OTHER;
  /** Behind the last octet of the method, which begins at 0. */
  methodEnd = 0;
  /** First octet of the request target. */
  targetStart = 0;
  /** Behind its last octet. */
  targetEnd = 0;
  /** One of FORM_*. */
  form = FORM_ORIGIN;
  /** Path and query of the target, in origin-form and absolute-form; empty when an absolute target has no path. */
  pathStart = 0;
  /** Behind the last octet of path and query. */
  pathEnd = 0;
  /** Host and port that the request is for: from an absolute target, else from Host. Equal when there is none. */
  hostStart = 0;
  /** Behind the last octet of host and port. */
  hostEnd = 0;
  /** Behind the host's last octet, the port and its colon excluded. */
  hostNameEnd = 0;
  /** `Expect: 100-continue` was asked. */
  expectsContinue = false;

  // Responses
  /** The status code; 0 in a request. */
  status = 0;
  /** First octet of the reason phrase, which may be empty. */
  reasonStart = 0;
  /** Behind its last octet. */
  reasonEnd = 0;

  // Decided by the rules of message/
  /** Bits OPTION_*: what the Connection fields say. */
  connection = 0;
  /** One of BODY_*: how the content ends. */
  body = BODY_NONE;
  /** Octets of content when body is BODY_LENGTH. */
  contentLength = 0;
  /** Index of the Upgrade field, or -1. */
  upgradeField = -1;
  /** The sender keeps the connection open behind this message. */
  keepsAlive = false;

  /**
   * @param octets size of the storage to begin with, which grows, or such storage
   * @param fields storage for field lines
   */
  constructor(octets: number | Buffer = 1024, fields: Int32Array = new Int32Array(32 * FIELD_STRIDE)) {
    this.octets = typeof octets === 'number' ? Buffer.allocUnsafeSlow(octets) : octets;
    this.view = viewOf(this.octets);
    this.fields = fields;
  }

  /** Gives the head other storage. */
  replace(octets: Buffer): void {
    this.octets = octets;
    this.view = viewOf(octets);
  }

  /**
   * Moves into storage that is no larger than the head, which is to stay for long and is not sent on any more.
   * @returns the storage that it had, in a new head
   */
  settle(): Head {
    const heir = new Head(this.octets, this.fields);
    const integers = this.count * FIELD_STRIDE;
    // Both in one piece. Integers stand at multiples of four octets, and so does whatever allocUnsafe hands out.
    const fieldsAt = (this.length + 3) & ~3;
    const octets = Buffer.allocUnsafe(fieldsAt + integers * 4);
    const fields = new Int32Array(octets.buffer, octets.byteOffset + fieldsAt, integers);
    heir.octets.copy(octets, 0, 0, this.length);
    for (let i = 0; i < integers; i++) fields[i] = heir.fields[i];
    this.octets = octets;
    this.fields = fields;
    this.view = NO_VIEW;
    return heir;
  }

  /** Forgets the head; the storage stays. A head that is refused half-read must not show the one before it. */
  clear(): void {
    this.length = this.count = this.startLineEnd = 0;
    this.method = METHOD_OTHER;
    this.methodEnd = this.targetStart = this.targetEnd = this.pathStart = this.pathEnd = 0;
    this.form = FORM_ORIGIN;
    this.hostStart = this.hostEnd = this.hostNameEnd = 0;
    this.expectsContinue = false;
    this.status = this.reasonStart = this.reasonEnd = 0;
    this.connection = 0;
    this.body = BODY_NONE;
    this.contentLength = 0;
    this.upgradeField = -1;
    this.keepsAlive = false;
  }

  /** Index of the first field with this id, or -1. */
  findField(id: number): number {
    const { fields, count } = this;
    for (let i = 0, at = NAME_ID; i < count; i++, at += FIELD_STRIDE) {
      if ((fields[at] & ID_MASK) === id) return i;
    }
    return -1;
  }

  /** The value of field line `index` as Latin-1 text. */
  valueText(index: number): string {
    const at = index * FIELD_STRIDE;
    return this.text(this.fields[at + VALUE_START], this.fields[at + VALUE_END]);
  }

  /** Latin-1 text of octets[start, end). */
  text(start: number, end: number): string {
    return start === end ? '' : this.octets.toString('latin1', start, end);
  }

  /** Values of all lines with this id, joined by ", " as RFC 9110 5.3 allows, or '' when there is none. */
  joinedText(id: number): string {
    let text = '';
    let found = false;
    for (let i = 0; i < this.count; i++) {
      if ((this.fields[i * FIELD_STRIDE + NAME_ID] & ID_MASK) !== id) continue;
      text = found ? `${text}, ${this.valueText(i)}` : this.valueText(i);
      found = true;
    }
    return text;
  }
}

const NO_VIEW = new DataView(new ArrayBuffer(0));

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}
