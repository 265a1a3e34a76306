/**
 * What the machine asks of whoever decides: where a request goes, what is edited, how long to wait. The machine
 * declares these interfaces, `proxy/` implements them from a configuration, an embedder may implement them by hand.
 * All times are milliseconds, all sizes octets.
 */
import type { Fault } from '../error.js';
import type { FieldEdits, ValueSource } from '../message/field-edits.js';
import type { ProxyHeader } from '../wire/proxy-protocol/reader.js';
import type { Exchange } from './exchange.js';
import type { ArrivalRules, DialRules, TlsFacts } from './security.js';

/** What is known of one downstream connection. Texts are rendered once per connection. */
export interface ConnectionFacts {
  /** Serial number, unique in the process ($connection). */
  readonly serial: number;
  /** Numeric address, or `unix:` (as nginx shows it). */
  readonly remoteAddress: string;
  /** 0 for a unix socket. */
  readonly remotePort: number;
  /** Numeric address, or `unix:PATH`. */
  readonly localAddress: string;
  /** 0 for a unix socket. */
  readonly localPort: number;
  /** The downstream side speaks TLS. */
  readonly secure: boolean;
  /** What the handshake brought; null or absent for a connection in the clear. */
  readonly tls?: TlsFacts | null;
  /** What the PROXY header said; null or absent without one. */
  readonly proxied?: ProxyHeader | null;
  /** Monotonic ms. */
  readonly openedAt: number;
  /** Monotonic ms at which PROXY header and TLS handshake were over; absent where there was neither. */
  readonly arrivedAt?: number;
  /** The policy's own: what it renders once per connection. Start it as undefined, so that the object keeps its shape. */
  cache?: unknown;
}

/** What holds on a connection before a request has named its server. */
export interface ReadingRules {
  /** For the whole head, from its first octet; for the first head from the accept. */
  readonly headTimeoutMs: number;
  /** Longest request line, and longest field line (large_client_header_buffers, second number). */
  readonly maxLineOctets: number;
  /** Longest head (large_client_header_buffers, product). */
  readonly maxHeadOctets: number;
  /** Most field lines in a head (max_headers). */
  readonly maxFields: number;
  /**
   * By octet: 0 for those that make a field name invalid, so that its line is not passed on (ignore_invalid_headers).
   * Absent: every token passes.
   */
  readonly nameOctets?: Uint8Array;
  /** A bare LF ends a line of a request head, too (ignore_missing_cr). Absent: it is refused. */
  readonly ignoresMissingCr?: boolean;
}

/** How fast a response goes downstream (limit_rate). */
export interface RateRules {
  /** Octets a second; 0 for as fast as can be. Asked once, in front of the response. */
  perSecond(exchange: Exchange): number;
  /** Octets in front of the limit. */
  octetsAfter(exchange: Exchange): number;
}

/** What holds for the downstream side of one exchange, and for the connection behind it. */
export interface DownstreamRules {
  /** 0 turns persistent connections off. */
  readonly keepaliveTimeoutMs: number;
  /** A connection that waits for a next request is closed no earlier on a drain (keepalive_min_timeout). Default 0. */
  readonly keepaliveMinTimeoutMs?: number;
  /** Requests on one connection before it is closed. */
  readonly keepaliveRequests: number;
  /** Age of a connection after which the next answer closes it. */
  readonly keepaliveTimeMs: number;
  /** Between two reads of request content. */
  readonly bodyTimeoutMs: number;
  /** Between two writes that the downstream side accepts. */
  readonly sendTimeoutMs: number;
  /** Largest request content; 0 for no limit. */
  readonly maxContentOctets: number;
  /** Longest time spent reading and dropping what still comes after a refusal, so that the peer can read it. */
  readonly lingeringTimeMs: number;
  /** Between two reads of such octets. */
  readonly lingeringTimeoutMs: number;
  /**
   * Whether a connection that is closed behind an answer waits for what the peer still sends (lingering_close): `on`,
   * and so if absent, where octets are known to be on their way.
   */
  readonly lingering?: 'on' | 'always' | 'off';
  /** A connection closed for a timeout or by status 444 is reset, so that the system holds nothing of it. */
  readonly resetsTimedOut?: boolean;
  /** The lines that say that a connection stays. Absent: `Connection: keep-alive`. */
  readonly keepAliveLines?: Uint8Array | undefined;
  /** How fast responses go; absent: as fast as can be. Tunnels always do. */
  readonly rate?: RateRules | undefined;
}

