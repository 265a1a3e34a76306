/**
 * Directives of the rewrite module become steps. Decides which answers count as errors; what steps do is in
 * `proxy/rewrite.ts`.
 */
import { equals, fileTest, isTrue, matches, type Condition } from '../../proxy/conditions.js';
import type { LocationModel, RespondPlan } from '../../proxy/model.js';
import { compileRegex } from '../../proxy/regex.js';
import {
  BREAK,
  type ByLocation,
  IfStep,
  ReturnStep,
  RewriteStep,
  Script,
  SetStep,
  type Step,
} from '../../proxy/rewrite.js';
import { parseTemplate } from '../../proxy/template.js';
import type { ConditionLine, LocationLevel, ReturnLine, RewriteLine, ScriptLine } from '../blocks.js';
import type { Level } from '../level.js';
import type { Site } from './site.js';

/** What scripts need of who builds locations. */
export interface ScriptWorld {
  answer(line: ReturnLine, level: Level): RespondPlan;
  /** The answer to a `rewrite` that redirects. */
  redirection(status: number, level: Level): RespondPlan;
  page(status: number, level: Level): RespondPlan;
  /** The location that an `if` is. */
  unnamed(level: LocationLevel): LocationModel;
}

/** An `if` that a request may be in when it comes to a later directive. */
interface PassedIf {
  readonly level: Level;
  readonly location: LocationModel;
}

function byLocation<T>(level: Level, passed: readonly PassedIf[], make: (at: Level) => T): ByLocation<T> {
  return { own: make(level), others: new Map(passed.map((one) => [one.location, make(one.level)])) };
}

/** An answer that an error page may stand in for (`ngx_http_script_return_code`): those without a text of their own. */
export function isError(line: ReturnLine): boolean {
  return line.status >= 300 && line.status !== 444 && (line.text === null || isRedirection(line.status));
}

/** Statuses whose text is a target (`ngx_http_send_response`). */
export function isRedirection(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** Makes the scripts of one configuration. */
export class ScriptBuilder {
  constructor(
    private readonly site: Site,
    private readonly world: ScriptWorld,
  ) {}

  /** The script of a level, undefined for none. */
  build(lines: readonly ScriptLine[], level: Level): Script | undefined {
    if (lines.length === 0) return undefined;
    const passed: PassedIf[] = [];
    return new Script(lines.flatMap((line) => this.step(line, level, passed) ?? []));
  }

  /** @param passed every `if` in front of the line; one more is added to it where the line is one */
  private step(line: ScriptLine, level: Level, passed: PassedIf[]): Step | undefined {
    switch (line.kind) {
      case 'break':
        return BREAK;
      case 'return':
        return new ReturnStep(
          byLocation(level, passed, (at) => this.world.answer(line.line, at)),
          isError(line.line),
        );
      case 'set': {
        const variable = this.site.assignable(line.name);
        const value = this.site.template(line.value);
        return variable === undefined ? undefined : new SetStep(variable, value);
      }
      case 'rewrite':
        return this.rewrite(line, level, passed);
      case 'if': {
        const condition = this.condition(line.condition);
        const location = this.world.unnamed(line.level);
        const script = this.build(line.level.script, line.level) ?? new Script([]);
        passed.push({ level: line.level, location });
        return condition === undefined ? undefined : new IfStep(condition, script, () => location);
      }
    }
  }

  private rewrite(line: RewriteLine, level: Level, passed: readonly PassedIf[]): Step | undefined {
    const { site, world } = this;
    const { regex, replacement, redirection } = line;
    const compiled = site.guard(regex, () => compileRegex(regex.text, false));
    const parts = site.guard(replacement, () => parseTemplate(replacement.text, site.variables));
    if (compiled === undefined || parts === undefined) return undefined;
    return new RewriteStep({
      regex: compiled,
      source: regex.text,
      parts,
      dropsArgs: line.dropsArgs,
      isLast: line.flag !== null,
      staysHere: line.flag === 'break',
      redirection:
        redirection === 0 ? null : byLocation(level, passed, (at) => world.redirection(redirection, at)),
      failure: world.page(500, level),
    });
  }

  private condition(line: ConditionLine): Condition | undefined {
    const { site } = this;
    switch (line.kind) {
      case 'true':
        return isTrue(site.template(line.subject));
      case 'equal':
        return equals(site.template(line.subject), site.template(line.value), line.negates);
      case 'file':
        return fileTest(line.letter, site.template(line.path), line.negates);
      case 'match': {
        const subject = site.template(line.subject);
        const regex = site.guard(line.regex, () => compileRegex(line.regex.text, line.ignoresCase));
        return regex === undefined ? undefined : matches(subject, regex, line.negates);
      }
    }
  }
}
