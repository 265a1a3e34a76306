/**
 * The place of the upstream half in an answer of wirehop's own whose content is read as it goes, such as a file: octets
 * come in as an upstream's would, and stop where the downstream side does not take them. Part of a connection,
 * which owns it while such an answer goes out.
 */
import { Fault } from '../error.js';
import { writeAnswerHead } from './answer.js';
import type { Answering } from './answering.js';
import { ABORT, CLOSE, UPSTREAM } from './effects.js';
import type { ContentSource, RespondPlan } from './policy.js';
import { RESPONSE_IN } from './phases.js';

/** One answer on its way. */
export class SourceSide {
  /** Octets that are still to come. */
  private left: number;
  /** The head waits for the first octets: both leave in one write. */
  private hasBegun = false;

  constructor(
    private readonly connection: Answering,
    private readonly plan: RespondPlan,
    private readonly status: number,
    private readonly source: ContentSource,
  ) {
    this.left = source.octets;
    connection.effects.open(source);
  }

  /** chunk[start, end) was read: no more than is left of it goes on. */
  receive(chunk: Buffer, start: number, end: number): void {
    const { connection } = this;
    const until = Math.min(end, start + this.left);
    connection.upstream.lastOctetAt = connection.now;
    if (!this.hasBegun) this.writeHead();
    this.left -= until - start;
    connection.send(chunk, start, until);
    if (this.left > 0) return;
    connection.effects.add(CLOSE, UPSTREAM);
    connection.source = null;
    connection.stepResponse(RESPONSE_IN.END);
    if (connection.exchange!.outcome === 'open') connection.exchange!.outcome = 'complete';
    connection.settle();
  }

  private writeHead(): void {
    const { connection, plan, status, source } = this;
    const { out, rules } = connection;
    this.hasBegun = true;
    // It may have begun to drain since the answer was decided on.
    if (connection.mustClose()) connection.closes = true;
    const { closes, exchange } = connection;
    writeAnswerHead(out, exchange!, status, plan.edits, source.octets, closes, rules.keepAliveLines);
    connection.writeOut();
  }

  /** The source gives no more, or has failed: nobody must take what went out for the whole. @param detail '' for an end */
  failed(detail: string): void {
    // The length is in the head, so a close shows what is missing.
    this.connection.endAll('refused', new Fault('SOURCE_FAILED', 'internal', -1, detail), CLOSE);
  }

  /** The answer is given up. */
  drop(): void {
    this.connection.source = null;
    this.connection.effects.add(ABORT, UPSTREAM);
  }
}
