/**
 * What a model client and the origins behind it will do, made from a seed alone. One script for each connection; it
 * does not depend on any other, so connections and exchanges can be left out and the rest stays as it was.
 */
import { BROKEN_REQUESTS, BROKEN_RESPONSES, type BrokenRequest, type BrokenResponse } from './broken.js';
import { mix, Prng } from './prng.js';
import type { WireProfile } from './flow.js';

/** How a peer is reached, try after try. */
export type DialScript = 'accept' | 'slow' | 'refuse' | 'hang';

/** How an origin answers one request. */
export interface AnswerScript {
  readonly dial: readonly DialScript[];
  /** The answer begins when so much content has come; -1 when the request is whole. */
  readonly early: number;
  readonly thinkMs: number;
  readonly interims: number;
  readonly status: number;
  readonly minorVersion: 0 | 1;
  readonly framing: 'length' | 'chunked' | 'close' | 'none';
  readonly contentOctets: number;
  readonly trailers: boolean;
  /** `Connection: close`, or for HTTP/1.0 none of keep-alive. */
  readonly closes: boolean;
  /** The answer stops behind so many octets, head included; -1 never. Only on the first try if `heals`. */
  readonly cutAt: number;
  readonly cutHow: 'end' | 'reset' | 'stall';
  readonly heals: boolean;
  /** Sent behind the answer with its last octets, though nobody asked. */
  readonly excess: '' | 'response' | 'garbage';
  readonly broken: BrokenResponse | null;
  /** Closes the connection while it is idle, after so long; -1 never. */
  readonly idleCloseMs: number;
  /** Octets given to the system at a time, and the pause between. */
  readonly pieceOctets: number;
  readonly pauseMs: number;
  /** Reads no content for so long when a request comes. */
  readonly readStallMs: number;
}

/** What happens in a tunnel. */
export interface TunnelScript {
  readonly accepted: boolean;
  /** Octets from client to origin that are sent right behind the request, before the switch. */
  readonly earlyUp: number;
  readonly up: number;
  /** Octets sent right behind the 101. */
  readonly earlyDown: number;
  readonly down: number;
  readonly ender: 'client' | 'origin' | 'both' | 'client reset' | 'origin reset' | 'nobody';
}

export interface ExchangeScript {
  readonly connection: number;
  readonly ordinal: number;
  readonly token: string;
  readonly method: string;
  readonly minorVersion: 0 | 1;
  /** '', or the members of Connection. */
  readonly connectionField: string;
  readonly target: string;
  readonly framing: 'none' | 'length' | 'chunked';
  readonly contentOctets: number;
  readonly extensions: boolean;
  readonly trailers: boolean;
  readonly expects: boolean;
  readonly plan: 'calm' | 'wild' | 'old' | 'respond' | 'late' | 'silent';
  readonly broken: BrokenRequest | null;
  readonly tunnel: TunnelScript | null;
  readonly answer: AnswerScript;
  readonly thinkMs: number;
}

export interface ConnectionScript {
  readonly index: number;
  readonly seed: number;
  readonly startMs: number;
  /** Nothing goes wrong: every exchange must be answered, whole. */
  readonly isCalm: boolean;
  readonly wire: WireProfile;
  /** Wires to the origins that this connection has dialled. */
  readonly upstreamWire: WireProfile;
  readonly exchanges: readonly ExchangeScript[];
  /** Requests sent before the first one is answered. */
  readonly pipelined: number;
  readonly pieceOctets: number;
  readonly pauseMs: number;
  /** Reading stops for so long, in so many of a hundred reads. */
  readonly readPauseMs: number;
  readonly readPauses: number;
  /** Leaves when so many octets were sent, or received; -1 never. */
  readonly vanishSent: number;
  readonly vanishReceived: number;
  readonly vanishHow: 'close' | 'reset' | 'stall' | 'half';
  readonly ending: 'close' | 'half' | 'reset' | 'idle';
}

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'REPORT'];
const IDEMPOTENT = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']);
const STATUSES = [200, 200, 200, 201, 206, 302, 404, 500, 204, 304];
const REASONS: Record<number, string> = { 101: 'Switching Protocols', 200: 'OK', 404: 'Not Found' };

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

export function reasonOf(status: number): string {
  return REASONS[status] ?? 'Whatever';
}

