/**
 * `proxy_pass` and the proxy module's other directives become the plan that the machine forwards by. Decides nothing at
 * run time.
 */
import { CookieRuleSet } from './cookies.js';
import type { FieldEdits } from '../../message/field-edits.js';
import { DestinationPeers, DynamicPass } from '../../proxy/dynamic-pass.js';
import { requestEdits, responseEdits } from '../../proxy/edits.js';
import type { DownstreamRules, Exchange, ForwardPlan, LocationModel } from '../../proxy/model.js';
import { sizeFor } from '../../proxy/limit-rate.js';
import { PrefixRedirect, RegexRedirect, type RedirectRule } from '../../proxy/redirects.js';
import { compileRegex } from '../../proxy/regex.js';
import { ProxyPassTarget, VARIABLE_TARGET } from '../../proxy/request-uri.js';
import { responseRewrites } from '../../proxy/response-rewrites.js';
import type { Template } from '../../proxy/template.js';
import { parseAddress } from '../address.js';
import type { LocationLevel, ProxyPassLine } from '../blocks.js';
import * as downstream from '../directives/connection.js';
import { PROXY_LIMIT_RATE } from '../directives/rates.js';
import { WEBSOCKET_DRAIN } from '../directives/tunnels.js';
import * as proxy from '../directives/proxy.js';
import * as response from '../directives/proxy-response.js';
import { PROXY_HEADER } from '../directives/real-ip.js';
import { RESOLVER, RESOLVER_TIMEOUT } from '../directives/resolver.js';
import type { Level } from '../level.js';
import type { FieldLines } from './fields.js';
import { redirectRules } from './redirect-rules.js';
import type { Resolvers } from './resolvers.js';
import type { Site } from './site.js';
import { socketRules } from './sockets.js';
import type { TlsBuilder } from './tls.js';
import { IMPLIED_POOL, type Upstreams } from './upstreams.js';

/** What a proxy_pass makes of its location. */
export interface Forward {
  readonly action: ForwardPlan;
  /** The action where variables make the scheme https. */
  readonly secureAction: ForwardPlan | undefined;
  readonly proxy: NonNullable<LocationModel['proxy']>;
  readonly pass: DynamicPass | undefined;
}

/** Makes the plans of one configuration. */
export class ForwardBuilder {
  constructor(
    private readonly site: Site,
    private readonly upstreams: Upstreams,
    private readonly resolvers: Resolvers,
    private readonly fields: FieldLines,
    private readonly tls: TlsBuilder,
  ) {}

  /**
   * @param level where the directives stand; `pass` may be inherited by it
   * @param name the location that `pass` stands in: what a URI in it replaces
   * @param intercepts statuses that have an error page here
   */
  build(
    pass: ProxyPassLine,
    level: LocationLevel,
    name: string,
    rules: DownstreamRules,
    intercepts: ReadonlySet<number>,
  ): Forward {
    const { site } = this;
    const { host, port } = hostHeader(pass);
    const proxyHost = pass.isDynamic ? site.variable('proxy_host') : site.constant(host);
    const method = level.get(proxy.METHOD);
    const nextStatuses = level.get(proxy.NEXT_STATUSES);
    const hasInterception = level.get(response.INTERCEPT_ERRORS) && intercepts.size > 0;
    const action: ForwardPlan = {
      kind: 'forward',
      downstream: rules,
      peers: pass.isDynamic ? new DestinationPeers() : this.upstreams.source(pass),
      target: this.target(pass, name),
      method: method === null ? null : site.template(method),
      content: this.content(level),
      requestEdits: requestEdits(
        this.fields.ofRequest(level.get(proxy.SET_FIELDS)),
        proxyHost,
        level.get(proxy.PASSES_FIELDS),
      ),
      responseEdits: this.responseEdits(pass, level, name),
      minorVersion: level.get(proxy.HTTP_VERSION),
      connectTimeoutMs: level.get(proxy.CONNECT_TIMEOUT),
      sendTimeoutMs: level.get(proxy.UPSTREAM_SEND_TIMEOUT),
      readTimeoutMs: level.get(proxy.READ_TIMEOUT),
      farewell: level.get(WEBSOCKET_DRAIN) ?? undefined,
      maxResponseHeadOctets: level.get(proxy.BUFFER_SIZE),
      ...(this.upstreams.ignoresMissingCr(pass) ? { ignoresMissingCr: true } : {}),
      passesHints: this.hints(level),
      dropsTrailers: !level.get(response.PASSES_TRAILERS),
      nextOn: level.get(proxy.NEXT_ON),
      nextStatuses: nextStatuses.size === 0 ? undefined : nextStatuses,
      nextTries: level.get(proxy.NEXT_TRIES),
      nextTimeoutMs: level.get(proxy.NEXT_TIME),
      intercepts: hasInterception ? intercepts : undefined,
      followsAccel: !level.get(response.IGNORED_FIELDS).has('x-accel-redirect'),
      followsRate: !level.get(response.IGNORED_FIELDS).has('x-accel-limit-rate'),
      readRate: this.readRate(level),
      status: 0,
      ...this.dial(pass, level, host, pass.secure),
    };
    return {
      action,
      secureAction: hasOpenScheme(pass) ? { ...action, ...this.dial(pass, level, host, true) } : undefined,
      proxy: { host: proxyHost, port: pass.isDynamic ? site.variable('proxy_port') : site.constant(port) },
      pass: pass.isDynamic ? this.dynamic(pass, level) : undefined,
    };
  }

