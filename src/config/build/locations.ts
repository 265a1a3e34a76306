/**
 * Locations and answers: levels become the plans that the machine runs. Decides what a location does with a request.
 */
import type { ValueSource } from '../../message/field-edits.js';
import { PLAIN_NAME, PLAIN_NAME_UNDERSCORE } from '../../message/field-names.js';
import { AbsoluteLocation } from '../../proxy/absolute-location.js';
import { TypeByExtension } from '../../proxy/content-type.js';
import { localEdits } from '../../proxy/edits.js';
import { ErrorPages } from '../../proxy/error-pages.js';
import type { FilePaths } from '../../proxy/files/file-paths.js';
import type { StaticFiles } from '../../proxy/files/static-files.js';
import type {
  DownstreamRules,
  Exchange,
  LocationModel,
  LocationRules,
  ReadingRules,
  RespondPlan,
  ServerModel,
} from '../../proxy/model.js';
import { LimitRate } from '../../proxy/limit-rate.js';
import { CLOSING_ERRORS, redirectionOf } from '../../proxy/pages.js';
import type { Template } from '../../proxy/template.js';
import { RealIp } from '../../proxy/real-ip.js';
import { compileRegex } from '../../proxy/regex.js';
import { StatusPage } from '../../proxy/status.js';
import {
  LocationLevel,
  type ProxyPassLine,
  type ReturnLine,
  type ServerLevel,
  type TunnelLine,
} from '../blocks.js';
import { LOG_SUBREQUEST } from '../directives/auth.js';
import * as downstream from '../directives/connection.js';
import { ERROR_PAGES, RECURSIVE_ERROR_PAGES } from '../directives/errors.js';
import { INTERNAL, STUB_STATUS } from '../directives/location.js';
import * as proxy from '../directives/proxy.js';
import { REAL_IP_FROM, REAL_IP_HEADER, REAL_IP_RECURSIVE } from '../directives/real-ip.js';
import { REWRITE_LOG, WARNS_UNINITIALIZED } from '../directives/rewrite.js';
import { DEFAULT_TYPE, TYPES } from '../directives/types.js';
import * as rates from '../directives/rates.js';
import type { Level } from '../level.js';
import type { Word } from '../syntax.js';
import { TunnelBuilder } from './connect.js';
import { FieldLines } from './fields.js';
import { linkRules, referers } from './links.js';
import { FileBuilder } from './files.js';
import { ForwardBuilder } from './forward.js';
import type { AccessBuilder } from './access.js';
import type { Logs } from './logs.js';
import { redirectRules } from './redirect-rules.js';
import type { Resolvers } from './resolvers.js';
import { isError, isRedirection, ScriptBuilder } from './scripts.js';
import type { Site } from './site.js';
import type { TlsBuilder } from './tls.js';
import type { Upstreams } from './upstreams.js';

/** Nothing is said about the content of these: they have none. */
const WITHOUT_CONTENT = new Set([204, 304]);
const PAGE_TYPE = 'text/html';

/** The parts that locations are made of. */
export interface LocationParts {
  readonly site: Site;
  readonly logs: Logs;
  readonly upstreams: Upstreams;
  readonly tls: TlsBuilder;
  readonly access: AccessBuilder;
  readonly resolvers: Resolvers;
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
    ...(level.get(downstream.IGNORE_MISSING_CR) ? { ignoresMissingCr: true } : {}),
    ...(level.get(downstream.IGNORE_INVALID)
      ? { nameOctets: level.get(downstream.UNDERSCORES) ? PLAIN_NAME_UNDERSCORE : PLAIN_NAME }
      : {}),
  };
}

/** Nothing where responses go as fast as can be. */
function rateRules(level: Level, site: Site): Pick<DownstreamRules, 'rate'> {
  const [rate, after] = [level.get(rates.LIMIT_RATE), level.get(rates.LIMIT_RATE_AFTER)];
  // A `set` may give one to every request.
  if (rate === null && after === null && site.assignable('limit_rate') === undefined) return {};
  const template = (word: Word | null): Template | null => (word === null ? null : site.template(word));
  return { rate: new LimitRate(template(rate), template(after)) };
}

