/** The policy of the simulated proxy: plans by the request's own script, and an account of what was handed out. */
import type { Fault } from '../../src/error.js';
import type { Exchange } from '../../src/machine/exchange.js';
import type {
  AskPlan,
  ContentSource,
  Decision,
  DownstreamRules,
  ForwardPlan,
  Peer,
  PeerSource,
  Plan,
  Policy,
  PoolRules,
  RateRules,
} from '../../src/machine/policy.js';
import { ConstantValue, FieldEdits, fieldSet } from '../../src/message/field-edits.js';
import { askPlan, forwardPlan, READING, respondPlan, subrequestPlan } from '../machine/policies.js';
import { GATE } from './gate.js';
import { type Entry, Violation } from './ledger.js';
import { mix } from './prng.js';
import { Promised } from './promised.js';
import { SimSource, sourceOf } from './source.js';
import type { World } from './world.js';

export const RULES: DownstreamRules = {
  keepaliveTimeoutMs: 15_000,
  keepaliveRequests: 1000,
  keepaliveTimeMs: 3_600_000,
  bodyTimeoutMs: 15_000,
  sendTimeoutMs: 60_000,
  maxContentOctets: 1_000_000,
  lingeringTimeMs: 10_000,
  lingeringTimeoutMs: 3_000,
};
const WILD_RULES: DownstreamRules = {
  ...RULES,
  keepaliveRequests: 7,
  bodyTimeoutMs: 4000,
  sendTimeoutMs: 6000,
};
/** Responses go at a rate, and are read at one: most take a few seconds. */
const PER_SECOND = 1500;
const MOST_PACED = 60_000;
const READING_RULES = { ...READING, headTimeoutMs: 20_000 };

const CALM_POOL: PoolRules = { maxIdle: 8, idleTimeoutMs: 4000, maxRequests: 50, maxAgeMs: 60_000 };
const WILD_POOL: PoolRules = { maxIdle: 4, idleTimeoutMs: 2000, maxRequests: 20, maxAgeMs: 20_000 };
const NO_POOL: PoolRules = { maxIdle: 0, idleTimeoutMs: 0, maxRequests: 1, maxAgeMs: 0 };

const peer = (name: string, port: number, pool: PoolRules): Peer => ({
  name,
  host: '127.0.0.1',
  port,
  path: '',
  pool,
});

/** Peers tried one after another; every one handed out must come back, once. */
class Peers implements PeerSource {
  /** Peers in the hands of the machines. */
  out = 0;
  constructor(
    private readonly world: World,
    private readonly peers: readonly Peer[],
  ) {}
  next(exchange: Exchange): Peer | undefined {
    const tried = exchange.attempts.length;
    if (tried >= this.peers.length) return undefined;
    this.out++;
    return this.peers[(exchange.ordinal + tried) % this.peers.length];
  }
  release(peer: Peer): void {
    this.out--;
    if (this.out < 0) this.world.fail('a peer came back twice', peer.name);
  }
}

export class SimPolicy implements Policy {
  readonly reading = READING_RULES;
  readonly defaults = RULES;
  readonly sources: readonly Peers[];
  private readonly plans: Record<string, Plan>;
  private readonly own: Plan;
  private readonly silent: Plan = respondPlan(444, '', RULES);
  private readonly denied: Plan = respondPlan(403, LOCAL_CONTENT, RULES);
  /** The same plans with something to be found out first. */
  private readonly asking: Record<string, readonly AskPlan[]>;
  /** Subrequests that are under way. */
  private subrequests = 0;
  /** Exchanges that were planned, or refused, and are not finished. */
  private readonly open = new Set<Exchange>();

