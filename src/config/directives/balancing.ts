/**
 * How an upstream chooses among its servers: `least_conn`, `ip_hash`, `hash`, `random`, `sticky`. Decides the grammar;
 * leaves the choice to `proxy/balancing/`.
 */
import type { MethodLine, StickyLine, UpstreamLevel } from '../blocks.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry, type Walk } from '../table.js';
import { parseSize, parseTimeMs } from '../units.js';
import { unsupported } from '../values.js';
import { splitParameter } from './listen.js';

const PAGE = 'http/ngx_http_upstream_module.html';
const PER_WORKER = 'What it counts and remembers is kept per worker.';
const SAME_SITE = ['strict', 'lax', 'none'];

function setMethod(upstream: UpstreamLevel, line: MethodLine, warn: Walk['warn']): void {
  if (upstream.method !== null) {
    warn(faultAt(line.place, 'load balancing method redefined', 'the last one holds; keep one of them'));
  }
  upstream.method = line;
}

export const BALANCING_DIRECTIVES: readonly Entry[] = [
  entry<UpstreamLevel>({
    name: 'least_conn',
    contexts: ['upstream'],
    args: [0, 0],
    syntax: '',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: PER_WORKER,
    apply(place, upstream, { warn }) {
      setMethod(upstream, { kind: 'least_conn', place }, warn);
    },
  }),
  entry<UpstreamLevel>({
    name: 'ip_hash',
    contexts: ['upstream'],
    args: [0, 0],
    syntax: '',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'The same client gets the same server as from nginx with the same servers.',
    apply(place, upstream, { warn }) {
      setMethod(upstream, { kind: 'ip_hash', place }, warn);
    },
  }),
  entry<UpstreamLevel>({
    name: 'hash',
    contexts: ['upstream'],
    args: [1, 2],
    syntax: 'key [consistent]',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'The same key gets the same server as from nginx with the same servers.',
    apply(place, upstream, { warn }) {
      const [key, consistent] = place.args;
      if (consistent !== undefined && consistent.text !== 'consistent')
        throw faultAt(consistent, `invalid parameter "${consistent.text}"`, 'the only one is "consistent"');
      setMethod(upstream, { kind: 'hash', key, consistent: consistent !== undefined, place }, warn);
    },
  }),
  entry<UpstreamLevel>({
    name: 'random',
    contexts: ['upstream'],
    args: [0, 2],
    syntax: '[two [least_conn]]',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note: `${PER_WORKER} \`least_time\`, of nginx's commercial version, is refused.`,
    apply(place, upstream, { warn }) {
      const [two, criterion] = place.args;
      if (two !== undefined && two.text !== 'two') throw faultAt(two, `invalid parameter "${two.text}"`);
      if (criterion?.text.startsWith('least_time') === true)
        throw unsupported(criterion, place, 'times are not averaged here; say "least_conn"');
      if (criterion !== undefined && criterion.text !== 'least_conn')
        throw faultAt(criterion, `invalid parameter "${criterion.text}"`);
      setMethod(upstream, { kind: 'random', two: two !== undefined, place }, warn);
    },
  }),
  entry<UpstreamLevel>({
    name: 'sticky',
    contexts: ['upstream'],
    args: [2, Infinity],
    syntax:
      'cookie name [expires=time] [domain=domain] [httponly] [samesite=strict|lax|none|$variable] [secure] [path=path] | route $variable ... | learn create=$variable lookup=$variable zone=name:size [timeout=time] [header]',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note:
      'The sessions of `learn` are known to the worker that learnt them, and are learnt from the head of a response, with ' +
      '`header` or without. Its `sync` is refused.',
    apply(place, upstream) {
      if (upstream.sticky !== null) throw faultAt(place, '"sticky" directive is duplicate');
      upstream.sticky = readSticky(place);
    },
  }),
];

function readSticky(place: Directive): StickyLine {
  const [kind, ...rest] = place.args;
  switch (kind.text) {
    case 'cookie':
      return readCookie(place, rest);
    case 'route': {
      const wrong = rest.find((word) => !/^\$\{?\w+\}?$/.test(word.text));
      if (wrong !== undefined) throw faultAt(wrong, `invalid variable name "${wrong.text}"`);
      return { kind: 'route', variables: rest, place };
    }
    case 'learn':
      return readLearn(place, rest);
    default:
      throw faultAt(kind, `unknown parameter "${kind.text}"`, 'it is "cookie", "route" or "learn"');
  }
}

