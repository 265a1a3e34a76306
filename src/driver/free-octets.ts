/**
 * Gives memory back to the system's allocator at once, by the public API alone.
 *
 * Node takes new memory for every read of an accepted socket. Left to the collector, tens of MB of it are under way
 * between two collections when much is read: each read then has memory that the processor has not in its caches, and
 * that the allocator has given back to the kernel and has to be given anew, page by page. Given back after use, the
 * next read has the same memory again.
 */
import { MessageChannel } from 'node:worker_threads';

/** ES2024, Node 22 on. */
interface Transferable extends ArrayBuffer {
  transfer?(octets: number): ArrayBuffer;
}

/**
 * Gives back what a Buffer consists of: it has no octets afterwards. For whoever alone has its memory. What is clearly a
 * part of larger memory, as Node's pool, stays as it is.
 */
export const freeOctets: (buffer: Buffer) => void =
  (ArrayBuffer.prototype as Transferable).transfer === undefined ? freeByPort : freeByTransfer;

function freeByTransfer(buffer: Buffer): void {
  if (isAlone(buffer)) (buffer.buffer as Transferable).transfer!(0);
}

/** A port that is closed: what is transferred through it arrives nowhere, and is freed. */
let closedPort: MessageChannel['port1'] | null = null;

/** For Node 20: what is posted is owned by the message, and a message to a closed port is dropped at once. */
export function freeByPort(buffer: Buffer): void {
  if (!isAlone(buffer)) return;
  if (closedPort === null) {
    closedPort = new MessageChannel().port1;
    closedPort.close();
  }
  closedPort.postMessage(null, [buffer.buffer as ArrayBuffer]);
}

/**
 * Whether a Buffer is its memory, but for what a read left over at its end (Node 26 does not copy what fills more than
 * half). What Node's pool hands out is always less than half of the pool.
 */
function isAlone({ buffer, byteOffset, length }: Buffer): boolean {
  return length > 0 && byteOffset === 0 && length * 2 >= buffer.byteLength;
}
