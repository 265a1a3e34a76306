/**
 * Several listening addresses behind one socket: the wildcard of a port is bound alone, as nginx does, and the address
 * that a client came to says whose servers answer. Decides that; the policies of the addresses decide the rest.
 */
import type { Fault } from '../error.js';
import type { Exchange } from '../machine/exchange.js';
import type { ConnectionFacts, Decision, DownstreamRules, Policy, ReadingRules } from '../machine/policy.js';
import type { FieldEdits } from '../message/field-edits.js';

/**
 * Hands each exchange to the policy of its address. What holds before a request is read is the wildcard's: limits and
 * times of heads.
 */
export class AddressPolicy implements Policy {
  readonly arrival: Policy['arrival'];
  readonly reading: ReadingRules;
  readonly defaults: DownstreamRules;
  readonly pageEdits?: FieldEdits<Exchange>;
  readonly connects: boolean;

  /**
   * @param wildcard for addresses that have no policy of their own
   * @param byAddress by numeric address
   */
  constructor(
    private readonly wildcard: Policy,
    private readonly byAddress: ReadonlyMap<string, Policy>,
  ) {
    this.arrival = wildcard.arrival;
    this.reading = wildcard.reading;
    this.defaults = wildcard.defaults;
    this.connects = [wildcard, ...byAddress.values()].some(({ connects }) => connects === true);
    if (wildcard.pageEdits !== undefined) this.pageEdits = wildcard.pageEdits;
  }

  plan(exchange: Exchange, now: number): Decision | undefined {
    return this.of(exchange.connection).plan(exchange, now);
  }

  failed(exchange: Exchange, status: number, fault: Fault): Decision | undefined {
    return this.of(exchange.connection).failed(exchange, status, fault);
  }

  intercept(exchange: Exchange, now: number): Decision | undefined {
    return this.of(exchange.connection).intercept?.(exchange, now);
  }

  finished(exchange: Exchange, now: number): void {
    this.of(exchange.connection).finished(exchange, now);
  }

  fault(fault: Fault, exchange: Exchange | null, connection: ConnectionFacts): void {
    this.of(connection).fault(fault, exchange, connection);
  }

  private of({ localAddress }: ConnectionFacts): Policy {
    // A socket for both families shows IPv4 addresses in IPv6's clothes.
    const address = /^::ffff:(\d+\..*)$/i.exec(localAddress)?.[1] ?? localAddress;
    return this.byAddress.get(address) ?? this.wildcard;
  }
}
