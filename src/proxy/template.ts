/**
 * Complex values: texts with variables in them, compiled once. Decides nothing at run time.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { latin1 } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import type { ValueSource } from '../message/field-edits.js';
import { TemplateError } from './compile-error.js';
import type { Variable, VariableTable } from './variables.js';

export { TemplateError } from './compile-error.js';

/** A compiled complex value. Immutable. */
export abstract class Template implements ValueSource<Exchange> {
  /** No variable in it. */
  abstract readonly isConstant: boolean;
  /** Its value cannot change during an exchange. */
  abstract readonly isStable: boolean;
  /** It may read the response head ({@link Variable.readsResponse}). */
  abstract readonly readsResponse: boolean;
  /** Latin-1 text; '' when there is none. */
  abstract text(exchange: Exchange): string;
  /** Appends the same as octets. */
  abstract put(exchange: Exchange, out: OctetWriter): void;
}

type OctetVariable = Variable & { readonly put: NonNullable<Variable['put']> };

/** One part of a template. */
export type TemplatePart = string | Variable;

/**
 * Compiles a complex value: `text`, `$name`, `${name}`, and `$1` to `$9`, of one digit each.
 * @param text Latin-1
 * @throws TemplateError for an unknown variable, a malformed one, and text that is not Latin-1
 */
export function compileTemplate(text: string, variables: VariableTable): Template {
  const parts = parseTemplate(text, variables);
  if (parts.length === 0) return new ConstantTemplate('');
  const only = parts[0];
  if (parts.length > 1) return new MixedTemplate(parts);
  return partTemplate(only);
}

function partTemplate(part: TemplatePart): Template {
  if (typeof part === 'string') return new ConstantTemplate(part);
  return laysDownOctets(part) ? new OctetTemplate(part) : new TextTemplate(part);
}

function laysDownOctets(variable: Variable): variable is OctetVariable {
  return variable.put !== undefined;
}

/**
 * Splits a complex value into constant texts and variables, in order, without empty ones. Throws as
 * {@link compileTemplate} does.
 */
export function parseTemplate(text: string, variables: VariableTable): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let constantStart = 0;
  let at = text.indexOf('$');
  const flush = (end: number): void => {
    if (end > constantStart) parts.push(checked(text.slice(constantStart, end)));
  };
  while (at >= 0) {
    flush(at);
    const isBraced = text[at + 1] === '{';
    const nameStart = at + (isBraced ? 2 : 1);
    let nameEnd = nameStart;
    if (!isBraced && /[1-9]/.test(text[nameStart] ?? '')) nameEnd++;
    else while (/\w/.test(text[nameEnd] ?? '')) nameEnd++;
    const name = text.slice(nameStart, nameEnd);
    if (isBraced && text[nameEnd] !== '}') {
      throw new TemplateError(`the closing bracket in "${name}" variable is missing`);
    }
    if (name === '') throw new TemplateError(`invalid variable name in "${text}"`);
    // nginx takes "${1}" for a variable of that name, which nobody defines.
    const variable = isBraced && /^\d/.test(name) ? undefined : variables.lookup(name);
    if (variable === undefined) throw new TemplateError(`unknown "${name}" variable`);
    parts.push(variable);
    constantStart = isBraced ? nameEnd + 1 : nameEnd;
    at = text.indexOf('$', constantStart);
  }
  flush(text.length);
  return parts;
}

function checked(text: string): string {
  try {
    latin1(text);
  } catch {
    throw new TemplateError(`"${text}" holds a character that is not one octet`);
  }
  return text;
}

/** No variable at all. */
export class ConstantTemplate extends Template {
  override readonly isConstant = true;
  override readonly isStable = true;
  override readonly readsResponse = false;
  private readonly octets: Uint8Array;
  constructor(private readonly constant: string) {
    super();
    this.octets = latin1(constant);
  }
  override text(): string {
    return this.constant;
  }
  override put(_exchange: Exchange, out: OctetWriter): void {
    out.put(this.octets);
  }
}

/** One variable that makes a text. */
class TextTemplate extends Template {
  override readonly isConstant = false;
  override readonly isStable: boolean;
  override readonly readsResponse: boolean;
  constructor(private readonly variable: Variable) {
    super();
    this.isStable = variable.isStable === true;
    this.readsResponse = variable.readsResponse ?? !this.isStable;
  }
  override text(exchange: Exchange): string {
    return this.variable.text(exchange);
  }
  override put(exchange: Exchange, out: OctetWriter): void {
    out.putLatin1(this.variable.text(exchange));
  }
}

/** One variable that lays down octets itself. */
class OctetTemplate extends Template {
  override readonly isConstant = false;
  override readonly isStable: boolean;
  override readonly readsResponse: boolean;
  constructor(private readonly variable: OctetVariable) {
    super();
    this.isStable = variable.isStable === true;
    this.readsResponse = variable.readsResponse ?? !this.isStable;
  }
  override text(exchange: Exchange): string {
    return this.variable.text(exchange);
  }
  override put(exchange: Exchange, out: OctetWriter): void {
    this.variable.put(exchange, out);
  }
}

/** Several parts. */
class MixedTemplate extends Template {
  override readonly isConstant = false;
  override readonly isStable: boolean;
  override readonly readsResponse: boolean;
  private readonly templates: readonly Template[];
  constructor(parts: readonly TemplatePart[]) {
    super();
    this.templates = parts.map(partTemplate);
    this.isStable = this.templates.every((template) => template.isStable);
    this.readsResponse = this.templates.some((template) => template.readsResponse);
  }
  override text(exchange: Exchange): string {
    let text = '';
    for (const template of this.templates) text += template.text(exchange);
    return text;
  }
  override put(exchange: Exchange, out: OctetWriter): void {
    const { templates } = this;
    for (let i = 0; i < templates.length; i++) templates[i].put(exchange, out);
  }
}
