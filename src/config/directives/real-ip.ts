/**
 * The realip module, and PROXY headers towards upstreams. Decides which senders are trusted with a client's address.
 */
import { parseNetwork, type Network } from '../../proxy/cidr.js';
import { Setting, type Level } from '../level.js';
import { faultAt } from '../syntax.js';
import type { Entry } from '../table.js';
import { setsFlag } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';

const PAGE = 'http/ngx_http_realip_module.html';

export const REAL_IP_FROM = new Setting<readonly Network[]>([]);
export const REAL_IP_HEADER = new Setting('x-real-ip');
export const REAL_IP_RECURSIVE = new Setting(false);
/** Version of the PROXY header; 0 for none. */
export const PROXY_HEADER = new Setting<0 | 1 | 2>(0);

export const REAL_IP_DIRECTIVES: readonly Entry[] = [
  {
    name: 'set_real_ip_from',
    contexts: IN_LOCATION,
    args: [1, 1],
    syntax: 'address | CIDR | unix:',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note: 'Host names are refused.',
    apply(directive, level, { warn }) {
      const [word] = directive.args;
      const network = parseNetwork(word.text);
      if (network === undefined) {
        throw faultAt(word, `invalid parameter "${word.text}"`, 'it takes an address, a network, or unix:');
      }
      if (!network.isPrecise) warn(faultAt(word, `low address bits of ${word.text} are meaningless`));
      level.append(REAL_IP_FROM, network);
    },
  },
  simple({
    name: 'real_ip_header',
    contexts: IN_LOCATION,
    syntax: 'field | X-Real-IP | X-Forwarded-For | proxy_protocol',
    fallback: 'X-Real-IP',
    page: PAGE,
    apply: (directive, level) => level.set(REAL_IP_HEADER, directive.args[0].text.toLowerCase(), directive),
  }),
  simple({
    name: 'real_ip_recursive',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    apply: setsFlag(REAL_IP_RECURSIVE),
  }),
  simple({
    name: 'proxy_protocol',
    contexts: IN_LOCATION,
    syntax: 'on | v2 | off',
    fallback: 'off',
    page: 'http/ngx_http_proxy_module.html',
    kind: 'wirehop',
    note:
      'Sends a PROXY header with the client’s address at the front of every connection to an upstream, before TLS: ' +
      '`on` version 1, `v2` version 2. Such a connection serves one request or tunnel and is not kept. nginx has this ' +
      'name for streams alone.',
    apply(directive, level: Level) {
      const [word] = directive.args;
      const version = ({ off: 0, on: 1, v1: 1, v2: 2 } as const)[word.text];
      if (version === undefined) throw faultAt(word, `invalid value "${word.text}"`, 'say on, v2 or off');
      level.set(PROXY_HEADER, version, directive);
    },
  }),
];
