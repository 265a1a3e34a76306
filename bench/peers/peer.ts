/** What stands between load and origin: a program that is started once and serves many turns. */
import type { ConfigurationValues } from '../configuration.js';
import type { Program } from '../lab/program.js';

/** How a peer is set up in front: as it comes, with TLS, or with an access log in a file. */
export type Front = 'plain' | 'tls' | 'logged';

/** What goes into the configuration of wirehop and nginx; the others ignore it. */
export type ExtraLines = Pick<
  ConfigurationValues,
  'mainLines' | 'httpLines' | 'upstreamLines' | 'serverLines' | 'locationLines' | 'workers'
>;

export interface PeerSettings {
  readonly front: Front;
  /** Where it listens, and where the origin does: ports of 127.0.0.1. */
  readonly listen: number;
  readonly origin: number;
  /** A folder of its own, gone after the run. */
  readonly folder: string;
  /** A file with certificate and key in PEM; '' unless `front` is 'tls'. */
  readonly certificate: string;
  readonly extra: ExtraLines;
}

export interface Peer {
  readonly name: string;
  /** One line for people. */
  readonly about: string;
  /** null when it can be run here; else why not, and the command that helps. */
  missing(): string | null;
  /** Why it cannot be set up so, or null. */
  cannot(front: Front): string | null;
  /** Of the program itself, '' where there is none. */
  version(): string;
  /** Whether it reads and rewrites heads: then what it does to them is checked when it starts. */
  readonly rewritesHeads: boolean;
  /** Starts it; null where there is no program. It need not serve yet when this returns. */
  start(settings: PeerSettings): Program | null;
}
