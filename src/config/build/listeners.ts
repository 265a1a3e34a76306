/**
 * Servers and the addresses they listen on. Decides which servers share an address, which of them is the default, and
 * what cannot be bound side by side.
 */
import type { ListenAddress, ListenerModel, ServerModel } from '../../proxy/model.js';
import { compileRegex } from '../../proxy/regex.js';
import { hostPort, isWildcard, wildcardOf } from '../address.js';
import type { HttpLevel, ListenLine, LocationLevel, ServerLevel } from '../blocks.js';
import { MERGE_SLASHES } from '../directives/connection.js';
import { CERTIFICATES } from '../directives/tls.js';
import { faultAt, type Place } from '../syntax.js';
import { Addresses, resolveReason } from './addresses.js';
import { LocationBuilder, readingRules, type LocationParts } from './locations.js';
import type { Site } from './site.js';

/** An address that some servers listen on. */
interface Shared {
  readonly address: ListenAddress;
  /** As nginx shows it. */
  readonly shown: string;
  readonly servers: { readonly level: ServerLevel; readonly model: ServerModel; readonly place: Place }[];
  /** Who said default_server, if anybody. */
  defaultServer: ServerModel | null;
  /** A line said ssl, or proxy_protocol: it holds for all of the address, as in nginx. */
  isSecure: boolean;
  expectsProxyHeader: boolean;
  /** The line that gave options; a second one is refused. */
  options: ListenLine | null;
}

const NOBODY_YET = { defaultServer: null, options: null, isSecure: false, expectsProxyHeader: false };
/** Makes one model per address. */
export async function buildListeners(http: HttpLevel, parts: LocationParts): Promise<ListenerModel[]> {
  const { site } = parts;
  const addresses = new Addresses(site);
  const locations = new LocationBuilder(parts);
  const shared = new Map<string, Shared>();
  for (const level of http.servers) {
    const model = serverModel(level, locations, parts);
    const lines = level.listens.length > 0 ? level.listens : [defaultListen(level, site)];
    for (const line of lines) {
      for (const [shown, address] of await bindable(line, addresses, site)) {
        let one = shared.get(shown);
        if (one === undefined) {
          one = { ...NOBODY_YET, address, shown, servers: [] };
          shared.set(shown, one);
        }
        join(one, { level, model, place: line.word }, line, site);
      }
    }
  }
  refuseOverlaps([...shared.values()], site);
  for (const one of shared.values()) wantCertificates(one, site);
  return [...shared.values()].map((one) => listenerModel(one, site));
}

function serverModel(
  level: ServerLevel,
  locations: LocationBuilder,
  { site, tls }: LocationParts,
): ServerModel {
  for (const word of level.names) {
    if (word.text.startsWith('~')) site.guard(word, () => compileRegex(word.text.slice(1), true));
  }
  return {
    names: level.names.length > 0 ? level.names.map((word) => word.text) : [''],
    reading: readingRules(level),
    ...locations.serverScript(level),
    root: locations.root(level),
    named: locations.named(level),
    mergeSlashes: level.get(MERGE_SLASHES),
    connects: connects(level),
    tls: tls.server(level),
  };
}

/** Whether a tunnel_pass stands in a level, or deeper. */
function connects(level: ServerLevel | LocationLevel): boolean {
  if (level.tunnel !== null || level.locations.some(connects)) return true;
  if ('limitExcept' in level && level.limitExcept !== null && connects(level.limitExcept.level)) return true;
  return level.script.some((line) => line.kind === 'if' && connects(line.level));
}

/** nginx: port 80, or 8000 for whom port 80 is out of reach. */
function defaultListen(level: ServerLevel, site: Site): ListenLine {
  const port = site.world.environment.isRoot ? 80 : 8000;
  return {
    address: { kind: 'host', host: '*', family: 0, port, lastPort: port },
    word: { ...level.place, text: `*:${port}`, quoted: false },
    isDefault: false,
    backlog: undefined,
    ipv6Only: undefined,
    keepAliveS: undefined,
    ssl: false,
    proxyProtocol: false,
  };
}

