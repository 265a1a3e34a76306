/**
 * The route table: which row a request belongs to. Looks at nothing that no row asks about, and makes no string of it
 * then.
 */
import { latin1 } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import { METHOD_CONNECT, OPTION_UPGRADE } from '../message/head.js';
import { contextOf, RequestContext } from '../proxy/context.js';
import { HostTable } from '../proxy/server-names.js';
import type { Route } from './options.js';
import type { Planner, Prepared } from './plans.js';
import { OptionsError } from './validate.js';

/** One row, ready to be held against requests. */
class Row {
  readonly prepared: Prepared;
  private readonly hosts: HostTable<true> | null;
  private readonly methods: ReadonlySet<string> | null;
  private readonly prefix: Uint8Array | null;
  private readonly pattern: RegExp | null;
  private readonly upgrades: boolean | undefined;

  constructor(route: Route, planner: Planner, where: string) {
    const { host, path, method, upgrades } = route;
    const strip = 'stripPath' in route && route.stripPath === true ? (path as string) : null;
    this.prepared = planner.make(route, strip);
    this.hosts = host === undefined ? null : hostTable([host].flat(), `${where}.host`);
    this.methods = method === undefined ? null : new Set([method].flat());
    this.prefix = typeof path === 'string' ? latin1(path) : null;
    this.pattern = path instanceof RegExp ? new RegExp(path.source, path.flags.replace(/[gy]/g, '')) : null;
    this.upgrades = upgrades;
  }

  get opensTunnel(): boolean {
    const { plan } = this.prepared;
    return plan.kind === 'forward' && plan.opensTunnel === true;
  }

  get looksAtHost(): boolean {
    return this.hosts !== null;
  }

  get looksAtPath(): boolean {
    const { plan } = this.prepared;
    return this.prefix !== null || this.pattern !== null || (plan.kind === 'forward' && plan.target !== null);
  }

  /** @param host in lower case, without port; '' when no row asks */
  matches({ request }: Exchange, path: RequestContext | null, host: string): boolean {
    if (this.upgrades !== undefined) {
      const offers = request.upgradeField >= 0 && (request.connection & OPTION_UPGRADE) !== 0;
      if (offers !== this.upgrades) return false;
    }
    if (this.methods !== null && !this.methods.has(request.text(0, request.methodEnd))) return false;
    if (this.hosts !== null && this.hosts.find(host) === undefined) return false;
    if (this.prefix !== null && !isBelow(path!, this.prefix)) return false;
    return this.pattern === null || this.pattern.test(path!.text());
  }
}

/** Rows in order; the first that matches is taken. */
export class RouteTable {
  /** Of all methods but CONNECT. */
  private readonly rows: readonly Row[];
  /** Of CONNECT: those that open tunnels, and those that answer here. */
  private readonly connectRows: readonly Row[];
  private readonly looksAtHost: boolean;
  private readonly looksAtPath: boolean;
  private readonly badRequest: Prepared;

  /** @param routes checked. @throws OptionsError for a host that cannot be */
  constructor(
    routes: readonly Route[],
    private readonly planner: Planner,
  ) {
    const rows = routes.map((route, i) => new Row(route, planner, `options.routes[${i}]`));
    this.rows = rows.filter((row) => !row.opensTunnel);
    this.connectRows = rows.filter((row) => row.opensTunnel || row.prepared.plan.kind !== 'forward');
    this.looksAtHost = rows.some((row) => row.looksAtHost);
    this.looksAtPath = rows.some((row) => row.looksAtPath);
    this.badRequest = planner.make({ respond: 400 }, null);
  }

  /** Whether a row is for CONNECT. */
  get connects(): boolean {
    return this.connectRows.some((row) => row.opensTunnel);
  }

  /** @param now monotonic ms */
  find(exchange: Exchange, now: number): Prepared {
    const { request } = exchange;
    const isConnect = request.method === METHOD_CONNECT;
    let path: RequestContext | null = null;
    if (this.looksAtPath) {
      path = new RequestContext(now);
      exchange.context = path;
      // A path that climbs above the root, or is none: nobody may guess which route is meant. That of CONNECT is "/".
      if (!path.read(request, true) && !isConnect) return this.badRequest;
    }
    const host = this.looksAtHost ? request.text(request.hostStart, request.hostNameEnd).toLowerCase() : '';
    const rows = isConnect ? this.connectRows : this.rows;
    for (const row of rows) if (row.matches(exchange, path, host)) return row.prepared;
    return this.planner.notFound;
  }
}

/** Reads the normalised path of a request that no table has looked at. Answers whether it is one. */
export function readPath(exchange: Exchange, now: number): boolean {
  if (exchange.context !== undefined) return contextOf(exchange).end > 0;
  const path = new RequestContext(now);
  exchange.context = path;
  return path.read(exchange.request, true);
}

function hostTable(names: readonly string[], where: string): HostTable<true> {
  const table = new HostTable<true>();
  for (const name of names) {
    try {
      table.add(name, true);
    } catch (error) {
      throw new OptionsError(where, (error as Error).message);
    }
  }
  return table;
}

const SLASH = 0x2f;

/** `/api` holds for itself and what is below it, `/api/` for what is below. */
function isBelow({ octets, start, end }: RequestContext, prefix: Uint8Array): boolean {
  const { length } = prefix;
  if (end - start < length) return false;
  for (let i = 0; i < length; i++) if (octets[start + i] !== prefix[i]) return false;
  return end - start === length || prefix[length - 1] === SLASH || octets[start + length] === SLASH;
}