/** The script of connection `index` of the world with this seed. */
export function makeConnection(worldSeed: number, index: number, spanMs: number): ConnectionScript {
  const seed = mix(worldSeed, 1, index);
  const prng = new Prng(seed);
  const isCalm = prng.chance(60);
  const wire = makeWire(prng);
  const upstreamWire = makeWire(prng);
  const isFine = wire.cut === 'few' || upstreamWire.cut === 'few';
  const count = prng.chance(20) ? prng.between(5, 25) : prng.between(1, 5);
  const exchanges: ExchangeScript[] = [];
  for (let ordinal = 0; ordinal < count; ordinal++) {
    const one = makeExchange(prng, index, ordinal, isCalm, isFine, ordinal === count - 1);
    exchanges.push(one);
    // Nothing can follow in the same connection.
    if (one.tunnel?.accepted === true) break;
  }
  const leaves = !isCalm && prng.chance(40);
  const bySent = prng.chance(50);
  return {
    index,
    seed,
    startMs: prng.below(spanMs),
    isCalm,
    wire,
    upstreamWire,
    exchanges,
    pipelined: prng.chance(60) ? 1 : prng.between(2, 8),
    pieceOctets: prng.chance(50) ? 1 << 20 : prng.between(1, 3000),
    pauseMs: prng.below(20),
    readPauseMs: prng.chance(20) ? prng.below(isCalm ? 300 : 3000) : 0,
    readPauses: prng.below(30),
    vanishSent: leaves && bySent ? prng.size(20000) : -1,
    vanishReceived: leaves && !bySent ? prng.size(20000) : -1,
    vanishHow: prng.pick(['close', 'reset', 'stall', 'half'] as const),
    ending: prng.pick(['close', 'close', 'half', 'reset', 'idle'] as const),
  };
}

function makeWire(prng: Prng): WireProfile {
  const minDelayMs = prng.below(4);
  return {
    minDelayMs,
    maxDelayMs: minDelayMs + prng.size(40),
    stallMs: prng.chance(10) ? 800 : 0,
    cut: prng.pick(['whole', 'whole', 'random', 'random', 'few'] as const),
    roomToProxy: prng.pick([1000, 9000, 65536, 200_000]),
    roomFromProxy: prng.pick([600, 5000, 30_000, 65536, 200_000]),
    highWater: prng.pick([0, 1000, 16384, 65536]),
    lateChunks: prng.pick([0, 30, 100]),
  };
}

function makeExchange(
  prng: Prng,
  connection: number,
  ordinal: number,
  isCalm: boolean,
  isFine: boolean,
  isLast: boolean,
): ExchangeScript {
  const most = isFine ? 2000 : prng.chance(4) ? 300_000 : 9000;
  const method = prng.pick(METHODS);
  const minorVersion = prng.chance(85) ? 1 : 0;
  const sends = method === 'POST' || method === 'PUT' || method === 'PATCH' || method === 'REPORT';
  const hasContent = sends ? prng.chance(90) : prng.chance(5);
  const framing = !hasContent ? 'none' : minorVersion === 1 && prng.chance(50) ? 'chunked' : 'length';
  const broken = !isCalm && prng.chance(15) ? prng.pick(BROKEN_REQUESTS) : null;
  const closes = isCalm && !isLast ? false : prng.chance(10);
  const tunnel =
    minorVersion === 1 && framing === 'none' && broken === null && prng.chance(isLast ? 40 : 6)
      ? makeTunnel(prng, isCalm, isLast, isFine)
      : null;
  const isOwn = broken === null && tunnel === null && prng.chance(8);
  const forwarded = isCalm
    ? prng.pick(['calm', 'calm', 'late'] as const)
    : prng.pick(['calm', 'wild', 'wild', 'wild', 'old', 'late'] as const);
  const plan = isOwn ? (!isCalm && prng.chance(20) ? 'silent' : 'respond') : forwarded;
  const path = prng.pick(['', '/a/b', '?q=1&r=%20', '/%41?x[]=1']);
  const token = `t${connection}.${ordinal}`;
  return {
    connection,
    ordinal,
    token,
    method,
    minorVersion,
    connectionField: connectionField(minorVersion, closes, tunnel !== null, isCalm && !isLast, prng),
    target: `${prng.chance(5) ? 'http://absolute:80' : ''}/${token}${path}`,
    framing,
    contentOctets: framing === 'none' ? 0 : prng.size(most),
    extensions: prng.chance(20),
    trailers: prng.chance(20),
    expects: minorVersion === 1 && framing !== 'none' && prng.chance(15),
    plan: plan === 'old' && (framing === 'chunked' || broken?.content !== undefined) ? 'wild' : plan,
    broken,
    tunnel: plan === 'old' ? null : tunnel,
    answer: makeAnswer(prng, plan, most, isCalm, isLast, isCalm && !isLast && minorVersion === 0),
    thinkMs: prng.chance(70) ? 0 : prng.below(3000),
  };
}

