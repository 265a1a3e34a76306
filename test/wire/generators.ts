/**
 * Generated heads and mutations, for the property tests. What comes out is mostly close to the grammar: random octets
 * alone would be refused at the first of them and prove little.
 */
import fc from 'fast-check';

const none: fc.Arbitrary<string[]> = fc.constant([]);

/** One of the octets of `octets`. */
export const octetIn = (octets: string): fc.Arbitrary<string> => fc.constantFrom(...octets);

/** A change of a few octets. */
export interface Mutation {
  readonly kind: 'insert' | 'remove' | 'replace' | 'double' | 'cut';
  readonly at: number;
  readonly octet: string;
}

/** Mutations whose octets come mostly from `favoured`: those that matter to the reader under test. */
export function mutations(favoured: string): fc.Arbitrary<Mutation[]> {
  const mutation: fc.Arbitrary<Mutation> = fc.record({
    kind: fc.constantFrom('insert', 'insert', 'remove', 'replace', 'replace', 'double', 'cut'),
    at: fc.nat(),
    octet: fc.oneof(
      octetIn(favoured),
      fc.nat(255).map((code) => String.fromCharCode(code)),
    ),
  });
  return fc.oneof(fc.constant<Mutation[]>([]), fc.array(mutation, { minLength: 1, maxLength: 4 }));
}

export function mutate(text: string, all: readonly Mutation[]): string {
  return all.reduce((result, { kind, at, octet }) => {
    const i = at % (result.length + 1);
    if (kind === 'insert') return result.slice(0, i) + octet + result.slice(i);
    if (kind === 'remove') return result.slice(0, i) + result.slice(i + 1);
    if (kind === 'replace') return result.slice(0, i) + octet + result.slice(i + 1);
    if (kind === 'double') return result.slice(0, i) + result.slice(Math.max(0, i - 3));
    return result.slice(0, i);
  }, text);
}

/** Places at which to cut octets, and the pieces that result. */
export const cuts: fc.Arbitrary<number[]> = fc.array(fc.nat(), { maxLength: 8 });
export function piecesOf(octets: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((n) => n % (octets.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => octets.subarray(from, places[i] ?? octets.length));
}

const usually = <T>(good: fc.Arbitrary<T>, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 8, arbitrary: good }, { weight: 1, arbitrary: other });

export const token = fc.string({ unit: octetIn("azAZ09!#$%&'*+-.^_`|~"), minLength: 1, maxLength: 8 });
const pathOctet = octetIn("azAZ09-._~!$&'()*+,;=:@/[]^|");
const queryOctet = octetIn("azAZ09-._~!$&'()*+,;=:@/?[]^|\\`{}");
const encoded = fc.constantFrom('%20', '%2f', '%00', '%Ff');
const path = fc.array(fc.oneof({ weight: 6, arbitrary: pathOctet }, encoded), { maxLength: 8 });
const query = fc.array(fc.oneof({ weight: 6, arbitrary: queryOctet }, encoded), { maxLength: 8 });
const pathAndQuery = fc
  .tuple(path, fc.option(query))
  .map(([p, q]) => `/${p.join('')}${q === null ? '' : `?${q.join('')}`}`);
export const host = fc
  .tuple(
    fc.constantFrom('a', 'example.com', '127.0.0.1', '[::1]', '[2001:db8::1]', 'x_y', '%41', "!$&'"),
    fc.constantFrom('', '', ':80', ':', ':65535', ':00080'),
  )
  .map((parts) => parts.join(''));

/** Values of any field. */
export const value = fc.string({ unit: octetIn('ab0 \t,;="\x80\xe9\xff~!'), maxLength: 12 });
const list = (members: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(fc.constantFrom(...members), fc.constantFrom(',', ', ', ' ,\t', ',,')), { maxLength: 3 })
    .map((parts) => parts.flat().join(''));

const CONNECTION_MEMBERS = [
  'close',
  'Keep-Alive',
  'upgrade',
  'X-A',
  'te',
  'host',
  'Content-Length',
  '"x"',
  'a b',
];
const ows = fc.constantFrom(' ', ' ', '', '\t', '  ', ' \t ');
const line = (name: string, text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.boolean(), ows, text, fc.constantFrom('', '', ' ', '\t '))
    .map(([isLower, before, v, behind]) => `${isLower ? name.toLowerCase() : name}:${before}${v}${behind}`);

/** Field lines that have no say in framing or routing. */
export const plainLine = fc.oneof(
  { weight: 3, arbitrary: token.chain((name) => line(`X-${name}`, value)) },
  line('Accept', value),
  line('X-A', value),
  line('Keep-Alive', value),
  line('Connection', list(CONNECTION_MEMBERS)),
  line('Upgrade', fc.constantFrom('websocket', '', 'a, b')),
);