/** One upstream address. */
export interface Peer {
  /** As $upstream_addr shows it. */
  readonly name: string;
  /** Numeric address, or '' when `path` is used. */
  readonly host: string;
  /** 0 when `path` is used. */
  readonly port: number;
  /** Path of a unix socket, or ''. */
  readonly path: string;
  /** How idle connections to it are kept; the same object for all peers of an upstream. */
  readonly pool: PoolRules;
}

/** How connections to the peers of one upstream are kept while idle. One object per upstream: it is the pool's key. */
export interface PoolRules {
  /** Idle connections kept for all peers together (keepalive); 0 keeps none. */
  readonly maxIdle: number;
  /** An idle connection is closed after this time (keepalive_timeout). */
  readonly idleTimeoutMs: number;
  /** Requests on one connection. */
  readonly maxRequests: number;
  /** Age after which a connection is not kept again (keepalive_time). */
  readonly maxAgeMs: number;
}

/** Chooses among the peers of an upstream. */
export interface PeerSource {
  /**
   * The peer to try next, or undefined when none is left. `exchange.attempts` from `exchange.passStart` on lists those
   * already tried.
   * Each peer handed out comes back through {@link release} once.
   */
  next(exchange: Exchange, now: number): Peer | undefined;
  /**
   * Asked where {@link next} has no first peer: looks for peers, and resolves when `next` has them, or with what is wrong.
   * Must not reject; takes as long as its own timeout allows. null: there is nothing to look for. Absent: as null.
   */
  find?(exchange: Exchange): Promise<Fault | null> | null;
  /**
   * Takes a peer back.
   * @param failed the attempt counts against the peer (max_fails)
   */
  release(peer: Peer, failed: boolean, now: number): void;
}

/** A bit of {@link ForwardPlan.nextOn}: on an error while connecting, sending or reading the head (proxy_next_upstream error). */
export const NEXT_ERROR = 1;
/** As {@link NEXT_ERROR}: on a timeout in the same places. */
export const NEXT_TIMEOUT = 2;
/** As {@link NEXT_ERROR}: on a response head that cannot be read, or an empty answer. */
export const NEXT_INVALID_HEADER = 4;
/** As {@link NEXT_ERROR}: also requests that may not be repeated (RFC 9110 9.2.2) once they have been sent. */
export const NEXT_NON_IDEMPOTENT = 8;

/** How the proxy takes leave of a WebSocket client (websocket_drain). */
export interface FarewellRules {
  /** What the Close frame says: 1001, 1012 (RFC 6455 7.4)... It must be one that `isCloseCode` lets pass. */
  readonly code: number;
  /** For a person who reads it; at most 123 octets of UTF-8. */
  readonly reason: string;
  /** Tunnels are told at random times within this long. */
  readonly spreadMs: number;
  /** How long a boundary is waited for, and then the closing handshake; then the tunnel is closed as it is. */
  readonly answerMs: number;
}

