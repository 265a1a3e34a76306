/**
 * Rules and plans for policies by hand: nginx's defaults, to be changed where a policy wants something else. A
 * configuration and an embedder's options have plans of their own.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { ConstantValue, FieldEdits, fieldSet, type ValueSource } from '../message/field-edits.js';
import { UPGRADE } from '../message/field-names.js';
import type { Exchange } from './exchange.js';
import {
  type DownstreamRules,
  type ForwardPlan,
  NEXT_ERROR,
  NEXT_TIMEOUT,
  type Peer,
  type PeerSource,
  type PoolRules,
  type ReadingRules,
  type RespondPlan,
} from './policy.js';

/** client_header_timeout 60s, large_client_header_buffers 4 8k, max_headers 1000. */
export const DEFAULT_READING: ReadingRules = {
  headTimeoutMs: 60_000,
  maxLineOctets: 8192,
  maxHeadOctets: 32_768,
  maxFields: 1000,
};

/** nginx's defaults for a connection, and no limit for request content. */
export const DEFAULT_RULES: DownstreamRules = {
  keepaliveTimeoutMs: 75_000,
  keepaliveRequests: 1000,
  keepaliveTimeMs: 3_600_000,
  bodyTimeoutMs: 60_000,
  sendTimeoutMs: 60_000,
  maxContentOctets: 0,
  lingeringTimeMs: 30_000,
  lingeringTimeoutMs: 5_000,
};

/** An upstream's idle connections: 32 of them, each for 60 s, 1000 requests and an hour. */
export const DEFAULT_POOL: PoolRules = {
  maxIdle: 32,
  idleTimeoutMs: 60_000,
  maxRequests: 1000,
  maxAgeMs: 3_600_000,
};

/**
 * The peer at an address.
 * @param host numeric
 */
export function peerAt(host: string, port: number, pool: PoolRules = DEFAULT_POOL): Peer {
  return { name: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, host, port, path: '', pool };
}

/**
 * Passes requests to these peers, each tried once in this order. The request's own Host and target go on, and its offer
 * to switch protocols. Make it once, and use it for every request.
 * @param changes members that take the place of the defaults
 */
export function forwardTo(peers: readonly Peer[], changes: Partial<ForwardPlan> = {}): ForwardPlan {
  return {
    kind: 'forward',
    downstream: DEFAULT_RULES,
    peers: new EachPeer(peers),
    target: null,
    requestEdits: OFFERS,
    responseEdits: new FieldEdits<Exchange>([], []),
    minorVersion: 1,
    connectTimeoutMs: 60_000,
    sendTimeoutMs: 60_000,
    readTimeoutMs: 60_000,
    maxResponseHeadOctets: 65_536,
    nextOn: NEXT_ERROR | NEXT_TIMEOUT,
    nextTries: 0,
    nextTimeoutMs: 0,
    ...changes,
  };
}

/**
 * Answers here. Make it once, and use it for every request.
 * @param text plain text, Latin-1; '' for the status's built-in page
 */
export function respondWith(
  status: number,
  text = '',
  downstream: DownstreamRules = DEFAULT_RULES,
): RespondPlan {
  const type = text === '' ? 'text/html' : 'text/plain';
  const content = text === '' ? null : new ConstantValue(text);
  const edits = new FieldEdits<Exchange>([], [fieldSet('Content-Type', type, true)]);
  return { kind: 'respond', downstream, status, edits, content };
}

/** Peers in order, each once for a request. */
class EachPeer implements PeerSource {
  constructor(private readonly peers: readonly Peer[]) {}
  next(exchange: Exchange): Peer | undefined {
    return this.peers[exchange.attempts.length];
  }
  release(): void {
    // Failures are not counted, and nothing is balanced.
  }
}

/** What the request offers to switch to; the head writer drops it, and the member of Connection, where it offers nothing. */
const RECEIVED_UPGRADE: ValueSource<Exchange> = {
  put({ request }: Exchange, out: OctetWriter): void {
    out.putLatin1(request.joinedText(UPGRADE));
  },
};
const OFFERS = new FieldEdits<Exchange>(
  [],
  [fieldSet('Upgrade', RECEIVED_UPGRADE), fieldSet('Connection', 'upgrade')],
);
