/**
 * Peers whose name a request made: looked up when the first of them is asked for, once for each time the request is
 * forwarded. Decides in which order their addresses are tried; leaves the asking, and how long an answer holds, to a
 * {@link NameService}.
 */
import { Fault } from '../error.js';
import type { Exchange } from '../machine/exchange.js';
import type { Peer, PeerSource } from '../machine/policy.js';
import type { NameService } from './balancing/names.js';

/** nginx's words for what name servers say (`ngx_resolver_strerror`), by Node's codes. */
const REASONS: Readonly<Record<string, string>> = {
  EFORMERR: '1: Format error',
  ESERVFAIL: '2: Server failure',
  ENOTFOUND: '3: Host not found',
  ENODATA: '3: Host not found',
  ENOTIMP: '4: Unimplemented',
  EREFUSED: '5: Operation refused',
  ETIMEOUT: '110: Operation timed out',
  ECANCELLED: '110: Operation timed out',
};

/** What one request's peers are made of. */
export interface Lookup {
  readonly names: NameService;
  readonly host: string;
  /** Which address is tried first; counted up from request to request, they take turns. */
  readonly turn: number;
  /** The peers of addresses, or what is wrong with them all. */
  peersOf(addresses: readonly string[]): readonly Peer[] | Fault;
}

/** One request's peers. */
export class LookedUpPeers implements PeerSource {
  private peers: readonly Peer[] | null = null;
  private tried = 0;

  constructor(private readonly lookup: Lookup) {}

  next(): Peer | undefined {
    return this.peers?.[this.tried++];
  }

  find(): Promise<Fault | null> | null {
    return this.peers === null ? this.ask() : null;
  }

  release(): void {}

  private async ask(): Promise<Fault | null> {
    const { names, host, turn } = this.lookup;
    let addresses: readonly string[];
    try {
      ({ addresses } = await names.host(host));
    } catch (error) {
      const code = String((error as NodeJS.ErrnoException).code);
      return new Fault(
        'NAME_UNRESOLVED',
        'upstream',
        -1,
        `${host} could not be resolved (${REASONS[code] ?? code})`,
      );
    }
    const first = turn % addresses.length;
    const found = this.lookup.peersOf([...addresses.slice(first), ...addresses.slice(0, first)]);
    if (found instanceof Fault) return found;
    this.tried = 0;
    this.peers = found;
    return null;
  }
}

/** The only peer of an address: asked once, and again behind a stale connection. */
export class SinglePeer implements PeerSource {
  constructor(private readonly peer: Peer) {}

  next({ attempts, passStart }: Exchange): Peer | undefined {
    for (let i = passStart; i < attempts.length; i++) if (!attempts[i].reused) return undefined;
    return this.peer;
  }

  release(): void {}
}
