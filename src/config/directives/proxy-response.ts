/**
 * The proxy module's directives about what comes back: redirections, cookies, fields that are ignored. Decides their
 * grammar; leaves their meaning to `proxy/redirects.ts` and `proxy/cookies.ts`.
 */
import type { LocationLevel } from '../blocks.js';
import { Setting, type Level } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import type { Entry } from '../table.js';
import { setsFlag } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';

const PAGE = 'http/ngx_http_proxy_module.html';

/** One replacement; null stands for `default` in proxy_redirect. */
export type ReplaceLine = { readonly from: Word; readonly to: Word } | null;

/** One `proxy_cookie_flags`. */
export interface CookieFlagsLine {
  readonly cookie: Word;
  readonly flags: readonly Word[];
}

/** Replacements in Location and Refresh; `off` is none. */
export const REDIRECT = new Setting<readonly ReplaceLine[]>([null]);
export const COOKIE_DOMAINS = new Setting<readonly ReplaceLine[]>([]);
export const COOKIE_PATHS = new Setting<readonly ReplaceLine[]>([]);
export const COOKIE_FLAGS = new Setting<readonly CookieFlagsLine[]>([]);
/** Lower case. */
export const IGNORED_FIELDS = new Setting<ReadonlySet<string>>(new Set());
/** Conditions of `early_hints`; null without one. */
export const EARLY_HINTS = new Setting<readonly Word[] | null>(null);
export const PASSES_TRAILERS = new Setting(true);
export const INTERCEPT_ERRORS = new Setting(false);

const IGNORABLE = new Set([
  'x-accel-redirect',
  'x-accel-expires',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
  'expires',
  'cache-control',
  'set-cookie',
  'vary',
]);

export const PROXY_RESPONSE_DIRECTIVES: readonly Entry[] = [
  {
    name: 'proxy_redirect',
    contexts: IN_LOCATION,
    args: [1, 2],
    syntax: 'default | off | redirect replacement',
    fallback: 'default',
    page: PAGE,
    kind: 'nginx',
    note: 'As in nginx, `default` may be written only behind the `proxy_pass` it is about, which has no variables.',
    apply: redirect,
  },
  replacing('proxy_cookie_domain', COOKIE_DOMAINS, 'domain'),
  replacing('proxy_cookie_path', COOKIE_PATHS, 'path'),
  {
    name: 'proxy_cookie_flags',
    contexts: IN_LOCATION,
    args: [1, 4],
    syntax: 'off | cookie [flag ...]',
    fallback: 'off',
    page: PAGE,
    kind: 'nginx',
    note: '',
    apply(directive, level) {
      const [cookie, ...flags] = directive.args;
      if (flags.length === 0) return turnOff(directive, level, COOKIE_FLAGS);
      for (const word of flags) {
        const isFlag = /^(no)?(secure|httponly|samesite)$|^samesite=(strict|lax|none)$/i.test(word.text);
        if (!word.text.includes('$') && (!isFlag || /^samesite$/i.test(word.text)))
          throw faultAt(word, `invalid parameter "${word.text}"`);
      }
      appendUnlessOff(directive, level, COOKIE_FLAGS, { cookie, flags });
    },
  },
  {
    name: 'proxy_ignore_headers',
    contexts: IN_LOCATION,
    args: [1, Infinity],
    syntax: 'field ...',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'wirehop acts on X-Accel-Redirect alone: it neither caches nor spools. The others are ignored already.',
    apply(directive, level) {
      const names = directive.args.map((word) => {
        const name = word.text.toLowerCase();
        if (!IGNORABLE.has(name)) throw faultAt(word, `invalid value "${word.text}"`);
        return name;
      });
      level.set(IGNORED_FIELDS, new Set(names), directive);
    },
  },
  simple({
    name: 'proxy_pass_trailers',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    kind: 'narrower',
    note: "nginx's default is `off`. Without the directive wirehop passes trailers, checked against the grammar.",
    apply: setsFlag(PASSES_TRAILERS),
  }),
  {
    name: 'early_hints',
    contexts: IN_LOCATION,
    args: [1, Infinity],
    syntax: 'string ...',
    fallback: '',
    page: 'http/ngx_http_core_module.html',
    kind: 'narrower',
    note:
      'A 103 of the upstream goes on where one of the strings is neither empty nor "0". Without the directive wirehop passes ' +
      'every interim response on; nginx passes none.',
    apply: (directive, level) => level.set(EARLY_HINTS, directive.args, directive),
  },
  simple({
    name: 'proxy_intercept_errors',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    note: 'Responses from 300 on for which there is an `error_page`.',
    apply: setsFlag(INTERCEPT_ERRORS),
  }),
];

function redirect(directive: Directive, level: Level): void {
  const [from, to] = directive.args;
  if (to !== undefined) return appendUnlessOff(directive, level, REDIRECT, { from, to });
  if (from.text === 'off') return turnOff(directive, level, REDIRECT);
  if (from.text !== 'default') throw faultAt(from, `invalid parameter "${from.text}"`);
  const pass = 'pass' in level ? (level as LocationLevel).pass : null;
  if (pass === null) {
    throw faultAt(directive, '"proxy_redirect default" should be placed after the "proxy_pass" directive');
  }
  if (pass.isDynamic) {
    throw faultAt(
      directive,
      '"proxy_redirect default" cannot be used with "proxy_pass" directive with variables',
    );
  }
  appendUnlessOff(directive, level, REDIRECT, null);
}

function replacing(name: string, setting: Setting<readonly ReplaceLine[]>, what: string): Entry {
  return {
    name,
    contexts: IN_LOCATION,
    args: [1, 2],
    syntax: `off | ${what} replacement`,
    fallback: 'off',
    page: PAGE,
    kind: 'nginx',
    note: '',
    apply(directive, level) {
      const [from, to] = directive.args;
      if (to === undefined) turnOff(directive, level, setting);
      else appendUnlessOff(directive, level, setting, { from, to });
    },
  };
}

/** `off` stands alone on its level. */
function turnOff<T>(directive: Directive, level: Level, setting: Setting<readonly T[]>): void {
  const [word] = directive.args;
  if (word.text !== 'off') throw faultAt(word, `invalid parameter "${word.text}"`);
  level.set(setting, [], directive);
}

function appendUnlessOff<T>(
  directive: Directive,
  level: Level,
  setting: Setting<readonly T[]>,
  value: T,
): void {
  if (level.has(setting) && level.get(setting).length === 0) {
    throw faultAt(directive, `"${directive.name}" directive is duplicate`, '"off" stands in front of it');
  }
  level.append(setting, value);
}
