/** Lays down messages as the models send them. */
import { type Entry, ANSWER_TRAILER, answerHead, requestHead, REQUEST_TRAILER } from './ledger.js';
import type { Pattern } from './pattern.js';
import { mix, Prng } from './prng.js';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Content in chunks of all sizes. */
function chunked(pattern: Pattern, count: number, prng: Prng, extensions: boolean, trailer: string): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < count;) {
    const size = Math.min(count - at, 1 + prng.size(prng.chance(10) ? 70_000 : 600));
    const digits = `${prng.chance(10) ? '00' : ''}${prng.chance(50) ? size.toString(16) : size.toString(16).toUpperCase()}`;
    const extension = extensions ? prng.pick(['', ';a', ';a=b;c', ';a="x;\\"y"']) : '';
    parts.push(latin1(`${digits}${extension}\r\n`), pattern.take(at, size), latin1('\r\n'));
    at += size;
  }
  parts.push(latin1(`0${extensions ? ';last' : ''}\r\n${trailer === '' ? '' : `${trailer}\r\n`}\r\n`));
  return Buffer.concat(parts);
}

/** A request as the client sends it: its head, and what stands behind it. */
export function requestOctets(entry: Entry): { readonly head: Buffer; readonly content: Buffer } {
  const { script, request } = entry;
  const prng = new Prng(mix(entry.connection.seed, 2, script.ordinal));
  const head = latin1(`${requestHead(script)}\r\n`);
  let content: Buffer = Buffer.alloc(0);
  if (script.broken?.content !== undefined) content = latin1(script.broken.content);
  else if (script.framing === 'length') content = request.take(0, script.contentOctets);
  else if (script.framing === 'chunked') {
    content = chunked(
      request,
      script.contentOctets,
      prng,
      script.extensions,
      script.trailers ? REQUEST_TRAILER : '',
    );
  }
  return { head, content };
}

/** An answer as the origin sends it, interim ones first. */
export function answerOctets(entry: Entry): Buffer {
  const { script, answer: pattern } = entry;
  const { answer, token } = script;
  const parts: Buffer[] = [];
  for (let i = 0; i < answer.interims; i++) {
    parts.push(latin1(`HTTP/1.1 103 Early Hints\r\nX-Token: ${token}\r\nLink: ${i}\r\n\r\n`));
  }
  if (answer.broken !== null) {
    parts.push(latin1(answer.broken.octets.replace('\r\n', `\r\nX-Token: ${token}\r\n`)));
    return Buffer.concat(parts);
  }
  parts.push(latin1(`${answerHead(script)}\r\n`));
  if (script.method !== 'HEAD') {
    const prng = new Prng(mix(entry.connection.seed, 3, script.ordinal));
    const { contentOctets } = answer;
    if (answer.framing === 'chunked') {
      parts.push(
        chunked(pattern, contentOctets, prng, prng.chance(20), answer.trailers ? ANSWER_TRAILER : ''),
      );
    } else if (answer.framing !== 'none') {
      parts.push(pattern.take(0, contentOctets));
    }
  }
  return Buffer.concat(parts);
}
