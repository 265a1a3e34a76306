/**
 * `allow`, `deny`, `limit_req`, `limit_conn` and what goes with them. Decides their grammar; leaves the judgement to
 * `proxy/access/`.
 */
import { LOG_LEVELS, type LogLevel } from '../../proxy/model.js';
import { parseNetwork, type Network } from '../../proxy/cidr.js';
import type { HttpLevel } from '../blocks.js';
import { Setting, type Context, type Level } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry, type Walk } from '../table.js';
import { parseNumber, parseSize } from '../units.js';
import { flagOf, numberOf } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';
import { splitParameter } from './listen.js';

/** One `allow` or `deny`. */
export interface AddressRuleLine {
  readonly allows: boolean;
  /** null for all. */
  readonly network: Network | null;
}

/** `limit_req_zone` and `limit_conn_zone`. */
export interface LimitZoneLine {
  readonly key: Word;
  readonly name: string;
  readonly octets: number;
  /** Requests a second, in thousandths; 0 of a zone that counts connections. */
  readonly rate: number;
  readonly place: Directive;
}

/** One `limit_req`. */
export interface RequestLimitLine {
  readonly zone: string;
  readonly burst: number;
  /** Requests above the rate that do not wait. */
  readonly undelayed: number;
  readonly place: Directive;
}

/** One `limit_conn`. */
export interface ConnectionLimitLine {
  readonly zone: string;
  readonly most: number;
  readonly place: Directive;
}

export const ADDRESS_RULES = new Setting<readonly AddressRuleLine[]>([]);
export const REQUEST_LIMITS = new Setting<readonly RequestLimitLine[]>([]);
export const REQUEST_LIMIT_STATUS = new Setting(503);
export const REQUEST_LIMIT_LEVEL = new Setting<LogLevel>('error');
export const REQUEST_LIMIT_DRY_RUN = new Setting(false);
export const CONNECTION_LIMITS = new Setting<readonly ConnectionLimitLine[]>([]);
export const CONNECTION_LIMIT_STATUS = new Setting(503);
export const CONNECTION_LIMIT_LEVEL = new Setting<LogLevel>('error');
export const CONNECTION_LIMIT_DRY_RUN = new Setting(false);

const ACCESS_PAGE = 'http/ngx_http_access_module.html';
const REQUEST_PAGE = 'http/ngx_http_limit_req_module.html';
const CONNECTION_PAGE = 'http/ngx_http_limit_conn_module.html';
const IN_ACCESS: readonly Context[] = [...IN_LOCATION, 'limit_except'];
const PER_WORKER = 'The zone is of one worker: with `worker_processes` N a client may have N times as much.';

export const ACCESS_DIRECTIVES: readonly Entry[] = [
  addressRule('allow', true),
  addressRule('deny', false),
  entry<HttpLevel>({
    name: 'limit_req_zone',
    contexts: ['http'],
    args: [3, 4],
    syntax: 'key zone=name:size rate=rate',
    fallback: '',
    page: REQUEST_PAGE,
    kind: 'narrower',
    note: `${PER_WORKER} \`sync\`, of nginx's commercial version, is refused.`,
    apply(directive, http) {
      addZone(http.requestZones, readZone(directive, true));
    },
  }),
  {
    name: 'limit_req',
    contexts: IN_LOCATION,
    args: [1, 3],
    syntax: 'zone=name [burst=number] [nodelay | delay=number]',
    fallback: '',
    page: REQUEST_PAGE,
    kind: 'nginx',
    note: 'A delay is honoured to within 0.1 s.',
    apply(directive, level) {
      const line = readRequestLimit(directive);
      refuseTwin(level, REQUEST_LIMITS, line);
      level.append(REQUEST_LIMITS, line);
    },
  },
  ...manner('limit_req', REQUEST_PAGE, REQUEST_LIMIT_STATUS, REQUEST_LIMIT_LEVEL, REQUEST_LIMIT_DRY_RUN),
  entry<HttpLevel>({
    name: 'limit_conn_zone',
    contexts: ['http'],
    args: [2, 2],
    syntax: 'key zone=name:size',
    fallback: '',
    page: CONNECTION_PAGE,
    kind: 'narrower',
    note: PER_WORKER,
    apply(directive, http) {
      addZone(http.connectionZones, readZone(directive, false));
    },
  }),
  {
    name: 'limit_conn',
    contexts: IN_LOCATION,
    args: [2, 2],
    syntax: 'zone number',
    fallback: '',
    page: CONNECTION_PAGE,
    kind: 'nginx',
    note: 'A tunnel counts for as long as it is open.',
    apply(directive, level) {
      const [zone, number] = directive.args;
      const most = parseNumber(number.text);
      if (most === undefined || most === 0)
        throw faultAt(number, `invalid number of connections "${number.text}"`);
      if (most > 65535) throw faultAt(number, 'connection limit must be less 65536');
      const line = { zone: zone.text, most, place: directive };
      refuseTwin(level, CONNECTION_LIMITS, line);
      level.append(CONNECTION_LIMITS, line);
    },
  },
  ...manner(
    'limit_conn',
    CONNECTION_PAGE,
    CONNECTION_LIMIT_STATUS,
    CONNECTION_LIMIT_LEVEL,
    CONNECTION_LIMIT_DRY_RUN,
  ),
];

