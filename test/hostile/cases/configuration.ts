/**
 * Octets of a request that a configuration puts into other messages: targets that are rewritten, variables in fields.
 */
import { bare, head, type HostileCase, ok, served, type Table } from '../corpus.js';
import { EARLY, P, until } from '../steps.js';

const GET = `GET ${P}x`;
const SMUGGLED = head(`GET ${P}smuggled HTTP/1.1`);
/** Spellings of line ends in a path. */
const LINE_ENDS: readonly string[] = [
  '%0d%0a',
  '%0a',
  '%0d',
  '%0D%0A%20',
  '%e5%98%8a%e5%98%8d',
  '%c0%8a',
  '%85',
  '%e2%80%a8',
];

const redirections: HostileCase[] = LINE_ENDS.map((end) => ({
  name: `return with $uri: ${end}`,
  idea: 'CRLF injection: "return 301 $uri" of a decoded path (response splitting)',
  client: head(`GET ${P}x${end}Set-Cookie:%20evil=1${end}${end}evil HTTP/1.1`),
  location: 'return 301 http://h$uri;',
  skipsCanary: true,
  expect: { statuses: [301], origin: [], lacks: /\r\nSet-Cookie|\n\nevil|\r\n\r\nevil|\r[^\n]|[^\r]\n/ },
}));

const added: HostileCase[] = LINE_ENDS.map((end) => ({
  name: `add_header with $uri and $arg_x: ${end}`,
  idea: 'CRLF injection through fields of an answer',
  client: head(`GET ${P}x${end}Set-Cookie:%20evil=1?x=y${end}Set-Cookie:%20evil HTTP/1.1`),
  location: 'add_header X-Uri $uri always; add_header X-Arg $arg_x always;',
  expect: { statuses: [200], closes: false, lacks: /\r\nSet-Cookie|\r[^\n]|[^\r]\n/ },
}));

const passed: HostileCase[] = LINE_ENDS.map((end) => ({
  name: `proxy_set_header with $uri and $arg_x: ${end}`,
  idea: 'CRLF injection through fields of a request: a second request for the origin',
  client: head(`GET ${P}x${end}Evil:%201?x=y${end}Evil:%201 HTTP/1.1`) + SMUGGLED,
  location: 'proxy_set_header Host $http_host; proxy_set_header X-Uri $uri; proxy_set_header X-Arg $arg_x;',
  expect: {
    ...served(`${GET}${end}Evil:%201?x=y${end}Evil:%201`, `GET ${P}smuggled`),
    withholds: /\r\nEvil|\r[^\n]|[^\r]\n/,
  },
}));

const rewritten: HostileCase[] = LINE_ENDS.map((end) => ({
  name: `proxy_pass with a URI: ${end}`,
  idea: 'CRLF and SP injection through a decoded path that is written anew: a second request for the origin',
  client: head(`GET ${P}x${end}%20HTTP/1.1${end}Host:%20evil HTTP/1.1`) + SMUGGLED,
  location: `proxy_pass http://@UPSTREAM@${P}y/;`,
  skipsCanary: true,
  expect: {
    statuses: [200, 200],
    closes: false,
    withholds: /\r\nHost: evil|\r[^\n]|[^\r]\n|x HTTP| HTTP\/1\.1 /,
  },
}));

const others: HostileCase[] = [
  {
    name: 'proxy_pass with a URI: a path that climbs',
    idea: 'path traversal out of the prefix by encoded dots and slashes',
    client: head(`GET ${P}a/..%2f..%2f..%2fx HTTP/1.1`),
    location: `proxy_pass http://@UPSTREAM@${P}y/;`,
    skipsCanary: true,
    expect: { statuses: [400], closes: true, origin: [] },
  },
  {
    name: 'proxy_pass with a URI: octets that would end a path are encoded again',
    idea: 'a decoded "?" or "#" or "%" that becomes another target',
    client: head(`GET ${P}a%3fb%23c%25d%20e HTTP/1.1`),
    location: `proxy_pass http://@UPSTREAM@${P}y/;`,
    skipsCanary: true,
    expect: served(`GET ${P}y/a%3Fb%23c%25d%20e`),
  },
  {
    name: "fields whose value is a field of the client's",
    idea: 'values of any octets that a field may hold',
    client: head(`GET ${P}x HTTP/1.1`, 'X: \xff\t"y"', 'X: z'),
    location: 'proxy_set_header Host h; proxy_set_header X-Copy $http_x;',
    expect: { ...served(GET), sends: /\r\nX-Copy: \xff\t"y", z\r\n/ },
  },
  {
    name: 'fields that are dropped by the configuration in any case',
    idea: 'names are case-insensitive',
    client: head(`GET ${P}x HTTP/1.1`, 'X-Secret: 1', 'x-secret: 2', 'X-SECRET: 3'),
    location: 'proxy_set_header Host h; proxy_set_header X-Secret "";',
    expect: { ...served(GET), withholds: /secret/i },
  },
  {
    name: 'Expect that the configuration drops is met here',
    idea: 'content and 100 that wait for each other',
    client: [
      head(`POST ${P}x HTTP/1.1`, 'Expect: 100-continue', 'Content-Length: 5'),
      until('HTTP/1.1 100'),
      'hello',
    ],
    location: 'proxy_set_header Host h; proxy_set_header Expect "";',
    expect: { statuses: [100, 200], closes: false, origin: [`POST ${P}x hello`], withholds: /Expect/ },
  },
  {
    name: 'Expect towards an HTTP/1.0 origin is met here',
    idea: 'RFC 9110 10.1.1',
    client: [
      head(`POST ${P}x HTTP/1.1`, 'Expect: 100-continue', 'Content-Length: 5'),
      until('HTTP/1.1 100'),
      'hello',
    ],
    location: 'proxy_http_version 1.0; proxy_set_header Host h;',
    expect: { statuses: [100, 200], closes: false, origin: [`POST ${P}x hello`], withholds: /Expect/ },
  },
  {
    name: 'chunks towards an HTTP/1.0 origin',
    idea: 'HTTP/1.0 knows no chunks: 411',
    client: `${head(`POST ${P}x HTTP/1.1`, 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
    location: 'proxy_http_version 1.0; proxy_set_header Host h;',
    expect: [{ statuses: [411], closes: true, origin: [] }, served(`POST ${P}x hello`)],
  },
  {
    name: 'interim answers of an HTTP/1.0 origin',
    idea: 'HTTP/1.0 knows no interim answers; one all the same is none of the final answer',
    client: head(`GET ${P}x HTTP/1.1`),
    location: 'proxy_http_version 1.0; proxy_set_header Host h;',
    origin: [EARLY, bare('HTTP/1.0 103 E') + ok('good')],
    expect: [
      { statuses: [103, 200], closes: false, origin: [GET] },
      { statuses: [200], closes: false, origin: [GET] },
      { statuses: [502], origin: [GET] },
    ],
  },
];

export const CONFIGURATION: Table = {
  title: 'configurations',
  cases: [...redirections, ...added, ...passed, ...rewritten, ...others],
};
