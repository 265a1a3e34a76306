/**
 * `types` and `default_type`: the Content-Type of answers made here, by what the path ends with.
 */
import { Setting } from '../level.js';
import { faultAt } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { IN_LOCATION, simple } from './entries.js';

const PAGE = 'http/ngx_http_core_module.html';

/** What nginx knows without a `types` block. */
const DEFAULT_TYPES: ReadonlyMap<string, string> = new Map([
  ['html', 'text/html'],
  ['gif', 'image/gif'],
  ['jpg', 'image/jpeg'],
]);

/** By extension, lower case. */
export const TYPES = new Setting<ReadonlyMap<string, string>>(DEFAULT_TYPES);
export const DEFAULT_TYPE = new Setting('text/plain');

export const TYPE_DIRECTIVES: readonly Entry[] = [
  simple({
    name: 'default_type',
    contexts: IN_LOCATION,
    syntax: 'mime-type',
    fallback: 'text/plain',
    page: PAGE,
    apply: (directive, level) => level.set(DEFAULT_TYPE, directive.args[0].text, directive),
  }),
  entry({
    name: 'types',
    contexts: IN_LOCATION,
    args: [0, 0],
    isBlock: true,
    syntax: '{ ... }',
    fallback: '{ text/html html; image/gif gif; image/jpeg jpg; }',
    page: PAGE,
    kind: 'nginx',
    note: 'For the answers of `return`. With `include`, such as of `mime.types`.',
    apply(directive, level, { warn, fault }) {
      const own = level.has(TYPES) ? level.get(TYPES) : new Map<string, string>();
      const types = new Map(own);
      for (const { name, args, block, file, line, column } of directive.block ?? []) {
        const place = { file, line, column };
        if (block !== null) {
          fault(faultAt(place, 'unexpected "{"'));
          continue;
        }
        for (const word of args) {
          const extension = word.text.toLowerCase();
          const known = types.get(extension);
          types.set(extension, name);
          if (known !== undefined && known !== name) {
            const text = `duplicate extension "${word.text}", content type: "${name}", previous content type: "${known}"`;
            warn(faultAt(word, text));
          }
        }
      }
      level.put(TYPES, types);
    },
  }),
];
