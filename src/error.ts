/**
 * Every error wirehop can name, in one table. Decides: which status a fault owes the downstream side, which rule was
 * broken, and the sentence a person reads. Leaves to others: when a fault happens and what is done about it.
 */

/** One row: the status owed downstream, the rule, and the words. */
export interface ErrorRow {
  /** Sent downstream; 0 sends none. */
  readonly status: number;
  /** What was broken: a section of an RFC, or a directive. */
  readonly rule: string;
  /** What happened, for a person. */
  readonly text: string;
}

const ROWS = {
  // Heads
  HEAD_SYNTAX: { status: 400, rule: 'RFC 9112 2.2', text: 'the head breaks the grammar' },
  METHOD_INVALID: { status: 400, rule: 'RFC 9110 9.1', text: 'the method is not a token' },
  TARGET_INVALID: {
    status: 400,
    rule: 'RFC 9112 3.2',
    text: 'the request target has none of the four forms',
  },
  TARGET_USERINFO: { status: 400, rule: 'RFC 9110 4.2.4', text: 'the authority carries userinfo' },
  TARGET_SCHEME: {
    status: 400,
    rule: 'RFC 9112 3.2.2',
    text: 'the scheme of the request target is not http or https',
  },
  TARGET_ASTERISK: {
    status: 400,
    rule: 'RFC 9112 3.2.4',
    text: 'the asterisk-form belongs to OPTIONS alone',
  },
  CONNECT_CONTENT: {
    status: 400,
    rule: 'RFC 9110 9.3.6',
    text: 'CONNECT has content, which would be the first octets of its tunnel',
  },
  DESTINATION_REFUSED: {
    status: 403,
    rule: 'tunnel_allow',
    text: 'CONNECT to this destination is not allowed',
  },
  CONNECT_REFUSED: { status: 405, rule: 'RFC 9110 9.3.6', text: 'CONNECT is not configured here' },
  FIELD_REPEATED: { status: 400, rule: 'RFC 9110 5.3', text: 'a field that may stand once stands twice' },
  TRACE_REFUSED: { status: 405, rule: 'RFC 9110 9.3.8', text: 'TRACE is not answered, and not passed on' },
  VERSION_INVALID: { status: 400, rule: 'RFC 9112 2.3', text: 'this is not an HTTP version' },
  VERSION_UNSUPPORTED: { status: 505, rule: 'RFC 9110 15.6.6', text: 'the HTTP version is not 1.0 or 1.1' },
  START_LINE_WHITESPACE: {
    status: 400,
    rule: 'RFC 9112 3',
    text: 'the start line is not separated by single spaces',
  },
  START_LINE_EMPTY_LINES: {
    status: 400,
    rule: 'RFC 9112 2.2',
    text: 'too many empty lines, or a bare CR or LF, before the request line',
  },
  START_LINE_TOO_LARGE: {
    status: 414,
    rule: 'large_client_header_buffers',
    text: 'the request line is too large',
  },
  FIELD_LINE_TOO_LARGE: {
    status: 431,
    rule: 'large_client_header_buffers',
    text: 'a field line is too large',
  },
  HEAD_TOO_LARGE: { status: 431, rule: 'large_client_header_buffers', text: 'the head is too large' },
  TOO_MANY_FIELDS: { status: 431, rule: 'max_headers', text: 'the head has too many field lines' },
  FIELD_LINE_INVALID: {
    status: 400,
    rule: 'RFC 9112 5',
    text: 'a field line is not a token, a colon and a value',
  },
  FIELD_VALUE_INVALID: { status: 400, rule: 'RFC 9110 5.5', text: 'a field value holds a control octet' },
  HOST_MISSING: { status: 400, rule: 'RFC 9112 3.2', text: 'an HTTP/1.1 request needs a Host field' },
  HOST_REPEATED: { status: 400, rule: 'RFC 9112 3.2', text: 'more than one Host field' },
  HOST_INVALID: {
    status: 400,
    rule: 'RFC 9110 7.2',
    text: 'the Host field is not a host with an optional port',
  },
  EXPECTATION_UNKNOWN: { status: 417, rule: 'RFC 9110 10.1.1', text: 'the expectation is not 100-continue' },
  STATUS_LINE_INVALID: { status: 502, rule: 'RFC 9112 4', text: 'the status line breaks the grammar' },

  // Framing
  CONTENT_LENGTH_INVALID: {
    status: 400,
    rule: 'RFC 9112 6.3',
    text: 'Content-Length is not one decimal number',
  },
  CONTENT_LENGTH_REPEATED: { status: 400, rule: 'RFC 9112 6.3', text: 'more than one Content-Length' },
  TRANSFER_CODING_UNKNOWN: {
    status: 501,
    rule: 'RFC 9112 6.1',
    text: 'the transfer coding is not chunked alone',
  },
  TRANSFER_CODING_REPEATED: {
    status: 400,
    rule: 'RFC 9112 6.1',
    text: 'more than one Transfer-Encoding field',
  },
  TRANSFER_CODING_IN_1_0: {
    status: 400,
    rule: 'RFC 9112 6.1',
    text: 'Transfer-Encoding in an HTTP/1.0 message',
  },
  FRAMING_AMBIGUOUS: { status: 400, rule: 'RFC 9112 6.1', text: 'both Content-Length and Transfer-Encoding' },
  CHUNK_SIZE_INVALID: {
    status: 400,
    rule: 'RFC 9112 7.1',
    text: 'the chunk size is not hexadecimal, or too large',
  },
  CHUNK_EXTENSION_INVALID: {
    status: 400,
    rule: 'RFC 9112 7.1.1',
    text: 'the chunk extension breaks the grammar',
  },
  CHUNK_LINE_TOO_LARGE: { status: 400, rule: 'RFC 9112 7.1.1', text: 'the chunk size line is too large' },
  CHUNK_END_INVALID: { status: 400, rule: 'RFC 9112 7.1', text: 'the chunk is not followed by CRLF' },
  TRAILER_INVALID: { status: 400, rule: 'RFC 9112 7.1.2', text: 'the trailer section breaks the grammar' },
  TRAILER_TOO_LARGE: { status: 400, rule: 'RFC 9112 7.1.2', text: 'the trailer section is too large' },
  LENGTH_REQUIRED: {
    status: 411,
    rule: 'RFC 9110 15.5.12',
    text: 'chunked content cannot go to an HTTP/1.0 upstream',
  },
  CONTENT_TOO_LARGE: {
    status: 413,
    rule: 'client_max_body_size',
    text: 'the content is larger than allowed',
  },

  // Arrivals
  PROXY_HEADER_INVALID: {
    status: 0,
    rule: 'listen ... proxy_protocol',
    text: 'the connection does not begin with a PROXY header',
  },
  PROXY_HEADER_TIMEOUT: { status: 0, rule: 'client_header_timeout', text: 'the PROXY header took too long' },
  TLS_HANDSHAKE: { status: 0, rule: 'listen ... ssl', text: 'the TLS handshake failed' },
  TLS_HANDSHAKE_TIMEOUT: {
    status: 0,
    rule: 'client_header_timeout',
    text: 'the TLS handshake took too long',
  },
  TLS_NAME_REJECTED: { status: 0, rule: 'ssl_reject_handshake', text: 'no server takes this name' },
  TLS_ABANDONED: {
    status: 0,
    rule: 'listen ... ssl',
    text: 'the client left before the TLS handshake ended',
  },
  TLS_MISSING: { status: 400, rule: 'listen ... ssl', text: 'a request in the clear came to a port for TLS' },
  CERTIFICATE_INVALID: {
    status: 400,
    rule: 'ssl_verify_client',
    text: 'the client certificate cannot be trusted',
  },
  CERTIFICATE_MISSING: { status: 400, rule: 'ssl_verify_client', text: 'the client showed no certificate' },
  HOST_MISDIRECTED: {
    status: 421,
    rule: 'RFC 9110 7.4',
    text: 'the host is not the one that TLS was negotiated for',
  },

  // Exchanges
  HEAD_TIMEOUT: { status: 408, rule: 'client_header_timeout', text: 'the request head took too long' },
  CONTENT_TIMEOUT: { status: 408, rule: 'client_body_timeout', text: 'the request content stalled' },
  SEND_TIMEOUT: { status: 0, rule: 'send_timeout', text: 'the downstream side stopped reading' },
  KEEPALIVE_TIMEOUT: { status: 0, rule: 'keepalive_timeout', text: 'no further request came' },
  LINGERING_TIMEOUT: { status: 0, rule: 'lingering_timeout', text: 'the closing connection stayed open' },
  DOWNSTREAM_CLOSED: {
    status: 499,
    rule: 'RFC 9112 9.6',
    text: 'the downstream side closed before its answer was whole',
  },
  CONTENT_INCOMPLETE: { status: 400, rule: 'RFC 9112 8', text: 'the request content ended early' },
  UPSTREAM_CONNECT: { status: 502, rule: 'RFC 9110 15.6.3', text: 'the upstream connection failed' },
  UPSTREAM_TLS: { status: 502, rule: 'proxy_pass https://', text: 'TLS with the upstream side failed' },
  UPSTREAM_CERTIFICATE: {
    status: 502,
    rule: 'proxy_ssl_verify',
    text: 'the certificate of the upstream side cannot be trusted',
  },
  UPSTREAM_CONNECT_TIMEOUT: {
    status: 504,
    rule: 'proxy_connect_timeout',
    text: 'the upstream connection took too long',
  },
  UPSTREAM_SEND_TIMEOUT: {
    status: 504,
    rule: 'proxy_send_timeout',
    text: 'the upstream side stopped reading',
  },
  UPSTREAM_READ_TIMEOUT: {
    status: 504,
    rule: 'proxy_read_timeout',
    text: 'the upstream side sent nothing in time',
  },
  UPSTREAM_CLOSED: {
    status: 502,
    rule: 'RFC 9112 8',
    text: 'the upstream side closed before its response was whole',
  },
  UPSTREAM_SWITCH_UNASKED: {
    status: 502,
    rule: 'RFC 9110 15.2.2',
    text: 'the upstream side switched protocols unasked',
  },
  UPSTREAM_EXCESS: {
    status: 502,
    rule: 'RFC 9112 6.3',
    text: 'the upstream side sent more than its response',
  },
  SOURCE_FAILED: {
    status: 500,
    rule: 'RFC 9112 8',
    text: 'what is sent could not be read to its end',
  },
  NO_PEER: { status: 502, rule: 'upstream', text: 'no upstream peer can be used' },
  NAME_UNRESOLVED: { status: 502, rule: 'resolver', text: 'no address of the upstream is known' },
  TUNNEL_DRAINED: { status: 0, rule: 'websocket_drain', text: 'the tunnel was told to end by a Close frame' },
  TUNNEL_DRAIN_TIMEOUT: {
    status: 0,
    rule: 'websocket_drain',
    text: 'the tunnel did not end in time when it was told to',
  },
  TUNNEL_IDLE: { status: 0, rule: 'proxy_read_timeout', text: 'the tunnel carried nothing in time' },
  // Embedding
  HOOK_FAILED: { status: 500, rule: 'hooks', text: 'a hook or route function of the embedder threw' },
  HOOK_TIMEOUT: {
    status: 503,
    rule: 'hookTimeoutMs',
    text: 'a hook or route function of the embedder took too long',
  },
  UNEXPECTED_INPUT: { status: 500, rule: 'wirehop', text: 'an input came that this phase does not allow' },

  // Start-up
  LLHTTP_BINARY: { status: 500, rule: 'wirehop', text: 'the llhttp binary is missing or not the pinned one' },
} as const satisfies Record<string, ErrorRow>;