function connectionField(
  minorVersion: number,
  closes: boolean,
  offers: boolean,
  mustKeep: boolean,
  prng: Prng,
): string {
  const members: string[] = [];
  if (offers) members.push('Upgrade');
  if (closes) members.push('close');
  else if (minorVersion === 0 && (mustKeep || prng.chance(70))) members.push('keep-alive');
  if (prng.chance(10)) members.push('X-Hop');
  return members.join(prng.pick([',', ', ', ' ,\t']));
}

function makeTunnel(prng: Prng, isCalm: boolean, isLast: boolean, isFine: boolean): TunnelScript {
  const most = isFine ? 2000 : prng.chance(10) ? 400_000 : 20_000;
  const accepted = isLast && prng.chance(75);
  return {
    accepted,
    // Behind an offer that is refused the next request would follow; clients that wait are the usual ones.
    earlyUp: accepted && prng.chance(30) ? 1 + prng.size(3000) : 0,
    up: prng.size(most),
    earlyDown: prng.chance(40) ? 1 + prng.size(3000) : 0,
    down: prng.size(most),
    ender: isCalm
      ? prng.pick(['client', 'origin', 'both'] as const)
      : prng.pick(['client', 'origin', 'both', 'client reset', 'origin reset', 'nobody'] as const),
  };
}

function makeAnswer(
  prng: Prng,
  plan: string,
  most: number,
  isCalm: boolean,
  isLast: boolean,
  countsContent: boolean,
): AnswerScript {
  const isWild = !isCalm && (plan === 'wild' || plan === 'old');
  const status = prng.pick(STATUSES);
  const isBare = status === 204 || status === 304;
  const minorVersion = prng.chance(85) ? 1 : 0;
  const framings =
    minorVersion === 1
      ? (['length', 'length', 'chunked', 'chunked', 'close'] as const)
      : (['length', 'close'] as const);
  // To HTTP/1.0 only counted content can go on a connection that stays.
  const framing = isBare ? 'none' : countsContent ? 'length' : prng.pick(framings);
  const cuts = isWild && prng.chance(25);
  const dial: DialScript[] = isWild
    ? [0, 1, 2].map(() => prng.pick(['accept', 'accept', 'accept', 'slow', 'refuse', 'hang'] as const))
    : ['accept', 'accept', 'accept'];
  return {
    dial,
    early: (isLast || !isCalm) && prng.chance(8) ? prng.size(3000) : -1,
    thinkMs: prng.chance(80) ? prng.below(30) : prng.below(isWild ? 9000 : 2000),
    interims: prng.chance(10) ? prng.between(1, 3) : 0,
    status,
    minorVersion,
    framing,
    contentOctets: framing === 'none' ? 0 : prng.size(most),
    trailers: prng.chance(15),
    closes: framing === 'close' || prng.chance(10),
    cutAt: cuts ? prng.size(3000) : -1,
    // The end of a connection is the end of content that lasts as long as it: nothing is missing then.
    cutHow: prng.pick(
      framing === 'close' ? (['reset', 'stall'] as const) : (['end', 'reset', 'stall'] as const),
    ),
    heals: prng.chance(50),
    excess:
      isWild && framing !== 'close' && prng.chance(8) ? prng.pick(['response', 'garbage'] as const) : '',
    broken: isWild && !cuts && prng.chance(15) ? prng.pick(BROKEN_RESPONSES) : null,
    idleCloseMs: isWild && prng.chance(30) ? prng.below(3000) : -1,
    pieceOctets: prng.chance(50) ? 1 << 20 : prng.between(1, 3000),
    pauseMs: prng.below(20),
    readStallMs: prng.chance(15) ? prng.below(isWild ? 8000 : 1500) : 0,
  };
}
