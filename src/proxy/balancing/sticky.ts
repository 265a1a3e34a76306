/**
 * `sticky`: who was served by a peer is served by it again. Decides how an exchange says which peer that was, and how a
 * client is told.
 */
import type { OctetWriter } from '../../bytes/octet-writer.js';
import type { Exchange } from '../../machine/exchange.js';
import type { ValueSource } from '../../message/field-edits.js';
import { cookieTime } from '../wall-clock.js';
import type { KeySource } from './hash.js';
import { SeenPeer } from './peers.js';

/** How an exchange names its peer: the first of these that is not empty. */
export class Route implements KeySource {
  constructor(private readonly sources: readonly KeySource[]) {}

  text(exchange: Exchange): string {
    for (const source of this.sources) {
      const id = source.text(exchange);
      if (id !== '') return id;
    }
    return '';
  }
}

/** The parameters of `sticky cookie`. */
export interface CookieRules {
  readonly name: string;
  /** Seconds; null for a cookie that lasts as long as the browser, Infinity for `max`. */
  readonly expires: number | null;
  readonly domain: KeySource | null;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  /** '' of a value that changes means none; one that is not known means strict. */
  readonly sameSite: KeySource | null;
  readonly path: string;
}

/** What `expires=max` says: the last date that every browser has understood. */
const LAST_COOKIE_TIME = 'Thu, 31-Dec-37 23:55:55 GMT';
const SAME_SITE = new Set(['strict', 'lax', 'none']);

/** The value of Set-Cookie: the peer that answered, in nginx's order of attributes. Empty where none did. */
export class StickyCookie implements ValueSource<Exchange> {
  constructor(private readonly rules: CookieRules) {}

  put(exchange: Exchange, out: OctetWriter): void {
    const peer = exchange.attempt?.peer;
    if (!(peer instanceof SeenPeer)) return;
    const { name, expires, domain, httpOnly, secure, sameSite, path } = this.rules;
    let text = `${name}=${peer.state.id}`;
    if (expires === Infinity) text += `; expires=${LAST_COOKIE_TIME}; max-age=315360000`;
    else if (expires !== null) text += `; expires=${cookieTime(expires)}; max-age=${expires}`;
    const host = domain?.text(exchange) ?? '';
    if (host !== '') text += `; domain=${host}`;
    if (httpOnly) text += '; httponly';
    if (secure) text += '; secure';
    const site = sameSite?.text(exchange) ?? '';
    if (site !== '') text += `; samesite=${SAME_SITE.has(site.toLowerCase()) ? site : 'strict'}`;
    if (path !== '') text += `; path=${path}`;
    out.putLatin1(text);
  }
}
