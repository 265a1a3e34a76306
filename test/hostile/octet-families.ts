/**
 * Families of cases: one place in a message, and every octet in that place. No answers are listed: what a member may
 * come to follows from the judge's reading of its octets (strict.ts).
 */
import { bare, head, ok } from './corpus.js';

/** Every octet there is. */
const ALL = Array.from({ length: 256 }, (_, octet) => octet);
/** Those that parsers treat in some way of their own, and some of each other kind. */
const TELLING = ALL.filter(
  (octet) =>
    octet <= 0x30 ||
    (octet >= 0x39 && octet <= 0x41) ||
    (octet >= 0x5a && octet <= 0x61) ||
    (octet >= 0x7a && octet <= 0x80) ||
    [0x66, 0x67, 0x68, 0x85, 0x8a, 0x8d, 0xa0, 0xad, 0xc2, 0xff].includes(octet),
);

const SLASH = 0x2f;
const QUESTION = 0x3f;

export interface Family {
  readonly name: string;
  readonly octets: readonly number[];
  /** The first request of a member. Another one, which closes, is sent with it. */
  request(target: string, x: string): string;
  /** What the origin answers to it. Absent: the truth. */
  response?(x: string): string;
  /** Octets with which the member must be served; the others may be refused by a reader that is stricter still. */
  serves?(octet: number): boolean;
}

