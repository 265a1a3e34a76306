/** What the strict reader makes of a whole stream of octets. */
import { type StrictHead, StrictReader } from '../simulate/strict-reader.js';

export interface StrictMessage {
  readonly head: StrictHead;
  content: string;
  trailers: readonly string[];
  isWhole: boolean;
}

export interface StrictStream {
  readonly messages: StrictMessage[];
  /** Why nothing more was read, or ''. */
  error: string;
  /** Octets behind a switch of protocols. */
  tunnel: string;
  /** The stream ends with a whole message. */
  isBetween: boolean;
}

/**
 * Reads a stream to its end.
 * @param switches whether each offer in turn is accepted; for requests
 * @param ends the connection ends in good order behind the octets
 * @param methods of the requests that are answered; for responses
 */
export function readStrict(
  kind: 'request' | 'response',
  text: string,
  options: {
    readonly switches?: readonly boolean[];
    readonly ends?: boolean;
    readonly methods?: readonly string[];
  } = {},
): StrictStream {
  const stream: StrictStream = { messages: [], error: '', tunnel: '', isBetween: false };
  const last = (): StrictMessage => stream.messages[stream.messages.length - 1];
  const reader = new StrictReader(kind, {
    onHead: (head) => {
      stream.messages.push({
        head,
        content: '',
        trailers: [],
        isWhole: kind === 'response' && head.status < 200 && head.status !== 101,
      });
    },
    onContent: (octets) => (last().content += octets.toString('latin1')),
    onEnd: (trailers) => {
      last().isWhole = true;
      last().trailers = trailers;
    },
    onError: (reason) => (stream.error = reason),
    onTunnel: (octets) => (stream.tunnel += octets.toString('latin1')),
  });
  reader.methods.push(...(options.methods ?? []));
  reader.feed(Buffer.from(text, 'latin1'));
  for (const accepted of options.switches ?? []) reader.resume(accepted);
  reader.resume(false);
  if (options.ends === true) reader.ended();
  stream.isBetween = reader.isBetween;
  return stream;
}
