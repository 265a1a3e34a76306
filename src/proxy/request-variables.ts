/**
 * Variables of the request and of its connection. All of them are settled once the head is read, so none is kept.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { OctetWriter } from '../bytes/octet-writer.js';
import { COMMA, FOLD, latin1, SLASH } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import { FIELD_NAMES, HOST } from '../message/field-names.js';
import { FORM_ABSOLUTE, FORM_AUTHORITY, type Head } from '../message/head.js';
import { SECURE_LINK, SECURE_LINK_EXPIRES } from './access/links.js';
import { INVALID_REFERER } from './access/referers.js';
import { cacheOf, contextOf, hasTarget, momentOf, type RequestContext } from './context.js';
import {
  argumentValue,
  basicUser,
  cookieValue,
  joinedText,
  packAddress,
  putJoined,
  separatorOf,
} from './fields.js';
import { LIMIT_RATE } from './limit-rate.js';
import { originalConnection } from './real-ip.js';
import { NGINX_VERSION } from './identity.js';
import type { Variable, VariableFamily } from './variables.js';
import { ISO_TIME, LOCAL_TIME, seconds } from './wall-clock.js';

const ROOT_PATH = latin1('/');
const DOT = 0x2e;

type Text = (exchange: Exchange) => string;
type Put = (exchange: Exchange, out: OctetWriter) => void;

function stable(text: Text, put?: Put, isFound?: (exchange: Exchange) => boolean): Variable {
  return { text, put, isStable: true, isFound };
}

function always(): boolean {
  return true;
}

function changing(text: Text, put?: Put): Variable {
  return { text, put, isStable: false, isFound: undefined, readsResponse: false };
}

function stableCount(count: (exchange: Exchange) => number): Variable {
  return stable(
    (exchange) => String(count(exchange)),
    (exchange, out) => out.putDecimal(count(exchange)),
  );
}

function timeText(time: typeof LOCAL_TIME): Variable {
  return changing(
    () => time.text(),
    (_exchange, out) => out.put(time.octets()),
  );
}

function span(from: (head: Head) => number, to: (head: Head) => number): Variable {
  return stable(
    ({ request }) => request.text(from(request), to(request)),
    ({ request }, out) => out.put(request.octets, from(request), to(request)),
  );
}

/** A request field by the name that follows `http_`. */
function field(member: string): Variable {
  const name = member.replaceAll('_', '-');
  if (name === 'host') return HTTP_HOST;
  const id = FIELD_NAMES.intern(name);
  const separator = separatorOf(name);
  return stable(
    ({ request }) => joinedText(request, id, separator),
    ({ request }, out) => putJoined(request, id, separator, out),
    ({ request }) => request.findField(id) >= 0,
  );
}

/**
 * $http_host: Host as received; of an absolute target, or of CONNECT, its authority, which takes Host's place (RFC 9112 3.2.2). Routing
 * by one and passing on the other would let a request reach a host that the rules for it never saw.
 */
const HTTP_HOST = stable(
  ({ request }) => (namesAuthority(request) ? authority(request) : joinedText(request, HOST, COMMA)),
  ({ request }, out) => {
    if (namesAuthority(request)) out.put(request.octets, request.hostStart, request.hostEnd);
    else putJoined(request, HOST, COMMA, out);
  },
  ({ request }) => namesAuthority(request) || request.findField(HOST) >= 0,
);

/** Whether the target has an authority: an absolute one, or that of CONNECT. */
function namesAuthority({ form }: Head): boolean {
  return form === FORM_ABSOLUTE || form === FORM_AUTHORITY;
}

function authority(head: Head): string {
  return head.text(head.hostStart, head.hostEnd);
}

/** Behind the last octet of the host, a final dot excluded, which nginx drops too. */
function hostEnd(head: Head): number {
  const { octets, hostStart, hostNameEnd } = head;
  if (!hasTarget(head)) return hostStart;
  return hostNameEnd > hostStart && octets[hostNameEnd - 1] === DOT ? hostNameEnd - 1 : hostNameEnd;
}

/**
 * The host that a request is for, in lower case and without port: of an absolute target, else of Host, else the name of
 * the server that took the request.
 */
export function hostText(exchange: Exchange): string {
  const host = hostOf(exchange.request);
  return host === '' ? serverName(exchange) : host;
}

