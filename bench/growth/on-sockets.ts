/**
 * Growth by what is open: the same rate of operations, spread over more and more connections or tunnels. At a fixed rate
 * as many are under way at a time however many are open, so it is their number alone that could cost something.
 */
import type { Lab } from '../lab/lab.js';
import { cpuPerOperation, type Effort, type Started } from '../lab/lab.js';
import { nginx, wirehop } from '../peers/commands.js';
import { workNamed, type Work } from '../works.js';
import { openFilesLimit } from '../lab/open-files.js';
import type { Axis, Curve, Point } from './curve.js';

export interface SocketAxis extends Axis {
  readonly work: Work;
  /** Open files of the proxy for each of them. */
  readonly filesEach: number;
}

const RATE = 4000;
const SIZES = [1, 10, 100, 1000, 10_000];
/** Turns without a rate through each peer before the first point: code is optimized after so much work. */
const SETTLING_TURNS = 3;
const SETTLING_CONNECTIONS = 64;
const OTHER_FILES = 200;
/** wirehop keeps a sixteenth of its connections for upstreams. */
const USABLE = 15 / 16;

export const SOCKET_AXES: readonly SocketAxis[] = [
  {
    name: 'connections',
    title: 'open connections',
    operation: 'a request',
    work: workNamed('http'),
    filesEach: 1,
  },
  {
    name: 'tunnels',
    title: 'open tunnels',
    operation: 'a message of 64 B',
    work: workNamed('tunnel-64b-64'),
    // One to either side.
    filesEach: 2,
  },
].map((axis) => ({ ...axis, sizes: SIZES, from: 10, bound: 2 }));

/** How much time goes into a point. */
export interface SocketEffort extends Effort {
  readonly rounds: number;
  /** Sizes above are left out. */
  readonly mostSize: number;
}

/** One axis through wirehop, and through nginx where it is installed. Needs a lab that nobody else uses meanwhile. */
export async function growOnSockets(
  lab: Lab,
  axis: SocketAxis,
  effort: SocketEffort,
  onProgress: (what: string) => void,
): Promise<Curve[]> {
  const peers = [wirehop(), nginx()].filter((peer) => peer.missing() === null);
  const started = await Promise.all(peers.map((peer) => lab.start(peer)));
  const most = Math.min(
    effort.mostSize,
    Math.floor((openFilesLimit() * USABLE - OTHER_FILES) / axis.filesEach),
  );
  const sizes = [...new Set(axis.sizes.map((size) => Math.min(size, most)))];
  const points = started.map((): Point[] => []);
  for (const one of started) {
    onProgress(`${axis.title}: settling, ${one.peer.name}`);
    const settling = { ...axis.work, connections: SETTLING_CONNECTIONS };
    for (let i = 0; i < SETTLING_TURNS; i++) await lab.turn(settling, one, effort);
  }
  for (const size of sizes) {
    const costs = started.map((): number[] => []);
    for (let round = 0; round < effort.rounds; round++) {
      for (const [i, one] of started.entries()) {
        onProgress(`${axis.title}: ${size}, ${one.peer.name}`);
        costs[i].push(await costOf(lab, axis, size, one, effort));
      }
    }
    costs.forEach((own, i) => points[i].push({ size, cost: Math.min(...own) }));
  }
  for (const one of started) await one.stop();
  const { name, title, operation, bound, from = 0 } = axis;
  return started.map(({ peer }, i) => ({
    axis: name,
    title,
    operation,
    bound: peer.name === 'wirehop' ? bound : null,
    from,
    subject: peer.name,
    points: points[i],
  }));
}

async function costOf(
  lab: Lab,
  axis: SocketAxis,
  size: number,
  started: Started,
  effort: Effort,
): Promise<number> {
  return cpuPerOperation(await lab.turn(atSize(axis, size), started, effort));
}

function atSize({ work }: SocketAxis, connections: number): Work {
  return { ...work, connections, rate: RATE };
}
