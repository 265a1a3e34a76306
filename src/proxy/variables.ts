/**
 * Variables by name. Decides what a `$name` in a configuration means; a name that cannot be honoured is unknown, so that
 * a configuration using it fails to compile rather than work with an empty value.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { Exchange } from '../machine/exchange.js';
import { FILE_VARIABLES } from './files/file-variables.js';
import { requestVariables, requestFamilies } from './request-variables.js';
import { responseFamilies, responseVariables } from './response-variables.js';
import { tlsFamilies, tlsVariables } from './tls-variables.js';
import { upstreamFamilies, upstreamVariables } from './upstream-variables.js';

/** Something that has a value for each exchange. Immutable, unless it says otherwise. */
export interface Variable {
  /** Latin-1 text; '' when there is none. */
  text(exchange: Exchange): string;
  /** Appends the same octets without making a text, where that is cheaper. */
  readonly put?: ((exchange: Exchange, out: OctetWriter) => void) | undefined;
  /** The value cannot change during an exchange, so nobody needs to keep it. */
  readonly isStable?: boolean | undefined;
  /**
   * Whether there is a value, asked where the text is empty: a log writes nothing for an empty value, and "-" for one
   * that is not there. Without it an empty text is no value.
   */
  readonly isFound?: ((exchange: Exchange) => boolean) | undefined;
  /** It may read the response head. Absent: it does not if it is stable, and may if it is not. */
  readonly readsResponse?: boolean | undefined;
  /** The number of a capture: $1 is 1. */
  readonly capture?: number;
}

/** Makes the variable of one member of a family, such as `http_NAME`; undefined for a member that cannot be honoured. */
export type VariableFamily = (member: string) => Variable | undefined;

/** Names and their variables, over those of a parent. Names are matched without regard to case, as in nginx. */
export class VariableTable {
  private readonly own = new Map<string, Variable>();
  private readonly families: [prefix: string, family: VariableFamily][] = [];

  /** @param parent asked for names that are not defined here */
  constructor(private readonly parent?: VariableTable) {}

  /** Adds a variable, or replaces the one of that name. @param name without "$" */
  define(name: string, variable: Variable): void {
    this.own.set(name.toLowerCase(), variable);
  }

  /** Adds all variables whose names begin with a prefix; the longest prefix wins. */
  defineFamily(prefix: string, family: VariableFamily): void {
    this.families.push([prefix, family]);
    this.families.sort((a, b) => b[0].length - a[0].length);
  }

  /** The variable of a name without "$", or undefined if there is none. */
  lookup(name: string): Variable | undefined {
    const lower = name.toLowerCase();
    const known = this.own.get(lower);
    if (known !== undefined) return known;
    for (const [prefix, family] of this.families) {
      if (!lower.startsWith(prefix) || lower.length === prefix.length) continue;
      const made = family(lower.slice(prefix.length));
      // One object per name, so that a kept value is found again from another template.
      if (made !== undefined) this.own.set(lower, made);
      return made;
    }
    return this.parent?.lookup(lower);
  }
}

/** A name whose variable is bound later: the names of maps are known before the maps, which may use each other. */
export class DeferredVariable implements Variable {
  private variable: Variable | undefined;
  private isBusy = false;

  /** Call it once, before the first exchange. */
  bind(variable: Variable): void {
    this.variable = variable;
  }

  isFound(): boolean {
    return true;
  }

  /** '' within its own evaluation: nginx, too, gives up on a cycle. Throws if nothing was bound. */
  text(exchange: Exchange): string {
    const variable = this.bound();
    if (this.isBusy) return '';
    this.isBusy = true;
    try {
      return variable.text(exchange);
    } finally {
      this.isBusy = false;
    }
  }

  put(exchange: Exchange, out: OctetWriter): void {
    const variable = this.bound();
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      if (variable.put === undefined) out.putLatin1(variable.text(exchange));
      else variable.put(exchange, out);
    } finally {
      this.isBusy = false;
    }
  }

  private bound(): Variable {
    if (this.variable === undefined) throw new Error('a deferred variable was used before it was bound');
    return this.variable;
  }
}

/** Names of wirehop's own variables, families excluded. Lower case. */
export function builtinNames(): string[] {
  return [
    requestVariables(),
    FILE_VARIABLES,
    responseVariables(),
    upstreamVariables(),
    tlsVariables(),
  ].flatMap((all) => Object.keys(all));
}

/**
 * A table of all variables that wirehop has by itself. A new one each time: a configuration may add to it.
 * @param isRewritten the configuration changes paths, queries or methods on the way
 */
export function builtinVariables(isRewritten = false): VariableTable {
  const table = new VariableTable();
  for (const variables of [
    requestVariables(isRewritten),
    FILE_VARIABLES,
    responseVariables(),
    upstreamVariables(),
    tlsVariables(),
  ]) {
    for (const name in variables) table.define(name, variables[name]);
  }
  for (const families of [
    requestFamilies(isRewritten),
    responseFamilies(),
    upstreamFamilies(),
    tlsFamilies(),
  ]) {
    for (const prefix in families) table.defineFamily(prefix, families[prefix]);
  }
  return table;
}
