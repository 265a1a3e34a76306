/**
 * Upstreams: the named ones, and those that a `proxy_pass` to a host implies. Decides which peers there are and who
 * shares their idle connections; leaves the choice among peers to `proxy/balancer.ts`.
 */
import { Balancer, type MakeMethod } from '../../proxy/balancing/balancer.js';
import { serviceName, watchName } from '../../proxy/balancing/names.js';
import type { PeerAddress, UpstreamServer } from '../../proxy/balancing/peers.js';
import type { PeerSource, PoolRules } from '../../proxy/model.js';
import { hostPort, type Address } from '../address.js';
import type { HttpLevel, ProxyPassLine, UpstreamLevel, UpstreamServerLine } from '../blocks.js';
import { IGNORE_MISSING_CR } from '../directives/connection.js';
import { POOL, POOL_REQUESTS, POOL_TIME, POOL_TIMEOUT } from '../directives/upstream.js';
import { RESOLVER, RESOLVER_TIMEOUT } from '../directives/resolver.js';
import { Level } from '../level.js';
import type { Word } from '../syntax.js';
import { Addresses, resolveReason } from './addresses.js';
import type { Logs } from './logs.js';
import type { Resolvers } from './resolvers.js';
import { bindingOf, methodOf, type Binding } from './balancing.js';
import type { Site } from './site.js';

const DEFAULT_PORT = 80;
const SECURE_PORT = 443;

/** How exchanges are spread over the servers of one upstream. */
interface Spread extends Partial<Binding> {
  readonly method?: MakeMethod | undefined;
}

/** One group of servers, and how its locations get at it. */
class Upstream {
  private users = 0;
  /** null after a fault. */
  readonly balancer: Balancer | null;
  readonly cookie: Binding['cookie'];

  constructor(
    servers: readonly UpstreamServer[],
    private readonly pool: PoolRules,
    private readonly isLocal: boolean,
    { method, route = null, cookie = null }: Spread = {},
  ) {
    this.cookie = cookie;
    this.balancer = servers.some(({ backup }) => !backup) ? new Balancer(servers, method, route) : null;
  }

  /** What one location draws peers from. The balance is always common; idle connections are not where they are local. */
  sourceForLocation(): PeerSource {
    if (this.balancer === null) return NOBODY;
    const isShared = !this.isLocal || this.users++ === 0;
    // Pools are told apart by identity.
    return this.balancer.view(isShared ? this.pool : { ...this.pool });
  }
}

export class Upstreams {
  private readonly groups = new Map<string, Upstream>();
  private readonly implied = new Map<string, Upstream>();
  /** What locations with variables in their proxy_pass draw from, by group. */
  private readonly dynamic = new Map<Upstream, PeerSource>();
  /** `ignore_missing_cr` of `http`, and of the upstreams that say otherwise. */
  private isLenient = false;
  private readonly lenient = new Map<string, boolean>();
  private readonly addresses: Addresses;

  constructor(
    private readonly site: Site,
    private readonly logs: Logs,
    private readonly resolvers: Resolvers,
  ) {
    this.addresses = new Addresses(site);
  }

