/**
 * Actions become the plans that the machine runs on. Decides the defaults of every setting; made once per route, or once
 * per action object of a route function.
 */
import { createSecureContext } from 'node:tls';
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { Exchange } from '../machine/exchange.js';
import {
  type Decision,
  type DownstreamRules,
  type FarewellRules,
  type ForwardPlan,
  NEXT_ERROR,
  NEXT_TIMEOUT,
  type Plan,
  type ReadingRules,
  type RespondPlan,
} from '../machine/policy.js';
import type { DialRules } from '../machine/security.js';
import {
  ConstantValue,
  FieldEdits,
  type FieldSet,
  fieldSet,
  type ValueSource,
} from '../message/field-edits.js';
import { contextOf } from '../proxy/context.js';
import { ProxyPassTarget } from '../proxy/request-uri.js';
import type {
  Action,
  FarewellOptions,
  FieldChanges,
  ForwardAction,
  ForwardSettings,
  LimitOptions,
  ProxyOptions,
  Response,
  TimeoutOptions,
  UpstreamTls,
} from './options.js';
import type { Upstream, Upstreams } from './upstreams.js';
import { FORWARDED_FOR, OfferedProtocols, PEER_ADDRESS, ReceivedHost, SCHEME } from './values.js';
import type { ProxyExchange } from './views.js';

/** Whatever a value needs to know of an exchange that nobody has looked at yet. */
export type ViewOf = (exchange: Exchange) => ProxyExchange;

/** A plan, and what must be looked at before it can be followed. */
export interface Prepared {
  readonly plan: Decision;
  /** Its names may have to be resolved first. */
  readonly upstream: Upstream | null;
  /** A target that depends on the request: it is written into a copy of the plan. */
  readonly target: ((view: ProxyExchange) => string) | null;
}

const NO_LINES = new FieldEdits<Exchange>([], []);
const HTML = new FieldEdits<Exchange>([], [fieldSet('Content-Type', 'text/html', true)]);

export function readingRules(limits: LimitOptions = {}, timeouts: TimeoutOptions = {}): ReadingRules {
  const { headOctets = 32_768, lineOctets = 8192, fields = 1000 } = limits;
  return {
    headTimeoutMs: timeouts.headMs ?? 60_000,
    maxLineOctets: lineOctets,
    maxHeadOctets: headOctets,
    maxFields: fields,
  };
}

/** The numbers are nginx's defaults. */
export function downstreamRules(timeouts: TimeoutOptions = {}, maxContentOctets = 0): DownstreamRules {
  const { contentMs = 60_000, sendMs = 60_000, idleMs = 75_000 } = timeouts;
  return {
    keepaliveTimeoutMs: idleMs,
    keepaliveRequests: 1000,
    keepaliveTimeMs: 3_600_000,
    bodyTimeoutMs: contentMs,
    sendTimeoutMs: sendMs,
    maxContentOctets,
    lingeringTimeMs: 30_000,
    lingeringTimeoutMs: 5_000,
    lingering: 'on',
    resetsTimedOut: false,
    keepAliveLines: undefined,
  };
}

/** Makes the plans of one proxy. */
export class Planner {
  readonly notFound: Prepared;
  private readonly made = new WeakMap<Action, Prepared>();

  constructor(
    private readonly options: ProxyOptions,
    private readonly upstreams: Upstreams,
    private readonly viewOf: ViewOf,
    private readonly onThrow: (error: unknown) => void,
  ) {
    this.notFound = this.make({ respond: 404 }, null);
  }

  /** The plan of a checked action. One that comes again is found again. */
  prepare(action: Action): Prepared {
    let prepared = this.made.get(action);
    if (prepared === undefined) this.made.set(action, (prepared = this.make(action, null)));
    return prepared;
  }

  /** @param strip the matched path that is taken away from the target; null for none */
  make(action: Action, strip: string | null): Prepared {
    if ('upstream' in action && action.upstream !== undefined) return this.forward(action, strip);
    const rules = downstreamRules(this.options.downstreamTimeouts, this.options.maxContentOctets);
    if ('reject' in action && action.reject !== undefined) {
      const downstream = { ...rules, resetsTimedOut: action.reject === 'reset' };
      return settled({ kind: 'respond', downstream, status: 444, edits: NO_LINES, content: null });
    }
    return settled(respondPlan((action as { respond: number | Response }).respond, rules));
  }

