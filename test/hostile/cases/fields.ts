/**
 * Field lines that two readers could read differently, and Host above all.
 */
import { bare, head, type HostileCase, refused, served, type Table } from '../corpus.js';
import { P } from '../steps.js';

const SMUGGLED = head(`GET ${P}smuggled HTTP/1.1`);
const LINE = `GET ${P}x HTTP/1.1`;
const GET = `GET ${P}x`;

/** Field lines that are none. */
const BROKEN: readonly [string, string][] = [
  ['white space in front of the colon', 'X : y'],
  ['a TAB in front of the colon', 'X\t: y'],
  ['no colon', 'X'],
  ['no colon but a space', 'X y'],
  ['no name', ': y'],
  ['nothing but a colon', ':'],
  ['a folded value', 'X: y\r\n z'],
  ['a folded value, by a TAB', 'X: y\r\n\tz'],
  ['a folded value that is a field', 'X: y\r\n Host: evil'],
  ['a folded empty value', 'X:\r\n y'],
  ['a folded empty line', 'X: y\r\n '],
  ['white space in front of the first line', ' X: y'],
  ['a space in a name', 'X Y: z'],
  ['a NUL in a name', 'X\0Y: z'],
  ['a control octet in a name', 'X\x01Y: z'],
  ['DEL in a name', 'X\x7fY: z'],
  ['an octet above 127 in a name', 'X\xe9: z'],
  ['a quote in a name', '"X": z'],
  ['a parenthesis in a name', 'X(: z'],
  ['a comma in a name', 'X,Y: z'],
  ['a slash in a name', 'X/Y: z'],
  ['an @ in a name', 'X@Y: z'],
  ['a bracket in a name', '[X]: z'],
  ['a brace in a name', '{X}: z'],
  ['an equals sign in a name', 'X=Y: z'],
  ['a semicolon in a name', 'X;Y: z'],
  ['a backslash in a name', 'X\\Y: z'],
  ['a CR in a name', 'X\rY: z'],
  ['a LF in a name', 'X\nY: z'],
  ['a bare LF behind a value', 'X: y\nY: z'],
  ['a bare CR in a value', 'X: y\rY: z'],
  ['a bare CR at the end of a value', 'X: y\r'],
  ['a bare CR in front of a value', 'X:\ry'],
  ['LF CR', 'X: y\n\rY: z'],
  ['CR CR LF', 'X: y\r\r\nY: z'],
  ['a NUL in a value', 'X: y\0z'],
  ['a NUL at the end of a value', 'X: y\0'],
  ['a control octet in a value', 'X: y\x01z'],
  ['a vertical TAB in a value', 'X: y\x0bz'],
  ['a form feed in a value', 'X: y\x0cz'],
  ['a backspace in a value', 'X: y\x08z'],
  ['ESC in a value', 'X: \x1b[2J'],
  ['DEL in a value', 'X: y\x7f'],
  ['an empty line of LF alone', 'X: y\r\n\nY: z'],
  ['LF LF for the end of the head', `X: y\n\n${head(LINE)}`],
  ['CR for the end of the head', `X: y\r\n\r${head(LINE)}`],
];

