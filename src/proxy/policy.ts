/**
 * The policy of one listener, by a compiled configuration: which server, which location, and so which plan. Everything a
 * plan needs was made with the configuration: a request costs one context object and two lookups.
 */
import { equalsFolded, latin1 } from '../bytes/octets.js';
import { Fault } from '../error.js';
import type { Exchange } from '../machine/exchange.js';
import type { ConnectionFacts, Decision, DownstreamRules, Policy, ReadingRules } from '../machine/policy.js';
import type { ArrivalRules } from '../machine/security.js';
import type { FieldEdits } from '../message/field-edits.js';
import { FIELD_NAMES, X_ACCEL_REDIRECT } from '../message/field-names.js';
import { FORM_AUTHORITY, METHOD_TRACE } from '../message/head.js';
import { leaveLimits } from './access/access.js';
import { contextOf, momentOf, RequestContext } from './context.js';
import { faultLevel, faultLine, logHere } from './fault-lines.js';
import type { AccessLog, ListenerModel, LocationModel, ServerModel } from './model.js';
import { pageEdits } from './pages.js';
import { hostOf } from './request-variables.js';
import { Router } from './router.js';
import { REQUESTS } from './status.js';
import { ServerNames, type FoundServer } from './server-names.js';
import { arrivalRules, plainName, TlsGate } from './tls-gate.js';
import { proxyHost } from './upstream-variables.js';

const WWW_AUTHENTICATE = FIELD_NAMES.intern('www-authenticate');

/** Equal to no host that a request can name. */
const NO_HOST = latin1('\0');

/** Decides for the connections of one listener. Its only state is what makes the next lookup cheaper. */
export class ProxyPolicy implements Policy {
  readonly arrival: ArrivalRules | undefined;
  readonly reading: ReadingRules;
  readonly defaults: DownstreamRules;
  readonly pageEdits: FieldEdits<Exchange>;
  readonly connects: boolean;
  /** null for a listener in the clear. */
  private readonly gate: TlsGate | null;
  private readonly names: ServerNames<Router>;
  private readonly defaultServer: Router;
  private readonly routers = new Map<ServerModel, Router>();
  /** The last host that was looked up: most requests in a row name the same one. */
  private lastHost: Uint8Array = NO_HOST;
  private lastServer: Router;

  /** Throws CompileError for names, patterns and locations that cannot be, though `config/` says so earlier. */
  constructor(readonly listener: ListenerModel) {
    const { servers, defaultServer } = listener;
    this.reading = defaultServer.reading;
    this.defaults = defaultServer.root.downstream;
    this.pageEdits = pageEdits(defaultServer.root);
    this.connects = servers.some((server) => server.connects === true);
    const compiled = servers.map((server) => new Router(server));
    for (const router of compiled) this.routers.set(router.model, router);
    this.defaultServer = compiled[servers.indexOf(defaultServer)] ?? new Router(defaultServer);
    this.names = new ServerNames(compiled, this.defaultServer);
    this.lastServer = this.defaultServer;
    this.gate =
      listener.isSecure === true ? new TlsGate(listener, (name) => this.names.find(name).server.model) : null;
    this.arrival = arrivalRules(listener, this.gate);
  }

  plan(exchange: Exchange, now: number): Decision {
    const context = new RequestContext(now);
    exchange.context = context;
    const { request } = exchange;
    const router = this.names.isSingle ? this.defaultServer : this.serverOf(exchange, context);
    const { model } = router;
    context.server = model;
    context.location = model.root;
    model.root.realIp?.apply(exchange);
    // The path is read before the server is known: as in nginx, the default server says whether slashes are merged.
    const isPath =
      context.read(request, this.defaultServer.model.mergeSlashes) ||
      (request.form === FORM_AUTHORITY && model.connects === true);
    if (isPath && this.gate !== null) {
      const refused = this.refused(exchange, context, router);
      if (refused !== null) return refused;
    }
    if (request.method === METHOD_TRACE) {
      this.fault(new Fault('TRACE_REFUSED', 'downstream', 0), exchange, exchange.connection);
      return router.refuse(exchange, context, 405);
    }
    if (isPath) {
      const plan = router.route(exchange, context);
      if (context.limits !== null) exchange.delayMs = context.limits.delayMs;
      return plan;
    }
    if (request.form !== FORM_AUTHORITY) return router.refuse(exchange, context, 400);
    this.fault(new Fault('CONNECT_REFUSED', 'downstream', 0), exchange, exchange.connection);
    return router.refuse(exchange, context, 405);
  }

  failed(exchange: Exchange, status: number, fault: Fault): Decision | undefined {
    const context = contextOf(exchange);
    if (fault.code === 'NO_PEER') exchange.noteNobody(proxyHost(exchange), status, momentOf(exchange));
    return this.routerOf(context).standIn(exchange, context, status);
  }

