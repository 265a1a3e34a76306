/**
 * Proves nginx's rules for words: quotes, escapes, comments, variables, and the first fault's place.
 */
import { expect } from 'chai';
import { lex } from '../../src/config/lexer.js';
import type { ConfigError } from '../../src/error.js';

/** Tokens as text: words in angle brackets, quoted ones in double ones, with line:column in front. */
function tokens(text: string): string[] {
  const shown: string[] = [];
  try {
    for (const token of lex(text, '/f')) {
      if (token.kind === 'end') break;
      if (token.kind !== 'word') shown.push(token.kind);
      else shown.push(token.word.quoted ? `<<${token.word.text}>>` : `<${token.word.text}>`);
    }
  } catch (error) {
    const { text: what, line, column } = error as ConfigError;
    shown.push(`${line}:${column} ${what}`);
  }
  return shown;
}

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  ['words and punctuation', 'a b{c;}', ['<a>', '<b>', '{', '<c>', ';', '}']],
  ['every kind of white space', '\ta\r\n b\n;', ['<a>', '<b>', ';']],
  ['nothing', ' \n', []],
  ['double quotes', 'a "b c";', ['<a>', '<<b c>>', ';']],
  ['single quotes', "a 'b \"c';", ['<a>', '<<b "c>>', ';']],
  ['an empty word', "a '';", ['<a>', '<<>>', ';']],
  ['quotes inside a word are octets of it', 'a b"c"d;', ['<a>', '<b"c"d>', ';']],
  ['punctuation in quotes', '"a{b};#";', ['<<a{b};#>>', ';']],
  ['a line end in quotes', '"a\nb";c;', ['<<a\nb>>', ';', '<c>', ';']],
  ['escapes that are replaced', String.raw`"\"\'\\\t\r\n"`, ['<<"\'\\\t\r\n>>']],
  ['escapes that stay', String.raw`"\.\d\$" \.php$;`, [String.raw`<<\.\d\$>>`, String.raw`<\.php$>`, ';']],
  [
    'an escaped space is part of a word, and keeps its backslash',
    String.raw`a\ b;`,
    [String.raw`<a\ b>`, ';'],
  ],
  ['an escaped ";" is part of a word', String.raw`a\;b;`, [String.raw`<a\;b>`, ';']],
  ['an escaped quote begins a word', String.raw`\"a;`, ['<"a>', ';']],
  ['a comment', 'a # b; {\nc;', ['<a>', '<c>', ';']],
  ['"#" within a word', 'a#b;', ['<a#b>', ';']],
  ['"#" behind punctuation', ';#x\n{#y', [';', '{']],
  ['${name} opens no block', 'a ${b}c{', ['<a>', '<${b}c>', '{']],
  ['a "$" alone does not keep "{" from opening one', String.raw`a \${`, ['<a>', String.raw`<\$>`, '{']],
  ['"$" and "{" apart', 'a $b{', ['<a>', '<$b>', '{']],
  ['"}" within a word', 'a b};', ['<a>', '<b}>', ';']],
  ['")" may follow a quote', 'if ($a = "b") {', ['<if>', '<($a>', '<=>', '<<b>>', '<)>', '{']],
  ['a word behind a quote', 'a "b"c;', ['<a>', '<<b>>', '1:6 unexpected "c"']],
  ['"}" behind a quote', '"a"}', ['<<a>>', '1:4 unexpected "}"']],
  ['two quoted words without a space', '"a""b"', ['<<a>>', '1:4 unexpected """']],
  [
    'a quote that is never closed names the line where it began',
    'a;\n b "c\nd;\n',
    ['<a>', ';', '<b>', '2:4 unexpected end of file, probably missing terminating """ character'],
  ],
  [
    'a word that is too long',
    `a;\n${'b'.repeat(5000)};`,
    ['<a>', ';', '2:1 too long parameter "bbbbbbbbbb..." started'],
  ],
  [
    'a quoted word that is too long',
    `'${'b'.repeat(5000)}';`,
    [`1:1 too long parameter, probably missing terminating "'" character`],
  ],
];

describe('config lexer', () => {
  for (const [name, text, expected] of CASES) {
    it(name, () => expect(tokens(text)).to.deep.equal(expected));
  }

  it('tells line and column of every word', () => {
    const places = [...lex('a  b\n\t"c" # x\n  d;', '/f')].map((token) =>
      token.kind === 'word' ? `${token.word.text}@${token.word.line}:${token.word.column}` : token.kind,
    );
    expect(places).to.deep.equal(['a@1:1', 'b@1:4', 'c@2:2', 'd@3:3', ';', 'end']);
  });
});
