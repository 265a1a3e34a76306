/**
 * How an upstream spreads its exchanges: the words of `least_conn`, `hash`, `sticky` and so on become methods and
 * routes. Decides nothing.
 */
import type { MakeMethod } from '../../proxy/balancing/balancer.js';
import { IpHash, KeyHash, Ring, type KeySource } from '../../proxy/balancing/hash.js';
import { LeastConn } from '../../proxy/balancing/least-conn.js';
import { Random } from '../../proxy/balancing/random.js';
import { Route, StickyCookie } from '../../proxy/balancing/sticky.js';
import type { StickyLine, UpstreamLevel } from '../blocks.js';
import type { Word } from '../syntax.js';
import type { Site } from './site.js';

/** The method of an upstream; undefined for round robin. */
export function methodOf({ method }: UpstreamLevel, site: Site): MakeMethod | undefined {
  switch (method?.kind) {
    case 'least_conn':
      return (group) => new LeastConn(group);
    case 'ip_hash': {
      const address = site.variables.lookup('remote_addr')!;
      return (group) => new IpHash(group, address);
    }
    case 'hash': {
      const key = site.template(method.key);
      return method.consistent ? (group) => new Ring(group, key) : (group) => new KeyHash(group, key);
    }
    case 'random':
      return (group) => new Random(group, method.two);
    default:
      return undefined;
  }
}

/** By what an exchange says that it is bound to a server; null where nothing binds. */
export function routeOf({ sticky }: UpstreamLevel, site: Site): KeySource | null {
  if (sticky === null) return null;
  if (sticky.kind === 'route') return new Route(sticky.variables.map((word) => site.template(word)));
  return site.variables.lookup(`cookie_${sticky.name.text}`) ?? null;
}

/** The Set-Cookie line of `sticky cookie`; null without one. */
export function stickyCookie(sticky: StickyLine | null, site: Site): StickyCookie | null {
  if (sticky?.kind !== 'cookie') return null;
  const { name, expires, path, httpOnly, secure } = sticky;
  const template = (word: Word | null): KeySource | null => (word === null ? null : site.template(word));
  return new StickyCookie({
    name: name.text,
    expires,
    path,
    httpOnly,
    secure,
    domain: template(sticky.domain),
    sameSite: template(sticky.sameSite),
  });
}
