/**
 * Which received lines of a response change their value on the way down. Leaves how to `redirects.ts` and `cookies.ts`.
 */
import type { Exchange } from '../machine/exchange.js';
import type { FieldRewrites } from '../message/field-edits.js';
import { FIELD_NAMES } from '../message/field-names.js';
import type { RedirectRules } from './absolute-location.js';
import { rewriteCookie, type CookieRules } from './cookies.js';
import { rewriteLocation, rewriteRefresh, type RedirectRule } from './redirects.js';

const LOCATION = FIELD_NAMES.intern('location');
const REFRESH = FIELD_NAMES.intern('refresh');

/** The rewrites of a location, or null where nothing changes. */
export function responseRewrites(
  redirects: readonly RedirectRule[],
  cookies: CookieRules | null,
  completion: RedirectRules,
): FieldRewrites<Exchange> | null {
  const names = [
    ...(redirects.length > 0 ? ['location', 'refresh'] : []),
    ...(cookies === null ? [] : ['set-cookie']),
  ];
  if (names.length === 0) return null;
  return {
    names,
    rewrite(id, value, exchange) {
      if (id === LOCATION) return rewriteLocation(redirects, value, exchange, completion);
      if (id === REFRESH) return rewriteRefresh(redirects, value, exchange);
      return rewriteCookie(cookies!, value, exchange);
    },
  };
}
