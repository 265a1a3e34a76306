/**
 * Upstream options become sources of peers. Decides how names are resolved (when first needed, again every ten seconds of
 * use) and which groups are the same; leaves the balance to `proxy/balancing/`.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Exchange } from '../machine/exchange.js';
import type { Peer, PeerSource, PoolRules } from '../machine/policy.js';
import { Balancer } from '../proxy/balancing/balancer.js';
import type { PeerAddress, UpstreamServer } from '../proxy/balancing/peers.js';
import type { UpstreamGroup, UpstreamOption, UpstreamServerOption } from './options.js';
import { parseUpstreamUrl, type UpstreamUrl } from './upstream-url.js';

/** How long an answer of the resolver is good; behind it the next request uses it once more and asks anew. */
const RESOLVED_MS = 10_000;
/** How long a failure to resolve is. */
const FAILED_MS = 1_000;
/** Groups that a route function named by address and that are remembered: more are made anew when they come again. */
const MOST_GROUPS = 1024;

type Resolver = (host: string) => Promise<readonly string[]>;
type Report = (text: string) => void;

interface Server {
  readonly url: UpstreamUrl;
  readonly model: UpstreamServer;
  /** Its host has to be resolved. */
  readonly isName: boolean;
}

/** One group of servers. Its peers are known at once if all are numbers, else once they are resolved. */
export class Upstream implements PeerSource {
  /** Path in front of requests, '' for none: the first server's. */
  readonly base: string;
  /** Host field that names the upstream: the first server's. */
  readonly authority: string;
  /** TLS is spoken there. */
  readonly isSecure: boolean;
  /** The first server's host. */
  readonly host: string;
  readonly pool: PoolRules;
  private readonly servers: readonly Server[];
  private readonly balancer: Balancer;
  private readonly view: PeerSource;
  private readonly hasNames: boolean;
  /** The resolver has answered once: there are peers to ask. */
  private isKnown = false;
  /** Monotonic ms. */
  private validUntil = -Infinity;
  private resolving: Promise<void> | null = null;

  constructor(
    option: UpstreamOption,
    private readonly resolve: Resolver,
    private readonly report: Report,
  ) {
    const group: UpstreamGroup =
      typeof option === 'string'
        ? { servers: [option] }
        : Array.isArray(option)
          ? { servers: option as readonly string[] }
          : (option as UpstreamGroup);
    this.servers = group.servers.map((server) =>
      serverOf(typeof server === 'string' ? { url: server } : server),
    );
    this.base = this.servers[0].url.base;
    this.authority = this.servers[0].url.authority;
    this.isSecure = this.servers[0].url.isSecure;
    this.host = this.servers[0].url.host;
    const { connections = 32, idleMs = 60_000, requests = 1000, ageMs = 3_600_000 } = group.keepalive ?? {};
    this.pool = { maxIdle: connections, idleTimeoutMs: idleMs, maxRequests: requests, maxAgeMs: ageMs };
    this.hasNames = this.servers.some(({ isName }) => isName);
    this.balancer = new Balancer(this.servers.map(({ model }) => model));
    this.view = this.balancer.view(this.pool);
  }

  /** Whether peers can be asked for. If not, {@link ready} makes it so. */
  isReady(now: number): boolean {
    if (!this.hasNames) return true;
    if (now >= this.validUntil) void this.ready(now);
    return this.isKnown || this.resolving === null;
  }

  /** Resolves the names. Never rejects: without an address there is no peer, and the answer is a 502. */
  ready(now: number): Promise<void> {
    return (this.resolving ??= this.look(now).finally(() => (this.resolving = null)));
  }

  next(exchange: Exchange, now: number): Peer | undefined {
    return this.view.next(exchange, now);
  }

  release(peer: Peer, failed: boolean, now: number): void {
    this.view.release(peer, failed, now);
  }

  private async look(now: number): Promise<void> {
    const found = await Promise.all(
      this.servers.filter(({ isName }) => isName).map((server) => this.renew(server)),
    );
    this.isKnown ||= found.includes(true);
    this.validUntil = now + (found.includes(false) ? FAILED_MS : RESOLVED_MS);
  }

  /** Asks for one name. Addresses that worked are kept while the resolver does not answer. */
  private async renew({ url, model }: Server): Promise<boolean> {
    try {
      const hosts = await this.resolve(url.host);
      // The addresses of localhost are one machine: its other family is for when the first refuses.
      const isBackup = (i: number): boolean => url.host === 'localhost' && i > 0;
      this.balancer.replace(
        model,
        hosts.map((host, i) => ({ ...addressOf(url, host), isBackup: isBackup(i) })),
      );
      return true;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.report(`host not found in upstream "${url.host}" (${code ?? message})`);
      return false;
    }
  }
}

function serverOf(options: UpstreamServerOption): Server {
  const url = parseUpstreamUrl(options.url) as UpstreamUrl;
  const isName = url.socket === '' && isIP(url.host) === 0;
  const { weight = 1, backup = false, maxFails = 1, failMs = 10_000, maxExchanges = 0 } = options;
  const model: UpstreamServer = {
    name: url.authority,
    addresses: isName ? [] : [addressOf(url, url.host)],
    weight,
    maxFails,
    failTimeoutMs: failMs,
    maxConns: maxExchanges,
    backup,
    down: false,
    drain: false,
    route: '',
  };
  return { url, model, isName };
}

/** @param host numeric; '' for a unix socket */
function addressOf({ port, socket }: UpstreamUrl, host: string): PeerAddress {
  if (socket !== '') return { name: `unix:${socket}`, host: '', port: 0, path: socket };
  return { name: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, host, port, path: '' };
}

/** The groups of one proxy: equal options are one group, whoever names them. */
export class Upstreams {
  /** By the option as text, the one used longest ago first. */
  private readonly groups = new Map<string, Upstream>();

  /** @param onRetired the connections of a group are not needed any more */
  constructor(
    private readonly report: Report,
    private readonly onRetired: (rules: PoolRules) => void,
    private readonly resolve: Resolver = systemResolver,
  ) {}

  /** The group of a checked option. */
  of(option: UpstreamOption): Upstream {
    const key = typeof option === 'string' ? option : JSON.stringify(option);
    let upstream = this.groups.get(key);
    if (upstream === undefined) {
      upstream = new Upstream(option, this.resolve, this.report);
      if (this.groups.size >= MOST_GROUPS) this.forgetOldest();
    } else {
      // To the end of the line: what is used stays.
      this.groups.delete(key);
    }
    this.groups.set(key, upstream);
    return upstream;
  }

  /** Nothing of these groups is needed any more. */
  retire(): void {
    for (const upstream of this.groups.values()) this.onRetired(upstream.pool);
    this.groups.clear();
  }

  private forgetOldest(): void {
    for (const [key, upstream] of this.groups) {
      this.groups.delete(key);
      this.onRetired(upstream.pool);
      return;
    }
  }
}

const systemResolver: Resolver = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);