function addressRule(name: 'allow' | 'deny', allows: boolean): Entry {
  return {
    name,
    contexts: IN_ACCESS,
    args: [1, 1],
    syntax: 'address | CIDR | unix: | all',
    fallback: '',
    page: ACCESS_PAGE,
    kind: 'nginx',
    note: '',
    apply(directive, level, { warn }) {
      const [word] = directive.args;
      level.append(ADDRESS_RULES, { allows, network: word.text === 'all' ? null : networkOf(word, warn) });
    },
  };
}

function networkOf(word: Word, warn: Walk['warn']): Network {
  const network = parseNetwork(word.text);
  if (network === undefined) {
    throw faultAt(
      word,
      `invalid parameter "${word.text}"`,
      'an address, a network such as 192.0.2.0/24, or "all"',
    );
  }
  if (!network.isPrecise) warn(faultAt(word, `low address bits of ${word.text} are meaningless`));
  return network;
}

/** `..._status`, `..._log_level` and `..._dry_run`. */
function manner(
  prefix: string,
  page: string,
  status: Setting<number>,
  level: Setting<LogLevel>,
  dryRun: Setting<boolean>,
): Entry[] {
  return [
    simple({
      name: `${prefix}_status`,
      contexts: IN_LOCATION,
      syntax: 'code',
      fallback: '503',
      page,
      apply(directive, on) {
        const value = numberOf(directive, directive.args[0]);
        if (value < 400 || value > 599) throw faultAt(directive.args[0], `value must be between 400 and 599`);
        on.set(status, value, directive);
      },
    }),
    simple({
      name: `${prefix}_log_level`,
      contexts: IN_LOCATION,
      syntax: 'info|notice|warn|error',
      fallback: 'error',
      page,
      apply(directive, on) {
        const [word] = directive.args;
        if (!['info', 'notice', 'warn', 'error'].includes(word.text))
          throw faultAt(word, `invalid value "${word.text}"`);
        on.set(level, LOG_LEVELS[LOG_LEVELS.indexOf(word.text as LogLevel)], directive);
      },
    }),
    simple({
      name: `${prefix}_dry_run`,
      contexts: IN_LOCATION,
      syntax: 'on|off',
      fallback: 'off',
      page,
      apply: (directive, on) => on.set(dryRun, flagOf(directive), directive),
    }),
  ];
}

function readZone(directive: Directive, hasRate: boolean): LimitZoneLine {
  const [key, ...parameters] = directive.args;
  let name = '';
  let octets = 0;
  let rate = 1000;
  for (const word of parameters) {
    const [parameter, value = ''] = splitParameter(word);
    if (parameter === 'zone') [name, octets] = readZoneSize(word, value);
    else if (parameter === 'rate' && hasRate) rate = readRate(word, value);
    else if (word.text === 'sync' && hasRate)
      throw faultAt(
        word,
        `"sync" in "${directive.name}" directive is not supported`,
        'zones are not shared; leave it out',
      );
    else throw faultAt(word, `invalid parameter "${word.text}"`);
  }
  if (name === '')
    throw faultAt(directive, `"${directive.name}" must have "zone" parameter`, 'zone=name:10m');
  return { key, name, octets, rate: hasRate ? rate : 0, place: directive };
}

function readZoneSize(word: Word, value: string): [string, number] {
  const colon = value.indexOf(':');
  const octets = colon < 0 ? undefined : parseSize(value.slice(colon + 1));
  if (colon <= 0 || octets === undefined)
    throw faultAt(word, `invalid zone size "${word.text}"`, 'zone=name:10m');
  // Eight pages, as nginx asks.
  if (octets < 32768) throw faultAt(word, `zone "${value.slice(0, colon)}" is too small`, 'at least 32k');
  return [value.slice(0, colon), octets];
}

function readRate(word: Word, value: string): number {
  const [, digits, unit] = /^([0-9]+)r\/([sm])$/.exec(value) ?? [];
  const requests = digits === undefined ? undefined : parseNumber(digits);
  if (requests === undefined || requests === 0)
    throw faultAt(word, `invalid rate "${word.text}"`, '10r/s or 30r/m');
  return unit === 's' ? requests * 1000 : Math.floor((requests * 1000) / 60);
}

function readRequestLimit(directive: Directive): RequestLimitLine {
  let zone = '';
  let burst = 0;
  let undelayed = 0;
  for (const word of directive.args) {
    const [name, value = ''] = splitParameter(word);
    const number = parseNumber(value);
    if (name === 'zone' && value !== '') zone = value;
    else if (name === 'burst' && number !== undefined && number > 0) burst = number;
    else if (name === 'delay' && number !== undefined && number > 0) undelayed = number;
    else if (name === 'burst') throw faultAt(word, `invalid burst value "${word.text}"`);
    else if (name === 'delay') throw faultAt(word, `invalid delay value "${word.text}"`);
    else if (word.text === 'nodelay') undelayed = Infinity;
    else throw faultAt(word, `invalid parameter "${word.text}"`);
  }
  if (zone === '') throw faultAt(directive, '"limit_req" must have "zone" parameter', 'limit_req zone=name;');
  return { zone, burst, undelayed, place: directive };
}

function addZone(zones: Map<string, LimitZoneLine>, line: LimitZoneLine): void {
  if (zones.has(line.name)) {
    throw faultAt(line.place, `${line.place.name} "${line.name}" is already bound to key`);
  }
  zones.set(line.name, line);
}

function refuseTwin<T extends { readonly zone: string; readonly place: Directive }>(
  level: Level,
  setting: Setting<readonly T[]>,
  line: T,
): void {
  if (level.has(setting) && level.get(setting).some(({ zone }) => zone === line.zone))
    throw faultAt(line.place, `"${line.place.name}" directive is duplicate`);
}
