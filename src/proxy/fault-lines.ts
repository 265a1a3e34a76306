/**
 * Lines of the error log in nginx's shape, because people and programs search for nginx's words. Decides severity and
 * words; behind the words stand wirehop's own code and the directive or clause that decided, so that no close is
 * a riddle.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import { ERRORS, type ErrorCode, type Fault } from '../error.js';
import type { Exchange } from '../machine/exchange.js';
import type { ConnectionFacts } from '../machine/policy.js';
import { FIELD_NAMES, HOST } from '../message/field-names.js';
import { BODY_LENGTH } from '../message/head.js';
import type { RequestContext } from './context.js';
import type { ListenAddress, LogLevel } from './model.js';
import { primaryName } from './request-variables.js';
import { systemWords } from './system-words.js';
import { verdictText } from './tls-variables.js';

const REFERER = FIELD_NAMES.intern('referer');

const TIMED_OUT = `(${systemWords('ETIMEDOUT')})`;

const IN_LINE = 'while reading client request line';
const IN_HEAD = 'while reading client request headers';
const IN_BODY = 'while reading client request body';

/** What nginx says of a downstream side's fault. */
const DOWNSTREAM: Partial<Record<ErrorCode, string>> = {
  HEAD_SYNTAX: `client sent invalid header line ${IN_HEAD}`,
  METHOD_INVALID: `client sent invalid method ${IN_LINE}`,
  TARGET_INVALID: `client sent invalid request ${IN_LINE}`,
  TARGET_USERINFO: `client sent invalid host in request line ${IN_LINE}`,
  TARGET_SCHEME: `client sent invalid request ${IN_LINE}`,
  TARGET_ASTERISK: `client sent invalid request ${IN_LINE}`,
  FIELD_REPEATED: `client sent duplicate header line ${IN_HEAD}`,
  TRACE_REFUSED: `client sent TRACE method ${IN_HEAD}`,
  CONNECT_REFUSED: `client sent CONNECT method ${IN_HEAD}`,
  CONNECT_CONTENT: `client sent CONNECT method with content ${IN_HEAD}`,
  VERSION_INVALID: `client sent invalid request ${IN_LINE}`,
  VERSION_UNSUPPORTED: `client sent invalid version ${IN_LINE}`,
  START_LINE_WHITESPACE: `client sent invalid request ${IN_LINE}`,
  START_LINE_EMPTY_LINES: `client sent invalid request ${IN_LINE}`,
  START_LINE_TOO_LARGE: `client sent too long URI ${IN_LINE}`,
  FIELD_LINE_TOO_LARGE: `client sent too long header line ${IN_HEAD}`,
  HEAD_TOO_LARGE: `client sent too large request ${IN_HEAD}`,
  TOO_MANY_FIELDS: `client sent too many header lines ${IN_HEAD}`,
  FIELD_LINE_INVALID: `client sent invalid header line ${IN_HEAD}`,
  FIELD_VALUE_INVALID: `client sent invalid header line ${IN_HEAD}`,
  HOST_MISSING: `client sent HTTP/1.1 request without "Host" header ${IN_HEAD}`,
  HOST_REPEATED: `client sent duplicate host header ${IN_HEAD}`,
  HOST_INVALID: `client sent invalid host header ${IN_HEAD}`,
  CONTENT_LENGTH_INVALID: `client sent invalid "Content-Length" header ${IN_HEAD}`,
  CONTENT_LENGTH_REPEATED: `client sent duplicate header line "Content-Length" ${IN_HEAD}`,
  TRANSFER_CODING_UNKNOWN: `client sent unknown "Transfer-Encoding" ${IN_HEAD}`,
  TRANSFER_CODING_REPEATED: `client sent duplicate header line "Transfer-Encoding" ${IN_HEAD}`,
  TRANSFER_CODING_IN_1_0: `client sent HTTP/1.0 request with "Transfer-Encoding" header ${IN_HEAD}`,
  FRAMING_AMBIGUOUS: `client sent "Content-Length" and "Transfer-Encoding" headers at the same time ${IN_HEAD}`,
  CHUNK_SIZE_INVALID: `client sent invalid chunked body ${IN_BODY}`,
  CHUNK_EXTENSION_INVALID: `client sent invalid chunked body ${IN_BODY}`,
  CHUNK_LINE_TOO_LARGE: `client sent invalid chunked body ${IN_BODY}`,
  CHUNK_END_INVALID: `client sent invalid chunked body ${IN_BODY}`,
  TRAILER_INVALID: `client sent invalid chunked body ${IN_BODY}`,
  TRAILER_TOO_LARGE: `client sent invalid chunked body ${IN_BODY}`,
  PROXY_HEADER_INVALID: 'broken header while reading PROXY protocol',
  PROXY_HEADER_TIMEOUT: `client timed out ${TIMED_OUT} while reading PROXY protocol`,
  TLS_HANDSHAKE: 'SSL_do_handshake() failed while SSL handshaking',
  TLS_HANDSHAKE_TIMEOUT: `client timed out ${TIMED_OUT} while SSL handshaking`,
  TLS_NAME_REJECTED: 'handshake rejected while SSL handshaking',
  TLS_ABANDONED: 'peer closed connection in SSL handshake while SSL handshaking',
  TLS_MISSING: `client sent plain HTTP request to HTTPS port ${IN_HEAD}`,
  CERTIFICATE_INVALID: `client SSL certificate verify error ${IN_HEAD}`,
  CERTIFICATE_MISSING: `client sent no required SSL certificate ${IN_HEAD}`,
  HOST_MISDIRECTED:
    'client attempted to request the server name different from the one that was negotiated ' + IN_HEAD,
  CONTENT_INCOMPLETE: `client prematurely closed connection ${IN_BODY}`,
  HEAD_TIMEOUT: `client timed out ${TIMED_OUT} ${IN_HEAD}`,
  CONTENT_TIMEOUT: `client timed out ${TIMED_OUT} ${IN_BODY}`,
  SEND_TIMEOUT: `client timed out ${TIMED_OUT} while sending to client`,
  KEEPALIVE_TIMEOUT: 'client sent no further request while keepalive',
  LINGERING_TIMEOUT: `client timed out ${TIMED_OUT} while lingering`,
  TUNNEL_DRAINED: 'Close frame sent to client while proxying upgraded connection',
  TUNNEL_DRAIN_TIMEOUT: 'closing what is left of upgraded connection',
  DOWNSTREAM_CLOSED: 'client prematurely closed connection',
};

