/**
 * `tunnel_pass` with variables, as it is without an address: where the tunnel of a CONNECT request leads. Decides nothing
 * about the tunnel itself.
 */
import { Fault } from '../error.js';
import type { Exchange } from '../machine/exchange.js';
import type { Peer, PeerSource, PoolRules } from '../machine/policy.js';
import type { NameService } from './balancing/names.js';
import type { RequestContext } from './context.js';
import type { Destinations } from './destinations.js';
import type { PassAddress, RequestPass } from './dynamic-pass.js';
import { logHere } from './fault-lines.js';
import { LookedUpPeers, SinglePeer } from './looked-up-peers.js';
import type { Template } from './template.js';

/** What `config/` knows and this room does not. */
export interface TunnelWorld {
  /** The servers of an upstream, or undefined. */
  upstream(name: string): PeerSource | undefined;
  /** Reads `host[:port]` or `unix:path`; a text says what is wrong with it. */
  parse(text: string): PassAddress | string;
  /** Whom names are asked of; null where no resolver is configured. */
  readonly names: NameService | null;
}

/** Tunnels are not used again. */
const NO_POOL: PoolRules = { maxIdle: 0, idleTimeoutMs: 0, maxRequests: 1, maxAgeMs: 0 };

/** The tunnel_pass of one location. */
export class TunnelPass implements RequestPass {
  private turn = 0;

  /** @param namesSocket the address begins with `unix:` before any variable: it is no client who says so */
  constructor(
    private readonly address: Template,
    private readonly namesSocket: boolean,
    private readonly destinations: Destinations,
    private readonly world: TunnelWorld,
  ) {}

  prepare(exchange: Exchange, context: RequestContext): number {
    const text = this.address.text(exchange);
    const address = this.world.parse(text);
    if (typeof address === 'string') {
      logHere('info', `${address} in upstream "${text}"`, exchange);
      return 500;
    }
    const peers = this.peers(text, address, exchange);
    if (typeof peers === 'number') return peers;
    context.destination = { peers, isSecure: false, uri: '', host: text, port: '' };
    return 0;
  }

  /** @returns the status that is due where there are none */
  private peers(text: string, address: PassAddress, exchange: Exchange): PeerSource | number {
    if (address.kind === 'unix') {
      if (!this.namesSocket) return refuse(text, exchange);
      const { path } = address;
      return new SinglePeer({ name: `unix:${path}`, host: '', port: 0, path, pool: NO_POOL });
    }
    const { host, family, port } = address;
    const named = port < 0 ? this.world.upstream(host) : undefined;
    if (named !== undefined) return named;
    if (port < 0) {
      logHere('error', `no port in upstream "${text}"`, exchange);
      return 500;
    }
    const client = exchange.connection.remoteAddress;
    const judgement = this.destinations.judge(host, family === 0 ? '' : host, port, client);
    if (judgement === 'refused') return refuse(text, exchange);
    if (family !== 0) return new SinglePeer(peerAt(host, port));
    const { names } = this.world;
    if (names === null) {
      logHere('error', `no resolver defined to resolve ${host}`, exchange);
      return 502;
    }
    return new LookedUpPeers({
      names,
      host,
      turn: this.turn++,
      peersOf: (addresses) => this.allowed(addresses, host, port, client),
    });
  }

  /** A name may lead where its owner likes, so what counts is the address that it leads to now. */
  private allowed(
    addresses: readonly string[],
    host: string,
    port: number,
    client: string,
  ): readonly Peer[] | Fault {
    const allowed = addresses.filter((one) => this.destinations.judge(host, one, port, client) === 'allowed');
    if (allowed.length > 0) return allowed.map((one) => peerAt(one, port));
    return new Fault('DESTINATION_REFUSED', 'downstream', -1, `${host}:${port}`);
  }
}

function refuse(text: string, exchange: Exchange): number {
  logHere('error', `access forbidden by rule, destination "${text}"`, exchange);
  return 403;
}

export function peerAt(host: string, port: number, pool: PoolRules = NO_POOL): Peer {
  return { name: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, host, port, path: '', pool };
}
