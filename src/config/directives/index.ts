/**
 * The whole directive table. Decides nothing: one entry and one function per directive stand in the files beside this.
 */
import type { Context } from '../level.js';
import type { Entry } from '../table.js';
import { ACCESS_DIRECTIVES } from './access.js';
import { AUTH_DIRECTIVES } from './auth.js';
import { BALANCING_DIRECTIVES } from './balancing.js';
import { CONNECT_DIRECTIVES } from './connect.js';
import { CONNECTION_DIRECTIVES } from './connection.js';
import { ERROR_DIRECTIVES } from './errors.js';
import { EXPIRES_DIRECTIVES } from './expires.js';
import { FILE_DIRECTIVES } from './files.js';
import { FIXED_DIRECTIVES } from './fixed.js';
import { LINK_DIRECTIVES } from './links.js';
import { LOCATION_DIRECTIVES } from './location.js';
import { LOG_DIRECTIVES } from './logs.js';
import { GEO_DIRECTIVES } from './geo.js';
import { MAIN_DIRECTIVES } from './main.js';
import { MAP_DIRECTIVES } from './map.js';
import { PROCESS_DIRECTIVES } from './processes.js';
import { PROXY_DIRECTIVES } from './proxy.js';
import { RATE_DIRECTIVES } from './rates.js';
import { REAL_IP_DIRECTIVES } from './real-ip.js';
import { RESOLVER_DIRECTIVES } from './resolver.js';
import { PROXY_TLS_DIRECTIVES } from './proxy-tls.js';
import { REWRITE_DIRECTIVES } from './rewrite.js';
import { SERVER_DIRECTIVES } from './server.js';
import { TLS_DIRECTIVES } from './tls.js';
import { TYPE_DIRECTIVES } from './types.js';
import { TUNNEL_DIRECTIVES } from './tunnels.js';
import { UPSTREAM_DIRECTIVES } from './upstream.js';

/** Directives that the reader of files looks after itself: they stand in the table for the documents. */
const READER_DIRECTIVES: readonly Entry[] = [
  {
    name: 'include',
    contexts: [
      'main',
      'events',
      'http',
      'server',
      'location',
      'upstream',
      'if in server',
      'if in location',
      'limit_except',
    ],
    args: [1, 1],
    syntax: 'file | mask',
    fallback: '',
    page: 'ngx_core_module.html',
    kind: 'nginx',
    note: "Also inside `map` and `types`. Relative to the main file's directory; a mask that matches nothing is no error.",
    apply: () => undefined,
  },
];

/** Entries by topic, in the order of the documents. */
export const TOPICS: readonly (readonly [string, readonly Entry[]])[] = [
  ['The file and its blocks', [...READER_DIRECTIVES, ...MAIN_DIRECTIVES]],
  ['Processes', PROCESS_DIRECTIVES],
  ['Servers', SERVER_DIRECTIVES],
  [
    'Locations and answers',
    [...LOCATION_DIRECTIVES, ...ERROR_DIRECTIVES, ...EXPIRES_DIRECTIVES, ...TYPE_DIRECTIVES],
  ],
  ['Files', FILE_DIRECTIVES],
  ['Rewriting', REWRITE_DIRECTIVES],
  ['Access and limits', [...ACCESS_DIRECTIVES, ...AUTH_DIRECTIVES, ...LINK_DIRECTIVES, ...RATE_DIRECTIVES]],
  ['Downstream connections', CONNECTION_DIRECTIVES],
  ['TLS', TLS_DIRECTIVES],
  ['Addresses behind proxies', REAL_IP_DIRECTIVES],
  ['Variables', [...MAP_DIRECTIVES, ...GEO_DIRECTIVES]],
  ['Logs', LOG_DIRECTIVES],
  ['Upstreams', [...UPSTREAM_DIRECTIVES, ...BALANCING_DIRECTIVES, ...RESOLVER_DIRECTIVES]],
  ['Proxying', PROXY_DIRECTIVES],
  ['TLS towards upstreams', PROXY_TLS_DIRECTIVES],
  ['CONNECT', CONNECT_DIRECTIVES],
  ['Tunnels', TUNNEL_DIRECTIVES],
  ['Fixed values', FIXED_DIRECTIVES],
];

const BY_NAME = new Map<string, Entry[]>();
for (const [, entries] of TOPICS) {
  for (const one of entries) {
    const known = BY_NAME.get(one.name);
    if (known === undefined) BY_NAME.set(one.name, [one]);
    else known.push(one);
  }
}

/** The entries of a name: several when its meaning depends on the context. */
export function entriesOf(name: string): readonly Entry[] {
  return BY_NAME.get(name) ?? [];
}

/** Every name in the table. */
export function directiveNames(): IterableIterator<string> {
  return BY_NAME.keys();
}

/** The entry of a name in a context. */
export function entryIn(name: string, context: Context): Entry | undefined {
  return entriesOf(name).find((one) => one.contexts.includes(context));
}