/** How loud a fault is, where its side does not say. */
const LEVELS: Partial<Record<ErrorCode, LogLevel>> = {
  CONTENT_TOO_LARGE: 'error',
  DESTINATION_REFUSED: 'error',
  KEEPALIVE_TIMEOUT: 'debug',
  LINGERING_TIMEOUT: 'debug',
  TUNNEL_IDLE: 'info',
  PROXY_HEADER_INVALID: 'error',
  SOURCE_FAILED: 'alert',
  UNEXPECTED_INPUT: 'alert',
};

/** Severity: an upstream's fault needs mending here (error), a downstream side's does not (info). */
export function faultLevel(fault: Fault): LogLevel {
  // A unix socket that is not there: something on this machine is not set up, or not up.
  if (fault.code === 'UPSTREAM_CONNECT' && fault.detail === 'ENOENT') return 'crit';
  if (fault.code === 'TLS_HANDSHAKE') return isClientsTls(fault.detail) ? 'info' : 'crit';
  return LEVELS[fault.code] ?? (fault.side === 'downstream' ? 'info' : 'error');
}

/**
 * The line, without time, level and pid.
 * @param exchange null when no request was read
 * @param listener shown as the server where no request named one
 */
export function faultLine(
  fault: Fault,
  exchange: Exchange | null,
  connection: ConnectionFacts,
  listener: ListenAddress,
): string {
  const text = `${words(fault, exchange)} [${fault.code}, ${ruleOf(fault, exchange)}]`;
  if (exchange !== null) return exchangeLine(text, exchange, fault.side !== 'downstream');
  return `*${connection.serial} ${text}, client: ${connection.remoteAddress}, server: ${addressText(listener)}`;
}

/** The directive or clause behind a fault ($fault_rule). The tunnel module has names of its own for its times. */
export function ruleOf({ code }: Fault, exchange: Exchange | null): string {
  const { rule } = ERRORS[code];
  const isTunnels = exchange?.plan?.kind === 'forward' && exchange.plan.opensTunnel === true;
  return isTunnels ? rule.replace(/^proxy_(?=(?:connect|send|read)_timeout$)/, 'tunnel_') : rule;
}

/**
 * A line about an exchange, whoever says it.
 * @param isUpstreams an upstream is named even if no peer of it was tried
 */
