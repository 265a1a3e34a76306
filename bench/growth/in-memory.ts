/**
 * Growth of a whole exchange in memory, by what a configuration or a head holds: requests spread over all of it go
 * through the connection machine with the policy that the configuration compiles to.
 */
import { DOWNSTREAM, UPSTREAM } from '../../src/machine/effects.js';
import { CONTENT, PLAIN_RESPONSE } from '../fixtures.js';
import { measureGroup, type Effort } from '../measure.js';
import { MemoryPump } from '../micro/memory-pump.js';
import { compiledPolicy } from '../micro/policies.js';
import { check, type Case } from '../suite.js';
import {
  withFields,
  withLocations,
  withMapEntries,
  withPeers,
  withServers,
  type Sized,
} from './configurations.js';
import type { Axis, Curve } from './curve.js';

export interface MemoryAxis extends Axis {
  make(size: number): Sized;
  /** The cost is told for so many parts of the operation. */
  readonly parts?: (size: number) => number;
}

const LISTEN = 8080;
const SIZES = [1, 10, 100, 1000, 10_000];
const SUBJECT = 'wirehop, in memory';
/** Fields that every request has. */
const OWN_FIELDS = 14;

export const MEMORY_AXES: readonly MemoryAxis[] = [
  { name: 'locations', title: 'locations', make: withLocations, sizes: SIZES },
  { name: 'servers', title: 'servers', make: (size: number) => withServers(size, LISTEN), sizes: SIZES },
  { name: 'map-entries', title: 'entries of a map', make: withMapEntries, sizes: SIZES },
  { name: 'peers', title: 'upstream peers', make: withPeers, sizes: SIZES },
]
  .map((axis): MemoryAxis => ({ ...axis, operation: 'an exchange', bound: 2.5 }))
  .concat({
    name: 'fields',
    title: 'fields in the head',
    operation: 'a field of an exchange',
    make: withFields,
    parts: (size) => size + OWN_FIELDS,
    // 1000 lines are the limit of a request, and 32 KB.
    sizes: [1, 10, 100, 500, 900],
    bound: 1,
  });

const RESPONSE = Buffer.concat([PLAIN_RESPONSE.octets, CONTENT]);

async function exchangeCase({ name, make }: MemoryAxis, size: number): Promise<Case> {
  const { lines, requests } = make(size);
  const pump = new MemoryPump(await compiledPolicy({ ...lines, listen: LISTEN }));
  let next = 0;
  const run = (): void => {
    pump.receive(DOWNSTREAM, requests[next]);
    next = (next + 1) % requests.length;
    pump.receive(UPSTREAM, RESPONSE);
  };
  for (const request of requests) {
    const [down, up] = pump.keep(run);
    const target = request.toString('latin1', 0, request.indexOf(' HTTP'));
    check(`${name}, ${size}: ${target} goes on`, up.startsWith(target));
    check(`${name}, ${size}: ${target} is answered`, down.endsWith(CONTENT.toString('latin1')));
  }
  return { group: name, subject: String(size), run };
}

/** An exchange for each size of an axis. */
export async function casesOf(axis: MemoryAxis): Promise<Case[]> {
  const cases: Case[] = [];
  for (const size of axis.sizes) cases.push(await exchangeCase(axis, size));
  return cases;
}

/** Measures an axis: all its sizes in turns. @param cases those of the axis */
export function growInMemory(axis: MemoryAxis, cases: readonly Case[], effort: Effort): Curve {
  const { name, title, operation, bound, sizes, parts = () => 1 } = axis;
  const figures = measureGroup(cases, effort);
  const points = sizes.map((size, i) => ({ size, cost: figures[i].time.min / 1000 / parts(size) }));
  return { axis: name, title, operation, bound, subject: SUBJECT, points };
}
