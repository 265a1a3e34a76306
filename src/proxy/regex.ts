/**
 * Turns the regular expressions of a configuration, which are PCRE, into JavaScript's. Decides what converts; refuses,
 * by name, what would match something else or nothing in JavaScript, so that a `location` never silently changes.
 *
 * Subjects are Latin-1 texts of octets, as nginx matches without UTF mode. One difference stays: without regard to case,
 * JavaScript also folds the letters above 127.
 */
import { PatternError } from './compile-error.js';
import { namedCapture } from './request-variables.js';
import type { VariableTable } from './variables.js';

/** What an escape is in JavaScript: outside a class, and as members of one ('' where a class cannot hold it). */
const ESCAPES: Readonly<Record<string, readonly [string, string]>> = {
  // Same letter, other meaning: JavaScript counts U+00A0 as whitespace, and has \v for one octet.
  s: ['[\\t-\\r ]', '\\t-\\r '],
  S: ['[^\\t-\\r ]', '\\0-\\x08\\x0e-\\x1f!-\\xff'],
  v: ['[\\n-\\r\\x85]', '\\n-\\r\\x85'],
  V: ['[^\\n-\\r\\x85]', '\\0-\\t\\x0e-\\x84\\x86-\\xff'],
  // PCRE alone has these.
  h: ['[\\t \\xa0]', '\\t \\xa0'],
  H: ['[^\\t \\xa0]', '\\0-\\x08\\n-\\x1f!-\\x9f\\xa1-\\xff'],
  N: ['[^\\n]', ''],
  R: ['(?:\\r\\n|[\\n-\\r\\x85])', ''],
  A: ['(?<![^])', ''],
  z: ['(?![^])', ''],
  Z: ['(?=\\n?(?![^]))', ''],
  a: ['\\x07', '\\x07'],
  e: ['\\x1b', '\\x1b'],
  // The same in both.
  b: ['\\b', '\\b'],
  B: ['\\B', ''],
  d: ['\\d', '\\d'],
  D: ['\\D', '\\D'],
  w: ['\\w', '\\w'],
  W: ['\\W', '\\W'],
  n: ['\\n', '\\n'],
  r: ['\\r', '\\r'],
  t: ['\\t', '\\t'],
  f: ['\\f', '\\f'],
};

/** POSIX classes, in the C locale. */
const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\0-\\x7f',
  blank: '\\t ',
  cntrl: '\\0-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t-\\r ',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
};

/** Where PCRE's `$` matches without the m option: at the end, and before a line feed at the end. */
const SUBJECT_END = '(?=\\n?(?![^]))';

/**
 * Compiles a regular expression as `location`, `server_name` and `map` have it, without its leading `~`.
 * @param source PCRE, Latin-1; a leading `(?i)`, `(?s)` or `(?m)` is understood
 * @throws PatternError for a syntax error, and for what JavaScript cannot do
 */
export function compileRegex(source: string, ignoresCase: boolean): RegExp {
  const converter = new Converter(source);
  const converted = converter.convert();
  const flags = (ignoresCase || converter.ignoresCase ? 'i' : '') + (converter.isMultiline ? 'm' : '');
  try {
    return new RegExp(converted, flags);
  } catch (error) {
    // JavaScript's message repeats the converted source, which nobody wrote: its last part is the reason.
    const reason = (error as Error).message.replace(/^.*: /s, '');
    throw new PatternError(`regular expression "${source}" is not valid: ${reason}`);
  }
}

/** Names of the named groups, as spelt, in order. Throws as {@link compileRegex} does. */
export function captureNames(source: string): readonly string[] {
  const converter = new Converter(source);
  converter.convert();
  return converter.names;
}

/**
 * Defines the named groups of a regular expression as variables; call it before the templates that use them are
 * compiled. A name that is defined already stays: one group may stand in several expressions.
 * @throws PatternError as {@link compileRegex} does
 */
export function defineCaptures(source: string, variables: VariableTable): void {
  for (const name of captureNames(source)) {
    if (variables.lookup(name) === undefined) variables.define(name, namedCapture(name));
  }
}

/** One pass over one source. */
class Converter {
  readonly names: string[] = [];
  ignoresCase = false;
  isMultiline = false;
  private dotAll = false;
  private at = 0;
  private out = '';

  constructor(private readonly source: string) {}

  convert(): string {
    this.readLeadingOptions();
    while (this.at < this.source.length) {
      const c = this.source[this.at];
      if (c === '\\') this.readEscape();
      else if (c === '[') this.readClass();
      else if (c === '(') this.readGroup();
      else if (c === '.') this.take(1, this.dotAll ? '[^]' : '[^\\n]');
      else if (c === '$') this.take(1, this.isMultiline ? '$' : SUBJECT_END);
      else if (c === '*' || c === '+' || c === '?' || c === '}') this.readQuantifierEnd(c);
      // "/" needs no escape for the constructor.
      else this.take(1, c);
    }
    return this.out;
  }

  private take(count: number, converted: string): void {
    this.at += count;
    this.out += converted;
  }

  private refuse(what: string): never {
    throw new PatternError(`regular expression "${this.source}": ${what} cannot be used here`);
  }

  private readLeadingOptions(): void {
    for (;;) {
      const options = /^\(\?([a-z]+)\)/i.exec(this.source.slice(this.at));
      if (options === null) return;
      for (const option of options[1]) {
        if (option === 'i') this.ignoresCase = true;
        else if (option === 'm') this.isMultiline = true;
        else if (option === 's') this.dotAll = true;
        else this.refuse(`the option "${options[0]}"`);
      }
      this.at += options[0].length;
    }
  }