function downstreamRules(level: Level, site: Site): DownstreamRules {
  const seconds = level.get(downstream.KEEPALIVE_FIELD);
  const lines = `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n`;
  return {
    keepaliveTimeoutMs: level.get(downstream.KEEPALIVE_TIMEOUT),
    keepaliveMinTimeoutMs: level.get(downstream.KEEPALIVE_MIN_TIMEOUT),
    keepaliveRequests: level.get(downstream.KEEPALIVE_REQUESTS),
    keepaliveTimeMs: level.get(downstream.KEEPALIVE_TIME),
    bodyTimeoutMs: level.get(downstream.BODY_TIMEOUT),
    sendTimeoutMs: level.get(downstream.SEND_TIMEOUT),
    maxContentOctets: level.get(downstream.MAX_BODY_SIZE),
    lingeringTimeMs: level.get(downstream.LINGERING_TIME),
    lingeringTimeoutMs: level.get(downstream.LINGERING_TIMEOUT),
    lingering: level.get(downstream.LINGERING_CLOSE),
    resetsTimedOut: level.get(downstream.RESET_TIMED_OUT),
    ...rateRules(level, site),
    keepAliveLines: seconds === 0 ? undefined : Buffer.from(lines, 'latin1'),
  };
}

/** Makes the locations of one configuration. */
export class LocationBuilder {
  private readonly fields: FieldLines;
  private readonly forwards: ForwardBuilder;
  private readonly tunnels: TunnelBuilder;
  private readonly scripts: ScriptBuilder;
  private readonly files: FileBuilder;

  constructor(private readonly parts: LocationParts) {
    const { site, upstreams, tls, resolvers } = parts;
    this.fields = new FieldLines(site);
    this.forwards = new ForwardBuilder(site, upstreams, resolvers, this.fields, tls);
    this.tunnels = new TunnelBuilder(site, upstreams, resolvers, this.fields);
    this.files = new FileBuilder(site);
    this.scripts = new ScriptBuilder(site, {
      answer: (line, level) => this.answer(line, level),
      redirection: (status, level) => this.redirection(status, level),
      page: (status, level) => this.page(level, status),
      unnamed: (level) => this.location(level),
    });
  }

  /** A server as a location: what a request gets that no location matches. */
  root(server: ServerLevel): LocationModel {
    const isFound = (location: LocationLevel): boolean => location.match !== 'named';
    const errorPages = this.errorPages(server);
    const common = this.common(server, errorPages);
    const tunnel = server.tunnel && this.tunnels.build(server.tunnel, server, common.downstream);
    const paths = this.files.paths(server);
    return {
      match: 'prefix',
      pattern: '',
      action: tunnel?.action ?? this.statusPage(server) ?? this.page(server, 404),
      ...common,
      paths,
      locations: server.locations.filter(isFound).map((location) => this.location(location)),
      rules: rulesOf({
        access: this.parts.access.build(server),
        tryFiles: this.files.tryFiles(server, paths),
        closesFor: browsersOf(server),
        onlyGets: server.has(STUB_STATUS),
        files: tunnel === null && !server.has(STUB_STATUS) ? this.staticFiles(server, paths) : undefined,
        answersError: tunnel === null && errorPages !== undefined,
        pass: tunnel?.pass,
        opensTunnel: tunnel !== null,
      }),
    };
  }

  /** `stub_status` of this very level, undefined for none. */
  private statusPage(level: Level): RespondPlan | undefined {
    if (!level.has(STUB_STATUS)) return undefined;
    const edits = this.pageEdits(level, 'text/plain', null);
    return { ...this.page(level, 200), edits, content: new StatusPage(this.parts.site.figures) };
  }

  /** What answers where nothing else does. */
  private staticFiles(level: Level, paths: FilePaths): StaticFiles {
    const unsatisfiable = { ...this.page(level, 416), edits: this.unsatisfiableEdits(level) };
    return this.files.build(level, paths, {
      downstream: downstreamRules(level, this.parts.site),
      type: this.contentType(level),
      add: this.fields.ofResponse(level),
      serverTokens: level.get(downstream.SERVER_TOKENS),
      unsatisfiable,
    });
  }

  /** Named locations of a server, by name. */
  named(server: ServerLevel): ReadonlyMap<string, LocationModel> {
    const named = server.locations.filter((location) => location.match === 'named');
    return new Map(named.map((location) => [location.pattern.text, this.location(location)]));
  }

