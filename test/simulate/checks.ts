/** Rules that concern more than one model: who may be answered by the proxy itself, and in which order requests go. */
import { type Entry, type Ledger, Violation } from './ledger.js';
import type { StrictHead } from './strict-reader.js';
import type { World } from './world.js';

export class Checks {
  /** By connection: the last ordinal that reached an origin. */
  private readonly last = new Map<number, Entry>();

  constructor(
    private readonly world: World,
    private readonly ledger: Ledger,
  ) {}

  /**
   * A request head has reached an origin.
   * @param isLate the proxy has given this connection up, and the origin reads what was still under way
   */
  forwarded(entry: Entry, isLate: boolean): void {
    const { script } = entry;
    const name = `${script.token} (${script.method})`;
    if (!entry.headReceived) throw new Violation('a request that the strict reader does not see', name);
    if (script.broken?.head !== undefined)
      throw new Violation('a broken head was forwarded', `${name} ${script.broken.name}`);
    if (script.plan === 'respond' || script.plan === 'silent')
      throw new Violation('forwarded against the plan', name);
    if (entry.isDenied) throw new Violation('forwarded though it was denied', name);
    if (entry.attempts > 0 && !entry.isIdempotent)
      throw new Violation('a request was repeated that must not be', name);
    if (entry.status > 0 && !entry.isLocal && !isLate)
      throw new Violation('forwarded though it was answered', name);
    if (isLate) return;
    const last = this.last.get(script.connection);
    if (last !== undefined && last !== entry) {
      if (last.script.ordinal > script.ordinal) throw new Violation('requests out of order', name);
      if (last.finished === 0) throw new Violation('a request in front of its turn', name);
    }
    this.last.set(script.connection, entry);
  }

  /** An answer without a token came: the proxy's own. */
  localAnswer(entry: Entry, head: StrictHead): void {
    const { script, connection } = entry;
    const { status } = head;
    const name = `${script.token}: ${status}`;
    this.world.figures.localAnswers++;
    entry.isLocal = true;
    if (status === 403 && entry.isDenied) return;
    if (script.broken !== null) {
      // An early failure of the origin comes in front of what is wrong with the content.
      const isEarlyFailure = script.broken.content !== undefined && (status === 502 || status === 504);
      if (!isEarlyFailure && !script.broken.statuses.includes(status) && !isOwn(entry, status)) {
        throw new Violation('status of a refusal', `${name} for ${script.broken.name}`);
      }
      if (status !== 200 && head.keepsAlive && !isEarlyFailure)
        throw new Violation('kept open behind a refusal', name);
      return;
    }
    if (isOwn(entry, status)) return;
    if (!FAILURES.includes(status)) throw new Violation('status of an answer', name);
    if (connection.isCalm && !this.world.mayRefuse) {
      throw new Violation('a good request was not answered', `${name}, ${entry.faults.join(', ')}`);
    }
  }

  /** So many octets of content of an answer have come by now. */
  paced(entry: Entry, content: number): void {
    const { rate, script } = entry;
    if (rate === null) return;
    const seconds = Math.floor((this.world.agenda.now - rate.since) / 1000) + 1;
    if (content > rate.perSecond * seconds + rate.after)
      throw new Violation('an answer is faster than its rate', `${script.token}: ${content} in ${seconds} s`);
  }

  /** The origin’s end of a tunnel has come through: everything in front of it must have, too. */
  tunnelDown(entry: Entry): void {
    const { earlyDown, down } = entry.script.tunnel!;
    if (entry.tunnelDown !== earlyDown + down && !this.world.mayRefuse) {
      throw new Violation(
        'octets of a tunnel are missing, downstream',
        `${entry.script.token}: ${entry.tunnelDown} of ${earlyDown + down}`,
      );
    }
  }

  /** Everything is over: what was promised must have come. */
  atEnd(): void {
    for (const entry of this.ledger.all()) {
      if (entry.finished > 1) throw new Violation('an exchange was finished twice', entry.script.token);
      if (entry.attempts > 0 && entry.finished === 0) {
        throw new Violation('an exchange was never finished', entry.script.token);
      }
    }
  }
}

/** The location answers by itself. */
function isOwn(entry: Entry, status: number): boolean {
  return entry.script.plan === 'respond' && status === 200;
}

/** What may be answered for an origin that fails, or a client that stalls. */
const FAILURES = [408, 502, 504];
