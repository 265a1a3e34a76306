/** Every peer of a run, in the order of the tables. */
import { haproxy, nginx, wirehop } from './commands.js';
import { library, noProxy, relay } from './node-proxies.js';
import type { Peer } from './peer.js';

export function allPeers(): Peer[] {
  return [
    wirehop(),
    wirehop({ transport: 'net' }),
    nginx(),
    haproxy(),
    library('http-proxy'),
    library('http-proxy-3'),
    library('httpxy'),
    relay(),
    noProxy(),
  ];
}