/** The host that a head names, in lower case and without port; '' if it names none. */
export function hostOf(head: Head): string {
  return head.text(head.hostStart, hostEnd(head)).toLowerCase();
}

/** $request_port: the port of the target's authority, else of Host; '' for none. */
function requestPort(head: Head): string {
  if (!hasTarget(head) || head.hostEnd <= head.hostNameEnd + 1) return '';
  const number = Number(head.text(head.hostNameEnd + 1, head.hostEnd));
  return number === 0 ? '' : String(number);
}

function putHost(exchange: Exchange, out: OctetWriter): void {
  const { octets, hostStart } = exchange.request;
  const end = hostEnd(exchange.request);
  if (end <= hostStart) return out.putLatin1(serverName(exchange));
  for (let i = hostStart; i < end; i++) out.putOctet(FOLD[octets[i]]);
}

/** $server_name. */
export function serverName(exchange: Exchange): string {
  const server = contextOf(exchange).server;
  return server === null ? '' : primaryName(server.names);
}

/** $server_name: the first name of a server, a mask's leading dot excluded. */
export function primaryName(names: readonly string[]): string {
  const name = names[0] ?? '';
  return name.startsWith('.') ? name.slice(1) : name;
}

function args(exchange: Exchange): string {
  return contextOf(exchange).argsText();
}

function putArgs(exchange: Exchange, out: OctetWriter): void {
  const { argsOctets, argsStart, argsEnd } = contextOf(exchange);
  out.put(argsOctets, argsStart, argsEnd);
}

/** $request_uri: path and query as received. An absolute target without a path has "/" for one. */
function requestUri({ request }: Exchange): string {
  if (!hasTarget(request)) return '';
  const text = request.text(request.pathStart, request.pathEnd);
  return text.startsWith('/') ? text : `/${text}`;
}

function putRequestUri({ request }: Exchange, out: OctetWriter): void {
  if (!hasTarget(request)) return;
  const { octets, pathStart, pathEnd } = request;
  if (pathStart === pathEnd || octets[pathStart] !== SLASH) out.put(ROOT_PATH);
  out.put(octets, pathStart, pathEnd);
}

function requestId(exchange: Exchange): string {
  const context = contextOf(exchange.main ?? exchange);
  if (context.requestId === '') context.requestId = randomBytes(16).toString('hex');
  return context.requestId;
}

function port(value: number): string {
  return value > 0 ? String(value) : '';
}

const FORWARDED_FOR = FIELD_NAMES.intern('x-forwarded-for');
const AUTHORIZATION = FIELD_NAMES.intern('authorization');
const COOKIE = FIELD_NAMES.intern('cookie');

function forwardedFor({ request, connection }: Exchange): string {
  const received = request.joinedText(FORWARDED_FOR);
  return received === '' ? connection.remoteAddress : `${received}, ${connection.remoteAddress}`;
}

function putForwardedFor({ request, connection }: Exchange, out: OctetWriter): void {
  const before = out.position - out.start;
  putJoined(request, FORWARDED_FOR, COMMA, out);
  const cache = cacheOf(connection);
  // Distances, not positions: a put may move the span that is being laid down.
  out.put(out.position - out.start === before ? cache.address : cache.suffix);
}

/** Captures of the last regular expression that matched. */
function capture(index: number): Variable {
  return { ...changing((exchange) => contextOf(exchange).captures?.[index] ?? ''), capture: index };
}

/** The method: another one once an error page has taken the request over. */
function method(exchange: Exchange): string {
  const { request } = exchange;
  // A subrequest is a GET of the proxy's own; the variable means what the client asked, as in nginx.
  const { context } = exchange.main ?? exchange;
  const changed = (context as RequestContext | undefined)?.detour?.method ?? '';
  return changed === '' ? request.text(0, request.length === 0 ? 0 : request.methodEnd) : changed;
}

/**
 * Variables by name.
 * @param isRewritten the configuration changes paths, queries or methods on the way: these may change within an exchange
 */
