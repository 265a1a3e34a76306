/**
 * `sticky learn`: sessions that upstreams begin, and which peer began each. Decides which session an exchange belongs to,
 * and for how long one is remembered.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { ValueSource } from '../../message/field-edits.js';
import { momentOf } from '../context.js';
import type { KeySource } from './hash.js';
import { SeenPeer } from './peers.js';

/** nginx: a zone of one megabyte holds about 4000 sessions. */
const OCTETS_PER_SESSION = 256;
/** What nobody would call a session is not remembered: a peer cannot fill the memory with a few of them. */
const LONGEST_SESSION = 1024;

interface Session {
  /** What names its peer. */
  id: string;
  /** Monotonic ms. */
  usedAt: number;
}

/** The parameters of `sticky learn`. */
export interface SessionRules {
  /** Names a session that begins with this response: the first that is not empty. */
  readonly create: KeySource;
  /** Names the session that a request belongs to. */
  readonly lookup: KeySource;
  /** A session that nobody asked for this long is forgotten. */
  readonly timeoutMs: number;
  /** Size of the zone as configured: it says how many there may be. */
  readonly octets: number;
}

/** The sessions of one upstream, in this process alone: as a route, and as the line of a response that makes no line. */
export class Sessions implements KeySource, ValueSource<Exchange> {
  /** The one that was used longest ago is first. */
  private readonly sessions = new Map<string, Session>();
  private readonly most: number;

  constructor(private readonly rules: SessionRules) {
    this.most = Math.max(1, Math.floor(rules.octets / OCTETS_PER_SESSION));
  }

  /** What names the peer of the exchange's session; '' without one. */
  text(exchange: Exchange): string {
    const name = this.rules.lookup.text(exchange);
    const session = name === '' ? undefined : this.sessions.get(name);
    if (session === undefined) return '';
    const now = momentOf(exchange);
    this.sessions.delete(name);
    if (now - session.usedAt > this.rules.timeoutMs) return '';
    session.usedAt = now;
    this.sessions.set(name, session);
    return session.id;
  }

  /** The response's head is there: learns, and adds nothing to it. */
  put(exchange: Exchange): void {
    const peer = exchange.attempt?.peer;
    if (!(peer instanceof SeenPeer)) return;
    const name = this.rules.create.text(exchange);
    if (name === '' || name.length > LONGEST_SESSION) return;
    const now = momentOf(exchange);
    this.sessions.delete(name);
    this.makeRoom(now);
    this.sessions.set(name, { id: peer.state.id, usedAt: now });
  }

  private makeRoom(now: number): void {
    for (const [name, { usedAt }] of this.sessions) {
      if (this.sessions.size < this.most && now - usedAt <= this.rules.timeoutMs) return;
      this.sessions.delete(name);
    }
  }
}
