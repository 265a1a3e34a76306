/**
 * `proxy_bind` and `tunnel_bind`: where connections to upstreams come from. Decides what may be written; leaves values
 * that variables make to the moment a connection is made.
 */
import { isIP } from 'node:net';
import { parseAddress } from '../address.js';
import type { Setting } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import type { Entry } from '../table.js';
import { unsupported } from '../values.js';
import { IN_LOCATION } from './entries.js';

/** What was written; null leaves it to the system. */
export type BindLine =
  | null
  | { readonly isDynamic: false; readonly host: string; readonly port: number }
  | { readonly isDynamic: true; readonly word: Word };

/** The entry of one of the two. */
export function bindEntry(name: string, setting: Setting<BindLine>, page: string): Entry {
  return {
    name,
    contexts: IN_LOCATION,
    args: [1, 2],
    syntax: 'address | off',
    fallback: '',
    page,
    kind: 'narrower',
    note:
      'A numeric address with or without a port, also by variables: an empty value leaves it to the system. `transparent` ' +
      'is refused: Node cannot bind to addresses of others.',
    apply: (directive, level) => level.set(setting, read(directive), directive),
  };
}

function read(directive: Directive): BindLine {
  const [word, transparent] = directive.args;
  if (transparent !== undefined) {
    if (transparent.text !== 'transparent')
      throw faultAt(transparent, `invalid parameter "${transparent.text}"`);
    const hint = 'Node cannot bind to addresses of others; tell upstreams by "proxy_protocol on" or a header';
    throw unsupported(transparent, directive, hint);
  }
  if (word.text === 'off') return null;
  if (word.text.includes('$')) return { isDynamic: true, word };
  const address = parseAddress(isIP(word.text) === 6 ? `[${word.text}]` : word.text, 'upstream');
  if (typeof address === 'string' || address.kind !== 'host' || address.family === 0)
    throw faultAt(word, `invalid address "${word.text}"`, 'a numeric address of this machine');
  return { isDynamic: false, host: address.host, port: Math.max(0, address.port) };
}
