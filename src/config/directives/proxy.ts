/**
 * The proxy module. Decides what of it can be honoured by a proxy that streams; leaves the upstreams' addresses to
 * `build/upstreams.ts` and the fields to `proxy/edits.ts`.
 */
import { splitUri } from '../../proxy/dynamic-pass.js';
import { parseAddress, type Address } from '../address.js';
import type { FieldLine, LocationLevel } from '../blocks.js';
import { Setting, type Level } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { NEXT_ERROR, NEXT_INVALID_HEADER, NEXT_NON_IDEMPOTENT, NEXT_TIMEOUT } from '../../proxy/model.js';
import { setsFlag, setsNumber, setsTime, sizeOf, unsupported } from '../values.js';
import { LARGEST_HEAD_OCTETS } from './connection.js';
import { twoPasses } from './connect.js';
import { IN_LOCATION, simple } from './entries.js';
import { bindEntry, type BindLine } from './proxy-bind.js';
import { PROXY_RESPONSE_DIRECTIVES } from './proxy-response.js';

const PAGE = 'http/ngx_http_proxy_module.html';
const STREAMS = 'Both values stream: nothing is spooled to a disk, and memory is bounded. ';

export const HTTP_VERSION = new Setting<0 | 1>(1);
export const SET_FIELDS = new Setting<readonly FieldLine[]>([]);
export const HIDDEN_FIELDS = new Setting<readonly Word[]>([]);
export const PASSED_FIELDS = new Setting<readonly Word[]>([]);
export const CONNECT_TIMEOUT = new Setting(60_000);
export const READ_TIMEOUT = new Setting(60_000);
export const UPSTREAM_SEND_TIMEOUT = new Setting(60_000);
/** One memory page by nginx's documentation, 4k or 8k: the larger one, as a head that is too large costs a 502. */
export const BUFFER_SIZE = new Setting(8192);
export const NEXT_ON = new Setting(NEXT_ERROR | NEXT_TIMEOUT);
export const NEXT_TRIES = new Setting(0);
export const NEXT_TIME = new Setting(0);
/** Statuses that send a request to the next peer (proxy_next_upstream http_...). */
export const NEXT_STATUSES = new Setting<ReadonlySet<number>>(new Set());
export const METHOD = new Setting<Word | null>(null);
export const BODY = new Setting<Word | null>(null);
export const PASSES_FIELDS = new Setting(true);
export const PASSES_BODY = new Setting(true);
export const BIND = new Setting<BindLine>(null);
export const SOCKET_KEEPALIVE = new Setting(false);
export const BUFFERING = new Setting(true);
const REQUEST_BUFFERING = new Setting(true);

const NEXT_CONDITIONS: Record<string, number> = {
  error: NEXT_ERROR,
  timeout: NEXT_TIMEOUT,
  invalid_header: NEXT_INVALID_HEADER,
  non_idempotent: NEXT_NON_IDEMPOTENT,
  off: 0,
};

