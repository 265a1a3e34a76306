/** The load program of a run, a process of its own: jobs come in over IPC, one result goes back for each. */
import type { LoadJob, LoadResult, WorkKind } from '../lab/messages.js';
import { IdleTurn } from './idle-turn.js';
import { ConnectionSlot, HandshakeSlot, RequestSlot } from './request-slots.js';
import type { Slot, Turn } from './slot.js';
import { DownloadSlot, EchoSlot, MessageSlot } from './tunnel-slots.js';
import { LoadTurn, NO_FIGURES } from './turn.js';

const SLOTS: Record<WorkKind, new (turn: Turn, index: number) => Slot> = {
  request: RequestSlot,
  connection: ConnectionSlot,
  handshake: HandshakeSlot,
  message: MessageSlot,
  download: DownloadSlot,
  echo: EchoSlot,
  'idle-tunnel': MessageSlot,
  'idle-connection': RequestSlot,
};

function run(job: LoadJob): void {
  const report = (result: LoadResult): void => void process.send?.(result);
  const makeSlot = (turn: Turn, index: number): Slot => new SLOTS[job.kind](turn, index);
  const Kind = job.kind === 'idle-tunnel' || job.kind === 'idle-connection' ? IdleTurn : LoadTurn;
  try {
    new Kind(job, makeSlot, report);
  } catch (error) {
    report({ ...NO_FIGURES, failure: String(error) });
  }
}

process.on('message', run);
// The run is gone, in whatever way: so is its load.
process.on('disconnect', () => process.exit(0));