  constructor(private readonly world: World) {
    const calm = new Peers(world, [peer('calm', 1, CALM_POOL)]);
    const wild = new Peers(world, [
      peer('wild1', 2, WILD_POOL),
      peer('wild2', 3, WILD_POOL),
      peer('wild3', 4, WILD_POOL),
    ]);
    const old = new Peers(world, [peer('old1', 5, NO_POOL), peer('old2', 6, NO_POOL)]);
    const gate = new Peers(world, [peer('gate', 7, WILD_POOL)]);
    this.sources = [calm, wild, old, gate];
    const plan = (peers: Peers, options: Partial<ForwardPlan>): ForwardPlan =>
      forwardPlan(peers, {
        downstream: RULES,
        connectTimeoutMs: 3000,
        sendTimeoutMs: 60_000,
        readTimeoutMs: 20_000,
        ...options,
      });
    const shared = plan(calm, {});
    const pacedRules: DownstreamRules = { ...RULES, rate: this.rate() };
    const source = (exchange: Exchange): ContentSource | null => this.source(exchange);
    this.own = { ...respondPlan(200, LOCAL_CONTENT, RULES), source };
    this.plans = {
      respond: this.own,
      'paced respond': { ...this.own, downstream: pacedRules },
      calm: shared,
      late: shared,
      wild: plan(wild, {
        downstream: WILD_RULES,
        sendTimeoutMs: 4000,
        readTimeoutMs: 5000,
        nextOn: 7,
        nextTimeoutMs: 12_000,
      }),
      old: plan(old, { downstream: WILD_RULES, minorVersion: 0, readTimeoutMs: 5000, nextTries: 2 }),
      'paced calm': plan(calm, {
        downstream: pacedRules,
        readRate: ({ ordinal }) => (ordinal % 3) * PER_SECOND,
      }),
    };
    const subrequest = plan(gate, {
      method: new ConstantValue('GET'),
      target: {
        put: ({ request }, out) => out.putLatin1(GATE + request.text(request.targetStart, request.targetEnd)),
      },
      requestEdits: new FieldEdits<Exchange>([], [fieldSet('Host', 'gate')], [], null, false),
      readTimeoutMs: 5000,
      nextOn: 0,
    });
    this.asking = Object.fromEntries(
      Object.entries(this.plans).map(([name, found]) => [name, this.waysToAsk(subrequest, found)]),
    );
  }

  /** By subrequest, by promise, by both in either order, and by one behind the other. */
  private waysToAsk(subrequest: ForwardPlan, found: Plan): AskPlan[] {
    const asks = (next: (status: number) => Decision): AskPlan =>
      this.counted(subrequestPlan(() => subrequest, next));
    const decide = (status: number): Plan =>
      status === 403 ? this.denied : status >= 200 && status < 300 ? found : respondPlan(502, '', RULES);
    const bySubrequest = asks(decide);
    const promises = (next: Decision): AskPlan => askPlan((exchange) => this.promise(exchange, next), RULES);
    const promiseBehind = this.counted(
      askPlan((exchange, answered, now) => {
        if (answered !== null) return this.promise(exchange, decide(answered.status));
        const fork = exchange.fork(now);
        fork.plan = subrequest;
        return fork;
      }, RULES),
    );
    return [bySubrequest, bySubrequest, promises(found), promises(bySubrequest), promiseBehind];
  }

  /** A decision that takes its time. One in five is against the request, where that may be. */
  private promise(exchange: Exchange, decision: Decision): Promised<Decision> {
    const entry = exchange.context as Entry;
    const { connection, script } = entry;
    const draw = mix(connection.seed, 28, script.ordinal);
    this.world.figures.promises++;
    return new Promised(this.world.agenda, draw % 3 === 0 ? draw % 3000 : draw % 100, () => {
      if (draw % 5 !== 0 || script.plan !== 'wild') return decision;
      entry.isDenied = true;
      this.world.figures.denied++;
      return this.denied;
    });
  }

