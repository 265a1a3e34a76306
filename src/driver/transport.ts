/**
 * What the pump needs of a connection's transport, and what a transport tells the pump. Decides nothing.
 */

/** Told by a transport about its connection. Every call comes from the event loop, never from inside a transport call. */
export interface TransportEvents {
  /** chunk[start, end) was received. See {@link Transport.ownsChunks}. */
  onChunk(transport: Transport, chunk: Buffer, start: number, end: number): void;
  /** The peer ended its half. */
  onEnd(transport: Transport): void;
  /** The connection is gone without having been closed here. @param detail a system error code, or '' */
  onFailure(transport: Transport, detail: string): void;
  /** Everything written has been taken, after a write had to wait. */
  onDrain(transport: Transport): void;
}

/** One connection. Calls never throw; after the connection is gone they do nothing. */
export interface Transport {
  events: TransportEvents;
  /** Free for the owner: the session that the transport belongs to, or null while it is idle in a pool. */
  owner: unknown;
  /** Chunks given to `onChunk` are not used again: they may be kept, and written later without a copy. */
  readonly ownsChunks: boolean;
  /** Octets written that still wait in this process. */
  readonly waitingOctets: number;
  /** Too much waits: stop giving more until `onDrain`. */
  readonly isBlocked: boolean;
  /**
   * Writes buffer[start, end). The octets must stay as they are until `waitingOctets` is 0.
   * @param hasMore another write follows at once: both may go out together
   */
  write(buffer: Buffer, start: number, end: number, hasMore: boolean): void;
  /** Whether chunks are wanted. */
  read(wanted: boolean): void;
  /** Half-closes once everything is written. */
  end(): void;
  /** Closes once everything is written. No event comes after this call. */
  close(): void;
  /** Closes now; `reset` makes sure that the peer notices that something is missing. No event comes after this call. */
  destroy(reset: boolean): void;
}
