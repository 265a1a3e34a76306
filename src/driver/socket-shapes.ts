/**
 * Makes Node 20 make sockets faster; later versions need no help. Changes nothing that can be seen.
 *
 * `new net.Socket` copies its options and sets a few more of them in the copy. V8 11.3 gives such a copy a hidden class
 * from which it remembers no way on, so each socket makes hidden classes of its own and misses every inline cache that
 * its options meet: 7 us for a socket. Once options of more shapes than an inline cache holds were copied, V8 copies them
 * in a way that has no such fault: 0.6 us. Options that are ours have what Node sets in the first place (net-transport.ts);
 * those of accepted sockets are Node's own.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';

/** An inline cache holds four. */
const SHAPES = 8;
/** V8 notes shapes from the second or third run of a function on. */
const TIMES = 4;

let isDone = false;

/** Call it before sockets are accepted. Costs less than a millisecond, once. */
export function warmSockets(): void {
  if (isDone || !process.versions.node.startsWith('20.')) return;
  isDone = true;
  for (let count = 1; count <= SHAPES; count++) {
    const options: Record<string, boolean> = {};
    for (let i = 0; i < count; i++) options[`shape${count}${i}`] = false;
    for (let i = 0; i < TIMES; i++) new Socket(options as SocketConstructorOpts);
  }
}
