/**
 * Variables that `set` gives values to, over what they are without it. Decides what one is worth before it is set.
 */
import type { Exchange } from '../machine/exchange.js';
import { contextOf } from './context.js';
import { warnHere } from './fault-lines.js';
import type { Variable } from './variables.js';

/** A variable that can be given a value for the rest of an exchange. */
export interface Assignable {
  assign(exchange: Exchange, text: string): void;
}

/** A name of a `set`. */
export class SetVariable implements Variable, Assignable {
  /**
   * @param name without "$"
   * @param index its place among those of the configuration
   * @param base what the name stands for otherwise: a map, a capture, a field; undefined for a name of its own
   */
  constructor(
    private readonly name: string,
    private readonly index: number,
    private readonly base: Variable | undefined,
  ) {}

  /** Empty before the first `set` where there is no base; the log is told once per exchange. */
  text(exchange: Exchange): string {
    const context = contextOf(exchange);
    const value = context.values?.[this.index];
    if (value !== undefined) return value;
    if (this.base !== undefined) return this.base.text(exchange);
    this.assign(exchange, '');
    const location = context.location ?? context.server?.root;
    if (location !== undefined && location.isQuiet !== true)
      warnHere(`using uninitialized "${this.name}" variable`, exchange);
    return '';
  }

  isFound(exchange: Exchange): boolean {
    if (this.base === undefined || contextOf(exchange).values?.[this.index] !== undefined) return true;
    return this.base.isFound?.(exchange) ?? this.base.text(exchange) !== '';
  }

  assign(exchange: Exchange, text: string): void {
    (contextOf(exchange).values ??= [])[this.index] = text;
  }
}

/** `set $args`: the query itself. */
export const ARGS: Assignable = {
  assign(exchange, text) {
    contextOf(exchange).setArgs(text);
  },
};
