/**
 * `proxy_redirect`: where an upstream redirects to itself, the downstream side is sent to where that is from its own
 * point of view. Decides what is replaced in Location and Refresh.
 */
import type { Exchange } from '../machine/exchange.js';
import { absolute, type RedirectRules } from './absolute-location.js';
import { contextOf } from './context.js';
import type { Template } from './template.js';

/** One `proxy_redirect`. */
export interface RedirectRule {
  /** The target with its replacement in it, or null if the rule is not about it. */
  apply(target: string, exchange: Exchange): string | null;
}

/** A text at the front of a target becomes another one. */
export class PrefixRedirect implements RedirectRule {
  constructor(
    private readonly from: Template,
    private readonly to: Template,
  ) {}

  apply(target: string, exchange: Exchange): string | null {
    const from = this.from.text(exchange);
    return target.startsWith(from) ? this.to.text(exchange) + target.slice(from.length) : null;
  }
}

/** A target that matches is replaced whole. */
export class RegexRedirect implements RedirectRule {
  constructor(
    private readonly regex: RegExp,
    private readonly to: Template,
  ) {}

  apply(target: string, exchange: Exchange): string | null {
    const match = this.regex.exec(target);
    if (match === null) return null;
    contextOf(exchange).capture(match);
    return this.to.text(exchange);
  }
}

/** The first rule that is about a target holds. */
function applyFirst(rules: readonly RedirectRule[], target: string, exchange: Exchange): string | null {
  for (const rule of rules) {
    const replaced = rule.apply(target, exchange);
    if (replaced !== null) return replaced;
  }
  return null;
}

/** The value of Location that goes on. A path that a rule made is completed as wirehop's own redirections are. */
export function rewriteLocation(
  rules: readonly RedirectRule[],
  value: string,
  exchange: Exchange,
  completion: RedirectRules,
): string {
  const replaced = applyFirst(rules, value, exchange);
  return replaced === null ? value : absolute(replaced, exchange, completion);
}

/** The value of Refresh that goes on: `5; url=http://host/`. nginx looks for "url=" in any case. */
export function rewriteRefresh(rules: readonly RedirectRule[], value: string, exchange: Exchange): string {
  const at = value.toLowerCase().indexOf('url=');
  if (at < 0) return value;
  const target = at + 'url='.length;
  const replaced = applyFirst(rules, value.slice(target), exchange);
  return replaced === null ? value : value.slice(0, target) + replaced;
}