  private forward(action: ForwardAction, strip: string | null): Prepared {
    const settings = merged(this.options, action);
    const upstream = this.upstreams.of(action.upstream);
    const {
      connectMs = 60_000,
      sendMs = 60_000,
      readMs = 60_000,
      tunnelIdleMs = 0,
    } = settings.timeouts ?? {};
    const { target = null } = action;
    const plan: ForwardPlan = {
      kind: 'forward',
      ...(action.tunnel === true ? { opensTunnel: true } : {}),
      downstream: downstreamRules(this.options.downstreamTimeouts, settings.maxContentOctets),
      peers: upstream,
      dial: upstream.isSecure ? dialRules(settings.upstreamTls, upstream.host) : undefined,
      target: typeof target === 'string' ? new ConstantValue(target) : this.target(upstream.base, strip),
      requestEdits: this.requestEdits(settings, upstream.authority),
      responseEdits: this.responseEdits(settings.response),
      minorVersion: 1,
      connectTimeoutMs: connectMs,
      sendTimeoutMs: sendMs,
      readTimeoutMs: readMs,
      tunnelTimeoutMs: tunnelIdleMs === 0 ? Infinity : tunnelIdleMs,
      farewell: settings.farewell === undefined ? undefined : farewellRules(settings.farewell),
      maxResponseHeadOctets: 65_536,
      nextOn: NEXT_ERROR | NEXT_TIMEOUT,
      nextTries: settings.maxAttempts ?? 0,
      nextTimeoutMs: 0,
    };
    const asks = typeof target === 'function' ? (view: ProxyExchange) => target(view.request) : null;
    return { plan, upstream, target: asks };
  }

  private target(base: string, strip: string | null): ValueSource<Exchange> | null {
    if (strip === null) return base === '' ? null : new ProxyPassTarget('/', `${base}/`);
    // What stands behind the matched path is put behind the base, with one slash between them.
    return strip.endsWith('/') ? new ProxyPassTarget(strip, `${base}/`) : new StrippedTarget(strip, base);
  }

  private requestEdits(settings: ForwardSettings, authority: string): FieldEdits<Exchange> {
    const { hostField = 'received', forwarded = 'append', protocols = true } = settings;
    const lines: FieldSet<Exchange>[] = [
      fieldSet(
        'Host',
        hostField === 'received'
          ? new ReceivedHost(authority)
          : hostField === 'upstream'
            ? authority
            : hostField,
      ),
    ];
    if (protocols !== false) {
      const allowed = protocols === true ? null : protocols;
      lines.push(fieldSet('Upgrade', new OfferedProtocols(allowed)));
      // Without an offer the head writer leaves the member out, and with it the line.
      lines.push(fieldSet('Connection', 'upgrade'));
    }
    if (forwarded !== 'none') {
      lines.push(
        fieldSet('X-Forwarded-For', forwarded === 'append' ? FORWARDED_FOR : PEER_ADDRESS),
        fieldSet('X-Forwarded-Proto', SCHEME),
        fieldSet('X-Forwarded-Host', new ReceivedHost('')),
        fieldSet('X-Real-IP', PEER_ADDRESS),
      );
    }
    return this.changed(lines, settings.request);
  }

  private responseEdits(changes: FieldChanges | undefined): FieldEdits<Exchange> {
    return changes === undefined ? NO_LINES : this.changed([], changes);
  }

  /** Lines of the proxy's own, and the changes behind them: a name that is changed is not set as well. */
  private changed(own: readonly FieldSet<Exchange>[], changes: FieldChanges = {}): FieldEdits<Exchange> {
    const { set = {}, append = {}, remove = [] } = changes;
    const named = new Set([...Object.keys(set), ...remove].map((name) => name.toLowerCase()));
    const lines = own.filter(({ prefix }) => !named.has(nameOf(prefix)));
    for (const [name, value] of Object.entries(set)) {
      if (typeof value === 'function')
        lines.push(fieldSet(name, new AskedValue(value, this.viewOf, this.onThrow), true));
      else if (value !== null && value !== '') lines.push(fieldSet(name, value, true));
    }
    const more = Object.entries(append).flatMap(([name, values]) =>
      [values].flat().map((value) => fieldSet<Exchange>(name, value, true)),
    );
    const edits = new FieldEdits<Exchange>([...named], lines);
    return more.length === 0 ? edits : edits.amended(NONE, more);
  }
}

/** A route's settings over the defaults. */
function merged(defaults: ForwardSettings, own: ForwardAction): ForwardAction {
  return {
    ...defaults,
    ...own,
    request: mergedChanges(defaults.request, own.request),
    response: mergedChanges(defaults.response, own.response),
    timeouts: { ...defaults.timeouts, ...own.timeouts },
  };
}

