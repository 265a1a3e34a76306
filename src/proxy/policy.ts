/**
 * The policy of one listener, by a compiled configuration: which server, which location, and so which plan. Everything a
 * plan needs was made with the configuration: a request costs one context object and two lookups.
 */
import { equalsFolded, latin1 } from '../bytes/octets.js';
import { Fault } from '../error.js';
import type { Exchange } from '../machine/exchange.js';
import type {
  ConnectionFacts,
  DownstreamRules,
  Plan,
  Policy,
  ReadingRules,
  RespondPlan,
} from '../machine/policy.js';
import type { ArrivalRules } from '../machine/security.js';
import type { FieldEdits } from '../message/field-edits.js';
import { FORM_AUTHORITY } from '../message/head.js';
import { contextOf, RequestContext } from './context.js';
import { faultLevel, faultLine } from './fault-lines.js';
import { FOUND_WITH_SLASH, LocationSearch, LocationTree } from './locations.js';
import type { ListenerModel, LocationModel, ServerModel } from './model.js';
import { pageEdits, pagePlan, slashPlan } from './pages.js';
import { hostOf } from './request-variables.js';
import { ServerNames, type FoundServer } from './server-names.js';
import { arrivalRules, plainName, TlsGate } from './tls-gate.js';

/** Equal to no host that a request can name. */
const NO_HOST = latin1('\0');

/** A server and what is looked up in it. */
class CompiledServer {
  readonly names: readonly string[];
  readonly tree: LocationTree;
  /** A target that is no path here. The connection ends with it, as in nginx. */
  readonly badRequest: RespondPlan;
  readonly notAllowed: RespondPlan;
  private readonly closing: DownstreamRules;
  private readonly closingPages = new Map<number, RespondPlan>();

  constructor(readonly model: ServerModel) {
    const { root } = model;
    this.closing = { ...root.downstream, keepaliveTimeoutMs: 0 };
    this.names = model.names;
    this.tree = new LocationTree(root.locations);
    this.badRequest = pagePlan(root, 400, this.closing);
    this.notAllowed = pagePlan(root, 405, this.closing);
  }

  /** The built-in page of a status, behind which the connection ends. */
  closingPage(status: number): RespondPlan {
    let plan = this.closingPages.get(status);
    if (plan === undefined) {
      plan = pagePlan(this.model.root, status, this.closing);
      this.closingPages.set(status, plan);
    }
    return plan;
  }
}

/** Decides for the connections of one listener. Its only state is what makes the next lookup cheaper. */
export class ProxyPolicy implements Policy {
  readonly arrival: ArrivalRules | undefined;
  readonly reading: ReadingRules;
  readonly defaults: DownstreamRules;
  readonly pageEdits: FieldEdits<Exchange>;
  private readonly names: ServerNames<CompiledServer>;
  private readonly defaultServer: CompiledServer;
  private readonly search = new LocationSearch();
  /** null for a listener in the clear. */
  private readonly gate: TlsGate | null;
  private readonly slashPlans = new Map<LocationModel, RespondPlan>();
  /** The last host that was looked up: most requests in a row name the same one. */
  private lastHost: Uint8Array = NO_HOST;
  private lastServer: CompiledServer;

  /** Throws CompileError for names, patterns and locations that cannot be, though `config/` says so earlier. */
  constructor(readonly listener: ListenerModel) {
    const { servers, defaultServer } = listener;
    this.reading = defaultServer.reading;
    this.defaults = defaultServer.root.downstream;
    this.pageEdits = pageEdits(defaultServer.root);
    const compiled = servers.map((server) => new CompiledServer(server));
    this.defaultServer = compiled[servers.indexOf(defaultServer)] ?? new CompiledServer(defaultServer);
    this.names = new ServerNames(compiled, this.defaultServer);
    this.lastServer = this.defaultServer;
    this.gate =
      listener.isSecure === true ? new TlsGate(listener, (name) => this.names.find(name).server.model) : null;
    this.arrival = arrivalRules(listener, this.gate);
  }

  plan(exchange: Exchange, now: number): Plan {
    const context = new RequestContext(now);
    exchange.context = context;
    const { request } = exchange;
    const server = this.names.isSingle ? this.defaultServer : this.serverOf(exchange, context);
    const { model, tree } = server;
    context.server = model;
    context.location = model.root;
    model.root.realIp?.apply(exchange);
    if (this.gate !== null) {
      const refused = this.refused(exchange, server);
      if (refused !== null) return refused;
    }
    if (!context.read(request, model.mergeSlashes)) {
      return request.form === FORM_AUTHORITY ? server.notAllowed : server.badRequest;
    }
    if (model.action !== null) return model.action;
    const { search } = this;
    const found = tree.find(context, search);
    const location = search.location;
    if (location === null) return model.root.action;
    context.location = location;
    location.realIp?.apply(exchange);
    if (search.captures !== null) context.capture(search.captures);
    return found === FOUND_WITH_SLASH ? this.slashPlan(location) : location.action;
  }

  failed(exchange: Exchange, status: number, _fault: Fault): RespondPlan | undefined {
    const location = this.locationOf(exchange);
    return location.pageEdits === undefined ? undefined : pagePlan(location, status, location.downstream);
  }

  finished(exchange: Exchange, now: number): void {
    const { accessLogs } = this.locationOf(exchange);
    for (let i = 0; i < accessLogs.length; i++) accessLogs[i].sink.write(accessLogs[i].format(exchange, now));
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

  private serverOf(exchange: Exchange, context: RequestContext): CompiledServer {
    const { octets, hostStart, hostNameEnd } = exchange.request;
    if (hostNameEnd <= hostStart) return this.serverWithoutHost(exchange);
    if (equalsFolded(octets, hostStart, hostNameEnd, this.lastHost)) return this.lastServer;
    const host = hostOf(exchange.request);
    const found: FoundServer<CompiledServer> = this.names.find(host);
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
  private serverWithoutHost({ connection: { tls } }: Exchange): CompiledServer {
    return this.names.find(tls == null ? '' : plainName(tls.serverName)).server;
  }

  /** The answer to a request that TLS forbids; null for all others. The connection ends with it, as in nginx. */
  private refused(exchange: Exchange, server: CompiledServer): RespondPlan | null {
    const { connection } = exchange;
    const refusal = (this.gate as TlsGate).refusal(connection, server.model);
    if (refusal === null) return null;
    const { status, code, detail } = refusal;
    this.fault(new Fault(code, 'downstream', -1, detail), exchange, connection);
    return server.closingPage(status);
  }

  private slashPlan(location: LocationModel): RespondPlan {
    let plan = this.slashPlans.get(location);
    if (plan === undefined) this.slashPlans.set(location, (plan = slashPlan(location)));
    return plan;
  }
}
