/**
 * One simulated connection between a model (a client or an origin) and the proxy: two flows of octets, and what the
 * ends do to each other. Behaves as a kernel may, not as it usually does.
 */
import type { TransportEvents } from '../../src/driver/transport.js';
import type { Agenda } from './agenda.js';
import { Flow, type WireProfile } from './flow.js';
import { Prng } from './prng.js';
import { SimTransport } from './sim-transport.js';

/** What the simulation wants to know about every wire. */
export interface WireObserver {
  readonly agenda: Agenda;
  /** Octets are about to be given to the proxy. */
  onReceived(wire: Wire, octets: Buffer): void;
  /** The proxy was given an input through this wire, and has acted on it. */
  onActed(wire: Wire): void;
  /** `octets` more, or less, wait in transports. */
  onWaiting(wire: Wire, octets: number): void;
  /** The proxy let go of its end. */
  onLetGo(wire: Wire): void;
  /** Shared read buffer for transports that only lend their chunks, or null where they own them. */
  readonly lent: Buffer | null;
}

/** Told by a wire about its model's end. */
export interface ModelEvents {
  onOctets(octets: Buffer): void;
  onPeerEnd(): void;
  onPeerReset(): void;
  /** Everything that was sent has left. */
  onSent(): void;
}

/** A connection: the proxy's end is {@link transport}, the model's end are the methods. */
export class Wire {
  readonly transport: SimTransport;
  /** @internal */
  readonly toProxy: Flow;
  /** @internal */
  readonly fromProxy: Flow;
  /** The model has closed or reset its end. */
  isLeft = false;
  /** The proxy has let go of its end. */
  isLetGo = false;
  private reads = true;
  private readonly outbox: { octets: Buffer; isAtomic: boolean }[] = [];
  private endsAfter = false;

  constructor(
    readonly observer: WireObserver,
    readonly profile: WireProfile,
    seed: number,
    events: TransportEvents,
    private readonly model: ModelEvents,
  ) {
    const { agenda } = observer;
    const prng = new Prng(seed);
    this.prng = prng;
    this.transport = new SimTransport(this, events, (seed & 1) === 0);
    const { transport } = this;
    this.toProxy = new Flow(agenda, prng, profile, profile.roomToProxy, {
      wants: () => transport.isConnected && (transport.reads || transport.isGone),
      onChunk: (octets) => transport.receive(octets),
      onEnd: () => transport.receiveEnd(),
      onReset: () => transport.fail(),
    });
    this.fromProxy = new Flow(agenda, prng, profile, profile.roomFromProxy, {
      wants: () => this.reads && !this.isLeft,
      onChunk: (octets) => model.onOctets(octets),
      onEnd: () => model.onPeerEnd(),
      onReset: () => {
        this.leave();
        model.onPeerReset();
      },
    });
    this.toProxy.onSpace = () => this.push();
    // The proxy learns of room on a later turn.
    this.fromProxy.onSpace = () => {
      if (transport.waitingOctets > 0) agenda.after(0, () => transport.flush());
    };
  }
  private readonly prng: Prng;
  private isEndSent = false;
  private hasBounced = false;

  // ---- The model's end

  send(octets: Buffer, isAtomic = false): void {
    if (this.isLeft || this.endsAfter) return;
    this.outbox.push({ octets, isAtomic });
    this.push();
  }

  /** Octets that the system had no room for yet. */
  get isSending(): boolean {
    return this.outbox.length > 0;
  }

  end(): void {
    if (this.isLeft || this.endsAfter) return;
    this.endsAfter = true;
    this.push();
  }

  /** Closes both halves: what still comes makes the system answer with a reset. */
  close(): void {
    if (this.isLeft) return;
    this.end();
    this.fromProxy.kill();
    this.isLeft = true;
  }

  reset(): void {
    if (this.isLeft) return;
    this.leave();
    this.hasBounced = true;
    if (this.prng.chance(50)) this.toProxy.purge();
    this.toProxy.sign('reset');
    const { transport } = this;
    if (transport.waitingOctets > 0) transport.failSoon();
  }

  /** Stops reading, or goes on. */
  read(wanted: boolean): void {
    this.reads = wanted;
    if (wanted) this.fromProxy.schedule();
  }

  private push(): void {
    const { outbox } = this;
    if (this.isLetGo) {
      // Nobody is there: the system answers with a reset.
      if (outbox.length > 0 && !this.isLeft && !this.hasBounced) this.signReset();
      outbox.length = 0;
      return;
    }
    const wasSending = outbox.length > 0;
    while (outbox.length > 0) {
      const [first] = outbox;
      const taken = this.toProxy.push(first.octets, first.isAtomic);
      if (taken < first.octets.length) {
        first.octets = first.octets.subarray(taken);
        return;
      }
      outbox.shift();
    }
    if (this.endsAfter && !this.isEndSent) {
      this.isEndSent = true;
      this.toProxy.sign('end');
    }
    if (wasSending && !this.isLeft) this.model.onSent();
  }

  private leave(): void {
    this.isLeft = true;
    this.outbox.length = 0;
    this.fromProxy.kill();
  }

  // ---- What the proxy's end does to the model's

  /** @internal The proxy closes its end: with octets unread, or still coming, the system resets the connection. */
  letGo(wasEnded: boolean, reset: boolean): void {
    const isUnread = this.toProxy.used > 0 || this.outbox.length > 0;
    this.lost();
    if (this.isLeft) return;
    if (reset || isUnread) {
      this.signReset();
    } else if (!wasEnded) {
      this.fromProxy.sign('end');
    }
  }

  /** @internal Octets were written to a model that has closed: a reset comes back. */
  bounce(): void {
    if (!this.isLeft || this.hasBounced) return;
    this.hasBounced = true;
    this.toProxy.sign('reset');
    if (this.transport.waitingOctets > 0) this.transport.failSoon();
  }

  /** A reset for the model. Octets that have not been delivered may be lost with it, or not. */
  private signReset(): void {
    this.hasBounced = true;
    if (this.prng.chance(50)) this.fromProxy.purge();
    this.fromProxy.sign('reset');
  }

  /** @internal */
  lost(): void {
    if (this.isLetGo) return;
    this.isLetGo = true;
    this.toProxy.kill();
    this.outbox.length = 0;
    this.observer.onLetGo(this);
  }
}
