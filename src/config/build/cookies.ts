/**
 * `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags` become rules. Decides which words are regular
 * expressions.
 */
import {
  DomainRule,
  PathRule,
  RegexCookieRule,
  type CookieRule,
  type CookieRules,
  type FlagRule,
} from '../../proxy/cookies.js';
import { contextOf } from '../../proxy/context.js';
import { compileRegex } from '../../proxy/regex.js';
import type { Template } from '../../proxy/template.js';
import {
  COOKIE_DOMAINS,
  COOKIE_FLAGS,
  COOKIE_PATHS,
  type CookieFlagsLine,
  type ReplaceLine,
} from '../directives/proxy-response.js';
import type { Level } from '../level.js';
import type { Word } from '../syntax.js';
import type { Site } from './site.js';

/** Reads the cookie directives of levels. */
export class CookieRuleSet {
  constructor(private readonly site: Site) {}

  /** The rules of a level, or null where there are none. */
  read(level: Level): CookieRules | null {
    const domains = level.get(COOKIE_DOMAINS).flatMap((line) => this.rule(line, true, DomainRule));
    const paths = level.get(COOKIE_PATHS).flatMap((line) => this.rule(line, false, PathRule));
    const flags = level.get(COOKIE_FLAGS).flatMap((line) => this.flagRule(line));
    return domains.length + paths.length + flags.length === 0 ? null : { domains, paths, flags };
  }

  /** @param ignoresCase domains have no case */
  private rule(
    line: ReplaceLine,
    ignoresCase: boolean,
    plain: new (from: Template, to: Template) => CookieRule,
  ): CookieRule[] {
    if (line === null) return [];
    const to = this.site.template(line.to);
    const regex = this.regex(line.from, ignoresCase);
    if (regex === null) return [new plain(this.site.template(line.from), to)];
    return regex === undefined ? [] : [new RegexCookieRule(regex, to)];
  }

  private flagRule({ cookie, flags }: CookieFlagsLine): FlagRule[] {
    const templates = flags.map((word) => this.site.template(word));
    const regex = this.regex(cookie, true);
    if (regex === undefined) return [];
    const name = regex === null ? this.site.template(cookie) : null;
    return [
      {
        flags: templates,
        matches(text, exchange) {
          if (name !== null) return name.text(exchange).toLowerCase() === text.toLowerCase();
          const match = regex!.exec(text);
          if (match !== null) contextOf(exchange).capture(match);
          return match !== null;
        },
      },
    ];
  }

  /** null for a word that is none, undefined for one with a fault, which is told. */
  private regex(word: Word, ignoresCase: boolean): RegExp | null | undefined {
    const found = /^~(\*?)([^]*)$/.exec(word.text);
    if (found === null) return null;
    return this.site.guard(word, () => compileRegex(found[2], ignoresCase || found[1] !== ''));
  }
}
