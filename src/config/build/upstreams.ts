/**
 * Upstreams: the named ones, and those that a `proxy_pass` to a host implies. Decides which peers there are and who
 * shares their idle connections; leaves the choice among peers to `proxy/balancer.ts`.
 */
import { RoundRobin, type UpstreamServer } from '../../proxy/balancer.js';
import type { Peer, PeerSource, PoolRules } from '../../proxy/model.js';
import { hostPort, type Address } from '../address.js';
import type { HttpLevel, ProxyPassLine, UpstreamLevel, UpstreamServerLine } from '../blocks.js';
import { POOL, POOL_REQUESTS, POOL_TIME, POOL_TIMEOUT } from '../directives/upstream.js';
import { Level } from '../level.js';
import type { Word } from '../syntax.js';
import { Addresses, resolveReason } from './addresses.js';
import { LocalPool } from './local-pool.js';
import type { Site } from './site.js';

const DEFAULT_PORT = 80;

/** One group of servers, and how its locations get at it. */
class Upstream {
  private users = 0;
  private readonly balancer: PeerSource;

  constructor(
    private readonly servers: readonly UpstreamServer[],
    private readonly isLocal: boolean,
  ) {
    this.balancer = servers.some(isPrimary) ? new RoundRobin(servers) : NOBODY;
  }

  /** What one location draws peers from. The balance is always common; idle connections are not where they are local. */
  sourceForLocation(): PeerSource {
    this.users++;
    if (!this.isLocal || this.users === 1) return this.balancer;
    return new LocalPool(
      this.balancer,
      this.servers.flatMap((server) => server.peers),
    );
  }
}

export class Upstreams {
  private readonly named = new Map<string, Upstream>();
  private readonly implied = new Map<string, Upstream>();
  private readonly addresses: Addresses;

  constructor(private readonly site: Site) {
    this.addresses = new Addresses(site);
  }

  /** Makes the named upstreams, and those that the given lines imply. Call it once. */
  async build(http: HttpLevel, passes: readonly ProxyPassLine[]): Promise<void> {
    for (const level of http.upstreams) this.named.set(level.name, await this.group(level));
    for (const pass of passes) {
      const key = keyOf(pass.address);
      if (this.nameOf(pass) !== undefined || this.implied.has(key)) continue;
      const peers = await this.peers(
        pass.address,
        pass.word,
        poolOf(IMPLIED),
        pass.url.replace(/^http:\/\//i, ''),
      );
      this.implied.set(key, new Upstream([{ ...SERVER_DEFAULTS, peers }], IMPLIED.get(POOL).isLocal));
    }
  }

  /** The peers of a proxy_pass, for one location. */
  source(pass: ProxyPassLine): PeerSource {
    const name = this.nameOf(pass);
    if (name === undefined) {
      const implied = this.implied.get(keyOf(pass.address));
      if (implied === undefined) throw new Error('build() did not see this proxy_pass');
      return implied.sourceForLocation();
    }
    if (pass.address.kind === 'host' && pass.address.port >= 0) {
      this.site.fault(pass.word, `upstream "${name}" may not have port ${pass.address.port}`);
    }
    return (this.named.get(name) as Upstream).sourceForLocation();
  }

  private nameOf({ address }: ProxyPassLine): string | undefined {
    return address.kind === 'host' && this.named.has(address.host) ? address.host : undefined;
  }

  private async group(level: UpstreamLevel): Promise<Upstream> {
    const pool = poolOf(level);
    const servers: UpstreamServer[] = [];
    for (const line of level.servers) {
      const { weight, maxFails, failTimeoutMs, backup, down } = line;
      const peers = await this.peers(line.address, line.word, pool, line.word.text);
      servers.push({ peers, weight, maxFails, failTimeoutMs, backup, down });
    }
    const hasPrimary = level.servers.length === 0 || level.servers.some((line) => !line.backup);
    if (!hasPrimary)
      this.site.fault(level.place, `no servers in upstream "${level.name}"`, 'all of them are backups');
    return new Upstream(servers, level.get(POOL).isLocal);
  }

  private async peers(address: Address, word: Word, pool: PoolRules, shown: string): Promise<Peer[]> {
    if (address.kind === 'unix') {
      return [{ name: `unix:${address.path}`, host: '', port: 0, path: address.path, pool }];
    }
    const port = address.port < 0 ? DEFAULT_PORT : address.port;
    try {
      const hosts = await this.addresses.of(address);
      return hosts.map((host) => ({ name: hostPort(host, port), host, port, path: '', pool }));
    } catch (error) {
      this.site.fault(word, `host not found in upstream "${shown}"`, resolveReason(error));
      return [];
    }
  }
}

/** Stands in for an upstream that has a fault: the configuration is refused, nobody asks it. */
const NOBODY: PeerSource = { next: () => undefined, release: () => undefined };

function isPrimary(server: UpstreamServer): boolean {
  return !server.backup && server.peers.length > 0;
}

/** What holds for an upstream that no block describes: nginx's defaults. */
const IMPLIED = new Level('upstream', null, null);
const SERVER_DEFAULTS: Omit<UpstreamServerLine, 'address' | 'word'> = {
  weight: 1,
  maxFails: 1,
  failTimeoutMs: 10_000,
  backup: false,
  down: false,
};

function keyOf(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return hostPort(address.host, address.port < 0 ? DEFAULT_PORT : address.port);
}

/** One object per upstream: the driver's pool is found by it. */
function poolOf(level: Level): PoolRules {
  return {
    maxIdle: level.get(POOL).maxIdle,
    idleTimeoutMs: level.get(POOL_TIMEOUT),
    maxRequests: level.get(POOL_REQUESTS),
    maxAgeMs: level.get(POOL_TIME),
  };
}
