/**
 * Evens out who accepts. Workers share the listening sockets, and the kernel wakes all that wait; the one that is quickest,
 * or was first to listen, takes most. So a worker that has far more connections than its share rests: it stops listening
 * until the others have caught up. Pure decisions; `master.ts` carries them out.
 *
 * A rest is short, and none begins anew unless somebody else accepted meanwhile: should the others hang, the one that
 * works goes on alone.
 */

/** Connections above its share that a worker may have: few are no unevenness worth a message. */
const SLACK = 8;
/** And this part of the share. */
const SLACK_SHARE = 1 / 8;

/** The longest rest, in ms. */
export const REST_LIMIT_MS = 1000;

interface Load {
  /** Connections open now. */
  open: number;
  /** Connections accepted so far. */
  accepted: number;
  rests: boolean;
  /** What the others had accepted when its last rest began. */
  othersThen: number;
}

/** What one worker is to do. */
export interface Turn<W> {
  readonly worker: W;
  readonly rests: boolean;
}

/** The workers of one configuration. */
export class Balance<W> {
  private readonly loads = new Map<W, Load>();

  /** The worker accepts from now on. */
  add(worker: W): void {
    this.loads.set(worker, { open: 0, accepted: 0, rests: false, othersThen: -1 });
  }

  /** The worker has ended. Whoever rests does so no longer: it may be the last one. */
  remove(worker: W): Turn<W>[] {
    this.loads.delete(worker);
    return [...this.loads].filter(([, { rests }]) => rests).map(([resting]) => this.wake(resting));
  }

  /** A worker tells how it is. Answers who rests from now on, and who does no longer. */
  report(worker: W, accepted: number, open: number): Turn<W>[] {
    const load = this.loads.get(worker);
    if (load === undefined) return [];
    load.accepted = accepted;
    load.open = open;
    const turns: Turn<W>[] = [];
    const share = this.sum(({ open: one }) => one) / this.loads.size;
    const slack = Math.max(SLACK, share * SLACK_SHARE);
    for (const [one, its] of this.loads) {
      const ahead = its.open - share;
      if (its.rests) {
        // Half of the way back, so that it is not sent away again at once.
        if (ahead <= slack / 2) turns.push(this.wake(one));
      } else if (ahead > slack && this.mayRest(its)) {
        its.rests = true;
        its.othersThen = this.acceptedByOthers(its);
        turns.push({ worker: one, rests: true });
      }
    }
    return turns;
  }

  /** The rest has lasted long enough. */
  expire(worker: W): Turn<W>[] {
    return this.loads.get(worker)?.rests === true ? [this.wake(worker)] : [];
  }

  private wake(worker: W): Turn<W> {
    this.loads.get(worker)!.rests = false;
    return { worker, rests: false };
  }

  /** Somebody else must be there to accept, and must have done so since the last time. */
  private mayRest(load: Load): boolean {
    const others = [...this.loads.values()].filter((other) => other !== load && !other.rests);
    return others.length > 0 && this.acceptedByOthers(load) > load.othersThen;
  }

  private acceptedByOthers(load: Load): number {
    return this.sum(({ accepted }) => accepted) - load.accepted;
  }

  private sum(of: (load: Load) => number): number {
    let total = 0;
    for (const load of this.loads.values()) total += of(load);
    return total;
  }
}
