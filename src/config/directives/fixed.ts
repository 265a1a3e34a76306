/**
 * Directives of which one value describes what wirehop does anyway: that value is accepted, the others are refused.
 * Decides nothing at run time.
 */
import { Setting } from '../level.js';
import { entry, type Entry } from '../table.js';
import { acceptsOnlyFlag, unsupported } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';

const CORE = 'http/ngx_http_core_module.html';
const PROXY = 'http/ngx_http_proxy_module.html';

/** Flags: name, the value that holds, the page, what to do instead of the other value. */
const FLAGS: readonly (readonly [string, 'on' | 'off', string, string])[] = [
  ['proxy_ignore_client_abort', 'off', PROXY, 'an upstream is let go when the downstream side leaves'],
  [
    'autoindex',
    'off',
    'http/ngx_http_autoindex_module.html',
    'directories are not listed; a server behind proxy_pass may',
  ],
  ['proxy_force_ranges', 'off', PROXY, "ranges are the upstream's business"],
  ['chunked_transfer_encoding', 'on', CORE, 'chunked is part of HTTP/1.1'],
  [
    'ssi',
    'off',
    'http/ngx_http_ssi_module.html',
    'wirehop passes content on unchanged; let the upstream do it',
  ],
  ['gunzip', 'off', 'http/ngx_http_gunzip_module.html', 'wirehop passes content on unchanged'],
  ['tcp_nodelay', 'on', CORE, 'small writes go out at once'],
];

/** Directives whose value `off` says that a thing that wirehop lacks is not used. */
const OFF_ONLY: readonly (readonly [string, string, string])[] = [
  ['proxy_cache', PROXY, 'wirehop does not cache'],
  ['proxy_store', PROXY, 'wirehop writes no files'],
  [
    'charset',
    'http/ngx_http_charset_module.html',
    'wirehop passes content on unchanged; name it in default_type',
  ],
  ['client_body_in_file_only', CORE, 'wirehop writes no files'],
];

export const FIXED_DIRECTIVES: readonly Entry[] = [
  ...FLAGS.map(([name, value, page, hint]) =>
    simple({
      name,
      contexts: IN_LOCATION,
      syntax: 'on | off',
      fallback: value,
      page,
      kind: 'narrower',
      note: `Only \`${value}\`, which is what wirehop does: ${hint}.`,
      apply: acceptsOnlyFlag(new Setting(value === 'on'), value === 'on', hint),
    }),
  ),
  ...OFF_ONLY.map(([name, page, hint]) => {
    const setting = new Setting('off');
    return entry({
      name,
      contexts: IN_LOCATION,
      args: [1, Infinity],
      syntax: 'off',
      fallback: 'off',
      page,
      kind: 'narrower',
      note: `Only \`off\`: ${hint}.`,
      apply(directive, level) {
        const [word] = directive.args;
        if (word.text !== 'off' || directive.args.length > 1)
          throw unsupported(word, directive, `${hint}; say "off"`);
        level.set(setting, 'off', directive);
      },
    });
  }),
];
