/**
 * The levels of a configuration that hold more than settings: what the walk over the tree collects, and the builders of
 * `build/` turn into `proxy/` values. Decides nothing.
 */
import type { Network } from '../proxy/cidr.js';
import type { ExpiresValue } from '../proxy/expires.js';
import type { GeoTable } from '../proxy/geo.js';
import type { LogLevel } from '../proxy/model.js';
import type { Share } from '../proxy/split-clients.js';
import type { LimitZoneLine } from './directives/access.js';
import { Level, type Context } from './level.js';
import type { Address, HostAddress } from './address.js';
import type { Directive, Place, Word } from './syntax.js';

/** The file. */
export class MainLevel extends Level {
  events: Level | null = null;
  http: HttpLevel | null = null;
  constructor() {
    super('main', null, null);
  }
}

/** `http`. */
export class HttpLevel extends Level {
  readonly servers: ServerLevel[] = [];
  readonly upstreams: UpstreamLevel[] = [];
  readonly maps: MapBlock[] = [];
  readonly geos: GeoBlock[] = [];
  readonly splits: SplitBlock[] = [];
  /** By name. */
  readonly requestZones = new Map<string, LimitZoneLine>();
  readonly connectionZones = new Map<string, LimitZoneLine>();
  readonly logFormats = new Map<string, LogFormatLine>();
  constructor(parent: Level, place: Place) {
    super('http', parent, place);
  }
}

/** `server` in `http`. */
export class ServerLevel extends Level {
  readonly listens: ListenLine[] = [];
  readonly names: Word[] = [];
  readonly locations: LocationLevel[] = [];
  /** Those that must be unique, by what makes them so. */
  readonly locationNames = new Map<string, LocationLevel>();
  /** Directives of the rewrite module, in order. */
  readonly script: ScriptLine[] = [];
  /** For requests that no location takes. */
  tunnel: TunnelLine | null = null;
  constructor(
    parent: Level,
    override readonly place: Place,
  ) {
    super('server', parent, place);
  }
}

/** How a location is matched; the words of `proxy/model.ts`. */
export type Match = 'exact' | 'prefix' | 'prefix-final' | 'regex' | 'regex-nocase' | 'named' | 'unnamed';

/** `location`, and the blocks that are locations without a name: `if` and `limit_except`. */
export class LocationLevel extends Level {
  readonly locations: LocationLevel[] = [];
  /** Those that must be unique, by what makes them so. */
  readonly locationNames = new Map<string, LocationLevel>();
  /** Directives of the rewrite module, in order. */
  readonly script: ScriptLine[] = [];
  pass: ProxyPassLine | null = null;
  tunnel: TunnelLine | null = null;
  limitExcept: LimitExcept | null = null;
  constructor(
    parent: Level,
    override readonly place: Directive,
    readonly match: Match,
    /** Path or regular expression. */
    readonly pattern: Word,
    context: Context = 'location',
  ) {
    super(context, parent, place);
  }
  get isRegex(): boolean {
    return this.match === 'regex' || this.match === 'regex-nocase';
  }
}

/** `upstream`. */
export class UpstreamLevel extends Level {
  readonly servers: UpstreamServerLine[] = [];
  /** null for round robin. */
  method: MethodLine | null = null;
  sticky: StickyLine | null = null;
  constructor(
    override readonly place: Place,
    /** Lower case: nginx compares names of upstreams without regard to case. */
    readonly name: string,
  ) {
    super('upstream', null, place);
  }
}

/** `map`. */
export interface MapBlock {
  readonly source: Word;
  /** Without its "$". */
  readonly name: string;
  readonly nameWord: Word;
  readonly hostnames: boolean;
  readonly isVolatile: boolean;
  readonly entries: readonly { readonly pattern: Word; readonly value: Word }[];
  readonly defaultValue: Word | null;
}

/** `geo`. */
export interface GeoBlock {
  /** null: the client's address. */
  readonly source: Word | null;
  readonly nameWord: Word;
  readonly table: GeoTable;
  readonly defaultValue: string;
  readonly proxies: readonly Network[];
  readonly isRecursive: boolean;
}

/** `split_clients`. */
export interface SplitBlock {
  readonly source: Word;
  readonly nameWord: Word;
  readonly shares: readonly Share[];
}

/** `log_format`. */
export interface LogFormatLine {
  readonly name: string;
  readonly text: string;
  readonly escape: 'default' | 'json' | 'none';
  readonly place: Place;
}

/** A `syslog:` destination. */
export interface SyslogLine {
  readonly kind: 'syslog';
  readonly address: HostAddress;
  /** By number (RFC 3164 4.1.1). */
  readonly facility: number;
  /** By number; of an error log each line has its own. */
  readonly severity: number;
  readonly tag: string;
  readonly hasHostName: boolean;
}

/** Where a log goes: a path, `stderr`, or a syslog server. */
export type LogDestination = string | SyslogLine;

/** One `access_log`; `off` is a line without a destination. */
export interface AccessLogLine {
  readonly destination: LogDestination | null;
  readonly format: string;
  /** Octets gathered before they are written, and ms after which they are written anyway; null writes each line at once. */
  readonly buffer: { readonly octets: number; readonly flushMs: number } | null;
  /** Nothing is logged where it comes out empty or as "0"; null logs always. */
  readonly condition: Word | null;
  readonly place: Word;
}

/** One `error_log`. */
export interface ErrorLogLine {
  readonly destination: LogDestination;
  readonly level: LogLevel;
  readonly place: Place;
}

