/** What the load program and the origin ask of a connection, whether it is plain or TLS. */

/** Who hears of a connection. Octets are lent: they are gone when the call returns. */
export interface Receiver {
  onOpen(socket: Socket): void;
  /** `octets[0, count)` came. */
  onOctets(socket: Socket, octets: Buffer, count: number): void;
  /** What was written has left; only after `isBlocked` was true. */
  onDrain?(socket: Socket): void;
  /** The other side ended it, or it failed. Called once, never after `close`. @param why 'end' or the system's name of the error */
  onEnd(socket: Socket, why: string): void;
}

export interface Socket {
  /** Octets wait for the other side to take some: write no more until `onDrain`. */
  readonly isBlocked: boolean;
  /** The memory must stay as it is until `onDrain` when `isBlocked` is true behind this call. */
  write(octets: Uint8Array): void;
  /** Stops and goes on reading. */
  pause(): void;
  resume(): void;
  /** Closes for good, after what was written. Harmless when closed already. */
  close(): void;
}
