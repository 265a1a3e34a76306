/**
 * `proxy_pass` with variables: which peers and which target a request goes to, worked out once for each time it is
 * forwarded (`ngx_http_proxy_eval`). Decides nothing about names: those of upstreams are known, others are not looked up.
 */
import type { Exchange } from '../machine/exchange.js';
import type { Peer, PeerSource, PoolRules } from '../machine/policy.js';
import type { RequestContext } from './context.js';
import { logHere } from './fault-lines.js';
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
}

/** Peers of addresses that requests named are remembered up to this number: an idle connection is found by its peer. */
const MOST_ADDRESSES = 1024;

/** The proxy_pass of one location. */
export class DynamicPass {
  private readonly byAddress = new Map<string, PeerSource>();
  private readonly securePool: PoolRules;

  constructor(
    private readonly url: Template,
    private readonly world: PassWorld,
  ) {
    this.securePool = { ...world.pool };
  }

  /**
   * Works out where the request goes, into `context.destination`.
   * @returns 0, or the status that is due: 500 for a value that is no URL, 502 for a name that cannot be looked up
   */
  prepare(exchange: Exchange, context: RequestContext): number {
    const url = this.url.text(exchange);
    const scheme = /^https?:\/\//i.exec(url)?.[0];
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
    const peers = this.peers(authority, address, isSecure);
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

  private peers(authority: string, address: PassAddress, secure: boolean): PeerSource | undefined {
    if (address.kind === 'host') {
      const known = this.world.known(address.host, address.port, secure);
      if (known !== undefined || address.family === 0) return known;
    }
    const key = `${secure ? 'https' : 'http'}://${authority.toLowerCase()}`;
    let source = this.byAddress.get(key);
    if (source === undefined) {
      // The oldest goes: a client that makes up addresses must not fill the memory.
      if (this.byAddress.size >= MOST_ADDRESSES) this.byAddress.delete(this.byAddress.keys().next().value!);
      this.byAddress.set(
        key,
        (source = new SinglePeer(
          peerOf(address, secure ? 443 : 80, secure ? this.securePool : this.world.pool),
        )),
      );
    }
    return source;
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

  release(peer: Peer, failed: boolean, now: number): void {
    this.sources.get(peer)?.release(peer, failed, now);
  }
}

/** The only peer of an address: asked once, and again behind a stale connection. */
class SinglePeer implements PeerSource {
  constructor(private readonly peer: Peer) {}

  next({ attempts, passStart }: Exchange): Peer | undefined {
    for (let i = passStart; i < attempts.length; i++) if (!attempts[i].reused) return undefined;
    return this.peer;
  }

  release(): void {}
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
