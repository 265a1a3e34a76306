/**
 * `expires`. Decides what its times mean; what becomes of them is in `proxy/expires.ts`.
 */
import type { ExpiresValue } from '../../proxy/expires.js';
import type { ExpiresLine } from '../blocks.js';
import { Setting } from '../level.js';
import { faultAt } from '../syntax.js';
import type { Entry } from '../table.js';
import { parseTimeMs } from '../units.js';
import { IN_LOCATION } from './entries.js';

/** null for `off`. */
export const EXPIRES = new Setting<ExpiresLine | null>(null);

const DAY_SECONDS = 86_400;
const INVALID = '"expires" directive invalid value';
const HINT = 'a time: 1h, -1, @15h30m, epoch, max, off';

export const EXPIRES_DIRECTIVES: readonly Entry[] = [
  {
    name: 'expires',
    contexts: [...IN_LOCATION, 'if in location'],
    args: [1, 2],
    syntax: '[modified] time | epoch | max | off',
    fallback: 'off',
    page: 'http/ngx_http_headers_module.html',
    kind: 'nginx',
    note: 'Also with variables, and `@time` for a time of day.',
    apply(directive, level) {
      const isModified = directive.args.length === 2;
      const word = directive.args.at(-1)!;
      if (isModified && directive.args[0].text !== 'modified') throw faultAt(directive.args[0], INVALID);
      const value = word.text.includes('$') ? null : readExpires(word.text, isModified);
      if (typeof value === 'string') throw faultAt(word, `"expires" directive ${value}`, HINT);
      level.set(EXPIRES, { value, word, isModified }, directive);
    },
  },
];

/** Reads a value; answers what is wrong with it, in nginx's words, where it is none. */
export function readExpires(text: string, isModified: boolean): ExpiresValue | string {
  if (!isModified && (text === 'epoch' || text === 'max' || text === 'off')) return { kind: text };
  const [, sign, time] = /^([@+-]?)(.*)$/s.exec(text)!;
  if (sign === '@' && isModified) return 'daily time cannot be used with "modified" parameter';
  const ms = parseTimeMs(time, 's');
  if (ms === undefined) return 'invalid value';
  const seconds = ms / 1000;
  if (sign === '@') {
    if (seconds > DAY_SECONDS) return 'daily time value must be less than 24 hours';
    return { kind: 'daily', seconds };
  }
  return { kind: isModified ? 'modified' : 'access', seconds: sign === '-' ? -seconds : seconds };
}
