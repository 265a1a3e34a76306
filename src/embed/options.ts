/**
 * What `createProxy` can be told: types alone. validate.ts holds options against them at run time and says which one is
 * wrong; plans.ts and upstreams.ts make of them what the machine decides by.
 *
 * Durations are milliseconds, sizes octets. Options are read once, when they are given: changing the object afterwards
 * changes nothing.
 */
import type { NoticeLevel, TransportKind } from '../driver/driver.js';
import type { LogLevel } from '../proxy/model.js';
import type { Config } from './config.js';
import type { Hooks } from './hooks.js';
import type { ProxyExchange, RequestHead } from './views.js';

/** TLS towards an upstream whose address begins with `https:` or `wss:`. Certificates and keys are PEM. */
export interface UpstreamTls {
  /** Who is trusted. Default: the authorities that Node trusts. */
  readonly ca?: string | readonly string[];
  /** A certificate to show, with its chain. */
  readonly cert?: string;
  /** Its key. */
  readonly key?: string;
  /** The name that is asked for and that the certificate must be for. Default: the address's host. */
  readonly serverName?: string;
  /** Whether the certificate is looked at. Default true: without, anybody can be the upstream. */
  readonly verify?: boolean;
}

/** Where requests go: one address, several that take turns, or a group with numbers of its own. */
export type UpstreamOption = string | readonly string[] | UpstreamGroup;

/** Several servers that share a balance and a pool of idle connections. Equal groups are one. */
export interface UpstreamGroup {
  /** At least one. */
  readonly servers: readonly (string | UpstreamServerOption)[];
  /** Idle connections that are kept open, for all servers together. */
  readonly keepalive?: {
    /** Default 32; 0 opens a connection for every request. */
    readonly connections?: number;
    /** How long one may be idle. Default 60 000, as in nginx. */
    readonly idleMs?: number;
    /** Requests on one connection. Default 1000, as in nginx. */
    readonly requests?: number;
    /** Age after which one is not used again. Default 3 600 000, as in nginx. */
    readonly ageMs?: number;
  };
}

/** One server of a group. */
export interface UpstreamServerOption {
  /** `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`; the path in front of requests is the group's first one. */
  readonly url: string;
  /** Share of the requests, from 1. Default 1. */
  readonly weight?: number;
  /** Asked only when no other server can be. Default false. */
  readonly backup?: boolean;
  /** Failures within `failMs` after which it is left out for as long. Default 1; 0 for never. */
  readonly maxFails?: number;
  /** Default 10 000, as in nginx. */
  readonly failMs?: number;
  /** Exchanges and tunnels at a time; 0 for no limit (default). */
  readonly maxExchanges?: number;
}

/** Field lines to take away and to put in place. Framing and hop-by-hop fields are wirehop's and refused here. */
export interface FieldChanges {
  /**
   * Lines by name; they take the place of all received ones of that name. '' and null send none. A function is asked for
   * every message, and must be quick: it runs inside the machine.
   */
  readonly set?: Readonly<Record<string, string | null | ((exchange: ProxyExchange) => string | null)>>;
  /** Lines by name, beside those that were received. */
  readonly append?: Readonly<Record<string, string | readonly string[]>>;
  /** Names whose lines do not go on. */
  readonly remove?: readonly string[];
}

/**
 * How a request is passed on. At the top of the options these are the defaults of every route, whose own settings take
 * their place: field by field in `request` and `response`, time by time in `timeouts`.
 */
export interface ForwardSettings {
  /**
   * Host towards the upstream: as `received` (default), the `upstream`'s own name and port (http-proxy's
   * `changeOrigin`), or a text.
   */
  readonly hostField?: 'received' | 'upstream' | (string & {});
  /**
   * X-Forwarded-For, -Proto, -Host and X-Real-IP: `append` adds the peer's address to a received X-Forwarded-For and
   * sets the others (default); `replace` does not trust what was received; `none` leaves all of them alone.
   */
  readonly forwarded?: 'append' | 'replace' | 'none';
  /**
   * Protocols that a request may switch to (RFC 9110 7.8), in any case. true: all but h2c (default); false: none; a list:
   * these, such as `['websocket']`. Others are not offered to the upstream, which then answers plainly.
   */
  readonly protocols?: boolean | readonly string[];
  /** Changes to the request's fields. */
  readonly request?: FieldChanges;
  /** Changes to the response's fields, a 101's too. */
  readonly response?: FieldChanges;
  /** Largest request content; 0 for no limit (default). */
  readonly maxContentOctets?: number;
  /** Servers that are tried for one request at most; 0 tries each (default). Only what may safely be sent again is. */
  readonly maxAttempts?: number;
  /** Times of the upstream side. */
  readonly timeouts?: ForwardTimeouts;
  /** For upstreams over TLS. */
  readonly upstreamTls?: UpstreamTls;
  /**
   * How WebSockets are told that the proxy closes: with a Close frame between two messages. To know where those end costs
   * a little for every message. Absent: nothing is said, and tunnels go on until the grace time is over (default).
   */
  readonly farewell?: FarewellOptions;
}

/** What WebSockets are told when the proxy closes with a grace time. */
export interface FarewellOptions {
  /** RFC 6455 7.4. Default 1001, "going away". */
  readonly code?: number;
  /** For a person who reads it; at most 123 octets of UTF-8. Default ''. */
  readonly reason?: string;
  /** They are told at random times within this long, so that they do not all come back at once. Default 0. */
  readonly spreadMs?: number;
  /** For how long the end of a message, and then the peer's own Close frame, is waited for. Default 5000. */
  readonly answerMs?: number;
}

