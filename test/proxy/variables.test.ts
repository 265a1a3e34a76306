import { expect } from 'chai';
import { contextOf } from '../../src/proxy/context.js';
import { namedCapture } from '../../src/proxy/request-variables.js';
import { compileTemplate } from '../../src/proxy/template.js';
import { builtinVariables, DeferredVariable, VariableTable } from '../../src/proxy/variables.js';
import {
  attempt,
  exchangeOf,
  forward,
  location,
  octetsOf,
  respond,
  responseHead,
  server,
} from './fixtures.js';
import { FieldEdits, fieldSet } from '../../src/message/field-edits.js';
import type { Exchange } from '../../src/machine/exchange.js';

const HEAD =
  'POST /a%20b/../c?x=1&Y=two&y=three&flag HTTP/1.1\nHost: Example.COM.:8080\nX-Real-IP: 192.0.2.9\n' +
  'X-Many: one\nx-many: two\nCookie: a=1; session=abc\nCookie: c = 3\nContent-Length: 12\nContent-Type: text/plain\n' +
  'Authorization: Basic dXNlcjpwYXNz\nUpgrade: websocket\nX-Empty:';

const CASES: [name: string, value: string][] = [
  ['http_x_real_ip', '192.0.2.9'],
  ['HTTP_X_Real_IP', '192.0.2.9'],
  ['http_upgrade', 'websocket'],
  ['http_x_many', 'one, two'],
  ['http_cookie', 'a=1; session=abc; c = 3'],
  ['http_absent', ''],
  ['http_host', 'Example.COM.:8080'],
  ['host', 'example.com'],
  ['args', 'x=1&Y=two&y=three&flag'],
  ['query_string', 'x=1&Y=two&y=three&flag'],
  ['is_args', '?'],
  ['arg_x', '1'],
  ['arg_y', 'two'],
  ['arg_flag', ''],
  ['arg_lag', ''],
  ['uri', '/c'],
  ['document_uri', '/c'],
  ['request_uri', '/a%20b/../c?x=1&Y=two&y=three&flag'],
  ['request', 'POST /a%20b/../c?x=1&Y=two&y=three&flag HTTP/1.1'],
  ['request_method', 'POST'],
  ['request_length', '321'],
  ['request_body', ''],
  ['request_time', '0.250'],
  ['server_name', 'www.example.com'],
  ['server_addr', '127.0.0.1'],
  ['server_port', '8080'],
  ['server_protocol', 'HTTP/1.1'],
  ['scheme', 'http'],
  ['https', ''],
  ['remote_addr', '192.0.2.1'],
  ['remote_port', '40000'],
  ['binary_remote_addr', '\xc0\x00\x02\x01'],
  ['remote_user', 'user'],
  ['connection', '7'],
  ['connection_requests', '3'],
  ['connection_time', '1.250'],
  ['content_length', '12'],
  ['content_type', 'text/plain'],
  ['cookie_session', 'abc'],
  ['cookie_SESSION', 'abc'],
  ['cookie_c', '3'],
  ['cookie_none', ''],
  ['proxy_add_x_forwarded_for', '192.0.2.1'],
  ['status', '200'],
  ['bytes_sent', '500'],
  ['body_bytes_sent', '300'],
  ['nginx_version', '1.31.0'],
  ['pid', String(process.pid)],
];

function sample(): Exchange {
  const exchange = exchangeOf(HEAD, {}, 3);
  const context = contextOf(exchange);
  context.server = server(['www.example.com']);
  Object.assign(exchange, {
    octetsReceived: 321,
    status: 200,
    octetsSent: 500,
    headOctetsSent: 200,
    endedAt: 2250,
  });
  return exchange;
}