function exchangeLine(text: string, exchange: Exchange, isUpstreams = false): string {
  const { request, connection } = exchange;
  let line = `*${connection.serial} ${text}, client: ${connection.remoteAddress}`;
  const context = exchange.context as RequestContext | undefined;
  line += `, server: ${context?.server ? primaryName(context.server.names) : ''}`;
  if (request.startLineEnd === 0) return line;
  line += `, request: "${printable(request.text(0, request.startLineEnd))}"`;
  if (exchange.main !== null) line += `, subrequest: "${printable(context?.text() ?? '')}"`;
  const upstream = isUpstreams || exchange.attempts.length > 0 ? upstreamText(exchange, context) : '';
  if (upstream !== '') line += `, upstream: "${printable(upstream)}"`;
  const host = request.joinedText(HOST);
  if (host !== '') line += `, host: "${printable(host)}"`;
  const referrer = request.joinedText(REFERER);
  return referrer === '' ? line : `${line}, referrer: "${printable(referrer)}"`;
}

/** Logs what the configuration has to say about an exchange, in the log of its location. */
export function logHere(level: LogLevel, text: string, exchange: Exchange): void {
  const context = exchange.context as RequestContext | undefined;
  const location = context?.location ?? context?.server?.root;
  location?.errorLog.log(level, exchangeLine(printable(text), exchange));
}

/** Logs a warning about an exchange. */
export function warnHere(text: string, exchange: Exchange): void {
  logHere('warn', text, exchange);
}

/** Logs what a rewrite directive did, where rewrite_log asks for it. @param text made only then */
export function noteHere(text: () => string, exchange: Exchange): void {
  const location = (exchange.context as RequestContext | undefined)?.location;
  if (location?.logsRewrites === true) logHere('notice', text(), exchange);
}

function words(fault: Fault, exchange: Exchange | null): string {
  if (fault.side === 'downstream') {
    const text = detailed(fault, exchange) ?? DOWNSTREAM[fault.code] ?? fault.words;
    if (fault.code !== 'DOWNSTREAM_CLOSED' || exchange?.attempt === undefined) return text;
    return `${text}, so upstream connection is closed too ${upstreamPhase(exchange)}`;
  }
  return upstreamWords(fault, exchange);
}

/** Faults whose words hold what was found; undefined for all others. */
function detailed({ code, detail }: Fault, exchange: Exchange | null): string | undefined {
  if (code === 'CONTENT_TOO_LARGE') return tooLarge(exchange);
  if (detail === '') return undefined;
  switch (code) {
    case 'TLS_HANDSHAKE':
      return `SSL_do_handshake() failed (SSL: ${printable(detail)}) while SSL handshaking`;
    case 'TLS_NAME_REJECTED':
      return `handshake rejected for "${printable(detail)}" while SSL handshaking`;
    case 'PROXY_HEADER_INVALID':
      return `broken header: "${printable(detail)}" while reading PROXY protocol`;
    case 'DESTINATION_REFUSED':
      return `access forbidden by rule, destination "${printable(detail)}"`;
    case 'CERTIFICATE_INVALID':
      return `client SSL certificate verify error: (${verdictText(detail)}) ${IN_HEAD}`;
    default:
      return undefined;
  }
}

/** A length that was announced is named; chunks show only that they are too many. */
function tooLarge(exchange: Exchange | null): string {
  return exchange?.request.body === BODY_LENGTH
    ? `client intended to send too large body: ${exchange.request.contentLength} bytes`
    : 'client intended to send too large chunked body';
}

function certificateWords(detail: string): string {
  if (detail === 'NO_CERTIFICATE') return 'upstream sent no SSL certificate';
  const name = /^NAME_MISMATCH (.*)$/.exec(detail)?.[1];
  return name === undefined
    ? `upstream SSL certificate verify error: (${verdictText(detail)})`
    : `upstream SSL certificate does not match "${printable(name)}"`;
}

/** Reasons of OpenSSL's that any client can bring about: nginx logs them as info, all others as crit. */
const CLIENTS_TLS = new RegExp(
  '::(?:bad |block cipher pad|callback failed|clienthello tlsext|data length too long|decryption failed|digest check' +
    '|error in received cipher|excessive message size|http request|https proxy request|inappropriate fallback|invalid' +
    '|length mismatch|length too short|no application protocol|no ciphers|no compression|no renegotiation' +
    '|no shared|no suitable|packet length|parse tlsext|record |required |signature algorithms|ssl3? ?alert|sslv3 alert' +
    '|tls client cert|tlsv1 alert|tlsv13 alert|too many|unexpected |unknown |unsupported |version too low|wrong )',
);

