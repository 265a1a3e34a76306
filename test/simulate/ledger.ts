/**
 * What was sent, by whom, and what must come of it: one entry for each exchange, found by its token. The heads that
 * must arrive are written down here by the rules of RFC 9110 and 9112, not by asking wirehop.
 */
import { Pattern } from './pattern.js';
import { type ConnectionScript, type ExchangeScript, isIdempotent, reasonOf } from './script.js';
import type { StrictHead } from './strict-reader.js';

/** A promise that was broken. The run ends with it. */
export class Violation extends Error {
  override readonly name = 'Violation';
  constructor(
    /** Short and without figures: two runs with the same rule found the same thing. */
    readonly rule: string,
    detail: string,
  ) {
    super(`${rule}: ${detail}`);
  }
}

export class Entry {
  readonly request: Pattern;
  readonly answer: Pattern;
  /** The proxy was given a whole head, or all of the request, by the strict reader's account. */
  headReceived = false;
  wholeReceived = false;
  /** The first octet left the client. */
  isSent = false;
  /** The client has seen all of its request leave. */
  isAllSent = false;
  /** Request heads that origins saw. */
  attempts = 0;
  dials = 0;
  /** Something of an answer left an origin. */
  answerBegun = false;
  /** The origin has sent a whole answer. */
  answerWhole = false;
  /** The origin broke its answer off, or broke its framing, at the last try. */
  answerCut = false;
  switched = false;
  /** Policy.finished was called. */
  finished = 0;
  /** What the proxy had to say about it. */
  readonly faults: string[] = [];
  /** Final status that the client saw, 0 before. */
  status = 0;
  /** The proxy answered by itself. */
  isLocal = false;
  isComplete = false;
  tunnelUp = 0;
  tunnelDown = 0;
  /** It was found out that it may not go on. */
  isDenied = false;
  /** Its answer goes at a rate: so many octets a second since then, and so many in front of that. */
  rate: { readonly perSecond: number; readonly since: number; readonly after: number } | null = null;

  constructor(
    readonly connection: ConnectionScript,
    readonly script: ExchangeScript,
  ) {
    this.request = new Pattern(`${script.token}q`);
    this.answer = new Pattern(`${script.token}a`);
  }

  get isIdempotent(): boolean {
    return isIdempotent(this.script.method);
  }
}

export class Ledger {
  private readonly entries = new Map<string, Entry>();

  add(connection: ConnectionScript, script: ExchangeScript): Entry {
    const entry = new Entry(connection, script);
    this.entries.set(script.token, entry);
    return entry;
  }

  /** The entry that a request target names, if it names one. */
  find(target: string): Entry | undefined {
    const token = /\/(t[0-9]+\.[0-9]+)(?:[/?]|$)/.exec(target)?.[1];
    return token === undefined ? undefined : this.entries.get(token);
  }

  all(): Iterable<Entry> {
    return this.entries.values();
  }
}

export function fieldOf(head: StrictHead, name: string): string | undefined {
  return head.fields.find(([is]) => is.toLowerCase() === name)?.[1];
}

/** The head that the client sends, without its empty line. */
export function requestHead(script: ExchangeScript): string {
  const { connectionField, framing, contentOctets, broken } = script;
  const lines = [
    `${script.method} ${script.target} HTTP/1.${script.minorVersion}`,
    'Host: example',
    `X-Token: ${script.token}`,
  ];
  if (connectionField !== '') lines.push(`Connection: ${connectionField}`);
  if (connectionField.includes('X-Hop')) lines.push(`X-Hop: ${script.token}`);
  if (broken?.content !== undefined || framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  else if (framing === 'length') lines.push(`Content-Length: ${contentOctets}`);
  if (script.expects) lines.push('Expect: 100-continue');
  if (script.tunnel !== null) lines.push('Upgrade: websocket');
  lines.push('TE: trailers', `x-end: ${script.token}`);
  let text = lines.map((line) => `${line}\r\n`).join('');
  // Chunked content needs HTTP/1.1, or it would be the head that is broken.
  if (broken?.content !== undefined) text = text.replace('HTTP/1.0\r\n', 'HTTP/1.1\r\n');
  return broken?.head?.(text) ?? text;
}

/** The head that must reach the origin. */
export function forwardedHead(script: ExchangeScript): string {
  const toOld = script.plan === 'old';
  const { framing, broken } = script;
  const isChunked = broken?.content !== undefined || framing === 'chunked';
  const target = script.target.replace('http://absolute:80', '');
  const lines = [`${script.method} ${target} HTTP/1.${toOld ? 0 : 1}`, 'Host: upstream'];
  if (script.tunnel !== null && !toOld) lines.push('Upgrade: websocket', 'Connection: upgrade');
  lines.push(`X-Token: ${script.token}`);
  if (framing === 'length' && !isChunked) lines.push(`Content-Length: ${script.contentOctets}`);
  if (script.expects && !toOld) lines.push('Expect: 100-continue');
  lines.push(`x-end: ${script.token}`);
  if (isChunked) lines.push('Transfer-Encoding: chunked');
  return lines.map((line) => `${line}\r\n`).join('');
}

export const REQUEST_TRAILER = 'X-Trailer: request';
export const ANSWER_TRAILER = 'X-Trailer: answer';

/** The head that the origin answers with, without its empty line. */
export function answerHead(script: ExchangeScript): string {
  const { answer, token, method } = script;
  const lines = [
    `HTTP/1.${answer.minorVersion} ${answer.status} ${reasonOf(answer.status)}`,
    `X-Token: ${token}`,
  ];
  if (answer.framing === 'length') lines.push(`Content-Length: ${answer.contentOctets}`);
  if (answer.framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  if (answer.closes && answer.minorVersion === 1) lines.push('Connection: x-hop, close');
  if (!answer.closes && answer.minorVersion === 0) lines.push('Connection: keep-alive');
  lines.push('X-Hop: 1', 'Keep-Alive: 5');
  if (method === 'HEAD' && answer.framing === 'none') lines.push('X-None: 1');
  return lines.map((line) => `${line}\r\n`).join('');
}

/** The head that must reach the client, up to the value of Connection. */
export function returnedHead(script: ExchangeScript): string {
  const { answer, token, method } = script;
  const lines = [`HTTP/1.1 ${answer.status} ${reasonOf(answer.status)}`, `X-Token: ${token}`];
  if (answer.framing === 'length') lines.push(`Content-Length: ${answer.contentOctets}`);
  if (!(answer.closes && answer.minorVersion === 1)) lines.push('X-Hop: 1');
  if (method === 'HEAD' && answer.framing === 'none') lines.push('X-None: 1');
  // A HEAD's answer has no content to be wrapped.
  const wraps = answer.framing === 'chunked' || answer.framing === 'close';
  if (wraps && method !== 'HEAD' && script.minorVersion === 1) lines.push('Transfer-Encoding: chunked');
  return `${lines.map((line) => `${line}\r\n`).join('')}Connection: `;
}

/** The 101 that accepts, as the origin sends it. */
export function switchHead(script: ExchangeScript): string {
  return `HTTP/1.1 101 Switching Protocols\r\nX-Token: ${script.token}\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n`;
}

/** The 101 as it must reach the client. */
export function returnedSwitch(script: ExchangeScript): string {
  return switchHead(script);
}
