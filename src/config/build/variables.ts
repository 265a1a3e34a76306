/**
 * Variables of a configuration: maps, and the named groups of its regular expressions. Decides in what order they are
 * made, so that a map may use one that stands behind it.
 */
import { GeoVariable } from '../../proxy/geo.js';
import { compileMap } from '../../proxy/map.js';
import { defineCaptures } from '../../proxy/regex.js';
import { LIMIT_RATE } from '../../proxy/limit-rate.js';
import { ARGS, SetVariable } from '../../proxy/set-variables.js';
import { SplitVariable } from '../../proxy/split-clients.js';
import { builtinNames, DeferredVariable, type Variable } from '../../proxy/variables.js';
import type {
  GeoBlock,
  HttpLevel,
  LocationLevel,
  MapBlock,
  ScriptLine,
  ServerLevel,
  SplitBlock,
} from '../blocks.js';
import { AUTH_REQUEST_SETS } from '../directives/auth.js';
import type { Word } from '../syntax.js';
import type { Site } from './site.js';

/** Fills `site.variables`. Call it before any template is compiled. */
export function buildVariables(http: HttpLevel, site: Site): void {
  for (const map of http.maps) for (const { pattern } of map.entries) captures(pattern, site);
  for (const server of http.servers) {
    for (const name of server.names) captures(name, site);
    scriptCaptures(server.script, site);
    for (const location of server.locations) locationCaptures(location, site);
  }
  const deferred = new Map<MapBlock, DeferredVariable>();
  const own = new Map<string, MapBlock>();
  for (const map of http.maps) {
    if (!own.has(map.name.toLowerCase()) && site.variables.lookup(map.name) !== undefined) {
      site.fault(map.nameWord, `the duplicate "${map.name}" variable`, 'this name is taken; choose another');
      continue;
    }
    // Of two maps of one name the last one holds, as in nginx.
    own.set(map.name.toLowerCase(), map);
    const variable = new DeferredVariable();
    deferred.set(map, variable);
    site.variables.define(map.name, variable);
  }
  const blocks = [
    ...http.geos.map((geo) => defineBlock(geo.nameWord, site, () => geoVariable(geo, site))),
    ...http.splits.map((split) => defineBlock(split.nameWord, site, () => splitVariable(split, site))),
  ];
  for (const server of http.servers) defineSets(server, site);
  defineAnswers(http, site);
  for (const [map, variable] of deferred) buildMap(map, variable, site);
  for (const bind of blocks) bind();
  refuseCycles(own, site);
}

/** Defines the variable of a block, and answers what makes it once all names are known. */
function defineBlock(nameWord: Word, site: Site, make: () => Variable): () => void {
  const name = nameWord.text.slice(1);
  if (site.variables.lookup(name) !== undefined) {
    site.fault(nameWord, `the duplicate "${name}" variable`, 'this name is taken; choose another');
    return () => undefined;
  }
  const variable = new DeferredVariable();
  site.variables.define(name, variable);
  return () => variable.bind(make());
}

function geoVariable({ source, table, defaultValue, proxies, isRecursive }: GeoBlock, site: Site): Variable {
  return new GeoVariable(
    source === null ? null : site.template(source),
    table,
    defaultValue,
    proxies,
    isRecursive,
  );
}

function splitVariable({ source, shares }: SplitBlock, site: Site): Variable {
  return new SplitVariable(site.template(source), shares);
}

function buildMap(map: MapBlock, variable: DeferredVariable, site: Site): void {
  const source = site.template(map.source);
  const entries = map.entries.map(({ pattern, value }) => ({
    pattern: pattern.text,
    value: site.template(value),
  }));
  const defaultValue = map.defaultValue === null ? site.constant('') : site.template(map.defaultValue);
  const { hostnames, isVolatile } = map;
  const compile = (count: number): ReturnType<typeof compileMap> =>
    compileMap({ source, hostnames, isVolatile, entries: entries.slice(0, count), defaultValue });
  try {
    variable.bind(compile(entries.length));
  } catch {
    // Whole it cannot be made: grow it line by line, for the line at fault.
    const bad = entries.findIndex((_, i) => {
      try {
        compile(i + 1);
        return false;
      } catch {
        return true;
      }
    });
    site.guard(map.entries[bad].pattern, () => compile(bad + 1));
  }
}

