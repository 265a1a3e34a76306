/**
 * `map`: a block of pairs. Decides its grammar; leaves matching to `proxy/map.ts`.
 */
import type { HttpLevel } from '../blocks.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';

export const MAP_DIRECTIVES: readonly Entry[] = [
  entry<HttpLevel>({
    name: 'map',
    contexts: ['http'],
    args: [2, 2],
    isBlock: true,
    syntax: 'string $variable { ... }',
    fallback: '',
    page: 'http/ngx_http_map_module.html',
    kind: 'nginx',
    note: 'With `default`, `hostnames`, `volatile`, `include`, and regular expressions.',
    apply(directive, http, { fault }) {
      const [source, nameWord] = directive.args;
      if (!/^\$[A-Za-z0-9_]+$/.test(nameWord.text))
        throw faultAt(nameWord, `invalid variable name "${nameWord.text}"`);
      const entries: { pattern: Word; value: Word }[] = [];
      let hostnames = false;
      let isVolatile = false;
      let defaultValue: Word | null = null;
      for (const pair of directive.block ?? []) {
        const pattern = nameOf(pair);
        const [value] = pair.args;
        if (pair.block !== null) fault(faultAt(pair, 'unexpected "{"'));
        else if (pair.name === 'hostnames' && pair.args.length === 0) hostnames = true;
        else if (pair.name === 'volatile' && pair.args.length === 0) isVolatile = true;
        else if (pair.args.length !== 1) fault(faultAt(pair, 'invalid number of the map parameters'));
        else if (pair.name !== 'default') entries.push({ pattern, value });
        else if (defaultValue !== null) fault(faultAt(pair, 'duplicate default map parameter'));
        else defaultValue = value;
      }
      const name = nameWord.text.slice(1);
      http.maps.push({ source, name, nameWord, hostnames, isVolatile, entries, defaultValue });
    },
  }),
];

function nameOf(pair: Directive): Word {
  const { file, line, column } = pair;
  return { text: pair.name, quoted: false, file, line, column };
}
