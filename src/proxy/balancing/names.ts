/**
 * Names that are resolved while the proxy runs: what is asked, and how answers become peers. Asks nobody by itself:
 * `driver/` does, and knows when an answer has expired.
 */
import { isIPv6 } from 'node:net';
import type { Balancer } from './balancer.js';
import type { PeerAddress, UpstreamServer } from './peers.js';

/** `resolver` and `resolver_timeout`. */
export interface ResolverRules {
  /** Name servers: numeric, with their ports (`192.0.2.1:53`, `[2001:db8::1]:53`). */
  readonly servers: readonly string[];
  /** How long an answer holds; null for as long as it says itself. */
  readonly validMs: number | null;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** Longest time for one name. */
  readonly timeoutMs: number;
}

/** Addresses of a host. */
export interface HostAnswer {
  /** Numeric. */
  readonly addresses: readonly string[];
  /** How long they hold. */
  readonly validMs: number;
}

/** One SRV record (RFC 2782). */
export interface ServiceRecord {
  readonly host: string;
  readonly port: number;
  /** Lower ones are preferred. */
  readonly priority: number;
  readonly weight: number;
}

/** Asks name servers. Both reject with an error whose `code` is one of Node's DNS codes; `ENOTFOUND` for no such name. */
export interface NameService {
  host(name: string): Promise<HostAnswer>;
  service(name: string): Promise<readonly ServiceRecord[]>;
}

/** One `server ... resolve`: `driver/` keeps it up to date. */
export interface WatchedName {
  /** For messages. */
  readonly name: string;
  readonly timeoutMs: number;
  /** Asks once, and tells for how long the answer holds, in ms. Rejects as {@link NameService} does. */
  renew(): Promise<number>;
  /** The name is gone: nobody is asked any more. */
  clear(): void;
  /** Tells of a name that could not be resolved. */
  failed(reason: string): void;
}

/** What a watched server is. */
export interface WatchOptions {
  readonly balancer: Balancer;
  readonly server: UpstreamServer;
  readonly names: NameService;
  readonly host: string;
  /** Unused for a service, whose records have ports of their own. */
  readonly port: number;
  /** Name of the SRV records, or '' for the addresses of `host`. */
  readonly service: string;
  readonly timeoutMs: number;
  readonly log: (text: string) => void;
}

/** Watches one server. */
export function watchName(options: WatchOptions): WatchedName {
  const { balancer, server, names, host, port, service, timeoutMs, log } = options;
  const name = service === '' ? host : service;
  return {
    name,
    timeoutMs,
    clear: () => balancer.replace(server, []),
    failed: (reason) => log(`${name} could not be resolved (${reason})`),
    renew: async () => {
      const { addresses, validMs } =
        service === '' ? await hostPeers(names, host, port) : await servicePeers(names, service);
      balancer.replace(server, addresses);
      return validMs;
    },
  };
}

interface Peers {
  readonly addresses: readonly PeerAddress[];
  readonly validMs: number;
}

async function hostPeers(names: NameService, host: string, port: number): Promise<Peers> {
  const { addresses, validMs } = await names.host(host);
  return { addresses: sorted(addresses).map((address) => peerAddress(address, port)), validMs };
}

/** Records of the lowest priority number are primary servers, the others backups. Hosts without an address are left out. */
async function servicePeers(names: NameService, service: string): Promise<Peers> {
  const records = await names.service(service);
  const best = Math.min(...records.map(({ priority }) => priority));
  const addresses: PeerAddress[] = [];
  let validMs = Infinity;
  const answers = await Promise.allSettled(records.map(({ host }) => names.host(host)));
  records.forEach(({ port, priority, weight }, i) => {
    const answer = answers[i];
    if (answer.status === 'rejected') return;
    validMs = Math.min(validMs, answer.value.validMs);
    for (const address of sorted(answer.value.addresses)) {
      const peer = peerAddress(address, port);
      addresses.push({ ...peer, weight: Math.max(1, weight), isBackup: priority > best });
    }
  });
  const failure = answers.find((answer) => answer.status === 'rejected');
  if (addresses.length === 0 && failure !== undefined) throw failure.reason;
  return { addresses, validMs };
}

/** Name servers turn their answers round; the places of a hash must not. */
function sorted(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)].sort();
}

export function peerAddress(host: string, port: number): PeerAddress {
  return { name: isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`, host, port, path: '' };
}

/**
 * The name whose SRV records `service=` asks for. A service without a dot is one of TCP, as RFC 2782 names it.
 * @param host of the `server` line
 */
export function serviceName(service: string, host: string): string {
  return service.includes('.') ? `${service}.${host}` : `_${service}._tcp.${host}`;
}
