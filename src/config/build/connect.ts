/**
 * `tunnel_pass` and the tunnel module's other directives become the plan that CONNECT is carried out by. Decides nothing
 * at run time.
 */
import { Destinations } from '../../proxy/destinations.js';
import { DestinationPeers } from '../../proxy/dynamic-pass.js';
import { localEdits } from '../../proxy/edits.js';
import type { DownstreamRules, ForwardPlan } from '../../proxy/model.js';
import { TunnelPass } from '../../proxy/tunnel-pass.js';
import { parseAddress } from '../address.js';
import type { TunnelLine } from '../blocks.js';
import * as tunnel from '../directives/connect.js';
import { SERVER_TOKENS } from '../directives/connection.js';
import { RESOLVER, RESOLVER_TIMEOUT } from '../directives/resolver.js';
import type { Level } from '../level.js';
import type { FieldLines } from './fields.js';
import type { Resolvers } from './resolvers.js';
import type { Site } from './site.js';
import { socketRules } from './sockets.js';
import type { Upstreams } from './upstreams.js';

/** What a tunnel_pass makes of its location. */
export interface Tunnel {
  readonly action: ForwardPlan;
  /** Where the destination depends on the request. */
  readonly pass: TunnelPass | undefined;
}

/** Makes the tunnels of one configuration. */
export class TunnelBuilder {
  constructor(
    private readonly site: Site,
    private readonly upstreams: Upstreams,
    private readonly resolvers: Resolvers,
    private readonly fields: FieldLines,
  ) {}

  /** @param level where the directives stand; `line` may be inherited by it */
  build(line: TunnelLine, level: Level, rules: DownstreamRules): Tunnel {
    const edits = localEdits({
      contentType: null,
      location: null,
      add: this.fields.ofResponse(level),
      serverTokens: level.get(SERVER_TOKENS),
    });
    const { site } = this;
    const socket = socketRules(
      site,
      level.get(tunnel.TUNNEL_BIND),
      level.get(tunnel.TUNNEL_SOCKET_KEEPALIVE),
    );
    const action: ForwardPlan = {
      kind: 'forward',
      opensTunnel: true,
      downstream: rules,
      peers: line.pass === null ? new DestinationPeers() : this.fixed(line),
      dial: socket === undefined ? undefined : { tls: null, proxyHeader: 0, ...socket },
      target: site.constant(''),
      requestEdits: edits,
      responseEdits: edits,
      minorVersion: 1,
      connectTimeoutMs: level.get(tunnel.TUNNEL_CONNECT_TIMEOUT),
      sendTimeoutMs: level.get(tunnel.TUNNEL_SEND_TIMEOUT),
      readTimeoutMs: level.get(tunnel.TUNNEL_READ_TIMEOUT),
      maxResponseHeadOctets: 0,
      nextOn: level.get(tunnel.TUNNEL_NEXT_ON),
      nextTries: level.get(tunnel.TUNNEL_NEXT_TRIES),
      nextTimeoutMs: level.get(tunnel.TUNNEL_NEXT_TIME),
    };
    return { action, pass: line.pass === null ? this.dynamic(line, level) : undefined };
  }

  private fixed({ pass, word }: TunnelLine): ForwardPlan['peers'] {
    const { address } = pass!;
    if (address?.kind === 'host' && address.port < 0 && this.upstreams.named(address.host) === undefined)
      this.site.fault(word, `no port in upstream "${word.text}"`, 'tunnel_pass example.org:443;');
    return this.upstreams.source(pass!);
  }

  private dynamic({ word }: TunnelLine, level: Level): TunnelPass {
    const { site, upstreams, resolvers } = this;
    const destinations = new Destinations(level.get(tunnel.TUNNEL_RULES));
    return new TunnelPass(site.template(word), /^unix:/i.test(word.text), destinations, {
      upstream: (name) => upstreams.named(name),
      parse: (text) => parseAddress(text, 'upstream'),
      names: resolvers.of(level.get(RESOLVER), level.get(RESOLVER_TIMEOUT)),
    });
  }
}
