/**
 * The way of a request through one server, in nginx's order: the server's own rewrite directives, the location, its
 * rewrite directives, and round again when they changed the path; then access, then the action; and error pages for
 * answers that count as errors. Decides which plan comes out; leaves single directives to `rewrite.ts`.
 */
import type { Exchange } from '../machine/exchange.js';
import type { Decision, DownstreamRules, Plan, RespondPlan } from '../machine/policy.js';
import { FIELD_NAMES } from '../message/field-names.js';
import { METHOD_CONNECT } from '../message/head.js';
import { isOneOf } from './browsers.js';
import type { RequestContext } from './context.js';
import { whenPlanned } from './decisions.js';
import type { ChosenPage } from './error-pages.js';
import { logHere } from './fault-lines.js';
import { Gate } from './gate.js';
import { FOUND_WITH_SLASH, LocationSearch, LocationTree } from './locations.js';
import type { LocationModel, ServerModel } from './model.js';
import { keptLines, readUnsafeTarget, withLines } from './accel.js';
import type { StaticFiles } from './files/static-files.js';
import type { TryFiles } from './files/try-files.js';
import { CLOSING_ERRORS, pagePlan, redirectPlan, slashPlan } from './pages.js';
import { escapePath } from './request-uri.js';
import { lineText } from './response-variables.js';
import { ANSWER, ERROR } from './rewrite.js';
import { PlanVariants } from './variants.js';

const LOCATION = FIELD_NAMES.intern('location');
const ONLY_GETS = new Set(['GET', 'HEAD']);
const REDIRECTIONS = new Set([301, 302, 303, 307, 308]);

/** One server and what is looked up in it. */
export class Router {
  readonly names: readonly string[];
  private readonly tree: LocationTree;
  private readonly search = new LocationSearch();
  private readonly variants = new PlanVariants();
  private readonly slashPlans = new Map<LocationModel, RespondPlan>();
  private readonly gate = new Gate({
    perform: (exchange, context, location) => this.perform(exchange, context, location),
    refuse: (exchange, context, location, status) =>
      this.error(exchange, context, this.page(location, status)),
    fork: (exchange, context) => this.fork(exchange, context),
  });
  /** The connection ends behind a target that is no path here, as in nginx. */
  private readonly closing: DownstreamRules;
  /** Requests go straight from their location to its plan, until they meet a location with rules. */
  private readonly isPlain: boolean;

  /** @throws CompileError for locations that cannot be */
  constructor(readonly model: ServerModel) {
    const { root } = model;
    this.names = model.names;
    this.tree = new LocationTree(root.locations);
    this.closing = { ...root.downstream, keepaliveTimeoutMs: 0 };
    this.isPlain = model.script === undefined && model.action === null;
  }

  /** The plan of a request whose path was read. */
  route(exchange: Exchange, context: RequestContext): Decision {
    if (!this.isPlain) return this.enter(exchange, context);
    const { search } = this;
    const found = this.tree.find(context, search);
    const { location } = search;
    if (location === null || location.rules !== undefined || found === FOUND_WITH_SLASH) {
      return this.enter(exchange, context);
    }
    context.location = location;
    if (search.captures !== null) context.capture(search.captures);
    location.realIp?.apply(exchange);
    return location.action;
  }

  /** The plan for a request that goes no further than this server: a target that is no path, a broken rule of TLS. */
  refuse(exchange: Exchange, context: RequestContext, status: number): Decision {
    return this.error(exchange, context, pagePlan(this.model.root, status, this.closing));
  }

  /** What stands in for an answer with `status` that the machine or an upstream has to give. */
  standIn(exchange: Exchange, context: RequestContext, status: number): Decision | undefined {
    const location = this.here(context);
    if (location.pageEdits === undefined && location.errorPages === undefined) return undefined;
    return this.error(exchange, context, pagePlan(location, status, location.downstream));
  }

  // ---- Phases

  /** From the server's own directives on. */
  private enter(exchange: Exchange, context: RequestContext): Decision {
    const { model } = this;
    if (model.action !== null) return model.action;
    if (model.script !== undefined) {
      const flow = model.script.run(exchange, context);
      if (flow >= ERROR) return this.scripted(exchange, context, flow);
    }
    return this.locate(exchange, context);
  }

  /** From the choice of a location on, round again for as long as its directives change the path. */
  private locate(exchange: Exchange, context: RequestContext): Decision {
    for (;;) {
      if (context.detour !== null) context.detour.isChanged = false;
      const { search } = this;
      const found = this.tree.find(context, search);
      const location = (context.location = search.location ?? this.model.root);
      if (search.captures !== null) context.capture(search.captures);
      if (location.rules?.isInternal === true && context.detour?.isInternal !== true) {
        return this.error(exchange, context, this.page(location, 404));
      }
      if (found === FOUND_WITH_SLASH) return this.error(exchange, context, this.slash(location));
      this.closeBehind(exchange, context);
      this.limit(exchange, context);
      const plan = this.runLocation(exchange, context);
      if (plan !== null) return plan;
      if (--context.leave().changesLeft === 0) {
        return this.cycle(exchange, context, `processing "${context.text()}"`);
      }
    }
  }