  /** `early_hints`: undefined passes all. */
  private hints(level: Level): ForwardPlan['passesHints'] {
    const conditions = level.get(response.EARLY_HINTS)?.map((word) => this.site.template(word));
    if (conditions === undefined) return undefined;
    return (exchange) => conditions.some((one) => !['', '0'].includes(one.text(exchange)));
  }

  /** undefined for as fast as can be. As nginx documents, there is a rate only where responses are buffered. */
  private readRate(level: Level): ForwardPlan['readRate'] {
    const word = level.get(PROXY_LIMIT_RATE);
    if (word === null || !level.get(proxy.BUFFERING)) return undefined;
    const template = this.site.template(word);
    return (exchange) => sizeFor(exchange, template);
  }

  /** How connections to the peers begin, where that is more than TCP. */
  private dial(
    pass: ProxyPassLine,
    level: Level,
    host: string,
    isSecure: boolean,
  ): Pick<ForwardPlan, 'dial'> {
    const proxyHeader = level.get(PROXY_HEADER);
    const socket = socketRules(this.site, level.get(proxy.BIND), level.get(proxy.SOCKET_KEEPALIVE));
    if (!isSecure) {
      return proxyHeader === 0 && socket === undefined ? {} : { dial: { tls: null, proxyHeader, ...socket } };
    }
    const dial = this.tls.dial(level, pass.word, host, proxyHeader);
    if (dial === null) return {};
    // Connections are used again only where the rules are the same object.
    return { dial: socket === undefined ? dial : { ...dial, ...socket } };
  }

  private dynamic(pass: ProxyPassLine, level: Level): DynamicPass {
    const { site, upstreams, resolvers } = this;
    return new DynamicPass(site.template(pass.word), {
      known: (host, port, secure) => upstreams.known(host, port, secure),
      parse: (text) => parseAddress(text, 'upstream'),
      pool: { ...IMPLIED_POOL },
      names: resolvers.of(level.get(RESOLVER), level.get(RESOLVER_TIMEOUT)),
    });
  }

  private target(pass: ProxyPassLine, name: string): ForwardPlan['target'] {
    if (pass.isDynamic) return VARIABLE_TARGET;
    if (pass.uri === '') return null;
    return this.site.guard(pass.word, () => new ProxyPassTarget(name, pass.uri)) ?? null;
  }

  private content(level: Level): ForwardPlan['content'] {
    const body = level.get(proxy.BODY);
    if (body !== null) return this.site.template(body);
    return level.get(proxy.PASSES_BODY) ? undefined : null;
  }

  private responseEdits(pass: ProxyPassLine, level: Level, name: string): FieldEdits<Exchange> {
    const { site } = this;
    const cookies = new CookieRuleSet(site).read(level);
    return responseEdits({
      hide: level.get(proxy.HIDDEN_FIELDS).map((word) => word.text),
      pass: level.get(proxy.PASSED_FIELDS).map((word) => word.text),
      add: this.fields.ofResponse(level),
      serverTokens: level.get(downstream.SERVER_TOKENS),
      cookie: this.upstreams.cookie(pass),
      rewrites: responseRewrites(this.redirects(pass, level, name), cookies, redirectRules(level)),
    });
  }

  private redirects(pass: ProxyPassLine, level: Level, name: string): RedirectRule[] {
    const { site } = this;
    return level.get(response.REDIRECT).flatMap((line): RedirectRule[] => {
      if (line === null) return this.defaultRedirect(pass, name);
      const to: Template = site.template(line.to);
      const regex = /^~(\*?)([^]*)$/.exec(line.from.text);
      if (regex === null) return [new PrefixRedirect(site.template(line.from), to)];
      const compiled = site.guard(line.from, () => compileRegex(regex[2], regex[1] !== ''));
      return compiled === undefined ? [] : [new RegexRedirect(compiled, to)];
    });
  }

  /** `default`: the parameters of proxy_pass and of the location; nothing where variables make the former. */
  private defaultRedirect(pass: ProxyPassLine, name: string): RedirectRule[] {
    if (pass.isDynamic) return [];
    const { site } = this;
    const [from, to] = pass.uri === '' ? [`${pass.url}/`, '/'] : [pass.url, name];
    return [new PrefixRedirect(site.constant(from), site.constant(to))];
  }
}

/** Variables say whether it is http or https. */
function hasOpenScheme({ isDynamic, url }: ProxyPassLine): boolean {
  return isDynamic && !/^https?:\/\//i.test(url);
}

/**
 * $proxy_host and $proxy_port: the host as written, the port only where it is not the scheme's own. A unix socket is
 * localhost. Empty where variables decide.
 */
function hostHeader({ url, uri, address, secure, isDynamic }: ProxyPassLine): { host: string; port: string } {
  if (isDynamic || address === null) return { host: '', port: '' };
  if (address.kind === 'unix') return { host: 'localhost', port: '' };
  const authority = url.slice(url.indexOf('//') + 2, url.length - uri.length);
  const own = secure ? 443 : 80;
  if (address.port >= 0 && address.port !== own) return { host: authority, port: String(address.port) };
  const host = address.port < 0 ? authority : authority.slice(0, authority.lastIndexOf(':'));
  return { host, port: String(own) };
}
