/**
 * How often a location may be used, and by whom: `limit_req` and `limit_conn`, and behind them what `admission.ts` has.
 * Decides which requests are too many.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { RequestContext } from '../context.js';
import { logHere } from '../fault-lines.js';
import type { LogLevel } from '../model.js';
import type { Admission } from './admission.js';
import { enter, release, type ConnectionLimit, type Held } from './limit-conn.js';
import { judgeRequest, type RequestLimit } from './limit-req.js';

/** How a limit refuses, and whether it does. */
export interface LimitManner {
  readonly status: number;
  readonly level: LogLevel;
  /** Nothing is refused or delayed: it is only told what would be. */
  readonly isDryRun: boolean;
}

export interface AccessRules {
  /** null: everybody may. */
  readonly admission: Admission | null;
  readonly requests: readonly RequestLimit[];
  readonly requestManner: LimitManner;
  readonly connections: readonly ConnectionLimit[];
  readonly connectionManner: LimitManner;
}

/** What limits said of one request, for $limit_req_status and $limit_conn_status. */
export class LimitRecord {
  requests = '';
  connections = '';
  readonly held: Held[] = [];
  /** The plan is carried out only after this. */
  delayMs = 0;
}

/** nginx logs a delay one level below a refusal. */
const BELOW: Readonly<Record<string, LogLevel>> = {
  error: 'warn',
  warn: 'notice',
  notice: 'info',
  info: 'info',
};

/** The rules of one location. */
export class Access {
  constructor(private readonly rules: AccessRules) {}

  /** Who is let in, of those that are not too many. */
  get admission(): Admission | null {
    return this.rules.admission;
  }

  /** @returns 0 where the request may go on, else the status that refuses it */
  limit(exchange: Exchange, context: RequestContext, now: number): number {
    return this.limitRequests(exchange, context, now) || this.limitConnections(exchange, context);
  }

  private limitRequests(exchange: Exchange, context: RequestContext, now: number): number {
    const { requests, requestManner: manner } = this.rules;
    // A request is counted once, however often it is redirected inside.
    if (requests.length === 0 || (context.limits !== null && context.limits.requests !== '')) return 0;
    const verdict = judgeRequest(requests, exchange, now);
    if (verdict === null) return 0;
    const record = (context.limits ??= new LimitRecord());
    const { limit, excess, isRefused, delayMs } = verdict;
    const dryRun = manner.isDryRun ? ', dry run' : '';
    const seen = `excess: ${Math.floor(excess / 1000)}.${String(excess % 1000).padStart(3, '0')}`;
    const zone = `by zone "${limit.zone.name}"`;
    record.requests = 'PASSED';
    if (isRefused) {
      logHere(manner.level, `limiting requests${dryRun}, ${seen} ${zone}`, exchange);
      record.requests = manner.isDryRun ? 'REJECTED_DRY_RUN' : 'REJECTED';
      return manner.isDryRun ? 0 : manner.status;
    }
    if (delayMs > 0) {
      logHere(BELOW[manner.level] ?? 'info', `delaying request${dryRun}, ${seen}, ${zone}`, exchange);
      record.requests = manner.isDryRun ? 'DELAYED_DRY_RUN' : 'DELAYED';
      if (!manner.isDryRun) record.delayMs = delayMs;
    }
    return 0;
  }

  private limitConnections(exchange: Exchange, context: RequestContext): number {
    const { connections, connectionManner: manner } = this.rules;
    if (connections.length === 0 || (context.limits !== null && context.limits.connections !== '')) return 0;
    const record = (context.limits ??= new LimitRecord());
    const refusing = enter(connections, exchange, record.held);
    record.connections = 'PASSED';
    if (refusing === null) return 0;
    const dryRun = manner.isDryRun ? ', dry run' : '';
    logHere(manner.level, `limiting connections${dryRun} by zone "${refusing.zone.name}"`, exchange);
    record.connections = manner.isDryRun ? 'REJECTED_DRY_RUN' : 'REJECTED';
    return manner.isDryRun ? 0 : manner.status;
  }
}

/** The exchange is over: what it held is free. */
export function leaveLimits(record: LimitRecord): void {
  release(record.held);
  record.held.length = 0;
}
