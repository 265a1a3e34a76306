/** The work of a side-by-side run: what goes through each proxy, and in which unit it is told. */
import type { LoadShape } from './lab/messages.js';
import type { Front } from './peers/peer.js';
import { PATHS } from './traffic.js';

export interface Work extends LoadShape {
  /** As `--work` takes it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** What one operation is, behind "per". */
  readonly operation: string;
  readonly front: Front;
  /** Open files of the proxy at least; 0 for the usual number. */
  readonly openFiles: number;
}

type Given = LoadShape & { readonly title: string; readonly operation?: string; readonly front?: Front };

const OPERATIONS: Record<LoadShape['kind'], string> = {
  request: 'request',
  connection: 'connection',
  handshake: 'handshake',
  message: 'message',
  download: 'MB',
  echo: 'MB',
  'idle-tunnel': 'tunnel',
  'idle-connection': 'connection',
};

const OTHER_FILES = 200;

function work(name: string, given: Given): Work {
  const { kind, connections } = given;
  const openFiles = kind.startsWith('idle') || connections > 400 ? connections * 2 + OTHER_FILES : 0;
  return { name, operation: OPERATIONS[kind], front: 'plain', openFiles, ...given };
}

const IDLE_CONNECTIONS = 8000;

/** In the order of the tables. */
export const WORKS: readonly Work[] = [
  work('http', { title: 'HTTP keep-alive, 12 B', kind: 'request', connections: 64 }),
  work('http-100k', {
    title: 'HTTP keep-alive, 100 KB',
    kind: 'request',
    connections: 64,
    path: PATHS.large,
  }),
  work('http-post', {
    title: 'HTTP keep-alive, POST of 4 KB',
    kind: 'request',
    connections: 64,
    path: PATHS.post,
  }),
  work('http-new', { title: 'HTTP, new connection each', kind: 'connection', connections: 64 }),
  work('http-logged', {
    title: 'HTTP keep-alive, 12 B, access log',
    kind: 'request',
    connections: 64,
    front: 'logged',
  }),
  work('http-rate', {
    title: 'HTTP keep-alive, 12 B, at 4000/s',
    kind: 'request',
    connections: 64,
    rate: 4000,
  }),
  work('handshake', { title: 'WebSocket handshake and close', kind: 'handshake', connections: 64 }),
  ...[1, 64, 1000].flatMap((connections) =>
    [
      { size: '64 B', octets: 64 },
      { size: '4 KB', octets: 4096 },
      { size: '16 KB', octets: 16384 },
    ].map(({ size, octets }) =>
      work(`tunnel-${size.replace(' ', '').toLowerCase()}-${connections}`, {
        title: `tunnel messages of ${size}, ${connections} ${connections === 1 ? 'tunnel' : 'tunnels'}`,
        kind: 'message',
        connections,
        messageOctets: octets,
      }),
    ),
  ),
  work('tunnel-rate', {
    title: 'tunnel messages of 64 B, 64 tunnels, at 8000/s',
    kind: 'message',
    connections: 64,
    messageOctets: 64,
    rate: 8000,
  }),
  work('bulk', { title: 'bulk one way, 4 tunnels', kind: 'download', connections: 4 }),
  work('bulk-both', { title: 'bulk both ways, 4 tunnels', kind: 'echo', connections: 4 }),
  work('tls', {
    title: 'HTTPS keep-alive, 12 B',
    kind: 'request',
    connections: 64,
    isSecure: true,
    front: 'tls',
  }),
  work('tls-100k', {
    title: 'HTTPS keep-alive, 100 KB',
    kind: 'request',
    connections: 64,
    path: PATHS.large,
    isSecure: true,
    front: 'tls',
  }),
  work('tls-new', {
    title: 'HTTPS, new connection each',
    kind: 'connection',
    connections: 32,
    isSecure: true,
    front: 'tls',
  }),
  work('idle-tunnels', {
    title: `${IDLE_CONNECTIONS} idle tunnels`,
    kind: 'idle-tunnel',
    connections: IDLE_CONNECTIONS,
    messageOctets: 64,
  }),
  work('idle-connections', {
    title: `${IDLE_CONNECTIONS} idle keep-alive connections`,
    kind: 'idle-connection',
    connections: IDLE_CONNECTIONS,
  }),
];

/** The work of that name. Throws a RangeError when there is none. */
export function workNamed(name: string): Work {
  const found = WORKS.find((one) => one.name === name);
  if (found === undefined)
    throw new RangeError(
      `no work is called "${name}"; there are: ${WORKS.map((one) => one.name).join(', ')}`,
    );
  return found;
}
