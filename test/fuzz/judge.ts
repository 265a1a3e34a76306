/** Holds what wirehop forwarded against what the strict reader makes of what it was given. */
import { membersOf } from '../simulate/strict-reader.js';
import { readStrict, type StrictMessage } from './read.js';
import type { Forwarded } from './subject.js';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
  'transfer-encoding',
]);

/** Of a response: of several lines the first goes on, as in nginx. */
const SINGLE = new Set(
  'server date content-type last-modified etag location expires content-encoding status'.split(' '),
);

/** A response's lines, without those that say once more what may be said once. */
function withoutRepeated(message: StrictMessage): StrictMessage {
  const seen = new Set<string>();
  const fields = message.head.fields.filter(([name]) => {
    const folded = name.toLowerCase();
    const isRepeated = SINGLE.has(folded) && seen.has(folded);
    seen.add(folded);
    return !isRepeated;
  });
  return { ...message, head: { ...message.head, fields } };
}

/** Field lines that must go on, in order. */
function endToEnd(message: StrictMessage, without: readonly string[]): string[] {
  const named = new Set<string>();
  for (const [name, value] of message.head.fields) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const member of membersOf([value])) named.add(member);
  }
  for (const kept of ['host', 'content-length', 'transfer-encoding']) named.delete(kept);
  return message.head.fields
    .filter(([name]) => {
      const folded = name.toLowerCase();
      return !HOP_BY_HOP.has(folded) && !named.has(folded) && !without.includes(folded);
    })
    .map(([name, value]) => `${name}: ${value}`);
}

/** The target as it goes on (RFC 9112 3.2.1, 3.2.4). */
function originForm(method: string, target: string): string {
  const match = /^https?:\/\/[^/?]*(.*)$/i.exec(target);
  if (match === null) return target;
  if (match[1] === '') return method === 'OPTIONS' ? '*' : '/';
  return match[1].startsWith('/') ? match[1] : `/${match[1]}`;
}

/** @returns what is wrong, or null */
export function judgeRequests(text: string, forwarded: Forwarded): string | null {
  if (forwarded.faults.some((fault) => fault.startsWith('UNEXPECTED_INPUT')))
    return 'an input that was not expected';
  const { messages, tunnel } = readStrict('request', text, { switches: forwarded.switches });
  const { upstream } = forwarded;
  for (let i = 0; i < upstream.length; i++) {
    const given = messages[i] as StrictMessage | undefined;
    if (given === undefined)
      return `request ${i} was forwarded, and the strict reader sees none: ${JSON.stringify(upstream[i])}`;
    const isSwitched =
      i === upstream.length - 1 && forwarded.switches[forwarded.switches.length - 1] && given.head.isUpgrade;
    const got = readStrict('request', upstream[i], { switches: isSwitched ? [true] : [false] });
    if (got.error !== '') return `what was forwarded is not HTTP: ${got.error}`;
    if (got.messages.length !== 1)
      return `one request became ${got.messages.length}: ${JSON.stringify(upstream[i])}`;
    const [message] = got.messages;
    const wrong = compareRequests(given, message);
    if (wrong !== null) return `request ${i}: ${wrong}`;
    if (got.tunnel !== (isSwitched ? tunnel : ''))
      return `tunnel: ${JSON.stringify(got.tunnel)} for ${JSON.stringify(tunnel)}`;
  }
  return null;
}

function compareRequests(given: StrictMessage, got: StrictMessage): string | null {
  if (got.head.method !== given.head.method) return `method ${got.head.method}`;
  if (got.head.target !== originForm(given.head.method, given.head.target))
    return `target ${got.head.target}`;
  if (got.head.framing !== given.head.framing || got.head.length !== given.head.length)
    return `framing ${got.head.framing} for ${given.head.framing}`;
  if (got.isWhole && !given.isWhole) return 'a request that was cut looks whole';
  if (got.isWhole ? got.content !== given.content : !given.content.startsWith(got.content)) return 'content';
  if (got.isWhole && got.trailers.length > given.trailers.length) return 'trailers';
  // An HTTP/1.0 request expects nothing (RFC 9110 10.1.1).
  const wanted = endToEnd(given, given.head.minorVersion === 0 ? ['host', 'expect'] : ['host']);
  const fields = endToEnd(got, ['host']);
  if (wanted.join('\r\n') !== fields.join('\r\n'))
    return `fields ${JSON.stringify(fields)} for ${JSON.stringify(wanted)}`;
  return null;
}

/** @returns what is wrong, or null */
export function judgeResponse(
  request: { readonly method: string; readonly minorVersion: number },
  ending: 'end' | 'reset' | 'none',
  forwarded: Forwarded,
): string | null {
  if (forwarded.faults.some((fault) => fault.startsWith('UNEXPECTED_INPUT')))
    return 'an input that was not expected';
  const methods = [request.method];
  const given = readStrict('response', forwarded.given, { methods, ends: ending === 'end' });
  const isAborted = forwarded.events.includes('abort downstream');
  const got = readStrict('response', forwarded.downstream, { methods, ends: !isAborted });
  if (got.error !== '') return `what was returned is not HTTP: ${got.error}`;
  const finals = got.messages.filter(({ head }) => head.status >= 200 || head.status === 101);
  if (finals.length > 1) return 'one answer became two';
  const final = finals[0] as StrictMessage | undefined;
  const givenAt = given.messages.findIndex(({ head }) => head.status >= 200 || head.status === 101);
  const givenFinal = given.messages[givenAt] as StrictMessage | undefined;
  if (forwarded.events.includes('release')) {
    const behind = given.messages.length > givenAt + 1 || !given.isBetween || given.error !== '';
    if (givenFinal?.isWhole !== true || !givenFinal.head.keepsAlive || behind)
      return 'a connection that is not clean was kept';
  }
  if (final === undefined) return null;
  const isOwn = final.head.text.includes('Content-Type: text/html\r\n') && final.content.includes('wirehop');
  if (isOwn || (final.head.status >= 500 && final.head.status <= 504 && request.method === 'HEAD'))
    return null;
  if (givenFinal === undefined) return `an answer that nobody gave: ${final.head.text}`;
  if (final.head.status !== givenFinal.head.status) return `status ${final.head.status}`;
  if (final.isWhole && !givenFinal.isWhole) return 'an answer that was cut looks whole';
  const isWhole = final.isWhole && givenFinal.isWhole;
  if (isWhole ? final.content !== givenFinal.content : !givenFinal.content.startsWith(final.content))
    return 'content';
  if (final.head.status === 101 && got.tunnel !== given.tunnel) return 'tunnel';
  if (request.minorVersion === 0 && final.head.framing === 'chunked') return 'chunks to HTTP/1.0';
  const dropped = final.head.status === 204 || final.head.status === 101 ? ['content-length'] : [];
  const wanted = endToEnd(withoutRepeated(givenFinal), dropped);
  const fields = endToEnd(final, []);
  if (wanted.join('\r\n') !== fields.join('\r\n'))
    return `fields ${JSON.stringify(fields)} for ${JSON.stringify(wanted)}`;
  return null;
}