const SESSION_TIMEOUT_MS = 600_000;
/** nginx's eight pages. */
const LEAST_ZONE_OCTETS = 32_768;

function readLearn(place: Directive, parameters: readonly Word[]): StickyLine {
  const create: Word[] = [];
  const lookup: Word[] = [];
  let octets = 0;
  let timeoutMs = SESSION_TIMEOUT_MS;
  for (const parameter of parameters) {
    const [key, value = ''] = splitParameter(parameter);
    if (key === 'create' || key === 'lookup') {
      if (!/^\$\{?\w+\}?$/.test(value)) throw faultAt(parameter, `invalid variable name "${value}"`);
      (key === 'create' ? create : lookup).push({ ...parameter, text: value });
    } else if (key === 'zone') {
      octets = readZone(parameter, value);
    } else if (key === 'timeout') {
      const time = parseTimeMs(value, 's');
      if (time === undefined) throw faultAt(parameter, `invalid "timeout" value "${value}"`);
      timeoutMs = time;
    } else if (parameter.text === 'sync') {
      throw unsupported(parameter, place, 'zones are not shared; leave it out');
    } else if (parameter.text !== 'header') {
      throw faultAt(parameter, `unknown parameter "${parameter.text}"`);
    }
  }
  for (const [name, isThere] of [
    ['create', create.length > 0],
    ['lookup', lookup.length > 0],
    ['zone', octets > 0],
  ] as const) {
    if (!isThere) throw faultAt(place, `"sticky learn" needs the parameter "${name}"`);
  }
  return { kind: 'learn', create, lookup, octets, timeoutMs, place };
}

function readZone(word: Word, value: string): number {
  const octets = parseSize(/^[^:]+:(.+)$/.exec(value)?.[1] ?? '');
  if (octets === undefined) throw faultAt(word, `invalid zone size "${word.text}"`, 'zone=sessions:1m');
  if (octets < LEAST_ZONE_OCTETS) throw faultAt(word, `zone "${value}" is too small`, 'at least 32k');
  return octets;
}

function readCookie(place: Directive, [name, ...parameters]: readonly Word[]): StickyLine {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name.text))
    throw faultAt(name, name.text === '' ? 'empty cookie name' : `"${name.text}" is not a cookie name`);
  let expires: number | null = null;
  let domain: Word | null = null;
  let path: string | null = null;
  let sameSite: Word | null = null;
  let httpOnly = false;
  let secure = false;
  for (const parameter of parameters) {
    const [key, value] = splitParameter(parameter);
    const wasGiven = { expires, domain, path, samesite: sameSite }[key] ?? null;
    if (wasGiven !== null) throw faultAt(parameter, `parameter "${key}" is duplicate`);
    if (value === '') throw faultAt(parameter, `no value for "${key}"`);
    const word = { ...parameter, text: value ?? '' };
    if (key === 'expires' && value !== undefined) expires = readExpires(parameter, value);
    else if (key === 'domain' && value !== undefined) domain = word;
    else if (key === 'path' && value !== undefined) path = value;
    else if (key === 'samesite' && value !== undefined) sameSite = checkSameSite(word);
    else if (parameter.text === 'httponly') httpOnly = true;
    else if (parameter.text === 'secure') secure = true;
    else throw faultAt(parameter, `unknown parameter "${parameter.text}"`);
  }
  return { kind: 'cookie', name, expires, domain, path: path ?? '', httpOnly, secure, sameSite, place };
}

function readExpires(word: Word, value: string): number {
  if (value === 'max') return Infinity;
  const time = parseTimeMs(value, 's');
  if (time === undefined)
    throw faultAt(word, 'invalid "expires" parameter value', 'a time such as 1h, or "max"');
  return time / 1000;
}

function checkSameSite(word: Word): Word {
  if (word.text.includes('$') || SAME_SITE.includes(word.text.toLowerCase())) return word;
  throw faultAt(word, `invalid "samesite" parameter value "${word.text}"`, `one of ${SAME_SITE.join(', ')}`);
}