/** Values of Host that are no host. */
const HOSTS: readonly string[] = [
  '',
  ' ',
  'a b',
  'a\tb',
  'a,b',
  'a, b',
  'a/b',
  'a?b',
  'a#b',
  'a@b',
  'user:pass@h',
  'a\\b',
  'a"b',
  '"h"',
  '<h>',
  'h:',
  'h:a',
  'h:80a',
  'h:-1',
  'h:65536',
  'h:99999999999',
  'h:80:80',
  'h: 80',
  'h :80',
  ':80',
  ':',
  'http://h',
  'http://h/',
  '//h',
  '/h',
  '[::1',
  '::1]',
  '::1',
  '[]',
  '[::1]x',
  '[::1]:',
  '[::1]:x',
  '[g::]',
  '[::1%25eth0]',
  '[::1]]',
  'h\0',
  'h\x01',
  '\xe9',
  'h\x7f',
  'h%',
  'h%4',
  'h%zz',
  '%00h',
  'h|i',
  'h^i',
  'h`i',
  '{h}',
  'h;evil',
  'h evil',
  '*',
  '..',
  '.',
  'h..i',
];
/** Values that are. */
const GOOD_HOSTS: readonly string[] = [
  'h:80',
  'h:',
  'H.example',
  'a-b_c~d',
  'h%41',
  '127.0.0.1',
  '127.0.0.1:8080',
  '[::]',
  '[::1]',
  '[::1]:8080',
  '[2001:db8::ff00:42:8329]',
  '[1:2:3:4:5:6:7:8]',
  '[1::]',
  '[::ffff:127.0.0.1]',
  '[1:2:3:4:5:6:1.2.3.4]',
  'xn--bcher-kva.example',
];
/** Literals that are no address. */
const BAD_LITERALS: readonly string[] = [
  '[:]',
  '[:::]',
  '[1::2::3]',
  '[1:2:3:4:5:6:7]',
  '[1:2:3:4:5:6:7:8:9]',
  '[12345::]',
  '[::1.2.3]',
  '[::1.2.3.256]',
  '[::1.2.3.4.5]',
  '[::1.2.3.4:5]',
  '[1:]',
  '[:1]',
  '[1]',
  '[1.2.3.4]',
  '[::01.2.3.4]',
  '[v1]',
  '[v.x]',
  '[v1.]',
  '[::x]',
  '[h]',
];
/** Odd, but reg-names by RFC 3986: either way will do, as it passes unchanged. */
const REG_NAMES = new Set(['a,b', '*', '..', '.', 'h..i', 'h;evil', 'h:', '[::1]:', '%00h']);

const brokenCases: HostileCase[] = BROKEN.map(([name, line]) => ({
  name,
  idea: 'RFC 9112 5, RFC 9110 5.5: lines that one reader ends, joins or skips where another does not',
  client: `${bare(LINE, line, 'Host: h')}${SMUGGLED}`,
  expect: refused(400),
}));
/** The same behind Host: white space that continues the line before. */
const brokenLastCases: HostileCase[] = BROKEN.map(([name, line]) => ({
  name: `${name}, in the last line`,
  idea: 'the same in front of the empty line',
  client: `${bare(LINE, 'Host: h', line)}${SMUGGLED}`,
  expect: refused(400),
}));

const hostCases: HostileCase[] = [...HOSTS, ...BAD_LITERALS].map((value) => ({
  name: `Host: ${JSON.stringify(value)}`,
  idea: 'RFC 9112 3.2: routing attacks by hosts that are read differently',
  client: bare(LINE, `Host: ${value}`) + SMUGGLED,
  expect: REG_NAMES.has(value) ? [refused(400), served(GET, `GET ${P}smuggled`)] : refused(400),
}));

const goodHostCases: HostileCase[] = GOOD_HOSTS.map((value) => ({
  name: `Host: ${value} passes`,
  idea: 'RFC 9110 7.2: a uri-host and a port',
  client: bare(LINE, `Host: ${value}`),
  expect: { ...served(GET), sends: new RegExp(`\\r\\nHost: ${value.replace(/[[\].%]/g, '\\$&')}\\r\\n`) },
}));

