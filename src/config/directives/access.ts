/**
 * `allow` and `deny`. Decides their grammar; leaves the decision to `proxy/access.ts`.
 */
import { parseNetwork, type Network } from '../../proxy/cidr.js';
import { Setting, type Level } from '../level.js';
import { faultAt, type Directive } from '../syntax.js';
import type { Entry, Walk } from '../table.js';
import { IN_LOCATION } from './entries.js';

/** One `allow` or `deny`; null stands for `all`. */
export interface AccessLine {
  readonly allows: boolean;
  readonly network: Network | null;
}

export const ACCESS = new Setting<readonly AccessLine[]>([]);

export const ACCESS_DIRECTIVES: readonly Entry[] = [accessEntry('allow'), accessEntry('deny')];

function accessEntry(name: 'allow' | 'deny'): Entry {
  return {
    name,
    contexts: [...IN_LOCATION, 'limit_except'],
    args: [1, 1],
    syntax: 'address | CIDR | unix: | all',
    fallback: '',
    page: 'http/ngx_http_access_module.html',
    kind: 'nginx',
    note: 'The first rule that is about an address decides; one that none is about is let in.',
    apply: access,
  };
}

function access(directive: Directive, level: Level, { warn }: Walk): void {
  const [word] = directive.args;
  const allows = directive.name === 'allow';
  if (word.text === 'all') return level.append(ACCESS, { allows, network: null });
  const network = parseNetwork(word.text);
  if (network === undefined)
    throw faultAt(word, `invalid parameter "${word.text}"`, 'an address, 192.0.2.0/24, unix:, or all');
  if (!network.isPrecise) warn(faultAt(word, `low address bits of ${word.text} are meaningless`));
  level.append(ACCESS, { allows, network });
}
