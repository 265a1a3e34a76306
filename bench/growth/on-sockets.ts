/**
 * Growth by what is open: the same rate of operations, spread over more and more connections or tunnels. At a fixed rate
 * as many are under way at a time however many are open, so it is their number alone that could cost something.
 */
import type { Lab } from '../lab/lab.js';
import { cpuPerOperation, type Effort, type Started } from '../lab/lab.js';
import { nginx, wirehop } from '../peers/commands.js';
import { workNamed, type Work } from '../works.js';
import type { Axis, Curve, Point } from './curve.js';

export interface SocketAxis extends Axis {
  readonly work: Work;
}

const RATE = 4000;
const SIZES = [1, 10, 100, 1000, 9000];

export const SOCKET_AXES: readonly SocketAxis[] = [
  { name: 'connections', title: 'open connections', operation: 'a request', work: workNamed('http') },
  {
    name: 'tunnels',
    title: 'open tunnels',
    operation: 'a message of 64 B',
    work: workNamed('tunnel-64b-64'),
  },
].map((axis) => ({ ...axis, sizes: SIZES, bound: 2 }));

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
  const sizes = axis.sizes.filter((size) => size <= effort.mostSize);
  const points = started.map((): Point[] => []);
  for (const one of started) await lab.turn(atSize(axis, 100), one, effort);
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
  const { name, title, operation, bound } = axis;
  return started.map(({ peer }, i) => ({
    axis: name,
    title,
    operation,
    bound: peer.name === 'wirehop' ? bound : null,
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