  /**
   * What a server does before any location is looked for: a `return` that stands first, as a plan; else its script.
   * Neither looks at client_max_body_size, which belongs to locations.
   */
  serverScript(server: ServerLevel): Pick<ServerModel, 'action' | 'script'> {
    const [first] = server.script;
    if (first === undefined) return { action: null };
    if (first.kind === 'return' && this.errorPages(server) === undefined) {
      const plan = this.answer(first.line, server);
      return { action: { ...plan, downstream: { ...plan.downstream, maxContentOctets: 0 } } };
    }
    return { action: null, script: this.scripts.build(server.script, server) };
  }

  private answer(line: ReturnLine, level: Level): RespondPlan {
    const { site } = this.parts;
    const { status } = line;
    const text = line.text === null ? null : site.template(line.text);
    const isTarget = isRedirection(status);
    const hasPage = isTarget || (text === null && status >= 300);
    const type = hasPage ? PAGE_TYPE : this.contentType(level);
    const target = isTarget && text !== null ? new AbsoluteLocation(text, redirectRules(level)) : null;
    const closes = text === null && CLOSING_ERRORS.has(status);
    const rules = downstreamRules(level, this.parts.site);
    return {
      kind: 'respond',
      downstream: closes ? { ...rules, keepaliveTimeoutMs: 0 } : rules,
      status,
      edits: this.pageEdits(level, WITHOUT_CONTENT.has(status) ? '' : type, target),
      content: isTarget ? null : text,
    };
  }

  private contentType(level: Level): string | TypeByExtension {
    const types = level.get(TYPES);
    const fallback = level.get(DEFAULT_TYPE);
    return types.size === 0 ? fallback : new TypeByExtension(types, fallback);
  }

  private location(level: LocationLevel): LocationModel {
    const { site } = this.parts;
    const { match, pattern, limitExcept } = level;
    if (level.isRegex) site.guard(pattern, () => compileRegex(pattern.text, match === 'regex-nocase'));
    const errorPages = this.errorPages(level);
    const common = this.common(level, errorPages);
    const locations = level.locations.map((nested) => this.location(nested));
    const other = limitExcept === null ? null : this.location(limitExcept.level);
    const model = { match, pattern: pattern.text, ...common, locations };
    const [pass, name] = passOf(level);
    // What is proxied is built also where a `return` comes before it, so that its faults are told.
    const statuses = new Set(errorPages?.statuses ?? []);
    const forward =
      pass === null ? null : this.forwards.build(pass, level, name, common.downstream, statuses);
    const line = tunnelOf(level);
    const tunnel = line === null ? null : this.tunnels.build(line, level, common.downstream);
    const status = this.statusPage(level);
    const action = forward?.action ?? tunnel?.action ?? status;
    // The script of an `if` is run by the step that enters it.
    const [first] = match === 'unnamed' ? [] : level.script;
    const answer = first?.kind === 'return' ? this.answer(first.line, level) : null;
    const script =
      answer === null && match !== 'unnamed' ? this.scripts.build(level.script, level) : undefined;
    const paths = this.files.paths(level);
    const tryFiles = this.files.tryFiles(level, paths);
    const isErrorAnswer =
      answer === null ? action === undefined : first.kind === 'return' && isError(first.line);
    const access = this.parts.access.build(level);
    const rules: LocationRules = {
      script,
      closesFor: browsersOf(level),
      isInternal: level.has(INTERNAL),
      limited: other === null ? undefined : { methods: limitExcept!.methods, other },
      // A `return` comes before it: nginx looks at access behind the rewrite directives.
      access: answer === null ? access : undefined,
      answersError: isErrorAnswer && errorPages !== undefined,
      // What rewriting answers comes before access is looked at.
      pass: answer === null ? (forward?.pass ?? tunnel?.pass) : undefined,
      opensTunnel: answer === null && tunnel !== null,
      onlyGets: answer === null && action !== undefined && action === status,
      tryFiles: answer === null ? tryFiles : undefined,
      files: answer === null && action === undefined ? this.staticFiles(level, paths) : undefined,
      secureAction: forward?.secureAction,
    };
    return {
      ...model,
      paths,
      action: answer ?? action ?? this.page(level, 404),
      rules: rulesOf(rules),
      ...(forward === null ? {} : { proxy: forward.proxy }),
    };
  }

