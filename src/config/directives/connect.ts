/**
 * The tunnel module: CONNECT. Decides where `tunnel_pass` may lead and which destinations a client may name; leaves the
 * peers to `build/upstreams.ts` and the rules' meaning to `proxy/destinations.ts`.
 */
import type { DestinationMatch, DestinationRule } from '../../proxy/destinations.js';
import { NEXT_ERROR, NEXT_TIMEOUT } from '../../proxy/model.js';
import { parseNetwork } from '../../proxy/cidr.js';
import { parseAddress } from '../address.js';
import { LocationLevel, type ServerLevel, type TunnelLine } from '../blocks.js';
import { Setting, type Level } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseNumber } from '../units.js';
import { setsFlag, setsNumber, setsTime, sizeOf, unsupported } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';
import { bindEntry, type BindLine } from './proxy-bind.js';

const PAGE = 'http/ngx_http_tunnel_module.html';

export const TUNNEL_CONNECT_TIMEOUT = new Setting(60_000);
export const TUNNEL_READ_TIMEOUT = new Setting(60_000);
export const TUNNEL_SEND_TIMEOUT = new Setting(60_000);
export const TUNNEL_NEXT_ON = new Setting(NEXT_ERROR | NEXT_TIMEOUT);
export const TUNNEL_NEXT_TRIES = new Setting(0);
export const TUNNEL_NEXT_TIME = new Setting(0);
export const TUNNEL_BIND = new Setting<BindLine>(null);
export const TUNNEL_SOCKET_KEEPALIVE = new Setting(false);
export const TUNNEL_RULES = new Setting<readonly DestinationRule[]>([]);
const TUNNEL_BUFFER_SIZE = new Setting(16_384);

const OWN_DESTINATION = '$host:$request_port';

export const CONNECT_DIRECTIVES: readonly Entry[] = [
  entry<ServerLevel | LocationLevel>({
    name: 'tunnel_pass',
    contexts: ['server', 'location', 'if in location', 'limit_except'],
    args: [0, 1],
    syntax: '[address]',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note:
      'CONNECT alone is answered, 405 goes to all else. Without an address, or with variables in it, clients choose where ' +
      'they go: see `tunnel_allow`. Names of theirs are asked of `resolver`.',
    apply(directive, level) {
      if (level.tunnel !== null) throw faultAt(directive, '"tunnel_pass" directive is duplicate');
      level.tunnel = readTunnelPass(directive);
      if (level instanceof LocationLevel && level.pass !== null) throw twoPasses(directive);
    },
  }),
  destinationRule('tunnel_allow', true),
  destinationRule('tunnel_deny', false),
  simple({
    name: 'tunnel_connect_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '60s',
    page: PAGE,
    apply: setsTime(TUNNEL_CONNECT_TIMEOUT),
  }),
  simple({
    name: 'tunnel_read_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '60s',
    page: PAGE,
    note: 'The longest silence of a tunnel, in both directions together.',
    apply: setsTime(TUNNEL_READ_TIMEOUT),
  }),
  simple({
    name: 'tunnel_send_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '60s',
    page: PAGE,
    apply: setsTime(TUNNEL_SEND_TIMEOUT),
  }),
  {
    name: 'tunnel_next_upstream',
    contexts: IN_LOCATION,
    args: [1, Infinity],
    syntax: 'error | timeout | off ...',
    fallback: 'error timeout',
    page: PAGE,
    kind: 'narrower',
    note: "`denied`, of nginx's commercial version, is refused: addresses that rules refuse are left out anyway.",
    apply: nextUpstream,
  },
  simple({
    name: 'tunnel_next_upstream_tries',
    contexts: IN_LOCATION,
    syntax: 'number',
    fallback: '0',
    page: PAGE,
    apply: setsNumber(TUNNEL_NEXT_TRIES),
  }),
  simple({
    name: 'tunnel_next_upstream_timeout',
    contexts: IN_LOCATION,
    syntax: 'time',
    fallback: '0',
    page: PAGE,
    apply: setsTime(TUNNEL_NEXT_TIME),
  }),
  bindEntry('tunnel_bind', TUNNEL_BIND, PAGE),
  simple({
    name: 'tunnel_socket_keepalive',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    note: "The first probe goes after two hours, which is Linux's default.",
    apply: setsFlag(TUNNEL_SOCKET_KEEPALIVE),
  }),
  simple({
    name: 'tunnel_buffer_size',
    contexts: IN_LOCATION,
    syntax: 'size',
    fallback: '16k',
    page: PAGE,
    kind: 'narrower',
    note: 'Read, and without effect: buffers are shared by all tunnels, and grow and shrink with their traffic.',
    apply: (directive, level) =>
      level.set(TUNNEL_BUFFER_SIZE, sizeOf(directive, directive.args[0]), directive),
  }),
];

