/**
 * Applies the directive table to a tree. Decides which entry a name has where it stands, and whether its form fits;
 * goes on behind a fault, so that one run names them all. The order and the words of the checks are nginx's
 * (`ngx_conf_handler`).
 */
import { ConfigError } from '../error.js';
import { directiveNames, entriesOf, entryIn } from './directives/index.js';
import { INERT } from './inert.js';
import type { Level } from './level.js';
import { REFUSED } from './refused.js';
import { faultAt, type Directive } from './syntax.js';
import { nearestName, type Entry, type Environment, type Walk } from './table.js';

/** What a walk found. */
export interface Findings {
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigError[];
}

/** Puts the meaning of `directives` on `level` and the levels below it. */
export function walkTree(directives: readonly Directive[], level: Level, environment: Environment): Findings {
  const errors: ConfigError[] = [];
  const warnings: ConfigError[] = [];
  const warned = new Set<string>();

  const inert = (directive: Directive): void => {
    if (warned.has(directive.name)) return;
    warned.add(directive.name);
    const reason = INERT.get(directive.name)?.reason ?? '';
    warnings.push(faultAt(directive, `"${directive.name}" directive is accepted without effect`, reason));
  };

  const walk: Walk = {
    environment,
    fault: (error) => errors.push(error),
    warn: (warning) => warnings.push(warning),
    walk(block, at) {
      for (const directive of block) {
        try {
          const found = find(directive, at);
          if (found === null) inert(directive);
          else found.apply(directive, at, walk);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          errors.push(error);
        }
      }
    },
  };
  walk.walk(directives, level);
  return { errors, warnings };
}

/** The entry that holds, or null for a name that is accepted without effect. Throws a ConfigError. */
function find(directive: Directive, level: Level): Entry | null {
  const { name, args, block } = directive;
  const entries = entriesOf(name);
  const inert = INERT.get(name);
  if (entries.length === 0 && inert === undefined) throw unknown(directive);
  const found = entryIn(name, level.context);
  if (found === undefined && inert?.contexts.includes(level.context) !== true) {
    const contexts = inert?.contexts ?? entries.flatMap((one) => one.contexts);
    throw faultAt(directive, `"${name}" directive is not allowed here`, `it belongs in ${listed(contexts)}`);
  }
  const isBlock = found?.isBlock === true;
  if (!isBlock && block !== null) throw faultAt(directive, `directive "${name}" is not terminated by ";"`);
  if (isBlock && block === null) throw faultAt(directive, `directive "${name}" has no opening "{"`);
  const [least, most] = found?.args ?? [1, Infinity];
  if (args.length < least || args.length > most) {
    const hint = found === undefined ? '' : `it is written: ${name} ${found.syntax}${isBlock ? '' : ';'}`;
    throw faultAt(directive, `invalid number of arguments in "${name}" directive`, hint);
  }
  return found ?? null;
}

function unknown(directive: Directive): ConfigError {
  const { name } = directive;
  const refused = REFUSED.get(name);
  if (refused !== undefined)
    return faultAt(directive, `"${name}" directive is not supported`, refused.reason);
  const nearest = nearestName(name, [...directiveNames(), ...INERT.keys(), ...REFUSED.keys()]);
  return faultAt(
    directive,
    `unknown directive "${name}"`,
    nearest === '' ? '' : `did you mean "${nearest}"?`,
  );
}

function listed(contexts: readonly string[]): string {
  const quoted = [...new Set(contexts)].map((context) =>
    context === 'main'
      ? 'the main file level'
      : `"${context.replace(/ in .*/, '')}"${/ in .*/.exec(context)?.[0] ?? ''}`,
  );
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}