  private common(level: Level, errorPages: ErrorPages | undefined): Common {
    const { logs } = this.parts;
    // Used or not: a fault in one is told.
    this.fields.ofRequest(level.get(proxy.SET_FIELDS));
    for (const word of [level.get(proxy.METHOD), level.get(proxy.BODY)]) {
      if (word !== null) this.parts.site.template(word);
    }
    return {
      accessLogs: logs.accessLogs(level),
      errorLog: logs.errorLog(level),
      downstream: downstreamRules(level, this.parts.site),
      pageEdits: this.pageEdits(level, PAGE_TYPE, null),
      ...realIp(level),
      errorPages,
      redirects: redirectRules(level),
      logsRewrites: level.get(REWRITE_LOG),
      isQuiet: !level.get(WARNS_UNINITIALIZED),
      logsSubrequests: level.get(LOG_SUBREQUEST),
      links: linkRules(level, this.parts.site),
      referers: referers(level, this.parts.site),
    };
  }

  private errorPages(level: Level): ErrorPages | undefined {
    const lines = level.get(ERROR_PAGES);
    if (lines.length === 0) return undefined;
    const pages = lines.map(({ statuses, overwrite, uri }) => ({
      statuses,
      overwrite,
      uri: this.parts.site.template(uri),
    }));
    return new ErrorPages(pages, level.get(RECURSIVE_ERROR_PAGES));
  }

  private page(level: Level, status: number): RespondPlan {
    const edits = this.pageEdits(level, PAGE_TYPE, null);
    return {
      kind: 'respond',
      downstream: downstreamRules(level, this.parts.site),
      status,
      edits,
      content: null,
    };
  }

  private redirection(status: number, level: Level): RespondPlan {
    const edits = this.pageEdits(level, PAGE_TYPE, redirectionOf(redirectRules(level)));
    return {
      kind: 'respond',
      downstream: downstreamRules(level, this.parts.site),
      status,
      edits,
      content: null,
    };
  }

  /** Lines of a 416: nginx has added its fields as to a 200 by the time that it knows. */
  private unsatisfiableEdits(level: Level): RespondPlan['edits'] {
    const added = this.fields.ofResponse(level);
    return localEdits({
      contentType: PAGE_TYPE,
      location: null,
      add: added.map((field) => ({ ...field, always: true })),
      serverTokens: level.get(downstream.SERVER_TOKENS),
      tellsRange: true,
    });
  }

  private pageEdits(
    level: Level,
    contentType: string | ValueSource<Exchange>,
    location: ValueSource<Exchange> | null,
  ): RespondPlan['edits'] {
    return localEdits({
      contentType: contentType === '' ? null : contentType,
      location,
      add: this.fields.ofResponse(level),
      serverTokens: level.get(downstream.SERVER_TOKENS),
    });
  }
}

/** Browsers that are told apart, undefined for none. */
function browsersOf(level: Level): LocationRules['closesFor'] {
  const browsers = level.get(downstream.KEEPALIVE_DISABLE);
  return browsers.size === 0 ? undefined : browsers;
}

/** Rules that say something, or undefined. */
function rulesOf(rules: LocationRules): LocationRules | undefined {
  const isPlain = !Object.values(rules).some((rule) => rule !== undefined && rule !== false);
  return isPlain ? undefined : rules;
}

/** Who is trusted with a client's address on a level; nothing where nobody is. */
function realIp(level: Level): Pick<LocationModel, 'realIp'> {
  const networks = level.get(REAL_IP_FROM);
  if (networks.length === 0) return {};
  return { realIp: new RealIp(networks, level.get(REAL_IP_HEADER), level.get(REAL_IP_RECURSIVE)) };
}

type Common = Omit<LocationModel, 'match' | 'pattern' | 'action' | 'locations' | 'rules' | 'proxy'>;

/** The tunnel_pass in force, by the same rule as {@link passOf}. */
function tunnelOf(level: LocationLevel): TunnelLine | null {
  if (level.match !== 'unnamed' || level.tunnel !== null || level.pass !== null) return level.tunnel;
  return level.parent instanceof LocationLevel ? tunnelOf(level.parent) : null;
}

/**
 * The proxy_pass in force and the location it stands in: `if` and `limit_except` have that of the location around them.
 */
function passOf(level: LocationLevel): [ProxyPassLine | null, string] {
  if (level.match !== 'unnamed') return [level.pass, level.pattern.text];
  const { parent } = level;
  if (!(parent instanceof LocationLevel)) return [level.pass, ''];
  const [pass, name] = passOf(parent);
  return [level.pass ?? (level.tunnel === null ? pass : null), name];
}
