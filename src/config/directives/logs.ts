/**
 * `error_log`, `access_log`, `log_format`. Decides which logs hold on a level; leaves the files to the caller of the
 * compiler.
 */
import { LOG_LEVELS, type LogLevel } from '../../proxy/model.js';
import type { AccessLogLine, ErrorLogLine, HttpLevel } from '../blocks.js';
import { Setting, type Level } from '../level.js';
import { decodeText, faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { unsupported } from '../values.js';
import { IN_LOCATION } from './entries.js';

const PAGE = 'http/ngx_http_log_module.html';

export const ERROR_LOGS = new Setting<readonly ErrorLogLine[]>([]);
export const ACCESS_LOGS = new Setting<readonly AccessLogLine[]>([]);

const ESCAPES = ['default', 'json', 'none'] as const;

export const LOG_DIRECTIVES: readonly Entry[] = [
  {
    name: 'error_log',
    contexts: ['main', ...IN_LOCATION],
    args: [1, 2],
    syntax: 'file [level]',
    fallback: 'logs/error.log error',
    page: 'ngx_core_module.html',
    kind: 'narrower',
    note: '`file` is a path or `stderr`; `syslog:` and `memory:` are refused.',
    apply(directive, level) {
      const [path, severity] = directive.args;
      refuseDestination(path, directive);
      if (severity !== undefined && !LOG_LEVELS.includes(severity.text as LogLevel)) {
        throw faultAt(severity, `invalid log level "${severity.text}"`, `one of ${LOG_LEVELS.join(', ')}`);
      }
      const logLevel = (severity?.text ?? 'error') as LogLevel;
      level.append(ERROR_LOGS, { path: decodeText(path.text), level: logLevel, place: path });
    },
  },
  entry<HttpLevel>({
    name: 'log_format',
    contexts: ['http'],
    args: [2, Infinity],
    syntax: 'name [escape=default|json|none] string ...',
    fallback: 'combined "..."',
    page: PAGE,
    kind: 'nginx',
    note: '`combined` is predefined.',
    apply(directive, http) {
      const [name, ...words] = directive.args;
      if (name.text === 'combined' || http.logFormats.has(name.text)) {
        throw faultAt(name, `duplicate "log_format" name "${name.text}"`);
      }
      const escape = words[0].text.startsWith('escape=')
        ? words.shift()?.text.slice('escape='.length)
        : 'default';
      const known = ESCAPES.find((one) => one === escape);
      if (known === undefined) throw faultAt(directive.args[1], `unknown log format escaping "${escape}"`);
      http.logFormats.set(name.text, {
        name: name.text,
        text: words.map((word) => word.text).join(''),
        escape: known,
        place: words[0] ?? name,
      });
    },
  }),
  {
    name: 'access_log',
    contexts: [...IN_LOCATION, 'if in location', 'limit_except'],
    args: [1, Infinity],
    syntax: 'path [format] | off',
    fallback: 'logs/access.log combined',
    page: PAGE,
    kind: 'narrower',
    note: 'Lines are written at once: `buffer`, `gzip`, `flush` and `if` are refused, and so are variables and `syslog:`.',
    apply: accessLog,
  },
];

function accessLog(directive: Directive, level: Level): void {
  const [path, format, ...parameters] = directive.args;
  if (path.text === 'off') {
    if (format !== undefined) throw faultAt(format, `invalid parameter "${format.text}"`);
    level.append(ACCESS_LOGS, { path: null, format: '', place: path });
    return;
  }
  refuseDestination(path, directive);
  if (path.text.includes('$')) throw unsupported(path, directive, 'the path of a log holds no variables');
  for (const word of parameters) refuseParameter(word, directive);
  const name = format?.text ?? 'combined';
  if (name !== 'combined' && httpOf(level)?.logFormats.has(name) !== true) {
    if (isParameter(name)) refuseParameter(format, directive);
    throw faultAt(
      format,
      `unknown log format "${name}"`,
      'its log_format has to stand in front of it, in "http"',
    );
  }
  level.append(ACCESS_LOGS, { path: decodeText(path.text), format: name, place: path });
}

function isParameter(text: string): boolean {
  return /^(if|buffer|gzip|flush)(=|$)/.test(text);
}

function refuseParameter(word: Word, directive: Directive): never {
  if (isParameter(word.text)) {
    throw unsupported(word, directive, 'wirehop writes every line at once; leave the parameter out');
  }
  throw faultAt(word, `invalid parameter "${word.text}"`);
}

function refuseDestination(path: Word, directive: Directive): void {
  if (/^(syslog|memory):/.test(path.text))
    throw unsupported(path, directive, 'wirehop logs to files and to stderr');
}

function httpOf(level: Level): HttpLevel | undefined {
  for (let at: Level | null = level; at !== null; at = at.parent)
    if (at.context === 'http') return at as HttpLevel;
  return undefined;
}
