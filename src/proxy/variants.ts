/**
 * Plans for requests that are no longer what they came as: another method, a target made of the changed path, a status
 * that an error page gives. Each is made once and kept, as plans are objects per location, not per request.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { Exchange } from '../machine/exchange.js';
import type { ForwardPlan, RespondPlan } from '../machine/policy.js';
import type { FieldEdits, FieldSet } from '../message/field-edits.js';
import { ConstantValue, fieldSet, type ValueSource } from '../message/field-edits.js';
import type { RequestContext } from './context.js';
import type { Detour } from './detour.js';
import { CHANGED_TARGET } from './request-uri.js';

/** Bits of a variant's key; the status stands above them. */
const BY_GET = 1;
const BY_CHANGED_TARGET = 2;
const WITH_CHALLENGE = 4;
const WITH_TARGET = 8;
const STATUS = 16;

const GET = new ConstantValue('GET');
const NOTHING = new ConstantValue('');

/** WWW-Authenticate of the response that an answer stands in for. */
const CHALLENGE: ValueSource<Exchange> = {
  put(exchange: Exchange, out: OctetWriter): void {
    out.putLatin1((exchange.context as RequestContext).detour?.challenge ?? '');
  },
};

/** Location of the answer that another one stands in for. */
const TARGET: ValueSource<Exchange> = {
  put(exchange: Exchange, out: OctetWriter): void {
    out.putLatin1((exchange.context as RequestContext).detour?.target ?? '');
  },
};

/** The variants of every plan that needed one. */
export class PlanVariants {
  private readonly forwards = new Map<ForwardPlan, Map<number, ForwardPlan>>();
  private readonly responds = new Map<RespondPlan, Map<number, RespondPlan>>();

  /** The plan itself for a request that is as it came. */
  forward(plan: ForwardPlan, context: RequestContext): ForwardPlan {
    const { detour } = context;
    if (detour === null) return plan;
    let key = detour.status * STATUS;
    // A configured method holds whatever the request's is.
    if (detour.method === 'GET' && (plan.method ?? null) === null) key += BY_GET;
    if (plan.target === null && !detour.keepsTarget) key += BY_CHANGED_TARGET;
    key += carried(detour);
    if (key === 0) return plan;
    return remember(this.forwards, plan, key, () => ({
      ...plan,
      status: detour.status,
      method: (key & BY_GET) !== 0 ? GET : (plan.method ?? null),
      target: (key & BY_CHANGED_TARGET) !== 0 ? CHANGED_TARGET : plan.target,
      responseEdits: carrying(plan.responseEdits, key),
    }));
  }

  /** As {@link forward}. */
  respond(plan: RespondPlan, { detour }: RequestContext): RespondPlan {
    if (detour === null) return plan;
    const key = detour.status * STATUS + carried(detour);
    if (key === 0) return plan;
    return remember(this.responds, plan, key, () => ({
      ...plan,
      status: statusOf(plan, detour),
      edits: carrying(plan.edits, key),
      // An answer without content stays one, though its new status has a built-in page.
      content: plan.content ?? (plan.status < 300 ? NOTHING : null),
    }));
  }
}

/** A file that stands in for an answer, as 200, is asked for with the request's own conditions and ranges. */
function statusOf({ status, source }: RespondPlan, detour: Detour): number {
  return detour.status === 0 || (detour.status === 200 && source !== undefined) ? status : detour.status;
}

/** Which lines of the answer that is replaced go on with the one in its place. */
function carried({ challenge, target }: Detour): number {
  return (challenge === '' ? 0 : WITH_CHALLENGE) + (target === '' ? 0 : WITH_TARGET);
}

function carrying(edits: FieldEdits<Exchange>, key: number): FieldEdits<Exchange> {
  const lines: FieldSet<Exchange>[] = [];
  if ((key & WITH_CHALLENGE) !== 0) lines.push(fieldSet<Exchange>('WWW-Authenticate', CHALLENGE, true));
  if ((key & WITH_TARGET) !== 0) lines.push(fieldSet<Exchange>('Location', TARGET, true));
  return lines.length === 0 ? edits : edits.with(lines);
}

function remember<P extends object>(all: Map<P, Map<number, P>>, plan: P, key: number, make: () => P): P {
  let known = all.get(plan);
  if (known === undefined) all.set(plan, (known = new Map<number, P>()));
  let variant = known.get(key);
  if (variant === undefined) known.set(key, (variant = make()));
  return variant;
}
