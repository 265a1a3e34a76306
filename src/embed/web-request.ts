/**
 * A request that Node's HTTP server has parsed, as octets for the machine: its head, and its content framed again as
 * the head says.
 */
import type { IncomingMessage } from 'node:http';
import { headText } from './heads.js';

/** For one request. */
export interface WebOptions {
  /** The request's content, where something in front, such as a body parser, has read it. */
  readonly content?: string | Uint8Array;
  /** @internal Whether somebody else answers now: asked before the response is touched for the first time. */
  readonly isTaken?: () => boolean;
}

/** How the request's content gets to the machine. */
export interface ContentSource {
  readonly kind: 'none' | 'length' | 'chunked' | 'given';
  /** Behind the head; empty but for `given`. */
  readonly given: Buffer;
  frame(chunk: Buffer): Buffer;
  /** What ends the content. */
  end(request: IncomingMessage): Buffer;
}

const NOTHING = Buffer.alloc(0);
const CRLF = Buffer.from('\r\n', 'latin1');

const asItIs = (chunk: Buffer): Buffer => chunk;
const nothing = (): Buffer => NOTHING;

/** @throws TypeError if it was read by somebody else, and nobody says what it was */
export function contentOf(request: IncomingMessage, options: WebOptions): ContentSource {
  const { content } = options;
  if (content !== undefined) {
    const given = typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.from(content);
    return { kind: 'given', given, frame: asItIs, end: nothing };
  }
  const kind = kindOf(request);
  if (kind !== 'none' && request.readableDidRead) {
    throw new TypeError(
      'the content of this request has been read already, by a body parser perhaps: ' +
        'put the proxy in front of it, or pass what it read: web(req, res, { content })',
    );
  }
  if (kind !== 'chunked') return { kind, given: NOTHING, frame: asItIs, end: nothing };
  return { kind, given: NOTHING, frame: chunkOf, end: lastChunk };
}

function kindOf(request: IncomingMessage): 'none' | 'length' | 'chunked' {
  const { headers, httpVersionMajor } = request;
  if (headers['transfer-encoding'] !== undefined) return 'chunked';
  if (headers['content-length'] !== undefined) return headers['content-length'] === '0' ? 'none' : 'length';
  if (httpVersionMajor < 2) return 'none';
  // HTTP/2 frames its content itself, and says at once when there is none.
  const { stream } = request as IncomingMessage & {
    readonly stream?: { readonly endAfterHeaders?: boolean };
  };
  return stream?.endAfterHeaders === false ? 'chunked' : 'none';
}

function chunkOf(chunk: Buffer): Buffer {
  // An empty chunk would be the last.
  if (chunk.length === 0) return NOTHING;
  return Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`, 'latin1'), chunk, CRLF]);
}

function lastChunk({ rawTrailers }: IncomingMessage): Buffer {
  let text = '0\r\n';
  for (let i = 0; i + 1 < rawTrailers.length; i += 2) text += `${rawTrailers[i]}: ${rawTrailers[i + 1]}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}

/** A server that hands out a request has decided that it switches no protocols. */
const OMITTED = new Set(['upgrade']);
const WITHOUT_FRAMING = new Set(['upgrade', 'content-length', 'transfer-encoding']);

/** The head's octets, and content that is known. */
export function webHead(request: IncomingMessage, content: ContentSource): Buffer {
  const extra: string[] = [];
  if (content.kind === 'given') extra.push(`Content-Length: ${content.given.length}`);
  const isNew = request.httpVersionMajor >= 2;
  if (isNew && content.kind === 'chunked') extra.push('Transfer-Encoding: chunked');
  const text = isNew
    ? http2Head(request, extra, content.kind === 'given' ? WITHOUT_FRAMING : OMITTED)
    : headText(request, content.kind === 'given' ? WITHOUT_FRAMING : OMITTED, extra);
  return Buffer.concat([Buffer.from(text, 'latin1'), content.given]);
}

/** A request of HTTP/2 as HTTP/1.1 has it (RFC 9113 8.3.1, and 8.2.3 for cookies in pieces). */
function http2Head(request: IncomingMessage, extra: readonly string[], omits: ReadonlySet<string>): string {
  const { method, url, rawHeaders, headers } = request;
  const lines: string[] = [];
  const cookies: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name === 'cookie') cookies.push(rawHeaders[i + 1]);
    else if (!name.startsWith(':') && name !== 'host') lines.push(name, rawHeaders[i + 1]);
  }
  if (cookies.length > 0) lines.push('cookie', cookies.join('; '));
  const host = (headers[':authority'] as string | undefined) ?? headers.host ?? '';
  const rebuilt = { method, url, httpVersion: '1.1', rawHeaders: ['Host', host, ...lines] };
  return headText(rebuilt as IncomingMessage, omits, extra);
}
