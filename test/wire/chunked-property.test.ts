/**
 * The chunked reader against llhttp itself, on generated and mutated content. Proves: the result is the same for every
 * split; what ours takes llhttp takes, with the same content and the same end; what llhttp takes and ours refuses is one
 * of the rules in STRICTER.
 *
 * llhttp is driven through the wrapper of its own package, not through wirehop's binding.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { createParser } from 'llhttp-wasm';
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { BODY_CHUNKED, Head } from '../../src/message/head.js';
import {
  CONTENT_END,
  CONTENT_MORE,
  CONTENT_REFUSED,
  CONTENT_SPAN,
  CONTENT_TRAILER,
  ContentReader,
} from '../../src/wire/http1/content-reader.js';
import { visible } from './escapes.js';
import { contentReplay } from './content-log.js';
import { cuts, mutate, mutations, octetIn, piecesOf } from './generators.js';

const RUNS = 2000;
const HPE_OK = 0;
const HPE_PAUSED = 21;
const HEAD = Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');

/** What a reader made of chunked content. */
interface Outcome {
  readonly kind: 'whole' | 'incomplete' | 'refused';
  /** Content in hexadecimal: all of it when whole, what came so far otherwise. */
  readonly content: string;
  /** Octets up to the message's end; 0 unless whole. */
  readonly length: number;
  readonly fault: string;
}

function readByLlhttp(octets: Buffer): Outcome {
  const parser = createParser('REQUEST' as unknown as number);
  const content: Buffer[] = [];
  let isWhole = false;
  parser.onBody = (part) => {
    content.push(Buffer.from(part));
    return 0;
  };
  parser.onMessageComplete = () => {
    isWhole = true;
    return HPE_PAUSED;
  };
  const code = parser.execute(Buffer.concat([HEAD, octets]));
  const stopped = parser.getErrorPosition() - HEAD.length;
  parser.destroy();
  return {
    kind: isWhole ? 'whole' : code === HPE_OK ? 'incomplete' : 'refused',
    content: Buffer.concat(content).toString('hex'),
    length: isWhole ? stopped : 0,
    fault: '',
  };
}

const reader = new ContentReader();
const head = new Head(0);
head.body = BODY_CHUNKED;

function readByUs(octets: Buffer): Outcome {
  reader.begin(head, false, 0);
  const content: Buffer[] = [];
  let kind: Outcome['kind'] = 'incomplete';
  for (let at = 0; ;) {
    const answer = reader.next(octets, at, octets.length);
    at = reader.at;
    if (answer === CONTENT_SPAN) content.push(octets.subarray(reader.spanStart, reader.spanEnd));
    else if (answer === CONTENT_TRAILER) reader.writeTrailer(new OctetWriter());
    else {
      if (answer === CONTENT_END) kind = 'whole';
      if (answer === CONTENT_REFUSED) kind = 'refused';
      expect(answer).to.be.oneOf([CONTENT_END, CONTENT_REFUSED, CONTENT_MORE]);
      break;
    }
  }
  const length = kind === 'whole' ? reader.at : 0;
  const fault = kind === 'refused' ? reader.fault : '';
  reader.release();
  return { kind, content: Buffer.concat(content).toString('hex'), length, fault };
}

/**
 * Where ours is stricter than llhttp, and why. Each rule looks at the octets by itself: the fault that ours names must
 * be one that can be seen in them.
 */
const STRICTER: readonly { fault: string; why: string; applies: (text: string) => boolean }[] = [
  {
    fault: 'CHUNK_SIZE_INVALID',
    why: 'more than 16 digits, or a size above 2^53 - 1, which a JavaScript number does not hold',
    applies: (text) => /[0-9a-f]{17}|0*(?:[2-9a-f][0-9a-f]{13}|[0-9a-f]{15,})/i.test(text),
  },
  {
    fault: 'CHUNK_EXTENSION_INVALID',
    why: 'a chunk extension that the grammar of RFC 9112 7.1.1 does not have',
    applies: (text) => {
      const name = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
      const quoted = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"';
      const good = new RegExp(`^[0-9a-f]{1,16}(?:;${name}(?:=(?:${name}|${quoted}))?)*\\r\\n`, 'i');
      // A size line in front of which a chunk can end or content begin, with an extension that is not good.
      return [...text.matchAll(/[0-9a-f]{1,16};/gi)].some(({ index }) => !good.test(text.slice(index)));
    },
  },
  {
    fault: 'CHUNK_LINE_TOO_LARGE',
    why: 'a chunk extension of more than 256 octets',
    applies: (text) => /;[^\n]{256}/.test(text),
  },
  {
    fault: 'TRAILER_INVALID',
    why: 'a field that RFC 9110 6.5.1 bars from trailer sections',
    applies: (text) => /\r\n(?:content-length|transfer-encoding|host|connection):/i.test(text),
  },
  {
    fault: 'TRAILER_TOO_LARGE',
    why: 'a trailer section beyond 4096 octets a line, 8 KB or 64 lines',
    applies: (text) => text.length > 4096 || text.split('\r\n').length > 64,
  },
];

