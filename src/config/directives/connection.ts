/**
 * Directives about the downstream side: deadlines, limits, persistent connections. Each sets one thing.
 */
import type { Browser } from '../../proxy/browsers.js';
import { Setting } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import type { Entry } from '../table.js';
import { parseFlag } from '../units.js';
import {
  numberOf,
  secondsOf,
  setsFlag,
  setsNumber,
  setsSize,
  setsTime,
  sizeOf,
  timeOf,
  unsupported,
} from '../values.js';
import { IN_HTTP, IN_LOCATION, simple } from './entries.js';

const PAGE = 'http/ngx_http_core_module.html';

/** nginx's default for nearly every wait: a minute. */
const MINUTE_MS = 60_000;

/**
 * The longest head that can be configured: what the parser has room for (`LARGEST_HEAD_OCTETS` in wire/, which this room
 * does not know; a test holds the two together).
 */
export const LARGEST_HEAD_OCTETS = 262_080;

export const HEADER_TIMEOUT = new Setting(MINUTE_MS);
export const BODY_TIMEOUT = new Setting(MINUTE_MS);
export const SEND_TIMEOUT = new Setting(MINUTE_MS);
export const KEEPALIVE_TIMEOUT = new Setting(75_000);
/** Seconds that a Keep-Alive field names; 0 for no such field. */
export const KEEPALIVE_FIELD = new Setting(0);
export const KEEPALIVE_REQUESTS = new Setting(1000);
export const KEEPALIVE_TIME = new Setting(3_600_000);
export const MAX_BODY_SIZE = new Setting(1024 * 1024);
export const HEADER_BUFFER_SIZE = new Setting(1024);
export const LARGE_HEADER_BUFFERS = new Setting({ count: 4, octets: 8192 });
/** Browsers whose connections close behind an answer. */
export const KEEPALIVE_DISABLE = new Setting<ReadonlySet<Browser>>(new Set());
export const MAX_HEADERS = new Setting(1000);
export const KEEPALIVE_MIN_TIMEOUT = new Setting(0);
export const LINGERING_CLOSE = new Setting<'on' | 'always' | 'off'>('on');
export const LINGERING_TIME = new Setting(30_000);
export const LINGERING_TIMEOUT = new Setting(5_000);
export const RESET_TIMED_OUT = new Setting(false);
export const MERGE_SLASHES = new Setting(true);
export const SERVER_TOKENS = new Setting(true);
export const UNDERSCORES = new Setting(false);
export const IGNORE_INVALID = new Setting(true);
export const IGNORE_MISSING_CR = new Setting(false);

/** A size that a head must have room for. */
function lineSizeOf(directive: Directive, word: Word): number {
  const octets = sizeOf(directive, word);
  if (octets > LARGEST_HEAD_OCTETS) throw unsupported(word, directive, 'wirehop reads heads of up to 255k');
  return octets;
}

