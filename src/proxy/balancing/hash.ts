/**
 * `ip_hash`, `hash` and `hash ... consistent`: the same key, the same peer. The numbers are nginx's, so that a change
 * from one to the other moves nobody: those of `hash` are also Cache::Memcached's, those of the ring Cache::Memcached::Fast's.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { crc32 } from 'node:zlib';
import type { Exchange } from '../../machine/exchange.js';
import { latin1 } from '../../bytes/octets.js';
import { MAX_LOOKS, type Method, type PeerGroup, type PeerState } from './peers.js';
import { RoundRobin, takeTurn } from './round-robin.js';

/** Gives the key of an exchange as text, Latin-1. */
export interface KeySource {
  text(exchange: Exchange): string;
}

/** A peer by a sequence of places that follows from a key; round robin when the sequence has been of no help. */
abstract class Hashed implements Method {
  private readonly fallback: RoundRobin;

  constructor(protected readonly group: PeerGroup) {
    this.fallback = new RoundRobin(group);
  }

  choose(exchange: Exchange, now: number): PeerState | null {
    const found = this.group.states.length < 2 ? null : this.lookUp(exchange, now);
    return found ?? this.fallback.choose(exchange, now);
  }

  protected abstract lookUp(exchange: Exchange, now: number): PeerState | null;
}

/** `ip_hash`: three octets of an IPv4 address, or a whole IPv6 one. */
export class IpHash extends Hashed {
  /** @param address the client's, numeric; anything else counts as 0.0.0 */
  constructor(
    group: PeerGroup,
    private readonly address: KeySource,
  ) {
    super(group);
  }

  protected override lookUp(exchange: Exchange, now: number): PeerState | null {
    const octets = hashedOctets(this.address.text(exchange));
    let hash = 89;
    for (let looks = 0; looks <= MAX_LOOKS; looks++) {
      for (const octet of octets) hash = (hash * 113 + octet) % 6271;
      const state = this.group.at(hash % this.group.totalWeight);
      if (state.isUsable(exchange, now)) return state;
    }
    return null;
  }
}

function hashedOctets(address: string): readonly number[] {
  if (isIPv4(address)) return address.split('.', 3).map(Number);
  return isIPv6(address) ? ipv6Octets(address) : [0, 0, 0];
}

function ipv6Octets(address: string): number[] {
  // An IPv4 address at the end is two groups.
  const [text] = address.split('%');
  const grouped = text.replace(/\d+\.\d+\.\d+\.\d+$/, (four) => {
    const [a, b, c, d] = four.split('.').map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head, tail] = grouped.split('::', 2).map((half) => half.split(':').filter((one) => one !== ''));
  const zeros = tail === undefined ? [] : new Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...(tail ?? [])].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** `hash key`. */
export class KeyHash extends Hashed {
  constructor(
    group: PeerGroup,
    private readonly key: KeySource,
  ) {
    super(group);
  }

  protected override lookUp(exchange: Exchange, now: number): PeerState | null {
    const key = this.key.text(exchange);
    if (key === '') return null;
    const { group } = this;
    let hash = 0;
    for (let looks = 0; looks <= MAX_LOOKS; looks++) {
      // Behind the first look its number stands in front of the key.
      const sum = crc32(latin1(looks === 0 ? key : looks + key));
      hash = (hash + ((sum >>> 16) & 0x7fff)) >>> 0;
      const state = group.at(hash % group.totalWeight);
      if (state.isUsable(exchange, now)) return state;
    }
    return null;
  }
}

/** Places on the ring for each unit of weight. */
const POINTS_PER_WEIGHT = 160;

/** `hash key consistent`: a peer that goes moves its own keys only. */
export class Ring extends Hashed {
  /** Ascending, each place once. */
  private readonly places: Uint32Array;
  /** Who stands at each place: the states of one `server`. */
  private readonly owners: readonly (readonly PeerState[])[];

  constructor(
    group: PeerGroup,
    private readonly key: KeySource,
  ) {
    super(group);
    const byName = new Map<string, PeerState[]>();
    for (const state of group.states) {
      const { name } = state.server;
      const states = byName.get(name);
      if (states === undefined) byName.set(name, [state]);
      else states.push(state);
    }
    const points: { readonly place: number; readonly states: readonly PeerState[] }[] = [];
    for (const [name, states] of byName) {
      const count = Math.max(...states.map(({ weight }) => weight)) * POINTS_PER_WEIGHT;
      for (const place of placesOf(name, count)) points.push({ place, states });
    }
    points.sort((a, b) => a.place - b.place);
    const unique = points.filter(({ place }, i) => i === 0 || place !== points[i - 1].place);
    this.places = Uint32Array.from(unique, ({ place }) => place);
    this.owners = unique.map(({ states }) => states);
  }

  protected override lookUp(exchange: Exchange, now: number): PeerState | null {
    const key = this.key.text(exchange);
    if (key === '') return null;
    let at = this.firstFrom(crc32(latin1(key)));
    for (let looks = 0; looks <= MAX_LOOKS; looks++, at++) {
      const states = this.owners[at % this.owners.length];
      const state = takeTurn(states, exchange, now, isUsable);
      if (state !== null) return state;
    }
    return null;
  }

  /** Index of the first place that is not below `hash`; behind the last one when there is none. */
  private firstFrom(hash: number): number {
    const { places } = this;
    let from = 0;
    let to = places.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (places[middle] < hash) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function isUsable(state: PeerState, exchange: Exchange, now: number): boolean {
  return state.isUsable(exchange, now);
}

/** Each place is crc32(host NUL port PLACE BEFORE), the place before as four octets, least significant first. */
function* placesOf(name: string, count: number): Iterable<number> {
  const [, host, port] = /^(?:unix:)?(.*?)(?::(\d*))?$/is.exec(name)!;
  const isUnix = /^unix:/i.test(name);
  const seed = crc32(latin1(isUnix ? `${name.slice('unix:'.length)}\0` : `${host}\0${port ?? ''}`));
  const before = Buffer.alloc(4);
  for (let i = 0; i < count; i++) {
    const place = crc32(before, seed);
    before.writeUInt32LE(place);
    yield place;
  }
}
