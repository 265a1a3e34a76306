/**
 * nginx's tokens (`ngx_conf_read_token` in src/core/ngx_conf_file.c). Decides where a word ends, what its quotes and
 * backslashes mean, and which octets cannot stand where they stand; leaves blocks and directives to the parser.
 */
import { ConfigError } from '../error.js';
import { faultAt, type Place, type Word } from './syntax.js';

/** A word, or one of the three octets that give a file its shape. `end` comes once, last. */
export type Token =
  { readonly kind: 'word'; readonly word: Word } | ({ readonly kind: '{' | '}' | ';' | 'end' } & Place);

/** Longest word with its quotes; nginx's NGX_CONF_BUFFER, kept so that a lost quote is found near its place. */
const MAX_WORD_OCTETS = 4096;

const ESCAPES: Record<string, string> = { '"': '"', "'": "'", '\\': '\\', t: '\t', r: '\r', n: '\n' };

/**
 * Splits text into tokens. Columns count UTF-16 code units, which are octets in the Latin-1 text that files are read as.
 * Throws a {@link ConfigError} at the first octet that cannot be part of a token, and for a quote that is never closed.
 *
 * @param file absolute path for messages, '' for the command line
 */
export function* lex(text: string, file: string): Generator<Token, void, undefined> {
  const scanner = new Scanner(text, file);
  for (let token = scanner.next(); ; token = scanner.next()) {
    yield token;
    if (token.kind === 'end') return;
  }
}

function isSpace(octet: string): boolean {
  return octet === ' ' || octet === '\t' || octet === '\r' || octet === '\n';
}

class Scanner {
  private at = 0;
  private line = 1;
  /** Position of the first octet of the line. */
  private lineStart = 0;
  /** The last token was a quoted word: only white space, ";", "{" or ")" may follow it at once. */
  private behindQuote = false;

  constructor(
    private readonly text: string,
    private readonly file: string,
  ) {}

  next(): Token {
    if (this.behindQuote) this.separator();
    this.skipSpaceAndComments();
    const place = this.place();
    const octet = this.text[this.at];
    if (octet === undefined) return { kind: 'end', ...place };
    if (octet === '{' || octet === ';' || octet === '}') {
      this.at++;
      return { kind: octet, ...place };
    }
    return octet === '"' || octet === "'" ? this.quotedWord(octet, place) : this.bareWord(place);
  }

  private place(): Place {
    return { file: this.file, line: this.line, column: this.at - this.lineStart + 1 };
  }

  private advance(): void {
    if (this.text[this.at++] === '\n') {
      this.line++;
      this.lineStart = this.at;
    }
  }

  private separator(): void {
    this.behindQuote = false;
    const octet = this.text[this.at];
    // nginx lets ")" follow, for the conditions of `if`; "}" it does not.
    if (octet === undefined || isSpace(octet) || octet === ';' || octet === '{' || octet === ')') return;
    throw faultAt(this.place(), `unexpected "${octet}"`, 'a space or ";" has to follow a closing quote');
  }

  /** A comment begins only where a token could: `a#b` is a word. */
  private skipSpaceAndComments(): void {
    for (;;) {
      const octet = this.text[this.at];
      if (octet === '#') {
        while (this.at < this.text.length && this.text[this.at] !== '\n') this.at++;
      } else if (octet !== undefined && isSpace(octet)) {
        this.advance();
      } else {
        return;
      }
    }
  }

  private quotedWord(quote: string, place: Place): Token {
    const start = this.at;
    this.advance();
    for (;;) {
      const octet = this.text[this.at];
      if (octet === undefined) {
        throw faultAt(
          place,
          `unexpected end of file, probably missing terminating "${quote}" character`,
          `the quote opened here is never closed`,
        );
      }
      this.advance();
      if (octet === '\\' && this.at < this.text.length) this.advance();
      if (octet === quote) break;
      this.limit(start, place, quote);
    }
    this.behindQuote = true;
    return this.word(start + 1, this.at - 1, place, true);
  }

  private bareWord(place: Place): Token {
    const start = this.at;
    for (let octet = this.text[this.at]; octet !== undefined; octet = this.text[this.at]) {
      // "}" does not end a word: `root /a}` is one, as in nginx. "{" does, unless it opens a variable: ${name}.
      if (isSpace(octet) || octet === ';' || (octet === '{' && !this.opensVariable(start))) break;
      this.advance();
      if (octet === '\\' && this.at < this.text.length) this.advance();
      this.limit(start, place, '');
    }
    return this.word(start, this.at, place, false);
  }

  /** Whether this "{" stands behind an unescaped "$", or behind such a "{". */
  private opensVariable(start: number): boolean {
    let dollar = this.at - 1;
    while (dollar > start && this.text[dollar] === '{') dollar--;
    if (dollar < start || this.text[dollar] !== '$') return false;
    let backslashes = 0;
    for (let i = dollar - 1; i >= start && this.text[i] === '\\'; i--) backslashes++;
    return backslashes % 2 === 0;
  }

  private word(start: number, end: number, place: Place, quoted: boolean): Token {
    return { kind: 'word', word: { ...place, text: unescape(this.text.slice(start, end)), quoted } };
  }

  private limit(start: number, place: Place, quote: string): void {
    if (this.at - start < MAX_WORD_OCTETS) return;
    throw new ConfigError(
      quote === ''
        ? `too long parameter "${this.text.slice(start, start + 10)}..." started`
        : `too long parameter, probably missing terminating "${quote}" character`,
      place.file,
      place.line,
      place.column,
    );
  }
}

/** Replaces \" \' \\ \t \r \n; every other backslash stays, for regular expressions. */
function unescape(raw: string): string {
  if (!raw.includes('\\')) return raw;
  let text = '';
  for (let i = 0; i < raw.length; i++) {
    const replacement = raw[i] === '\\' ? ESCAPES[raw[i + 1]] : undefined;
    if (replacement === undefined) {
      text += raw[i];
    } else {
      text += replacement;
      i++;
    }
  }
  return text;
}
