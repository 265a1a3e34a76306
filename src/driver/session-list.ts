/**
 * The downstream connections that are open, oldest look first. Decides nothing. A list through the sessions themselves:
 * an entry of a Set costs a hash and a place in a table that grows, for every connection.
 */
import type { Session } from './pump.js';

export class SessionList {
  private first: Session | null = null;
  private last: Session | null = null;
  size = 0;

  /** Appends a session that is in no list. */
  add(session: Session): void {
    const { last } = this;
    session.previous = last;
    if (last !== null) last.next = session;
    else this.first = session;
    this.last = session;
    this.size++;
  }

  /** Takes out a session that is in this list. */
  remove(session: Session): void {
    const { previous, next } = session;
    if (previous !== null) previous.next = next;
    else this.first = next;
    if (next !== null) next.previous = previous;
    else this.last = previous;
    session.previous = session.next = null;
    this.size--;
  }

  /** The sessions from the first on, as they are now: the list may change meanwhile. @param most at most so many */
  head(most = Infinity): Session[] {
    const sessions: Session[] = [];
    for (let at = this.first; at !== null && sessions.length < most; at = at.next) sessions.push(at);
    return sessions;
  }
}
