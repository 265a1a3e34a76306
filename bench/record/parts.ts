/** The parts of a recording, in the order in which they are done, and about how long each takes. */
import { AXES } from '../growth/run.js';
import { isIdleWork } from '../versus/figures.js';
import { WORKERS_PARTS, type WorkersPart } from '../workers/run.js';
import { WORKS, type Work } from '../works.js';

export type RecordPart =
  | { readonly kind: 'versus'; readonly name: string; readonly seconds: number; readonly work: Work }
  | { readonly kind: 'growth'; readonly name: string; readonly seconds: number; readonly axis: string }
  | { readonly kind: 'workers'; readonly name: string; readonly seconds: number; readonly half: WorkersPart };

/** To start a peer, and to let it settle. */
const START_SECONDS = 3;
const TURN_SECONDS = 1;
const IDLE_TURN_SECONDS = 9;
const RATE_TURN_SECONDS = 3;
const AXIS_SECONDS = 130;
const WORKERS_SECONDS: Readonly<Record<WorkersPart, number>> = { rates: 120, shares: 200 };

/** @param peers how many there are, @param rounds of each work */
export function partsOf(peers: number, rounds: number, measureMs: number): RecordPart[] {
  return [
    ...WORKS.map((work): RecordPart => {
      const seconds = peers * (START_SECONDS + rounds * turnSeconds(work, measureMs));
      return { kind: 'versus', name: `versus-${work.name}`, seconds, work };
    }),
    ...AXES.map((axis): RecordPart => ({
      kind: 'growth',
      name: `growth-${axis}`,
      seconds: AXIS_SECONDS,
      axis,
    })),
    ...WORKERS_PARTS.map((half): RecordPart => ({
      kind: 'workers',
      name: `workers-${half}`,
      seconds: WORKERS_SECONDS[half],
      half,
    })),
  ];
}

function turnSeconds(work: Work, measureMs: number): number {
  if (isIdleWork(work)) return IDLE_TURN_SECONDS;
  return (work.rate === undefined ? TURN_SECONDS : RATE_TURN_SECONDS) + measureMs / 1000;
}
