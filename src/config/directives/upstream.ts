/**
 * `upstream` and what stands in it. Decides the grammar of a group of servers; leaves the choice among them to
 * `proxy/balancer.ts`.
 */
import { parseAddress } from '../address.js';
import { UpstreamLevel, type HttpLevel, type UpstreamServerLine } from '../blocks.js';
import { Setting } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseNumber, parseSize, parseTimeMs } from '../units.js';
import { setsNumber, setsTime } from '../values.js';
import { splitParameter } from './listen.js';
import { simple } from './entries.js';

const PAGE = 'http/ngx_http_upstream_module.html';

/** Idle connections kept; `isLocal` keeps those of different locations apart. The default is nginx's since 1.29.7. */
export const POOL = new Setting({ maxIdle: 32, isLocal: true });
export const POOL_REQUESTS = new Setting(1000);
export const POOL_TIME = new Setting(3_600_000);
export const POOL_TIMEOUT = new Setting(60_000);
const ZONE = new Setting('');

export const UPSTREAM_DIRECTIVES: readonly Entry[] = [
  entry<HttpLevel>({
    name: 'upstream',
    contexts: ['http'],
    args: [1, 1],
    isBlock: true,
    syntax: 'name { ... }',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'Weighted round robin, unless a method is named.',
    apply(directive, http, { walk }) {
      const [word] = directive.args;
      const name = word.text.toLowerCase();
      const twin = http.upstreams.find((other) => other.name === name);
      if (twin !== undefined) {
        throw faultAt(
          word,
          `duplicate upstream "${word.text}"`,
          `the first one is in line ${twin.place.line}`,
        );
      }
      // Without a parent: `keepalive_timeout` of http is about the other side.
      const upstream = new UpstreamLevel(directive, name);
      http.upstreams.push(upstream);
      walk(directive.block ?? [], upstream);
      const lines = directive.block?.filter((line) => line.name === 'server').length ?? 0;
      if (lines === 0) throw faultAt(directive, 'no servers are inside upstream');
      checkServers(upstream);
    },
  }),
  entry<UpstreamLevel>({
    name: 'server',
    contexts: ['upstream'],
    args: [1, Infinity],
    syntax:
      'address [weight=number] [max_conns=number] [max_fails=number] [fail_timeout=time] [slow_start=time] [backup] [down] [route=string] [drain] [resolve] [service=name]',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note: 'Without `resolve` a name is resolved once, at the start; every address is a peer.',
    apply(directive, upstream) {
      upstream.servers.push(readServer(directive));
    },
  }),
  {
    name: 'keepalive',
    contexts: ['upstream'],
    args: [1, 2],
    syntax: 'connections [local]',
    fallback: '32 local',
    page: PAGE,
    kind: 'nginx',
    note: '0 keeps none. With `local`, connections are not shared between locations.',
    apply(directive, upstream) {
      const [count, local] = directive.args;
      if (local !== undefined && local.text !== 'local')
        throw faultAt(local, `invalid parameter "${local.text}"`);
      const maxIdle = parseNumber(count.text);
      if (maxIdle === undefined)
        throw faultAt(count, `invalid value "${count.text}" in "keepalive" directive`);
      upstream.set(POOL, { maxIdle, isLocal: local !== undefined }, directive);
    },
  },
  simple({
    name: 'keepalive_requests',
    contexts: ['upstream'],
    syntax: 'number',
    fallback: '1000',
    page: PAGE,
    apply: setsNumber(POOL_REQUESTS),
  }),
  simple({
    name: 'keepalive_time',
    contexts: ['upstream'],
    syntax: 'time',
    fallback: '1h',
    page: PAGE,
    apply: setsTime(POOL_TIME),
  }),
  simple({
    name: 'keepalive_timeout',
    contexts: ['upstream'],
    syntax: 'timeout',
    fallback: '60s',
    page: PAGE,
    apply: setsTime(POOL_TIMEOUT),
  }),
  {
    name: 'zone',
    contexts: ['upstream'],
    args: [1, 2],
    syntax: 'name [size]',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note: 'Accepted with a warning: there is one worker, whose state needs no sharing.',
    apply(directive, upstream, { warn }) {
      const [name, size] = directive.args;
      if (size !== undefined && parseSize(size.text) === undefined)
        throw faultAt(size, `invalid zone size "${size.text}"`);
      upstream.set(ZONE, name.text, directive);
      warn(
        faultAt(
          directive,
          '"zone" has no effect',
          'the state of an upstream is kept per worker, and there is one',
        ),
      );
    },
  },
];