export const PROXY_DIRECTIVES: readonly Entry[] = [
  entry<LocationLevel>({
    name: 'proxy_pass',
    contexts: ['location', 'if in location', 'limit_except'],
    args: [1, 1],
    syntax: 'URL',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note:
      'With and without a URI, to a host, a `unix:` socket or an `upstream`; with variables, too. ' +
      'Names are resolved once, at the start; where variables stand in the URL, when a request comes: `resolver` is asked. ' +
      'Without one, a host in front of the variables is resolved at the start; nginx answers 502 then.',
    apply(directive, location) {
      if (location.pass !== null) throw faultAt(directive, '"proxy_pass" directive is duplicate');
      if (location.tunnel !== null) throw twoPasses(directive);
      location.pass = readProxyPass(directive, location);
    },
  }),
  {
    name: 'proxy_http_version',
    contexts: IN_LOCATION,
    args: [1, 1],
    syntax: '1.0 | 1.1 | 2',
    fallback: '1.1',
    page: PAGE,
    kind: 'narrower',
    note: '`2` is refused.',
    apply(directive, level) {
      const [word] = directive.args;
      if (word.text === '2') throw unsupported(word, directive, 'wirehop speaks HTTP/1.1 to upstreams');
      if (word.text !== '1.0' && word.text !== '1.1') throw faultAt(word, `invalid value "${word.text}"`);
      level.set(HTTP_VERSION, word.text === '1.1' ? 1 : 0, directive);
    },
  },
  {
    name: 'proxy_set_header',
    contexts: IN_LOCATION,
    args: [2, 2],
    syntax: 'field value',
    fallback: 'Host $proxy_host',
    page: PAGE,
    kind: 'nginx',
    note:
      'A value that comes out empty sends no field. No Connection field is sent by default, as in nginx since 1.29.7; ' +
      'framing fields are always written by wirehop itself.',
    apply(directive, level) {
      const [name, value] = directive.args;
      level.append(SET_FIELDS, { name, value, always: true, directive });
    },
  },
  simple({
    name: 'proxy_hide_header',
    contexts: IN_LOCATION,
    syntax: 'field',
    fallback: '',
    page: PAGE,
    note: 'Date, Server, X-Pad and X-Accel-... are hidden without it.',
    apply: (directive, level) => level.append(HIDDEN_FIELDS, directive.args[0]),
  }),
  simple({
    name: 'proxy_pass_header',
    contexts: IN_LOCATION,
    syntax: 'field',
    fallback: '',
    page: PAGE,
    apply: (directive, level) => level.append(PASSED_FIELDS, directive.args[0]),
  }),
  simple({
    name: 'proxy_connect_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '60s',
    page: PAGE,
    apply: setsTime(CONNECT_TIMEOUT),
  }),
  simple({
    name: 'proxy_read_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '60s',
    page: PAGE,
    note: 'Also the longest silence of a tunnel, in both directions together.',
    apply: setsTime(READ_TIMEOUT),
  }),
  simple({
    name: 'proxy_send_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '60s',
    page: PAGE,
    apply: setsTime(UPSTREAM_SEND_TIMEOUT),
  }),
  simple({
    name: 'proxy_buffering',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    kind: 'narrower',
    note: STREAMS + 'A response is read as fast as the downstream side takes it.',
    apply: setsFlag(BUFFERING),
  }),
  simple({
    name: 'proxy_request_buffering',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    kind: 'narrower',
    note: STREAMS + 'An upstream is contacted when the head of a request is complete.',
    apply: setsFlag(REQUEST_BUFFERING),
  }),
  simple({
    name: 'proxy_buffer_size',
    contexts: IN_LOCATION,
    syntax: 'size',
    fallback: '4k | 8k',
    page: PAGE,
    note: 'The longest response head; 8k unless set. A longer one is answered 502.',
    apply(directive, level) {
      const octets = sizeOf(directive, directive.args[0]);
      if (octets > LARGEST_HEAD_OCTETS)
        throw unsupported(directive.args[0], directive, 'wirehop reads heads of up to 255k');
      level.set(BUFFER_SIZE, octets, directive);
    },
  }),
  {
    name: 'proxy_next_upstream',
    contexts: IN_LOCATION,
    args: [1, Infinity],
    syntax:
      'error | timeout | invalid_header | http_500 | http_502 | http_503 | http_504 | http_403 | http_404 | http_429 | ' +
      'non_idempotent | off ...',
    fallback: 'error timeout',
    page: PAGE,
    kind: 'narrower',
    note: 'A request whose content has begun to go upstream is not sent again. `denied` is refused.',
    apply: nextUpstream,
  },
  simple({
    name: 'proxy_next_upstream_tries',
    contexts: IN_LOCATION,
    syntax: 'number',
    fallback: '0',
    page: PAGE,
    apply: setsNumber(NEXT_TRIES),
  }),
  simple({
    name: 'proxy_next_upstream_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '0',
    page: PAGE,
    apply: setsTime(NEXT_TIME),
  }),
  simple({
    name: 'proxy_method',
    contexts: IN_LOCATION,
    syntax: 'method',
    fallback: '',
    page: PAGE,
    note: 'A value that comes out as no method leaves the received one.',
    apply: (directive, level) => level.set(METHOD, directive.args[0], directive),
  }),
  simple({
    name: 'proxy_set_body',
    contexts: IN_LOCATION,
    syntax: 'value',
    fallback: '',
    page: PAGE,
    note: "The request's own content is read and dropped.",
    apply: (directive, level) => level.set(BODY, directive.args[0], directive),
  }),
  simple({
    name: 'proxy_pass_request_headers',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    apply: setsFlag(PASSES_FIELDS),
  }),
  simple({
    name: 'proxy_pass_request_body',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    note: 'With `off` Content-Length says that there is no content, whatever `proxy_set_header` says.',
    apply: setsFlag(PASSES_BODY),
  }),
  bindEntry('proxy_bind', BIND, PAGE),
  simple({
    name: 'proxy_socket_keepalive',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    note: "The first probe goes after two hours, which is Linux's default.",
    apply: setsFlag(SOCKET_KEEPALIVE),
  }),
  ...PROXY_RESPONSE_DIRECTIVES,
];

