/**
 * TLS sessions by their identifiers (ssl_session_cache): the sessions themselves know when they end. Decides that the
 * oldest makes room.
 */
import type { SessionCache } from '../../proxy/model.js';

/** nginx's figure: 4000 sessions in a megabyte. */
export const SESSIONS_PER_OCTET = 4000 / (1024 * 1024);

export class SessionStore implements SessionCache {
  private readonly sessions = new Map<string, Buffer>();

  /** @param most sessions kept */
  constructor(private readonly most: number) {}

  get(id: Buffer): Buffer | null {
    return this.sessions.get(id.toString('latin1')) ?? null;
  }

  put(id: Buffer, session: Buffer): void {
    this.sessions.set(id.toString('latin1'), session);
    if (this.sessions.size <= this.most) return;
    const oldest = this.sessions.keys().next().value;
    if (oldest !== undefined) this.sessions.delete(oldest);
  }
}
