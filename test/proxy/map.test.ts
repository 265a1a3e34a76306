import { expect } from 'chai';
import { CompileError } from '../../src/proxy/compile-error.js';
import { compileMap } from '../../src/proxy/map.js';
import { defineCaptures } from '../../src/proxy/regex.js';
import { compileTemplate, type Template } from '../../src/proxy/template.js';
import { builtinVariables, type Variable, type VariableTable } from '../../src/proxy/variables.js';
import { exchangeOf, octetsOf } from './fixtures.js';

interface Options {
  source?: string;
  hostnames?: boolean;
  isVolatile?: boolean;
  defaultValue?: string;
  variables?: VariableTable;
}

function map(entries: Record<string, string>, options: Options = {}): Variable {
  const variables = options.variables ?? builtinVariables();
  for (const pattern in entries) {
    if (pattern.startsWith('~')) defineCaptures(pattern.replace(/^~\*?/, ''), variables);
  }
  return compileMap({
    source: compileTemplate(options.source ?? '$arg_x', variables),
    hostnames: options.hostnames ?? false,
    isVolatile: options.isVolatile ?? false,
    entries: Object.entries(entries).map(([pattern, text]) => ({
      pattern,
      value: compileTemplate(text, variables),
    })),
    defaultValue: compileTemplate(options.defaultValue ?? 'd', variables),
  });
}

function value(variable: Variable, x: string): string {
  return variable.text(exchangeOf(`GET /?x=${x} HTTP/1.1\nHost: a`));
}

describe('map', () => {
  it("the map of nginx's WebSocket page", () => {
    const variable = map({ '': 'close' }, { source: '$http_upgrade', defaultValue: 'upgrade' });
    const plain = exchangeOf();
    const offer = exchangeOf('GET / HTTP/1.1\nHost: a\nUpgrade: websocket');
    for (const [exchange, expected] of [
      [plain, 'close'],
      [offer, 'upgrade'],
    ] as const) {
      expect(variable.text(exchange)).to.equal(expected);
      const template: Template = compileTemplate('$m', withMap(variable));
      expect(octetsOf(template, exchange)).to.equal(expected);
    }
  });

  // As nginx 1.22 answered for the same maps.
  const plain = map({
    '~^$': 'e',
    '~*^(?<nn>a)(b)$': 'v$2$1$nn',
    Foo: 'foo',
    '\\~x': 'tilde',
    '\\default': 'word',
  });
  for (const [x, expected] of [
    ['', 'd'],
    ['ab', 'vbaa'],
    ['AB', 'vBAA'],
    ['foo', 'foo'],
    ['FOO', 'foo'],
    ['~x', 'tilde'],
    ['default', 'word'],
    ['other', 'd'],
  ]) {
    it(`without hostnames: "${x}" is "${expected}"`, () => expect(value(plain, x)).to.equal(expected));
  }

  const hosts = map(
    {
      '.example.com': 'dot',
      'www.example.*': 'trail',
      '*.b.example.com': 'deep',
      'www.example.com': 'exact',
      '~^www': 'r',
    },
    { hostnames: true },
  );
  for (const [x, expected] of [
    ['example.com', 'dot'],
    ['a.example.com', 'dot'],
    ['www.example.org', 'trail'],
    ['a.b.example.com', 'deep'],
    ['b.example.com', 'dot'],
    ['WWW.example.com.', 'exact'],
    ['www.other', 'r'],
    ['xexample.com', 'd'],
  ]) {
    it(`with hostnames: "${x}" is "${expected}"`, () => expect(value(hosts, x)).to.equal(expected));
  }

  it('a mask without hostnames is a plain value', () => {
    const variable = map({ '*.example.com': 'mask' });
    expect(value(variable, 'a.example.com')).to.equal('d');
    expect(value(variable, '*.example.com')).to.equal('mask');
  });

  it('the first regular expression that matches wins', () => {
    expect(value(map({ '~a': '1', '~ab': '2' }), 'ab')).to.equal('1');
  });

  it('the value is kept for the exchange, unless the map is volatile', () => {
    for (const isVolatile of [false, true]) {
      const variable = map({ '200': 'ok' }, { source: '$status', isVolatile });
      const exchange = exchangeOf();
      expect(variable.text(exchange)).to.equal('d');
      exchange.status = 200;
      expect(variable.text(exchange)).to.equal(isVolatile ? 'ok' : 'd');
      const other = exchangeOf();
      other.status = 200;
      expect(variable.text(other)).to.equal('ok');
    }
  });

  it('captures stay for whatever comes later in the exchange, as in nginx', () => {
    const variables = builtinVariables();
    const variable = map({ '~^(?<first>.)(.)': 'x' }, { variables });
    const later = compileTemplate('$first$2', variables);
    const exchange = exchangeOf('GET /?x=ab HTTP/1.1');
    expect(later.text(exchange)).to.equal('');
    variable.text(exchange);
    expect(later.text(exchange)).to.equal('ab');
  });

  it('a value that is there twice is refused, also in another case and as a mask', () => {
    expect(() => map({ a: '1', A: '2' })).to.throw(CompileError, 'conflicting parameter "A"');
    expect(() => map({ '*.a.b': '1', '.a.b': '2' }, { hostnames: true })).to.throw(
      CompileError,
      'conflicting parameter',
    );
  });

  it('a map may depend on a map', () => {
    const variables = builtinVariables();
    variables.define('inner', map({ a: 'b' }, { variables }));
    expect(value(map({ b: 'yes' }, { source: '$inner', variables }), 'a')).to.equal('yes');
  });

  it('as octets: each exchange has its own value, whatever the one before asked', () => {
    const variables = builtinVariables();
    const long = 'l'.repeat(65);
    variables.define('inner', map({ a: 'b', '': 'none', [long]: 'long' }, { variables }));
    const outer = map({ b: 'B', none: 'N', long: 'L' }, { source: '$inner', variables });
    const template = compileTemplate('$m', withMap(outer));
    for (const [x, expected] of [
      ['a', 'B'],
      ['a', 'B'],
      ['c', 'd'],
      ['A', 'B'],
      ['', 'N'],
      [long, 'L'],
      ['a', 'B'],
      [`${long}x`, 'd'],
      [long, 'L'],
    ]) {
      const exchange = exchangeOf(`GET /?x=${x} HTTP/1.1\nHost: a`);
      expect(octetsOf(template, exchange)).to.equal(expected);
      expect(outer.text(exchange)).to.equal(expected);
    }
  });
});

function withMap(variable: Variable): VariableTable {
  const variables = builtinVariables();
  variables.define('m', variable);
  return variables;
}
