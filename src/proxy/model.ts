/**
 * A compiled configuration as plain values: what `config/` makes and {@link ProxyPolicy} decides by. Knows no syntax.
 */
import type { Exchange } from '../machine/exchange.js';
import type { DownstreamRules, ForwardPlan, ReadingRules, RespondPlan } from '../machine/policy.js';
import type { ServerSecurity } from '../machine/security.js';
import type { FieldEdits } from '../message/field-edits.js';
import type { LogFormat } from './log-format.js';
import type { Access } from './access/access.js';
import type { Browser } from './browsers.js';
import type { LinkRules } from './access/links.js';
import type { Referers } from './access/referers.js';
import type { RealIp } from './real-ip.js';
import type { RedirectRules } from './absolute-location.js';
import type { ErrorPages } from './error-pages.js';
import type { RequestPass } from './dynamic-pass.js';
import type { FilePaths } from './files/file-paths.js';
import type { StaticFiles } from './files/static-files.js';
import type { TryFiles } from './files/try-files.js';
import type { Script } from './rewrite.js';
import type { Template } from './template.js';

// The machine's words that a compiled configuration is made of: config/ gets them here, as it does not know machine/.
export type { Exchange } from '../machine/exchange.js';
export type {
  DownstreamRules,
  FarewellRules,
  ForwardPlan,
  Peer,
  PeerSource,
  Policy,
  PoolRules,
  ReadingRules,
  RespondPlan,
} from '../machine/policy.js';
export type { DialRules, DialSocket, ServerSecurity, SessionCache } from '../machine/security.js';
export { NEXT_ERROR, NEXT_INVALID_HEADER, NEXT_NON_IDEMPOTENT, NEXT_TIMEOUT } from '../machine/policy.js';

/** Where finished lines go. `process/` opens files behind it; tests collect them. */
export interface LogSink {
  /** @param line Latin-1, without its line end; it is where it belongs when this returns, unless the log is buffered */
  write(line: string): void;
  /**
   * Takes octets[start, end), a line with its line end, which are the caller's again afterwards. The first line of a
   * turn of the event loop is where it belongs when this returns, the others of that turn are when the turn ends.
   * Absent: the sink takes texts alone.
   */
  append?(octets: Uint8Array, start: number, end: number): void;
}

/** How files of logs with variables in their names are kept open (open_log_file_cache). */
export interface LogCacheRules {
  /** Most files; the one that was used longest ago goes. */
  readonly max: number;
  /** A file that is not used for so long is closed. */
  readonly inactiveMs: number;
  /** Uses within that time from which on a file stays open. */
  readonly minUses: number;
  /** How often it is looked at whether the name is still this file's. */
  readonly validMs: number;
}

/** Logs whose names depend on the request. */
export interface NamedLogs {
  /**
   * Appends a line to the log of this name.
   * @param name Latin-1, as it came out
   * @param line Latin-1, without its line end
   * @returns why it could not be, '' if it could
   */
  write(name: string, line: string): string;
}

/** nginx's severities, least severe last. */
export const LOG_LEVELS = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'] as const;
/** A severity of nginx's error log. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where messages about faults go. */
export interface ErrorLog {
  /** @param text without time, level and pid, which the log adds */
  log(level: LogLevel, text: string): void;
}

/** One access_log in force at a location. */
export interface AccessLog {
  /** Makes the line of a finished exchange. */
  readonly format: LogFormat;
  readonly sink: LogSink;
  /** Where it comes out empty or as "0", nothing is logged (if=); absent: every exchange is. */
  readonly condition?: Template | undefined;
  /** The log has its name from the request, and `sink` is not used. */
  readonly named?: { readonly name: Template; readonly logs: NamedLogs };
}

/** What happens to a request in a location. Made once, used for every request. */
export type Action = ForwardPlan | RespondPlan;

/**
 * How a location is found. `named`: by its name alone, "@" included. `unnamed`: by the location it stands in (`if`,
 * `limit_except`).
 */
export type LocationMatch =
  'exact' | 'prefix' | 'prefix-final' | 'regex' | 'regex-nocase' | 'named' | 'unnamed';

