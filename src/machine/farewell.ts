/**
 * The end of a WebSocket tunnel that the proxy wants: a Close frame towards the client, at a boundary between frames, and
 * then silence in that direction. Decides when; part of {@link UpstreamSide}, which sends.
 *
 * The client answers with a Close frame of its own, which passes to the upstream side like everything that it sends, so
 * both ends see a closing handshake (RFC 6455 7.1.2), nothing is sent in the client's name, and what the client sent
 * before arrives. A boundary is known only to who has counted from the first octet, so the frames of one direction are
 * walked over from the beginning, where the configuration asks for it.
 */
import { closeFrame } from '../wire/websocket/close-frame.js';
import { FrameWalker } from '../wire/websocket/frame-walker.js';
import type { FarewellRules } from './policy.js';

/** Nobody wants the tunnel's end. */
const OPEN = 0;
/** The Close frame is sent at the next boundary. */
const WANTED = 1;
/** It is sent: nothing may follow it. */
const SENT = 2;
/** The upstream side sent a Close frame first: the tunnel ends without us. */
const NEEDLESS = 3;

export class Farewell {
  /** Monotonic ms at which {@link expire} has something to do, or Infinity. */
  deadline = Infinity;
  private state = OPEN;
  private readonly walker = new FrameWalker();

  constructor(readonly rules: FarewellRules) {}

  /** The tunnel is to end. @param share from 0 to 1: how far into the spread this one is told */
  begin(now: number, share: number): void {
    if (this.state === OPEN && this.deadline === Infinity) this.deadline = now + share * this.rules.spreadMs;
  }

  /**
   * octets[start, end) came from the upstream side.
   * @returns how far they go downstream; behind that {@link isDue} says whether the Close frame follows
   */
  pass(octets: Uint8Array, start: number, end: number): number {
    if (this.state === SENT) return start;
    const { walker } = this;
    if (this.state !== WANTED) {
      walker.walk(octets, start, end);
      return end;
    }
    for (let at = start; at < end;) {
      at = walker.step(octets, at, end);
      if (this.isDue) return at;
    }
    return end;
  }

  /** The Close frame is to be sent here and now. */
  get isDue(): boolean {
    const { walker } = this;
    return this.state === WANTED && walker.atBoundary && !walker.inMessage && !this.comesTooLate();
  }

  /** The Close frame. Made for the occasion: it comes once in a tunnel's life. */
  frame(): Buffer {
    return closeFrame(this.rules.code, this.rules.reason);
  }

  /** The Close frame was sent. */
  sent(now: number): void {
    this.state = SENT;
    this.deadline = now + this.rules.answerMs;
  }

  /**
   * The deadline has passed.
   * @returns whether the tunnel must be closed as it is: no boundary came, or no answer
   */
  expire(now: number): boolean {
    if (this.state === OPEN) {
      this.state = WANTED;
      this.deadline = now + this.rules.answerMs;
      this.comesTooLate();
      return false;
    }
    return this.state === WANTED || this.state === SENT;
  }

  /** The upstream side said goodbye itself. */
  private comesTooLate(): boolean {
    if (!this.walker.sawClose) return false;
    this.state = NEEDLESS;
    this.deadline = Infinity;
    return true;
  }
}
