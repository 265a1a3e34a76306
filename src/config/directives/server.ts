/**
 * `server` in `http`, `listen`, `server_name`. Decides what a listening address is; leaves to `build/listeners.ts` which
 * servers share one.
 */
import { parseAddress } from '../address.js';
import { ServerLevel, type HttpLevel, type ListenLine } from '../blocks.js';
import { decodeText, faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseNumber } from '../units.js';
import { unsupported } from '../values.js';

const PAGE = 'http/ngx_http_core_module.html';

/** Parameters of `listen` that nginx has and wirehop does not, and what to do instead. */
const REFUSED_PARAMETERS: Record<string, string> = {
  http2: 'wirehop speaks HTTP/1.1',
  http3: 'wirehop speaks HTTP/1.1',
  quic: 'wirehop speaks HTTP/1.1',
  spdy: 'wirehop speaks HTTP/1.1',
  setfib: 'Node cannot set it on a socket',
  fastopen: 'Node cannot set it on a socket',
  rcvbuf: 'Node cannot set it on a listening socket',
  sndbuf: 'Node cannot set it on a listening socket',
  accept_filter: 'Node cannot set it on a socket',
  deferred: 'Node cannot set it on a socket',
  bind: 'every address is bound on its own; leave it out',
  reuseport: 'workers share one socket and even out who accepts; leave it out',
  multipath: 'Node cannot set it on a socket',
  so_keepalive: 'it cannot be set on accepted connections yet; leave it out',
};

export const SERVER_DIRECTIVES: readonly Entry[] = [
  entry<HttpLevel>({
    name: 'server',
    contexts: ['http'],
    args: [0, 0],
    isBlock: true,
    syntax: '{ ... }',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: '',
    apply(directive, http, { walk }) {
      const server = new ServerLevel(http, directive);
      http.servers.push(server);
      walk(directive.block ?? [], server);
    },
  }),
  entry<ServerLevel>({
    name: 'listen',
    contexts: ['server'],
    args: [1, Infinity],
    syntax:
      'address[:port] | port | unix:path [default_server] [ssl] [proxy_protocol] [backlog=number] [ipv6only=on|off]',
    fallback: '*:80 | *:8000',
    page: PAGE,
    kind: 'narrower',
    note: 'The other parameters are refused, each with its reason.',
    apply(directive, server) {
      server.listens.push(readListen(directive));
    },
  }),
  entry<ServerLevel>({
    name: 'server_name',
    contexts: ['server'],
    args: [1, Infinity],
    syntax: 'name ...',
    fallback: '""',
    page: PAGE,
    kind: 'nginx',
    note: 'Exact names, `*.example.org`, `.example.org`, `www.example.*`, `~regex`, `""`, `$hostname`.',
    apply(directive, server, { environment, warn }) {
      for (const word of directive.args) {
        const text = word.text === '$hostname' ? environment.hostName.toLowerCase() : word.text;
        if (text.startsWith('~')) {
          if (text === '~') throw faultAt(word, `empty regex in server name "${word.text}"`);
        } else if (!isName(text)) {
          throw faultAt(word, `server name "${word.text}" is invalid`);
        } else if (text.includes('/')) {
          warn(faultAt(word, `server name "${word.text}" has suspicious symbols`));
        }
        // Regular expressions keep their case: a class such as \D is not \d.
        server.names.push({ ...word, text: text.startsWith('~') ? text : text.toLowerCase() });
      }
    },
  }),
];

/** A "*" is a whole label, at one end, once; a leading "." stands for "*." and the name itself. */
function isName(text: string): boolean {
  if (text === '' || text === '_') return true;
  const name = text.startsWith('*.') ? text.slice(2) : text.startsWith('.') ? text.slice(1) : text;
  const core = name.endsWith('.*') && name === text ? name.slice(0, -2) : name;
  return (
    core !== '' &&
    !core.includes('*') &&
    !core.startsWith('.') &&
    !core.includes('..') &&
    !core.includes('\0')
  );
}

function readListen(directive: Directive): ListenLine {
  const [word, ...parameters] = directive.args;
  const address = parseAddress(word.text, 'listen');
  if (typeof address === 'string')
    throw faultAt(word, `${address} in "${word.text}" of the "listen" directive`);
  let isDefault = false;
  let backlog: number | undefined;
  let ipv6Only: boolean | undefined;
  let ssl = false;
  let proxyProtocol = false;
  for (const parameter of parameters) {
    const [name, value] = splitParameter(parameter);
    if (parameter.text === 'default_server' || parameter.text === 'default') {
      isDefault = true;
    } else if (parameter.text === 'ssl') {
      ssl = true;
    } else if (parameter.text === 'proxy_protocol') {
      proxyProtocol = true;
    } else if (name === 'backlog' && value !== undefined) {
      backlog = parseNumber(value);
      if (backlog === undefined || backlog === 0)
        throw faultAt(parameter, `invalid backlog "${parameter.text}"`);
    } else if (name === 'ipv6only' && value !== undefined) {
      if (value !== 'on' && value !== 'off') throw faultAt(parameter, `invalid ipv6only flags "${value}"`);
      if (address.kind !== 'host' || address.family !== 6) {
        throw faultAt(parameter, `ipv6only is not supported on addr "${word.text}", ignored`, 'leave it out');
      }
      ipv6Only = value === 'on';
    } else if (Object.hasOwn(REFUSED_PARAMETERS, name)) {
      throw unsupported(parameter, directive, REFUSED_PARAMETERS[name]);
    } else {
      throw faultAt(parameter, `invalid parameter "${parameter.text}"`);
    }
  }
  return {
    address,
    word: { ...word, text: decodeText(word.text) },
    isDefault,
    backlog,
    ipv6Only,
    ssl,
    proxyProtocol,
  };
}

/** `name=value`, or a bare name. */
export function splitParameter(word: Word): [string, string | undefined] {
  const equals = word.text.indexOf('=');
  return equals < 0 ? [word.text, undefined] : [word.text.slice(0, equals), word.text.slice(equals + 1)];
}
