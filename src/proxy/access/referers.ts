/**
 * `valid_referers`: whether a request comes from a page that may lead here (`ngx_http_referer_module`). Decides what
 * `$invalid_referer` is.
 */
import type { Exchange } from '../../machine/exchange.js';
import { FIELD_NAMES } from '../../message/field-names.js';
import { contextOf } from '../context.js';
import { HostTable } from '../server-names.js';
import type { Variable } from '../variables.js';

const REFERER = FIELD_NAMES.intern('referer');
const LONGEST_HOST = 256;

export interface RefererRules {
  /** No Referer at all. */
  readonly allowsNone: boolean;
  /** One that is no http target: something on the way has taken it out. */
  readonly allowsBlocked: boolean;
  /** Hosts, with masks, and what a path there has to begin with; '' for any. */
  readonly hosts: readonly (readonly [host: string, path: string])[];
  /** What a host may be (regular expressions of server_name). */
  readonly hostRegexes: readonly RegExp[];
  /** What all behind the scheme may be. */
  readonly regexes: readonly RegExp[];
}

/** The rules of one location. */
export class Referers {
  private readonly hosts = new HostTable<string>();

  /** @throws CompileError for a host that is none */
  constructor(private readonly rules: RefererRules) {
    // Of two paths for one host the first holds.
    for (const [host, path] of rules.hosts) this.hosts.add(host, path);
  }

  isValid({ request }: Exchange): boolean {
    const { allowsNone, allowsBlocked, hosts, hostRegexes, regexes } = this.rules;
    // nginx: without anything to compare with every request is valid.
    if (hosts.length + hostRegexes.length + regexes.length === 0) return true;
    const index = request.findField(REFERER);
    if (index < 0) return allowsNone;
    const value = request.valueText(index);
    const scheme = /^https?:\/\//i.exec(value)?.[0];
    // Shorter than any host could make it.
    if (scheme === undefined || value.length < 'http://i.ru'.length) return allowsBlocked;
    const rest = value.slice(scheme.length);
    const end = rest.search(/[/:]/);
    const host = (end < 0 ? rest : rest.slice(0, end)).toLowerCase();
    if (host.length > LONGEST_HOST) return false;
    const path = this.hosts.find(host);
    if (path !== undefined) {
      const slash = rest.indexOf('/');
      return (slash < 0 ? '' : rest.slice(slash)).startsWith(path);
    }
    return hostRegexes.some((regex) => regex.test(host)) || regexes.some((regex) => regex.test(rest));
  }
}

/** `$invalid_referer`: '' for a valid one, else `1`. Its first value stays. */
export const INVALID_REFERER: Variable = {
  text(exchange) {
    const context = contextOf(exchange);
    const kept = (context.kept ??= new Map<Variable, string>());
    let text = kept.get(INVALID_REFERER);
    if (text === undefined) {
      const { referers } = context.location ?? context.server?.root ?? {};
      text = referers?.isValid(exchange) === false ? '1' : '';
      kept.set(INVALID_REFERER, text);
    }
    return text;
  },
  isFound: () => true,
};
