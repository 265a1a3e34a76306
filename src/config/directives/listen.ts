/**
 * `listen`: an address and its parameters. Decides what each says of the socket; what Node cannot set is refused where a
 * client or another program could tell, and left out with a warning where only speed or memory is at stake.
 */
import { parseAddress } from '../address.js';
import type { ListenLine } from '../blocks.js';
import type { ConfigError } from '../../error.js';
import { decodeText, faultAt, type Directive, type Word } from '../syntax.js';
import { parseNumber, parseSize, parseTimeMs } from '../units.js';
import { unsupported } from '../values.js';

export const LISTEN_SYNTAX =
  'address[:port] | port | unix:path [default_server] [ssl] [proxy_protocol] [bind] [backlog=number] ' +
  '[ipv6only=on|off] [so_keepalive=on|off|keepidle::] [reuseport] [deferred] [fastopen=number] [rcvbuf=size] ' +
  '[sndbuf=size]';

export const LISTEN_NOTE =
  '`so_keepalive` takes a time for the first probe alone. `reuseport`, `deferred`, `fastopen`, `rcvbuf` and `sndbuf` have ' +
  'no effect and are warned of: Node cannot set them, and what is answered does not depend on them. The other parameters ' +
  'are refused, each with its reason.';

/** Parameters that nginx has and wirehop does not, and what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  http2: 'wirehop speaks HTTP/1.1',
  http3: 'wirehop speaks HTTP/1.1',
  quic: 'wirehop speaks HTTP/1.1',
  spdy: 'wirehop speaks HTTP/1.1',
  setfib: 'Node cannot set a routing table; leave it out',
  accept_filter: 'it is of FreeBSD alone, and Node cannot set it; leave it out',
  multipath: 'Node knows TCP alone; leave it out',
};

/** Parameters without effect, and why nothing is lost. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  reuseport: 'workers share one socket, and even out among themselves who accepts',
  deferred: 'Node cannot set it: a connection is accepted before its first octets have come',
  fastopen: 'Node cannot set it: clients connect in the usual three steps',
  rcvbuf: 'Node cannot set it: the system sizes the buffer',
  sndbuf: 'Node cannot set it: the system sizes the buffer',
};

/** The first probe where nobody says when: Linux's default. */
const PROBE_AFTER_S = 7200;

/** What parameters say; `undefined` for the system's default. */
type Options = { -readonly [K in keyof Omit<ListenLine, 'address' | 'word'>]: ListenLine[K] };

/** Reads a `listen`. @param warn is told of parameters without effect. Throws a ConfigError. */
export function readListen(directive: Directive, warn: (warning: ConfigError) => void): ListenLine {
  const [word, ...parameters] = directive.args;
  const address = parseAddress(word.text, 'listen');
  if (typeof address === 'string')
    throw faultAt(word, `${address} in "${word.text}" of the "listen" directive`);
  const options: Options = {
    isDefault: false,
    ssl: false,
    proxyProtocol: false,
    backlog: undefined,
    ipv6Only: undefined,
    keepAliveS: undefined,
  };
  for (const parameter of parameters) {
    const [name, value] = splitParameter(parameter);
    if (Object.hasOwn(WITHOUT_EFFECT, name)) {
      checkUnused(name, value, parameter);
      warn(
        faultAt(
          parameter,
          `"${parameter.text}" of "listen" is accepted without effect`,
          WITHOUT_EFFECT[name],
        ),
      );
    } else if (Object.hasOwn(REFUSED, name)) {
      throw unsupported(parameter, directive, REFUSED[name]);
    } else if (value === undefined) {
      setFlag(options, parameter);
    } else if (name === 'ipv6only' && (address.kind !== 'host' || address.family !== 6)) {
      throw faultAt(parameter, `ipv6only is not supported on addr "${word.text}", ignored`, 'leave it out');
    } else {
      setValue(options, name, value, parameter);
    }
  }
  return { address, word: { ...word, text: decodeText(word.text) }, ...options };
}

function setFlag(options: Options, parameter: Word): void {
  switch (parameter.text) {
    case 'default_server':
    case 'default':
      options.isDefault = true;
      return;
    case 'ssl':
      options.ssl = true;
      return;
    case 'proxy_protocol':
      options.proxyProtocol = true;
      return;
    case 'bind':
      // An address on its own always has a socket on its own; beside the wildcard of its port neither nginx's nor
      // wirehop's answers show which socket took a connection.
      return;
    default:
      throw invalid(parameter);
  }
}

function setValue(options: Options, name: string, value: string, parameter: Word): void {
  switch (name) {
    case 'backlog':
      options.backlog = parseNumber(value);
      if (options.backlog === undefined || options.backlog === 0)
        throw faultAt(parameter, `invalid backlog "${parameter.text}"`);
      return;
    case 'ipv6only':
      if (value !== 'on' && value !== 'off') throw faultAt(parameter, `invalid ipv6only flags "${value}"`);
      options.ipv6Only = value === 'on';
      return;
    case 'so_keepalive':
      options.keepAliveS = readKeepAlive(value, parameter);
      return;
    default:
      throw invalid(parameter);
  }
}

/** Seconds of silence before the first probe; 0 for none. */
function readKeepAlive(value: string, parameter: Word): number {
  if (value === 'on') return PROBE_AFTER_S;
  if (value === 'off') return 0;
  const [idle, interval, count, ...more] = value.split(':');
  const idleMs = idle === '' ? PROBE_AFTER_S * 1000 : parseTimeMs(idle, 's');
  const isWrong =
    interval === undefined || more.length > 0 || idleMs === undefined || idleMs === 0 || value === '::';
  if (isWrong) throw faultAt(parameter, `invalid so_keepalive value: "${value}"`);
  if (interval !== '' || (count !== undefined && count !== '')) {
    const hint = `Node sets the time of the first probe alone: write so_keepalive=${idle === '' ? '2h' : idle}::`;
    throw faultAt(parameter, `"${parameter.text}" of "listen" is not supported`, hint);
  }
  return Math.ceil(idleMs / 1000);
}

/** What has no effect has to be right all the same. */
function checkUnused(name: string, value: string | undefined, parameter: Word): void {
  const isRight =
    name === 'reuseport' || name === 'deferred'
      ? value === undefined
      : name === 'fastopen'
        ? parseNumber(value ?? '') !== undefined
        : parseSize(value ?? '') !== undefined;
  if (!isRight) throw invalid(parameter);
}

function invalid(parameter: Word): Error {
  return faultAt(parameter, `invalid parameter "${parameter.text}"`);
}

/** `name=value`, or a bare name. */
export function splitParameter(word: Word): [string, string | undefined] {
  const equals = word.text.indexOf('=');
  return equals < 0 ? [word.text, undefined] : [word.text.slice(0, equals), word.text.slice(equals + 1)];
}
