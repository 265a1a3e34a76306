/** What the run, the load program and the origin say to each other over IPC. */

/** Kinds of load. */
export type Work = 'http' | 'tunnel';

/** Sent by the run to the load program; answered by one {@link LoadResult}. */
export interface LoadJob {
  readonly work: Work;
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly connections: number;
  /** Octets of a tunnel message. */
  readonly messageOctets: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Processes whose CPU time belongs to the proxy. */
  readonly pids: readonly number[];
}

/** What the load program found. */
export interface LoadResult {
  /** What went wrong first, or ''; figures are then worth nothing. */
  readonly failure: string;
  readonly operations: number;
  readonly elapsedMs: number;
  /** CPU time of the proxy's processes in user and in system mode. */
  readonly proxyUserMs: number;
  readonly proxySystemMs: number;
  /** CPU time of the load program itself. */
  readonly loadCpuMs: number;
  /** Microseconds from request to the last octet of the response. */
  readonly p50: number;
  readonly p99: number;
}

/** Sent by the origin once it listens. */
export interface OriginReady {
  readonly port: number;
}

/** Content of the origin's response to every plain request. */
export const ORIGIN_CONTENT = 'hello world\n';
