/**
 * `resolver` and `resolver_timeout`: whom to ask for names while the proxy runs. Decides their grammar.
 */
import { parseAddress } from '../address.js';
import type { Context } from '../level.js';
import { Setting } from '../level.js';
import { faultAt, type Word } from '../syntax.js';
import type { Entry } from '../table.js';
import { parseTimeMs } from '../units.js';
import { setsTime, unsupported } from '../values.js';
import type { HostAddress } from '../address.js';
import { splitParameter } from './listen.js';
import { simple } from './entries.js';

/** A name server. */
export interface NameServer {
  readonly address: HostAddress;
  readonly word: Word;
}

/** `resolver`. */
export interface ResolverLine {
  readonly servers: readonly NameServer[];
  /** null for as long as an answer says itself. */
  readonly validMs: number | null;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

export const RESOLVER = new Setting<ResolverLine | null>(null);
export const RESOLVER_TIMEOUT = new Setting(30_000);

const CONTEXTS: readonly Context[] = ['http', 'server', 'location', 'upstream'];
const PAGE = 'http/ngx_http_core_module.html';

export const RESOLVER_DIRECTIVES: readonly Entry[] = [
  {
    name: 'resolver',
    contexts: CONTEXTS,
    args: [1, Infinity],
    syntax: 'address ... [valid=time] [ipv4=on|off] [ipv6=on|off]',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note: '`status_zone` is refused. SRV records are kept as long as the addresses of their hosts.',
    apply(directive, level) {
      const servers: NameServer[] = [];
      let validMs: number | null = null;
      let ipv4 = true;
      let ipv6 = true;
      for (const word of directive.args) {
        const [name, value] = splitParameter(word);
        if (name === 'valid' && value !== undefined) {
          const time = parseTimeMs(value, 's');
          if (time === undefined) throw faultAt(word, `invalid parameter: ${word.text}`);
          validMs = time;
        } else if ((name === 'ipv4' || name === 'ipv6') && value !== undefined) {
          if (value !== 'on' && value !== 'off') throw faultAt(word, `invalid parameter: ${word.text}`);
          if (name === 'ipv4') ipv4 = value === 'on';
          else ipv6 = value === 'on';
        } else if (name === 'status_zone' && value !== undefined) {
          throw unsupported(word, directive, 'statistics of name servers are not kept; leave it out');
        } else {
          const address = parseAddress(word.text, 'upstream');
          if (typeof address === 'string') throw faultAt(word, `${address} in resolver "${word.text}"`);
          if (address.kind === 'unix') throw faultAt(word, `"${word.text}" in "resolver" is no name server`);
          servers.push({ address, word });
        }
      }
      if (!ipv4 && !ipv6) throw faultAt(directive, '"ipv4" and "ipv6" cannot both be "off"');
      if (servers.length === 0) throw faultAt(directive, 'no name servers defined');
      level.set(RESOLVER, { servers, validMs, ipv4, ipv6 }, directive);
    },
  },
  simple({
    name: 'resolver_timeout',
    contexts: CONTEXTS,
    syntax: 'time',
    fallback: '30s',
    page: PAGE,
    apply: setsTime(RESOLVER_TIMEOUT),
  }),
];
