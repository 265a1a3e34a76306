/**
 * `error_page` and what goes with redirections. Decides the grammar; leaves the way to a page to `proxy/router.ts`.
 */
import type { ErrorPageLine } from '../blocks.js';
import { Setting, type Context } from '../level.js';
import { faultAt, type Directive } from '../syntax.js';
import type { Entry } from '../table.js';
import { parseNumber } from '../units.js';
import { setsFlag } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';

const PAGE = 'http/ngx_http_core_module.html';
const IN_LOCATION_IF: readonly Context[] = [...IN_LOCATION, 'if in location'];

export const ERROR_PAGES = new Setting<readonly ErrorPageLine[]>([]);
export const RECURSIVE_ERROR_PAGES = new Setting(false);
export const ABSOLUTE_REDIRECT = new Setting(true);
export const SERVER_NAME_IN_REDIRECT = new Setting(false);
export const PORT_IN_REDIRECT = new Setting(true);

export const ERROR_DIRECTIVES: readonly Entry[] = [
  {
    name: 'error_page',
    contexts: IN_LOCATION_IF,
    args: [2, Infinity],
    syntax: 'code ... [=[response]] uri',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note:
      'A request whose content has begun to go upstream, and that keeps its method (a named location), cannot be sent ' +
      'to another upstream: it gets the built-in page. A request whose head was refused is sent to none.',
    apply(directive, level) {
      level.append(ERROR_PAGES, readErrorPage(directive));
    },
  },
  simple({
    name: 'recursive_error_pages',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    apply: setsFlag(RECURSIVE_ERROR_PAGES),
  }),
  simple({
    name: 'absolute_redirect',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    apply: setsFlag(ABSOLUTE_REDIRECT),
  }),
  simple({
    name: 'server_name_in_redirect',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    apply: setsFlag(SERVER_NAME_IN_REDIRECT),
  }),
  simple({
    name: 'port_in_redirect',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    apply: setsFlag(PORT_IN_REDIRECT),
  }),
];

/** `ngx_http_core_error_page`. */
function readErrorPage(directive: Directive): ErrorPageLine {
  const words = [...directive.args];
  const uri = words.pop()!;
  let overwrite = -1;
  const last = words.at(-1)!;
  if (last.text.startsWith('=')) {
    if (words.length === 1)
      throw faultAt(last, `invalid value "${last.text}"`, 'a code has to stand in front of "="');
    words.pop();
    overwrite = last.text === '=' ? 0 : (parseNumber(last.text.slice(1)) ?? -1);
    if (overwrite < 0) throw faultAt(last, `invalid value "${last.text}"`);
    if (overwrite > 0 && (overwrite < 200 || overwrite > 999)) {
      throw faultAt(
        last,
        `status "${last.text.slice(1)}" is not supported`,
        'an answer has a status from 200 to 999',
      );
    }
  }
  const statuses = words.map((word) => {
    const status = parseNumber(word.text);
    if (status === undefined || status === 499) throw faultAt(word, `invalid value "${word.text}"`);
    if (status < 300 || status > 599) {
      throw faultAt(word, `value "${word.text}" must be between 300 and 599`);
    }
    return status;
  });
  return { statuses, overwrite, uri };
}
