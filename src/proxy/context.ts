/**
 * What the policy remembers of one exchange. One object per request, and one per connection: everything else that a
 * request needs is made with the configuration.
 */
import { latin1 } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import type { ConnectionFacts, PeerSource } from '../machine/policy.js';
import type { Head } from '../message/head.js';
import type { LimitRecord } from './access/access.js';
import type { Admitting } from './access/admission.js';
import { Detour } from './detour.js';
import type { Representation } from './files/representation.js';
import type { LocationModel, ServerModel } from './model.js';
import { NormalPath } from './normal-path.js';
import type { Variable } from './variables.js';

/** What a proxy_pass with variables means for one request. */
export interface Destination {
  readonly peers: PeerSource;
  /** The scheme is https. */
  readonly isSecure: boolean;
  /** URI part, '' for none. */
  readonly uri: string;
  /** $proxy_host. */
  readonly host: string;
  /** $proxy_port. */
  readonly port: string;
}

/** The policy's part of an exchange, in `exchange.context`. */
export class RequestContext extends NormalPath {
  server: ServerModel | null = null;
  /** The location in force; null before one is chosen. */
  location: LocationModel | null = null;
  /** The last regular expression that matched: $1 to $9. */
  captures: RegExpExecArray | null = null;
  /** Named groups of all that matched so far, by their names in lower case. */
  named: Map<string, string> | null = null;
  /** Variables that keep their first value for the whole exchange. */
  kept: Map<Variable, string> | null = null;
  /** Values made by `set`, by the index of their variable. */
  values: (string | undefined)[] | null = null;
  /** What became of the request since it was read; null for most. */
  detour: Detour | null = null;
  /** How far the conditions of the location have let it; null where none takes its time. */
  admitting: Admitting | null = null;
  /** What limits said of it; null where none was asked. */
  limits: LimitRecord | null = null;
  /** What a proxy_pass with variables came out as. */
  destination: Destination | null = null;
  /** The file that is the answer; open until the exchange is over. */
  file: Representation | null = null;
  /** Octets a second, by `set $limit_rate`; null where none was set. */
  limitRate: number | null = null;
  /** $request_id, once it was asked for. */
  requestId = '';

  /** @param decidedAt monotonic ms of the decision */
  constructor(readonly decidedAt: number) {
    super();
  }

  /** The detour, which begins here if it has not yet. */
  leave(): Detour {
    return (this.detour ??= new Detour());
  }

  /** Puts a file in place of the one that was to be the answer. */
  takeFile(file: Representation | null): void {
    this.file?.file.close();
    this.file = file;
  }

  /** Notes a match: from now on $1 and its named groups are those of this one, as in nginx. */
  capture(match: RegExpExecArray): void {
    this.captures = match;
    const groups = match.groups;
    if (groups === undefined) return;
    this.named ??= new Map();
    for (const name in groups) this.named.set(name.toLowerCase(), groups[name] ?? '');
  }
}

/** The context of an exchange, made if the policy was never asked about it (a refused head). */
export function contextOf(exchange: Exchange): RequestContext {
  const context = exchange.context;
  if (context !== undefined) return context as RequestContext;
  const made = new RequestContext(exchange.startedAt);
  if (hasTarget(exchange.request)) made.read(exchange.request, true);
  exchange.context = made;
  return made;
}

/**
 * Whether a head's target was read. One that was refused before may hold the positions of the request in whose storage
 * it stands: its variables are empty then, never another request's.
 */
export function hasTarget({ length, targetStart, targetEnd, pathStart, pathEnd }: Head): boolean {
  return length > 0 && targetStart <= pathStart && pathStart <= pathEnd && pathEnd === targetEnd;
}

/** Octets rendered once per connection. */
export class ConnectionCache {
  /** $remote_addr. */
  readonly address: Uint8Array;
  /** What $proxy_add_x_forwarded_for adds to a received field. */
  readonly suffix: Uint8Array;

  constructor(connection: ConnectionFacts) {
    this.suffix = latin1(`, ${connection.remoteAddress}`);
    this.address = this.suffix.subarray(2);
  }
}

/** Most clients have an address that was seen lately: that of a proxy in front, or of a client that comes again. */
const MOST_RECENT = 1024;
const recent = new Map<string, ConnectionCache>();

/** The rendered octets of a connection, one object for all connections from an address that was seen lately. */
export function cacheOf(connection: ConnectionFacts): ConnectionCache {
  return (connection.cache ??= renderedFor(connection)) as ConnectionCache;
}

function renderedFor(connection: ConnectionFacts): ConnectionCache {
  const { remoteAddress } = connection;
  let cache = recent.get(remoteAddress);
  if (cache === undefined) {
    if (recent.size >= MOST_RECENT) recent.clear();
    recent.set(remoteAddress, (cache = new ConnectionCache(connection)));
  }
  return cache;
}

/**
 * The moment that an exchange has reached, in monotonic ms: rooms without a clock read it off what happened last.
 */
export function momentOf(exchange: Exchange): number {
  if (exchange.endedAt >= 0) return exchange.endedAt;
  const context = exchange.context as RequestContext | undefined;
  let moment = context === undefined ? exchange.startedAt : context.decidedAt;
  const attempt = exchange.attempt;
  if (attempt !== undefined) {
    moment = Math.max(moment, attempt.startedAt, attempt.connectedAt, attempt.headAt, attempt.endedAt);
  }
  return moment;
}
