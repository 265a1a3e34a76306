/**
 * Directives about the downstream side: deadlines, limits, persistent connections. Each sets one thing.
 */
import { Setting } from '../level.js';
import { faultAt } from '../syntax.js';
import type { Entry } from '../table.js';
import { parseFlag } from '../units.js';
import {
  numberOf,
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

export const HEADER_TIMEOUT = new Setting(MINUTE_MS);
export const BODY_TIMEOUT = new Setting(MINUTE_MS);
export const SEND_TIMEOUT = new Setting(MINUTE_MS);
export const KEEPALIVE_TIMEOUT = new Setting(75_000);
export const KEEPALIVE_REQUESTS = new Setting(1000);
export const KEEPALIVE_TIME = new Setting(3_600_000);
export const MAX_BODY_SIZE = new Setting(1024 * 1024);
export const HEADER_BUFFER_SIZE = new Setting(1024);
export const LARGE_HEADER_BUFFERS = new Setting({ count: 4, octets: 8192 });
export const MAX_HEADERS = new Setting(1000);
export const MERGE_SLASHES = new Setting(true);
export const SERVER_TOKENS = new Setting(true);
export const UNDERSCORES = new Setting(false);
export const IGNORE_INVALID = new Setting(true);

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
    kind: 'narrower',
    note: 'The second argument, which sends a `Keep-Alive` field, is refused.',
    apply(directive, level) {
      const [timeout, header] = directive.args;
      level.set(KEEPALIVE_TIMEOUT, timeOf(directive, timeout), directive);
      if (header !== undefined) {
        throw unsupported(
          header,
          directive,
          'wirehop sends no Keep-Alive field: leave the second argument out',
        );
      }
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
    note: 'Where it is larger than one of `large_client_header_buffers`, a line may be as long as this.',
    apply: setsSize(HEADER_BUFFER_SIZE),
  }),
  {
    name: 'large_client_header_buffers',
    contexts: IN_HTTP,
    args: [2, 2],
    syntax: 'number size',
    fallback: '4 8k',
    page: PAGE,
    kind: 'nginx',
    note: '`size` bounds the request line (414) and each field line (400); their product bounds the head (400).',
    apply(directive, level) {
      const count = numberOf(directive, directive.args[0]);
      const octets = sizeOf(directive, directive.args[1]);
      if (count === 0 || octets === 0)
        throw faultAt(directive, `"${directive.name}" directive invalid value`);
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
