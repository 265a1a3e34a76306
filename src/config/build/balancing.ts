/**
 * How an upstream spreads its exchanges: the words of `least_conn`, `hash`, `sticky` and so on become methods and
 * routes. Decides nothing.
 */
import type { ValueSource } from '../../message/field-edits.js';
import type { Exchange } from '../../proxy/model.js';
import type { MakeMethod } from '../../proxy/balancing/balancer.js';
import { IpHash, KeyHash, Ring, type KeySource } from '../../proxy/balancing/hash.js';
import { LeastConn } from '../../proxy/balancing/least-conn.js';
import { Random } from '../../proxy/balancing/random.js';
import { Sessions } from '../../proxy/balancing/sessions.js';
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

/** How exchanges are bound to servers. */
export interface Binding {
  /** By what an exchange says that it is bound to a server; null where nothing binds. */
  readonly route: KeySource | null;
  /** What its responses set, or what is learnt from them; null for nothing. */
  readonly cookie: ValueSource<Exchange> | null;
}

/** What `sticky` says. */
export function bindingOf({ sticky }: UpstreamLevel, site: Site): Binding {
  const first = (words: readonly Word[]): KeySource => new Route(words.map((word) => site.template(word)));
  switch (sticky?.kind) {
    case 'route':
      return { route: first(sticky.variables), cookie: null };
    case 'cookie':
      return {
        route: site.variables.lookup(`cookie_${sticky.name.text}`) ?? null,
        cookie: stickyCookie(sticky, site),
      };
    case 'learn': {
      const { create, lookup, timeoutMs, octets } = sticky;
      const sessions = new Sessions({ create: first(create), lookup: first(lookup), timeoutMs, octets });
      return { route: sessions, cookie: sessions };
    }
    default:
      return { route: null, cookie: null };
  }
}

function stickyCookie(sticky: StickyLine & { readonly kind: 'cookie' }, site: Site): StickyCookie {
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