/** One `listen`. */
export interface ListenLine {
  readonly address: Address;
  readonly word: Word;
  readonly isDefault: boolean;
  readonly backlog: number | undefined;
  readonly ipv6Only: boolean | undefined;
  /** Seconds of silence before the first probe (so_keepalive); 0 for none. */
  readonly keepAliveS: number | undefined;
  readonly ssl: boolean;
  readonly proxyProtocol: boolean;
}

/** One `return`. */
export interface ReturnLine {
  readonly status: number;
  /** Text or target; null for none. */
  readonly text: Word | null;
  readonly place: Place;
}

/** A directive of the rewrite module. */
export type ScriptLine =
  | { readonly kind: 'return'; readonly line: ReturnLine }
  | { readonly kind: 'set'; readonly name: string; readonly nameWord: Word; readonly value: Word }
  | { readonly kind: 'if'; readonly condition: ConditionLine; readonly level: LocationLevel }
  | RewriteLine
  | { readonly kind: 'break' };

/** One `rewrite`. */
export interface RewriteLine {
  readonly kind: 'rewrite';
  readonly regex: Word;
  /** Without a "?" at its end. */
  readonly replacement: Word;
  readonly dropsArgs: boolean;
  readonly flag: 'last' | 'break' | null;
  /** 301 or 302, 0 for none. */
  readonly redirection: number;
  readonly place: Directive;
}

/** What stands in the brackets of an `if`. */
export type ConditionLine =
  | { readonly kind: 'true'; readonly subject: Word }
  | { readonly kind: 'equal'; readonly subject: Word; readonly value: Word; readonly negates: boolean }
  | {
      readonly kind: 'match';
      readonly subject: Word;
      readonly regex: Word;
      readonly ignoresCase: boolean;
      readonly negates: boolean;
    }
  | { readonly kind: 'file'; readonly letter: string; readonly path: Word; readonly negates: boolean };

/** `limit_except`. */
export interface LimitExcept {
  readonly methods: ReadonlySet<string>;
  readonly level: LocationLevel;
}

/** One `error_page`. */
export interface ErrorPageLine {
  readonly statuses: readonly number[];
  /** As in `proxy/error-pages.ts`. */
  readonly overwrite: number;
  readonly uri: Word;
}

/** One `proxy_pass`. */
export interface ProxyPassLine {
  /** All of it as written: what `proxy_redirect default` looks for. */
  readonly url: string;
  /** Variables stand in it: where a request goes is known when it comes. */
  readonly isDynamic: boolean;
  /** null where it depends on the request. */
  readonly address: Address | null;
  /** The URL begins with https; false where a variable says it. */
  readonly secure: boolean;
  /** What stands behind the address, from "/" or "?"; '' for none. */
  readonly uri: string;
  readonly word: Word;
}

/** One `tunnel_pass`. */
export interface TunnelLine {
  /** The address, `$host:$request_port` where none is written. */
  readonly word: Word;
  /** The address as a proxy_pass would have it; null where it depends on the request. */
  readonly pass: ProxyPassLine | null;
}

/** One `server` in `upstream`. */
export interface UpstreamServerLine {
  readonly address: Address;
  readonly word: Word;
  readonly weight: number;
  readonly maxFails: number;
  readonly failTimeoutMs: number;
  readonly slowStartMs: number;
  /** 0 for no limit. */
  readonly maxConns: number;
  readonly backup: boolean;
  readonly down: boolean;
  readonly drain: boolean;
  readonly route: string;
  /** `resolve`, with the words of `service=` or ''; null for a name that is resolved once. */
  readonly resolve: { readonly service: string } | null;
}

/** The balancing method of an upstream. */
export type MethodLine =
  | { readonly kind: 'least_conn' | 'ip_hash'; readonly place: Directive }
  | { readonly kind: 'hash'; readonly key: Word; readonly consistent: boolean; readonly place: Directive }
  | { readonly kind: 'random'; readonly two: boolean; readonly place: Directive };

/** `sticky`. */
export type StickyLine =
  | { readonly kind: 'route'; readonly variables: readonly Word[]; readonly place: Directive }
  | {
      readonly kind: 'learn';
      readonly create: readonly Word[];
      readonly lookup: readonly Word[];
      readonly octets: number;
      readonly timeoutMs: number;
      readonly place: Directive;
    }
  | {
      readonly kind: 'cookie';
      readonly name: Word;
      /** Seconds, Infinity for `max`, null for none. */
      readonly expires: number | null;
      readonly domain: Word | null;
      readonly path: string;
      readonly httpOnly: boolean;
      readonly secure: boolean;
      readonly sameSite: Word | null;
      readonly place: Directive;
    };

/** `root` or `alias`. */
export interface FileLine {
  readonly name: string;
  readonly word: Word;
  /** Octets of the path that an alias stands for; 0 for a root, -1 for an alias that is the whole path. */
  readonly replaced: number;
}

/** `try_files`. */
export interface TryFilesLine {
  readonly files: readonly { readonly name: Word; readonly isDirectory: boolean }[];
  /** A path or a named location; null where `status` holds. */
  readonly target: Word | null;
  readonly status: number;
}

/** `disable_symlinks`. */
export interface LinksLine {
  readonly mode: 'inside' | 'off' | 'on' | 'if_not_owner';
  readonly from: Word | null;
}

/** `expires`. */
export interface ExpiresLine {
  /** null where variables stand in `word`. */
  readonly value: ExpiresValue | null;
  readonly word: Word;
  readonly isModified: boolean;
}

/** One `proxy_set_header` or `add_header`. */
export interface FieldLine {
  readonly name: Word;
  readonly value: Word;
  readonly always: boolean;
  readonly directive: Directive;
}
