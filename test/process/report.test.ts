/** Proves what a person sees of a faulty configuration: nginx's line, the line of the file, a mark below the word. */
import { expect } from 'chai';
import { ConfigError } from '../../src/error.js';
import { logConfigError, renderConfigError } from '../../src/process/report.js';

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');

const CASES: { name: string; error: ConfigError; text: string; shown: string }[] = [
  {
    name: 'line, column and hint',
    error: new ConfigError('unknown directive "foo"', '/a/n.conf', 2, 5, 'did you mean "for"?'),
    text: 'events {}\n    foo bar;\n',
    shown:
      'wirehop: [emerg] unknown directive "foo" in /a/n.conf:2\n    2 |     foo bar;\n      |     ^\n' +
      '    hint: did you mean "for"?\n',
  },
  {
    name: 'tabs count as one, octets are not characters',
    error: new ConfigError('bad', '/a/n.conf', 1, 1 + Buffer.byteLength('\tgrüße ')),
    text: latin1('\tgrüße x;'),
    shown: 'wirehop: [emerg] bad in /a/n.conf:1\n    1 |  grüße x;\n      |        ^\n',
  },
  {
    name: 'escape sequences do not reach the terminal',
    error: new ConfigError('bad', '/a/n.conf', 1, 1),
    text: 'x \u001b[31m;\r',
    shown: 'wirehop: [emerg] bad in /a/n.conf:1\n    1 | x ?[31m; \n      | ^\n',
  },
  {
    name: 'a long line keeps the word in view',
    error: new ConfigError('bad', '/a/n.conf', 1, 301),
    text: `${'a'.repeat(300)}b${'c'.repeat(300)}`,
    shown: `wirehop: [emerg] bad in /a/n.conf:1\n    1 | ${'a'.repeat(60)}b${'c'.repeat(35)}\n      | ${' '.repeat(60)}^\n`,
  },
  {
    name: 'a file that is not among the sources',
    error: new ConfigError('bad', '/other', 3, 1),
    text: '',
    shown: 'wirehop: [emerg] bad in /other:3\n',
  },
  {
    name: 'the command line',
    error: new ConfigError('bad', '', 1, 1),
    text: '',
    shown: 'wirehop: [emerg] bad in command line\n',
  },
  { name: 'no place at all', error: new ConfigError('bad'), text: '', shown: 'wirehop: [emerg] bad\n' },
];

describe('report', () => {
  for (const { name, error, text, shown } of CASES) {
    it(name, () => expect(renderConfigError('emerg', error, [{ path: '/a/n.conf', text }])).to.equal(shown));
  }
  it('is one line in a log', () => {
    expect(logConfigError(CASES[0].error)).to.equal(
      'unknown directive "foo" in /a/n.conf:2 (did you mean "for"?)',
    );
  });
});
