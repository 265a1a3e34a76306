import { expect } from 'chai';
import { compileTemplate, TemplateError } from '../../src/proxy/template.js';
import { builtinVariables } from '../../src/proxy/variables.js';
import { exchangeOf, octetsOf } from './fixtures.js';

describe('templates', () => {
  const variables = builtinVariables();

  const VALUES: [text: string, value: string][] = [
    ['', ''],
    ['plain text', 'plain text'],
    ['caf\xe9', 'caf\xe9'],
    ['$scheme', 'http'],
    ['${scheme}', 'http'],
    ['$scheme://$host$request_uri', 'http://example.com/x?y'],
    ['${scheme}s', 'https'],
    ['a$http_absent', 'a'],
    ['$1a', 'a'],
    ['$12', '2'],
    ['-${host}-', '-example.com-'],
  ];
  for (const [text, value] of VALUES) {
    it(`"${text}" is "${value}"`, () => {
      const template = compileTemplate(text, variables);
      const exchange = exchangeOf('GET /x?y HTTP/1.1\nHost: example.com');
      expect(template.text(exchange)).to.equal(value);
      expect(octetsOf(template, exchange)).to.equal(value);
      expect(template.isConstant).to.equal(!text.includes('$'));
    });
  }

  const FAULTS: [text: string, message: string][] = [
    ['$foo', 'unknown "foo" variable'],
    ['a ${foo} b', 'unknown "foo" variable'],
    ['${host', 'the closing bracket in "host" variable is missing'],
    ['${ho-st}', 'the closing bracket in "ho" variable is missing'],
    ['a$', 'invalid variable name in "a$"'],
    ['$-x', 'invalid variable name in "$-x"'],
    ['${}', 'invalid variable name in "${}"'],
    ['${1}', 'unknown "1" variable'],
    ['$0', 'unknown "0" variable'],
    ['\u20ac', '"\u20ac" holds a character that is not one octet'],
  ];
  for (const [text, message] of FAULTS) {
    it(`"${text}" is refused`, () =>
      expect(() => compileTemplate(text, variables)).to.throw(TemplateError, message));
  }

  it('knows whether its value can change during an exchange', () => {
    expect(compileTemplate('a', variables).isStable).to.equal(true);
    expect(compileTemplate('$http_upgrade', variables).isStable).to.equal(true);
    expect(compileTemplate('$scheme$status', variables).isStable).to.equal(false);
  });

  for (const [text, reads] of [
    ['a', false],
    ['$request_uri $http_upgrade $arg_a $status $bytes_sent $upstream_addr $upstream_response_time', false],
    ['$request_time $time_local $1 $tunnel_ended_by', false],
    ['$upstream_http_x_a', true],
    ['a $upstream_cookie_b c', true],
    ['$sent_http_content_type', true],
  ] as const) {
    it(`says whether it may read the response head: ${text}`, () => {
      expect(compileTemplate(text, variables).readsResponse).to.equal(reads);
    });
  }
});
