/**
 * `location`, `return`, `add_header`, `default_type`: what a request gets, apart from a proxied answer. Decides nginx's
 * rules for where locations and codes may stand.
 */
import { LocationLevel, type FieldLine, type Match, type ReturnLine, type ServerLevel } from '../blocks.js';
import { Setting } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseNumber } from '../units.js';
import { IN_LOCATION, simple } from './entries.js';

const PAGE = 'http/ngx_http_core_module.html';

export const ADDED_FIELDS = new Setting<readonly FieldLine[]>([]);
export const DEFAULT_TYPE = new Setting('text/plain');

const MODIFIERS: Record<string, Match> = {
  '=': 'exact',
  '^~': 'prefix-final',
  '~': 'regex',
  '~*': 'regex-nocase',
};

export const LOCATION_DIRECTIVES: readonly Entry[] = [
  entry<ServerLevel | LocationLevel>({
    name: 'location',
    contexts: ['server', 'location'],
    args: [1, 2],
    isBlock: true,
    syntax: '[ = | ~ | ~* | ^~ ] uri { ... }',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note:
      'Named locations are refused: nothing can lead to one yet. A location without `proxy_pass` and `return` answers ' +
      '404, with a warning, since wirehop serves no files.',
    apply(directive, parent, { walk }) {
      const [match, pattern] = readMatch(directive);
      if (parent instanceof LocationLevel) checkNesting(directive, match, pattern, parent);
      const location = new LocationLevel(parent, directive, match, pattern);
      const twin = parent.locations.find((other) => isTwin(other, location));
      if (twin !== undefined) {
        throw faultAt(
          pattern,
          `duplicate location "${pattern.text}"`,
          `the first one is in line ${twin.place.line}`,
        );
      }
      parent.locations.push(location);
      walk(directive.block ?? [], location);
    },
  }),
  entry<ServerLevel | LocationLevel>({
    name: 'return',
    contexts: ['server', 'location'],
    args: [1, 2],
    syntax: 'code [text] | code URL | URL',
    fallback: '',
    page: 'http/ngx_http_rewrite_module.html',
    kind: 'nginx',
    note: 'Codes 200 to 999. 444 closes the connection without an answer.',
    apply(directive, level) {
      const answer = readReturn(directive);
      level.answer ??= answer;
    },
  }),
  {
    name: 'add_header',
    contexts: IN_LOCATION,
    args: [2, 3],
    syntax: 'name value [always]',
    fallback: '',
    page: 'http/ngx_http_headers_module.html',
    kind: 'nginx',
    note: '',
    apply(directive, level) {
      const [name, value, always] = directive.args;
      if (always !== undefined && always.text !== 'always') {
        throw faultAt(always, `invalid parameter "${always.text}"`);
      }
      level.append(ADDED_FIELDS, { name, value, always: always !== undefined, directive });
    },
  },
  simple({
    name: 'default_type',
    contexts: IN_LOCATION,
    syntax: 'mime-type',
    fallback: 'text/plain',
    page: PAGE,
    kind: 'narrower',
    note:
      'The Content-Type of what `return` answers, whatever the path ends with: nginx first looks for .html, .gif and ' +
      '.jpg, and in `types`, which wirehop has not.',
    apply: (directive, level) => level.set(DEFAULT_TYPE, directive.args[0].text, directive),
  }),
];

function readMatch(directive: Directive): [Match, Word] {
  const [first, second] = directive.args;
  if (first.text.startsWith('@')) {
    throw faultAt(first, 'named locations are not supported', 'nothing can lead to one yet; use a prefix');
  }
  if (second !== undefined) {
    if (!Object.hasOwn(MODIFIERS, first.text))
      throw faultAt(first, `invalid location modifier "${first.text}"`);
    return [MODIFIERS[first.text], second];
  }
  // The modifier may be glued to its argument: `location =/x`, `location ~\.php$`.
  const [, modifier, rest] = /^(=|\^~|~\*|~)?([^]*)$/.exec(first.text) as unknown as [
    string,
    string?,
    string?,
  ];
  return modifier === undefined ? ['prefix', first] : [MODIFIERS[modifier], { ...first, text: rest ?? '' }];
}

function isTwin(a: LocationLevel, b: LocationLevel): boolean {
  if (a.isRegex || b.isRegex || a.pattern.text !== b.pattern.text) return false;
  return (a.match === 'exact') === (b.match === 'exact');
}

function checkNesting(directive: Directive, match: Match, pattern: Word, parent: LocationLevel): void {
  const outer = parent.pattern.text;
  if (parent.match === 'exact') {
    throw faultAt(directive, `location "${pattern.text}" cannot be inside the exact location "${outer}"`);
  }
  const isRegex = match === 'regex' || match === 'regex-nocase';
  // nginx compares with the outer text even where that is a regular expression.
  if (!isRegex && !pattern.text.startsWith(outer)) {
    throw faultAt(directive, `location "${pattern.text}" is outside location "${outer}"`);
  }
}

/** `ngx_http_rewrite_return`. */
function readReturn(directive: Directive): ReturnLine {
  const [first, second] = directive.args;
  const status = parseNumber(first.text);
  if (status === undefined) {
    const isTarget = second === undefined && /^(https?:\/\/|\$scheme)/.test(first.text);
    if (!isTarget) throw faultAt(first, `invalid return code "${first.text}"`);
    return { status: 302, text: first, place: directive };
  }
  if (status > 999) throw faultAt(first, `invalid return code "${first.text}"`);
  if (status < 200) {
    throw faultAt(
      first,
      `return code "${first.text}" is not supported`,
      'an answer has a final status, from 200 on',
    );
  }
  return { status, text: second ?? null, place: directive };
}