/** The name of a row of {@link ERRORS}. */
export type ErrorCode = keyof typeof ROWS;

/** Every error that wirehop can name. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorRow>> = ROWS;

/** Whose octets or silence caused a fault. `internal` is wirehop's own. */
export type Side = 'downstream' | 'upstream' | 'internal';

/**
 * What went wrong, as a value: no stack is captured, so a reset costs no more than an object.
 * Immutable once made.
 */
export class Fault {
  /**
   * @param code row of {@link ERRORS}
   * @param side whose fault it is
   * @param offset octets from the first octet of the message, or -1 where no octet is to blame
   * @param detail a system error code such as `ECONNREFUSED`, or ''
   */
  constructor(
    readonly code: ErrorCode,
    readonly side: Side,
    readonly offset = -1,
    readonly detail = '',
  ) {}

  /** Status owed downstream; 0 means that no status is sent. An upstream's fault is 502 or 504, never 4xx. */
  get status(): number {
    const status = ERRORS[this.code].status;
    return this.side === 'upstream' && status !== 504 && status !== 0 ? 502 : status;
  }

  /** What happened, with its place and the system's error where there is one. */
  get words(): string {
    const at = this.offset < 0 ? '' : ` at octet ${this.offset}`;
    const detail = this.detail === '' ? '' : ` (${this.detail})`;
    return ERRORS[this.code].text + at + detail;
  }

  /** One line: {@link words}, and behind them the code and the rule. */
  get message(): string {
    return `${this.words} [${this.code}, ${ERRORS[this.code].rule}]`;
  }
}

/** A start-up failure that a person can mend: shown as one line, without a stack. */
export class StartError extends Error {
  /** Tells it from other errors. */
  override readonly name = 'StartError';
  /**
   * @param code row of {@link ERRORS}
   * @param message the line
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** A fault in a configuration: what is wrong, where, and what to do. */
export class ConfigError extends Error {
  /** Tells it from other errors. */
  override readonly name = 'ConfigError';
  /**
   * @param text what is wrong, in nginx's words where nginx has them
   * @param file absolute path, or '' for the command line
   * @param line from 1; 0 when no line is to blame
   * @param column octets from 1; 0 when unknown
   * @param hint what to do instead, or ''
   */
  constructor(
    readonly text: string,
    readonly file = '',
    readonly line = 0,
    readonly column = 0,
    readonly hint = '',
  ) {
    super(
      text +
        (file === '' ? '' : ` in ${file}${line > 0 ? `:${line}` : ''}`) +
        (hint === '' ? '' : ` (${hint})`),
    );
  }
}