  /** keepalive_disable: the connection of a certain browser ends behind the answer. */
  private closeBehind(exchange: Exchange, context: RequestContext): void {
    const browsers = context.location?.rules?.closesFor;
    if (browsers !== undefined && isOneOf(browsers, exchange, methodOf(exchange, context)))
      exchange.request.keepsAlive = false;
  }

  /** limit_except: requests with other methods are in another location. */
  private limit(exchange: Exchange, context: RequestContext): void {
    const limited = context.location?.rules?.limited;
    if (limited === undefined) return;
    if (!limited.methods.has(methodOf(exchange, context))) context.location = limited.other;
  }

  /** The location's directives, then what it does; null when they changed the path. */
  private runLocation(exchange: Exchange, context: RequestContext): Decision | null {
    const script = context.location?.rules?.script;
    if (script !== undefined) {
      const flow = script.run(exchange, context);
      if (flow >= ERROR) return this.scripted(exchange, context, flow);
      if (context.detour?.isChanged === true) return null;
    }
    return this.act(exchange, context, this.here(context));
  }

  private scripted(exchange: Exchange, context: RequestContext, flow: number): Decision {
    const answer = context.leave().answer!;
    if (flow === ANSWER) return this.variants.respond(answer, context);
    return this.error(exchange, context, answer);
  }

  private act(exchange: Exchange, context: RequestContext, location: LocationModel): Decision {
    location.realIp?.apply(exchange);
    const access = location.rules?.access;
    if (access !== undefined) return this.gate.admit(exchange, context, location, access);
    return this.perform(exchange, context, location);
  }

  /** What the location does, for a request that may be there. */
  private perform(exchange: Exchange, context: RequestContext, location: LocationModel): Decision {
    const { action, rules } = location;
    if (action.kind === 'forward' && isConnect(exchange, context) !== (rules?.opensTunnel === true)) {
      return this.error(exchange, context, this.page(location, 405));
    }
    if (rules?.tryFiles !== undefined) {
      const plan = this.tryFiles(exchange, context, rules.tryFiles);
      if (plan !== null) return plan;
    }
    if (rules?.pass !== undefined) {
      context.destination = null;
      const status = rules.pass.prepare(exchange, context);
      if (status !== 0) return this.error(exchange, context, this.page(location, status));
    }
    if (rules?.onlyGets === true && !ONLY_GETS.has(methodOf(exchange, context)))
      return this.error(exchange, context, this.page(location, 405));
    if (rules?.files !== undefined) return this.fromFiles(exchange, context, rules.files);
    if (action.kind === 'forward') {
      const isSecure = context.destination?.isSecure === true && rules?.pass !== undefined;
      return this.variants.forward(isSecure ? (rules.secureAction ?? action) : action, context);
    }
    if (rules?.answersError === true) return this.error(exchange, context, action);
    return this.variants.respond(action, context);
  }

  // ---- Files

  /** try_files: null where the request goes on here. */
  private tryFiles(exchange: Exchange, context: RequestContext, files: TryFiles): Decision | null {
    const outcome = files.find(exchange, context);
    if (outcome.kind === 'goes on') return null;
    if (outcome.kind === 'status')
      return this.error(exchange, context, this.page(this.here(context), outcome.status));
    const { target } = outcome;
    if (target.startsWith('@')) return this.toNamed(exchange, context, target);
    const query = target.indexOf('?');
    if (query < 0) return this.redirect(exchange, context, target, '');
    return this.redirect(exchange, context, target.slice(0, query), target.slice(query + 1));
  }

  private fromFiles(exchange: Exchange, context: RequestContext, files: StaticFiles): Decision {
    const outcome = files.answer(exchange, context, methodOf(exchange, context));
    const location = this.here(context);
    switch (outcome.kind) {
      case 'path':
        return this.redirect(exchange, context, outcome.path, context.argsText());
      case 'status':
        return this.error(exchange, context, this.page(location, outcome.status));
      case 'directory': {
        const args = context.argsText();
        context.leave().redirection = `${escapePath(context.text())}/${args === '' ? '' : `?${args}`}`;
        return this.error(exchange, context, redirectPlan(location, 301));
      }
      case 'error':
        return this.error(exchange, context, outcome.plan);
      case 'plan':
        return this.variants.respond(outcome.plan, context);
    }
  }

  // ---- Error pages

  /** An answer that counts as an error: its error page, or itself. */
  private error(exchange: Exchange, context: RequestContext, plan: RespondPlan): Decision {
    // Whatever page stands in.
    if (CLOSING_ERRORS.has(plan.status)) exchange.request.keepsAlive = false;
    const { errorPages } = this.here(context);
    const detour = context.detour;
    if (errorPages !== undefined && detour?.hasErrorPage !== true && detour?.changesLeft !== 0) {
      if (!errorPages.isRecursive) context.leave().hasErrorPage = true;
      const page = errorPages.find(plan.status, exchange);
      if (page !== null) {
        if (REDIRECTIONS.has(plan.status)) context.leave().target = lineText(plan.edits, LOCATION, exchange);
        return this.errorPage(exchange, context, page);
      }
    }
    if (detour === null) return plan;
    // The answer is itself again, whatever page it is the page of.
    detour.status = 0;
    detour.target = '';
    return this.variants.respond(plan, context);
  }