  /** The rate at which responses go, written down for whoever checks it. */
  private rate(): RateRules {
    return {
      perSecond: () => PER_SECOND,
      octetsAfter: ({ context, ordinal, startedAt }) => {
        const after = (ordinal % 2) * 500;
        // Behind a paced answer a head may be refused: then there is no entry.
        if (context !== undefined)
          (context as Entry).rate = { perSecond: PER_SECOND, since: startedAt, after };
        this.world.figures.paced++;
        return after;
      },
    };
  }

  private source({ context }: Exchange): ContentSource | null {
    const entry = context as Entry | undefined;
    const script = entry === undefined ? null : sourceOf(entry);
    if (script === null) return null;
    this.world.figures.sources++;
    return new SimSource(this.world.agenda, entry!, script);
  }

  /** Notes the subrequests that are made, and gives them the entry of the request. */
  private counted(plan: AskPlan): AskPlan {
    return {
      ...plan,
      ask: (exchange, answered, now) => {
        const next = plan.ask(exchange, answered, now);
        if ('main' in next) {
          this.subrequests++;
          next.context = exchange.context;
        }
        return next;
      },
    };
  }

  plan(exchange: Exchange): Decision | undefined {
    const { request } = exchange;
    const target = request.text(request.targetStart, request.targetEnd);
    const entry = this.world.ledger.find(target);
    this.open.add(exchange);
    if (entry === undefined) return this.own;
    exchange.context = entry;
    if (!entry.headReceived) throw new Violation('a request that the strict reader does not see', target);
    const { connection, script } = entry;
    const { plan } = script;
    if (plan === 'silent') return this.silent;
    const draw = mix(connection.seed, 21, script.ordinal) % 100;
    const isPaced = (plan === 'calm' || plan === 'respond') && script.tunnel === null && draw % 5 === 0;
    // No client would wait for as long as the longest ones take.
    const octets = Math.max(script.answer.contentOctets, sourceOf(entry)?.octets ?? 0);
    const name = isPaced && octets <= MOST_PACED ? `paced ${plan}` : plan;
    const ways = this.asking[name];
    const decision =
      draw < 25 ? ways[mix(connection.seed, 29, script.ordinal) % ways.length] : this.plans[name];
    if (plan !== 'late') return decision;
    this.world.decideLater(exchange, decision);
    return undefined;
  }

  failed(): undefined {
    return undefined;
  }

  finished(exchange: Exchange): void {
    if (exchange.main !== null) {
      this.subrequests--;
      if (!this.open.has(exchange.main)) throw new Violation('a subrequest outlives its request', '');
      return;
    }
    if (exchange.plan !== undefined && !this.open.has(exchange)) {
      throw new Violation('an exchange was finished twice', String(exchange.ordinal));
    }
    this.open.delete(exchange);
    this.world.finished(exchange);
  }

  fault(fault: Fault, exchange: Exchange | null): void {
    this.world.figures.faults++;
    (exchange?.context as Entry | undefined)?.faults.push(`${fault.code} ${fault.side}`);
    if (fault.code === 'SOURCE_FAILED') {
      const source = exchange === null ? null : sourceOf(exchange.context as Entry);
      if ((source?.failsAt ?? -1) < 0) this.world.fail('a source that gives all failed', fault.message);
    } else if (fault.code === 'UNEXPECTED_INPUT' || fault.side === 'internal') {
      this.world.fail('an input that was not expected', `${fault.message} ${describe(exchange)}`);
    }
  }

  /** At the end nothing may be left in anybody's hands. */
  checkEmpty(): void {
    if (this.subrequests !== 0)
      throw new Violation('a subrequest was not finished once', String(this.subrequests));
    if (this.open.size > 0) throw new Violation('an exchange was never finished', String(this.open.size));
    for (const { out } of this.sources) {
      if (out !== 0) throw new Violation('a peer was not given back', String(out));
    }
  }
}

/** Content of the proxy's own answers. */
export const LOCAL_CONTENT = 'an answer of the proxy itself';

function describe(exchange: Exchange | null): string {
  return exchange === null ? 'outside an exchange' : exchange.request.text(0, exchange.request.startLineEnd);
}
