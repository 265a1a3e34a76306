import { expect } from 'chai';
import { Fault } from '../../src/error.js';
import { FieldEdits, fieldSet } from '../../src/message/field-edits.js';
import { BODY_LENGTH } from '../../src/message/head.js';
import type { Exchange } from '../../src/machine/exchange.js';
import type { Plan } from '../../src/machine/policy.js';
import { localEdits } from '../../src/proxy/edits.js';
import { compileLogFormat } from '../../src/proxy/log-format.js';
import type { AccessLog, ListenerModel, ServerModel } from '../../src/proxy/model.js';
import { ProxyPolicy } from '../../src/proxy/policy.js';
import { ProxyPassTarget } from '../../src/proxy/request-uri.js';
import { compileTemplate } from '../../src/proxy/template.js';
import { builtinVariables } from '../../src/proxy/variables.js';
import {
  attempt,
  connection,
  exchangeOf,
  forward,
  Lines,
  location,
  octetsOf,
  respond,
  responseHead,
  server,
} from './fixtures.js';

const variables = builtinVariables();

function listener(servers: readonly ServerModel[]): ListenerModel {
  return { address: { host: '0.0.0.0', port: 8080 }, servers, defaultServer: servers[0] };
}

function policyOf(...servers: ServerModel[]): ProxyPolicy {
  return new ProxyPolicy(listener(servers));
}

