/** Policies by hand, for tests and the bench: the machine without any configuration. */
import type { Fault } from '../../src/error.js';
import type { Exchange } from '../../src/machine/exchange.js';
import type {
  AskPlan,
  Decision,
  DownstreamRules,
  ForwardPlan,
  Peer,
  PeerSource,
  Policy,
  PoolRules,
  ReadingRules,
  RespondPlan,
} from '../../src/machine/policy.js';
import { ConstantValue, FieldEdits, fieldSet, type ValueSource } from '../../src/message/field-edits.js';
import { UPGRADE } from '../../src/message/field-names.js';
import type { OctetWriter } from '../../src/bytes/octet-writer.js';

export const READING: ReadingRules = {
  headTimeoutMs: 60_000,
  maxLineOctets: 8192,
  maxHeadOctets: 32768,
  maxFields: 1000,
};

export const DOWNSTREAM_RULES: DownstreamRules = {
  keepaliveTimeoutMs: 75_000,
  keepaliveRequests: 1000,
  keepaliveTimeMs: 3_600_000,
  bodyTimeoutMs: 60_000,
  sendTimeoutMs: 60_000,
  maxContentOctets: 0,
  lingeringTimeMs: 30_000,
  lingeringTimeoutMs: 5_000,
};

export const POOL: PoolRules = { maxIdle: 32, idleTimeoutMs: 60_000, maxRequests: 1000, maxAgeMs: 3_600_000 };

/** `$http_upgrade` as a value. */
export const HTTP_UPGRADE: ValueSource<Exchange> = {
  put({ request }: Exchange, out: OctetWriter): void {
    const index = request.findField(UPGRADE);
    if (index >= 0) out.putLatin1(request.valueText(index));
  },
};

export class FixedPeers implements PeerSource {
  released: string[] = [];
  private readonly peers: readonly Peer[];
  constructor(...peers: readonly Peer[]) {
    this.peers = peers;
  }
  next(exchange: Exchange): Peer | undefined {
    return this.peers[exchange.attempts.length];
  }
  release(peer: Peer, failed: boolean): void {
    this.released.push(`${peer.name}${failed ? ' failed' : ''}`);
  }
}

export function peer(port: number, host = '127.0.0.1', pool = POOL): Peer {
  return { name: `${host}:${port}`, host, port, path: '', pool };
}

export function forwardPlan(peers: PeerSource, options: Partial<ForwardPlan> = {}): ForwardPlan {
  return {
    kind: 'forward',
    downstream: DOWNSTREAM_RULES,
    peers,
    target: null,
    requestEdits: new FieldEdits<Exchange>(
      [],
      [fieldSet('Host', 'upstream'), fieldSet('Upgrade', HTTP_UPGRADE), fieldSet('Connection', 'upgrade')],
    ),
    responseEdits: new FieldEdits<Exchange>([], []),
    minorVersion: 1,
    connectTimeoutMs: 60_000,
    sendTimeoutMs: 60_000,
    readTimeoutMs: 60_000,
    maxResponseHeadOctets: 4096,
    nextOn: 3,
    nextTries: 0,
    nextTimeoutMs: 0,
    ...options,
  };
}

export function respondPlan(status: number, text: string, downstream = DOWNSTREAM_RULES): RespondPlan {
  return {
    kind: 'respond',
    downstream,
    status,
    edits: new FieldEdits<Exchange>([], [fieldSet('Content-Type', 'text/plain', true)]),
    content: new ConstantValue(text),
  };
}

/** An answer with a source of so many octets, which a test gives as those of the upstream side. */
export function sourcePlan(octets: number, status = 200): RespondPlan {
  const source = {
    octets,
    read: (): void => {
      throw new Error('a machine reads no source');
    },
  };
  return { ...respondPlan(status, ''), content: null, source: () => source };
}

/** Something has to be found out first. */
export function askPlan(ask: AskPlan['ask'], downstream = DOWNSTREAM_RULES): AskPlan {
  return { kind: 'ask', downstream, ask };
}

/** A subrequest by this plan, and then what `decide` makes of its status. */
export function subrequestPlan(
  plan: () => ForwardPlan,
  decide: (status: number, subrequest: Exchange) => Decision,
): AskPlan {
  return askPlan((exchange, answered, now) => {
    if (answered !== null) return decide(answered.status, answered);
    const subrequest = exchange.fork(now);
    subrequest.plan = plan();
    return subrequest;
  });
}

export class TestPolicy implements Policy {
  readonly reading: ReadingRules;
  readonly finishedExchanges: string[] = [];
  readonly faults: string[] = [];

  constructor(
    private readonly planner: (exchange: Exchange) => Decision | undefined,
    reading: Partial<ReadingRules> = {},
    readonly defaults: DownstreamRules = DOWNSTREAM_RULES,
  ) {
    this.reading = { ...READING, ...reading };
  }
  plan(exchange: Exchange): Decision | undefined {
    return this.planner(exchange);
  }
  failed(_exchange: Exchange, _status: number, _fault: Fault): Decision | undefined {
    return undefined;
  }
  finished(exchange: Exchange): void {
    const kind = exchange.main === null ? '' : ' of a subrequest';
    this.finishedExchanges.push(`${exchange.status} ${exchange.outcome}${kind}`);
  }
  fault(fault: Fault): void {
    this.faults.push(`${fault.code} ${fault.side}`);
  }
}