  /** Makes the named upstreams, and those that the given lines imply. Call it once. */
  async build(http: HttpLevel, passes: readonly ProxyPassLine[]): Promise<void> {
    this.isLenient = http.get(IGNORE_MISSING_CR);
    for (const level of http.upstreams) {
      if (level.has(IGNORE_MISSING_CR)) this.lenient.set(level.name, level.get(IGNORE_MISSING_CR));
    }
    for (const level of http.upstreams) this.groups.set(level.name, await this.group(level, http));
    for (const pass of passes) {
      const { address, secure } = pass;
      if (address === null) continue;
      const key = keyOf(address, secure);
      if (this.nameOf(address) !== undefined || this.implied.has(key)) continue;
      const name = pass.url.replace(/^https?:\/\//i, '');
      const port = secure ? SECURE_PORT : DEFAULT_PORT;
      const addresses = await this.peers(address, pass.word, name, port, pass.isDynamic);
      if (addresses.length === 0) continue;
      const server = { ...SERVER_DEFAULTS, name, addresses };
      this.implied.set(key, new Upstream([server], poolOf(IMPLIED), IMPLIED.get(POOL).isLocal));
    }
  }

  /** The peers of a proxy_pass, for one location. */
  source({ address, secure, word }: ProxyPassLine): PeerSource {
    const name = address === null ? undefined : this.nameOf(address);
    if (name === undefined) {
      const implied = address === null ? undefined : this.implied.get(keyOf(address, secure));
      // It had a fault, which is told.
      if (implied === undefined) return NOBODY;
      return implied.sourceForLocation();
    }
    if (address?.kind === 'host' && address.port >= 0) {
      this.site.fault(word, `upstream "${name}" may not have port ${address.port}`);
    }
    return (this.groups.get(name) as Upstream).sourceForLocation();
  }

  /** What its responses set, so that clients come back to the same server; null for nothing. */
  cookie({ address }: ProxyPassLine): Binding['cookie'] {
    const name = address === null ? undefined : this.nameOf(address);
    return name === undefined ? null : (this.groups.get(name) as Upstream).cookie;
  }

  /** Whether a bare LF ends a line of the responses that a proxy_pass brings. */
  ignoresMissingCr({ address }: ProxyPassLine): boolean {
    const name = address === null ? undefined : this.nameOf(address);
    return (name === undefined ? undefined : this.lenient.get(name)) ?? this.isLenient;
  }

  /** The peers of a name that a proxy_pass with variables makes; undefined for one that nobody looked up. */
  known(host: string, port: number, secure: boolean): PeerSource | undefined {
    const named = port < 0 ? this.groups.get(host) : undefined;
    const found =
      named ?? this.implied.get(keyOf({ kind: 'host', host, family: 0, port, lastPort: port }, secure));
    if (found === undefined) return undefined;
    let source = this.dynamic.get(found);
    if (source === undefined) this.dynamic.set(found, (source = found.sourceForLocation()));
    return source;
  }

  /** The servers of an `upstream`, for whatever names it at run time; undefined for a name that is none. */
  named(name: string): PeerSource | undefined {
    return this.groups.has(name) ? this.known(name, -1, false) : undefined;
  }

  private nameOf(address: Address): string | undefined {
    return address.kind === 'host' && this.groups.has(address.host) ? address.host : undefined;
  }

  private async group(level: UpstreamLevel, http: HttpLevel): Promise<Upstream> {
    const servers: UpstreamServer[] = [];
    for (const { address, word, resolve, ...rest } of level.servers) {
      const addresses = resolve === null ? await this.peers(address, word, word.text) : [];
      servers.push({ ...rest, name: word.text, addresses });
    }
    const hasPrimary = level.servers.length === 0 || level.servers.some((line) => !line.backup);
    if (!hasPrimary)
      this.site.fault(level.place, `no servers in upstream "${level.name}"`, 'all of them are backups');
    const { site } = this;
    const spread = {
      method: methodOf(level, site),
      ...bindingOf(level, site),
    };
    const upstream = new Upstream(servers, poolOf(level), level.get(POOL).isLocal, spread);
    if (upstream.balancer !== null) this.watch(level, http, servers, upstream.balancer);
    return upstream;
  }

  /** Has the names of `server ... resolve` kept up to date. */
  private watch(
    level: UpstreamLevel,
    http: HttpLevel,
    servers: readonly UpstreamServer[],
    balancer: Balancer,
  ): void {
    const owner = level.has(RESOLVER) ? level : http;
    const timeoutMs = (level.has(RESOLVER_TIMEOUT) ? level : http).get(RESOLVER_TIMEOUT);
    level.servers.forEach(({ address, word, resolve }, i) => {
      if (resolve === null || address.kind === 'unix') return;
      const names = this.resolvers.of(owner.get(RESOLVER), timeoutMs);
      if (names === null) {
        const hint = 'name servers are needed: resolver 192.0.2.53;';
        this.site.fault(
          word,
          `no resolver defined to resolve "${word.text}" in upstream "${level.name}"`,
          hint,
        );
        return;
      }
      const log = this.logs.errorLog(http);
      this.site.watched.push(
        watchName({
          balancer,
          server: servers[i],
          names,
          host: address.host,
          port: address.port < 0 ? DEFAULT_PORT : address.port,
          service: resolve.service === '' ? '' : serviceName(resolve.service, address.host),
          timeoutMs,
          log: (text) => log.log('error', `${text} while resolving upstream "${level.name}"`),
        }),
      );
    });
  }

  private async peers(
    address: Address,
    word: Word,
    shown: string,
    defaultPort = DEFAULT_PORT,
    isForgiven = false,
  ): Promise<PeerAddress[]> {
    if (address.kind === 'unix') {
      return [{ name: `unix:${address.path}`, host: '', port: 0, path: address.path }];
    }
    const port = address.port < 0 ? defaultPort : address.port;
    try {
      const hosts = await this.addresses.of(address);
      return hosts.map((host) => ({ name: hostPort(host, port), host, port, path: '' }));
    } catch (error) {
      const text = `host not found in upstream "${shown}"`;
      // nginx looks for it when a request comes, and only where a resolver is.
      if (isForgiven)
        this.site.warn(
          word,
          text,
          'requests are answered 502; name servers are needed: resolver 192.0.2.53;',
        );
      else this.site.fault(word, text, resolveReason(error));
      return [];
    }
  }
}

/** Stands in for an upstream that has a fault: the configuration is refused, nobody asks it. */
const NOBODY: PeerSource = { next: () => undefined, release: () => undefined };

/** What holds for an upstream that no block describes: nginx's defaults. */
const IMPLIED = new Level('upstream', null, null);
const SERVER_DEFAULTS: Omit<UpstreamServerLine, 'address' | 'word' | 'resolve'> = {
  weight: 1,
  maxFails: 1,
  failTimeoutMs: 10_000,
  slowStartMs: 0,
  maxConns: 0,
  backup: false,
  down: false,
  drain: false,
  route: '',
};

function keyOf(address: Address, secure: boolean): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const port = secure ? SECURE_PORT : DEFAULT_PORT;
  return hostPort(address.host, address.port < 0 ? port : address.port);
}

/** How idle connections are kept to addresses that no block describes. */
export const IMPLIED_POOL: PoolRules = poolOf(IMPLIED);

/** One object per upstream: the driver's pool is found by it. */
function poolOf(level: Level): PoolRules {
  return {
    maxIdle: level.get(POOL).maxIdle,
    idleTimeoutMs: level.get(POOL_TIMEOUT),
    maxRequests: level.get(POOL_REQUESTS),
    maxAgeMs: level.get(POOL_TIME),
  };
}
