/**
 * Locations and answers: levels become the plans that the machine runs. Decides what a location does with a request.
 */
import { PLAIN_NAME, PLAIN_NAME_UNDERSCORE } from '../../message/field-names.js';
import { localEdits, requestEdits, responseEdits, type AddedField } from '../../proxy/edits.js';
import type {
  Action,
  DownstreamRules,
  ForwardPlan,
  LocationModel,
  ReadingRules,
  RespondPlan,
} from '../../proxy/model.js';
import { RealIp } from '../../proxy/real-ip.js';
import { compileRegex } from '../../proxy/regex.js';
import { ProxyPassTarget } from '../../proxy/request-uri.js';
import type { Template } from '../../proxy/template.js';
import type { FieldLine, LocationLevel, ProxyPassLine, ReturnLine, ServerLevel } from '../blocks.js';
import * as downstream from '../directives/connection.js';
import { ADDED_FIELDS, DEFAULT_TYPE } from '../directives/location.js';
import * as proxy from '../directives/proxy.js';
import { PROXY_HEADER, REAL_IP_FROM, REAL_IP_HEADER, REAL_IP_RECURSIVE } from '../directives/real-ip.js';
import type { Level } from '../level.js';
import type { Logs } from './logs.js';
import { withRedirects } from './redirects.js';
import type { Site } from './site.js';
import type { TlsBuilder } from './tls.js';
import type { Upstreams } from './upstreams.js';

/** Statuses whose text is a target (`ngx_http_send_response`). */
const REDIRECTIONS = new Set([301, 302, 303, 307, 308]);
/** Nothing is said about the content of these: they have none. */
const WITHOUT_CONTENT = new Set([204, 304]);
const PAGE_TYPE = 'text/html';

/** Fields that the machine writes by itself: a configuration cannot set them. */
const FRAMING = new Set(['content-length', 'transfer-encoding']);
const OF_THE_CONNECTION = new Set([
  ...FRAMING,
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
]);

/** The parts that locations are made of. */
export interface LocationParts {
  readonly site: Site;
  readonly logs: Logs;
  readonly upstreams: Upstreams;
  readonly tls: TlsBuilder;
}

/** The rules for reading heads, from the settings of a server. */
export function readingRules(level: Level): ReadingRules {
  const { count, octets } = level.get(downstream.LARGE_HEADER_BUFFERS);
  const small = level.get(downstream.HEADER_BUFFER_SIZE);
  return {
    headTimeoutMs: level.get(downstream.HEADER_TIMEOUT),
    maxLineOctets: Math.max(octets, small),
    // A buffer that is larger than the large ones is used beside them.
    maxHeadOctets: count * octets + (small > octets ? small : 0),
    maxFields: level.get(downstream.MAX_HEADERS),
    ...(level.get(downstream.IGNORE_INVALID)
      ? { nameOctets: level.get(downstream.UNDERSCORES) ? PLAIN_NAME_UNDERSCORE : PLAIN_NAME }
      : {}),
  };
}

function downstreamRules(level: Level): DownstreamRules {
  const seconds = level.get(downstream.KEEPALIVE_FIELD);
  const lines = `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n`;
  return {
    keepaliveTimeoutMs: level.get(downstream.KEEPALIVE_TIMEOUT),
    keepaliveRequests: level.get(downstream.KEEPALIVE_REQUESTS),
    keepaliveTimeMs: level.get(downstream.KEEPALIVE_TIME),
    bodyTimeoutMs: level.get(downstream.BODY_TIMEOUT),
    sendTimeoutMs: level.get(downstream.SEND_TIMEOUT),
    maxContentOctets: level.get(downstream.MAX_BODY_SIZE),
    lingeringTimeMs: level.get(downstream.LINGERING_TIME),
    lingeringTimeoutMs: level.get(downstream.LINGERING_TIMEOUT),
    lingering: level.get(downstream.LINGERING_CLOSE),
    resetsTimedOut: level.get(downstream.RESET_TIMED_OUT),
    keepAliveLines: seconds === 0 ? undefined : Buffer.from(lines, 'latin1'),
  };
}

/** Makes the locations of one configuration. */
export class LocationBuilder {
  /** The value of every field line that was looked at; null for one that cannot be sent. */
  private readonly values = new Map<FieldLine, AddedField['value'] | null>();