/** Times of the upstream side of an exchange. */
export interface ForwardTimeouts {
  /** For an upstream connection to be made. Default 60 000. */
  readonly connectMs?: number;
  /** Between two writes that the upstream takes. Default 60 000. */
  readonly sendMs?: number;
  /** Between two reads of a response. Default 60 000. */
  readonly readMs?: number;
  /**
   * For which a tunnel may carry nothing in either direction; 0 for no limit (default): applications ping as they
   * please, and TCP keep-alive finds peers that are gone.
   */
  readonly tunnelIdleMs?: number;
}

/** Pass the request to an upstream. */
export interface ForwardAction extends ForwardSettings {
  /** A path in its address, as in `http://10.0.0.1:3000/base`, is put in front of the request's own. */
  readonly upstream: UpstreamOption;
  /** The request target (path and query) that is sent instead of the received one. */
  readonly target?: string | ((request: RequestHead) => string);
  /**
   * For CONNECT, and for nothing else: no request goes to the upstream. Once it is connected to, 200 goes to the client,
   * and octets pass both ways. Nobody looks at where a client wants to go: an upstream that is made of its target has to be
   * one that you allow. Default false: CONNECT is answered 405.
   */
  readonly tunnel?: boolean;
}

/** Answer here. */
export interface RespondAction {
  /** A status alone answers with its built-in page. */
  readonly respond: number | Response;
}

/** An answer of one's own. Content-Length and Connection are wirehop's. */
export interface Response {
  /** From 200 to 599. */
  readonly status: number;
  /** Lines by name. */
  readonly fields?: Readonly<Record<string, string | readonly string[]>>;
  /** Text goes as UTF-8. Absent: the built-in page from 300 on, nothing below. */
  readonly content?: string | Uint8Array;
}

/** Close the connection without an answer: in order, or with a reset. */
export interface RejectAction {
  /** `reset` makes sure that the peer notices. */
  readonly reject: 'close' | 'reset';
}

/** What is done with a request. */
export type Action = ForwardAction | RespondAction | RejectAction;

/** Which requests a route is for. All of it must hold; what is absent always does. */
export interface RouteMatch {
  /** Names that the request is for, without port: `example.com`, `*.example.com`, `www.example.*`. */
  readonly host?: string | readonly string[];
  /**
   * Of the normalised path (percent-decoded, without dot segments): `/api` holds for itself and all below, `/api/` for
   * all below; an expression for what it finds.
   */
  readonly path?: string | RegExp;
  /** Case counts. */
  readonly method?: string | readonly string[];
  /** true: only requests that offer a protocol switch; false: only others. */
  readonly upgrades?: boolean;
}

/** A route that passes requests on. */
export interface ForwardRoute extends RouteMatch, ForwardAction {
  /** Take the matched `path`, a string, away from the target. Default false. */
  readonly stripPath?: boolean;
}

/** One row of the route table; the first that matches is taken. A request that none matches is answered 404. */
export type Route = ForwardRoute | (RouteMatch & RespondAction) | (RouteMatch & RejectAction);

/**
 * Decides about one request, at once or later (within `hookTimeoutMs`). undefined and null: 404. An error it throws is
 * that request's own: 500. An action object that is returned again costs nothing to prepare.
 */
export type RouteFunction = (
  request: RequestHead,
  exchange: ProxyExchange,
) => Action | null | undefined | Promise<Action | null | undefined>;

/** Bounds of the downstream side. */
export interface LimitOptions {
  /** Connections open at once, both sides and idle ones counted. Default 16 384. */
  readonly connections?: number;
  /** Longest request head. Default 32 768. */
  readonly headOctets?: number;
  /** Longest request line or field line. Default 8192. */
  readonly lineOctets?: number;
  /** Most field lines in a head. Default 1000. */
  readonly fields?: number;
}

/** Times of the downstream side; the defaults are nginx's. */
export interface TimeoutOptions {
  /** For a whole request head. Default 60 000. */
  readonly headMs?: number;
  /** Between two reads of request content. Default 60 000. */
  readonly contentMs?: number;
  /** Between two writes that the downstream side takes. Default 60 000. */
  readonly sendMs?: number;
  /** For a connection between requests; 0 closes behind every answer. Default 75 000. */
  readonly idleMs?: number;
}

/** Options of a proxy; exactly one of `upstream`, `routes` and `config`. */
export interface ProxyOptions extends ForwardSettings {
  /** Everything goes here. */
  readonly upstream?: UpstreamOption;
  /** A table, or a function that is asked about every request. */
  readonly routes?: readonly Route[] | RouteFunction;
  /** A configuration in nginx's language, from `loadConfig`. The settings of routes, limits and timeouts are its own. */
  readonly config?: Config;
  /** What is told, and asked, while exchanges go on. */
  readonly hooks?: Hooks;
  /** For how long a hook or a route function may think; then its exchange is answered 503. Default 10 000. */
  readonly hookTimeoutMs?: number;
  /** Bounds of the downstream side. */
  readonly limits?: LimitOptions;
  /** Times of the downstream side. */
  readonly downstreamTimeouts?: TimeoutOptions;
  /**
   * How sockets are had: `net` (default), Node's public API; `handle`, bare handles, which are private to Node and
   * cheaper for connections that the proxy accepts itself. {@link tryHandles} tells whether they work here.
   */
  readonly transport?: TransportKind;
  /** What an error log would get. Default: nowhere. */
  readonly onLog?: (level: LogLevel | NoticeLevel, text: string) => void;
  /** What an access_log of `config` would get: its path as written, and a line without its end. Default: nowhere. */
  readonly onAccess?: (path: string, line: string) => void;
}
