/**
 * Files of a site: where they are, which one answers, and what is said of it. Decides nginx's rules for how the
 * directives are written; what they do is in `proxy/files/`.
 */
import type { FileLine, LinksLine, LocationLevel, TryFilesLine } from '../blocks.js';
import { Setting, type Level } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { flagOf, numberOf, setsFlag, unsupported } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';

const CORE = 'http/ngx_http_core_module.html';

/** The `root` or `alias` in force; null for nginx's `root html`. */
export const ROOT = new Setting<FileLine | null>(null);
/** null for `index.html`. */
export const INDEX = new Setting<readonly Word[] | null>(null);
/** Of a level alone: it is not inherited. */
export const TRY_FILES = new Setting<TryFilesLine | null>(null);
export const ETAG = new Setting(true);
export const IF_MODIFIED_SINCE = new Setting<'exact' | 'before' | 'off'>('exact');
/** Infinity for any number. */
export const MAX_RANGES = new Setting(Infinity);
export const LOG_NOT_FOUND = new Setting(true);
export const LINKS = new Setting<LinksLine>({ mode: 'inside', from: null });
const GZIP = new Setting(false);

export const FILE_DIRECTIVES: readonly Entry[] = [
  entry({
    name: 'root',
    contexts: [...IN_LOCATION, 'if in location'],
    args: [1, 1],
    syntax: 'path',
    fallback: 'html',
    page: CORE,
    kind: 'nginx',
    note:
      'A relative path begins at the prefix (`-p`). A location that neither passes requests on nor returns anything ' +
      'answers from files. Names are looked up at once, as nginx does without threads; what is in a file is read without ' +
      'waiting, as fast as it is taken. A path with a segment `..` never leaves the root, whatever variables make of it.',
    apply: (directive, level) => setRoot(directive, level, 0),
  }),
  entry<LocationLevel>({
    name: 'alias',
    contexts: ['location'],
    args: [1, 1],
    syntax: 'path',
    fallback: '',
    page: CORE,
    kind: 'nginx',
    note: 'As `root`. `/files../x` in `location /files` does not climb out of an alias that ends in a slash: 403.',
    apply(directive, level) {
      if (level.match === 'named')
        throw faultAt(directive, 'the "alias" directive cannot be used inside the named location');
      setRoot(directive, level, level.isRegex ? -1 : level.pattern.text.length);
    },
  }),
  {
    name: 'index',
    contexts: IN_LOCATION,
    args: [1, Infinity],
    syntax: 'file ...',
    fallback: 'index.html',
    page: 'http/ngx_http_index_module.html',
    kind: 'nginx',
    note: '',
    apply(directive, level, { warn }) {
      directive.args.forEach((word, i) => {
        if (word.text === '') throw faultAt(word, 'index "" in "index" directive is invalid');
        if (word.text.startsWith('/') && i < directive.args.length - 1)
          warn(faultAt(word, 'only the last index in "index" directive should be absolute'));
      });
      const own = level.has(INDEX) ? (level.get(INDEX) ?? []) : [];
      level.put(INDEX, [...own, ...directive.args]);
    },
  },
  {
    name: 'try_files',
    contexts: ['server', 'location'],
    args: [2, Infinity],
    syntax: 'file ... uri | file ... =code',
    fallback: '',
    page: CORE,
    kind: 'nginx',
    note: 'Also in front of `proxy_pass`. That of `server` holds where no location does, and is not inherited.',
    apply: (directive, level) => level.set(TRY_FILES, readTryFiles(directive), directive),
  },
  simple({
    name: 'etag',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: CORE,
    apply: setsFlag(ETAG),
  }),
  simple({
    name: 'if_modified_since',
    contexts: IN_LOCATION,
    syntax: 'off | exact | before',
    fallback: 'exact',
    page: CORE,
    apply(directive, level) {
      const [word] = directive.args;
      const { text } = word;
      if (text !== 'off' && text !== 'exact' && text !== 'before')
        throw faultAt(word, `invalid value "${text}"`);
      level.set(IF_MODIFIED_SINCE, text, directive);
    },
  }),
  simple({
    name: 'max_ranges',
    contexts: IN_LOCATION,
    syntax: 'number',
    fallback: '',
    page: CORE,
    note: '0 turns ranges off. Without it any number is taken.',
    apply: (directive, level) => level.set(MAX_RANGES, numberOf(directive, directive.args[0]), directive),
  }),
  simple({
    name: 'log_not_found',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: CORE,
    apply: setsFlag(LOG_NOT_FOUND),
  }),
  {
    name: 'disable_symlinks',
    contexts: IN_LOCATION,
    args: [1, 2],
    syntax: 'off | on | if_not_owner [from=part]',
    fallback: '',
    page: CORE,
    kind: 'narrower',
    note:
      "nginx's default is `off`, which follows every link. Without the directive wirehop follows those that end below the " +
      '`root` or `alias`, and answers 403 to others; `disable_symlinks off` follows all. Where a file stands is asked of ' +
      'what was opened, so no name can be exchanged in between (Linux).',
    apply: (directive, level) => level.set(LINKS, readLinks(directive), directive),
  },
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

/** @param replaced as in `proxy/files/file-paths.ts` */
function setRoot(directive: Directive, level: Level, replaced: number): void {
  const { name, args } = directive;
  const [word] = args;
  if (level.has(ROOT)) {
    const earlier = level.get(ROOT)!.name;
    const text = `"${name}" directive is duplicate`;
    throw faultAt(
      directive,
      earlier === name ? text : `${text}, "${earlier}" directive was specified earlier`,
    );
  }
  for (const variable of ['document_root', 'realpath_root']) {
    if (word.text.includes(`$${variable}`) || word.text.includes(`\${${variable}}`))
      throw faultAt(word, `the $${variable} variable cannot be used in the "${name}" directive`);
  }
  level.put(ROOT, { name, word, replaced });
}

function readTryFiles(directive: Directive): TryFilesLine {
  const last = directive.args.at(-1)!;
  const files = directive.args.slice(0, -1).map((word) => {
    const isDirectory = word.text.endsWith('/');
    return { name: isDirectory ? { ...word, text: word.text.slice(0, -1) } : word, isDirectory };
  });
  if (!last.text.startsWith('=')) return { files, target: last, status: 0 };
  const status = /^=\d{1,3}$/.test(last.text) ? Number(last.text.slice(1)) : -1;
  if (status < 0) throw faultAt(last, `invalid code "${last.text}"`, 'a status: "=404"');
  return { files, target: null, status };
}

function readLinks(directive: Directive): LinksLine {
  let mode: LinksLine['mode'] | null = null;
  let from: Word | null = null;
  for (const word of directive.args) {
    const { text } = word;
    if (text === 'off' || text === 'on' || text === 'if_not_owner') {
      mode = text;
    } else if (text.startsWith('from=') && text.length > 5) {
      from = { ...word, text: text.slice(5) };
    } else {
      throw faultAt(word, `invalid parameter "${text}"`);
    }
  }
  if (mode === null)
    throw faultAt(directive, `"disable_symlinks" must have "off", "on" or "if_not_owner" parameter`);
  if (mode === 'off' && from !== null) throw faultAt(from, '"from=" cannot be used with "off" parameter');
  return { mode, from };
}
