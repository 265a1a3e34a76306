/**
 * `secure_link` and `valid_referers`. Decides their grammar; leaves the judgement to `proxy/access/`.
 */
import { Setting, type Context, type Level } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import type { Entry } from '../table.js';
import { IN_LOCATION, simple } from './entries.js';

/** null: none, as for all of these. */
export const SECURE_LINK = new Setting<Word | null>(null);
export const SECURE_LINK_MD5 = new Setting<Word | null>(null);
export const SECURE_LINK_SECRET = new Setting<Directive | null>(null);
export const VALID_REFERERS = new Setting<readonly Word[]>([]);

const LINK_PAGE = 'http/ngx_http_secure_link_module.html';
const IN_SERVER_LOCATION: readonly Context[] = ['server', 'location'];

export const LINK_DIRECTIVES: readonly Entry[] = [
  expression('secure_link', SECURE_LINK),
  expression('secure_link_md5', SECURE_LINK_MD5),
  simple({
    name: 'secure_link_secret',
    contexts: IN_LOCATION,
    syntax: 'word',
    fallback: '',
    page: LINK_PAGE,
    apply: (directive, level) => level.set(SECURE_LINK_SECRET, directive, directive),
  }),
  {
    name: 'valid_referers',
    contexts: IN_SERVER_LOCATION,
    args: [1, Infinity],
    syntax: 'none | blocked | server_names | string ...',
    fallback: '',
    page: 'http/ngx_http_referer_module.html',
    kind: 'nginx',
    note: '',
    apply(directive, level) {
      for (const word of directive.args) {
        if (word.text === '') throw faultAt(word, 'invalid referer ""');
        level.append(VALID_REFERERS, word);
      }
    },
  },
];

function expression(name: string, setting: Setting<Word | null>): Entry {
  return simple({
    name,
    contexts: IN_LOCATION,
    syntax: 'expression',
    fallback: '',
    page: LINK_PAGE,
    apply: (directive, level: Level) => level.set(setting, directive.args[0], directive),
  });
}