  private errorPage(
    exchange: Exchange,
    context: RequestContext,
    { uri, args, status }: ChosenPage,
  ): Decision {
    const detour = context.leave();
    detour.status = status;
    if (uri.startsWith('/')) {
      if (methodOf(exchange, context) !== 'HEAD') detour.method = 'GET';
      return this.redirect(exchange, context, uri, args);
    }
    if (uri.startsWith('@')) return this.toNamed(exchange, context, uri);
    const redirection = REDIRECTIONS.has(status) ? status : 302;
    detour.status = 0;
    detour.target = '';
    detour.redirection = uri;
    return redirectPlan(this.here(context), redirection);
  }

  /**
   * X-Accel-Redirect: another path, or a named location, answers in place of a response, and some of its fields go on
   * (`ngx_http_upstream_process_headers`).
   */
  accelerate(exchange: Exchange, context: RequestContext, target: string): Decision {
    const lines = keptLines(exchange.response);
    const status = context.detour?.status ?? 0;
    const decision = this.accelerated(exchange, context, target);
    if (lines.length === 0) return decision;
    return whenPlanned(decision, (plan) => withLines(plan, lines, (context.detour?.status ?? 0) !== status));
  }

  private accelerated(exchange: Exchange, context: RequestContext, target: string): Decision {
    if (target.startsWith('@')) return this.toNamed(exchange, context, target);
    const found = readUnsafeTarget(target);
    if (found === null) {
      logHere('error', `unsafe URI "${target}" was detected`, exchange);
      return this.error(exchange, context, this.page(this.here(context), 404));
    }
    const detour = context.leave();
    if (methodOf(exchange, context) !== 'HEAD') detour.method = 'GET';
    return this.redirect(exchange, context, found.path, found.args);
  }

  /** Sends a request to another path, through all phases (`ngx_http_internal_redirect`). */
  redirect(exchange: Exchange, context: RequestContext, uri: string, args: string): Decision {
    const detour = context.leave();
    if (--detour.changesLeft === 0) {
      return this.cycle(exchange, context, `internally redirecting to "${uri}"`);
    }
    context.setPath(uri);
    context.setArgs(args);
    detour.isInternal = true;
    detour.keepsTarget = false;
    detour.keepsLocation = true;
    detour.addsPathToAlias = false;
    context.location = this.model.root;
    return this.enter(exchange, context);
  }

  /** Sends a request to a named location, its path unchanged (`ngx_http_named_location`). */
  toNamed(exchange: Exchange, context: RequestContext, name: string): Decision {
    const detour = context.leave();
    if (--detour.changesLeft === 0) {
      return this.cycle(exchange, context, `redirect to named location "${name}"`);
    }
    const location = this.model.named?.get(name);
    if (location === undefined) {
      logHere('error', `could not find named location "${name}"`, exchange);
      return this.error(exchange, context, this.page(this.here(context), 500));
    }
    context.location = location;
    detour.isInternal = true;
    detour.isChanged = false;
    this.limit(exchange, context);
    const plan = this.runLocation(exchange, context);
    if (plan !== null) return plan;
    if (--detour.changesLeft === 0) return this.cycle(exchange, context, `processing "${context.text()}"`);
    return this.locate(exchange, context);
  }

  /** The way of a subrequest: all phases but access. */
  private fork(exchange: Exchange, context: RequestContext): Plan {
    context.location = this.model.root;
    // What may take its time belongs to access.
    return this.enter(exchange, context) as Plan;
  }

  private cycle(exchange: Exchange, context: RequestContext, what: string): Decision {
    logHere('error', `rewrite or internal redirection cycle while ${what}`, exchange);
    context.leave().changesLeft = 0;
    return this.error(exchange, context, this.page(this.here(context), 500));
  }

  // ---- Answers

  private here(context: RequestContext): LocationModel {
    return context.location ?? this.model.root;
  }

  private page(location: LocationModel, status: number): RespondPlan {
    return pagePlan(location, status, location.downstream);
  }

  private slash(location: LocationModel): RespondPlan {
    let plan = this.slashPlans.get(location);
    if (plan === undefined) this.slashPlans.set(location, (plan = slashPlan(location)));
    return plan;
  }
}

/** Whether the request is still CONNECT: an error page makes GET of it. */
function isConnect({ request }: Exchange, { detour }: RequestContext): boolean {
  return request.method === METHOD_CONNECT && (detour === null || detour.method === '');
}

/** The method that a request has by now. */
function methodOf({ request }: Exchange, { detour }: RequestContext): string {
  return detour?.method || request.text(0, request.methodEnd);
}