describe('variables', () => {
  const variables = builtinVariables();

  describe('have the same value as text and as octets', () => {
    const templates = CASES.map(([name, value]) => ({
      name,
      value,
      template: compileTemplate(`$${name}`, variables),
    }));
    for (const { name, value, template } of templates) {
      it(`$${name}`, () => {
        const exchange = sample();
        expect(template.text(exchange)).to.equal(value);
        expect(octetsOf(template, exchange)).to.equal(value);
      });
    }
  });

  for (const name of ['foo', 'http_', 'ssl_curves', 'geoip_city']) {
    it(`$${name} is unknown rather than empty`, () => expect(variables.lookup(name)).to.equal(undefined));
  }

  it('$host falls back from the target to Host to the name of the server', () => {
    const host = compileTemplate('$host', variables);
    const absolute = exchangeOf('GET http://Other.example:81/x HTTP/1.1\nHost: ignored');
    const literal = exchangeOf('GET / HTTP/1.1\nHost: [2001:DB8::1]:80');
    const none = exchangeOf('GET / HTTP/1.0');
    contextOf(none).server = server(['fallback.example']);
    expect(octetsOf(host, absolute)).to.equal('other.example');
    expect(octetsOf(host, literal)).to.equal('[2001:db8::1]');
    expect(host.text(none)).to.equal('fallback.example');
    expect(octetsOf(host, none)).to.equal('fallback.example');
  });

  it('$server_name leaves out the dot of a mask, and shows a regular expression as it is written', () => {
    const name = compileTemplate('$server_name', variables);
    for (const [first, shown] of [
      ['.example.com', 'example.com'],
      ['~^www', '~^www'],
      ['*.a', '*.a'],
    ]) {
      const exchange = exchangeOf();
      contextOf(exchange).server = server([first]);
      expect(name.text(exchange)).to.equal(shown);
    }
  });

  it('$proxy_add_x_forwarded_for appends to what was received, over all its lines', () => {
    const template = compileTemplate('x $proxy_add_x_forwarded_for', variables);
    const exchange = exchangeOf(
      'GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 10.0.0.1\nX-Forwarded-For: 10.0.0.2',
    );
    expect(octetsOf(template, exchange)).to.equal('x 10.0.0.1, 10.0.0.2, 192.0.2.1');
    expect(template.text(exchange)).to.equal('x 10.0.0.1, 10.0.0.2, 192.0.2.1');
  });

  it('the octets of the remote address are rendered once for all connections from it', () => {
    const template = compileTemplate('$remote_addr', variables);
    const exchange = exchangeOf();
    octetsOf(template, exchange);
    const { cache } = exchange.connection;
    octetsOf(template, exchange);
    expect(cache).to.be.an('object');
    expect(exchange.connection.cache).to.equal(cache);
    const again = exchangeOf(undefined, { serial: 8, cache: undefined });
    expect(octetsOf(template, again)).to.equal('192.0.2.1');
    expect(again.connection.cache).to.equal(cache);
  });

  it('and never for another address, however many there are', () => {
    const template = compileTemplate('$remote_addr,$proxy_add_x_forwarded_for', variables);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 1500; i++) {
        const remoteAddress = `10.1.${i >> 8}.${i & 255}`;
        const text = octetsOf(template, exchangeOf(undefined, { remoteAddress, cache: undefined }));
        expect(text).to.equal(`${remoteAddress},${remoteAddress}`);
      }
    }
  });

  it('$request_uri of an absolute target without a path begins with a slash', () => {
    const template = compileTemplate('$request_uri', variables);
    const exchange = exchangeOf('GET http://a?x HTTP/1.1\nHost: a');
    expect(template.text(exchange)).to.equal('/?x');
    expect(octetsOf(template, exchange)).to.equal('/?x');
  });

  it('$request_id is 32 hexadecimal digits, the same for the whole exchange', () => {
    const template = compileTemplate('$request_id', variables);
    const exchange = exchangeOf();
    expect(template.text(exchange)).to.match(/^[0-9a-f]{32}$/);
    expect(template.text(exchange)).to.equal(template.text(exchange));
    expect(template.text(exchangeOf())).to.not.equal(template.text(exchange));
  });

  it('$request_time before the end is the time until the last thing that happened', () => {
    const template = compileTemplate('$request_time', variables);
    const exchange = exchangeOf();
    exchange.addAttempt(attempt('127.0.0.1:1', { connectedAt: 2010, headAt: 2034 }));
    expect(template.text(exchange)).to.equal('0.034');
  });

  it('an IPv6 address has 16 octets in $binary_remote_addr', () => {
    const template = compileTemplate('$binary_remote_addr', variables);
    const hex = (address: string): string =>
      Buffer.from(template.text(exchangeOf('GET / HTTP/1.1', { remoteAddress: address })), 'latin1').toString(
        'hex',
      );
    expect(hex('2001:db8::ff00:1')).to.equal('20010db80000000000000000ff000001');
    expect(hex('::')).to.equal('0'.repeat(32));
    expect(hex('::ffff:192.0.2.1')).to.equal('00000000000000000000ffffc0000201');
    expect(hex('1:2:3:4:5:6:7:8')).to.equal('00010002000300040005000600070008');
  });

  it('upstream variables list all attempts', () => {
    const exchange = exchangeOf();
    exchange.addAttempt(attempt('127.0.0.1:81', { status: 502, endedAt: 2003 }));
    exchange.addAttempt(
      attempt(
        '127.0.0.1:82',
        {
          reused: true,
          headAt: 2020,
          endedAt: 2030,
          status: 200,
          octetsSent: 10,
          octetsReceived: 90,
          contentOctets: 50,
        },
        2003,
      ),
    );
    const show = (name: string): string => compileTemplate(`$${name}`, variables).text(exchange);
    expect(show('upstream_addr')).to.equal('127.0.0.1:81, 127.0.0.1:82');
    expect(show('upstream_status')).to.equal('502, 200');
    expect(show('upstream_connect_time')).to.equal('-, 0.000');
    expect(show('upstream_header_time')).to.equal('-, 0.017');
    expect(show('upstream_response_time')).to.equal('0.003, 0.027');
    expect(show('upstream_bytes_sent')).to.equal('0, 10');
    expect(show('upstream_bytes_received')).to.equal('0, 90');
    expect(show('upstream_response_length')).to.equal('0, 50');
  });

  it('upstream variables have no value without an attempt', () => {
    expect(
      compileTemplate('$upstream_addr$upstream_status$upstream_http_x', variables).text(exchangeOf()),
    ).to.equal('');
  });

  it('the upstream response is read by $upstream_http_NAME and $upstream_cookie_NAME', () => {
    const template = compileTemplate(
      '$upstream_http_x_a|$upstream_cookie_b|$upstream_cookie_none',
      variables,
    );
    const exchange = exchangeOf();
    exchange.response = responseHead(
      'HTTP/1.1 200 OK\nX-A: 1\nSet-Cookie: a=x; Path=/\nSet-Cookie: B=y; Path=/\nx-a: 2',
    );
    expect(template.text(exchange)).to.equal('1, 2|y|');
  });

  it('$sent_http_NAME is what the edits made of the upstream response', () => {
    const template = compileTemplate(
      '$sent_http_x_kept|$sent_http_x_dropped|$sent_http_x_new|$sent_http_content_length',
      variables,
    );
    const value = compileTemplate('new $status$sent_http_x_new', variables);
    const exchange = exchangeOf();
    exchange.response = responseHead('HTTP/1.1 200 OK\nX-Kept: 1\nX-Dropped: 2\nContent-Length: 5');
    exchange.status = 200;
    exchange.plan = {
      ...forward(),
      responseEdits: new FieldEdits<Exchange>(['X-Dropped'], [], [fieldSet('X-New', value)]),
    };
    expect(template.text(exchange)).to.equal('1||new 200|5');
    exchange.status = exchange.response.status = 404;
    expect(template.text(exchange)).to.equal('1|||5');
    exchange.status = 502;
    expect(template.text(exchange)).to.equal('|||');
  });

  it('$sent_http_NAME of an answer made here', () => {
    const template = compileTemplate('$sent_http_location|$sent_http_content_length', variables);
    const exchange = exchangeOf();
    exchange.status = 301;
    exchange.plan = respond(301, new FieldEdits<Exchange>([], [fieldSet('Location', '/there', true)]));
    expect(template.text(exchange)).to.match(/^\/there\|\d\d+$/);
  });

  it('$proxy_host and $proxy_port are those of the location', () => {
    const template = compileTemplate('$proxy_host:$proxy_port', variables);
    const exchange = exchangeOf();
    const constant = (text: string) => compileTemplate(text, variables);
    contextOf(exchange).location = location('prefix', '/', {
      proxy: { host: constant('backend'), port: constant('80') },
    });
    expect(template.text(exchange)).to.equal('backend:80');
  });

  it("times have nginx's forms", () => {
    const show = (name: string): string => compileTemplate(`$${name}`, variables).text(exchangeOf());
    expect(show('time_local')).to.match(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/);
    expect(show('time_iso8601')).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
    expect(Number(show('msec'))).to.be.closeTo(Date.now() / 1000, 5);
    expect(show('msec')).to.match(/^\d+\.\d{3}$/);
  });

  it('a refused head has no values, and breaks nothing', () => {
    const exchange = exchangeOf();
    exchange.request.length = 0;
    exchange.request.count = 0;
    Object.assign(exchange.request, { pathStart: 0, pathEnd: 0, hostStart: 0, hostEnd: 0, hostNameEnd: 0 });
    const text = compileTemplate(
      '$request|$request_method|$uri|$args|$host|$request_uri|$server_protocol',
      variables,
    );
    // Of the request line there is what came of it.
    expect(text.text(exchange)).to.equal('GET / HTTP/1.1||||||');
  });

  it('a head refused in its start line has no values of the request whose storage it took over', () => {
    const exchange = exchangeOf('GARBAGE\nHost: mine');
    Object.assign(exchange.request, { pathStart: 3, pathEnd: 40, hostStart: 2, hostEnd: 9, hostNameEnd: 9 });
    const text = compileTemplate('[$uri][$args][$host][$request_uri][$request]', variables);
    expect(text.text(exchange)).to.equal('[][][][][GARBAGE]');
    expect(octetsOf(text, exchange)).to.equal('[][][][][GARBAGE]');
  });

  it('a table asks its parent, and its own names come first', () => {
    const child = new VariableTable(variables);
    child.define('Host', { text: () => 'mine' });
    expect(compileTemplate('$host $scheme', child).text(exchangeOf())).to.equal('mine http');
    expect(compileTemplate('$host', variables).text(exchangeOf())).to.equal('example.com');
  });

  it('a deferred variable is what it is bound to, and empty inside its own evaluation', () => {
    const table = new VariableTable(variables);
    const deferred = new DeferredVariable();
    table.define('loop', deferred);
    const template = compileTemplate('a$loop', table);
    deferred.bind({ text: (exchange) => `[${template.text(exchange)}]` });
    expect(template.text(exchangeOf())).to.equal('a[a]');
    expect(octetsOf(template, exchangeOf())).to.equal('a[a]');
  });

  it('captures are those of the last match, named ones of all', () => {
    const table = new VariableTable(variables);
    for (const name of ['first', 'second']) table.define(name, namedCapture(name));
    const template = compileTemplate('$1 $2 $first $second', table);
    const exchange = exchangeOf();
    expect(template.text(exchange)).to.equal('   ');
    const context = contextOf(exchange);
    context.capture(/(?<first>.)(.)/.exec('ab')!);
    context.capture(/(?<Second>.)(x)?/.exec('c')!);
    expect(template.text(exchange)).to.equal('c  a c');
  });
});
