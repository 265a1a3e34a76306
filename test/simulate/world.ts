/**
 * A proxy, its clients and its origins in virtual time: builds all of them from one seed, lets it happen, and watches
 * what no single model can see: memory, counters, timers, readers, and that everything ends.
 */
import type { Pump, Session } from '../../src/driver/pump.js';
import type { DialEvents, Endpoint, Listener, Network, Transport } from '../../src/driver/transport.js';
import { TICK_MS } from '../../src/driver/wheel.js';
import type { Exchange } from '../../src/machine/exchange.js';
import { REQUEST } from '../../src/machine/phases.js';
import type { Decision, Peer } from '../../src/machine/policy.js';
import { readersInUse } from '../../src/wire/http1/head-reader.js';
import { Agenda } from './agenda.js';
import { Checks } from './checks.js';
import { Client } from './client.js';
import { describe, phasesOf } from './describe.js';
import { Figures } from './figures.js';
import { Gate } from './gate.js';
import { CALM_WIRE, READ_OCTETS, type WireProfile } from './flow.js';
import { type Entry, Ledger, Violation } from './ledger.js';
import { Origin } from './origin.js';
import { mix, Prng } from './prng.js';
import { SimPolicy } from './rules.js';
import { type ConnectionScript, makeConnection } from './script.js';
import { NOTHING, SimDriver, SimEndpoint, SimWheel } from './sim-driver.js';
import { SimTransport } from './sim-transport.js';
import { StrictReader } from './strict-reader.js';
import { Wire, type WireObserver } from './wire.js';

/** How a world is made. */
export interface WorldOptions {
  readonly seed: number;
  /** Leaves connections and exchanges out. */
  readonly mask?: Mask;
  /** Wires that do nothing unusual. */
  readonly calmWires?: boolean;
  /** Ends the run after so many steps, without the checks at the end. */
  readonly maxSteps?: number;
}

/** What of a world is played. */
export interface Mask {
  readonly connections: ReadonlySet<number>;
  /** Tokens of exchanges that are left out. */
  readonly without: ReadonlySet<string>;
}

/** Nothing may go on for longer than this after the last connection has begun. */
const LAST_MS = 3_600_000;
const MOST_DESCRIBED = 12;
/** One read, what a head may add, and what a transport may hold before it says stop. */
const MOST_HELD = 2 * READ_OCTETS + 32768;

export class World implements WireObserver, Network {
  readonly agenda = new Agenda();
  readonly figures = new Figures();
  readonly ledger = new Ledger();
  readonly checks: Checks;
  readonly policy: SimPolicy;
  readonly lent: Buffer | null;
  /** Good requests may be refused here: too few connections are allowed, or the proxy is shut down. */
  mayRefuse = false;
  /** Violation that was found where nothing may be thrown. */
  private failure: Violation | null = null;
  private readonly driver: SimDriver;
  private readonly wheel: SimWheel;
  private readonly scripts: ConnectionScript[];
  private readonly entries: Entry[][];
  private readonly clients = new Set<Client>();
  private readonly sessions = new Map<Wire, Session>();
  private readonly references = new Map<Wire, StrictReader>();
  /** Every session that there was. */
  private readonly everySession: WeakRef<Session>[] = [];
  private readonly readersBefore = readersInUse();
  private waiting = 0;
  private transports = 0;
  private begun = 0;
  private isClosed = false;
  /** Whose dial is under way. */
  private dialler: Session | null = null;
  private accept: ((transport: Transport, endpoint: Endpoint) => void) | null = null;

  constructor(private readonly options: WorldOptions) {
    const prng = new Prng(mix(options.seed, 11));
    this.lent = prng.chance(50) ? Buffer.allocUnsafeSlow(READ_OCTETS) : null;
    this.checks = new Checks(this, this.ledger);
    this.policy = new SimPolicy(this);
    this.wheel = new SimWheel(this.agenda);
    const isShort = prng.chance(8);
    const count = prng.chance(5) ? prng.between(1000, 2500) : prng.between(20, 300);
    const spanMs = prng.pick([50, 2000, 20_000, 60_000]);
    if (isShort) this.mayRefuse = true;
    this.driver = new SimDriver(this, isShort ? prng.between(3, 40) : 1_000_000, this.wheel, (session) => {
      this.dialler = session;
    });
    const { mask } = options;
    this.scripts = [];
    this.entries = [];
    for (let index = 0; index < count; index++) {
      if (mask !== undefined && !mask.connections.has(index)) continue;
      const script = makeConnection(options.seed, index, spanMs);
      this.scripts.push(script);
      const exchanges = script.exchanges.filter(({ token }) => mask?.without.has(token) !== true);
      this.entries.push(exchanges.map((exchange) => this.ledger.add(script, exchange)));
    }
    // The proxy is told to end in some worlds, gently or at once.
    const end = prng.below(100);
    const endAt = prng.below(spanMs);
    if (end < 8) this.agenda.after(endAt, () => this.shutDown(end < 4));
  }

  get steps(): number {
    return this.agenda.steps;
  }