  constructor(private readonly parts: LocationParts) {}

  /** A server as a location: what a request gets that no location matches. */
  root(server: ServerLevel): LocationModel {
    return {
      match: 'prefix',
      pattern: '',
      action: this.notFound(server),
      ...this.common(server),
      locations: server.locations.map((location) => this.location(location)),
    };
  }

  /** `return` of a server, as a plan. It comes before any location, and so before client_max_body_size is looked at. */
  serverAnswer(line: ReturnLine, level: ServerLevel): RespondPlan {
    const plan = this.answer(line, level);
    return { ...plan, downstream: { ...plan.downstream, maxContentOctets: 0 } };
  }

  private answer(line: ReturnLine, level: Level): RespondPlan {
    const { site } = this.parts;
    const { status } = line;
    const text = line.text === null ? null : site.template(line.text);
    const isRedirection = REDIRECTIONS.has(status);
    const hasPage = isRedirection || (text === null && status >= 300);
    const type = hasPage ? PAGE_TYPE : level.get(DEFAULT_TYPE);
    return {
      kind: 'respond',
      downstream: downstreamRules(level),
      status,
      edits: this.pageEdits(level, WITHOUT_CONTENT.has(status) ? '' : type, isRedirection ? text : null),
      content: isRedirection ? null : text,
    };
  }

  private location(level: LocationLevel): LocationModel {
    const { site } = this.parts;
    const { match, pattern, pass } = level;
    if (level.isRegex) site.guard(pattern, () => compileRegex(pattern.text, match === 'regex-nocase'));
    const common = this.common(level);
    const locations = level.locations.map((nested) => this.location(nested));
    const model = { match, pattern: pattern.text, ...common, locations };
    // What is proxied is built also where a `return` comes before it, so that its faults are told.
    const forward = pass === null ? null : this.forward(pass, level);
    const answer = level.answer === null ? null : this.answer(level.answer, level);
    const action: Action = answer ?? forward ?? this.notFound(level);
    if (pass !== null) {
      const { host, port } = hostHeader(pass);
      return { ...model, action, proxy: { host: site.constant(host), port: site.constant(port) } };
    }
    // One with a fault in its proxy_pass has been told about already.
    const isIdle = level.place.block?.every(
      ({ name }) => !['proxy_pass', 'return', 'location'].includes(name),
    );
    if (isIdle === true) {
      const hint = 'wirehop serves no files: requests are answered 404';
      site.warn(level.place, `location "${pattern.text}" has neither "proxy_pass" nor "return"`, hint);
    }
    return { ...model, action };
  }

  private common(
    level: Level,
  ): Pick<LocationModel, 'accessLogs' | 'errorLog' | 'downstream' | 'pageEdits' | 'realIp'> {
    const { logs } = this.parts;
    // Used or not: a fault in one is told.
    this.fields(level.get(proxy.SET_FIELDS), FRAMING);
    return {
      accessLogs: logs.accessLogs(level),
      errorLog: logs.errorLog(level),
      downstream: downstreamRules(level),
      pageEdits: this.pageEdits(level, PAGE_TYPE, null),
      ...realIp(level),
    };
  }

  private notFound(level: Level): RespondPlan {
    const edits = this.pageEdits(level, PAGE_TYPE, null);
    return { kind: 'respond', downstream: downstreamRules(level), status: 404, edits, content: null };
  }

  private pageEdits(level: Level, contentType: string, location: Template | null): RespondPlan['edits'] {
    return localEdits({
      contentType: contentType === '' ? null : contentType,
      location,
      add: this.fields(level.get(ADDED_FIELDS), OF_THE_CONNECTION),
      serverTokens: level.get(downstream.SERVER_TOKENS),
    });
  }

