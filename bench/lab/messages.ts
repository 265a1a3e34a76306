/** What the lab, the load program and the origin say to each other over IPC. */

/** Kinds of load, see docs/performance.md. */
export type WorkKind =
  /** Requests on kept connections. */
  | 'request'
  /** A connection for each request. */
  | 'connection'
  /** A connection for each WebSocket handshake. */
  | 'handshake'
  /** Messages of one size, echoed, one under way per tunnel. */
  | 'message'
  /** As much as goes through, from the origin. One operation is 1 MB. */
  | 'download'
  /** As much as goes through, both ways. One operation is 1 MB, either way. */
  | 'echo'
  /** Tunnels that carry nothing. */
  | 'idle-tunnel'
  /** Kept connections without a request. */
  | 'idle-connection';

/** What of the load a work is made of; the rest of a {@link LoadJob} belongs to the turn. */
export interface LoadShape {
  readonly kind: WorkKind;
  /** Open at once. */
  readonly connections: number;
  /** One of the origin's paths: see traffic.ts. Tunnels bring their own. */
  readonly path?: string;
  /** Octets of a message. */
  readonly messageOctets?: number;
  /** Field lines to add to each request. */
  readonly extraLines?: readonly string[];
  /** Speak TLS to the proxy. */
  readonly isSecure?: boolean;
  /** Operations per second, as due times; without it each connection goes on as soon as it can. */
  readonly rate?: number;
}

/** Sent by the lab to the load program; answered by one {@link LoadResult}. */
export interface LoadJob extends LoadShape {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Processes whose CPU time and memory belong to the proxy. */
  readonly pids: readonly number[];
  readonly originPid: number;
  /** The core that the proxy is bound to, or -1. */
  readonly proxyCore: number;
}

/** What the load program found in one turn. */
export interface LoadResult {
  /** What went wrong first, or ''; figures are then worth nothing. */
  readonly failure: string;
  readonly operations: number;
  readonly elapsedMs: number;
  /** CPU time of the proxy's processes, to the nanosecond where the kernel counts so. */
  readonly proxyCpuMs: number;
  /** Share of it outside the kernel, 0 to 1, to the kernel's coarser count. */
  readonly proxyUserShare: number;
  /** CPU time of the load program and of the origin. */
  readonly loadCpuMs: number;
  readonly originCpuMs: number;
  /** Share of the time in which the proxy's core did anything for anybody, 0 to 1; 0 when it has none of its own. */
  readonly proxyCoreBusy: number;
  /** Microseconds from request to the last octet of the answer; with a rate, from when it was due. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** With a rate: by how much the load program itself was late at most, in ms. */
  readonly lateMs: number;
  /** Resident memory of the proxy's processes in KiB: before any connection, and at the end. */
  readonly residentBeforeKib: number;
  readonly residentKib: number;
}

/** Sent by the origin once it listens. */
export interface OriginReady {
  readonly port: number;
}