const version = fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0');
const badVersion = fc.constantFrom(
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/1.2',
  'RTSP/1.0',
  'HTTP/1.1 ',
  'http/1.1',
  '',
);
const badTarget = fc.constantFrom(
  '*',
  'x',
  '*x',
  '/#',
  '/"',
  '/%',
  '/%4',
  'ftp://a/',
  'http://',
  'http://u@a/',
  '//',
  'a:1',
);
const lengthLine = line('Content-Length', fc.constantFrom('0', '3', '00012', '9007199254740991'));
const chunkedLine = line('Transfer-Encoding', fc.constantFrom('chunked', 'CHUNKED'));
const badFraming = fc.oneof(
  line(
    'Content-Length',
    fc.constantFrom('', '-1', '+3', '3,3', '3 3', '0x3', '9007199254740992', '18446744073709551616'),
  ),
  line(
    'Transfer-Encoding',
    fc.constantFrom('', 'gzip', 'gzip, chunked', 'chunked, chunked', ',chunked', 'identity'),
  ),
);
const framing = fc.oneof(
  { weight: 3, arbitrary: none },
  { weight: 2, arbitrary: fc.tuple(lengthLine) },
  { weight: 2, arbitrary: fc.tuple(chunkedLine) },
  { weight: 1, arbitrary: fc.array(fc.oneof(lengthLine, chunkedLine, badFraming), { maxLength: 3 }) },
);

const requestLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        usually(fc.constantFrom('GET', 'POST', 'OPTIONS', 'PUT', 'BREW', 'a'), token),
        usually(pathAndQuery, badTarget),
        usually(version, badVersion),
      )
      .map((parts) => parts.join(' ')),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom('http', 'HTTPS'),
        host,
        fc.oneof(pathAndQuery, fc.constant(''), fc.constant('?a')),
        version,
      )
      .map(([scheme, authority, rest, v]) => `GET ${scheme}://${authority}${rest} ${v}`),
  },
  { weight: 1, arbitrary: host.map((authority) => `CONNECT ${authority} HTTP/1.1`) },
  { weight: 1, arbitrary: fc.constant('OPTIONS * HTTP/1.1') },
);

const hostLines = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(line('Host', host)) },
  {
    weight: 1,
    arbitrary: fc.array(line('Host', fc.oneof(host, fc.constantFrom('', 'a b', 'u@a', 'a:x', '/'))), {
      maxLength: 2,
    }),
  },
);

const head = (start: fc.Arbitrary<string>, ...parts: fc.Arbitrary<string[]>[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      start,
      fc.tuple(...parts).chain((all) => fc.shuffledSubarray(all.flat(), { minLength: all.flat().length })),
    )
    .map(([first, lines]) => `${[first, ...lines].join('\r\n')}\r\n\r\n`);

const plainLines = fc.array(plainLine, { maxLength: 4 });

/** Request heads, most of them good. */
export const requestHead = head(requestLine, hostLines, framing, plainLines);

/** Response heads, most of them good. */
export const responseHead = head(
  fc
    .tuple(
      usually(version, badVersion),
      usually(
        fc.constantFrom('200', '404', '100', '101', '204', '304', '999'),
        fc.constantFrom('099', '20', '2000', ''),
      ),
      fc.constantFrom(' OK', ' ', '', ' Not \xe9\t Found', ' a\x00', ' a\x7f', '  OK', ' OK\r\rX: y'),
    )
    .map(([v, status, reason]) => `${v} ${status}${reason}`),
  framing,
  plainLines,
);

/** A good request, in HTTP/1.1 and origin-form, with at most one framing field and no Connection. */
export const goodRequestHead = head(
  fc.tuple(token, pathAndQuery).map(([method, target]) => `${method} ${target} HTTP/1.1`),
  fc.tuple(line('Host', host)),
  fc.oneof(none, fc.tuple(lengthLine), fc.tuple(chunkedLine)),
  fc.array(
    token.chain((name) => line(`X-${name}`, value)),
    { maxLength: 6 },
  ),
);

/** A request that goes on and that any server takes: a usual method, hop-by-hop lines and framing of every kind. */
export const forwardedRequestHead = head(
  fc
    .tuple(fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND'), pathAndQuery)
    .map(([method, target]) => `${method} ${target} HTTP/1.1`),
  fc.tuple(line('Host', host)),
  fc.oneof(
    none,
    fc.tuple(
      line('Content-Length', fc.constantFrom('0', '3', '00012')).filter((text) => !text.endsWith('\t ')),
    ),
    fc.tuple(chunkedLine),
  ),
  fc.array(fc.oneof(plainLine, line('TE', value), line('X-Dropped', value)), { maxLength: 6 }),
);