export const CONNECTION_DIRECTIVES: readonly Entry[] = [
  simple({
    name: 'client_header_timeout',
    contexts: IN_HTTP,
    syntax: 'time',
    fallback: '60s',
    page: PAGE,
    apply: setsTime(HEADER_TIMEOUT),
  }),
  simple({
    name: 'client_body_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '60s',
    page: PAGE,
    apply: setsTime(BODY_TIMEOUT),
  }),
  simple({
    name: 'send_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '60s',
    page: PAGE,
    apply: setsTime(SEND_TIMEOUT),
  }),
  {
    name: 'keepalive_timeout',
    contexts: IN_LOCATION,
    args: [1, 2],
    syntax: 'timeout [header_timeout]',
    fallback: '75s',
    page: PAGE,
    kind: 'nginx',
    note: 'The second argument is sent as `Keep-Alive: timeout=time` with each answer that keeps the connection.',
    apply(directive, level) {
      const [timeout, field] = directive.args;
      level.set(KEEPALIVE_TIMEOUT, timeOf(directive, timeout), directive);
      // nginx keeps this one in seconds, and inherits it by itself.
      if (field !== undefined) level.set(KEEPALIVE_FIELD, secondsOf(directive, field), directive);
    },
  },
  simple({
    name: 'keepalive_requests',
    contexts: IN_LOCATION,
    syntax: 'number',
    fallback: '1000',
    page: PAGE,
    apply: setsNumber(KEEPALIVE_REQUESTS),
  }),
  simple({
    name: 'keepalive_time',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '1h',
    page: PAGE,
    apply: setsTime(KEEPALIVE_TIME),
  }),
  simple({
    name: 'keepalive_min_timeout',
    contexts: IN_LOCATION,
    syntax: 'timeout',
    fallback: '0',
    page: PAGE,
    note: 'A connection whose last answer went out less than 100 ms ago is not closed by a drain in any case.',
    apply: setsTime(KEEPALIVE_MIN_TIMEOUT),
  }),
  simple({
    name: 'client_max_body_size',
    contexts: IN_LOCATION,
    syntax: 'size',
    fallback: '1m',
    page: PAGE,
    note: '0 turns the check off.',
    apply: setsSize(MAX_BODY_SIZE, true),
  }),
  simple({
    name: 'client_header_buffer_size',
    contexts: IN_HTTP,
    syntax: 'size',
    fallback: '1k',
    page: PAGE,
    note:
      'Where it is larger than one of `large_client_header_buffers`, a line may be as long as this, and a head as ' +
      'long as all of them together.',
    apply(directive, level) {
      level.set(HEADER_BUFFER_SIZE, lineSizeOf(directive, directive.args[0]), directive);
    },
  }),
  {
    name: 'large_client_header_buffers',
    contexts: IN_HTTP,
    args: [2, 2],
    syntax: 'number size',
    fallback: '4 8k',
    page: PAGE,
    kind: 'nginx',
    note: '`size` bounds the request line (414) and each field line (431); their product, and 255k, bound the head (431).',
    apply(directive, level, { warn }) {
      const count = numberOf(directive, directive.args[0]);
      const octets = lineSizeOf(directive, directive.args[1]);
      if (count === 0 || octets === 0)
        throw faultAt(directive, `"${directive.name}" directive invalid value`);
      if (count * octets > LARGEST_HEAD_OCTETS) {
        const text = `a head is never longer than ${LARGEST_HEAD_OCTETS} octets`;
        warn(faultAt(directive, text, `${count} lines of ${octets} octets do not fit`));
      }
      level.set(LARGE_HEADER_BUFFERS, { count, octets }, directive);
    },
  },
  simple({
    name: 'max_headers',
    contexts: IN_HTTP,
    syntax: 'number',
    fallback: '1000',
    page: PAGE,
    apply: setsNumber(MAX_HEADERS),
  }),
  {
    name: 'keepalive_disable',
    contexts: IN_LOCATION,
    args: [1, Infinity],
    syntax: 'none | browser ...',
    fallback: 'none',
    page: PAGE,
    kind: 'narrower',
    note: "nginx's default is `msie6`: POST requests of Internet Explorer up to 6, which nobody uses any more.",
    apply(directive, level) {
      const browsers = new Set<Browser>();
      for (const word of directive.args) {
        const { text } = word;
        if (text === 'none') browsers.clear();
        else if (text === 'msie6' || text === 'safari') browsers.add(text);
        else throw faultAt(word, `invalid value "${text}"`, 'one of none, msie6, safari');
      }
      level.set(KEEPALIVE_DISABLE, browsers, directive);
    },
  },
  {
    name: 'lingering_close',
    contexts: IN_LOCATION,
    args: [1, 1],
    syntax: 'on | always | off',
    fallback: 'on',
    page: PAGE,
    kind: 'nginx',
    note: 'A request that was given up for being too slow is never waited for.',
    apply(directive, level) {
      const [{ text }] = directive.args;
      if (text !== 'on' && text !== 'always' && text !== 'off')
        throw faultAt(directive.args[0], `invalid value "${text}"`);
      level.set(LINGERING_CLOSE, text, directive);
    },
  },
  simple({
    name: 'lingering_time',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '30s',
    page: PAGE,
    note: 'Also bounds how long content is read and dropped that an answer has made useless.',
    apply: setsTime(LINGERING_TIME),
  }),
  simple({
    name: 'lingering_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '5s',
    page: PAGE,
    apply: setsTime(LINGERING_TIMEOUT),
  }),
  simple({
    name: 'reset_timedout_connection',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    note: 'A message whose end shows only in the end of its connection is cut off by a reset in either case.',
    apply: setsFlag(RESET_TIMED_OUT),
  }),
  simple({
    name: 'merge_slashes',
    contexts: IN_HTTP,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    apply: setsFlag(MERGE_SLASHES),
  }),
  simple({
    name: 'underscores_in_headers',
    contexts: IN_HTTP,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    apply: setsFlag(UNDERSCORES),
  }),
  simple({
    name: 'ignore_invalid_headers',
    contexts: IN_HTTP,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    kind: 'narrower',
    note: 'With `off` names that are tokens (RFC 9110) pass; any other name is answered 400 in either case.',
    apply: setsFlag(IGNORE_INVALID),
  }),
  simple({
    name: 'ignore_missing_cr',
    contexts: [...IN_HTTP, 'upstream'],
    syntax: 'on | off',
    fallback: 'off',
    page: '',
    kind: 'wirehop',
    note:
      'A bare LF ends a line of a head (RFC 9112 2.2); what goes on always has CRLF. In `server` it is about requests, and ' +
      'its default server speaks for a listening address; in `upstream` about responses; in `http` about both. Lines of ' +
      'chunks stay strict. Without it a bare LF is refused.',
    apply: setsFlag(IGNORE_MISSING_CR),
  }),
  simple({
    name: 'server_tokens',
    contexts: IN_LOCATION,
    syntax: 'on | off | build | string',
    fallback: 'on',
    page: PAGE,
    kind: 'narrower',
    note: '`on` and `off` only.',
    apply(directive, level) {
      const tokens = parseFlag(directive.args[0].text);
      if (tokens === undefined)
        throw unsupported(directive.args[0], directive, 'wirehop knows "on" and "off"');
      level.set(SERVER_TOKENS, tokens, directive);
    },
  }),
];
