/** A promise that is kept at a moment of virtual time, inside a step: what goes wrong behind it ends the run. */
import type { Agenda } from './agenda.js';

export class Promised<T> extends Promise<T> {
  /** @param find called when the time has come, once for each that waits */
  constructor(
    private readonly agenda: Agenda,
    private readonly delayMs: number,
    private readonly find: () => T,
  ) {
    super(() => undefined);
  }

  override then<A = T, B = never>(
    kept?: ((value: T) => A | PromiseLike<A>) | null,
    _broken?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.agenda.after(this.delayMs, () => kept?.(this.find()));
    // Nobody waits for what comes of it.
    return this as unknown as Promise<A | B>;
  }
}
