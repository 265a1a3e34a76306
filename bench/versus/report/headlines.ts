/** The few figures that say most, for the head of the report and for people in a hurry. */
import { isIdleWork, type Figure, type VersusReport } from '../figures.js';
import { showCount, showNumber } from '../units.js';

/** One figure in large type. */
export interface Headline {
  readonly value: string;
  readonly text: string;
}

const RATIOS: readonly (readonly [work: string, text: string])[] = [
  ['http', 'HTTP keep-alive'],
  ['http-100k', 'responses of 100 KB'],
  ['handshake', 'WebSocket handshake'],
  ['tunnel-64b-64', 'tunnel, 64 B messages'],
  ['tunnel-16kb-64', 'tunnel, 16 KB messages'],
  ['bulk', 'bulk data'],
  ['idle-tunnels', 'memory per idle tunnel'],
];

/** wirehop's cost as a ratio to nginx's. */
export function headlinesOf({ figures }: VersusReport): Headline[] {
  return RATIOS.flatMap(([work, text]) => {
    const ratio = figureFor(figures, work, 'wirehop')?.toNginx;
    return ratio == null ? [] : [{ value: `${ratio.median.toFixed(2)} ×`, text }];
  });
}

/** What a core and a GB carry, by work. */
export interface Capacity {
  readonly title: string;
  /** By peer, '' where it was not measured. */
  readonly cells: readonly string[];
}

const CAPACITIES: readonly (readonly [work: string, title: string])[] = [
  ['http', 'requests per second, keep-alive, 12 B'],
  ['http-100k', 'requests per second, keep-alive, 100 KB'],
  ['http-new', 'requests per second, a connection each'],
  ['tls', 'requests per second, HTTPS keep-alive, 12 B'],
  ['tls-new', 'TLS handshakes with a request per second'],
  ['handshake', 'WebSocket handshakes per second'],
  ['tunnel-64b-64', 'tunnel messages of 64 B per second'],
  ['tunnel-16kb-64', 'tunnel messages of 16 KB per second'],
  ['bulk', 'MB per second through tunnels'],
  ['idle-tunnels', 'idle tunnels in 1 GB'],
  ['idle-connections', 'idle keep-alive connections in 1 GB'],
];

export const CAPACITY_PEERS: readonly string[] = [
  'wirehop',
  'wirehop (net)',
  'nginx',
  'HAProxy',
  'http-proxy-3',
];

/** From CPU time or memory per operation: what one core, or 1 GB of memory, carries when nothing else limits. */
export function capacitiesOf({ figures, works }: VersusReport): Capacity[] {
  return CAPACITIES.flatMap(([name, title]) => {
    const work = works.find((one) => one.name === name);
    if (work === undefined) return [];
    const cells = CAPACITY_PEERS.map((peer) => {
      const cost = figureFor(figures, name, peer)?.cost?.median ?? 0;
      if (cost <= 0) return '';
      const count = (isIdleWork(work) ? 2 ** 20 : 1e6) / cost;
      // Two digits are known, no more.
      return showCount(Number(count.toPrecision(2)));
    });
    return cells.every((cell) => cell === '') ? [] : [{ title, cells }];
  });
}

/** How many times less CPU wirehop takes than the libraries, by work; for a sentence. */
export function timesLess({ figures }: VersusReport, work: string, peer: string): string | null {
  const own = figureFor(figures, work, 'wirehop')?.cost?.median;
  const other = figureFor(figures, work, peer)?.cost?.median;
  return own === undefined || other === undefined ? null : showNumber(other / own);
}

function figureFor(figures: readonly Figure[], work: string, peer: string): Figure | undefined {
  return figures.find((figure) => figure.work === work && figure.peer === peer);
}