describe('the policy of a listener', () => {
  describe('chooses the server by host', () => {
    const names = [['a.example', '.b.example'], ['c.example'], ['~^(?<who>.+)\\.d\\.example$']];
    const policy = policyOf(...names.map((list, i) => server(list, { action: respond(210 + i) })));
    for (const [host, status] of [
      ['a.example', 210],
      ['C.Example:8080', 211],
      ['c.example.', 211],
      ['x.b.example', 210],
      ['unknown', 210],
      ['me.d.example', 212],
      ['c.example', 211],
      ['C.EXAMPLE', 211],
    ] as const) {
      it(`${host} leads to ${status}`, () => {
        for (let i = 0; i < 2; i++) {
          const plan = policy.plan(exchangeOf(`GET / HTTP/1.1\nHost: ${host}`), 0);
          expect(plan).to.have.property('status', status);
        }
      });
    }

    it('captures of its name are there for every request, the second one too', () => {
      const who = { text: (e: Exchange) => (e.context as { named: Map<string, string> }).named.get('who') };
      for (let i = 0; i < 2; i++) {
        const exchange = exchangeOf('GET / HTTP/1.1\nHost: me.d.example');
        policy.plan(exchange, 0);
        expect(who.text(exchange)).to.equal('me');
      }
    });
  });

  it('a location decides; without one the server level does', () => {
    const action = forward();
    const policy = policyOf(server(['a'], { locations: [location('prefix', '/in/', { action })] }));
    expect(policy.plan(exchangeOf('GET /in/x HTTP/1.1\nHost: a'), 0)).to.equal(action);
    expect(policy.plan(exchangeOf('GET /out HTTP/1.1\nHost: a'), 0)).to.have.property('status', 404);
  });

  it('a return at server level comes before all locations', () => {
    const action = respond(301);
    const policy = policyOf(server(['a'], { locations: [location('exact', '/')] }, { action }));
    expect(policy.plan(exchangeOf('GET / HTTP/1.1\nHost: a'), 0)).to.equal(action);
  });

  it('captures of the location are there', () => {
    const one = compileTemplate('$1', variables);
    const policy = policyOf(server(['a'], { locations: [location('regex', '^/user/(\\w+)')] }));
    const exchange = exchangeOf('GET /user/ann/x HTTP/1.1\nHost: a');
    policy.plan(exchange, 0);
    expect(one.text(exchange)).to.equal('ann');
  });

  for (const [line, status] of [
    ['GET /../x HTTP/1.1', 400],
    ['GET /%00 HTTP/1.1', 400],
    ['OPTIONS * HTTP/1.1', 400],
    ['CONNECT a:80 HTTP/1.1', 405],
  ] as const) {
    it(`${line} is answered ${status}, and the connection ends`, () => {
      const policy = policyOf(server(['a']));
      const plan = policy.plan(exchangeOf(`${line}\nHost: a`), 0);
      expect(plan).to.include({ kind: 'respond', status });
      expect(plan.downstream.keepaliveTimeoutMs).to.equal(0);
    });
  }

  it('a name without its slash is redirected to it, with the query', () => {
    const policy = policyOf(
      server(['a'], { locations: [location('prefix', '/ap p/', { action: forward() })] }),
    );
    const exchange = exchangeOf('GET /ap%20p?x=1 HTTP/1.1\nHost: a.example');
    const plan = policy.plan(exchange, 0);
    if (plan.kind !== 'respond') throw new Error('not answered here');
    const line = plan.edits.first.find((set) => Buffer.from(set.prefix).toString() === 'Location: ');
    expect(plan.status).to.equal(301);
    expect(octetsOf(line!.value, exchange)).to.equal('http://a.example:8080/ap%20p/?x=1');
    expect(policy.plan(exchangeOf('GET /ap%20p HTTP/1.1\nHost: a'), 0)).to.equal(plan);
  });

  it('a plain request with one server makes no text on its way to a plan', () => {
    const action = forward();
    const policy = policyOf(server(['a'], { locations: [location('prefix', '/', { action })] }));
    const exchange = exchangeOf('GET /a/b?c HTTP/1.1\nHost: whoever.example');
    const makesText = (): never => {
      throw new Error('made a text');
    };
    exchange.request.text = makesText;
    exchange.request.octets.toString = makesText;
    expect(policy.plan(exchange, 0)).to.equal(action);
  });

  it('with several servers the same host makes a text once', () => {
    const policy = policyOf(server(['a.example']), server(['b.example'], { action: respond(211) }));
    const request = 'GET / HTTP/1.1\nHost: b.example';
    policy.plan(exchangeOf(request), 0);
    const exchange = exchangeOf(request);
    exchange.request.text = () => {
      throw new Error('made a text');
    };
    expect(policy.plan(exchange, 0)).to.have.property('status', 211);
  });

  it('a failure gets the lines of its location, or the bare page', () => {
    const pageEdits = localEdits({ contentType: 'text/html', location: null, add: [], serverTokens: false });
    const fault = new Fault('UPSTREAM_CONNECT', 'upstream');
    const policy = policyOf(
      server(['a'], { locations: [location('prefix', '/in/', { pageEdits }), location('prefix', '/out/')] }),
    );
    const inside = exchangeOf('GET /in/ HTTP/1.1\nHost: a');
    const outside = exchangeOf('GET /out/ HTTP/1.1\nHost: a');
    policy.plan(inside, 0);
    policy.plan(outside, 0);
    expect(policy.failed(inside, 502, fault)).to.include({ status: 502, edits: pageEdits, content: null });
    expect(policy.failed(outside, 502, fault)).to.equal(undefined);
  });

  it('the access log of the location gets one line, of the server level without one', () => {
    const format = compileLogFormat('$status $uri $server_name', 'default', variables);
    const [outer, inner] = [new Lines(), new Lines()];
    const policy = policyOf(
      server(['a'], {
        accessLogs: [{ format, sink: outer }],
        locations: [location('prefix', '/in/', { accessLogs: [{ format, sink: inner }] })],
      }),
    );
    for (const path of ['/in/x', '/y']) {
      const exchange = exchangeOf(`GET ${path} HTTP/1.1\nHost: a`);
      policy.plan(exchange, 0);
      exchange.status = 200;
      policy.finished(exchange, 5);
    }
    const refused = exchangeOf('GET http://u@a/ HTTP/1.1\nHost: a');
    refused.status = 400;
    refused.request.length = 0;
    policy.finished(refused, 5);
    expect(inner.lines).to.deep.equal(['200 /in/x a']);
    expect(outer.lines).to.deep.equal(['200 /y a', '400 - a']);
  });

  it('a tunnel keeps the response head where a log of its location reads it', () => {
    const plain = compileLogFormat('$status', 'default', variables);
    const logs = (text: string, condition?: string): AccessLog[] => [
      { format: plain, sink: new Lines() },
      {
        format: compileLogFormat(text, 'default', variables),
        condition: condition === undefined ? undefined : compileTemplate(condition, variables),
        sink: new Lines(),
      },
    ];
    const policy = policyOf(
      server(['a'], {
        accessLogs: logs('$upstream_http_x_a'),
        locations: [
          location('prefix', '/no/', { accessLogs: logs('$request $status', '$http_x_a') }),
          location('prefix', '/if/', { accessLogs: logs('$status', '$sent_http_x_a') }),
          location('prefix', '/off/', { accessLogs: [] }),
        ],
      }),
    );
    for (const [path, octets] of [
      ['/', 33],
      ['/no/', 0],
      ['/if/', 33],
      ['/off/', 0],
    ] as const) {
      const exchange = exchangeOf(`GET ${path} HTTP/1.1\nHost: a`);
      policy.plan(exchange, 0);
      exchange.response = responseHead('HTTP/1.1 101 Switched\nX-A: b');
      exchange.response.length = 33;
      policy.switched(exchange);
      expect(exchange.response.length, path).to.equal(octets);
    }
  });

  describe("writes faults in nginx's shape", () => {
    const log = new Lines();
    const name = compileTemplate('backend', variables);
    const proxy = { host: name, port: compileTemplate('80', variables) };
    const action = forward(new ProxyPassTarget('/app/', '/x/'));
    const policy = policyOf(
      server(['site.example'], {
        errorLog: log,
        locations: [
          location('prefix', '/', { errorLog: log, action: forward(), proxy }),
          location('prefix', '/app/', { errorLog: log, action, proxy }),
        ],
      }),
    );
    const REQUEST = 'GET /a?b HTTP/1.1\nHost: Site.example:8080';
    const TAIL = 'client: 192.0.2.1, server: site.example, request: "GET /a?b HTTP/1.1"';

    function planned(text = REQUEST): Exchange {
      const exchange = exchangeOf(text);
      exchange.plan = policy.plan(exchange, 0) as Plan;
      return exchange;
    }

    function logged(fault: Fault, exchange: Exchange | null): string {
      log.lines.length = 0;
      policy.fault(fault, exchange, connection());
      expect(log.lines).to.have.length(1);
      return log.lines[0].replace(/ \[[A-Z_0-9]+, [^\]]+\]/, '');
    }

    it('a refused connection', () => {
      const exchange = planned();
      exchange.addAttempt(attempt('127.0.0.1:81'));
      expect(logged(new Fault('UPSTREAM_CONNECT', 'upstream', -1, 'ECONNREFUSED'), exchange)).to.equal(
        `error: *7 connect() failed (111: Connection refused) while connecting to upstream, ${TAIL}, ` +
          'upstream: "http://127.0.0.1:81/a?b", host: "Site.example:8080"',
      );
    });

    it('the code and the directive that decided', () => {
      policy.fault(new Fault('UPSTREAM_READ_TIMEOUT', 'upstream'), planned(), connection());
      expect(log.lines.at(-1)).to.include('[UPSTREAM_READ_TIMEOUT, proxy_read_timeout], client: 192.0.2.1');
    });

    it('no live upstreams, under the name of the upstream, with the target that would have been sent', () => {
      const line = logged(
        new Fault('NO_PEER', 'internal'),
        planned('GET /app/y HTTP/1.1\nHost: site.example\nReferer: r'),
      );
      expect(line).to.match(/^error: \*7 no live upstreams while connecting to upstream, /);
      expect(line).to.match(/upstream: "http:\/\/backend\/x\/y", host: "site.example", referrer: "r"$/);
    });

    for (const [fault, numbers, words] of [
      [
        new Fault('UPSTREAM_CONNECT_TIMEOUT', 'upstream'),
        {},
        'upstream timed out (110: Connection timed out) while connecting to upstream',
      ],
      [
        new Fault('UPSTREAM_READ_TIMEOUT', 'upstream'),
        { connectedAt: 1 },
        'upstream timed out (110: Connection timed out) while reading response header from upstream',
      ],
      [
        new Fault('UPSTREAM_CLOSED', 'upstream'),
        { connectedAt: 1 },
        'upstream prematurely closed connection while reading response header from upstream',
      ],
      [
        new Fault('UPSTREAM_CLOSED', 'upstream', -1, 'ECONNRESET'),
        { connectedAt: 1, headAt: 2 },
        'recv() failed (104: Connection reset by peer) while reading upstream',
      ],
      [
        new Fault('HEAD_SYNTAX', 'upstream'),
        { connectedAt: 1 },
        'upstream sent invalid header while reading response header from upstream',
      ],
      [
        new Fault('HEAD_TOO_LARGE', 'upstream'),
        { connectedAt: 1 },
        'upstream sent too big header while reading response header from upstream',
      ],
      [
        new Fault('CHUNK_SIZE_INVALID', 'upstream'),
        { connectedAt: 1, headAt: 2 },
        'upstream sent invalid chunked response while reading upstream',
      ],
    ] as const) {
      it(words, () => {
        const exchange = planned();
        exchange.addAttempt(attempt('127.0.0.1:81', numbers));
        if ('headAt' in numbers) exchange.response = responseHead('HTTP/1.1 200 OK');
        expect(logged(fault, exchange))
          .to.match(/^error: /)
          .and.to.include(` ${words}, client: `);
      });
    }

    it('a downstream side that left is worth an info', () => {
      const exchange = planned();
      expect(logged(new Fault('DOWNSTREAM_CLOSED', 'downstream'), exchange)).to.match(
        /^info: \*7 client prematurely closed connection, client: /,
      );
      exchange.addAttempt(attempt('127.0.0.1:81', { connectedAt: 1 }));
      expect(logged(new Fault('DOWNSTREAM_CLOSED', 'downstream'), exchange)).to.include(
        'client prematurely closed connection, so upstream connection is closed too while reading response header',
      );
    });

    it('content that is too large is worth an error', () => {
      expect(logged(new Fault('CONTENT_TOO_LARGE', 'downstream'), planned())).to.match(
        /^error: \*7 client intended to send too large chunked body, client: .*, host: "Site.example:8080"$/,
      );
      const announced = planned('POST /app/y HTTP/1.1\nHost: site.example');
      Object.assign(announced.request, { body: BODY_LENGTH, contentLength: 9 });
      expect(logged(new Fault('CONTENT_TOO_LARGE', 'downstream'), announced)).to.match(
        /^error: \*7 client intended to send too large body: 9 bytes, client: .*, host: "site.example"$/,
      );
    });

    it('a tunnel without traffic', () => {
      const exchange = planned();
      exchange.addAttempt(attempt('127.0.0.1:81', { connectedAt: 1, headAt: 2 }));
      exchange.tunnelled = true;
      policy.fault(new Fault('TUNNEL_IDLE', 'upstream'), exchange, connection());
      expect(log.lines.at(-1)).to.include(
        'upstream timed out (110: Connection timed out) while proxying upgraded connection [TUNNEL_IDLE, proxy_read_timeout]',
      );
    });

    it('a connection without a request is named by its listener', () => {
      expect(logged(new Fault('HEAD_TIMEOUT', 'downstream'), null)).to.equal(
        'info: *7 client timed out (110: Connection timed out) while reading client request headers, ' +
          'client: 192.0.2.1, server: 0.0.0.0:8080',
      );
    });

    it('a refused head, and octets that would move a terminal', () => {
      const exchange = exchangeOf('GET /\x1b[2J HTTP/1.1\nHost: a');
      expect(logged(new Fault('TARGET_INVALID', 'downstream', 4), exchange)).to.equal(
        'info: *7 client sent invalid request while reading client request line, client: 192.0.2.1, ' +
          'server: site.example, request: "GET /\\x1B[2J HTTP/1.1", host: "a"',
      );
    });
  });

  it('keeps the lines that a page plan was given', () => {
    const pageEdits = new FieldEdits<Exchange>([], [fieldSet('X-Page', '1', true)]);
    const policy = policyOf(server(['a'], { pageEdits }));
    const plan = policy.plan(exchangeOf('GET /.. HTTP/1.1\nHost: a'), 0);
    expect(plan).to.have.property('edits', pageEdits);
  });
});