/** `~regex` of a map or of server_name. What is wrong with it is told where it is compiled. */
function captures(word: Word, site: Site): void {
  if (word.text.startsWith('~')) define(word.text.replace(/^~\*?/, ''), site);
}

function locationCaptures(location: LocationLevel, site: Site): void {
  if (location.isRegex) define(location.pattern.text, site);
  scriptCaptures(location.script, site);
  for (const nested of location.locations) locationCaptures(nested, site);
}

/** Expressions of `if` and `rewrite`, and those of proxy_redirect and its like are told of where they stand. */
function scriptCaptures(script: readonly ScriptLine[], site: Site): void {
  for (const line of script) {
    if (line.kind === 'rewrite') define(line.regex.text, site);
    if (line.kind !== 'if') continue;
    if (line.condition.kind === 'match') define(line.condition.regex.text, site);
    scriptCaptures(line.level.script, site);
  }
}

/** Families whose members may be set, over what they are without it. */
const FAMILIES = /^(http|sent_http|upstream_http|cookie|upstream_cookie|arg)_/i;

/** Every name of a `set`, before any template is compiled. */
function defineSets(level: ServerLevel | LocationLevel, site: Site): void {
  for (const line of level.script) {
    if (line.kind === 'if') defineSets(line.level, site);
    if (line.kind === 'set') defineSet(line.name, line.nameWord, site);
  }
  level.locations.forEach((location) => defineSets(location, site));
}

/** Every name of an `auth_request_set`; where no `set` has it, too, it is empty until a subrequest was answered. */
function defineAnswers(level: HttpLevel | ServerLevel | LocationLevel, site: Site): void {
  if (level.has(AUTH_REQUEST_SETS)) {
    for (const { name, nameWord } of level.get(AUTH_REQUEST_SETS)) defineSet(name, nameWord, site, UNSET);
  }
  const inner = 'servers' in level ? level.servers : level.locations;
  inner.forEach((one) => defineAnswers(one, site));
}

const UNSET: Variable = { text: () => '', isFound: () => false };

function defineSet(name: string, word: Word, site: Site, fallback?: Variable): void {
  if (site.assignable(name) !== undefined) return;
  const lower = name.toLowerCase();
  if (lower === 'args') return site.defineAssignable(name, ARGS);
  if (lower === 'limit_rate') return site.defineAssignable(name, LIMIT_RATE);
  if (BUILT_IN.has(lower) && !FAMILIES.test(name)) {
    return site.fault(word, `the duplicate "${name}" variable`, "this name is wirehop's own; choose another");
  }
  const base = site.variables.lookup(name) ?? fallback;
  site.defineAssignable(name, new SetVariable(name, site.nextIndex(), base));
}

/** Names that a configuration cannot give a value to. */
const BUILT_IN: ReadonlySet<string> = new Set(builtinNames());

function define(source: string, site: Site): void {
  try {
    defineCaptures(source, site.variables);
  } catch {
    return;
  }
}

/** nginx finds a cycle when a request runs into it; here it is found at the start. */
function refuseCycles(maps: ReadonlyMap<string, MapBlock>, site: Site): void {
  const done = new Set<MapBlock>();
  const visit = (map: MapBlock, chain: readonly MapBlock[]): void => {
    if (chain.includes(map)) {
      if (!done.has(map)) site.fault(map.nameWord, `cycle while evaluating variable "${map.name}"`);
      done.add(map);
      return;
    }
    if (done.has(map)) return;
    const words = [map.source, map.defaultValue, ...map.entries.map((pair) => pair.value)];
    for (const word of words) {
      for (const [, braced, bare] of (word?.text ?? '').matchAll(/\$(?:\{(\w+)\}|(\w+))/g)) {
        const used = maps.get((braced ?? bare).toLowerCase());
        if (used !== undefined) visit(used, [...chain, map]);
      }
    }
    done.add(map);
  };
  for (const map of maps.values()) visit(map, []);
}
