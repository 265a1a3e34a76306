/**
 * Directives that everyday files hold for the files of a site, and `gzip`. Decides where they cannot matter, as every
 * request is passed on or answered; `build/files.ts` refuses them where they do.
 */
import { Setting, type Context } from '../level.js';
import { faultAt, type Word } from '../syntax.js';
import type { Entry } from '../table.js';
import { flagOf, unsupported } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';

/** The `root` or `index` in force. */
export const ROOT = new Setting<Word | null>(null);
export const INDEX = new Setting<Word | null>(null);
const GZIP = new Setting(false);

const NOTE =
  'wirehop serves no files. Accepted, with a warning, where every request is passed on or answered by other directives; ' +
  'refused where nginx would look for a file.';

export const FILE_DIRECTIVES: readonly Entry[] = [
  file('root', ROOT, 'path', 'html', 'http/ngx_http_core_module.html', [...IN_LOCATION, 'if in location']),
  file('index', INDEX, 'file ...', 'index.html', 'http/ngx_http_index_module.html', IN_LOCATION),
  simple({
    name: 'gzip',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: 'http/ngx_http_gzip_module.html',
    kind: 'narrower',
    note:
      'wirehop passes content on as it is. `on` for all of `http` is accepted with a warning, as packaged files have it; ' +
      'in `server` and `location` it is refused: let the upstream compress.',
    apply(directive, level, { warn }) {
      const isOn = flagOf(directive);
      if (isOn && level.context !== 'http')
        throw unsupported(directive.args[0], directive, 'wirehop does not compress; let the upstream do it');
      level.set(GZIP, isOn, directive);
      if (isOn)
        warn(
          faultAt(directive, '"gzip" has no effect', 'wirehop passes content on; let the upstream compress'),
        );
    },
  }),
];

function file(
  name: string,
  setting: Setting<Word | null>,
  syntax: string,
  fallback: string,
  page: string,
  contexts: readonly Context[],
): Entry {
  return {
    name,
    contexts,
    args: [1, name === 'root' ? 1 : Infinity],
    syntax,
    fallback,
    page,
    kind: 'narrower',
    note: NOTE,
    apply(directive, level, { warn }) {
      const { file: path, line, column } = directive;
      const word = { text: name, quoted: false, file: path, line, column };
      if (name === 'root') level.set(setting, word, directive);
      else level.put(setting, word);
      warn(faultAt(directive, `"${name}" directive is accepted without effect`, 'wirehop serves no files'));
    },
  };
}
