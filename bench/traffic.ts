/**
 * What load and origin agree on: paths, requests, contents and patterns. Every octet that crosses a proxy in a run is
 * known to the side that receives it, so that it can be compared.
 */
import { BROWSER_REQUEST, UPGRADE_REQUEST } from './fixtures.js';

/** What the origin does, by path. */
export const PATHS = {
  /** 12 octets of content. */
  small: '/small',
  /** The same, and the end of the connection where the request asks for it. */
  close: '/close',
  /** 100 KB of content. */
  large: '/large',
  /** Takes {@link POST_CONTENT} and nothing else; answers as `small`. */
  post: '/post',
  /** The request head as it came, as content: shows what a proxy did to it. */
  head: '/head',
  /** After the switch: sends back all that comes. */
  echo: '/echo',
  /** After the switch: sends {@link pattern} without end. */
  stream: '/stream',
} as const;

export const SMALL_CONTENT: Buffer = Buffer.from('hello world\n', 'latin1');

/** A prime, so that a block that is lost, doubled or moved shows in what follows. */
const PATTERN_PERIOD = 65521;

/** Octets of bulk data: position i holds octet i mod 65521 of a fixed random series. */
export const PATTERN: Buffer = randomOctets(PATTERN_PERIOD, 0x2545f491);

/**
 * `octets` of the endless pattern from position `at` on; a view of memory that never changes. At most
 * {@link MAX_PATTERN_OCTETS}.
 */
export function pattern(at: number, octets: number): Buffer {
  const start = at % PATTERN_PERIOD;
  return LONG_PATTERN.subarray(start, start + octets);
}

export const MAX_PATTERN_OCTETS = 262144;
const LONG_PATTERN = repeated(PATTERN, PATTERN_PERIOD + MAX_PATTERN_OCTETS);

export const LARGE_CONTENT: Buffer = Buffer.from(pattern(7, 102_400));
export const POST_CONTENT: Buffer = Buffer.from(pattern(4711, 4096));

/** Xorshift: the same octets in every process. */
function randomOctets(count: number, seed: number): Buffer {
  const octets = Buffer.allocUnsafeSlow(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    octets[i] = state >>> 8;
  }
  return octets;
}

function repeated(octets: Buffer, length: number): Buffer {
  const all = Buffer.allocUnsafeSlow(length);
  for (let at = 0; at < length; at += octets.length) octets.copy(all, at);
  return all;
}

/** A browser's GET of 14 fields, or a POST with the same fields and {@link POST_CONTENT}. */
export interface RequestOptions {
  readonly path: string;
  /** Ask for the end of the connection behind the response. */
  readonly closes?: boolean;
  /** Field lines to add, each without its line end. */
  readonly extraLines?: readonly string[];
}

export function getRequest({ path, closes = false, extraLines = [] }: RequestOptions): Buffer {
  const [, ...lines] = BROWSER_REQUEST.octets.toString('latin1').trimEnd().split('\r\n');
  const fields = lines.map((line) =>
    line === 'Connection: keep-alive' && closes ? 'Connection: close' : line,
  );
  return Buffer.from(`${[`GET ${path} HTTP/1.1`, ...fields, ...extraLines].join('\r\n')}\r\n\r\n`, 'latin1');
}

export function postRequest(options: RequestOptions): Buffer {
  const { extraLines = [] } = options;
  const head = getRequest({
    ...options,
    extraLines: [...extraLines, `Content-Length: ${POST_CONTENT.length}`],
  });
  return Buffer.concat([Buffer.from(`POST${head.toString('latin1').slice(3)}`, 'latin1'), POST_CONTENT]);
}

/** An offer to switch, as a browser's `new WebSocket` sends it. */
export function upgradeRequest({ path, extraLines = [] }: RequestOptions): Buffer {
  const [, ...fields] = UPGRADE_REQUEST.toString('latin1').trimEnd().split('\r\n');
  return Buffer.from(`${[`GET ${path} HTTP/1.1`, ...fields, ...extraLines].join('\r\n')}\r\n\r\n`, 'latin1');
}
