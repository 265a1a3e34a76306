/**
 * `error_log`, `access_log`, `log_format`. Decides which logs hold on a level; leaves the files to the caller of the
 * compiler.
 */
import { LOG_LEVELS, type LogCacheRules, type LogLevel } from '../../proxy/model.js';
import type { AccessLogLine, ErrorLogLine, HttpLevel, LogDestination } from '../blocks.js';
import { Setting, type Level } from '../level.js';
import { decodeText, faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseNumber, parseSize, parseTimeMs } from '../units.js';
import { unsupported } from '../values.js';
import { IN_LOCATION } from './entries.js';
import { splitParameter } from './listen.js';
import { readSyslog } from './syslog.js';

const PAGE = 'http/ngx_http_log_module.html';

export const ERROR_LOGS = new Setting<readonly ErrorLogLine[]>([]);
export const ACCESS_LOGS = new Setting<readonly AccessLogLine[]>([]);

/** null: no file is kept open. */
export const LOG_CACHE = new Setting<LogCacheRules | null>(null);

const ESCAPES = ['default', 'json', 'none'] as const;

export const LOG_DIRECTIVES: readonly Entry[] = [
  {
    name: 'error_log',
    contexts: ['main', ...IN_LOCATION],
    args: [1, 2],
    syntax: 'file|stderr|syslog:server=address[,parameter=value] [level]',
    fallback: 'logs/error.log error',
    page: 'ngx_core_module.html',
    kind: 'narrower',
    note: '`memory:` and syslog servers on unix sockets are refused.',
    apply(directive, level) {
      const [path, severity] = directive.args;
      if (severity !== undefined && !LOG_LEVELS.includes(severity.text as LogLevel)) {
        throw faultAt(severity, `invalid log level "${severity.text}"`, `one of ${LOG_LEVELS.join(', ')}`);
      }
      const logLevel = (severity?.text ?? 'error') as LogLevel;
      const destination = readDestination(path, directive);
      level.append(ERROR_LOGS, { destination, level: logLevel, place: path });
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
    syntax: 'path [format [buffer=size] [flush=time] [if=condition]] | off',
    fallback: 'logs/access.log combined',
    page: PAGE,
    kind: 'narrower',
    note: '`path` may be `syslog:server=address`. With variables in it, a name that comes out with a `..` is not written to, and `root` need not exist. `gzip` and syslog servers on unix sockets are refused.',
    apply: accessLog,
  },
  {
    name: 'open_log_file_cache',
    contexts: IN_LOCATION,
    args: [1, 4],
    syntax: 'max=N [inactive=time] [min_uses=N] [valid=time] | off',
    fallback: 'off',
    page: PAGE,
    kind: 'nginx',
    note: 'For logs with variables in their names.',
    apply: (directive, level) => level.set(LOG_CACHE, readCache(directive), directive),
  },
];

function accessLog(directive: Directive, level: Level): void {
  const [path, format, ...parameters] = directive.args;
  if (path.text === 'off') {
    if (format !== undefined) throw faultAt(format, `invalid parameter "${format.text}"`);
    level.append(ACCESS_LOGS, { destination: null, format: '', buffer: null, condition: null, place: path });
    return;
  }
  const destination = readDestination(path, directive);
  const isNamed = typeof destination === 'string' && path.text.includes('$');
  if (typeof destination !== 'string' && path.text.includes('$'))
    throw unsupported(path, directive, 'the address of a syslog server holds no variables');
  const name = format?.text ?? 'combined';
  if (name !== 'combined' && httpOf(level)?.logFormats.has(name) !== true) {
    const hint = /^(if|buffer|gzip|flush)(=|$)/.test(name)
      ? `a format comes in front of it: access_log ${path.text} combined ${name};`
      : 'its log_format has to stand in front of it, in "http"';
    throw faultAt(format, `unknown log format "${name}"`, hint);
  }
  const line: AccessLogLine = {
    destination,
    format: name,
    ...readParameters(directive, parameters),
    place: path,
  };
  if (typeof destination !== 'string' && line.buffer !== null)
    throw faultAt(path, 'logs to syslog cannot be buffered');
  if (isNamed && line.buffer !== null) throw faultAt(path, 'buffered logs cannot have variables in name');
  level.append(ACCESS_LOGS, line);
}

function readParameters(
  directive: Directive,
  parameters: readonly Word[],
): Pick<AccessLogLine, 'buffer' | 'condition'> {
  let octets: number | undefined;
  let flushMs: number | undefined;
  let condition: Word | null = null;
  for (const word of parameters) {
    const [name, value] = splitParameter(word);
    if (name === 'buffer' && value !== undefined) {
      octets = parseSize(value);
      if (octets === undefined || octets === 0) throw faultAt(word, `invalid buffer size "${value}"`);
    } else if (name === 'flush' && value !== undefined) {
      flushMs = parseTimeMs(value);
      if (flushMs === undefined || flushMs === 0) throw faultAt(word, `invalid flush time "${value}"`);
    } else if (name === 'if' && value !== undefined) {
      condition = { ...word, text: value };
    } else if (name === 'gzip') {
      throw unsupported(word, directive, 'logs are not compressed; compress them when they are rotated');
    } else {
      throw faultAt(word, `invalid parameter "${word.text}"`);
    }
  }
  if (flushMs !== undefined && octets === undefined)
    throw faultAt(directive, `no buffer is defined for access_log "${directive.args[0].text}"`);
  // nginx flushes at no time of its own.
  return { buffer: octets === undefined ? null : { octets, flushMs: flushMs ?? Infinity }, condition };
}

function readCache(directive: Directive): LogCacheRules | null {
  if (directive.args[0].text === 'off' && directive.args.length === 1) return null;
  const rules: Record<keyof LogCacheRules, number> = {
    max: 0,
    inactiveMs: 10_000,
    minUses: 1,
    validMs: 60_000,
  };
  for (const word of directive.args) {
    const [name, value = ''] = splitParameter(word);
    const number = name === 'max' || name === 'min_uses' ? parseNumber(value) : parseTimeMs(value, 's');
    if (number === undefined || number === 0 || !Object.hasOwn(CACHE_PARAMETERS, name))
      throw faultAt(word, `invalid "open_log_file_cache" parameter "${word.text}"`);
    rules[CACHE_PARAMETERS[name]] = number;
  }
  if (rules.max === 0) throw faultAt(directive, '"open_log_file_cache" must have "max" parameter');
  return rules;
}

const CACHE_PARAMETERS: Readonly<Record<string, keyof LogCacheRules>> = {
  max: 'max',
  inactive: 'inactiveMs',
  min_uses: 'minUses',
  valid: 'validMs',
};

function readDestination(word: Word, directive: Directive): LogDestination {
  if (word.text.startsWith('memory:'))
    throw unsupported(word, directive, 'wirehop logs to files, stderr and syslog');
  return word.text.startsWith('syslog:') ? readSyslog(word, directive) : decodeText(word.text);
}

function httpOf(level: Level): HttpLevel | undefined {
  for (let at: Level | null = level; at !== null; at = at.parent)
    if (at.context === 'http') return at as HttpLevel;
  return undefined;
}
