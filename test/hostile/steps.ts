/**
 * What a peer in a hostile case does, in order: octets, pauses, ends. One notation for both sides.
 */
import type { Socket } from 'node:net';

/** Ends the sending half. */
export const FIN = Symbol('FIN');
/** Resets the connection. */
export const RST = Symbol('RST');
/** Origins only, as the first step: begin when the request's head is there instead of all of it. */
export const EARLY = Symbol('EARLY');
/** Origins only: wait until the request is whole. */
export const WHOLE = Symbol('WHOLE');

/** Waits until what was received holds this. */
export interface Await {
  readonly text: string;
}
export function until(text: string): Await {
  return { text };
}

/** Octets one by one, a millisecond between them. */
export interface Drip {
  readonly drip: string;
}
export function drip(text: string): Drip {
  return { drip: text };
}

/** Octets as Latin-1 text, a pause in ms, or one of the above. */
export type Step = string | number | symbol | Await | Drip;

/** A pause after which octets sent before it have arrived on their own. */
export const LATER = 25;

/** The path of every case in the tables; the runner puts the case's own in its place, which is as long. */
export const P = '/c0000/';

/** `text` with the paths of one case. */
export function inSlot(text: string, slot: number): string {
  return text.replaceAll(P, pathOf(slot));
}

export function stepsInSlot(steps: readonly Step[], slot: number): Step[] {
  return steps.map((step) => {
    if (typeof step === 'string') return inSlot(step, slot);
    if (typeof step !== 'object') return step;
    return 'text' in step ? until(inSlot(step.text, slot)) : drip(inSlot(step.drip, slot));
  });
}

export function pathOf(slot: number): string {
  return `/c${String(slot).padStart(4, '0')}/`;
}

/** Longest wait for anything that a step awaits. */
const AWAIT_LIMIT_MS = 3000;
const POLL_MS = 3;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Carries the steps out on a socket.
 * @param received what has come so far
 * @param isWhole whether the request is whole, for {@link WHOLE}
 */
export async function carryOut(
  socket: Socket,
  steps: readonly Step[],
  received: () => string,
  isWhole: () => boolean = () => true,
): Promise<void> {
  for (const step of steps) {
    if (socket.destroyed) return;
    if (typeof step === 'string') socket.write(Buffer.from(step, 'latin1'));
    else if (typeof step === 'number') await pause(step);
    else if (step === FIN) socket.end();
    else if (step === RST) socket.resetAndDestroy();
    else if (step === WHOLE) await poll(() => isWhole() || socket.destroyed);
    else if (typeof step !== 'object') continue;
    else if ('text' in step) await poll(() => received().includes(step.text) || socket.destroyed);
    else await dripOut(socket, step.drip);
  }
}

async function dripOut(socket: Socket, text: string): Promise<void> {
  for (const octet of text) {
    if (socket.destroyed) return;
    socket.write(Buffer.from(octet, 'latin1'));
    await pause(1);
  }
}

/** Waits for `condition`; answers whether it came true in time. */
export async function poll(condition: () => boolean, limitMs = AWAIT_LIMIT_MS): Promise<boolean> {
  for (const deadline = Date.now() + limitMs; !condition();) {
    if (Date.now() > deadline) return false;
    await pause(POLL_MS);
  }
  return true;
}
