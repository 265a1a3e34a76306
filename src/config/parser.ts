/**
 * Tokens become a tree of directives. Decides the shape of blocks; leaves to `include.ts` the files that are named in
 * them, and to the directive table what a name means.
 */
import type { ConfigError } from '../error.js';
import { lex } from './lexer.js';
import { faultAt, type Directive, type Place, type Word } from './syntax.js';

/** What came out of a text, and the fault that ended the reading, if one did. */
export interface ParsedText {
  readonly directives: readonly Directive[];
  readonly error: ConfigError | null;
}

interface OpenBlock {
  readonly opener: Directive | null;
  readonly directives: Directive[];
}

/**
 * Parses a file's text. Everything in front of the first fault is kept, so that the faults of its meaning can be told
 * too. The wording is nginx's (`ngx_conf_parse`).
 *
 * @param file absolute path, or '' for the command line (-g), where blocks are refused
 */
export function parse(text: string, file: string): ParsedText {
  const root: OpenBlock = { opener: null, directives: [] };
  const open: OpenBlock[] = [root];
  let words: Word[] = [];
  let error: ConfigError | null = null;

  const finish = (block: readonly Directive[] | null): Directive => {
    const [name, ...args] = words;
    const { line, column } = name;
    words = [];
    const directive = { name: name.text, args, block, file, line, column };
    open[open.length - 1].directives.push(directive);
    return directive;
  };

  try {
    for (const token of lex(text, file)) {
      if (token.kind === 'word') {
        words.push(token.word);
      } else if (token.kind === 'end') {
        checkEnd(token, words, open, file);
      } else if (token.kind === '}') {
        if (words.length > 0 || open.length === 1) throw unexpected(token, words);
        open.pop();
      } else {
        if (words.length === 0) throw unexpected(token, words);
        if (token.kind === ';') {
          finish(null);
        } else {
          if (file === '') throw faultAt(token, 'block directives are not supported in -g option');
          const directives: Directive[] = [];
          open.push({ opener: finish(directives), directives });
        }
      }
    }
  } catch (fault) {
    error = fault as ConfigError;
  }
  return { directives: root.directives, error };
}

function unexpected(token: Place & { readonly kind: string }, words: readonly Word[]): ConfigError {
  const hint =
    words.length > 0
      ? `"${words[0].text}" in line ${words[0].line} is not terminated by ";"`
      : token.kind === '}'
        ? 'no block is open here'
        : '';
  return faultAt(token, `unexpected "${token.kind}"`, hint);
}

function checkEnd(end: Place, words: readonly Word[], open: readonly OpenBlock[], file: string): void {
  if (words.length > 0) {
    const hint = `"${words[0].text}" in line ${words[0].line} is not terminated`;
    if (file === '') throw faultAt(end, 'unexpected end of parameter, expecting ";"', hint);
    throw faultAt(end, 'unexpected end of file, expecting ";" or "}"', hint);
  }
  const { opener } = open[open.length - 1];
  if (opener !== null) {
    const hint = `the block of "${opener.name}", opened in line ${opener.line}, is not closed`;
    throw faultAt(end, 'unexpected end of file, expecting "}"', hint);
  }
}
