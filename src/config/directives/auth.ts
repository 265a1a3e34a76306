/**
 * `auth_basic`, `auth_request`, `satisfy` and what goes with them. Decides their grammar; leaves the judgement to
 * `proxy/access/`.
 */
import { Setting, type Context } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import type { Entry } from '../table.js';
import { setsFlag, setsTime } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';

/** One `auth_request_set`. */
export interface AuthRequestSetLine {
  /** Without its "$". */
  readonly name: string;
  readonly nameWord: Word;
  readonly value: Word;
}

/** null: off. */
export const AUTH_BASIC = new Setting<Word | null>(null);
export const AUTH_BASIC_USER_FILE = new Setting<{ readonly path: Word; readonly place: Directive } | null>(
  null,
);
export const AUTH_DELAY = new Setting(0);
/** A path; '' for off. */
export const AUTH_REQUEST = new Setting('');
export const AUTH_REQUEST_SETS = new Setting<readonly AuthRequestSetLine[]>([]);
export const SATISFY = new Setting<'all' | 'any'>('all');
export const LOG_SUBREQUEST = new Setting(false);

const CORE_PAGE = 'http/ngx_http_core_module.html';
const BASIC_PAGE = 'http/ngx_http_auth_basic_module.html';
const REQUEST_PAGE = 'http/ngx_http_auth_request_module.html';
const IN_ACCESS: readonly Context[] = [...IN_LOCATION, 'limit_except'];

export const AUTH_DIRECTIVES: readonly Entry[] = [
  simple({
    name: 'satisfy',
    contexts: IN_LOCATION,
    syntax: 'all | any',
    fallback: 'all',
    page: CORE_PAGE,
    apply(directive, level) {
      const [word] = directive.args;
      if (word.text !== 'all' && word.text !== 'any') throw faultAt(word, `invalid value "${word.text}"`);
      level.set(SATISFY, word.text, directive);
    },
  }),
  simple({
    name: 'auth_basic',
    contexts: IN_ACCESS,
    syntax: 'string | off',
    fallback: 'off',
    page: BASIC_PAGE,
    note: 'Passwords are checked in a thread beside; one that was right is remembered, as a keyed digest in memory.',
    apply(directive, level) {
      const [word] = directive.args;
      level.set(AUTH_BASIC, word.text === 'off' ? null : word, directive);
    },
  }),
  simple({
    name: 'auth_basic_user_file',
    contexts: IN_ACCESS,
    syntax: 'file',
    fallback: '',
    page: BASIC_PAGE,
    kind: 'narrower',
    note: `bcrypt (\`$2y$\`, \`$2a$\`, \`$2b$\`), \`$apr1$\`, \`$1$\`, \`$5$\`, \`$6$\`, \`{SHA}\`, \`{SSHA}\` and \`{PLAIN}\`. Other
      hashes of the system's crypt(), such as DES and yescrypt, are answered 500, with a line in the log.`.replace(
      /\s+/g,
      ' ',
    ),
    apply(directive, level) {
      level.set(AUTH_BASIC_USER_FILE, { path: directive.args[0], place: directive }, directive);
    },
  }),
  simple({
    name: 'auth_delay',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '0s',
    page: CORE_PAGE,
    note: 'Honoured to within 0.1 s.',
    apply: setsTime(AUTH_DELAY),
  }),
  simple({
    name: 'auth_request',
    contexts: IN_LOCATION,
    syntax: 'uri | off',
    fallback: 'off',
    page: REQUEST_PAGE,
    note: 'The subrequest never has content, nor a length of any, whatever its location says.',
    apply(directive, level, { warn }) {
      const [word] = directive.args;
      level.set(AUTH_REQUEST, word.text === 'off' ? '' : word.text, directive);
      const hint = 'it is a path alone: no variable, no query, no named location';
      if (word.text !== 'off' && !/^\/[^?$]*$/.test(word.text))
        warn(faultAt(word, `"${word.text}" is taken as a path as it stands`, hint));
    },
  }),
  {
    name: 'auth_request_set',
    contexts: IN_LOCATION,
    args: [2, 2],
    syntax: '$variable value',
    fallback: '',
    page: REQUEST_PAGE,
    kind: 'nginx',
    note: '',
    apply(directive, level) {
      const [nameWord, value] = directive.args;
      const name = /^\$(\w+)$/.exec(nameWord.text)?.[1];
      if (name === undefined)
        throw faultAt(nameWord, `invalid variable name "${nameWord.text}"`, 'it begins with "$"');
      level.append(AUTH_REQUEST_SETS, { name, nameWord, value });
    },
  },
  simple({
    name: 'log_subrequest',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: CORE_PAGE,
    apply: setsFlag(LOG_SUBREQUEST),
  }),
];
