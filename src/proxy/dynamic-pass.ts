/**
 * `proxy_pass` with variables: which peers and which target a request goes to, worked out once for each time it is
 * forwarded (`ngx_http_proxy_eval`). Names of upstreams are known, others are looked up where a `resolver` is.
 */
import type { Fault } from '../error.js';
import type { Exchange } from '../machine/exchange.js';
import type { Peer, PeerSource, PoolRules } from '../machine/policy.js';
import type { RequestContext } from './context.js';
import type { NameService } from './balancing/names.js';
import { logHere } from './fault-lines.js';
import { LookedUpPeers, SinglePeer } from './looked-up-peers.js';
import type { Template } from './template.js';

/** An address that a text names. */
export type PassAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'host'; readonly host: string; readonly family: number; readonly port: number };

/** What `config/` knows and this room does not. */
export interface PassWorld {
  /** The peers of a name that the configuration knows (an upstream, or a host resolved at the start), or undefined. */
  known(host: string, port: number, secure: boolean): PeerSource | undefined;
  /** Reads `host[:port]` or `unix:path`; a text says what is wrong with it. */
  parse(text: string): PassAddress | string;
  readonly pool: PoolRules;
  /** Whom names are asked of; null where no resolver is configured. */
  readonly names: NameService | null;
}

/** Works out where a request goes. */
export interface RequestPass {
  /**
   * Leaves what it finds in `context.destination`.
   * @returns 0, or the status that is due instead
   */
  prepare(exchange: Exchange, context: RequestContext): number;
}

/** Peers of addresses that requests named are remembered up to this number. */
const MOST_ADDRESSES = 1024;

/** The proxy_pass of one location. */
export class DynamicPass implements RequestPass {
  private readonly byAddress = new Map<string, Peer>();
  private turn = 0;
  private readonly securePool: PoolRules;

  constructor(
    private readonly url: Template,
    private readonly world: PassWorld,
  ) {
    this.securePool = { ...world.pool };
  }

  /**
   * Works out where the request goes, into `context.destination`.
   * @returns 0, or the status that is due: 500 for a value that is no URL, 502 for a name without a resolver
   */
  prepare(exchange: Exchange, context: RequestContext): number {
    const url = this.url.text(exchange);
    const scheme = /^https?:\/\/(?=[^])/i.exec(url)?.[0];
    if (scheme === undefined) {
      logHere('error', `invalid URL prefix in "${url}"`, exchange);
      return 500;
    }
    const isSecure = scheme.length === 'https://'.length;
    const [authority, uri] = splitUri(url.slice(scheme.length));
    const address = this.world.parse(authority);
    if (typeof address === 'string') {
      logHere('error', `${address} in upstream "${authority}${uri}"`, exchange);
      return 500;
    }
    const own = isSecure ? 443 : 80;
    const peers = this.peers(address, isSecure);
    if (peers === undefined) {
      logHere('error', `no resolver defined to resolve ${authority.replace(/:\d+$/, '')}`, exchange);
      return 502;
    }
    const port = address.kind === 'unix' ? '' : String(address.port < 0 ? own : address.port);
    const host =
      address.kind === 'unix'
        ? 'localhost'
        : port === String(own)
          ? authority.replace(/:\d+$/, '')
          : authority;
    context.destination = { peers, isSecure, uri, host, port };
    return 0;
  }

  /** The peers, or undefined where a name cannot be looked up. */
  private peers(address: PassAddress, secure: boolean): PeerSource | undefined {
    if (address.kind === 'unix') return new SinglePeer(this.peer(address, secure));
    const known = this.world.known(address.host, address.port, secure);
    if (known !== undefined) return known;
    if (address.family !== 0) return new SinglePeer(this.peer(address, secure));
    const { names } = this.world;
    if (names === null) return undefined;
    return new LookedUpPeers({
      names,
      host: address.host,
      turn: this.turn++,
      peersOf: (addresses) => addresses.map((host) => this.peer({ ...address, host }, secure)),
    });
  }

  /** The peer of an address, the same as before where it is remembered: idle connections are found by it. */
  private peer(address: PassAddress, secure: boolean): Peer {
    const made = peerOf(address, secure ? 443 : 80, secure ? this.securePool : this.world.pool);
    const key = secure ? `https ${made.name}` : made.name;
    const known = this.byAddress.get(key);
    if (known !== undefined) return known;
    // The oldest goes: a client that makes up addresses must not fill the memory.
    if (this.byAddress.size >= MOST_ADDRESSES) this.byAddress.delete(this.byAddress.keys().next().value!);
    this.byAddress.set(key, made);
    return made;
  }
}

/** The peers of a plan whose destination depends on the request: those of {@link DynamicPass.prepare}. */
export class DestinationPeers implements PeerSource {
  /** Who is to be told of a peer's end. Peers are few, and live as long as their upstreams. */
  private readonly sources = new WeakMap<Peer, PeerSource>();

  next(exchange: Exchange, now: number): Peer | undefined {
    const source = (exchange.context as RequestContext).destination?.peers;
    const peer = source?.next(exchange, now);
    if (peer !== undefined) this.sources.set(peer, source!);
    return peer;
  }

  find(exchange: Exchange): Promise<Fault | null> | null {
    return (exchange.context as RequestContext).destination?.peers.find?.(exchange) ?? null;
  }

  release(peer: Peer, failed: boolean, now: number): void {
    this.sources.get(peer)?.release(peer, failed, now);
  }
}

function peerOf(address: PassAddress, ownPort: number, pool: PoolRules): Peer {
  if (address.kind === 'unix')
    return { name: `unix:${address.path}`, host: '', port: 0, path: address.path, pool };
  const { host } = address;
  const port = address.port < 0 ? ownPort : address.port;
  return { name: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, host, port, path: '', pool };
}

/** Splits what stands behind the scheme. The path of a socket ends at a colon: `unix:/tmp/a.sock:/uri`. */
export function splitUri(rest: string): [address: string, uri: string] {
  const unix = /^unix:([^:]*)(?::([^]*))?$/i.exec(rest);
  if (unix !== null) return [`unix:${unix[1]}`, unix[2] ?? ''];
  const start = rest.search(/[/?]/);
  return start < 0 ? [rest, ''] : [rest.slice(0, start), rest.slice(start)];
}