function readServer(directive: Directive): UpstreamServerLine {
  const [word, ...parameters] = directive.args;
  const address = parseAddress(word.text, 'upstream');
  if (typeof address === 'string') throw faultAt(word, `${address} in upstream "${word.text}"`);
  let weight = 1;
  let maxFails = 1;
  let failTimeoutMs = 10_000;
  let slowStartMs = 0;
  let maxConns = 0;
  let backup = false;
  let down = false;
  let drain = false;
  let route = '';
  let isResolved = false;
  let service = '';
  for (const parameter of parameters) {
    const [name, value] = splitParameter(parameter);
    const invalid = (): Error => faultAt(parameter, `invalid parameter "${parameter.text}"`);
    const numeric = (parsed: number | undefined, least: number): number => {
      if (parsed === undefined || parsed < least) throw invalid();
      return parsed;
    };
    if (name === 'weight' && value !== undefined) weight = numeric(parseNumber(value), 1);
    else if (name === 'max_fails' && value !== undefined) maxFails = numeric(parseNumber(value), 0);
    else if (name === 'fail_timeout' && value !== undefined)
      failTimeoutMs = numeric(parseTimeMs(value, 's'), 0);
    else if (name === 'slow_start' && value !== undefined) slowStartMs = numeric(parseTimeMs(value, 's'), 0);
    else if (name === 'max_conns' && value !== undefined) maxConns = numeric(parseNumber(value), 0);
    else if (name === 'route' && value !== undefined) route = checkRoute(parameter, value);
    else if (name === 'service' && value !== undefined && value !== '') service = value;
    else if (parameter.text === 'resolve') isResolved = true;
    else if (parameter.text === 'drain') drain = true;
    else if (parameter.text === 'backup') backup = true;
    else if (parameter.text === 'down') down = true;
    else throw invalid();
  }
  const isName = address.kind === 'host' && address.family === 0;
  if (service !== '') checkService(word, isResolved, address.kind === 'host' ? address.port : 0);
  if (service !== '' && !isName) throw faultAt(word, `service upstream "${word.text}" requires a host name`);
  // nginx too lets a number say "resolve", which changes nothing.
  const resolve = isResolved && isName ? { service } : null;
  return {
    address,
    word,
    weight,
    maxFails,
    failTimeoutMs,
    slowStartMs,
    maxConns,
    backup,
    down,
    drain,
    route,
    resolve,
  };
}

function checkService(word: Word, isResolved: boolean, port: number): void {
  if (!isResolved) throw faultAt(word, `service upstream "${word.text}" requires "resolve" parameter`);
  if (port >= 0) throw faultAt(word, `service upstream "${word.text}" may not have port`);
}

/** nginx's NGX_HTTP_UPSTREAM_SID_LEN. */
const LONGEST_ROUTE = 32;

function checkRoute(parameter: Word, value: string): string {
  if (value.length > LONGEST_ROUTE) throw faultAt(parameter, `route value "${value}" is longer than 32`);
  return value;
}

/**
 * Methods whose places are laid out over all servers at once: a backup would move them, and so would a weight that grows
 * ("cannot be used along with").
 */
const WITHOUT_BACKUPS = new Set(['hash', 'ip_hash', 'random']);

function checkServers({ servers, method }: UpstreamLevel): void {
  if (method === null || !WITHOUT_BACKUPS.has(method.kind)) return;
  const backup = servers.find((line) => line.backup);
  const slow = servers.find((line) => line.slowStartMs > 0);
  if (backup !== undefined) {
    const hint = `"${method.kind}" knows no backup servers`;
    throw faultAt(backup.word, 'balancing method does not support parameter "backup"', hint);
  }
  if (slow !== undefined) {
    const hint = `"${method.kind}" has no use for weights that grow`;
    throw faultAt(slow.word, 'balancing method does not support parameter "slow_start"', hint);
  }
}
