/**
 * `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags`: attributes of the cookies that an upstream sets
 * (RFC 6265 4.1). Decides which attributes change; a cookie that no rule is about goes on octet for octet.
 */
import type { Exchange } from '../machine/exchange.js';
import { contextOf } from './context.js';
import type { Template } from './template.js';

/** Finds a value by its text or by a regular expression. */
export interface CookieRule {
  /** The replaced value, or null if the rule is not about it. */
  apply(value: string, exchange: Exchange): string | null;
}

/** A regular expression: what matches is replaced whole. */
export class RegexCookieRule implements CookieRule {
  constructor(
    private readonly regex: RegExp,
    private readonly to: Template,
  ) {}

  apply(value: string, exchange: Exchange): string | null {
    const match = this.regex.exec(value);
    if (match === null) return null;
    contextOf(exchange).capture(match);
    return this.to.text(exchange);
  }
}

/** A domain as a whole, in any case. A dot in front of it stays. */
export class DomainRule implements CookieRule {
  constructor(
    private readonly from: Template,
    private readonly to: Template,
  ) {}

  apply(value: string, exchange: Exchange): string | null {
    const from = bare(this.from.text(exchange));
    if (bare(value).toLowerCase() !== from.toLowerCase()) return null;
    return (value.startsWith('.') ? '.' : '') + this.to.text(exchange);
  }
}

function bare(domain: string): string {
  return domain.startsWith('.') ? domain.slice(1) : domain;
}

/** The front of a path. */
export class PathRule implements CookieRule {
  constructor(
    private readonly from: Template,
    private readonly to: Template,
  ) {}

  apply(value: string, exchange: Exchange): string | null {
    const from = this.from.text(exchange);
    return value.startsWith(from) ? this.to.text(exchange) + value.slice(from.length) : null;
  }
}

/** What `proxy_cookie_flags` does to the cookies of a name. */
export interface FlagRule {
  /** Whether it is about a cookie. */
  matches(name: string, exchange: Exchange): boolean;
  /** Flags in force, as nginx writes them: `secure`, `nosamesite`, `samesite=lax`; variables are evaluated. */
  readonly flags: readonly Template[];
}

/** All rules of a location. */
export interface CookieRules {
  readonly domains: readonly CookieRule[];
  readonly paths: readonly CookieRule[];
  readonly flags: readonly FlagRule[];
}

interface Attribute {
  name: string;
  /** null for one without "=". */
  value: string | null;
}

/** The Set-Cookie value that goes on. */
export function rewriteCookie(rules: CookieRules, value: string, exchange: Exchange): string {
  const attributes = value.split(';').map(readAttribute);
  const changes = [
    rewriteAttribute(attributes, 'domain', rules.domains, exchange),
    rewriteAttribute(attributes, 'path', rules.paths, exchange),
    applyFlags(attributes, rules.flags, exchange),
  ];
  if (!changes.includes(true)) return value;
  return attributes.map((one) => (one.value === null ? one.name : `${one.name}=${one.value}`)).join('; ');
}

function readAttribute(text: string): Attribute {
  const equals = text.indexOf('=');
  if (equals < 0) return { name: text.trim(), value: null };
  return { name: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() };
}

function rewriteAttribute(
  attributes: readonly Attribute[],
  name: string,
  rules: readonly CookieRule[],
  exchange: Exchange,
): boolean {
  // The first one is the cookie itself, whatever it is called.
  const one = attributes.find((attribute, i) => i > 0 && attribute.name.toLowerCase() === name);
  if (one === undefined || one.value === null) return false;
  for (const rule of rules) {
    const replaced = rule.apply(one.value, exchange);
    if (replaced === null) continue;
    one.value = replaced;
    return true;
  }
  return false;
}

function applyFlags(attributes: Attribute[], rules: readonly FlagRule[], exchange: Exchange): boolean {
  const rule = rules.find((one) => one.matches(attributes[0].name, exchange));
  if (rule === undefined) return false;
  for (const template of rule.flags) applyFlag(attributes, template.text(exchange).toLowerCase());
  return true;
}

function applyFlag(attributes: Attribute[], flag: string): void {
  const [, no, name, value] = /^(no)?(secure|httponly|samesite)(?:=(strict|lax|none))?$/.exec(flag) ?? [];
  if (name === undefined) return;
  const at = attributes.findIndex((attribute, i) => i > 0 && attribute.name.toLowerCase() === name);
  if (no !== undefined) {
    if (at > 0) attributes.splice(at, 1);
    return;
  }
  const spelt = SPELT[name];
  const set = { name: spelt, value: value === undefined ? null : value[0].toUpperCase() + value.slice(1) };
  if (at < 0) attributes.push(set);
  else if (name === 'samesite') attributes[at] = set;
}

const SPELT: Readonly<Record<string, string>> = {
  secure: 'Secure',
  httponly: 'HttpOnly',
  samesite: 'SameSite',
};