/** Every address that a line stands for, with its name. */
async function bindable(
  line: ListenLine,
  addresses: Addresses,
  site: Site,
): Promise<[string, ListenAddress][]> {
  const { address, backlog, word } = line;
  const more = backlog === undefined ? {} : { backlog };
  if (address.kind === 'unix') return [[`unix:${address.path}`, { path: address.path, ...more }]];
  let hosts: readonly string[];
  try {
    hosts = address.host === '*' ? ['0.0.0.0'] : await addresses.of(address);
  } catch (error) {
    site.fault(word, `host not found in "${word.text}" of the "listen" directive`, resolveReason(error));
    return [];
  }
  const first = address.port < 0 ? 80 : address.port;
  const last = address.port < 0 ? 80 : address.lastPort;
  const found: [string, ListenAddress][] = [];
  for (let port = first; port <= last; port++) {
    for (const host of hosts) {
      const family = host.includes(':') ? { ipv6Only: line.ipv6Only ?? true } : {};
      found.push([hostPort(host, port), { host, port, ...family, ...more }]);
    }
  }
  return found;
}

function join(one: Shared, member: Shared['servers'][number], line: ListenLine, site: Site): void {
  const { word } = line;
  if (one.servers.some((other) => other.level === member.level)) {
    site.fault(word, `a duplicate listen ${one.shown}`);
    return;
  }
  one.servers.push(member);
  one.isSecure ||= line.ssl;
  one.expectsProxyHeader ||= line.proxyProtocol;
  if (line.isDefault) {
    if (one.defaultServer !== null) site.fault(word, `a duplicate default server for ${one.shown}`);
    else one.defaultServer = member.model;
  }
  if (line.backlog === undefined && line.ipv6Only === undefined && line.keepAliveS === undefined) return;
  if (one.options !== null) site.fault(word, `duplicate listen options for ${one.shown}`);
  else one.options = line;
}

/**
 * nginx binds the wildcard of a port alone and looks at the address later; so does `compile.ts`. What a connection begins
 * with (TLS, a PROXY header) is decided by the socket, so there both have to be alike, and plain.
 */
function refuseOverlaps(all: readonly Shared[], site: Site): void {
  for (const one of all) {
    const { address, shown, servers } = one;
    if ('path' in address || isWildcard(address.host)) continue;
    const wide = all.find((other) => other.shown === hostPort(wildcardOf(address.host), address.port));
    if (wide === undefined || [one, wide].every((each) => !each.isSecure && !each.expectsProxyHeader))
      continue;
    const hint = `${wide.shown} has this port for all addresses: with TLS or PROXY headers listen on one address each, or on the wildcard alone`;
    site.fault(servers[0].place, `listen ${shown} cannot stand beside ${wide.shown}`, hint);
  }
}

/** nginx: the default server needs a certificate, or refuses handshakes; then all others need one. */
function wantCertificates({ isSecure, servers, defaultServer }: Shared, site: Site): void {
  if (!isSecure) return;
  const lacks = ({ level, model }: Shared['servers'][number]): boolean =>
    level.get(CERTIFICATES).length === 0 && model.tls?.rejects !== true;
  const first = servers.find(({ model }) => model === defaultServer) ?? servers[0];
  const wanting = first.model.tls?.rejects === true ? servers.filter(lacks) : [first].filter(lacks);
  for (const { place } of wanting) {
    const text = 'no "ssl_certificate" is defined for the "listen ... ssl" directive';
    site.fault(place, text, 'name a certificate and its key: ssl_certificate, ssl_certificate_key');
  }
}

function listenerModel(one: Shared, site: Site): ListenerModel {
  const names = new Set<string>();
  for (const { level, model } of one.servers) {
    for (const [i, name] of model.names.entries()) {
      if (name.startsWith('~') || !names.has(name)) {
        names.add(name);
        continue;
      }
      const place = level.names[i] ?? level.place;
      site.warnings.push(faultAt(place, `conflicting server name "${name}" on ${one.shown}, ignored`));
    }
  }
  return {
    address: withOptions(one.address, one.options),
    servers: one.servers.map((member) => member.model),
    defaultServer: one.defaultServer ?? one.servers[0].model,
    isSecure: one.isSecure,
    expectsProxyHeader: one.expectsProxyHeader,
  };
}

function withOptions(address: ListenAddress, options: ListenLine | null): ListenAddress {
  if (options === null) return address;
  const { backlog, ipv6Only, keepAliveS } = options;
  const more = backlog === undefined ? {} : { backlog };
  if ('path' in address) return { ...address, ...more };
  return {
    ...address,
    ...more,
    ...(ipv6Only === undefined ? {} : { ipv6Only }),
    ...(keepAliveS === undefined || keepAliveS === 0 ? {} : { keepAliveS }),
  };
}
