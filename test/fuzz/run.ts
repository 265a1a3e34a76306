/** One case after another, from a seed; a failing one is made small. */
import { mix, Prng } from '../simulate/prng.js';
import { goodRequest, goodResponse, goodSwitch, mutate } from './generate.js';
import { judgeRequests, judgeResponse } from './judge.js';
import { judgeByNode, judgeResponseByNode } from './node-judge.js';
import { forwardRequests, returnResponse } from './subject.js';

export interface Tally {
  cases: number;
  /** Requests that were forwarded, and responses that were returned, though their octets had been changed. */
  forwarded: number;
  returned: number;
  askedNode: number;
}

export interface Finding {
  readonly kind: 'request' | 'response';
  readonly wrong: string;
  readonly text: string;
  readonly index: number;
}

const REQUESTS = [
  { method: 'GET', minorVersion: 1, text: 'GET / HTTP/1.1\r\nHost: h\r\n\r\n' },
  { method: 'HEAD', minorVersion: 1, text: 'HEAD / HTTP/1.1\r\nHost: h\r\n\r\n' },
  { method: 'GET', minorVersion: 0, text: 'GET / HTTP/1.0\r\nHost: h\r\n\r\n' },
  { method: 'POST', minorVersion: 1, text: 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok' },
  {
    method: 'GET',
    minorVersion: 1,
    text: 'GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  },
];

/** Plays case `index` of `seed`; one in `nodeEvery` is shown to Node as well. */
export async function playCase(
  seed: number,
  index: number,
  tally: Tally,
  nodeEvery: number,
): Promise<Finding | null> {
  const prng = new Prng(mix(seed, index));
  tally.cases++;
  const asksNode = index % nodeEvery === 0;
  if (prng.chance(60)) {
    let text = '';
    for (let i = prng.between(1, 3); i > 0; i--) text += goodRequest(prng);
    const isGood = prng.chance(10);
    if (!isGood) text = mutate(text, prng);
    const split = prng.next();
    const wrong = await checkRequests(text, split, asksNode, tally);
    return wrong === null
      ? null
      : {
          kind: 'request',
          wrong,
          index,
          text: await small(
            text,
            async (less) => (await checkRequests(less, split, asksNode, tally)) !== null,
          ),
        };
  }
  const request = prng.pick(REQUESTS);
  let text =
    request.text.includes('Upgrade') && prng.chance(60)
      ? goodSwitch(prng)
      : goodResponse(prng, request.method);
  if (!prng.chance(10)) text = mutate(text, prng);
  if (prng.chance(10)) text += goodResponse(prng, request.method);
  const ending = prng.pick(['end', 'end', 'reset', 'none'] as const);
  const split = prng.next();
  const check = async (less: string): Promise<string | null> => {
    const forwarded = returnResponse(request.text, less, ending, new Prng(split));
    const wrong = judgeResponse(request, ending, forwarded);
    if (wrong !== null) return wrong;
    tally.returned++;
    if (!asksNode || forwarded.events.includes('abort downstream')) return null;
    tally.askedNode++;
    return judgeResponseByNode(request.method, forwarded.downstream);
  };
  const wrong = await check(text);
  if (wrong === null) return null;
  return {
    kind: 'response',
    wrong: `${wrong} (to ${request.method} HTTP/1.${request.minorVersion}, then ${ending})`,
    index,
    text: await small(text, async (less) => (await check(less)) !== null),
  };
}

async function checkRequests(
  text: string,
  split: number,
  asksNode: boolean,
  tally: Tally,
): Promise<string | null> {
  const forwarded = forwardRequests(text, new Prng(split));
  const wrong = judgeRequests(text, forwarded);
  if (wrong !== null) return wrong;
  tally.forwarded += forwarded.upstream.length;
  if (!asksNode) return null;
  for (const octets of forwarded.upstream) {
    tally.askedNode++;
    const differs = await judgeByNode(octets);
    if (differs !== null) return `${differs}: ${JSON.stringify(octets)}`;
  }
  return null;
}

/** Leaves out octets as long as the text fails. */
async function small(text: string, fails: (text: string) => Promise<boolean>): Promise<string> {
  for (let size = Math.ceil(text.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at + size <= text.length;) {
      const less = text.slice(0, at) + text.slice(at + size);
      if (await fails(less)) text = less;
      else at += size;
    }
  }
  return text;
}