const isTchar = (octet: number): boolean => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(octet));
const isText = (octet: number): boolean => octet === 9 || (octet >= 0x20 && octet !== 0x7f);
const isUnreserved = (octet: number): boolean =>
  /[0-9A-Za-z\-._~!$&'()*+,;=:@/?]/.test(String.fromCharCode(octet));
const never = (): boolean => false;

type Serves = ((octet: number) => boolean) | undefined;
type Row = readonly [name: string, request: Family['request'], serves?: Serves, octets?: readonly number[]];

const line = (target: string): string => `GET ${target} HTTP/1.1`;
const field = (text: string) => (target: string) => bare(line(target), text, 'Host: h');
const post = (target: string, ...lines: readonly string[]): string =>
  head(`POST ${target} HTTP/1.1`, ...lines);
const chunks = (target: string, content: string): string =>
  post(target, 'Transfer-Encoding: chunked') + content;

/** A place named by `text`, in which @ stands for the octet. */
const fieldRow = (text: string, serves?: Serves, octets: readonly number[] = TELLING): Row => [
  text,
  (target, x) => field(text.replace('@', () => x))(target),
  serves,
  octets,
];
const framingRow = (text: string, content: string): Row => [
  text,
  (target, x) =>
    post(
      target,
      text.replace('@', () => x),
    ) + content,
];
const chunkRow = (text: string, octets: readonly number[] = TELLING): Row => [
  `chunks: ${JSON.stringify(text)}`,
  (target, x) =>
    chunks(
      target,
      text.replace('@', () => x),
    ),
  undefined,
  octets,
];

const REQUESTS: readonly Row[] = [
  ['in front of the method', (target, x) => head(`${x}${line(target)}`)],
  ['in the method', (target, x) => head(`G${x}T ${target} HTTP/1.1`), isTchar, ALL],
  ['behind the method', (target, x) => head(`GET${x} ${target} HTTP/1.1`)],
  ['for the first space', (target, x) => head(`GET${x}${target} HTTP/1.1`)],
  // A slash more, or the end of an authority, makes another path.
  [
    'in front of the target',
    (target, x) => head(`GET ${x}${target} HTTP/1.1`),
    undefined,
    TELLING.filter((octet) => octet !== SLASH),
  ],
  ['in the path', (target, x) => head(line(`${target}a${x}b`)), isUnreserved, ALL],
  ['in the query', (target, x) => head(line(`${target}?a${x}b`)), isUnreserved, ALL],
  ['behind a percent sign', (target, x) => head(line(`${target}%4${x}`))],
  [
    'in an absolute target',
    (target, x) => head(line(`http://a${x}b${target}`)),
    undefined,
    TELLING.filter((octet) => octet !== SLASH && octet !== QUESTION),
  ],
  ['in the scheme of a target', (target, x) => head(line(`http${x}://h${target}`))],
  ['for the second space', (target, x) => head(`GET ${target}${x}HTTP/1.1`)],
  ['in the name of the protocol', (target, x) => head(`GET ${target} HT${x}P/1.1`), never, ALL],
  ['for the slash of the version', (target, x) => head(`GET ${target} HTTP${x}1.1`)],
  ['for the major version', (target, x) => head(`GET ${target} HTTP/${x}.1`)],
  ['for the dot of the version', (target, x) => head(`GET ${target} HTTP/1${x}1`)],
  ['for the minor version', (target, x) => head(`GET ${target} HTTP/1.${x}`), undefined, ALL],
  ['behind the version', (target, x) => head(`GET ${target} HTTP/1.1${x}`)],
  ['for the CR of the request line', (target, x) => `${line(target)}${x}\nHost: h\r\n\r\n`],
  ['for the LF of the request line', (target, x) => `${line(target)}\r${x}Host: h\r\n\r\n`],
  ['in front of the first field', (target, x) => `${line(target)}\r\n${x}Host: h\r\n\r\n`],
  ['for the CR of a field line', (target, x) => `${line(target)}\r\nHost: h\r\nX: y${x}\nY: z\r\n\r\n`],
  ['for the LF of a field line', (target, x) => `${line(target)}\r\nHost: h\r\nX: y\r${x}Y: z\r\n\r\n`],
  ['for the CR of the empty line', (target, x) => `${line(target)}\r\nHost: h\r\n${x}\n`],
  ['for the LF of the empty line', (target, x) => `${line(target)}\r\nHost: h\r\n\r${x}`],
  fieldRow('X@Y: z', undefined, ALL),
  fieldRow('@X: z'),
  fieldRow('X@: z'),
  fieldRow('X: y@z', isText, ALL),
  fieldRow('X: @z'),
  fieldRow('X: y@'),
  fieldRow('X:@y'),
  fieldRow('X@ y'),
  fieldRow('Host@: i'),
  fieldRow('@Host: i'),
  fieldRow('Connection: cl@se'),
  fieldRow('Connection: close@'),
  fieldRow('Connection: @close'),
  fieldRow('Connection@: close'),
  fieldRow('Connection: x@X-Real-IP'),
  fieldRow('Upgrade: websocket\r\nConnection: upgrade@'),
  fieldRow('Connection: upgrade\r\nUpgrade@: websocket'),
  ...['h@i', '@h', 'h@', 'h:8@', 'h@80', '[::@]', '%4@'].map((host): Row => [
    `Host: ${host}`,
    (target, x) => bare(line(target), `Host: ${host.replace('@', () => x)}`),
    undefined,
    host === 'h@i' ? ALL : TELLING,
  ]),
  framingRow('Transfer-Encoding@: chunked', '0\r\n\r\n'),
  framingRow('@Transfer-Encoding: chunked', '0\r\n\r\n'),
  framingRow('Transfer@Encoding: chunked', '0\r\n\r\n'),
  framingRow('Transfer-Encoding:@chunked', '0\r\n\r\n'),
  framingRow('Transfer-Encoding: @chunked', '0\r\n\r\n'),
  framingRow('Transfer-Encoding: chun@ked', '0\r\n\r\n'),
  framingRow('Transfer-Encoding: chunked@', '0\r\n\r\n'),
  framingRow('Content-Length: 5\r\nTransfer-Encoding@: chunked', '0\r\n\r\n'),
  framingRow('Content-Length: 5\r\nTransfer-Encoding: chunked@', '0\r\n\r\n'),
  framingRow('Content-Length: 5\r\nX: y@Transfer-Encoding: chunked', '0\r\n\r\n'),
  framingRow('Content-Length@: 5', 'hello'),
  framingRow('@Content-Length: 5', 'hello'),
  framingRow('Content@Length: 5', 'hello'),
  framingRow('Content-Length: @5', 'hello'),
  framingRow('Content-Length: 5@', 'hello'),
  framingRow('Content-Length: 0@5', 'hello'),
  framingRow('Content-Length:@5', 'hello'),
  framingRow('Content-Length: 5\r\nContent-Length@: 0', 'hello'),
  chunkRow('@\r\nhello\r\n0\r\n\r\n', ALL),
  chunkRow('@5\r\nhello\r\n0\r\n\r\n'),
  chunkRow('5@\r\nhello\r\n0\r\n\r\n', ALL),
  chunkRow('5;@\r\nhello\r\n0\r\n\r\n'),
  chunkRow('5;a@b\r\nhello\r\n0\r\n\r\n', ALL),
  chunkRow('5;a=@\r\nhello\r\n0\r\n\r\n'),
  chunkRow('5;a="@"\r\nhello\r\n0\r\n\r\n', ALL),
  chunkRow('5;a="\\@"\r\nhello\r\n0\r\n\r\n'),
  chunkRow('5;a="b"@\r\nhello\r\n0\r\n\r\n'),
  chunkRow('5@\nhello\r\n0\r\n\r\n'),
  chunkRow('5\r@hello\r\n0\r\n\r\n'),
  chunkRow('5\r\nhello@\n0\r\n\r\n'),
  chunkRow('5\r\nhello\r@0\r\n\r\n'),
  chunkRow('5\r\nhello\r\n@\r\n\r\n'),
  chunkRow('5\r\nhello\r\n0@\r\n\r\n'),
  chunkRow('5\r\nhello\r\n0@\n\r\n'),
  chunkRow('5\r\nhello\r\n0\r@\r\n'),
  chunkRow('5\r\nhello\r\n0\r\n@\n'),
  chunkRow('5\r\nhello\r\n0\r\n\r@'),
  chunkRow('5\r\nhello\r\n0\r\nX@Y: z\r\n\r\n', ALL),
  chunkRow('5\r\nhello\r\n0\r\nX: y@z\r\n\r\n', ALL),
  chunkRow('5\r\nhello\r\n0\r\n@X: z\r\n\r\n'),
  chunkRow('5\r\nhello\r\n0\r\nContent-Length@: 5\r\n\r\n'),
];

type ResponseRow = readonly [text: string, serves?: Serves, octets?: readonly number[]];
const good = ok('good');
const chunked = bare('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
const fieldLine = (text: string): string => `${bare('HTTP/1.1 200 OK', text, 'Content-Length: 4')}good`;

const RESPONSES: readonly ResponseRow[] = [
  [`@${good}`],
  [good.replace('TTP', 'T@P'), never, ALL],
  [good.replace('/1.1', '@1.1')],
  [good.replace('/1.1', '/1.@')],
  [good.replace('1 200', '1@200')],
  [good.replace('200', '2@0'), undefined, ALL],
  [good.replace('200 OK', '200@OK')],
  [good.replace('200 OK', '200@')],
  [good.replace('OK', 'O@K'), isText, ALL],
  [good.replace('OK\r\n', 'OK@\n')],
  [good.replace('OK\r\n', 'OK\r@')],
  [fieldLine('X@Y: z'), undefined, ALL],
  [fieldLine('X@: z')],
  [fieldLine('@X: z')],
  [fieldLine('X: y@z'), isText, ALL],
  [fieldLine('X: y@')],
  [fieldLine('X: y@\nY: z')],
  [fieldLine('X: y\r@Y: z')],
  ['HTTP/1.1 200 OK\r\nContent-Length@: 4\r\n\r\ngood'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 4@\r\n\r\ngood'],
  ['HTTP/1.1 200 OK\r\nContent-Length: @4\r\n\r\ngood'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length@: 3\r\n\r\ngood'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding@: chunked\r\n\r\ngood'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked@\r\n\r\n4\r\ngood\r\n0\r\n\r\n'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: @chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n@\ngood'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r@good'],
  [`${chunked}@\r\ngood\r\n0\r\n\r\n`],
  [`${chunked}4@\r\ngood\r\n0\r\n\r\n`, undefined, ALL],
  [`${chunked}4;a@b\r\ngood\r\n0\r\n\r\n`, undefined, ALL],
  [`${chunked}4@\ngood\r\n0\r\n\r\n`],
  [`${chunked}4\r\ngood@\n0\r\n\r\n`],
  [`${chunked}4\r\ngood\r@0\r\n\r\n`],
  [`${chunked}4\r\ngood\r\n0@\r\n\r\n`],
  [`${chunked}4\r\ngood\r\n0\r\n@\n`],
  [`${chunked}4\r\ngood\r\n0\r\n\r@`],
  [`${chunked}4\r\ngood\r\n0\r\nX@Y: z\r\n\r\n`, undefined, ALL],
  [`${chunked}4\r\ngood\r\n0\r\nX: y@z\r\n\r\n`, undefined, ALL],
  [`${good}@`],
];

export const FAMILIES: readonly Family[] = [
  ...REQUESTS.map(([name, request, serves, octets = TELLING]): Family => {
    const family = { name: `request: ${name}`, octets, request };
    return serves === undefined ? family : { ...family, serves };
  }),
  ...RESPONSES.map(([text, serves, octets = TELLING]): Family => {
    const family = {
      name: `response: ${JSON.stringify(text)}`,
      octets,
      request: (target: string) => head(line(target)),
      response: (x: string) => text.replace('@', () => x),
    };
    return serves === undefined ? family : { ...family, serves };
  }),
];