  /** Lets everything happen. Throws a {@link Violation}. */
  async run(): Promise<void> {
    await this.driver.listen({ host: '127.0.0.1', port: 80 }, this.policy);
    this.scripts.forEach((script, i) =>
      this.agenda.after(script.startMs, () => this.begin(script, this.entries[i])),
    );
    const { agenda } = this;
    const maxSteps = this.options.maxSteps ?? Infinity;
    while (agenda.steps < maxSteps && agenda.step()) {
      if (this.failure !== null) throw this.failure;
      if (agenda.now > LAST_MS) throw new Violation('connections do not end', this.openText());
      if (this.isQuiet()) break;
    }
    if (agenda.steps < maxSteps) this.checkEnd();
  }

  /** Remembers a violation that was found inside a call that may not throw. */
  fail(rule: string, detail: string): void {
    this.failure ??= new Violation(rule, detail);
  }

  /** Numbers of the connections that are played and have begun by `now`. */
  connections(now: number): number[] {
    return this.scripts.filter(({ startMs }) => startMs <= now).map(({ index }) => index);
  }

  /** Tokens of the exchanges that are played. */
  tokens(): string[] {
    return this.entries.flat().map(({ script }) => script.token);
  }

  /** A text for a person: what the connections of this world do. */
  describe(): string {
    const texts = this.scripts.map((script, i) => describe(script, this.entries[i]));
    if (texts.length > MOST_DESCRIBED)
      texts.splice(MOST_DESCRIBED, Infinity, `and ${texts.length - MOST_DESCRIBED} more`);
    return texts.join('\n');
  }

  // ---- Beginning and ending

  private begin(script: ConnectionScript, entries: readonly Entry[]): void {
    this.begun++;
    if (this.isClosed || this.accept === null) return;
    this.figures.connections++;
    const client = new Client(this, script, entries);
    const profile = this.profile(script.wire);
    const wire = new Wire(this, profile, mix(script.seed, 6), NOTHING, client);
    client.wire = wire;
    this.transports++;
    this.references.set(wire, this.referenceFor(script));
    this.clients.add(client);
    this.accept(wire.transport, new SimEndpoint(this.agenda.now));
    const session = wire.transport.owner as Session | null;
    if (session !== null) {
      this.sessions.set(wire, session);
      this.everySession.push(new WeakRef(session));
    } else this.figures.refused++;
    this.figures.mostSessions = Math.max(this.figures.mostSessions, this.driver.counters.sessions);
    client.start();
  }

  private profile(profile: WireProfile): WireProfile {
    return this.options.calmWires === true ? CALM_WIRE : profile;
  }

  private shutDown(isGentle: boolean): void {
    this.mayRefuse = true;
    this.isClosed = true;
    if (isGentle) void this.driver.drain();
    else void this.driver.close();
  }

  /** Everything has begun and ended. */
  private isQuiet(): boolean {
    const { counters } = this.driver;
    return (
      this.begun === this.scripts.length &&
      counters.sessions + counters.links + counters.flushing + this.transports === 0
    );
  }

  private openText(): string {
    const { counters } = this.driver;
    return `${counters.sessions} sessions, ${counters.links} links, ${counters.flushing} flushing, ${this.transports} transports`;
  }

  private checkEnd(): void {
    if (!this.isQuiet()) throw new Violation('connections do not end', this.openText());
    if (this.waiting !== 0) throw new Violation('octets wait for nobody', String(this.waiting));
    const scheduled = this.wheel.count();
    if (scheduled > 0) throw new Violation('a timer leaks', String(scheduled));
    if (readersInUse() !== this.readersBefore) {
      throw new Violation('a reader leaks', String(readersInUse() - this.readersBefore));
    }
    this.policy.checkEmpty();
    this.checks.atEnd();
    this.figures.dials = this.driver.counters.dialled;
    this.figures.reused = this.figures.requests - this.figures.dials;
  }

  /** Sessions that something still holds. Let the garbage be collected first. */
  held(): { readonly held: number; readonly all: number } {
    const held = this.everySession.filter((session) => session.deref() !== undefined).length;
    return { held, all: this.everySession.length };
  }

  clientDone(client: Client): void {
    this.clients.delete(client);
  }

  // ---- What the strict reader makes of the clients' octets

  private referenceFor(script: ConnectionScript): StrictReader {
    let entry: Entry | undefined;
    const find = (target: string): Entry | undefined => {
      const found = this.ledger.find(target);
      return found?.script.connection === script.index ? found : undefined;
    };
    return new StrictReader('request', {
      onHead: (head) => {
        entry = find(head.target);
        if (entry !== undefined) entry.headReceived = true;
      },
      onContent: () => undefined,
      onEnd: () => {
        if (entry !== undefined) entry.wholeReceived = true;
      },
      onError: () => undefined,
      onTunnel: () => undefined,
    });
  }

  finished(exchange: Exchange): void {
    const entry = exchange.context as Entry | undefined;
    if (entry === undefined) return;
    entry.finished++;
    if (entry.script.tunnel === null) return;
    for (const [wire, session] of this.sessions) {
      // What was held back behind an offer is a request after all.
      if (session.machine.facts === exchange.connection)
        this.references.get(wire)!.resume(exchange.tunnelled);
    }
  }

