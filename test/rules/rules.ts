/**
 * The rules of the wire that wirehop keeps, each beside the tests that show it. docs/wire.md is drawn from this table;
 * a test sees to it that every test named here exists.
 */

/** A place in the test suite: a file below test/, and words that stand in it (a heading, a case's name, a test's). */
type Proof = readonly [file: string, words: string];

export interface Rule {
  readonly id: string;
  readonly text: string;
  readonly source: string;
  readonly proofs: readonly Proof[];
}

const START = 'wire/cases/start-line.md';
const FIELDS = 'wire/cases/field-lines.md';
const TARGET = 'wire/cases/target.md';
const HOST = 'wire/cases/host.md';
const LIMITS = 'wire/cases/limits.md';
const REQUEST = 'wire/cases/request-framing.md';
const RESPONSE = 'wire/cases/response.md';
const CONNECTION = 'wire/cases/connection.md';
const CHUNKED = 'wire/chunked-reader.test.ts';
const MACHINE = 'machine/cases.ts';

export const RULES: readonly Rule[] = [
  {
    id: 'A1',
    text:
      'Lines end in CRLF, in and out. A bare CR or LF, NUL or another control octet is refused. Up to four empty lines ' +
      'in front of a request line are skipped.',
    source: 'RFC 9112 2.2, RFC 9110 5.5',
    proofs: [
      [FIELDS, '## A bare CR in a value'],
      [FIELDS, '## A bare LF ends no line'],
      [FIELDS, '## Control octets in a value'],
      [FIELDS, '## The empty line ends in CRLF'],
      [START, '## Empty lines in front of a request line'],
      [START, '## Five empty lines'],
      [START, '## A bare LF or CR in front of a request line'],
    ],
  },
  {
    id: 'A2',
    text:
      'A field line is a token, a colon directly behind it and a value; no folding. White space around a value is no ' +
      'part of it and does not go on.',
    source: 'RFC 9112 5.1, 5.2',
    proofs: [
      [FIELDS, '## White space in front of the colon'],
      [FIELDS, '## White space in front of the first field line'],
      [FIELDS, '## Folded lines'],
      [FIELDS, '## A line without a colon'],
      [FIELDS, '## White space around a value is no part of it'],
    ],
  },
  {
    id: 'A3',
    text: 'The version is HTTP/1.1 or HTTP/1.0. Another HTTP version is 505, anything else 400.',
    source: 'RFC 9112 2.3',
    proofs: [
      [START, '## HTTP/0.9 and HTTP/2.0 by name'],
      [START, '## A request line without a version'],
      [START, '## Protocols that are not HTTP'],
      [START, '## The preface of HTTP/2'],
    ],
  },
  {
    id: 'A4',
    text:
      'A method is any token, its case kept, and has no say in framing. CONNECT is refused and its ' +
      'connection closed, unless it is configured: then its target is host:port, it has no content, and its tunnel opens with the 200.',
    source: 'RFC 9110 9.1, 9.3.6, 16.1',
    proofs: [
      [START, '## A method of three octets that is nobody'],
      [START, '## A method is case-sensitive'],
      [REQUEST, '## Content-Length with a method that has no use for it'],
      [MACHINE, 'CONNECT is refused and its connection closed'],
      ['machine/connect.test.ts', 'opens a tunnel with the 200, what came early first'],
    ],
  },
  {
    id: 'A5',
    text:
      'A target has one of the four forms; "*" goes with OPTIONS alone. Percent-encoding goes on as it came. Userinfo ' +
      'is refused. Octets that browsers always encode are refused, as are "%" without two digits and "\\" in a path.',
    source: 'RFC 9112 3.2, RFC 9110 4.2.4, RFC 3986',
    proofs: [
      [TARGET, '## A target that is none of the four forms'],
      [TARGET, '## asterisk-form with any other method'],
      [TARGET, '## Percent-encoding goes on as it came'],
      [TARGET, '## A percent sign without two hexadecimal digits'],
      [TARGET, '## Userinfo in an authority'],
      [TARGET, '## Octets that belong in no path'],
      [TARGET, '## Schemes other than http and https'],
    ],
  },
  {
    id: 'A6',
    text:
      'HTTP/1.1 needs exactly one Host, HTTP/1.0 takes at most one; it is a host with an optional port. The authority ' +
      'of an absolute target takes its place.',
    source: 'RFC 9112 3.2, 3.2.2',
    proofs: [
      [HOST, '## No Host in HTTP/1.1'],
      [HOST, '## Two Host lines'],
      [HOST, '## An empty Host'],
      [HOST, '## Octets that are in no host'],
      [HOST, "## Host may differ from the target's authority, which wins"],
    ],
  },
  {
    id: 'A7',
    text:
      'Limits for the request line (414), a field line, the whole head and the number of fields (431); one deadline for ' +
      'the whole head (408), which no octet restarts.',
    source: 'large_client_header_buffers, max_headers, client_header_timeout',
    proofs: [
      [LIMITS, '## One octet more in the request line'],
      [LIMITS, '## One octet more in a field line'],
      [LIMITS, '## One octet more in the head'],
      [LIMITS, '## One field line more'],
      [MACHINE, 'a head that takes too long is 408'],
    ],
  },
  {
    id: 'B1',
    text: 'Content-Length is one line of digits up to 2^53 - 1. Anything else, equal repeats too, is refused.',
    source: 'RFC 9112 6.3',
    proofs: [
      [REQUEST, '## Content-Length that is not digits'],
      [REQUEST, '## One more than the largest'],
      [REQUEST, '## Two Content-Length lines'],
      [REQUEST, '## An empty Content-Length'],
      [RESPONSE, '## Content-Length that is not one number'],
    ],
  },
  {
    id: 'B2',
    text:
      'Transfer-Encoding is "chunked" alone, in one field, in HTTP/1.1; another coding is 501, anything else 400. With ' +
      'Content-Length it is refused.',
    source: 'RFC 9112 6.1',
    proofs: [
      [REQUEST, '## Codings in front of chunked'],
      [REQUEST, '## Several Transfer-Encoding lines'],
      [REQUEST, '## An empty Transfer-Encoding'],
      [REQUEST, '## Transfer-Encoding in HTTP/1.0'],
      [REQUEST, '## Both Content-Length and Transfer-Encoding'],
    ],
  },
  {
    id: 'B3',
    text:
      'A chunk size is 1 to 16 hexadecimal digits. Extensions follow their grammar, are bounded and never go on. CRLF ' +
      'everywhere. Trailers follow the grammar of fields, are bounded, and never join the head.',
    source: 'RFC 9112 7.1',
    proofs: [
      [CHUNKED, '17 digits, though they say little'],
      [CHUNKED, 'a plus sign'],
      [CHUNKED, 'a bare LF behind a size'],
      [CHUNKED, 'a bare LF within an extension: two readers would see two chunks'],
      [CHUNKED, 'one octet more in an extension'],
      [CHUNKED, 'one octet more in a trailer section'],
      [MACHINE, 'chunked content and trailers as received, extensions dropped'],
    ],
  },
  {
    id: 'B4',
    text: 'A message that breaks off never becomes a complete one on the other side, in either direction.',
    source: 'RFC 9112 8',
    proofs: [
      [MACHINE, 'a chunked response that breaks off gets no last chunk'],
      [MACHINE, 'a counted response that breaks off closes the downstream connection'],
      [MACHINE, 'content up to the close, cut by a reset, is not an end: HTTP/1.0 sees a reset'],
      [MACHINE, 'a client that goes in the middle of its content takes the upstream connection with it'],
      [MACHINE, 'an upstream that falls silent in its content'],
    ],
  },
  {
    id: 'B5',
    text: 'After a refusal, and behind a message that closes, nothing more is read as a request.',
    source: 'RFC 9112 9.6',
    proofs: [
      [MACHINE, 'a malformed request is a 400; what follows is dropped'],
      [MACHINE, 'octets behind a message marked close are dropped, never a request'],
    ],
  },
  {
    id: 'B6',
    text: "A final answer in front of the request's end: what still comes is content, then the connection closes.",
    source: 'RFC 9112 9.3',
    proofs: [
      [MACHINE, 'a final answer in front of the content: it says close, the rest is read and dropped'],
      [MACHINE, 'an early head with the content still flowing both ways'],
    ],
  },
  {
    id: 'C1',
    text:
      'Connection, every field that it names, Keep-Alive, Proxy-Connection, TE, Upgrade and Transfer-Encoding never go ' +
      'on as received. Host and the framing fields keep their meaning though named.',
    source: 'RFC 9110 7.6.1',
    proofs: [
      [MACHINE, 'hop-by-hop fields go in both directions, named ones too'],
      [CONNECTION, '## Nominations over two lines'],
      [CONNECTION, '## Host and the framing fields keep their meaning'],
    ],
  },
  {
    id: 'C2',
    text: '"close" is a member of a list, in any case, over all lines; it beats keep-alive.',
    source: 'RFC 9112 9.6',
    proofs: [
      [CONNECTION, '## close in any case, with white space and empty members around'],
      [CONNECTION, '## close behind a TAB, and in front of one'],
      [CONNECTION, '## HTTP/1.0 with keep-alive and close is not'],
    ],
  },
  {
    id: 'C3',
    text: 'Answers carry HTTP/1.1. HTTP/1.0 clients get no chunks and no interim response.',
    source: 'RFC 9110 6.2, 15.2',
    proofs: [
      [MACHINE, 'a chunked response to HTTP/1.0 loses its chunks and ends with the connection'],
      [MACHINE, 'interim responses never reach HTTP/1.0'],
    ],
  },
  {
    id: 'C4',
    text: 'A value made of variables never brings CR, LF or NUL into a field: they become SP.',
    source: 'RFC 9110 5.5',
    proofs: [['wire/head-writer.test.ts', 'CR, LF, NUL and other control octets in a value become SP']],
  },
  {
    id: 'D1',
    text: 'A status line or a response head that breaks the grammar, or ambiguous framing, is a 502.',
    source: 'RFC 9112 4, 6.3',
    proofs: [
      [RESPONSE, '## Control octets in the reason phrase'],
      [RESPONSE, '## CR CR in place of CRLF behind the reason phrase'],
      [RESPONSE, '## Status codes below 100'],
      [RESPONSE, '## Transfer codings other than chunked alone'],
      [RESPONSE, '## Content-Length and Transfer-Encoding'],
      [MACHINE, 'a malformed response head is a 502'],
    ],
  },
  {
    id: 'D2',
    text:
      'Answers to HEAD, 1xx, 204 and 304 have no content whatever their fields say. Octets beyond a response drop the ' +
      'upstream connection.',
    source: 'RFC 9112 6.3',
    proofs: [
      [RESPONSE, '## No content in answers to HEAD'],
      [RESPONSE, '## No content with 204 and 304'],
      [MACHINE, 'octets beyond the response are given to nobody, and the upstream connection is dropped'],
      ['driver/driver.test.ts', 'never uses an idle upstream connection on which octets came'],
    ],
  },
  {
    id: 'D3',
    text: 'Interim responses pass, any number, in front of one final response.',
    source: 'RFC 9110 15.2',
    proofs: [[MACHINE, 'interim responses are passed on, any number, and the final one follows']],
  },
  {
    id: 'D4',
    text: "Content up to the connection's end goes on in chunks, or closes the connection behind it; a reset is no end.",
    source: 'RFC 9112 6.3 rule 8',
    proofs: [
      [MACHINE, 'content up to the close: chunks for HTTP/1.1, the connection goes on'],
      [MACHINE, 'content up to the close: HTTP/1.0 ends with the connection'],
      [MACHINE, 'content up to the close, cut by a reset, is not an end: HTTP/1.0 sees a reset'],
    ],
  },
  {
    id: 'D5',
    text: 'Answers come in the order of the requests. Only what may be repeated is repeated, and only before an answer.',
    source: 'RFC 9112 9.3.2, RFC 9110 9.2.2',
    proofs: [
      [MACHINE, 'pipelined requests are answered one after another, in order'],
      [MACHINE, 'a kept connection that the peer closed: the request goes out again on a fresh one'],
      [MACHINE, 'the same for a POST: it may have been acted on, so it is a 502'],
    ],
  },
  {
    id: 'D6',
    text: 'An upstream that fails before its head is a 502, one that is too slow a 504; in its content the connection closes.',
    source: 'RFC 9110 15.6',
    proofs: [
      [MACHINE, 'an upstream that refuses is a 502, and the connection goes on'],
      [MACHINE, 'an upstream that closes in its head is a 502'],
      [MACHINE, 'an upstream that says nothing is 504'],
      [MACHINE, 'broken chunks from upstream close the downstream connection'],
    ],
  },
  {
    id: 'E1',
    text: '100-continue of HTTP/1.1 goes on and its 100 comes back; towards HTTP/1.0 it is answered here. Others are 417.',
    source: 'RFC 9110 10.1.1',
    proofs: [
      [MACHINE, 'Expect: 100-continue is passed on, the 100 is relayed, then the content flows'],
      [MACHINE, 'Expect towards an HTTP/1.0 upstream is answered here and not passed on'],
      [MACHINE, 'an unknown expectation is 417'],
      [CONNECTION, '## Expect in HTTP/1.0 is ignored'],
    ],
  },
  {
    id: 'F1',
    text: 'A switch is offered by HTTP/1.1, a non-empty Upgrade, Connection: upgrade and the configuration; else by none.',
    source: 'RFC 9110 7.8',
    proofs: [
      [MACHINE, 'Upgrade without Connection: upgrade is no offer: neither goes on'],
      [MACHINE, 'Upgrade in HTTP/1.0 is ignored'],
      [MACHINE, 'h2c is never offered: its tunnel would carry requests that no rule sees'],
      [CONNECTION, '## An empty Upgrade offers nothing'],
    ],
  },
  {
    id: 'F2',
    text: 'A tunnel opens only for a 101 that answers an offer and names an offered protocol. Any other 101 is a 502.',
    source: 'RFC 9110 7.8, 15.2.2',
    proofs: [
      [MACHINE, 'an unasked 101 is a 502'],
      [MACHINE, 'a 101 to a protocol that was not offered is a 502'],
    ],
  },
  {
    id: 'F3',
    text: 'Until then octets wait, bounded; afterwards those that came early go first, in both directions.',
    source: 'RFC 6455 4',
    proofs: [
      [MACHINE, 'octets that come with the heads are delivered first, none lost'],
      ['machine/backpressure.test.ts', 'stops the client that sends tunnel octets before the switch'],
    ],
  },
  {
    id: 'F4',
    text: 'After any other answer the octets that waited are the next request, by the full rules.',
    source: 'RFC 9110 7.8',
    proofs: [[MACHINE, 'a refused upgrade is an ordinary response, and held octets are the next request']],
  },
  {
    id: 'F5',
    text:
      'The content of a request that offers a switch is content. What a tunnel holds is flushed before it closes, by an ' +
      'end, a reset or a timeout.',
    source: 'RFC 9110 7.8',
    proofs: [
      [CONNECTION, '## An offer with content'],
      [MACHINE, 'a switch: heads, then octets both ways, then the end of one side and of the other'],
      [MACHINE, 'a tunnel whose upstream resets: what came is flushed, then both sides close'],
      [MACHINE, 'a tunnel is closed when neither side has sent anything for proxy_read_timeout'],
    ],
  },
];

/** The table of docs/wire.md. */
export function renderRules(): string {
  const rows = RULES.map(({ id, text, source, proofs }) => {
    const places = proofs.map(([file, words]) => `[${words.replace(/^#+ /, '')}](../test/${file})`);
    return `| ${id} | ${text} | ${source} | ${places.join('; ')} |`;
  });
  return `| | Rule | Source | Shown by |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}
