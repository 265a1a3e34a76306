import { expect } from 'chai';
import { COMBINED, compileLogFormat, type LogEscape } from '../../src/proxy/log-format.js';
import { compileMap } from '../../src/proxy/map.js';
import { compileTemplate, TemplateError } from '../../src/proxy/template.js';
import { builtinVariables, DeferredVariable } from '../../src/proxy/variables.js';
import { exchangeOf } from './fixtures.js';

describe('log formats', () => {
  const variables = builtinVariables();

  it('combined', () => {
    const format = compileLogFormat(COMBINED, 'default', variables);
    const exchange = exchangeOf('GET /x HTTP/1.1\nHost: a\nUser-Agent: test "1"');
    Object.assign(exchange, { status: 200, octetsSent: 150, headOctetsSent: 100 });
    expect(format.text(exchange).replace(/\[.*?\]/, '[time]')).to.equal(
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
      expect(format.text(exchange)).to.equal(`{"\\"}[${value}][${missing}][]`);
    });
  }

  it('JSON escapes control octets', () => {
    const format = compileLogFormat('$http_x', 'json', variables);
    expect(format.text(exchangeOf('GET / HTTP/1.1\nX: a\x01b\x1fc\x08\x0c'))).to.equal(
      'a\\u0001b\\u001Fc\\b\\f',
    );
  });

  it('a variable whose methods need their object: those of maps, geo and split_clients', () => {
    const table = builtinVariables();
    const deferred = new DeferredVariable();
    table.define('m', deferred);
    const format = compileLogFormat('[$m]', 'default', table);
    deferred.bind(table.lookup('request_method')!);
    expect(format.text(exchangeOf('POST / HTTP/1.1\nHost: a'))).to.equal('[POST]');
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
    expect(compileLogFormat('[$m][$args][$is_args][$https]', 'default', table).text(exchangeOf())).to.equal(
      '[][-][][]',
    );
  });

  /** What a value must become, code unit by code unit. */
  const REFERENCE: Record<LogEscape, (c: string, code: number) => string> = {
    default: (c, code) => (code < 0x20 || code > 0x7e || c === '"' || c === '\\' ? `\\x${hex(code)}` : c),
    json: (c, code) => (code < 0x20 || c === '"' || c === '\\' ? JSON.stringify(c).slice(1, -1) : c),
    none: (c) => c,
  };
  const hex = (code: number): string => code.toString(16).toUpperCase().padStart(2, '0');
  for (const escape of Object.keys(REFERENCE) as LogEscape[]) {
    it(`escape=${escape}: every octet that a value may hold, first, last and in between`, () => {
      const format = compileLogFormat('<$http_x_value>', escape, variables);
      for (let code = 0; code < 256; code++) {
        const c = String.fromCharCode(code);
        if (c === '\r' || c === '\n') continue;
        for (const value of [`a${c}b`, `ab${c}`, `${c}${c}`]) {
          const exchange = exchangeOf('GET / HTTP/1.1\nX-Value: v');
          const { request } = exchange;
          request.octets = Buffer.from(value, 'latin1');
          request.fields.set([0, 0, 0, value.length], 0);
          const wanted = [...value].map((each) => REFERENCE[escape](each, each.charCodeAt(0))).join('');
          expect(format.text(exchange).toLowerCase(), `octet ${code}`).to.equal(`<${wanted}>`.toLowerCase());
        }
      }
    });
  }

  it('lines longer than the place that they are laid down in are whole', () => {
    const format = compileLogFormat('[$http_x_value|$http_x_value]', 'default', variables);
    for (const value of ['a'.repeat(70_000), '"'.repeat(40_000)]) {
      const escaped = value.replaceAll('"', '\\x22');
      const line = `[${escaped}|${escaped}]`;
      expect(format.text(exchangeOf(`GET / HTTP/1.1\nX-Value: ${value}`)) === line).to.equal(true);
    }
  });

  it('a sink that takes octets gets the same line with its end, and may keep nothing of it', () => {
    const format = compileLogFormat('$request $status $body_bytes_sent', 'default', variables);
    const got: string[] = [];
    const octets = {
      write: () => expect.fail('gets octets, not texts'),
      append: (from: Uint8Array, start: number, end: number) => {
        got.push(Buffer.from(from.subarray(start, end)).toString('latin1'));
        from.fill(0x78, start, end);
      },
    };
    for (const [status, octetsSent] of [
      [200, 0],
      [0, 9],
      [99, 10],
      [404, 100],
      [502, 123_456_789],
      [502, 999_999_999],
      [502, 1_000_000_000],
      [502, 5_000_000_000_000],
    ]) {
      const exchange = Object.assign(exchangeOf(), { status, octetsSent });
      const text = `GET / HTTP/1.1 ${String(status).padStart(3, '0')} ${octetsSent}`;
      expect(format.text(exchange)).to.equal(text);
      format.log(exchange, octets);
      expect(got.pop()).to.equal(`${text}\n`);
    }
  });

  it('an unknown variable is refused', () => {
    expect(() => compileLogFormat('$nothing', 'default', variables)).to.throw(
      TemplateError,
      'unknown "nothing" variable',
    );
  });
});
