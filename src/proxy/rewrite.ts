/**
 * The rewrite module: `set`, `if`, `rewrite`, `break` and `return` as steps that a request runs through, in the order of
 * the configuration (`ngx_http_script.c`). Decides how a path changes; leaves to `router.ts` what follows from it.
 */
import type { Exchange } from '../machine/exchange.js';
import type { RespondPlan } from '../machine/policy.js';
import type { Condition } from './conditions.js';
import type { RequestContext } from './context.js';
import { logHere, noteHere } from './fault-lines.js';
import type { LocationModel } from './model.js';
import { escapeArgument, unescapeRedirection } from './request-uri.js';
import type { Assignable } from './set-variables.js';
import type { Template, TemplatePart } from './template.js';
import type { Variable } from './variables.js';

/** What follows a step. */
export const GO_ON = 0;
/** The rest of the script is left out. */
export const STOP = 1;
/** `context.detour.answer` is the answer; an error page may stand in for it. */
export const ERROR = 2;
/** `context.detour.answer` is the answer. */
export const ANSWER = 3;

/** One directive. */
export interface Step {
  /** @returns one of the constants above */
  run(exchange: Exchange, context: RequestContext): number;
}

/** The directives of one block. Immutable. */
export class Script implements Step {
  constructor(private readonly steps: readonly Step[]) {}

  run(exchange: Exchange, context: RequestContext): number {
    for (const step of this.steps) {
      const flow = step.run(exchange, context);
      if (flow !== GO_ON) return flow;
    }
    return GO_ON;
  }
}

/** `set`. */
export class SetStep implements Step {
  constructor(
    private readonly variable: Assignable,
    private readonly value: Template,
  ) {}

  run(exchange: Exchange): number {
    this.variable.assign(exchange, this.value.text(exchange));
    return GO_ON;
  }
}

/** `if`. */
export class IfStep implements Step {
  /** @param location what holds behind the block as well, until another one is entered; bound later */
  constructor(
    private readonly condition: Condition,
    private readonly script: Script,
    private readonly location: () => LocationModel,
  ) {}

  run(exchange: Exchange, context: RequestContext): number {
    if (!this.condition(exchange, context)) return GO_ON;
    context.location = this.location();
    return this.script.run(exchange, context);
  }
}

/** `break`. */
export const BREAK: Step = {
  run(_exchange, context) {
    if (context.detour !== null) context.detour.isChanged = false;
    return STOP;
  },
};

/** Something made for where a directive stands, and for every `if` in front of it: a request may be in one of those. */
export interface ByLocation<T> {
  readonly own: T;
  readonly others: ReadonlyMap<LocationModel, T>;
}

function here<T>({ own, others }: ByLocation<T>, { location }: RequestContext): T {
  return (location === null ? undefined : others.get(location)) ?? own;
}

/** `return`. */
export class ReturnStep implements Step {
  /** @param isError an error page may stand in for the answer */
  constructor(
    private readonly plan: ByLocation<RespondPlan>,
    private readonly isError: boolean,
  ) {}

  run(_exchange: Exchange, context: RequestContext): number {
    context.leave().answer = here(this.plan, context);
    return this.isError ? ERROR : ANSWER;
  }
}

/** A `rewrite` as it was read. */
export interface RewriteOptions {
  readonly regex: RegExp;
  /** The expression as written, for the log. */
  readonly source: string;
  /** The replacement, without a "?" at its end. */
  readonly parts: readonly TemplatePart[];
  /** A "?" stood at the end: the query in force is not added. */
  readonly dropsArgs: boolean;
  /** No further directive is run: `last`, `break`, and every redirection. */
  readonly isLast: boolean;
  /** The location stays: `break`. */
  readonly staysHere: boolean;
  /** The answer to a redirection, whose Location is `detour.redirection`; null: the path is changed here. */
  readonly redirection: ByLocation<RespondPlan> | null;
  /** The answer to a path that came out empty: 500. */
  readonly failure: RespondPlan;
}