  decideLater(exchange: Exchange, plan: Decision): void {
    const { connection, script } = exchange.context as Entry;
    const delay = mix(connection.seed, 12, script.ordinal) % 200;
    this.agenda.after(delay, () => {
      for (const session of this.sessions.values()) {
        if (session.machine.facts !== exchange.connection) continue;
        session.machine.decide(exchange, plan, this.agenda.now);
        (this.driver as unknown as { pump: Pump }).pump.drain(session, this.agenda.now);
        return;
      }
    });
  }

  // ---- WireObserver

  onReceived(wire: Wire, octets: Buffer): void {
    this.references.get(wire)?.feed(octets);
  }

  onWaiting(wire: Wire, octets: number): void {
    this.waiting += octets;
    const { waitingOctets } = wire.transport;
    if (waitingOctets > this.figures.mostWaiting) this.figures.mostWaiting = waitingOctets;
    if (waitingOctets > wire.profile.highWater + MOST_HELD)
      this.fail('too much waits in a transport', String(waitingOctets));
  }

  /** Looks at a session behind each input: its memory, its reading flags and its place in the wheel. */
  onActed(wire: Wire): void {
    const { owner } = wire.transport;
    if (owner === null || !('machine' in (owner as object))) return;
    const session = owner as Session;
    const { machine } = session;
    const { pace } = machine as unknown as { pace: { waiting: Buffer[] } | null };
    const paced = pace?.waiting.reduce((octets, { length }) => octets + length, 0) ?? 0;
    if (paced > MOST_HELD) this.fail('too much waits for its turn', String(paced));
    const inner = machine.downstream as unknown as { held: Buffer | null };
    if (inner.held !== null && inner.held.length > MOST_HELD)
      this.fail('too much is held in a machine', String(inner.held.length));
    if (machine.isOver) {
      if (session.scheduledAt !== Infinity) this.fail('a session that is over is in the wheel', '');
      if (session.link !== null) this.fail('a session that is over has a link', '');
      return;
    }
    const down = session.downstream as SimTransport;
    const up = session.link?.transport;
    if (down.reads !== machine.readsDownstream)
      this.fail('the downstream side is read against the machine', '');
    // A source is read through a transport of its own.
    const upReads = up === undefined || up instanceof SimTransport ? up?.reads : isWanted(up);
    if (upReads !== undefined && upReads !== machine.readsUpstream)
      this.fail('the upstream side is read against the machine', '');
    if (down.isBlocked && upReads === true)
      this.fail('the upstream side is read while the downstream side is blocked', phasesOf(session));
    const passes = machine.downstream.phase === REQUEST.BODY || machine.downstream.phase === REQUEST.TUNNEL;
    if (up?.isBlocked === true && passes && down.reads) {
      this.fail('the downstream side is read while the upstream side is blocked', phasesOf(session));
    }
    if (session.scheduledAt > Math.ceil(machine.deadline / TICK_MS) * TICK_MS + TICK_MS) {
      this.fail(
        'a deadline that the wheel does not know',
        `${session.scheduledAt} for ${machine.deadline} at ${this.agenda.now}, ${phasesOf(session)}`,
      );
    }
  }

  onLetGo(wire: Wire): void {
    this.transports--;
    this.references.delete(wire);
    this.sessions.delete(wire);
  }

  // ---- Network

  listen(
    address: { readonly host: string; readonly port: number },
    accept: (transport: Transport, endpoint: Endpoint) => void,
  ): Promise<Listener> {
    this.accept = accept;
    return Promise.resolve({ bound: address, close: () => (this.accept = null) });
  }

  connect(peer: Peer, events: DialEvents): Transport {
    const exchange = this.dialler!.machine.exchange!;
    const entry = exchange.context as Entry;
    const { connection, script } = entry;
    const isGate = peer.name === 'gate';
    const origin = isGate ? new Gate(this) : new Origin(this, peer.name);
    const seed = mix(connection.seed, isGate ? 24 : 7, script.ordinal, entry.dials);
    const wire = new Wire(this, this.profile(connection.upstreamWire), seed, events, origin);
    origin.wire = wire;
    const { transport } = wire;
    transport.isConnected = false;
    this.transports++;
    const isWild = peer.name !== 'calm' && !isGate;
    const how = isWild ? script.answer.dial[entry.dials % script.answer.dial.length] : 'accept';
    if (!isGate) entry.dials++;
    if (how === 'refuse') {
      this.agenda.after(1, () => {
        if (transport.isGone) return;
        transport.isGone = true;
        wire.lost();
        events.onFailure(transport, 'ECONNREFUSED');
      });
    } else if (how !== 'hang') {
      this.agenda.after(how === 'slow' ? 1500 : 1, () => {
        if (transport.isGone) return;
        transport.isConnected = true;
        events.onConnect(transport);
        this.onActed(wire);
      });
    }
    return transport;
  }
}

function isWanted(source: Transport): boolean {
  return (source as unknown as { readonly isWanted: boolean }).isWanted;
}
