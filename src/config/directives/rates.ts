/**
 * `limit_rate` and its like. Decides their grammar.
 */
import { Setting, type Context } from '../level.js';
import type { Word } from '../syntax.js';
import { faultAt } from '../syntax.js';
import type { Entry } from '../table.js';
import { parseSize } from '../units.js';
import { IN_LOCATION, simple } from './entries.js';

/** null: none, as for all of these. */
export const LIMIT_RATE = new Setting<Word | null>(null);
export const LIMIT_RATE_AFTER = new Setting<Word | null>(null);
export const PROXY_LIMIT_RATE = new Setting<Word | null>(null);

const CORE = 'http/ngx_http_core_module.html';
const IN_LOCATION_IF: readonly Context[] = [...IN_LOCATION, 'if in location'];

export const RATE_DIRECTIVES: readonly Entry[] = [
  rate('limit_rate', 'rate', LIMIT_RATE, IN_LOCATION_IF, CORE, 'Tunnels are not limited.'),
  rate('limit_rate_after', 'size', LIMIT_RATE_AFTER, IN_LOCATION_IF, CORE, ''),
  rate(
    'proxy_limit_rate',
    'rate',
    PROXY_LIMIT_RATE,
    IN_LOCATION,
    'http/ngx_http_proxy_module.html',
    'What one read brings, 64 KB at most, is not divided. As in nginx nothing is limited with `proxy_buffering off`.',
  ),
];

function rate(
  name: string,
  syntax: string,
  setting: Setting<Word | null>,
  contexts: readonly Context[],
  page: string,
  note: string,
): Entry {
  return simple({
    name,
    contexts,
    syntax,
    fallback: '0',
    page,
    note,
    apply(directive, level) {
      const [word] = directive.args;
      if (!word.text.includes('$') && parseSize(word.text) === undefined)
        throw faultAt(word, `"${name}" directive invalid value`, `"${word.text}" is not a size: 512, 8k, 1m`);
      level.set(setting, word, directive);
    },
  });
}
