/** What an abuse run and its programs say to each other over IPC. */

/** The kinds of abuse. */
export type AttackName =
  | 'idle connections'
  | 'slow heads'
  | 'slow bodies'
  | 'slow readers'
  | 'connection flood'
  | 'idle tunnels'
  | 'malformed requests';

/** Sent to the attacker; it attacks until it is told to stop. */
export interface AttackJob {
  readonly attack: AttackName;
  /** Of 127.0.0.1. */
  readonly port: number;
  /** A unix socket instead of the port, or ''. */
  readonly path: string;
  /** Connections at once. */
  readonly connections: number;
}

/** What the attacker has seen so far. */
export interface AttackCounts {
  /** Connections that were made, and that could not be. */
  opened: number;
  refused: number;
  /** Open now. */
  open: number;
  /** Most open at once. */
  mostOpen: number;
  /** Ended by the proxy, by an end or a reset. */
  ended: number;
  /** Answers by status. */
  answers: Record<string, number>;
}

/** Sent to the attacker. */
export type AttackerOrder = { readonly begin: AttackJob } | 'count' | 'stop';

/** Sent by the attacker when it can be given its order: at its low priority that takes a while where others run. */
export type AttackerReady = 'ready';

/** What the well-behaved client does from its start on: requests at a fixed rate, through the proxy and past it. */
export interface ClientJob {
  readonly proxyPort: number;
  readonly originPort: number;
  /** Requests a second through the proxy. */
  readonly rate: number;
  /** Requests a second straight to the origin, at the same time: what of a latency is not the proxy's. */
  readonly controlRate: number;
}

/** Sent to the client: begin; or answer with {@link ClientFigures} since the last report. */
export type ClientOrder = { readonly begin: ClientJob } | 'report';

/** Latencies in ms, counted from when a request was due. */
export interface Latencies {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Requests without a good answer, by what came instead. */
  readonly errors: Record<string, number>;
  /** Requests sent again because the proxy had closed the kept connection. */
  readonly retries: number;
}

export interface ClientFigures {
  readonly proxy: Latencies;
  readonly control: Latencies;
}