const content = fc.oneof(
  fc.string({ unit: octetIn('ab0\r\n;: \x00\xff'), maxLength: 20 }),
  fc.constantFrom('\r\n0\r\n\r\n', '0\r\n\r\n', 'GET / HTTP/1.1\r\n'),
);
const token = fc.string({ unit: octetIn("azAZ09!#$%&'*+-.^_`|~"), minLength: 1, maxLength: 6 });
const quoted = fc
  .array(fc.oneof(octetIn('a;=\t \xe9()'), fc.constantFrom('\\"', '\\\\', '\\ ')), { maxLength: 6 })
  .map((parts) => `"${parts.join('')}"`);
const extension = fc
  .tuple(token, fc.option(fc.oneof(token, quoted)))
  .map(([name, value]) => (value === null ? `;${name}` : `;${name}=${value}`));
const extensions = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.array(extension, { maxLength: 3 }).map((all) => all.join('')) },
  { weight: 1, arbitrary: fc.integer({ min: 250, max: 260 }).map((n) => `;${'x'.repeat(n)}`) },
);
const size = (octets: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.boolean(),
      fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(20) }),
    )
    .map(([isUpper, zeros]) => {
      const digits = '0'.repeat(zeros) + octets.toString(16);
      return isUpper ? digits.toUpperCase() : digits;
    });
const chunk = content
  .filter((text) => text.length > 0)
  .chain((text) => fc.tuple(size(text.length), extensions).map(([n, ext]) => `${n}${ext}\r\n${text}\r\n`));
const fieldLine = fc
  .tuple(
    fc.oneof(token, fc.constantFrom('Content-Length', 'Host', 'TE', 'Trailer', 'X')),
    fc.constantFrom(': ', ':', ':\t'),
    fc.string({ unit: octetIn('ab0 \t;,\xe9'), maxLength: 8 }),
  )
  .map((parts) => `${parts.join('')}\r\n`);
const message = fc
  .tuple(
    fc.array(chunk, { maxLength: 3 }),
    size(0),
    extensions,
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(fieldLine, { maxLength: 3 }) },
    ),
    fc.constantFrom('', 'GET / HTTP/1.1\r\n\r\n', '0\r\n\r\n'),
  )
  .map(([chunks, n, ext, lines, rest]) => `${chunks.join('')}${n}${ext}\r\n${lines.join('')}\r\n${rest}`);

const FAVOURED = '\r\n\n\r;="\\ \t0123af:x,\x00+-';
const anyContent = fc
  .tuple(message, mutations(FAVOURED))
  .map(([text, all]) => Buffer.from(mutate(text, all), 'latin1'));

describe('chunked reader and llhttp', () => {
  it('agree, but for the stricter rules', function () {
    this.timeout(60000);
    fc.assert(
      fc.property(anyContent, (octets) => {
        const ours = readByUs(octets);
        const theirs = readByLlhttp(octets);
        const shown = visible(octets);
        if (ours.kind === 'incomplete' && theirs.kind === 'refused') {
          // Only for a field that ours refuses too, once the trailer section is whole.
          const rule = STRICTER.find(({ fault }) => fault === 'TRAILER_INVALID');
          expect(rule?.applies(octets.toString('latin1')), shown).to.equal(true);
        } else if (ours.kind !== 'refused') {
          expect({ ...theirs, shown }).to.deep.equal({ ...ours, shown });
        } else if (theirs.kind !== 'refused') {
          const rule = STRICTER.find(({ fault }) => fault === ours.fault);
          expect(rule?.applies(octets.toString('latin1')), `${ours.fault} of ${shown}`).to.equal(true);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('the result does not depend on the split', function () {
    this.timeout(60000);
    fc.assert(
      fc.property(anyContent, cuts, fc.boolean(), (octets, at, asReceived) => {
        const replay = contentReplay({ body: 'chunked', asReceived });
        // Behind a refusal it does not matter how much framing went on in front of it.
        const comparable = (log: readonly string[]): readonly string[] =>
          asReceived && log.some((line) => line.startsWith('error'))
            ? log.filter((line) => !line.startsWith('data'))
            : log;
        expect(comparable(replay(piecesOf(octets, at)))).to.deep.equal(comparable(replay([octets])));
      }),
      { numRuns: RUNS },
    );
  });

  it('all the generated content that is not mutated is taken, but for the stricter rules', function () {
    this.timeout(60000);
    fc.assert(
      fc.property(message, (text) => {
        const octets = Buffer.from(text, 'latin1');
        const ours = readByUs(octets);
        if (ours.kind === 'whole') return;
        const rule = STRICTER.find(({ fault }) => fault === ours.fault);
        expect(rule?.applies(text), `${ours.fault} of ${visible(octets)}`).to.equal(true);
      }),
      { numRuns: RUNS },
    );
  });
});