const otherCases: HostileCase[] = [
  {
    name: 'no Host',
    idea: 'RFC 9112 3.2',
    client: bare(LINE) + SMUGGLED,
    expect: refused(400),
  },
  {
    name: 'two equal Hosts',
    idea: 'RFC 9112 3.2',
    client: bare(LINE, 'Host: h', 'Host: h'),
    expect: refused(400),
  },
  {
    name: 'two Hosts in different case',
    idea: 'RFC 9112 3.2',
    client: bare(LINE, 'Host: h', 'hOST: evil'),
    expect: refused(400),
  },
  {
    name: 'two Hosts, one empty',
    idea: 'RFC 9112 3.2',
    client: bare(LINE, 'Host:', 'Host: h'),
    expect: refused(400),
  },
  {
    name: 'a Host behind many fields',
    idea: 'RFC 9112 3.2',
    client: bare(LINE, 'Host: h', ...Array.from({ length: 60 }, (_, i) => `X${i}: y`), 'Host: evil'),
    expect: refused(400),
  },
  {
    name: 'two Hosts in HTTP/1.0',
    idea: 'RFC 9112 3.2: at most one',
    client: bare(`GET ${P}x HTTP/1.0`, 'Host: h', 'Host: i'),
    expect: refused(400),
  },
  {
    name: 'no Host in HTTP/1.0: what goes on in HTTP/1.1 has one all the same',
    idea: 'RFC 9112 3.2: a Host goes with every HTTP/1.1 request',
    client: bare(`GET ${P}x HTTP/1.0`),
    expect: { statuses: [200], closes: true, origin: [GET] },
  },
  {
    name: 'an empty Host in HTTP/1.0',
    idea: 'RFC 9112 3.2',
    client: bare(`GET ${P}x HTTP/1.0`, 'Host:'),
    expect: refused(400),
  },
  {
    name: 'a Host that Connection names',
    idea: 'hop-by-hop abuse: Connection: Host',
    client: bare(LINE, 'Host: h', 'Connection: Host'),
    expect: { ...served(GET), sends: /\r\nHost: h\r\n/ },
  },
  {
    name: 'names that look like Host are other fields',
    idea: 'X-Host, Host_, Forwarded: none of them is Host',
    client: bare(LINE, 'X-Host: evil', 'X-Forwarded-Host: evil', 'Forwarded: host=evil', 'Host: h'),
    expect: { ...served(GET), sends: /\r\nHost: h\r\n/ },
  },
  {
    name: 'names with an underscore do not pass',
    idea: 'nginx: ignore_invalid_headers, underscores_in_headers off: X_Real_IP is X-Real-IP to CGI-like origins',
    client: bare(LINE, 'Host: h', 'X_Real_IP: 6.6.6.6', 'Content_Length: 5', 'X.Y: z', 'X!: z'),
    expect: { ...served(GET), withholds: /6\.6\.6\.6|Content_Length|X\.Y|X!/ },
  },
  {
    name: 'fields that the proxy sets are its own',
    idea: 'spoofed client addresses',
    client: bare(LINE, 'Host: h', 'X-Real-IP: 6.6.6.6', 'x-real-ip: 6.6.6.7'),
    expect: { ...served(GET), sends: /X-Real-IP: 127\.0\.0\.1/, withholds: /6\.6\.6/ },
  },
  {
    name: 'an address is added to X-Forwarded-For behind those that came',
    idea: "spoofed client addresses: the last one is the proxy's word",
    client: bare(LINE, 'Host: h', 'X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 6.6.6.7'),
    expect: { ...served(GET), sends: /\r\nX-Forwarded-For: 6\.6\.6\.6, 6\.6\.6\.7, 127\.0\.0\.1\r\n/ },
  },
  {
    name: 'white space around values is no part of them',
    idea: 'RFC 9112 5.1',
    client: bare(LINE, 'Host:\t h \t', 'X:  \t y z \t '),
    expect: { ...served(GET), sends: /\r\nX: y z\r\n/ },
  },
  {
    name: 'values of any length, empty ones and obs-text pass',
    idea: 'RFC 9110 5.5',
    client: bare(LINE, 'Host: h', 'X:', 'Y: \x80\xff', `Z: ${'z'.repeat(4000)}`),
    expect: { ...served(GET), sends: /\r\nX:[ ]?\r\nY: \x80\xff\r\nZ: z{4000}\r\n/ },
  },
  {
    name: 'a field section that a CR LF in an escaped value would end',
    idea: 'header injection through variables: escapes are not decoded into fields',
    client: bare(`GET ${P}x%0d%0aX-Evil:%20y HTTP/1.1`, 'Host: h', 'X: %0d%0aX-Evil: y'),
    expect: { ...served(`${GET}%0d%0aX-Evil:%20y`), withholds: /\r\nX-Evil/ },
  },
];

export const FIELDS: Table = {
  title: 'field lines',
  cases: [...brokenCases, ...brokenLastCases, ...hostCases, ...goodHostCases, ...otherCases],
};
