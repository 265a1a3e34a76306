/** Messages that are not HTTP, or not unambiguous: what a strict reader must refuse, and with what. */

export interface BrokenRequest {
  readonly name: string;
  /** Statuses that may answer it. */
  readonly statuses: readonly number[];
  /** Breaks the head: start line and field lines, without the empty line. */
  readonly head?: (text: string) => string;
  /** Replaces the content; the head then announces it as chunked. */
  readonly content?: string;
}

const addLine =
  (line: string) =>
  (text: string): string =>
    `${text}${line}\r\n`;

/** Drops the framing lines that a script gave, so that the added ones are all. */
const withLines =
  (...lines: readonly string[]) =>
  (text: string): string =>
    text.replace(/(?:Content-Length|Transfer-Encoding): .*\r\n/g, '') +
    lines.map((line) => `${line}\r\n`).join('');

export const BROKEN_REQUESTS: readonly BrokenRequest[] = [
  {
    name: 'length and coding',
    statuses: [400],
    head: withLines('Content-Length: 5', 'Transfer-Encoding: chunked'),
  },
  { name: 'two lengths', statuses: [400], head: withLines('Content-Length: 5', 'Content-Length: 6') },
  { name: 'two equal lengths', statuses: [400], head: withLines('Content-Length: 5', 'Content-Length: 5') },
  { name: 'signed length', statuses: [400], head: withLines('Content-Length: +5') },
  { name: 'length list', statuses: [400], head: withLines('Content-Length: 5, 5') },
  { name: 'huge length', statuses: [400], head: withLines('Content-Length: 18446744073709551617') },
  { name: 'gzip coding', statuses: [400, 501], head: withLines('Transfer-Encoding: gzip') },
  { name: 'coding list', statuses: [400, 501], head: withLines('Transfer-Encoding: gzip, chunked') },
  {
    name: 'coding twice',
    statuses: [400],
    head: withLines('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
  },
  { name: 'empty coding', statuses: [400, 501], head: withLines('Transfer-Encoding:') },
  { name: 'odd coding', statuses: [400, 501], head: withLines('Transfer-Encoding: \x0bchunked') },
  {
    name: 'coding in 1.0',
    statuses: [400],
    head: (text) => withLines('Transfer-Encoding: chunked')(text).replace('HTTP/1.1\r\n', 'HTTP/1.0\r\n'),
  },
  { name: 'space before colon', statuses: [400], head: withLines('Content-Length : 5') },
  { name: 'no colon', statuses: [400], head: addLine('Whatever') },
  { name: 'folding', statuses: [400], head: addLine('X-Fold: a\r\n b') },
  { name: 'leading space', statuses: [400], head: (text) => text.replace('\r\n', '\r\n X: y\r\n') },
  { name: 'bare LF', statuses: [400], head: addLine('X-A: b\nX-B: c') },
  { name: 'bare CR', statuses: [400], head: addLine('X-A: b\rX-B: c') },
  { name: 'NUL', statuses: [400], head: addLine('X-A: b\0c') },
  { name: 'two hosts', statuses: [400], head: addLine('Host: other') },
  { name: 'bad host', statuses: [400], head: (text) => text.replace(/Host: .*/, 'Host: a b') },
  {
    name: 'no host',
    statuses: [400],
    head: (text) => text.replace(/Host: .*\r\n/, '').replace('HTTP/1.0\r\n', 'HTTP/1.1\r\n'),
  },
  { name: 'HTTP/2.0', statuses: [505], head: (text) => text.replace(/HTTP\/1\.[01]\r\n/, 'HTTP/2.0\r\n') },
  {
    name: 'HTTP/1.1x',
    statuses: [400, 505],
    head: (text) => text.replace(/HTTP\/1\.[01]\r\n/, 'HTTP/1.1x\r\n'),
  },
  { name: 'no version', statuses: [400], head: (text) => text.replace(/ HTTP\/1\.[01]\r\n/, '\r\n') },
  { name: 'two spaces', statuses: [400], head: (text) => text.replace(' HTTP/1', '  HTTP/1') },
  { name: 'fragment', statuses: [400], head: (text) => text.replace(' HTTP/1', '#x HTTP/1') },
  {
    name: 'expectation',
    statuses: [417],
    head: (text) => addLine('Expect: 200-ok')(text).replace('HTTP/1.0\r\n', 'HTTP/1.1\r\n'),
  },
  { name: 'long line', statuses: [431], head: (text) => addLine(`X-Long: ${'x'.repeat(9000)}`)(text) },
  {
    name: 'long target',
    statuses: [414],
    head: (text) => text.replace(' HTTP/1', `${'x'.repeat(9000)} HTTP/1`),
  },
  { name: 'large head', statuses: [431], head: (text) => text + `X-Fill: ${'x'.repeat(6000)}\r\n`.repeat(6) },
  { name: 'large length', statuses: [413], head: withLines('Content-Length: 2000000') },
  { name: 'large chunk', statuses: [413], content: '1e8480\r\nabc' },
  { name: 'chunk size', statuses: [400], content: '5\r\nabcde\r\nxyz\r\n' },
  { name: 'chunk size sign', statuses: [400], content: '+5\r\nabcde\r\n0\r\n\r\n' },
  { name: 'chunk size space', statuses: [400], content: '5 \r\nabcde\r\n0\r\n\r\n' },
  { name: 'chunk size prefix', statuses: [400], content: '0x5\r\nabcde\r\n0\r\n\r\n' },
  { name: 'chunk size overflow', statuses: [400], content: '10000000000000005\r\nabcde\r\n0\r\n\r\n' },
  { name: 'chunk bare LF', statuses: [400], content: '5\nabcde\r\n0\r\n\r\n' },
  { name: 'chunk too long', statuses: [400], content: '5\r\nabcdef\r\n0\r\n\r\n' },
  { name: 'chunk too short', statuses: [400], content: '5\r\nabcd\r\n0\r\n\r\n' },
  { name: 'extension LF', statuses: [400], content: '5;a=\nb\r\nabcde\r\n0\r\n\r\n' },
  { name: 'extension size', statuses: [400], content: `5;${'a'.repeat(400)}\r\nabcde\r\n0\r\n\r\n` },
  { name: 'trailer framing', statuses: [400], content: '5\r\nabcde\r\n0\r\nContent-Length: 5\r\n\r\n' },
  { name: 'trailer folding', statuses: [400], content: '0\r\nX: y\r\n z\r\n\r\n' },
  { name: 'trailer size', statuses: [400], content: `0\r\nX: ${'y'.repeat(5000)}\r\n\r\n` },
];

/** A response whose head is wrong: nothing of it may be passed on. */
export interface BrokenResponse {
  readonly name: string;
  readonly octets: string;
  /** The head is good, and what breaks is the content. */
  readonly inContent?: boolean;
}

const OK = 'HTTP/1.1 200 OK\r\n';

export const BROKEN_RESPONSES: readonly BrokenResponse[] = [
  { name: 'garbage', octets: 'garbage\r\n\r\n' },
  { name: 'HTTP/0.9', octets: '<html>what?</html>\r\n\r\n' },
  { name: 'version', octets: 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n' },
  { name: 'status', octets: 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n' },
  { name: 'status 099', octets: 'HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n' },
  {
    name: 'length and coding',
    octets: `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  { name: 'two lengths', octets: `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello` },
  { name: 'length', octets: `${OK}Content-Length: -5\r\n\r\nhello` },
  { name: 'coding', octets: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n` },
  {
    name: 'coding twice',
    octets: `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  { name: 'coding in 1.0', octets: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' },
  { name: 'space before colon', octets: `${OK}Content-Length : 5\r\n\r\nhello` },
  { name: 'folding', octets: `${OK}X: y\r\n z\r\nContent-Length: 0\r\n\r\n` },
  { name: 'bare LF', octets: `${OK}X: y\nContent-Length: 0\r\n\r\n` },
  { name: 'NUL', octets: `${OK}X: y\0\r\nContent-Length: 0\r\n\r\n` },
  { name: 'large head', octets: `${OK}X: ${'y'.repeat(5000)}\r\nContent-Length: 0\r\n\r\n` },
  {
    name: 'switch unasked',
    octets: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\nraw',
  },
  { name: 'chunk size', octets: `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, inContent: true },
  {
    name: 'chunk too long',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nabcdefg\r\n0\r\n\r\n`,
    inContent: true,
  },
  {
    name: 'chunk bare LF',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n`,
    inContent: true,
  },
  {
    name: 'trailer',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n`,
    inContent: true,
  },
];