export function requestVariables(isRewritten = false): Readonly<Record<string, Variable>> {
  const settled: typeof stable = (...parts) => ({
    ...stable(...parts),
    isStable: !isRewritten,
    readsResponse: false,
  });
  const uri = settled(
    (exchange) => contextOf(exchange).text(),
    (exchange, out) => {
      const path = contextOf(exchange);
      out.put(path.octets, path.start, path.end);
    },
  );
  const query = settled(args, putArgs);
  const hostName = hostname();
  const all: Record<string, Variable> = {
    args: query,
    query_string: query,
    is_args: settled((e) => (contextOf(e).argsEnd > contextOf(e).argsStart ? '?' : ''), undefined, always),
    uri,
    document_uri: uri,
    request_uri: stable(requestUri, putRequestUri),
    request: span(
      () => 0,
      // Of a refused head too: what came of its first line.
      (head) => head.startLineEnd,
    ),
    request_method: settled(method),
    request_id: stable(requestId),
    // Content is never held: as in nginx with proxy_request_buffering off.
    request_body: stable(() => ''),
    request_length: changing(
      (e) => String(e.octetsReceived),
      (e, out) => out.putDecimal(e.octetsReceived),
    ),
    request_time: changing((e) => seconds(momentOf(e) - e.startedAt)),
    host: stable(hostText, putHost),
    request_port: stable(({ request }) => requestPort(request)),
    is_request_port: stable(({ request }) => (requestPort(request) === '' ? '' : ':'), undefined, always),
    hostname: stable(() => hostName),
    server_name: stable(serverName, undefined, always),
    server_addr: stable((e) => e.connection.localAddress),
    server_port: stable((e) => port(e.connection.localPort)),
    server_protocol: stable(({ request }) => (request.length === 0 ? '' : `HTTP/1.${request.minorVersion}`)),
    scheme: stable((e) => (e.connection.secure ? 'https' : 'http')),
    https: stable((e) => (e.connection.secure ? 'on' : ''), undefined, always),
    remote_addr: stable(
      (e) => e.connection.remoteAddress,
      (e, out) => out.put(cacheOf(e.connection).address),
    ),
    realip_remote_addr: stable((e) => originalConnection(e.connection).remoteAddress),
    realip_remote_port: stable((e) => port(originalConnection(e.connection).remotePort)),
    remote_port: stable((e) => port(e.connection.remotePort)),
    binary_remote_addr: stable((e) => packAddress(e.connection.remoteAddress)),
    remote_user: stable((e) =>
      e.request.findField(AUTHORIZATION) < 0 ? '' : basicUser(e.request.joinedText(AUTHORIZATION)),
    ),
    connection: stableCount((e) => e.connection.serial),
    limit_rate: LIMIT_RATE,
    secure_link: SECURE_LINK,
    secure_link_expires: SECURE_LINK_EXPIRES,
    invalid_referer: INVALID_REFERER,
    limit_req_status: changing((e) => contextOf(e).limits?.requests ?? ''),
    limit_conn_status: changing((e) => contextOf(e).limits?.connections ?? ''),
    connection_requests: stableCount((e) => e.ordinal),
    connection_time: changing((e) => seconds(momentOf(e) - e.connection.openedAt)),
    content_length: field('content_length'),
    content_type: field('content_type'),
    proxy_add_x_forwarded_for: stable(forwardedFor, putForwardedFor),
    msec: changing(() => seconds(Date.now())),
    time_local: timeText(LOCAL_TIME),
    time_iso8601: timeText(ISO_TIME),
    pid: stable(() => String(process.pid)),
    nginx_version: stable(() => NGINX_VERSION),
  };
  for (let digit = 1; digit <= 9; digit++) all[String(digit)] = capture(digit);
  return all;
}

/** Families by prefix. */
export function requestFamilies(isRewritten = false): Readonly<Record<string, VariableFamily>> {
  return {
    http_: field,
    arg_: (member) => ({
      ...stable((e) => argumentValue(args(e), member)),
      isStable: !isRewritten,
      readsResponse: false,
    }),
    cookie_: (member) =>
      stable((e) => cookieValue(joinedText(e.request, COOKIE, separatorOf('cookie')), member)),
  };
}

/** The variable of a named group; a regular expression defines it. @param name any case */
export function namedCapture(name: string): Variable {
  const lower = name.toLowerCase();
  return changing((exchange) => contextOf(exchange).named?.get(lower) ?? '');
}
