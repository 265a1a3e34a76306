import { expect } from 'chai';
import { COMBINED, compileLogFormat, type LogEscape } from '../../src/proxy/log-format.js';
import { compileMap } from '../../src/proxy/map.js';
import { compileTemplate, TemplateError } from '../../src/proxy/template.js';
import { builtinVariables } from '../../src/proxy/variables.js';
import { exchangeOf } from './fixtures.js';

describe('log formats', () => {
  const variables = builtinVariables();

  it('combined', () => {
    const format = compileLogFormat(COMBINED, 'default', variables);
    const exchange = exchangeOf('GET /x HTTP/1.1\nHost: a\nUser-Agent: test "1"');
    Object.assign(exchange, { status: 200, octetsSent: 150, headOctetsSent: 100 });
    expect(format(exchange, 0).replace(/\[.*?\]/, '[time]')).to.equal(
      '192.0.2.1 - - [time] "GET /x HTTP/1.1" 200 50 "-" "test \\x221\\x22"',
    );
  });

  // As nginx 1.22 wrote them.
  const raw = 'a"b\\c\td\x7f\xe9';
  const ESCAPES: [escape: LogEscape, value: string, missing: string][] = [
    ['default', 'a\\x22b\\x5Cc\\x09d\\x7F\\xE9', '-'],
    ['json', 'a\\"b\\\\c\\td\x7f\xe9', ''],
    ['none', raw, ''],
  ];
  for (const [escape, value, missing] of ESCAPES) {
    it(`escape=${escape}`, () => {
      const format = compileLogFormat('{"\\"}[$http_x_value][$http_none][$http_x_empty]', escape, variables);
      const exchange = exchangeOf(`GET / HTTP/1.1\nX-Value: ${raw}\nX-Empty:`);
      expect(format(exchange, 0)).to.equal(`{"\\"}[${value}][${missing}][]`);
    });
  }

  it('JSON escapes control octets', () => {
    const format = compileLogFormat('$http_x', 'json', variables);
    expect(format(exchangeOf('GET / HTTP/1.1\nX: a\x01b\x1fc\x08\x0c'), 0)).to.equal(
      'a\\u0001b\\u001Fc\\b\\f',
    );
  });

  it('an empty value of a map is a value, and a query that is not there is none', () => {
    const table = builtinVariables();
    const constant = (text: string) => compileTemplate(text, table);
    table.define(
      'm',
      compileMap({
        source: constant('$arg_x'),
        hostnames: false,
        isVolatile: false,
        entries: [],
        defaultValue: constant(''),
      }),
    );
    expect(compileLogFormat('[$m][$args][$is_args][$https]', 'default', table)(exchangeOf(), 0)).to.equal(
      '[][-][][]',
    );
  });

  it('an unknown variable is refused', () => {
    expect(() => compileLogFormat('$nothing', 'default', variables)).to.throw(
      TemplateError,
      'unknown "nothing" variable',
    );
  });
});
