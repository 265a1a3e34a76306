/** Works that belong together, in the order of the report, and what one has to know to read them. */
import type { VersusReport, WorkInfo } from '../figures.js';

export interface Group {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly works: readonly WorkInfo[];
}

interface Kind {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly has: (work: WorkInfo) => boolean;
}

const KINDS: readonly Kind[] = [
  {
    name: 'http',
    title: 'HTTP',
    text: "CPU time of the proxy's processes per request; a browser's head of 14 fields, 64 connections that each wait for their answer; behind the sign × as a multiple of nginx's.",
    has: ({ kind, isSecure }) => (kind === 'request' || kind === 'connection') && !isSecure,
  },
  {
    name: 'tunnels',
    title: 'WebSocket handshakes and tunnel messages',
    text: 'A handshake is connect, 101 and close. A message goes to the origin and back, one under way per tunnel.',
    has: ({ kind }) => kind === 'handshake' || kind === 'message',
  },
  {
    name: 'bulk',
    title: 'Bulk data',
    text: 'CPU time per MB (2^20 octets) through tunnels that are never empty; both ways, octets of either way count.',
    has: ({ kind }) => kind === 'download' || kind === 'echo',
  },
  {
    name: 'latency',
    title: 'Latency at one rate',
    text: 'Every peer gets the same operations at the same moments; latency counts from when an operation was due. Ring: median and 99.9 %; disc and figure: 99 %.',
    has: ({ rate }) => rate !== undefined,
  },
  {
    name: 'tls',
    title: 'TLS in front',
    text: 'TLS 1.3 and an ECDSA P-256 certificate towards the load, plain HTTP towards the origin. Of new connections each is a full handshake.',
    has: ({ isSecure }) => isSecure,
  },
  {
    name: 'memory',
    title: 'Memory of idle connections',
    text: 'Growth of resident memory by a connection that has carried something and then idles; afterwards each must still work.',
    has: ({ kind }) => kind === 'idle-tunnel' || kind === 'idle-connection',
  },
];

/** Groups that have figures, each work in one of them. */
export function groupsOf({ works, figures }: VersusReport): Group[] {
  const measured = works.filter(({ name }) => figures.some(({ work }) => work === name));
  const latency = KINDS.find(({ name }) => name === 'latency');
  return KINDS.map((kind) => ({
    name: kind.name,
    title: kind.title,
    text: kind.text,
    // A work at a fixed rate is there for its latency, whatever else it is.
    works: measured.filter((work) => kind.has(work) && (kind === latency || !latency?.has(work))),
  })).filter((group) => group.works.length > 0);
}
