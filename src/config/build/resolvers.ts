/**
 * Name servers: `resolver` as something that can be asked. Decides that two places with the same words share one memory
 * of answers.
 */
import type { NameService } from '../../proxy/balancing/names.js';
import { hostPort } from '../address.js';
import type { Level } from '../level.js';
import { RESOLVER, type ResolverLine } from '../directives/resolver.js';
import { Addresses, resolveReason } from './addresses.js';
import type { Site } from './site.js';

const DNS_PORT = 53;

export class Resolvers {
  private readonly servers = new Map<ResolverLine, readonly string[]>();
  private readonly made = new Map<string, NameService>();
  private readonly addresses: Addresses;

  constructor(private readonly site: Site) {
    this.addresses = new Addresses(site);
  }

  /** Looks up the name servers of the given levels, which may be names themselves. Call it before {@link of}. */
  async build(levels: Iterable<Level>): Promise<void> {
    for (const level of levels) {
      const line = level.get(RESOLVER);
      if (line !== null && !this.servers.has(line)) this.servers.set(line, await this.find(line));
    }
  }

  /** @returns null where no name servers are known: either none is written, or that is a fault already */
  of(line: ResolverLine | null, timeoutMs: number): NameService | null {
    const servers = line === null ? [] : (this.servers.get(line) ?? []);
    const { nameService } = this.site.world;
    if (line === null || servers.length === 0 || nameService === undefined) return null;
    const { validMs, ipv4, ipv6 } = line;
    const rules = { servers, validMs, ipv4, ipv6, timeoutMs };
    const key = JSON.stringify(rules);
    let service = this.made.get(key);
    if (service === undefined) this.made.set(key, (service = nameService(rules)));
    return service;
  }

  private async find(line: ResolverLine): Promise<readonly string[]> {
    const found: string[] = [];
    for (const { address, word } of line.servers) {
      const port = address.port < 0 ? DNS_PORT : address.port;
      try {
        for (const host of await this.addresses.of(address)) found.push(hostPort(host, port));
      } catch (error) {
        this.site.fault(word, `host not found in resolver "${word.text}"`, resolveReason(error));
      }
    }
    return found;
  }
}
