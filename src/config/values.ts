/**
 * Reading arguments: one function per kind of value, each refusing in nginx's words. Decides nothing about any
 * directive.
 */
import type { Level, Setting } from './level.js';
import { faultAt, type Directive, type Word } from './syntax.js';
import { parseFlag, parseNumber, parseSize, parseTimeMs } from './units.js';

/** What an entry's function looks like. */
export type Apply = (directive: Directive, level: Level) => void;

/** A value that nginx has and wirehop does not. */
export function unsupported(word: Word, directive: Directive, hint: string): Error {
  return faultAt(word, `"${word.text}" in "${directive.name}" directive is not supported`, hint);
}

/** nginx's `"x" directive invalid value`. */
function invalidValue(directive: Directive, word: Word, hint: string): Error {
  return faultAt(word, `"${directive.name}" directive invalid value`, hint);
}

export function flagOf(directive: Directive): boolean {
  const [word] = directive.args;
  const value = parseFlag(word.text);
  if (value === undefined) {
    throw faultAt(
      word,
      `invalid value "${word.text}" in "${directive.name}" directive, it must be "on" or "off"`,
    );
  }
  return value;
}

/** Octets. @param giga "g" is a unit here */
export function sizeOf(directive: Directive, word: Word, giga = false): number {
  const value = parseSize(word.text, giga);
  if (value === undefined) throw invalidValue(directive, word, `"${word.text}" is not a size: 512, 8k, 1m`);
  return value;
}

/** Milliseconds. */
export function timeOf(directive: Directive, word: Word): number {
  const value = parseTimeMs(word.text);
  if (value === undefined)
    throw invalidValue(directive, word, `"${word.text}" is not a time: 30, 500ms, 60s, 1h30m`);
  return value;
}

/** Seconds, of a time that nginx keeps in seconds. */
export function secondsOf(directive: Directive, word: Word): number {
  const value = parseTimeMs(word.text, 's');
  if (value === undefined)
    throw invalidValue(directive, word, `"${word.text}" is not a time: 30, 60s, 1h30m`);
  return value / 1000;
}

export function numberOf(directive: Directive, word: Word): number {
  const value = parseNumber(word.text);
  if (value === undefined) throw faultAt(word, `"${directive.name}" directive invalid number`);
  return value;
}

/** The directive sets a flag. */
export function setsFlag(setting: Setting<boolean>): Apply {
  return (directive, level) => level.set(setting, flagOf(directive), directive);
}

/** The directive sets a time in milliseconds. */
export function setsTime(setting: Setting<number>): Apply {
  return (directive, level) => level.set(setting, timeOf(directive, directive.args[0]), directive);
}

/** The directive sets a size in octets. */
export function setsSize(setting: Setting<number>, giga = false): Apply {
  return (directive, level) => level.set(setting, sizeOf(directive, directive.args[0], giga), directive);
}

/** The directive sets a number. */
export function setsNumber(setting: Setting<number>): Apply {
  return (directive, level) => level.set(setting, numberOf(directive, directive.args[0]), directive);
}

/** The directive is a flag of which only one value can be honoured. */
export function acceptsOnlyFlag(setting: Setting<boolean>, value: boolean, hint: string): Apply {
  return (directive, level) => {
    if (flagOf(directive) !== value) throw unsupported(directive.args[0], directive, hint);
    level.set(setting, value, directive);
  };
}
