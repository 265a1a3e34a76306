/**
 * `secure_link`: whether a link was made by somebody who knows the secret, and still holds
 * (`ngx_http_secure_link_module`). Decides what `$secure_link` and `$secure_link_expires` are.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Exchange } from '../../machine/exchange.js';
import { contextOf } from '../context.js';
import type { Template } from '../template.js';
import type { Variable } from '../variables.js';

const DIGEST_OCTETS = 16;
/** Length of a digest in base64url, padded. */
const LONGEST_DIGEST = 24;

/** What a location checks links by. */
export type LinkRules =
  | { readonly kind: 'md5'; readonly link: Template; readonly md5: Template }
  | { readonly kind: 'secret'; readonly secret: string };

/** Checksum and lifetime of a link. */
interface LinkParts {
  readonly digest: string;
  /** Seconds since 1970, '' for no end. */
  readonly expires: string;
}

function partsOf(text: string): LinkParts | null {
  const comma = text.indexOf(',');
  if (comma < 0) return { digest: text, expires: '' };
  const expires = text.slice(comma + 1);
  return /^[0-9]{1,15}$/.test(expires) && Number(expires) > 0
    ? { digest: text.slice(0, comma), expires }
    : null;
}

function rulesHere(exchange: Exchange): LinkRules | undefined {
  const { location, server } = contextOf(exchange);
  return (location ?? server?.root)?.links;
}

function check(exchange: Exchange): string {
  const rules = rulesHere(exchange);
  if (rules === undefined) return '';
  return rules.kind === 'secret' ? checkSecret(exchange, rules.secret) : checkMd5(exchange, rules);
}

function checkMd5(exchange: Exchange, { link, md5 }: LinkRules & { kind: 'md5' }): string {
  const parts = partsOf(link.text(exchange));
  if (parts === null || parts.digest.length > LONGEST_DIGEST) return '';
  if (!/^[A-Za-z0-9_-]*=*$/.test(parts.digest)) return '';
  const given = Buffer.from(parts.digest, 'base64url');
  const wanted = createHash('md5').update(md5.text(exchange), 'latin1').digest();
  if (given.length !== DIGEST_OCTETS || !timingSafeEqual(given, wanted)) return '';
  return parts.expires !== '' && Number(parts.expires) < Math.floor(Date.now() / 1000) ? '0' : '1';
}

/** `/prefix/DIGEST/link`: the link, if the digest is that of the link and the secret behind it. */
function checkSecret({ request }: Exchange, secret: string): string {
  const target = request.text(request.pathStart, request.pathEnd);
  const [, digest, link] = /^\/[^/]*\/([0-9A-Fa-f]{32})\/([^]+)$/.exec(target) ?? [];
  if (digest === undefined) return '';
  const wanted = createHash('md5').update(link, 'latin1').update(secret, 'latin1').digest();
  return timingSafeEqual(Buffer.from(digest, 'hex'), wanted) ? link : '';
}

/** `$secure_link`: the link, or `1`; `0` for one whose time is over; '' for none that holds. Its first value stays. */
export const SECURE_LINK: Variable = {
  text(exchange) {
    const kept = (contextOf(exchange).kept ??= new Map<Variable, string>());
    let text = kept.get(SECURE_LINK);
    if (text === undefined) kept.set(SECURE_LINK, (text = check(exchange)));
    return text;
  },
};

/** `$secure_link_expires`: when the link's time is over, in seconds since 1970. */
export const SECURE_LINK_EXPIRES: Variable = {
  text(exchange) {
    const rules = rulesHere(exchange);
    if (rules?.kind !== 'md5') return '';
    return partsOf(rules.link.text(exchange))?.expires ?? '';
  },
};
