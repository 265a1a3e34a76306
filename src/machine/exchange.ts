/**
 * One request and its response: what a policy and a log line may read. Decides nothing; the connection fills it.
 */
import type { Fault, Side } from '../error.js';
import { Head } from '../message/head.js';
import type { ConnectionFacts, Peer, Plan } from './policy.js';

/** One try of one peer. Times are monotonic ms; -1 until they are known. */
export class Attempt {
  /** The connection was there. */
  connectedAt = -1;
  /** First octet of the response head came. */
  headAt = -1;
  /** It was given up, or its response was whole. */
  endedAt = -1;
  /** Final status the peer answered with, 0 before; the status it was given up with (502, 504) if it failed. */
  status = 0;
  /** Octets sent to the peer, the head included. */
  octetsSent = 0;
  /** Octets received from the peer, heads and framing included. */
  octetsReceived = 0;
  /** Octets of response content, its transfer coding removed ($upstream_response_length). */
  contentOctets = 0;
  /** The connection came from the pool. */
  reused = false;
  /** First try behind an internal redirection. */
  startsPass = false;

  constructor(
    /** Who was tried. */
    readonly peer: Peer,
    /** The connection was asked for. */
    readonly startedAt: number,
  ) {}
}

/** What ended an exchange or a tunnel. */
export type Outcome =
  'open' | 'complete' | 'refused' | 'downstream-closed' | 'upstream-failed' | 'tunnel-closed';

const NO_POOL = { maxIdle: 0, idleTimeoutMs: 0, maxRequests: 1, maxAgeMs: 0 };
const NO_HEAD = new Head(0);
const NO_ATTEMPTS: Attempt[] = [];

/** Created when a request head is complete, or when one is refused. */
export class Exchange {
  /** Valid until Policy.finished returns. Empty (length 0) if the head was refused before it was whole. */
  request: Head;
  /** The upstream's final response head; empty until it is there. */
  response: Head = NO_HEAD;
  /** What the policy decided; undefined before. */
  plan: Plan | undefined = undefined;
  /** The policy's own. */
  context: unknown = undefined;
  /** Number of this request on its connection, from 1 ($connection_requests). */
  readonly ordinal: number;

  /** Monotonic ms of the head's first octet. */
  readonly startedAt: number;
  /** Monotonic ms; -1 while it goes on. */
  endedAt = -1;
  /** Status sent downstream, 0 before; 499 when the downstream side left first, as in nginx. */
  status = 0;
  /** Octets of head and content received ($request_length). */
  octetsReceived = 0;
  /** Octets sent downstream ($bytes_sent), the head included. */
  octetsSent = 0;
  /** Octets of the response head sent, interim responses included. */
  headOctetsSent = 0;
  /** Every try in order; shared and empty until the first. */
  attempts: readonly Attempt[] = NO_ATTEMPTS;
  /** Index of the first try behind the last internal redirection. */
  passStart = 0;
  /** How it ended; `open` while it goes on. */
  outcome: Outcome = 'open';
  /** Set by a policy with its plan: the plan is carried out only after this (limit_req). */
  delayMs = 0;
  /** What went wrong, if anything did: for a tunnel, why it closed. */
  fault: Fault | null = null;
  /** Protocols were switched: everything behind the heads is a tunnel's. */
  tunnelled = false;
  /** Which side ended a tunnel first, by an end or a failure; `internal` when wirehop did. null before. */
  tunnelEndedBy: Side | null = null;
  /** The request head sent upstream carried an offer to switch. */
  offered = false;
  /** Of a subrequest: the exchange that it was made for. */
  main: Exchange | null = null;
  /** The answer's head went out, and the connection stays behind it. */
  keepsConnection = false;
  /** The answer's content goes out in chunks. */
  isChunked = false;

  constructor(
    /** The connection that it came on. A policy may put another in its place that knows the client better. */
    public connection: ConnectionFacts,
    request: Head,
    ordinal: number,
    startedAt: number,
  ) {
    this.request = request;
    this.ordinal = ordinal;
    this.startedAt = startedAt;
  }

  /** The attempt that is under way, or the last one. */
  get attempt(): Attempt | undefined {
    return this.attempts[this.attempts.length - 1];
  }

  /**
   * The upstream's response head is of no use any more: its storage goes to another exchange. A policy may say so of a
   * tunnel that begins.
   */
  forgetResponse(): void {
    this.response = NO_HEAD;
  }

  /**
   * A request of the proxy's own on behalf of this one, about which something has to be found out: see
   * {@link AskPlan.ask}. It has the same head and no content; its answer goes nowhere.
   */
  fork(now: number): Exchange {
    const subrequest = new Exchange(this.connection, this.request, this.ordinal, now);
    subrequest.main = this;
    subrequest.octetsReceived = this.octetsReceived;
    return subrequest;
  }

  /** The request is forwarded anew, by another plan: what an upstream answered before is forgotten. */
  beginPass(plan: Plan): void {
    this.plan = plan;
    this.passStart = this.attempts.length;
    this.response = NO_HEAD;
    this.status = 0;
    this.outcome = 'open';
    this.fault = null;
    this.offered = false;
  }

  /**
   * Nobody was there to be tried: a log then tells of the upstream itself, as nginx's $upstream_addr does.
   * @param name of the upstream
   * @param now monotonic ms
   */
  noteNobody(name: string, status: number, now: number): void {
    const attempt = new Attempt({ name, host: '', port: 0, path: '', pool: NO_POOL }, now);
    attempt.status = status;
    attempt.endedAt = now;
    this.addAttempt(attempt);
  }

  /** @internal */
  addAttempt(attempt: Attempt): void {
    attempt.startsPass = this.passStart > 0 && this.attempts.length === this.passStart;
    if (this.attempts === NO_ATTEMPTS) this.attempts = [attempt];
    else (this.attempts as Attempt[]).push(attempt);
  }
}