function isClientsTls(detail: string): boolean {
  return CLIENTS_TLS.test(detail);
}

function upstreamWords(fault: Fault, exchange: Exchange | null): string {
  const phase = upstreamPhase(exchange);
  const system = systemWords(fault.detail);
  const detail = system === '' ? '' : ` (${system})`;
  switch (fault.code) {
    case 'NAME_UNRESOLVED':
      return fault.detail;
    case 'NO_PEER':
      return 'no live upstreams while connecting to upstream';
    case 'UPSTREAM_CONNECT': {
      const name = exchange?.attempt?.peer.name ?? '';
      return `connect()${name.startsWith('unix:') ? ` to ${name}` : ''} failed${detail} while connecting to upstream`;
    }
    case 'UPSTREAM_TLS':
      return fault.detail === '' || fault.detail === 'ECONNRESET'
        ? `peer closed connection in SSL handshake${detail} while SSL handshaking to upstream`
        : `SSL_do_handshake() failed (SSL: ${fault.detail}) while SSL handshaking to upstream`;
    case 'UPSTREAM_CERTIFICATE':
      return `${certificateWords(fault.detail)} while SSL handshaking to upstream`;
    case 'UPSTREAM_CONNECT_TIMEOUT':
      return `upstream timed out ${TIMED_OUT} while connecting to upstream`;
    case 'UPSTREAM_SEND_TIMEOUT':
      return `upstream timed out ${TIMED_OUT} while sending request to upstream`;
    case 'UPSTREAM_READ_TIMEOUT':
      return `upstream timed out ${TIMED_OUT} ${phase}`;
    case 'TUNNEL_IDLE':
      return `upstream timed out ${TIMED_OUT} while proxying upgraded connection`;
    case 'UPSTREAM_CLOSED':
      return detail === ''
        ? `upstream prematurely closed connection ${phase}`
        : `recv() failed${detail} ${phase}`;
    case 'HEAD_TOO_LARGE':
    case 'FIELD_LINE_TOO_LARGE':
    case 'START_LINE_TOO_LARGE':
    case 'TOO_MANY_FIELDS':
      return `upstream sent too big header ${phase}`;
    case 'HEAD_SYNTAX':
    case 'STATUS_LINE_INVALID':
    case 'FIELD_LINE_INVALID':
    case 'FIELD_VALUE_INVALID':
      return `upstream sent invalid header ${phase}`;
    default:
      return fault.code.startsWith('CHUNK_')
        ? `upstream sent invalid chunked response ${phase}`
        : fault.words;
  }
}

function upstreamPhase(exchange: Exchange | null): string {
  if (exchange?.tunnelled === true) return 'while proxying upgraded connection';
  const attempt = exchange?.attempt;
  if (attempt === undefined || (attempt.connectedAt < 0 && !attempt.reused))
    return 'while connecting to upstream';
  return exchange!.response.length === 0
    ? 'while reading response header from upstream'
    : 'while reading upstream';
}

const scratch = new OctetWriter();

/** `http://address/target` of the attempt under way; of the upstream's name while there is no attempt. */
function upstreamText(exchange: Exchange, context: RequestContext | undefined): string {
  const { plan, attempt, request } = exchange;
  if (plan?.kind !== 'forward') return '';
  let name = attempt?.peer.name ?? context?.location?.proxy?.host.text(exchange) ?? '';
  // nginx ends the path of a socket with a colon, where the target begins.
  if (name.startsWith('unix:')) name += ':';
  if (plan.opensTunnel === true) return name;
  const scheme = plan.dial?.tls == null ? 'http' : 'https';
  if (plan.target === null) return `${scheme}://${name}${request.text(request.pathStart, request.pathEnd)}`;
  scratch.begin();
  plan.target.put(exchange, scratch);
  const target = scratch.octets.toString('latin1', scratch.start, scratch.position);
  scratch.rewind(scratch.octets, scratch.start);
  return `${scheme}://${name}${target}`;
}

function addressText(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

// eslint-disable-next-line no-control-regex -- control octets are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/g;

/** Keeps a line one line, and a terminal unmoved, whatever a request says. */
function printable(text: string): string {
  return text.replace(CONTROL, (c) => `\\x${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