function mergedChanges(defaults: FieldChanges = {}, own: FieldChanges = {}): FieldChanges {
  return {
    set: { ...without(defaults.set, own), ...own.set },
    append: { ...without(defaults.append, own), ...own.append },
    remove: [...(defaults.remove ?? []), ...(own.remove ?? [])],
  };
}

/** Defaults that a route says nothing about, by names in any case. */
function without<T>(defaults: Readonly<Record<string, T>> = {}, own: FieldChanges): Record<string, T> {
  const names = [own.set, own.append].flatMap((lines) => Object.keys(lines ?? {})).concat(own.remove ?? []);
  const named = new Set(names.map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => !named.has(name.toLowerCase())));
}

function farewellRules({
  code = 1001,
  reason = '',
  spreadMs = 0,
  answerMs = 5000,
}: FarewellOptions): FarewellRules {
  return { code, reason, spreadMs, answerMs };
}

/** As the browsers of the world do it: by name, and only whom somebody vouches for. */
function dialRules(tls: UpstreamTls = {}, host: string): DialRules {
  const { ca, cert, key, serverName = host, verify = true } = tls;
  const context = createSecureContext({
    ...(ca === undefined ? {} : { ca: [ca].flat() }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  return {
    proxyHeader: 0,
    tls: {
      context,
      nameOf: () => serverName,
      sendsName: true,
      verifies: verify,
      maxVerifyDepth: MOST_CERTIFICATES,
      resumesSessions: true,
    },
  };
}

/** Between a certificate and who vouches for it: OpenSSL's own bound. */
const MOST_CERTIFICATES = 100;
const NONE: ReadonlySet<string> = new Set();

/** An answer of our own. */
export function respondPlan(respond: number | Response, downstream: DownstreamRules): RespondPlan {
  const { status, fields = {}, content } = typeof respond === 'number' ? { status: respond } : respond;
  const lines = Object.entries(fields).flatMap(([name, values]) =>
    [values].flat().map((value) => fieldSet<Exchange>(name, value, true)),
  );
  const names = Object.keys(fields).map((name) => name.toLowerCase());
  if (content === undefined && status >= 300 && !names.includes('content-type')) lines.push(...HTML.first);
  return {
    kind: 'respond',
    downstream,
    status,
    edits: new FieldEdits<Exchange>([], lines),
    content: content === undefined ? null : new ConstantOctets(content),
  };
}

function settled(plan: Plan): Prepared {
  return { plan, upstream: null, target: null };
}

function nameOf(prefix: Uint8Array): string {
  return Buffer.from(prefix).toString('latin1').slice(0, -2).toLowerCase();
}

/** Content as it was given. */
class ConstantOctets implements ValueSource<unknown> {
  private readonly octets: Uint8Array;
  constructor(content: string | Uint8Array) {
    this.octets = typeof content === 'string' ? Buffer.from(content, 'utf8') : Uint8Array.from(content);
  }
  put(_context: unknown, out: OctetWriter): void {
    out.put(this.octets);
  }
}

/** A value that a function of the embedder gives. One that throws sends none. */
class AskedValue implements ValueSource<Exchange> {
  constructor(
    private readonly ask: (exchange: ProxyExchange) => string | null,
    private readonly viewOf: ViewOf,
    private readonly onThrow: (error: unknown) => void,
  ) {}
  put(exchange: Exchange, out: OctetWriter): void {
    try {
      const value = this.ask(this.viewOf(exchange));
      // Beyond Latin-1 there is nothing to lay down; what could end the line becomes SP in the head writer.
      if (value !== null) out.putLatin1(value.replace(/[\u0100-\uffff]/g, ' '));
    } catch (error) {
      this.onThrow(error);
    }
  }
}

/** `/api` taken away from `/api`, `/api/x` and `/api?q`. */
class StrippedTarget implements ValueSource<Exchange> {
  private readonly below: ProxyPassTarget;
  private readonly itself: ProxyPassTarget;
  constructor(strip: string, base: string) {
    this.below = new ProxyPassTarget(strip, base === '' ? '' : base);
    this.itself = new ProxyPassTarget(strip, `${base}/`);
  }
  put(exchange: Exchange, out: OctetWriter): void {
    const path = contextOf(exchange);
    (path.end - path.start === this.below.location.length ? this.itself : this.below).put(exchange, out);
  }
}