/** Pass the request to an upstream. One object per location, used for every request. */
export interface ForwardPlan {
  /** Tells the kinds of {@link Plan} apart. */
  readonly kind: 'forward';
  /** In force from here on, until the connection's next request is decided about. */
  readonly downstream: DownstreamRules;
  /** Where the request may go. */
  readonly peers: PeerSource;
  /** How connections to them begin; absent for TCP alone. */
  readonly dial?: DialRules | undefined;
  /**
   * For CONNECT alone: the peer is the end of a tunnel. No head goes to it; as soon as it is connected to, 200 goes
   * downstream with {@link responseEdits}, and octets pass both ways (RFC 9110 9.3.6). Without it CONNECT is refused.
   */
  readonly opensTunnel?: boolean;
  /** The request target sent upstream; null sends the path and query as received. */
  readonly target: ValueSource<Exchange> | null;
  /** The method sent upstream (proxy_method); null or absent: as received. */
  readonly method?: ValueSource<Exchange> | null;
  /**
   * Content sent in place of the request's, which is read and dropped (proxy_set_body); null sends none
   * (proxy_pass_request_body off). Absent: the request's own.
   */
  readonly content?: ValueSource<Exchange> | null | undefined;
  /** What is done to the request's fields. */
  readonly requestEdits: FieldEdits<Exchange>;
  /** What is done to the final response's fields. */
  readonly responseEdits: FieldEdits<Exchange>;
  /** The y of HTTP/1.y towards the upstream (proxy_http_version). */
  readonly minorVersion: 0 | 1;
  /** From CONNECT to `connected`. */
  readonly connectTimeoutMs: number;
  /** Between two writes that the upstream side accepts. */
  readonly sendTimeoutMs: number;
  /** Between two reads from the upstream side; for a tunnel between two octets in either direction. */
  readonly readTimeoutMs: number;
  /** Takes the place of readTimeoutMs in a tunnel. Infinity for no limit. Absent: readTimeoutMs, as in nginx. */
  readonly tunnelTimeoutMs?: number;
  /** How a WebSocket tunnel ends when the proxy drains; absent: it goes on until a side ends it, and costs nothing. */
  readonly farewell?: FarewellRules | undefined;
  /** Longest response head (proxy_buffer_size). */
  readonly maxResponseHeadOctets: number;
  /** A bare LF ends a line of a response head, too (ignore_missing_cr in `upstream`). Absent: it is refused. */
  readonly ignoresMissingCr?: boolean;
  /** Whether a 103 goes on (early_hints). Absent: every interim response does. */
  readonly passesHints?: ((exchange: Exchange) => boolean) | undefined;
  /** A trailer section of the response is left out (proxy_pass_trailers off). */
  readonly dropsTrailers?: boolean;
  /** Bits NEXT_*. */
  readonly nextOn: number;
  /** Statuses from 300 on with which a response sends the request to the next peer (proxy_next_upstream http_...). */
  readonly nextStatuses?: ReadonlySet<number> | undefined;
  /** Most attempts for one request; 0 for no limit (proxy_next_upstream_tries). */
  readonly nextTries: number;
  /** Time in which a request may be passed on; 0 for no limit (proxy_next_upstream_timeout). */
  readonly nextTimeoutMs: number;
  /** Statuses from 300 on with which a response is shown to {@link Policy.intercept} before any of it goes on. */
  readonly intercepts?: ReadonlySet<number> | undefined;
  /** A response with X-Accel-Redirect is shown to {@link Policy.intercept}, whatever its status. */
  readonly followsAccel?: boolean;
  /** How fast the response's content is read, in octets a second; 0, or absent: as fast as can be (proxy_limit_rate). */
  readonly readRate?: ((exchange: Exchange) => number) | undefined;
  /** A response may say at which rate it goes downstream (X-Accel-Limit-Rate). */
  readonly followsRate?: boolean;
  /** The status that goes downstream, whatever the upstream's is (error_page); 0 or absent: the upstream's. */
  readonly status?: number;
}

/** Content of an answer that is read while it goes out, such as a file. For one exchange. */
export interface ContentSource {
  /** How many octets there are. */
  readonly octets: number;
  /**
   * Reads the next octets into `into`. One read at a time.
   * @param done called once, never during the call. `count`: 0 where there are no more. `detail`: a system error code,
   *   or '' where all is well
   */
  read(into: Buffer, done: (count: number, detail: string) => void): void;
}

/** Answer here. One object per rule, used for every request. */
export interface RespondPlan {
  /** Tells the kinds of {@link Plan} apart. */
  readonly kind: 'respond';
  /** In force from here on, until the connection's next request is decided about. */
  readonly downstream: DownstreamRules;
  /** 444 closes the connection without an answer, as nginx does. */
  readonly status: number;
  /** Lines of the answer; Content-Length and Connection are written by the machine. */
  readonly edits: FieldEdits<Exchange>;
  /** null: the built-in page for statuses from 300 on, no content below. */
  readonly content: ValueSource<Exchange> | null;
  /**
   * Content that is read as it goes, in place of `content`; asked once for each answer. What is behind it is the
   * policy's, and may be given back in {@link Policy.finished}. Absent, or null for an exchange: `content` holds.
   */
  readonly source?: ((exchange: Exchange) => ContentSource | null) | undefined;
}

