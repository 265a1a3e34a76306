/**
 * What a master and its workers say to each other. JSON over the channel that Node makes between parent and child; only
 * `listen` has something beside it, a socket.
 */
import type { TransportKind } from '../driver/driver.js';
import type { CommandLine } from './command-line.js';
import type { Paths } from './configuration.js';
import type { Snapshot } from './snapshot.js';

/** What a worker is to be. */
export interface WorkerOrder {
  readonly line: CommandLine;
  readonly paths: Paths;
  /** What the configuration is made from. */
  readonly snapshot: Snapshot;
  /** How sockets are had, when a worker before this one found out; null: find out. */
  readonly transport: TransportKind | null;
}

export type ToWorker =
  | { readonly kind: 'start'; readonly order: WorkerOrder }
  /** Accept at this address (as `addressText` has it) on the socket beside this message. */
  | { readonly kind: 'listen'; readonly address: string }
  /** Stop listening, until `listen` comes again. */
  | { readonly kind: 'rest' }
  /** Say `serving` when everything in front of this is done. */
  | { readonly kind: 'serve' }
  /** Finish what is under way, then end. */
  | { readonly kind: 'quit' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'reopen' };

export type ToMaster =
  | { readonly kind: 'serving'; readonly transport: TransportKind }
  /** How many connections it has accepted so far, and how many are open. */
  | { readonly kind: 'load'; readonly accepted: number; readonly open: number }
  /** The worker cannot serve, and ends. One line for each reason. */
  | { readonly kind: 'failed'; readonly failures: readonly string[] };
