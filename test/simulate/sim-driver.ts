/** The driver and its wheel as they are, in virtual time. */
import { Driver } from '../../src/driver/driver.js';
import type { Link } from '../../src/driver/pool.js';
import type { Session } from '../../src/driver/pump.js';
import { Endpoint, type Network } from '../../src/driver/transport.js';
import { TICK_MS, Wheel, type WheelEntry } from '../../src/driver/wheel.js';

import type { Agenda } from './agenda.js';

/** The driver as it is, except that it says who dials. */
export class SimDriver extends Driver {
  constructor(
    network: Network & { readonly agenda: Agenda },
    workerConnections: number,
    wheel: Wheel,
    private readonly onDial: (session: Session) => void,
  ) {
    const { agenda } = network;
    super({
      workerConnections,
      network,
      time: {
        now: () => agenda.now,
        defer: (act) => {
          const happening = agenda.after(0, act);
          return () => (happening.isCancelled = true);
        },
        wheel,
      },
    });
  }

  override dial(...args: Parameters<Driver['dial']>): Link | null {
    this.onDial(args[0]);
    return super.dial(...args);
  }
}

/** The wheel as it is, turned by virtual time. */
export class SimWheel extends Wheel {
  private isTurning = false;
  constructor(private readonly agenda: Agenda) {
    super(() => agenda.now);
  }
  override start(): void {
    if (this.isTurning) return;
    this.isTurning = true;
    const turn = (): void => {
      if (!this.isTurning) return;
      this.turn(this.agenda.now);
      this.agenda.after(TICK_MS, turn);
    };
    this.agenda.after(TICK_MS, turn);
  }
  override stop(): void {
    this.isTurning = false;
  }
  /** Entries in the wheel. */
  count(): number {
    const { slots } = this as unknown as { slots: (WheelEntry | null)[] };
    let count = 0;
    for (const head of slots) for (let entry = head; entry !== null; entry = entry.after) count++;
    return count;
  }
}

export class SimEndpoint extends Endpoint {
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort = 1;
  readonly localAddress = '192.0.2.2';
  readonly localPort = 80;
  override readonly secure = false;
  constructor(override readonly openedAt: number) {
    super();
  }
}

/** Events of a transport that nobody has taken over yet. */
export const NOTHING = {
  onChunk: (): void => undefined,
  onEnd: (): void => undefined,
  onFailure: (): void => undefined,
  onDrain: (): void => undefined,
};