/** What becomes of a request. */
export type Plan = ForwardPlan | RespondPlan;

/**
 * Something has to be found out before there is a plan (auth_basic, auth_request). One object per location. Nothing of the
 * request's content is taken meanwhile.
 */
export interface AskPlan {
  /** Tells the kinds of {@link Decision} apart. */
  readonly kind: 'ask';
  /** In force from here on, until the connection's next request is decided about. */
  readonly downstream: DownstreamRules;
  /**
   * The next step of finding out.
   * @param answered the subrequest that the last step asked for, with its status and the heads that belong to it; they are
   *   valid until this returns. null at first, and behind a promise
   * @returns a decision; or a subrequest, made by {@link Exchange.fork}, with its plan; or a promise of a
   *   decision, which never rejects
   */
  ask(exchange: Exchange, answered: Exchange | null, now: number): Decision | Exchange | Promise<Decision>;
}

/** A plan, or the way to it. */
export type Decision = Plan | AskPlan;

/**
 * What becomes of an upstream's final response head. null: it goes on by the plan's edits. Edits: it goes on by these
 * instead. A plan: wirehop answers itself, and the upstream connection is given up.
 */
export type Review = FieldEdits<Exchange> | RespondPlan | null;

/** Decides about the connections of one listener. Called from inside the machine: must not call back into it. */
export interface Policy {
  /** What comes in front of the first request; absent for nothing. */
  readonly arrival?: ArrivalRules | undefined;
  /** Limits while a request head is read. */
  readonly reading: ReadingRules;
  /** CONNECT is asked about like every other method, and may open a tunnel. Absent: it is refused with 405. */
  readonly connects?: boolean;
  /** Rules for a connection whose request was refused before a server was known. */
  readonly defaults: DownstreamRules;
  /** Lines of a built-in page (Server, Date, Content-Type: text/html). Absent: Content-Type alone. */
  readonly pageEdits?: FieldEdits<Exchange>;
  /**
   * The request head is complete and valid. `exchange.context` is free for the policy's own use.
   * undefined: the decision comes later, through `Connection.decide`.
   */
  plan(exchange: Exchange, now: number): Decision | undefined;
  /** A peer was chosen and is being connected to: `exchange.attempt`. Called again for every further peer. */
  attempted?(exchange: Exchange, now: number): void;
  /**
   * The final response head, 101 included, is in `exchange.response`; nothing of it has gone downstream.
   * undefined: the verdict comes later, through `Connection.reviewed`. The upstream side is not read meanwhile.
   */
  review?(exchange: Exchange, now: number): Review | undefined;
  /**
   * Protocols were switched: the 101 goes downstream, and octets pass both ways behind it. Afterwards the heads move into
   * storage that is as large as they are.
   */
  switched?(exchange: Exchange, now: number): void;
  /**
   * An answer of wirehop's own is due (a refusal, 502, 504...). A plan replaces the built-in page (error_page). Not called
   * once the answer has begun. A plan to forward is followed where the request can still be sent: its head is good, and
   * its content is not gone, or {@link ForwardPlan.method} says that it is another request now; else the built-in page
   * goes out.
   */
  failed(exchange: Exchange, status: number, fault: Fault): Decision | undefined;
  /**
   * A response came whose status is in the plan's `intercepts`, or one with X-Accel-Redirect; it is `exchange.response`, and nothing of it went on.
   * A plan replaces it, as in {@link failed}; undefined lets it go on. Called again for the response to that plan.
   */
  intercept?(exchange: Exchange, now: number): Decision | undefined;
  /** The exchange is over; for a tunnel, when both sides are closed; a subrequest, too. Heads are valid until this returns. */
  finished(exchange: Exchange, now: number): void;
  /** For the error log. `exchange` is null when no request was read. */
  fault(fault: Fault, exchange: Exchange | null, connection: ConnectionFacts): void;
}
