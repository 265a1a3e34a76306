/**
 * `proxy_bind` and `tunnel_bind`: where connections to upstreams come from. Decides what may be written; leaves values
 * that variables make to the moment a connection is made.
 */
import { isIP } from 'node:net';
import type { Setting } from '../level.js';
import { faultAt, type Directive } from '../syntax.js';
import type { Entry } from '../table.js';
import { unsupported } from '../values.js';
import { IN_LOCATION } from './entries.js';

/** Numeric local address; '' leaves it to the system. */
export type BindLine = string;

export const NO_BIND: BindLine = '';

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
    note: 'A numeric address. Ports, variables and `transparent` are refused.',
    apply: (directive, level) => level.set(setting, read(directive), directive),
  };
}

function read(directive: Directive): BindLine {
  const [word, transparent] = directive.args;
  if (transparent !== undefined) {
    if (transparent.text !== 'transparent')
      throw faultAt(transparent, `invalid parameter "${transparent.text}"`);
    throw unsupported(transparent, directive, 'Node cannot bind to addresses that are not its own');
  }
  if (word.text.includes('$'))
    throw unsupported(word, directive, 'write the address out; variables are not looked at');
  const text = word.text.replace(/^\[(.*)\]$/, '$1');
  if (text !== 'off' && isIP(text) === 0) {
    if (/:\d+$/.test(text)) throw unsupported(word, directive, 'leave the port out: the system chooses one');
    throw faultAt(word, `invalid address "${word.text}"`, 'a numeric address of this machine');
  }
  return text === 'off' ? NO_BIND : text;
}