function readTunnelPass(directive: Directive): TunnelLine {
  const { args } = directive;
  const word: Word = args.length > 0 ? args[0] : { ...directive, text: OWN_DESTINATION, quoted: false };
  const { text } = word;
  if (text.includes('$')) return { word, pass: null };
  const address = parseAddress(text, 'upstream');
  if (typeof address === 'string') throw faultAt(word, `${address} in upstream "${text}"`);
  return { word, pass: { url: `http://${text}`, isDynamic: false, address, secure: false, uri: '', word } };
}

/** nginx takes whichever stands last, without a word. */
export function twoPasses(directive: Directive): Error {
  const hint = 'a location proxies requests or opens tunnels: give CONNECT a server or location of its own';
  return faultAt(directive, '"tunnel_pass" and "proxy_pass" stand in one location', hint);
}

function nextUpstream(directive: Directive, level: Level): void {
  let conditions = 0;
  const names = directive.args.map((word) => word.text.toLowerCase());
  for (const [i, word] of directive.args.entries()) {
    if (names[i] === 'error') conditions |= NEXT_ERROR;
    else if (names[i] === 'timeout') conditions |= NEXT_TIMEOUT;
    else if (names[i] === 'denied')
      throw unsupported(word, directive, 'leave it out: refused addresses are not tried ("tunnel_deny")');
    else if (names[i] !== 'off') throw faultAt(word, `invalid value "${word.text}"`);
  }
  level.set(TUNNEL_NEXT_ON, names.includes('off') ? 0 : conditions, directive);
}

function destinationRule(name: 'tunnel_allow' | 'tunnel_deny', allows: boolean): Entry {
  return {
    name,
    contexts: IN_LOCATION,
    args: [1, Infinity],
    syntax: 'address | CIDR | name | *.name | all [port | port-port ...]',
    fallback: '',
    page: PAGE,
    kind: 'wirehop',
    note:
      'Destinations that clients may name to `tunnel_pass`: the first rule that matches decides, and without one all are ' +
      'allowed. What is on this machine or its link (loopback, link-local, unspecified addresses) is refused unless a ' +
      '`tunnel_allow` says its address, a network of such addresses, or the whole name; clients whose own address is ' +
      'loopback reach loopback without it. See [CONNECT](connect.md).',
    apply(directive, level) {
      const [word, ...ports] = directive.args;
      const rule = { allows, match: readMatch(word), ports: ports.map(readPorts) };
      level.append(TUNNEL_RULES, rule);
    },
  };
}

const NAME = /^(?:\*?\.)?(?:[a-z0-9_-]+\.)*[a-z0-9_-]+$/;

function readMatch(word: Word): DestinationMatch {
  const text = word.text.toLowerCase();
  if (text === 'all') return { kind: 'all' };
  const network = parseNetwork(text.replace(/^\[(.*)\]$/, '$1'));
  if (network !== undefined && network.base !== '') return { kind: 'network', network };
  if (!NAME.test(text)) {
    const hint = 'an address, a network such as 192.0.2.0/24, a name, *.example.org, or "all"';
    throw faultAt(word, `invalid destination "${word.text}"`, hint);
  }
  return /^\*?\./.test(text)
    ? { kind: 'suffix', suffix: text.replace(/^\*/, '') }
    : { kind: 'name', name: text };
}

function readPorts(word: Word): readonly [number, number] {
  const [, from, to = from] = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(word.text) ?? [];
  const [first, last] = [parseNumber(from ?? '') ?? 0, parseNumber(to ?? '') ?? 0];
  if (first < 1 || last < first || last > 65_535)
    throw faultAt(
      word,
      `invalid port "${word.text}"`,
      'ports stand behind the destination: 443, or 8000-8999',
    );
  return [first, last];
}
