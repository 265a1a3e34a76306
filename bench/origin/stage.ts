/** Where octets of the shared read buffer are laid down to be sent back: the next read would overwrite them there. */
import type { Socket } from '../sockets/socket.js';

const STAGE_OCTETS = 262144;
/** Views of the stage are kept up to this length. */
const KEPT_VIEW_OCTETS = 16384;

let stage = Buffer.allocUnsafeSlow(STAGE_OCTETS);
let views: (Buffer | undefined)[] = [];

/** Sends a copy of octets[start, end), at most {@link STAGE_OCTETS} of them. */
export function sendCopy(socket: Socket, octets: Buffer, start: number, end: number): void {
  const length = end - start;
  octets.copy(stage, 0, start, end);
  const view =
    length > KEPT_VIEW_OCTETS ? stage.subarray(0, length) : (views[length] ??= stage.subarray(0, length));
  socket.write(view);
  if (!socket.isBlocked) return;
  // The memory belongs to that write until it is done.
  stage = Buffer.allocUnsafeSlow(STAGE_OCTETS);
  views = [];
}