  /** A quantifier's last octet; a "+" behind it makes it possessive, which JavaScript has not. */
  private readQuantifierEnd(c: string): void {
    const isInterval = c !== '}' || /\{\d+(,\d*)?$/.test(this.source.slice(0, this.at));
    if (isInterval && this.source[this.at + 1] === '+') this.refuse(`the possessive quantifier "${c}+"`);
    this.take(1, c);
  }

  private readGroup(): void {
    const rest = this.source.slice(this.at);
    if (rest.startsWith('(*')) this.refuse(`the verb "${rest.slice(0, rest.indexOf(')') + 1)}"`);
    if (!rest.startsWith('(?')) return this.take(1, '(');
    const named = /^\(\?P?<([A-Za-z_]\w*)>|^\(\?'([A-Za-z_]\w*)'/.exec(rest);
    if (named !== null) {
      const name = named[1] ?? named[2];
      if (!this.names.includes(name)) this.names.push(name);
      return this.take(named[0].length, `(?<${name}>`);
    }
    const reference = /^\(\?P=(\w+)\)/.exec(rest);
    if (reference !== null) return this.take(reference[0].length, `\\k<${reference[1]}>`);
    const comment = /^\(\?#[^)]*\)/.exec(rest);
    if (comment !== null) return this.take(comment[0].length, '(?:)');
    const plain = /^\(\?(?:[:=!]|<[=!])/.exec(rest);
    if (plain !== null) return this.take(plain[0].length, plain[0]);
    if (rest.startsWith('(?>')) this.refuse('the atomic group "(?>"');
    this.refuse(`"${rest.slice(0, 4)}"`);
  }

  private readEscape(): void {
    const rest = this.source.slice(this.at);
    const c = rest[1];
    if (c === undefined) this.refuse('a backslash at the end');
    const converted = ESCAPES[c];
    if (converted !== undefined) return this.take(2, converted[0]);
    if (c === 'Q') return this.readQuoted();
    if (c === 'E') return this.take(2, '');
    const reference = /^\\[gk](?:\{(\w+)\}|<(\w+)>|'(\w+)'|(\d+))/.exec(rest);
    if (reference !== null) {
      const to = reference[1] ?? reference[2] ?? reference[3] ?? reference[4];
      return this.take(reference[0].length, /^\d+$/.test(to) ? `(?:\\${to})` : `\\k<${to}>`);
    }
    const octet = this.octetEscape(rest);
    if (octet !== null) return this.take(octet[0], octet[1]);
    if (c >= '1' && c <= '9') return this.take(2, `\\${c}`);
    if (/[A-Za-z]/.test(c)) this.refuse(`"\\${c}"`);
    this.take(2, quote(c));
  }

  /** `\xHH`, `\x{HH}`, octal and `\cX`: [octets of source, converted], or null. */
  private octetEscape(rest: string): [number, string] | null {
    const hex = /^\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{0,2}))/.exec(rest);
    if (hex !== null) return [hex[0].length, this.octet(parseInt(hex[1] ?? (hex[2] || '0'), 16), hex[0])];
    const octal = /^\\0([0-7]{0,2})/.exec(rest);
    if (octal !== null) return [octal[0].length, this.octet(parseInt(octal[1] || '0', 8), octal[0])];
    const control = /^\\c([A-Za-z])/.exec(rest);
    if (control !== null) return [3, this.octet(control[1].charCodeAt(0) & 0x1f, control[0])];
    return null;
  }

  private octet(value: number, spelt: string): string {
    if (value > 255) this.refuse(`"${spelt}", which is no octet,`);
    return `\\x${value.toString(16).padStart(2, '0')}`;
  }

  /** `\Q...\E`: literal text, to the end if there is no `\E`. */
  private readQuoted(): void {
    const end = this.source.indexOf('\\E', this.at + 2);
    const text = this.source.slice(this.at + 2, end < 0 ? undefined : end);
    this.take(2 + text.length + (end < 0 ? 0 : 2), Array.from(text, quote).join(''));
  }

  private readClass(): void {
    const source = this.source;
    this.take(1, '[');
    if (source[this.at] === '^') this.take(1, '^');
    // PCRE takes a first "]" as a member.
    if (source[this.at] === ']') this.take(1, '\\]');
    for (;;) {
      const c = source[this.at];
      if (c === undefined) {
        throw new PatternError(
          `regular expression "${source}" is not valid: missing terminating ] for character class`,
        );
      }
      if (c === ']') return this.take(1, ']');
      if (c === '\\') this.readClassEscape();
      else if (c === '[') this.readPosix();
      else this.take(1, c);
    }
  }

  private readClassEscape(): void {
    const rest = this.source.slice(this.at);
    const c = rest[1] ?? '';
    const converted = ESCAPES[c];
    if (converted !== undefined && converted[1] !== '') return this.take(2, converted[1]);
    const octet = this.octetEscape(rest);
    if (octet !== null) return this.take(octet[0], octet[1]);
    const octal = /^\\([1-7][0-7]{0,2})/.exec(rest);
    if (octal !== null) return this.take(octal[0].length, this.octet(parseInt(octal[1], 8), octal[0]));
    if (c === '' || /[0-9A-Za-z]/.test(c)) this.refuse(`"\\${c}" in a character class`);
    this.take(2, `\\${c}`);
  }

  private readPosix(): void {
    const posix = /^\[([:.=])(\^?)(\w*)\1\]/.exec(this.source.slice(this.at));
    if (posix === null) return this.take(1, '\\[');
    const members = POSIX[posix[3]];
    if (posix[1] !== ':' || posix[2] !== '' || members === undefined) this.refuse(`"${posix[0]}"`);
    this.take(posix[0].length, members);
  }
}

/** One octet as itself, wherever it stands. */
function quote(c: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(c) ? `\\${c}` : c;
}
