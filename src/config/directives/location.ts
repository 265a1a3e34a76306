/**
 * `location`, `internal`, `limit_except`, `add_header`. Decides nginx's rules for where locations may stand.
 */
import { LocationLevel, type FieldLine, type Match, type ServerLevel } from '../blocks.js';
import { Setting } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { IN_LOCATION } from './entries.js';

const PAGE = 'http/ngx_http_core_module.html';

export const ADDED_FIELDS = new Setting<readonly FieldLine[]>([]);
export const INTERNAL = new Setting(false);
/** Of a level alone: a handler is not inherited. */
export const STUB_STATUS = new Setting(false);

/** Methods that limit_except knows. */
const METHODS = new Set(
  'GET HEAD POST PUT DELETE MKCOL COPY MOVE OPTIONS PROPFIND PROPPATCH LOCK UNLOCK PATCH'.split(' '),
);

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
    syntax: '[ = | ~ | ~* | ^~ ] uri { ... } | @name { ... }',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'Also `@name`, for `error_page`. A location without `proxy_pass` and `return` answers from files (`root`).',
    apply(directive, parent, { walk }) {
      const [match, pattern] = readMatch(directive);
      if (parent instanceof LocationLevel) checkNesting(directive, match, pattern, parent);
      const location = new LocationLevel(parent, directive, match, pattern);
      const name = uniqueName(location);
      const twin = parent.locationNames.get(name);
      if (twin !== undefined) {
        throw faultAt(
          pattern,
          `duplicate location "${pattern.text}"`,
          `the first one is in line ${twin.place.line}`,
        );
      }
      parent.locations.push(location);
      if (!location.isRegex) parent.locationNames.set(name, location);
      walk(directive.block ?? [], location);
    },
  }),
  {
    name: 'add_header',
    contexts: [...IN_LOCATION, 'if in location'],
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
  entry<LocationLevel>({
    name: 'internal',
    contexts: ['location'],
    args: [0, 0],
    syntax: '',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'Open to requests that `error_page`, `rewrite` or an `X-Accel-Redirect` sends there; to others it is 404.',
    apply(_directive, location) {
      location.put(INTERNAL, true);
    },
  }),
  {
    name: 'stub_status',
    contexts: ['server', 'location'],
    args: [0, 1],
    syntax: '',
    fallback: '',
    page: 'http/ngx_http_stub_status_module.html',
    kind: 'narrower',
    note:
      'The figures are those of the worker that answers, as each has its own connections; `$connections_active`, ' +
      '`$connections_reading`, `$connections_writing` and `$connections_waiting` too.',
    apply: (_directive, level) => level.put(STUB_STATUS, true),
  },
  entry<LocationLevel>({
    name: 'limit_except',
    contexts: ['location'],
    args: [1, Infinity],
    isBlock: true,
    syntax: 'method ... { ... }',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'GET stands for HEAD, too. Takes `proxy_pass` and `access_log`, and what controls access.',
    apply(directive, location, { walk }) {
      if (location.limitExcept !== null) throw faultAt(directive, '"limit_except" directive is duplicate');
      const methods = new Set<string>();
      for (const word of directive.args) {
        const method = word.text.toUpperCase();
        if (!METHODS.has(method)) throw faultAt(word, `invalid method "${word.text}"`);
        methods.add(method);
        if (method === 'GET') methods.add('HEAD');
      }
      const name = { ...directive.args[0], text: '' };
      const level = new LocationLevel(location, directive, 'unnamed', name, 'limit_except');
      location.limitExcept = { methods, level };
      walk(directive.block ?? [], level);
    },
  }),
];

function readMatch(directive: Directive): [Match, Word] {
  const [first, second] = directive.args;
  if (second === undefined && first.text.startsWith('@')) return ['named', first];
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

/** The same for two locations that cannot be told apart. Regular expressions always can: the first one wins. */
function uniqueName({ match, pattern, isRegex }: LocationLevel): string {
  if (isRegex) return '';
  return `${match === 'exact' ? '=' : ' '}${pattern.text}`;
}

function checkNesting(directive: Directive, match: Match, pattern: Word, parent: LocationLevel): void {
  const outer = parent.pattern.text;
  if (parent.match === 'named') {
    throw faultAt(directive, `location "${pattern.text}" cannot be inside the named location "${outer}"`);
  }
  if (match === 'named') {
    throw faultAt(directive, `named location "${pattern.text}" can be on the server level only`);
  }
  if (parent.match === 'exact') {
    throw faultAt(directive, `location "${pattern.text}" cannot be inside the exact location "${outer}"`);
  }
  const isRegex = match === 'regex' || match === 'regex-nocase';
  // nginx compares with the outer text even where that is a regular expression.
  if (!isRegex && !pattern.text.startsWith(outer)) {
    throw faultAt(directive, `location "${pattern.text}" is outside location "${outer}"`);
  }
}
