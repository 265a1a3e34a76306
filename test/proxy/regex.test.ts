import { expect } from 'chai';
import { PatternError } from '../../src/proxy/compile-error.js';
import { captureNames, compileRegex, defineCaptures } from '../../src/proxy/regex.js';
import { builtinVariables } from '../../src/proxy/variables.js';

describe('regular expressions of a configuration', () => {
  /** Each as PCRE has it: the texts that match, and those that do not. */
  const MATCHES: [source: string, matching: string[], other: string[]][] = [
    ['\\.(gif|jpg)$', ['/a.gif', '/a.jpg\n'], ['/a.gif/', '/a.gifx']],
    ['^/a.b$', ['/a-b', '/a\rb'], ['/a\nb']],
    ['(?i)^abc', ['ABC', 'abcd'], ['xabc']],
    ['(?s)a.b', ['a\nb'], ['ab']],
    ['(?m)^b$', ['a\nb\nc'], ['ab']],
    ['(?P<n>a)(?P=n)', ['aa'], ['ab']],
    ["(?'n'a)\\k{n}\\g{n}", ['aaa'], ['aa']],
    ['(a)\\g1', ['aa'], ['ab']],
    ['\\Aa\\z', ['a'], ['a\n', 'ba']],
    ['a\\Z', ['a', 'a\n'], ['a\n\n']],
    ['^\\s$', [' ', '\t', '\v'], ['\xa0', 'x']],
    ['^[\\s,]$', [' ', ','], ['\xa0']],
    ['^[^\\S]$', [' '], ['x', '\xa0']],
    ['^\\h\\v$', ['\t\n', ' \x85'], ['\n\n']],
    ['^\\R$', ['\r\n', '\n'], ['a']],
    ['^[]a]+$', [']a'], ['[']],
    ['^[^]a]+$', ['b'], [']', 'a']],
    ['^[[:alpha:]_[:digit:]]+$', ['aZ_9'], ['-', '[', ':']],
    ['^[a[]$', ['[', 'a'], [']']],
    ['^\\Qa.b(\\E+$', ['a.b(', 'a.b(('], ['axb(']],
    ['^\\x41\\x{42}\\103?\\e?$'.replace('\\103?', '\\060?'), ['AB', 'AB0'], ['ab']],
    ['^a(?#comment)b$', ['ab'], ['acb']],
    ['^a{2}$', ['aa'], ['a']],
    ['^a}+$', ['a}}'], ['a']],
    ['^/user/(\\d+)/?$', ['/user/12', '/user/12/'], ['/user/x']],
    ['a/b', ['/a/b'], ['ab']],
    ['(?<!x)y', ['y', 'ay'], ['xy']],
    ['^\\xe9$', ['\xe9'], ['e']],
  ];
  for (const [source, matching, other] of MATCHES) {
    it(source, () => {
      const regex = compileRegex(source, false);
      for (const text of matching) expect(regex.test(text), JSON.stringify(text)).to.equal(true);
      for (const text of other) expect(regex.test(text), JSON.stringify(text)).to.equal(false);
    });
  }

  const REFUSED: [source: string, message: RegExp][] = [
    ['a++', /possessive quantifier "\+\+"/],
    ['a*+', /possessive/],
    ['a{2,}+', /possessive/],
    ['(?>a)', /atomic group/],
    ['(?R)', /"\(\?R\)"/],
    ['(?(1)a|b)', /cannot be used here/],
    ['(?|a)', /cannot be used here/],
    ['(*UTF8)a', /the verb "\(\*UTF8\)"/],
    ['a(?i)b', /cannot be used here/],
    ['(?x)a', /the option "\(\?x\)"/],
    ['\\p{L}', /"\\p"/],
    ['\\Ka', /"\\K"/],
    ['[[:^alpha:]]', /"\[:\^alpha:\]"/],
    ['\\x{100}', /no octet/],
    ['[a', /missing terminating \]/],
    ['(a', /is not valid/],
    ['a)', /is not valid/],
    ['*a', /is not valid/],
    ['a\\', /a backslash at the end/],
    ['(?<n>a)(?<n>b)', /is not valid/],
  ];
  for (const [source, message] of REFUSED) {
    it(`${source} is refused`, () =>
      expect(() => compileRegex(source, false)).to.throw(PatternError, message));
  }

  it('case is ignored on demand', () => {
    expect(compileRegex('^abc$', true).test('ABC')).to.equal(true);
    expect(compileRegex('^abc$', false).test('ABC')).to.equal(false);
  });

  it('named groups become variables, once each, and hide none that is there', () => {
    const variables = builtinVariables();
    const host = variables.lookup('host');
    defineCaptures('^(?<user>.)(?P<Rest>.)(?<host>.)', variables);
    expect(captureNames('^(?<user>.)(?P<Rest>.)')).to.deep.equal(['user', 'Rest']);
    expect(variables.lookup('user')).to.be.an('object');
    expect(variables.lookup('rest')).to.be.an('object');
    expect(variables.lookup('host')).to.equal(host);
  });
});