/** What a location does beside its action. Absent for most: their requests need no second look. */
export interface LocationRules {
  /** Run before the action. */
  readonly script?: Script | undefined;
  /** Only requests that were changed here come in; others are answered 404. */
  readonly isInternal?: boolean;
  /** Methods that stay here; requests with others go to `other` (limit_except). */
  readonly limited?: { readonly methods: ReadonlySet<string>; readonly other: LocationModel } | undefined;
  /** Who may use it, and how often (allow, limit_req and their like); absent: all. */
  readonly access?: Access | undefined;
  /** The action's answer counts as an error: a page may stand in for it. */
  readonly answersError?: boolean;
  /** Browsers whose connections close behind an answer (keepalive_disable). */
  readonly closesFor?: ReadonlySet<Browser> | undefined;
  /** Other methods than GET and HEAD are answered 405. */
  readonly onlyGets?: boolean;
  /** Looked for before the action (try_files). */
  readonly tryFiles?: TryFiles | undefined;
  /** The answer is a file; then `action` is not looked at. */
  readonly files?: StaticFiles | undefined;
  /** Where the action goes depends on the request. */
  readonly pass?: RequestPass | undefined;
  /** The action opens tunnels: for CONNECT alone, and CONNECT goes nowhere else (tunnel_pass). */
  readonly opensTunnel?: boolean;
  /** The action where the scheme that variables make is https; absent: `action`. */
  readonly secureAction?: ForwardPlan | undefined;
}

/** `location` (and the server level itself, as the prefix ""). */
export interface LocationModel {
  readonly match: LocationMatch;
  /** The prefix, the exact path, or the source of the regular expression. */
  readonly pattern: string;
  readonly action: Action;
  readonly accessLogs: readonly AccessLog[];
  readonly errorLog: ErrorLog;
  readonly downstream: DownstreamRules;
  /** Locations nested in this one. */
  readonly locations: readonly LocationModel[];
  /** What $proxy_host and $proxy_port say here; absent without proxy_pass. */
  readonly proxy?: { readonly host: Template; readonly port: Template };
  /**
   * Lines of the built-in pages that stand in for an answer here (502 and its like), made by `localEdits`; absent:
   * the machine's own bare page.
   */
  readonly pageEdits?: FieldEdits<Exchange>;
  /** Whose word about a client's address is taken; absent for nobody's. */
  readonly realIp?: RealIp;
  /** Absent: nothing but `action` is to be looked at. */
  readonly rules?: LocationRules | undefined;
  /** Where files are looked for here ($document_root); absent for nowhere. */
  readonly paths?: FilePaths | undefined;
  /** What stands in for answers here that count as errors; absent: their built-in pages. */
  readonly errorPages?: ErrorPages | undefined;
  /** How redirections made here are completed; absent: by nginx's defaults. */
  readonly redirects?: RedirectRules | undefined;
  /** What rewrite directives do is noted in the error log (rewrite_log). */
  readonly logsRewrites?: boolean;
  /** What links are checked by (secure_link); absent: by nothing. */
  readonly links?: LinkRules | undefined;
  /** Pages that may lead here (valid_referers); absent: all. */
  readonly referers?: Referers | undefined;
  /** Subrequests are logged, too (log_subrequest). */
  readonly logsSubrequests?: boolean;
  /** Variables that are used before they are set are not noted (uninitialized_variable_warn off). */
  readonly isQuiet?: boolean;
}

/** `server`. */
export interface ServerModel {
  /** As written in server_name: exact, `*.suffix`, `prefix.*`, `.suffix`, `~regex`, or ''. The first is $server_name. */
  readonly names: readonly string[];
  readonly reading: ReadingRules;
  /** What the server level itself does with a request: a `return` there comes before all locations; else null. */
  readonly action: Action | null;
  /** Run before a location is looked for; absent: nothing. */
  readonly script?: Script | undefined;
  /** By name, "@" included. */
  readonly named?: ReadonlyMap<string, LocationModel>;
  /** The server level as a location: its logs, and what a request gets that no location matches. */
  readonly root: LocationModel;
  readonly mergeSlashes: boolean;
  /** A tunnel_pass stands in it: CONNECT is looked at. */
  readonly connects?: boolean;
  /** What its ssl directives say; absent for a server without any. */
  readonly tls?: ServerTls;
}

/** TLS of a server. */
export interface ServerTls {
  /** null for a server without a certificate: the default server's is spoken. */
  readonly security: ServerSecurity | null;
  /** Handshakes that name this server are refused (ssl_reject_handshake). */
  readonly rejects: boolean;
  /** What is done about client certificates (ssl_verify_client). */
  readonly verify: 'off' | 'on' | 'optional' | 'optional_no_ca';
}

/** One listening address and the servers behind it. */
export interface ListenerModel {
  readonly address: ListenAddress;
  readonly servers: readonly ServerModel[];
  readonly defaultServer: ServerModel;
  /** Connections begin with TLS (listen ... ssl). */
  readonly isSecure?: boolean;
  /** Connections begin with a PROXY header (listen ... proxy_protocol). */
  readonly expectsProxyHeader?: boolean;
}

/** Where to listen: a numeric host and a port, or the path of a unix socket. */
export type ListenAddress =
  | {
      readonly host: string;
      readonly port: number;
      readonly backlog?: number;
      readonly ipv6Only?: boolean;
      /** Probes of silent connections begin after so many seconds; absent: there are none. */
      readonly keepAliveS?: number;
    }
  | { readonly path: string; readonly backlog?: number };