/** A piece of a replacement: constant text, a variable, or the "?" where its query begins. */
type Piece = string | Variable | null;

/** `rewrite`. */
export class RewriteStep implements Step {
  private readonly pieces: readonly Piece[];
  private readonly hasArgs: boolean;

  constructor(private readonly options: RewriteOptions) {
    this.pieces = options.redirection === null ? splitAtQuery(options.parts) : options.parts;
    this.hasArgs = options.parts.some((part) => typeof part === 'string' && part.includes('?'));
  }

  run(exchange: Exchange, context: RequestContext): number {
    const { options } = this;
    const path = context.text();
    const match = options.regex.exec(path);
    if (match === null) {
      noteHere(() => `"${options.source}" does not match "${path}"`, exchange);
      context.captures = null;
      return GO_ON;
    }
    noteHere(() => `"${options.source}" matches "${path}"`, exchange);
    context.capture(match);
    const detour = context.leave();
    detour.isInternal = true;
    detour.keepsTarget = false;
    if (options.redirection !== null)
      return this.redirect(exchange, context, here(options.redirection, context));
    if (options.staysHere) detour.keepsLocation = false;
    detour.isChanged = !options.staysHere;
    return this.change(exchange, context);
  }

  private redirect(exchange: Exchange, context: RequestContext, plan: RespondPlan): number {
    const [text] = this.render(exchange, context);
    const args = context.argsText();
    let target = unescapeRedirection(text);
    if (!this.options.dropsArgs && args !== '') target += (this.hasArgs ? '&' : '?') + args;
    noteHere(() => `rewritten redirect: "${target}"`, exchange);
    const detour = context.leave();
    detour.redirection = target;
    detour.answer = plan;
    return ERROR;
  }

  private change(exchange: Exchange, context: RequestContext): number {
    const { dropsArgs, isLast, failure } = this.options;
    const [text, argsAt] = this.render(exchange, context);
    const old = context.argsText();
    const path = argsAt < 0 ? text : text.slice(0, argsAt);
    let args = dropsArgs ? '' : old;
    if (argsAt >= 0) args = text.slice(argsAt) + (dropsArgs || old === '' ? '' : `&${old}`);
    noteHere(() => `rewritten data: "${path}", args: "${args}"`, exchange);
    context.setArgs(args);
    context.setPath(path);
    if (path === '') {
      logHere('error', 'the rewritten URI has a zero length', exchange);
      context.leave().answer = failure;
      return ERROR;
    }
    return isLast ? STOP : GO_ON;
  }

  /** The replacement for a request, and where its query begins, or -1. */
  private render(exchange: Exchange, context: RequestContext): [text: string, argsAt: number] {
    let text = '';
    let argsAt = -1;
    const isQuoted = this.options.redirection !== null;
    for (const piece of this.pieces) {
      if (piece === null) argsAt = text.length;
      else if (typeof piece === 'string') text += piece;
      else {
        const value = piece.text(exchange);
        // A capture is decoded: in a query, and in Location, it is encoded again if it came so.
        const isEncoded =
          piece.capture !== undefined && (isQuoted || argsAt >= 0) && cameEncoded(exchange, context);
        text += isEncoded ? escapeArgument(value) : value;
      }
    }
    return [text, argsAt];
  }
}

/** The parts, with the first "?" that is written out on its own. */
function splitAtQuery(parts: readonly TemplatePart[]): Piece[] {
  const at = parts.findIndex((part) => typeof part === 'string' && part.includes('?'));
  if (at < 0) return [...parts];
  const text = parts[at] as string;
  const mark = text.indexOf('?');
  const pieces = [
    ...parts.slice(0, at),
    text.slice(0, mark),
    null,
    text.slice(mark + 1),
    ...parts.slice(at + 1),
  ];
  return pieces.filter((piece) => piece !== '');
}

/** Whether the received path held an encoded octet or a "+". */
function cameEncoded({ request }: Exchange, context: RequestContext): boolean {
  if (context.wasEncoded) return true;
  return request.text(request.pathStart, request.pathEnd).split('?', 1)[0].includes('+');
}