  private forward(pass: ProxyPassLine, level: LocationLevel): ForwardPlan {
    const { site, upstreams } = this.parts;
    const { host } = hostHeader(pass);
    const sets = this.fields(level.get(proxy.SET_FIELDS), FRAMING);
    const hide = level.get(proxy.HIDDEN_FIELDS).map((word) => word.text);
    const edits = responseEdits({
      hide,
      pass: level.get(proxy.PASSED_FIELDS).map((word) => word.text),
      add: this.fields(level.get(ADDED_FIELDS), OF_THE_CONNECTION),
      serverTokens: level.get(downstream.SERVER_TOKENS),
      cookie: upstreams.cookie(pass),
    });
    const [from, to] = pass.uri === '' ? [`${pass.url}/`, '/'] : [pass.url, level.pattern.text];
    return {
      kind: 'forward',
      downstream: downstreamRules(level),
      peers: upstreams.source(pass),
      ...this.dial(pass, level, host),
      target: pass.uri === '' ? null : this.target(pass, level),
      requestEdits: requestEdits(sets, site.constant(host)),
      responseEdits: level.get(proxy.REDIRECT) ? withRedirects(edits, from, to) : edits,
      minorVersion: level.get(proxy.HTTP_VERSION),
      connectTimeoutMs: level.get(proxy.CONNECT_TIMEOUT),
      sendTimeoutMs: level.get(proxy.UPSTREAM_SEND_TIMEOUT),
      readTimeoutMs: level.get(proxy.READ_TIMEOUT),
      maxResponseHeadOctets: level.get(proxy.BUFFER_SIZE),
      nextOn: level.get(proxy.NEXT_ON),
      nextTries: level.get(proxy.NEXT_TRIES),
      nextTimeoutMs: level.get(proxy.NEXT_TIME),
    };
  }

  /** How connections to the peers begin, where that is more than TCP. */
  private dial(pass: ProxyPassLine, level: LocationLevel, host: string): Pick<ForwardPlan, 'dial'> {
    const proxyHeader = level.get(PROXY_HEADER);
    if (pass.secure) {
      const dial = this.parts.tls.dial(level, pass.word, host, proxyHeader);
      return dial === null ? {} : { dial };
    }
    return proxyHeader === 0 ? {} : { dial: { tls: null, proxyHeader } };
  }

  private target(pass: ProxyPassLine, level: LocationLevel): ForwardPlan['target'] {
    return this.parts.site.guard(pass.word, () => new ProxyPassTarget(level.pattern.text, pass.uri)) ?? null;
  }

  /** Lines that can be sent; the others are faults, each once, however many levels inherit it. */
  private fields(lines: readonly FieldLine[], forbidden: ReadonlySet<string>): AddedField[] {
    const fields: AddedField[] = [];
    for (const line of lines) {
      const name = line.name.text;
      let value = this.values.get(line);
      if (value === undefined) this.values.set(line, (value = this.check(line, forbidden)));
      if (value !== null) fields.push({ name, value, always: line.always });
    }
    return fields;
  }

  private check(
    { name, value, directive }: FieldLine,
    forbidden: ReadonlySet<string>,
  ): AddedField['value'] | null {
    const { site } = this.parts;
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name.text)) {
      site.fault(name, `"${name.text}" in "${directive.name}" directive is not a field name`);
      return null;
    }
    if (forbidden.has(name.text.toLowerCase())) {
      const hint = 'wirehop decides framing and connections by itself; leave the line out';
      site.fault(name, `"${name.text}" in "${directive.name}" directive is not supported`, hint);
      return null;
    }
    return site.template(value);
  }
}

/** Who is trusted with a client's address on a level; nothing where nobody is. */
function realIp(level: Level): Pick<LocationModel, 'realIp'> {
  const networks = level.get(REAL_IP_FROM);
  if (networks.length === 0) return {};
  return { realIp: new RealIp(networks, level.get(REAL_IP_HEADER), level.get(REAL_IP_RECURSIVE)) };
}

/** $proxy_host and $proxy_port: the host as written, the port only where it is not the scheme's own. A unix socket is localhost. */
function hostHeader({ url, uri, address, secure }: ProxyPassLine): { host: string; port: string } {
  if (address.kind === 'unix') return { host: 'localhost', port: '' };
  const authority = url.slice(url.indexOf('//') + 2, url.length - uri.length);
  const port = secure ? 443 : 80;
  if (address.port >= 0 && address.port !== port) return { host: authority, port: String(address.port) };
  return {
    host: address.port < 0 ? authority : authority.slice(0, authority.lastIndexOf(':')),
    port: String(port),
  };
}
