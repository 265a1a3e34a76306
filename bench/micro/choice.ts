/**
 * Choosing by a table: the location of a path, the server of a host, the value of a map, the next peer, among 1, 10 and
 * 1000. A `Map` of strings asked for the same stands beside them as the yardstick.
 */
import type { Exchange } from '../../src/machine/exchange.js';
import { Balancer } from '../../src/proxy/balancing/balancer.js';
import { contextOf } from '../../src/proxy/context.js';
import { LocationSearch, LocationTree } from '../../src/proxy/locations.js';
import { compileMap } from '../../src/proxy/map.js';
import { ServerNames } from '../../src/proxy/server-names.js';
import { compileTemplate } from '../../src/proxy/template.js';
import { builtinVariables } from '../../src/proxy/variables.js';
import { exchangeOf, location, POOL, upstreamServer } from '../../test/proxy/fixtures.js';
import { check, type Case, type Skipped, type Suite } from '../suite.js';

/** How many there are to choose from. */
const SIZES = [1, 10, 1000] as const;
/** Different questions that are asked in turn, so that no answer is the last one. */
const QUESTIONS = 64;

/** `QUESTIONS` numbers spread over 0 to n - 1. */
function spread(n: number): number[] {
  return Array.from({ length: QUESTIONS }, (_, i) => Math.floor((i * n) / QUESTIONS));
}

const pathOf = (i: number): string => `/service/${String(i)}/items/`;
const hostOf = (i: number): string => `site-${String(i)}.example.com`;

/** Asks `ask` about the questions in turn. */
function inTurn<Q>(questions: readonly Q[], ask: (question: Q) => void): () => void {
  let next = 0;
  return () => {
    ask(questions[next]);
    next = (next + 1) % QUESTIONS;
  };
}

function yardstick(group: string, keys: readonly string[], asked: readonly number[]): Case {
  const map = new Map(keys.map((key, i) => [key, i]));
  let sum = 0;
  const run = inTurn(
    // A new string each time, as one that came out of a request: its hash is not known yet.
    asked.map((i) => Buffer.from(keys[i], 'latin1')),
    (octets) => (sum += map.get(octets.toString('latin1')) ?? 0),
  );
  return { group, subject: 'a Map of strings', run: () => void (run(), sum) };
}

function locationCases(count: number): Case[] {
  const group = `location, among ${count}`;
  const paths = Array.from({ length: count }, (_, i) => pathOf(i));
  const tree = new LocationTree(paths.map((path) => location('prefix', path)));
  const search = new LocationSearch();
  const asked = spread(count);
  const contexts = asked.map((i) => contextOf(exchangeOf(`GET ${paths[i]}4711 HTTP/1.1\nHost: example.com`)));
  contexts.forEach((context, i) => {
    tree.find(context, search);
    check(`${group}: the location of question ${i}`, search.location?.pattern === paths[asked[i]]);
  });
  return [
    { group, subject: 'wirehop', run: inTurn(contexts, (context) => void tree.find(context, search)) },
    yardstick(group, paths, asked),
  ];
}

function serverCases(count: number): Case[] {
  const group = `server, among ${count}`;
  const names = Array.from({ length: count }, (_, i) => hostOf(i));
  const servers = names.map((name) => ({ names: [name] }));
  const table = new ServerNames(servers, { names: [] });
  const asked = spread(count);
  for (const i of asked) check(`${group}: ${names[i]}`, table.find(names[i]).server === servers[i]);
  const octets = asked.map((i) => Buffer.from(names[i], 'latin1'));
  return [
    { group, subject: 'wirehop', run: inTurn(octets, (host) => void table.find(host.toString('latin1'))) },
    yardstick(group, names, asked),
  ];
}

function mapCases(count: number): Case[] {
  const group = `map, among ${count}`;
  const names = Array.from({ length: count }, (_, i) => hostOf(i));
  const table = builtinVariables();
  const chosen = compileMap({
    source: compileTemplate('$host', table),
    hostnames: false,
    isVolatile: false,
    entries: names.map((pattern, i) => ({ pattern, value: compileTemplate(`pool-${i}`, table) })),
    defaultValue: compileTemplate('', table),
  });
  const asked = spread(count);
  const exchanges = asked.map((i) => exchangeOf(`GET / HTTP/1.1\nHost: ${names[i]}`));
  exchanges.forEach((exchange, i) =>
    check(`${group}: question ${i}`, chosen.text(exchange) === `pool-${asked[i]}`),
  );
  return [
    { group, subject: 'wirehop', run: inTurn(exchanges, (exchange) => void chosen.text(exchange)) },
    yardstick(group, names, asked),
  ];
}

function peerCase(count: number): Case {
  const group = `peer, among ${count}`;
  const servers = Array.from({ length: count }, (_, i) => upstreamServer(`127.0.0.1:${i + 1}`));
  const balancer = new Balancer(servers).view(POOL);
  const exchange: Exchange = exchangeOf();
  const chosen = new Set(servers.map(() => balancer.next(exchange, 0)));
  check(`${group}: every peer has its turn`, chosen.size === count && !chosen.has(undefined));
  return { group, subject: 'wirehop', run: () => void balancer.next(exchange, 0) };
}

export const CHOICE_SUITE: Suite = {
  name: 'choice',
  about: 'locations, servers, map values and peers among 1, 10 and 1000',
  cases(): Promise<{ cases: Case[]; skipped: Skipped[] }> {
    const cases = [
      ...SIZES.flatMap(locationCases),
      ...SIZES.flatMap(serverCases),
      ...SIZES.flatMap(mapCases),
      ...SIZES.map(peerCase),
    ];
    return Promise.resolve({ cases, skipped: [] });
  },
};