  intercept(exchange: Exchange): Decision | undefined {
    const { response, plan } = exchange;
    const context = contextOf(exchange);
    const accel = response.findField(X_ACCEL_REDIRECT);
    if (accel >= 0 && plan?.kind === 'forward' && plan.intercepts?.has(response.status) !== true) {
      return this.routerOf(context).accelerate(exchange, context, response.valueText(accel));
    }
    if (response.status === 401) context.leave().challenge = response.joinedText(WWW_AUTHENTICATE);
    return this.routerOf(context).standIn(exchange, context, response.status);
  }

  switched(exchange: Exchange): void {
    if (!this.locationOf(exchange).accessLogs.some(readsResponse)) exchange.forgetResponse();
  }

  finished(exchange: Exchange, _now: number): void {
    const { accessLogs, logsSubrequests } = this.locationOf(exchange);
    const isMain = exchange.main === null;
    if (isMain || logsSubrequests === true) {
      for (let i = 0; i < accessLogs.length; i++) writeLog(accessLogs[i], exchange);
    }
    const context = contextOf(exchange);
    REQUESTS.over++;
    context.takeFile(null);
    const { limits } = context;
    // What a subrequest holds is given back with the request that it was made for.
    if (limits !== null && isMain) leaveLimits(limits);
  }

  fault(fault: Fault, exchange: Exchange | null, connection: ConnectionFacts): void {
    const location = exchange === null ? this.defaultServer.model.root : this.locationOf(exchange);
    location.errorLog.log(faultLevel(fault), faultLine(fault, exchange, connection, this.listener.address));
  }

  /** The location in force. A request that was refused before {@link plan} belongs to the default server. */
  private locationOf(exchange: Exchange): LocationModel {
    const context = contextOf(exchange);
    context.server ??= this.defaultServer.model;
    return context.location ?? context.server.root;
  }

  /** The router of a request's server: that of the default one, if the request was refused before {@link plan}. */
  private routerOf(context: RequestContext): Router {
    context.server ??= this.defaultServer.model;
    return this.routers.get(context.server) ?? this.defaultServer;
  }

  private serverOf(exchange: Exchange, context: RequestContext): Router {
    const { octets, hostStart, hostNameEnd } = exchange.request;
    if (hostNameEnd <= hostStart) return this.serverWithoutHost(exchange);
    if (equalsFolded(octets, hostStart, hostNameEnd, this.lastHost)) return this.lastServer;
    const host = hostOf(exchange.request);
    const found: FoundServer<Router> = this.names.find(host);
    if (found.captures === null) {
      this.lastHost = latin1(host);
      this.lastServer = found.server;
    } else {
      // Captures belong to one request, so this answer is not kept.
      context.capture(found.captures);
    }
    return found.server;
  }

  /** nginx: of a request without a host TLS has named the server, if anything has. */
  private serverWithoutHost({ connection: { tls } }: Exchange): Router {
    return this.names.find(tls == null ? '' : plainName(tls.serverName)).server;
  }

  /** The answer to a request that TLS forbids; null for all others. The connection ends with it, as in nginx. */
  private refused(exchange: Exchange, context: RequestContext, router: Router): Decision | null {
    const { connection } = exchange;
    const refusal = (this.gate as TlsGate).refusal(connection, router.model);
    if (refusal === null) return null;
    const { status, code, detail } = refusal;
    this.fault(new Fault(code, 'downstream', -1, detail), exchange, connection);
    // Behind an error page, too.
    exchange.request.keepsAlive = false;
    return router.refuse(exchange, context, status);
  }
}

/** Whether a log may read the response head of an exchange that has ended. */
function readsResponse({ format, condition, named }: AccessLog): boolean {
  return format.readsResponse || condition?.readsResponse === true || named?.name.readsResponse === true;
}

function writeLog({ sink, format, condition, named }: AccessLog, exchange: Exchange): void {
  if (condition !== undefined) {
    const text = condition.text(exchange);
    if (text === '' || text === '0') return;
  }
  if (named === undefined) format.log(exchange, sink);
  else writeNamedLog(named, format.text(exchange), exchange);
}

function writeNamedLog(
  { name, logs }: NonNullable<AccessLog['named']>,
  line: string,
  exchange: Exchange,
): void {
  const path = name.text(exchange);
  // What a client sends must not lead out of the folder that the configuration names.
  if (path === '' || path.includes('\0') || /(?:^|\/)\.\.(?:\/|$)/.test(path)) {
    logHere('error', `access log "${path}" is not written: its name leads elsewhere`, exchange);
    return;
  }
  const why = logs.write(path, line);
  if (why !== '') logHere('crit', `${why} while logging request`, exchange);
}
