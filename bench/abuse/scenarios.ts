/** The scenarios of an abuse run: which attack, how many connections, and what the proxy is configured with. */
import type { AttackName } from './messages.js';

export interface Scenario {
  readonly name: AttackName;
  /** What happens, and what ends it. */
  readonly about: string;
  /** Connections at once: of a whole run, and of the small one in the tests. */
  readonly connections: number;
  readonly fewConnections: number;
  readonly workerConnections: number;
  /** The same for the small run. */
  readonly fewWorkerConnections: number;
  /** Lines at the level of `http`. */
  readonly lines: string;
  /**
   * Attacker and origin use unix sockets. Over loopback TCP the system itself takes some 5 MB of each connection, which
   * exhausts tcp_mem, and what is measured is the system.
   */
  readonly usesPaths?: boolean;
}

const MANY = 16384;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'idle connections',
    about: 'one request each, then nothing; kept by keepalive_timeout',
    connections: 10_000,
    fewConnections: 100,
    workerConnections: MANY,
    fewWorkerConnections: 1024,
    lines: 'keepalive_timeout 75s;',
  },
  {
    name: 'slow heads',
    about: 'an octet each second; each ended by client_header_timeout (5 s), and begun anew',
    connections: 2000,
    fewConnections: 60,
    workerConnections: MANY,
    fewWorkerConnections: 1024,
    lines: 'client_header_timeout 5s;',
  },
  {
    name: 'slow bodies',
    about: 'an octet of content each second, which client_body_timeout (5 s) allows',
    connections: 2000,
    fewConnections: 60,
    workerConnections: MANY,
    fewWorkerConnections: 1024,
    lines: 'client_body_timeout 5s;',
  },
  {
    name: 'slow readers',
    about: 'responses of 10 MB, of which one piece is read each second; over unix sockets',
    connections: 500,
    fewConnections: 40,
    workerConnections: MANY,
    fewWorkerConnections: 1024,
    lines: '',
    usesPaths: true,
  },
  {
    name: 'connection flood',
    about: 'connects as fast as possible and resets after 100 ms, beyond worker_connections (512)',
    connections: 2000,
    fewConnections: 100,
    workerConnections: 512,
    fewWorkerConnections: 64,
    lines: '',
  },
  {
    name: 'idle tunnels',
    about: 'protocols switched, then nothing; kept by proxy_read_timeout',
    connections: 1000,
    fewConnections: 60,
    workerConnections: MANY,
    fewWorkerConnections: 1024,
    lines: '',
  },
  {
    name: 'malformed requests',
    about: 'eleven kinds of broken heads as fast as possible, a connection each',
    connections: 50,
    fewConnections: 10,
    workerConnections: MANY,
    fewWorkerConnections: 1024,
    lines: '',
  },
];