function readProxyPass(directive: Directive, location: LocationLevel): NonNullable<LocationLevel['pass']> {
  const [word] = directive.args;
  const url = word.text;
  const scheme = /^https?:\/\//i.exec(url)?.[0];
  const secure = scheme?.length === 'https://'.length;
  if (url.includes('$')) return { url, isDynamic: true, address: fixedAddress(url), secure, uri: '', word };
  if (scheme === undefined)
    throw faultAt(word, 'invalid URL prefix', 'proxy_pass takes http://host[:port][/uri], or https://');
  const [host, uri] = splitUri(url.slice(scheme.length));
  const address = parseAddress(host, 'upstream');
  if (typeof address === 'string') throw faultAt(word, `${address} in upstream "${host + uri}"`);
  if (uri !== '' && (location.isRegex || location.match === 'named' || location.match === 'unnamed')) {
    throw faultAt(
      directive,
      '"proxy_pass" cannot have URI part in location given by regular expression, ' +
        'or inside named location, or inside "if" statement, or inside "limit_except" block',
      `leave "${uri}" out`,
    );
  }
  return { url, isDynamic: false, address, secure, uri, word };
}

/** The address of a URL with variables in its URI alone; null where it depends on the request. */
function fixedAddress(url: string): Address | null {
  const fixed = /^https?:\/\/([^/?$]+)(?:[/?]|\$\{?(?:request_uri|uri|document_uri)\b)/i.exec(url);
  if (fixed === null || /^unix:/i.test(fixed[1])) return null;
  const address = parseAddress(fixed[1], 'upstream');
  return typeof address === 'string' ? null : address;
}

function nextUpstream(directive: Directive, level: Level): void {
  let conditions = 0;
  const names = directive.args.map((word) => word.text.toLowerCase());
  const statuses = new Set<number>();
  for (const [i, word] of directive.args.entries()) {
    const status = /^http_(500|502|503|504|403|404|429)$/.exec(names[i]);
    if (status !== null) {
      statuses.add(Number(status[1]));
      continue;
    }
    if (names[i] === 'denied') {
      throw unsupported(
        word,
        directive,
        'wirehop refuses no upstream by its answer; leave the condition out',
      );
    }
    if (!Object.hasOwn(NEXT_CONDITIONS, names[i])) throw faultAt(word, `invalid value "${word.text}"`);
    conditions |= NEXT_CONDITIONS[names[i]];
  }
  level.set(NEXT_ON, names.includes('off') ? 0 : conditions, directive);
  level.set(NEXT_STATUSES, names.includes('off') ? new Set() : statuses, directive);
}
