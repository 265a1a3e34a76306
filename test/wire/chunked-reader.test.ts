/**
 * The chunked reader against a table: every size line, chunk end and trailer section that RFC 9112 7.1 allows or
 * forbids, whole and at every cut, content alone and as received.
 */
import { expect } from 'chai';
import { octetsOf } from './escapes.js';
import { contentReplay } from './content-log.js';
import { itReplaysEverySplit } from './replay.js';

interface ChunkedCase {
  readonly name: string;
  /** As in escapes.ts. */
  readonly octets: string;
  /** Content alone. */
  readonly log: readonly string[];
  /** With framing, as received; absent: `data` is all of the octets in front of a trailer section. */
  readonly asReceived?: readonly string[];
  readonly maxContentOctets?: number;
}

const CASES: readonly ChunkedCase[] = [
  // Chunks (RFC 9112 7.1)
  {
    name: 'no content',
    octets: '0\\r\\n\\r\\n',
    log: ['end'],
    asReceived: ['data 0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'one chunk',
    octets: '3\\r\\nfoo\\r\\n0\\r\\n\\r\\n',
    log: ['data foo', 'end'],
    asReceived: ['data 3\\r\\nfoo\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'two chunks, and a request behind them',
    octets: '3\\r\\nfoo\\r\\n1\\r\\nb\\r\\n0\\r\\n\\r\\nGET / HTTP/1.1\\r\\n',
    log: ['data foob', 'end', 'rest GET / HTTP/1.1\\r\\n'],
    asReceived: ['data 3\\r\\nfoo\\r\\n1\\r\\nb\\r\\n0\\r\\n\\r\\n', 'end', 'rest GET / HTTP/1.1\\r\\n'],
  },
  {
    name: 'digits in either case',
    octets: 'a\\r\\n0123456789\\r\\nA\\r\\n0123456789\\r\\n0\\r\\n\\r\\n',
    log: ['data 01234567890123456789', 'end'],
    asReceived: ['data a\\r\\n0123456789\\r\\nA\\r\\n0123456789\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'content that looks like framing',
    octets: '9\\r\\n\\r\\n0\\r\\n\\r\\n\\r\\n\\r\\n0\\r\\n\\r\\n',
    log: ['data \\r\\n0\\r\\n\\r\\n\\r\\n', 'end'],
    asReceived: ['data 9\\r\\n\\r\\n0\\r\\n\\r\\n\\r\\n\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'any octet in content',
    octets: '5\\r\\n\\0\\x80\\xff\\x0d\\x1b\\r\\n0\\r\\n\\r\\n',
    log: ['data \\0\\x80\\xff\\r\\x1b', 'end'],
    asReceived: ['data 5\\r\\n\\0\\x80\\xff\\r\\x1b\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'a size with leading zeros, 16 digits in all',
    octets: '0000000000000003\\r\\nfoo\\r\\n0000000000000000\\r\\n\\r\\n',
    log: ['data foo', 'end'],
    asReceived: ['data 0000000000000003\\r\\nfoo\\r\\n0000000000000000\\r\\n\\r\\n', 'end'],
  },
  {
    name: '17 digits, though they say little',
    octets: '00000000000000003\\r\\nfoo',
    log: ['error CHUNK_SIZE_INVALID @16'],
  },
  { name: '17 zeros', octets: '00000000000000000\\r\\n\\r\\n', log: ['error CHUNK_SIZE_INVALID @16'] },
  {
    name: 'the largest size, 2^53 - 1',
    octets: '1fffffffffffff\\r\\nfoo',
    log: ['data foo', 'incomplete'],
    asReceived: ['data 1fffffffffffff\\r\\nfoo', 'incomplete'],
  },
  { name: 'a size of 2^53', octets: '20000000000000\\r\\nfoo', log: ['error CHUNK_SIZE_INVALID @13'] },
  { name: 'a size of 2^53 + 1', octets: '20000000000001\\r\\nfoo', log: ['error CHUNK_SIZE_INVALID @13'] },
  {
    name: 'a size of 2^64 - 1, which 64 bits hold',
    octets: 'ffffffffffffffff\\r\\nfoo',
    log: ['error CHUNK_SIZE_INVALID @13'],
  },
  {
    name: 'a size that would wrap around 32 bits',
    octets: '100000003\\r\\nfoo\\r\\n0\\r\\n\\r\\n',
    log: ['data foo\\r\\n0\\r\\n\\r\\n', 'incomplete'],
    asReceived: ['data 100000003\\r\\nfoo\\r\\n0\\r\\n\\r\\n', 'incomplete'],
  },

  // What is no size (B3: no sign, no prefix, no blanks)
  { name: 'a letter', octets: 'g\\r\\n', log: ['error CHUNK_SIZE_INVALID @0'] },
  { name: 'no size', octets: '\\r\\n', log: ['error CHUNK_SIZE_INVALID @0'] },
  { name: 'an extension without a size', octets: ';a\\r\\n', log: ['error CHUNK_SIZE_INVALID @0'] },
  { name: 'a plus sign', octets: '+3\\r\\n', log: ['error CHUNK_SIZE_INVALID @0'] },
  { name: 'a minus sign', octets: '-1\\r\\n', log: ['error CHUNK_SIZE_INVALID @0'] },
  { name: 'a prefix', octets: '0x3\\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },
  { name: 'an underscore', octets: '1_0\\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },
  { name: 'a blank in front', octets: ' 3\\r\\n', log: ['error CHUNK_SIZE_INVALID @0'] },
  { name: 'a TAB in front', octets: '\\t3\\r\\n', log: ['error CHUNK_SIZE_INVALID @0'] },
  { name: 'a blank behind', octets: '3 \\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },
  { name: 'a TAB behind', octets: '3\\t\\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },
  { name: 'a blank within', octets: '1 0\\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },
  { name: 'a vertical tab behind', octets: '3\\x0b\\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },
  { name: 'NUL behind', octets: '3\\0\\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },
  { name: 'a full-width digit', octets: '\\xef\\xbc\\x93\\r\\n', log: ['error CHUNK_SIZE_INVALID @0'] },
  { name: 'a dot', octets: '3.\\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },
  { name: 'a comma', octets: '3,\\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },

  // Line ends: CRLF only (B3)
  { name: 'a bare LF behind a size', octets: '3\\nfoo\\r\\n', log: ['error CHUNK_SIZE_INVALID @1'] },
  { name: 'a bare CR behind a size', octets: '3\\rfoo\\r\\n', log: ['error CHUNK_SIZE_INVALID @2'] },
  { name: 'CR CR LF behind a size', octets: '3\\r\\r\\nfoo', log: ['error CHUNK_SIZE_INVALID @2'] },
  {
    name: 'a bare LF behind the last size',
    octets: '0\\n\\r\\n',
    log: ['error CHUNK_SIZE_INVALID @1'],
  },
  {
    name: 'a bare LF behind content',
    octets: '3\\r\\nfoo\\n0\\r\\n\\r\\n',
    log: ['data foo', 'error CHUNK_END_INVALID @6'],
  },
  {
    name: 'a bare CR behind content',
    octets: '3\\r\\nfoo\\r0\\r\\n\\r\\n',
    log: ['data foo', 'error CHUNK_END_INVALID @7'],
  },
  {
    name: 'nothing behind content',
    octets: '3\\r\\nfoo0\\r\\n\\r\\n',
    log: ['data foo', 'error CHUNK_END_INVALID @6'],
  },
  {
    name: 'content longer than its size',
    octets: '3\\r\\nfoob\\r\\n0\\r\\n\\r\\n',
    log: ['data foo', 'error CHUNK_END_INVALID @6'],
  },
  { name: 'a bare LF in place of the last line', octets: '0\\r\\n\\n', log: ['error TRAILER_INVALID'] },
  { name: 'a bare CR in place of the last line', octets: '0\\r\\n\\rX', log: ['error TRAILER_INVALID'] },
  { name: 'CR CR LF in place of the last line', octets: '0\\r\\n\\r\\r\\n', log: ['error TRAILER_INVALID'] },

  // What is not whole (RFC 9112 8: no last chunk is ever invented)
  { name: 'nothing at all', octets: '', log: ['incomplete'] },
  { name: 'a size without its line end', octets: '3', log: ['incomplete'] },
  { name: 'half a line end', octets: '3\\r', log: ['incomplete'] },
  { name: 'content cut short', octets: '3\\r\\nfo', log: ['data fo', 'incomplete'] },
  { name: 'no last chunk', octets: '3\\r\\nfoo\\r\\n', log: ['data foo', 'incomplete'] },
  { name: 'no last line', octets: '0\\r\\n', log: ['incomplete'] },
  { name: 'half of the last line', octets: '0\\r\\n\\r', log: ['incomplete'] },
  { name: 'half of a trailer section', octets: '0\\r\\nA: b\\r\\n', log: ['incomplete'] },

  // Extensions (RFC 9112 7.1.1): by grammar, bounded, never passed on
  {
    name: 'an extension without a value',
    octets: '3;a\\r\\nfoo\\r\\n0\\r\\n\\r\\n',
    log: ['data foo', 'end'],
    asReceived: ['data 3\\r\\nfoo\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'extensions with and without values, on the last chunk too',
    octets: '3;a=b;c;d="e"\\r\\nfoo\\r\\n0;z="";y\\r\\n\\r\\n',
    log: ['data foo', 'end'],
    asReceived: ['data 3\\r\\nfoo\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'a quoted value with quoted pairs, semicolons, TAB and obs-text',
    octets: '1;a="\\\\";\\\\\\\\\\t\\xe9; 0"\\r\\nx\\r\\n0\\r\\n\\r\\n',
    log: ['data x', 'end'],
    asReceived: ['data 1\\r\\nx\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'every octet of a token in an extension',
    octets: "1;!#$%&'*+-.^_`|~9=!#$%&'*+-.^_`|~9\\r\\nx\\r\\n0\\r\\n\\r\\n",
    log: ['data x', 'end'],
    asReceived: ['data 1\\r\\nx\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  { name: 'an extension without a name', octets: '3;\\r\\nfoo', log: ['error CHUNK_EXTENSION_INVALID @2'] },
  { name: 'two semicolons', octets: '3;;a\\r\\nfoo', log: ['error CHUNK_EXTENSION_INVALID @2'] },
  { name: 'a semicolon at the end', octets: '3;a;\\r\\nfoo', log: ['error CHUNK_EXTENSION_INVALID @4'] },
  { name: 'a value without a name', octets: '3;=b\\r\\nfoo', log: ['error CHUNK_EXTENSION_INVALID @2'] },
  { name: 'no value behind "="', octets: '3;a=\\r\\nfoo', log: ['error CHUNK_EXTENSION_INVALID @4'] },
  { name: 'two values', octets: '3;a=b=c\\r\\nfoo', log: ['error CHUNK_EXTENSION_INVALID @5'] },
  {
    name: 'white space that RFC 9112 would have a recipient take (BWS)',
    octets: '3; a\\r\\nfoo',
    log: ['error CHUNK_EXTENSION_INVALID @2'],
  },
  { name: 'white space behind a name', octets: '3;a =b\\r\\n', log: ['error CHUNK_EXTENSION_INVALID @3'] },
  { name: 'white space in front of ";"', octets: '3 ;a\\r\\nfoo', log: ['error CHUNK_SIZE_INVALID @1'] },
  {
    name: 'an octet that is in no token',
    octets: '3;a(\\r\\nfoo',
    log: ['error CHUNK_EXTENSION_INVALID @3'],
  },
  {
    name: 'something behind a quoted value',
    octets: '3;a="b"c\\r\\nfoo',
    log: ['error CHUNK_EXTENSION_INVALID @7'],
  },
  {
    name: 'a quoted value without its end',
    octets: '3;a="b\\r\\nfoo"\\r\\n',
    log: ['error CHUNK_EXTENSION_INVALID @6'],
  },
  {
    name: 'a line end as a quoted pair',
    octets: '3;a="\\\\\\r\\n"\\r\\nfoo',
    log: ['error CHUNK_EXTENSION_INVALID @6'],
  },
  { name: 'NUL in a quoted value', octets: '3;a="\\0"', log: ['error CHUNK_EXTENSION_INVALID @5'] },
  {
    name: 'a bare LF within an extension: two readers would see two chunks',
    octets: '2;\\nxx\\r\\n4c\\r\\n0\\r\\n\\r\\n',
    log: ['error CHUNK_EXTENSION_INVALID @2'],
  },
  { name: 'a bare LF behind an extension', octets: '3;a\\nfoo', log: ['error CHUNK_EXTENSION_INVALID @3'] },
  { name: 'a bare CR behind an extension', octets: '3;a\\rfoo', log: ['error CHUNK_SIZE_INVALID @4'] },
  {
    name: 'the longest extension: 256 octets behind ";", CR included',
    octets: '3;\\*255{a}\\r\\nfoo\\r\\n0\\r\\n\\r\\n',
    log: ['data foo', 'end'],
    asReceived: ['data 3\\r\\nfoo\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'one octet more in an extension',
    octets: '3;\\*256{a}\\r\\nfoo',
    log: ['error CHUNK_LINE_TOO_LARGE @258'],
  },
  {
    name: 'many short extensions are one long one',
    octets: '3\\*128{;a}\\r\\nfoo\\r\\n',
    log: ['data foo', 'incomplete'],
    asReceived: ['data 3\\r\\nfoo\\r\\n', 'incomplete'],
  },
  {
    name: 'many short extensions are too many',
    octets: '3\\*129{;a}\\r\\nfoo\\r\\n',
    log: ['error CHUNK_LINE_TOO_LARGE @258'],
  },
  {
    name: 'extensions are counted for each chunk',
    octets: '1;\\*200{a}\\r\\nx\\r\\n1;\\*200{a}\\r\\ny\\r\\n0;\\*200{a}\\r\\n\\r\\n',
    log: ['data xy', 'end'],
    asReceived: ['data 1\\r\\nx\\r\\n1\\r\\ny\\r\\n0\\r\\n\\r\\n', 'end'],
  },

  // Trailer sections (RFC 9112 7.1.2, RFC 9110 6.5)
  {
    name: 'a trailer section',
    octets: '3\\r\\nfoo\\r\\n0\\r\\nA: b\\r\\nx-c:\\td \\r\\n\\r\\nrest',
    log: ['data foo', 'trailer A: b\\r\\nx-c: d\\r\\n\\r\\n', 'end', 'rest rest'],
    asReceived: ['data 3\\r\\nfoo\\r\\n0\\r\\n', 'trailer A: b\\r\\nx-c: d\\r\\n\\r\\n', 'end', 'rest rest'],
  },
  {
    name: 'an extension on the last chunk, and a trailer section',
    octets: '0;a\\r\\nA: b\\r\\n\\r\\n',
    log: ['trailer A: b\\r\\n\\r\\n', 'end'],
    asReceived: ['data 0\\r\\n', 'trailer A: b\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'duplicates, an empty value and obs-text in a trailer section',
    octets: '0\\r\\nA: 1\\r\\na:\\r\\nA: \\xe9\\r\\n\\r\\n',
    log: ['trailer A: 1\\r\\na: \\r\\nA: \\xe9\\r\\n\\r\\n', 'end'],
    asReceived: ['data 0\\r\\n', 'trailer A: 1\\r\\na: \\r\\nA: \\xe9\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'hop-by-hop fields in a trailer section are dropped',
    octets:
      '0\\r\\nKeep-Alive: 1\\r\\nA: b\\r\\nTE: x\\r\\nUpgrade: y\\r\\nProxy-Connection: close\\r\\n\\r\\n',
    log: ['trailer A: b\\r\\n\\r\\n', 'end'],
    asReceived: ['data 0\\r\\n', 'trailer A: b\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'nothing but hop-by-hop fields',
    octets: '0\\r\\nTE: x\\r\\n\\r\\n',
    log: ['trailer \\r\\n', 'end'],
    asReceived: ['data 0\\r\\n', 'trailer \\r\\n', 'end'],
  },
  ...[
    'Content-Length: 3',
    'Transfer-Encoding: chunked',
    'Host: b',
    'Connection: close',
    'cOnTeNt-LeNgTh: 0',
  ].map((line) => ({
    // RFC 9110 6.5.1: fields for framing, routing and connections.
    name: `a field that never belongs in a trailer section: ${line}`,
    octets: `0\\r\\nA: b\\r\\n${line}\\r\\n\\r\\n`,
    log: ['error TRAILER_INVALID'],
  })),
  ...[
    ['white space in front of the colon', 'A : b\\r\\n'],
    ['white space in front of a name', ' A: b\\r\\n'],
    ['folding', 'A: b\\r\\n c\\r\\n'],
    ['no colon', 'foo\\r\\n'],
    ['no name', ': b\\r\\n'],
    ['NUL in a value', 'A: \\0\\r\\n'],
    ['a bare LF', 'A: b\\nB: c\\r\\n'],
    ['a bare CR', 'A: b\\rB: c\\r\\n'],
    ['CR CR', 'A: b\\r\\r'],
    ['a request line', 'GET / HTTP/1.1\\r\\n'],
    ['a bare LF behind the last field', 'A: b\\r\\n\\n'],
  ].map(([what, lines]) => ({
    name: `a trailer section with ${what}`,
    octets: `0\\r\\n${lines}\\r\\n`,
    log: ['error TRAILER_INVALID'],
  })),
  {
    name: 'the longest trailer line: 4096 octets',
    octets: '0\\r\\nA: \\*4093{b}\\r\\n\\r\\n',
    log: ['trailer A: \\*4093{b}\\r\\n\\r\\n', 'end'],
    asReceived: ['data 0\\r\\n', 'trailer A: \\*4093{b}\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'one octet more in a trailer line',
    octets: '0\\r\\nA: \\*4094{b}\\r\\n\\r\\n',
    log: ['error TRAILER_TOO_LARGE'],
  },
  {
    // The start line that stands in front of the fields for llhttp takes 16 of the 8192 octets.
    name: 'the largest trailer section: 8176 octets',
    octets: '0\\r\\nA: \\*4082{b}\\r\\nC: \\*4082{d}\\r\\n\\r\\n',
    log: ['trailer A: \\*4082{b}\\r\\nC: \\*4082{d}\\r\\n\\r\\n', 'end'],
    asReceived: ['data 0\\r\\n', 'trailer A: \\*4082{b}\\r\\nC: \\*4082{d}\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'one octet more in a trailer section',
    octets: '0\\r\\nA: \\*4082{b}\\r\\nC: \\*4083{d}\\r\\n\\r\\n',
    log: ['error TRAILER_TOO_LARGE'],
  },
  {
    name: 'the most trailer lines: 64',
    octets: '0\\r\\n\\*64{A: b\\r\\n}\\r\\n',
    log: [`trailer ${'A: b\\r\\n'.repeat(64)}\\r\\n`, 'end'],
    asReceived: ['data 0\\r\\n', `trailer ${'A: b\\r\\n'.repeat(64)}\\r\\n`, 'end'],
  },
  {
    name: 'one trailer line more',
    octets: '0\\r\\n\\*65{A: b\\r\\n}\\r\\n',
    log: ['error TRAILER_TOO_LARGE'],
  },

  // Limits of content
  {
    name: 'as much content as is allowed',
    octets: '3\\r\\nfoo\\r\\n2\\r\\nba\\r\\n0\\r\\n\\r\\n',
    maxContentOctets: 5,
    log: ['data fooba', 'end'],
    asReceived: ['data 3\\r\\nfoo\\r\\n2\\r\\nba\\r\\n0\\r\\n\\r\\n', 'end'],
  },
  {
    name: 'more content than is allowed: refused by its size alone',
    octets: '3\\r\\nfoo\\r\\n3\\r\\nb',
    maxContentOctets: 5,
    log: ['data foo', 'error CONTENT_TOO_LARGE @10'],
  },
];

describe('chunked reader', () => {
  for (const { name, octets, log, asReceived, maxContentOctets = 0 } of CASES) {
    describe(name, () => {
      const input = octetsOf(octets);
      describe('content alone', () => {
        itReplaysEverySplit(input, log, contentReplay({ body: 'chunked', maxContentOctets }));
      });
      describe('as received', () => {
        const replay = contentReplay({ body: 'chunked', asReceived: true, maxContentOctets });
        if (asReceived !== undefined) itReplaysEverySplit(input, asReceived, replay);
        else {
          // The same outcome; how much framing went on in front of it depends on the split.
          const outcome = log.filter((line) => !line.startsWith('data '));
          const withoutData: typeof replay = (pieces) =>
            replay(pieces).filter((line) => !line.startsWith('data '));
          itReplaysEverySplit(input, outcome, withoutData);
        }
      });
      if (asReceived === undefined) return;
      it('what goes on as received is chunked content of the same meaning', () => {
        const sent = asReceived
          .filter((line) => /^(data|trailer) /.test(line))
          .map((line) => line.replace(/^\w+ /, ''))
          .join('');
        const again = contentReplay({ body: 'chunked' })([octetsOf(sent)]);
        expect(again).to.deep.equal(
          log.filter((line) => !line.startsWith('rest') && line !== 'trailer \\r\\n'),
        );
      });
    });
  }
});
