/**
 * Proves what a sound configuration means: defaults, inheritance, listeners, upstreams, locations and answers, as the
 * values that `proxy/` and the machine are given.
 */
import { expect } from 'chai';
import type { Identities } from '../../src/config/table.js';
import { compileConfig, knowsDirective } from '../../src/config/compile.js';
import { LARGEST_HEAD_OCTETS as LARGEST_CONFIGURED } from '../../src/config/directives/connection.js';
import { DISK } from '../../src/config/files.js';
import type { ForwardPlan, Peer, RespondPlan } from '../../src/machine/policy.js';
import { NEXT_ERROR, NEXT_INVALID_HEADER, NEXT_TIMEOUT } from '../../src/machine/policy.js';
import type { FieldEdits } from '../../src/message/field-edits.js';
import { REWRITES } from '../../src/message/field-edits.js';
import { FIELD_NAMES, PLAIN_NAME } from '../../src/message/field-names.js';
import { LARGEST_HEAD_OCTETS } from '../../src/wire/http1/head-reader.js';
import { attempt, exchangeOf, octetsOf } from '../proxy/fixtures.js';
import type { Exchange } from '../../src/machine/exchange.js';
import type { NameService, ResolverRules } from '../../src/proxy/balancing/names.js';
import { compile, inHttp, inLocation, inServer, locationOf, serverOf, show } from './compiling.js';

const FIXTURES = new URL('../../../test/config/fixtures/', import.meta.url);

/** The lines that edits lay down for an exchange. */
function linesOf(edits: FieldEdits<Exchange>, exchange = exchangeOf()): string[] {
  return [...edits.first, ...edits.last].map(
    (set) => Buffer.from(set.prefix).toString('latin1') + octetsOf(set.value, exchange),
  );
}

async function forwardOf(text: string): Promise<ForwardPlan> {
  const { action } = await locationOf(text);
  expect(action.kind).to.equal('forward');
  return action as ForwardPlan;
}

async function answerOf(text: string): Promise<RespondPlan> {
  return (await locationOf(inLocation(text))).action as RespondPlan;
}

function drain(plan: ForwardPlan, count: number): string[] {
  return Array.from({ length: count }, () => plan.peers.next(exchangeOf(), 0)?.name ?? 'none');
}

describe('config fixtures: the two snippets of nginx about WebSocket', () => {
  for (const name of ['websocket-simple.conf', 'websocket-map.conf']) {
    it(`${name} compiles unchanged`, async () => {
      const { config, errors, warnings, sources } = await compileConfig({
        file: new URL(name, FIXTURES).pathname,
        files: DISK,
        resolve: () => Promise.reject(new Error('no name is in it')),
        openLog: () => ({ write: () => undefined }),
        openErrorLog: () => ({ log: () => undefined }),
      });
      expect(errors).to.deep.equal([]);
      expect(warnings).to.deep.equal([]);
      expect(sources).to.have.length(1);
      const plan = config?.listeners[0].model.servers[0].root.locations[0].action as ForwardPlan;
      const lines = (text: string): string[] => linesOf(plan.requestEdits, exchangeOf(text));
      expect(lines('GET /chat/ HTTP/1.1\nHost: a\nUpgrade: websocket')).to.deep.equal([
        'Host: backend',
        'Upgrade: websocket',
        'Connection: upgrade',
      ]);
      expect(lines('GET /chat/ HTTP/1.1\nHost: a').slice(1)).to.deep.equal([
        'Upgrade: ',
        name === 'websocket-map.conf' ? 'Connection: close' : 'Connection: upgrade',
      ]);
    });
  }

  it('a map that closes plain upstream connections is worth advice, not a warning', async () => {
    const text = inHttp(
      `map $http_upgrade $c { default upgrade; '' close; }
      server { listen 81; location / { proxy_pass http://127.0.0.1; proxy_set_header Connection $c; } }`,
    );
    const { advice, warnings } = await compile(text);
    expect(warnings).to.deep.equal([]);
    expect(advice.map(show)).to.deep.equal(['4:44 requests without Upgrade close their upstream connection']);
    expect((await compile(text.replace('close', "''"))).advice).to.deep.equal([]);
  });
});

describe('config defaults', () => {
  it("are nginx's", async () => {
    const opened: string[] = [];
    const { config, errors } = await compile(
      'events {}\nhttp { server { location / { proxy_pass http://127.0.0.1; } } }',
      {
        opened,
      },
    );
    expect(errors).to.deep.equal([]);
    expect(config?.main).to.deep.equal({
      pid: 'logs/wirehop.pid',
      errorLog: null,
      daemon: false,
      masterProcess: true,
      workerProcesses: 1,
      workerConnections: 512,
      workerShutdownTimeoutMs: 0,
      environment: [],
      workerUser: null,
      workerRlimitNofile: 0,
      workerPriority: null,
    });
    expect(opened).to.have.members(['logs/access.log', 'logs/error.log error']);
    const [{ model }] = config?.listeners ?? [];
    expect(model.address).to.deep.equal({ host: '0.0.0.0', port: 8000 });
    const [server] = model.servers;
    expect(server.names).to.deep.equal(['']);
    expect(server.mergeSlashes).to.equal(true);
    expect(server.action).to.equal(null);
    expect(server.reading).to.deep.equal({
      headTimeoutMs: 60_000,
      maxLineOctets: 8192,
      maxHeadOctets: 32768,
      maxFields: 1000,
      nameOctets: PLAIN_NAME,
    });
    expect((server.root.action as RespondPlan).status).to.equal(404);
    const [location] = server.root.locations;
    expect(location.accessLogs).to.have.length(1);
    const { peers, requestEdits, responseEdits, ...plan } = location.action as ForwardPlan;
    expect(plan).to.deep.equal({
      kind: 'forward',
      downstream: {
        keepaliveTimeoutMs: 75_000,
        keepaliveRequests: 1000,
        keepaliveMinTimeoutMs: 0,
        keepaliveTimeMs: 3_600_000,
        bodyTimeoutMs: 60_000,
        sendTimeoutMs: 60_000,
        maxContentOctets: 1_048_576,
        lingeringTimeMs: 30_000,
        lingeringTimeoutMs: 5_000,
        lingering: 'on',
        resetsTimedOut: false,
        keepAliveLines: undefined,
      },
      target: null,
      method: null,
      content: undefined,
      minorVersion: 1,
      connectTimeoutMs: 60_000,
      sendTimeoutMs: 60_000,
      readTimeoutMs: 60_000,
      farewell: undefined,
      maxResponseHeadOctets: 8192,
      passesHints: undefined,
      dropsTrailers: false,
      nextOn: NEXT_ERROR | NEXT_TIMEOUT,
      nextStatuses: undefined,
      nextTries: 0,
      nextTimeoutMs: 0,
      intercepts: undefined,
      followsAccel: true,
      followsRate: true,
      readRate: undefined,
      status: 0,
    });
    expect(peers.next(exchangeOf(), 0)).to.deep.include({
      name: '127.0.0.1:80',
      host: '127.0.0.1',
      port: 80,
      path: '',
      pool: { maxIdle: 32, idleTimeoutMs: 60_000, maxRequests: 1000, maxAgeMs: 3_600_000 },
    });
    expect(linesOf(requestEdits)).to.deep.equal(['Host: 127.0.0.1']);
    expect(linesOf(responseEdits).map((line) => line.split(':')[0])).to.include.members(['Server', 'Date']);
    expect(responseEdits.rewrites?.names).to.deep.equal(['location', 'refresh']);
  });

  it('names of "resolve" are asked for by the nearest resolver, and watched', async () => {
    const asked: ResolverRules[] = [];
    const hosts: string[] = [];
    const nameService = (rules: ResolverRules): NameService => {
      asked.push(rules);
      return {
        host: (name) => {
          hosts.push(name);
          return Promise.resolve({ addresses: ['192.0.2.1'], validMs: 7 });
        },
        service: (name) => {
          hosts.push(name);
          return Promise.resolve([]);
        },
      };
    };
    const { config, errors } = await compile(
      inHttp(`resolver 192.0.2.53 [2001:db8::53]:5353 localhost valid=10s ipv6=off; resolver_timeout 5s;
upstream u { server app.test:8080 resolve; server app.test service=http resolve; server 192.0.2.9; }
upstream v { resolver 192.0.2.54; server app.test resolve; }
server { listen 127.0.0.1:18080; location / { proxy_pass http://u; } }`),
      { nameService },
    );
    expect(errors).to.deep.equal([]);
    expect(asked).to.deep.equal([
      {
        servers: ['192.0.2.53:53', '[2001:db8::53]:5353', '127.0.0.1:53', '[::1]:53'],
        validMs: 10_000,
        ipv4: true,
        ipv6: false,
        timeoutMs: 5000,
      },
      { servers: ['192.0.2.54:53'], validMs: null, ipv4: true, ipv6: true, timeoutMs: 5000 },
    ]);
    const { names } = config!;
    expect(names.map(({ name }) => name)).to.deep.equal(['app.test', '_http._tcp.app.test', 'app.test']);
    expect(await names[0].renew()).to.equal(7);
    expect(hosts).to.deep.equal(['app.test']);
  });

  it('listen on port 80 for root', async () => {
    const environment = { isRoot: true, userName: 'root', hostName: 'box' };
    const { config } = await compile(inHttp('server { location / { return 200; } }'), { environment });
    expect(config?.listeners[0].address).to.deep.equal({ host: '0.0.0.0', port: 80 });
  });

  it('a file without http listens nowhere', async () => {
    expect((await compile('events {}')).config?.listeners).to.deep.equal([]);
  });

  it('errors go where the caller says when the file names no log', async () => {
    const opened: string[] = [];
    await compile(inServer('location / { return 200; }'), { opened, defaultErrorLog: '/e.log' });
    expect(opened).to.deep.equal(['/e.log error']);
  });
});

describe('config of the process', () => {
  it('sets what is there to be set', async () => {
    const opened: string[] = [];
    const text = `pid run/p; worker_processes 1; daemon off; error_log stderr info; worker_shutdown_timeout 1m;
      events { worker_connections 64; }`;
    const { config, warnings } = await compile(text, { opened });
    expect(warnings).to.deep.equal([]);
    expect(config?.main).to.include({ pid: 'run/p', workerConnections: 64, workerShutdownTimeoutMs: 60_000 });
    expect(config?.main.errorLog).to.not.equal(null);
    expect(opened).to.deep.equal(['stderr info']);
  });

  it('worker_processes: a number, or as many as there are processors', async () => {
    const processors = async (text: string, count?: number): Promise<number | undefined> => {
      const own = { isRoot: false, userName: 'a', hostName: 'box' };
      const environment = count === undefined ? own : { ...own, processors: count };
      return (await compile(text, { environment })).config?.main.workerProcesses;
    };
    expect(await processors('worker_processes 3; events {}', 8)).to.equal(3);
    expect(await processors('worker_processes auto; events {}', 8)).to.equal(8);
    expect(await processors('worker_processes auto; events {}')).to.equal(1);
  });

  it('the limits of workers', async () => {
    const { config } = await compile(
      'master_process on; daemon on; worker_rlimit_nofile 4096; worker_priority -5; events {}',
    );
    expect(config?.main).to.include({ daemon: true, workerRlimitNofile: 4096, workerPriority: -5 });
    const { errors } = await compile('master_process off;\nworker_rlimit_nofile 4096; events {}');
    expect(errors.map(show)).to.deep.equal([
      '2:1 "worker_rlimit_nofile" cannot be honoured with "master_process off"',
    ]);
  });

  it("user: its own name silently, another name with nginx's warning, and as root looked up", async () => {
    const text = 'user www;\nevents {}';
    expect((await compile('user somebody;\nevents {}')).warnings).to.deep.equal([]);
    expect((await compile(text)).warnings.map((warning) => warning.text)).to.deep.equal([
      'the "user" directive makes sense only if the master process runs with super-user privileges, ignored',
    ]);
    const identities: Identities = {
      user: (name) => ({ root: 0, www: 33 })[name],
      group: (name) => ({ www: 34, other: 35 })[name],
    };
    const environment = { isRoot: true, userName: 'root', hostName: 'box', identities };
    const outcome = async (directive: string): Promise<unknown> => {
      const { config, errors } = await compile(`${directive}\nevents {}`, { environment });
      return config?.main.workerUser ?? errors.map(show);
    };
    expect(await outcome('user www;')).to.deep.equal({ name: 'www', uid: 33, gid: 34 });
    expect(await outcome('user www other;')).to.deep.equal({ name: 'www', uid: 33, gid: 35 });
    expect(await outcome('user root;')).to.deep.equal([]);
    expect(await outcome('user nobody;')).to.deep.equal(['1:6 getpwnam("nobody") failed']);
    expect(await outcome('user www nogroup;')).to.deep.equal(['1:10 getgrnam("nogroup") failed']);
  });

  it('warns once of each name that has no effect', async () => {
    const { warnings } = await compile(
      inHttp('sendfile on; tcp_nopush on;\nserver { listen 81; sendfile off; location / { return 200; } }'),
    );
    expect(warnings.map(show)).to.deep.equal([
      '4:1 "sendfile" directive is accepted without effect',
      '4:14 "tcp_nopush" directive is accepted without effect',
    ]);
  });

  it('looks for the host of a URL with variables at the start only where nobody can be asked later', async () => {
    const outcome = async (lines: string): Promise<string[]> => {
      const { errors, warnings } = await compile(
        inHttp(`${lines}\nserver { listen 81; location / { proxy_pass http://no.example$request_uri; } }`),
        { nameService: () => ({ host: () => Promise.reject(), service: () => Promise.reject() }) },
      );
      return [...errors, ...warnings].map(show);
    };
    expect(await outcome('resolver 192.0.2.53;')).to.deep.equal([]);
    expect(await outcome('')).to.deep.equal(['5:45 host not found in upstream "no.example$request_uri"']);
  });

  it('accepts the values of other directives that say what wirehop does anyway', async () => {
    const { errors } = await compile(
      inHttp('gzip off; tcp_nodelay on; proxy_cache off; proxy_intercept_errors off; absolute_redirect on;'),
    );
    expect(errors).to.deep.equal([]);
  });

  it('knows the names it can honour', () => {
    expect(['proxy_pass', 'map', 'include'].map(knowsDirective)).to.deep.equal([true, true, true]);
    expect(['random_index', 'ssl_engine', 'sendfile', 'foo'].some(knowsDirective)).to.equal(false);
  });
});

describe('config inheritance', () => {
  it('scalars come from the nearest level that has them', async () => {
    const { root } = await serverOf(
      inHttp(`keepalive_timeout 10; send_timeout 11; client_body_timeout 12;
        server { listen 81; keepalive_timeout 20; send_timeout 21;
          location /a { keepalive_timeout 30; return 200; location /a/b { return 200; } } location /c { return 200; } }`),
    );
    const times = ({ downstream }: typeof root): number[] => [
      downstream.keepaliveTimeoutMs,
      downstream.sendTimeoutMs,
      downstream.bodyTimeoutMs,
    ];
    const [a, c] = root.locations;
    expect([root, a, a.locations[0], c].map(times)).to.deep.equal([
      [20_000, 21_000, 12_000],
      [30_000, 21_000, 12_000],
      [30_000, 21_000, 12_000],
      [20_000, 21_000, 12_000],
    ]);
  });

  it('lingering, resets and the Keep-Alive field come from the nearest level that has them', async () => {
    const { root } = await serverOf(
      inHttp(`keepalive_timeout 10 9; lingering_close always; lingering_time 1; lingering_timeout 2;
        server { listen 81; keepalive_timeout 20; reset_timedout_connection on;
          location /a { lingering_close off; lingering_time 3; lingering_timeout 4; keepalive_timeout 5 6; return 200; } }`),
    );
    const rules = ({ downstream }: typeof root): unknown[] => [
      downstream.lingering,
      downstream.lingeringTimeMs,
      downstream.lingeringTimeoutMs,
      downstream.resetsTimedOut,
      String(downstream.keepAliveLines),
    ];
    expect(rules(root)).to.deep.equal([
      'always',
      1000,
      2000,
      true,
      'Connection: keep-alive\r\nKeep-Alive: timeout=9\r\n',
    ]);
    expect(rules(root.locations[0])).to.deep.equal([
      'off',
      3000,
      4000,
      true,
      'Connection: keep-alive\r\nKeep-Alive: timeout=6\r\n',
    ]);
  });

  it('no head can be configured that the parser has no room for', async () => {
    expect(LARGEST_CONFIGURED).to.equal(LARGEST_HEAD_OCTETS);
    const { config, warnings } = await compile(
      inHttp('large_client_header_buffers 8 64k; server { listen 81; }'),
    );
    expect(config).to.not.equal(undefined);
    expect(warnings.map(show)).to.deep.equal(['4:1 a head is never longer than 262080 octets']);
  });

  it('lists come whole, and only where a level has none of its own', async () => {
    const { root } = await serverOf(
      inHttp(`proxy_set_header A 1; proxy_set_header B 2; add_header X 1 always;
        server { listen 81;
          location /a { proxy_pass http://127.0.0.1; }
          location /b { proxy_pass http://127.0.0.1; proxy_set_header C 3; add_header Y 2 always; } }`),
    );
    const plans = root.locations.map((location) => location.action as ForwardPlan);
    expect(plans.map((plan) => linesOf(plan.requestEdits))).to.deep.equal([
      ['Host: 127.0.0.1', 'A: 1', 'B: 2'],
      ['Host: 127.0.0.1', 'C: 3'],
    ]);
    const added = (plan: ForwardPlan): string[] =>
      linesOf(plan.responseEdits).filter((line) => /^[XY]:/.test(line));
    expect(plans.map(added)).to.deep.equal([['X: 1'], ['Y: 2']]);
  });

  it('logs: several on a level, "off", one sink per path', async () => {
    const opened: string[] = [];
    const { config } = await compile(
      `events {} http { log_format f escape=json '$status';
        access_log a f; access_log b;
        server { listen 81; location /a { return 200; } location /b { access_log off; return 200; }
          location /c { access_log a; error_log c warn; return 200; } } }`,
      { opened },
    );
    const [a, b, c] = config?.listeners[0].model.servers[0].root.locations ?? [];
    expect([a, b, c].map((location) => location.accessLogs.length)).to.deep.equal([2, 0, 1]);
    expect(a.accessLogs[0].sink).to.equal(c.accessLogs[0].sink);
    const exchange = exchangeOf();
    exchange.status = 204;
    expect(a.accessLogs[0].format.text(exchange)).to.equal('204');
    expect(opened).to.have.members(['a', 'b', 'logs/error.log error', 'c warn']);
  });

  it('error_log comes from the file when http has none', async () => {
    const opened: string[] = [];
    await compile(`error_log e notice; ${inServer('location / { return 200; }')}`, { opened });
    expect(opened).to.deep.equal(['e notice']);
  });
});

describe('config listeners', () => {
  it('so_keepalive is honoured, and what Node cannot set is warned of where nothing depends on it', async () => {
    const { config, warnings } = await compile(
      inHttp(`server { listen 81 so_keepalive=on bind; listen 82 so_keepalive=30m:: reuseport deferred; listen 83 so_keepalive=off;
        listen 84 fastopen=3 rcvbuf=8k sndbuf=32k; }`),
    );
    expect(config?.listeners.map(({ address }) => Object.values(address).join(' '))).to.deep.equal([
      '0.0.0.0 81 7200',
      '0.0.0.0 82 1800',
      '0.0.0.0 83',
      '0.0.0.0 84',
    ]);
    const told = warnings.map(
      ({ text }) => /^"([^"]*)" of "listen" is accepted without effect$/.exec(text)?.[1],
    );
    expect(told.filter((text) => text !== undefined)).to.deep.equal([
      'reuseport',
      'deferred',
      'fastopen=3',
      'rcvbuf=8k',
      'sndbuf=32k',
    ]);
  });

  it('are one per address, with the servers behind it and the default one', async () => {
    const { config, warnings } = await compile(
      inHttp(`server { listen 81; server_name a; } server { listen 81 default_server; listen [::]:81; server_name b; }
        server { listen 127.0.0.1:82 backlog=7; listen unix:/run/x.sock; server_name c; }`),
    );
    expect(warnings).to.deep.equal([]);
    const shown = config?.listeners.map(({ address, model }) => ({
      address,
      names: model.servers.map((server) => server.names[0]),
      first: model.defaultServer.names[0],
    }));
    expect(shown).to.deep.equal([
      { address: { host: '0.0.0.0', port: 81 }, names: ['a', 'b'], first: 'b' },
      { address: { host: '::', port: 81, ipv6Only: true }, names: ['b'], first: 'b' },
      { address: { host: '127.0.0.1', port: 82, backlog: 7 }, names: ['c'], first: 'c' },
      { address: { path: '/run/x.sock' }, names: ['c'], first: 'c' },
    ]);
  });

  it('know names, ranges and ipv6only', async () => {
    const { config } = await compile(
      inHttp(
        'server { listen localhost:81; listen 127.0.0.2:90-92; listen [::1]:93 ipv6only=off; listen *:94; }',
      ),
    );
    expect(config?.listeners.map(({ address }) => Object.values(address).join(' '))).to.deep.equal([
      '127.0.0.1 81',
      '::1 81 true',
      '127.0.0.2 90',
      '127.0.0.2 91',
      '127.0.0.2 92',
      '::1 93 false',
      '0.0.0.0 94',
    ]);
  });

  it('warn of a name that two servers have, as nginx does', async () => {
    const { warnings } = await compile(
      inHttp('server { listen 81; }\nserver { listen 81; server_name a ""; }'),
    );
    expect(warnings.map(show)).to.deep.equal(['5:35 conflicting server name "" on 0.0.0.0:81, ignored']);
  });

  it('server names are in lower case, and $hostname is the name of the machine', async () => {
    const { names } = await serverOf(inServer('server_name A.Example *.B ~^C $hostname;'));
    expect(names).to.deep.equal(['a.example', '*.b', '~^C', 'box.example']);
  });
});

describe('config upstreams', () => {
  const two = `upstream u { server 127.0.0.1:1 weight=2; server two.example:2 down; server 127.0.0.3:3 backup; }`;

  it('hold every address of every server', async () => {
    const plan = await forwardOf(inHttp(`${two}\nserver { listen 81; location / { proxy_pass http://U; } }`));
    expect(drain(plan, 3)).to.deep.equal(['127.0.0.1:1', '127.0.0.1:1', '127.0.0.1:1']);
    expect(linesOf(plan.requestEdits)).to.deep.equal(['Host: U']);
  });

  it('are implied by a host, a name, or a socket', async () => {
    const cases: readonly (readonly [string, string, string, readonly string[]])[] = [
      ['http://127.0.0.1:8081', '127.0.0.1:8081', '8081', ['127.0.0.1:8081']],
      ['http://127.0.0.1:80', '127.0.0.1', '80', ['127.0.0.1:80']],
      ['http://[::1]:8081', '[::1]:8081', '8081', ['[::1]:8081']],
      ['http://two.example', 'two.example', '80', ['192.0.2.1:80', '192.0.2.2:80']],
      ['http://unix:/run/x.sock', 'localhost', '', ['unix:/run/x.sock']],
    ];
    for (const [url, host, port, names] of cases) {
      const location = await locationOf(inLocation(`proxy_pass ${url};`));
      const plan = location.action as ForwardPlan;
      expect(drain(plan, names.length), url).to.deep.equal(names);
      expect(linesOf(plan.requestEdits), url).to.deep.equal([`Host: ${host}`]);
      expect(location.proxy?.host.text(exchangeOf()), url).to.equal(host);
      expect(location.proxy?.port.text(exchangeOf()), url).to.equal(port);
    }
  });

  it('keepalive, and its rules', async () => {
    const text = (lines: string): string =>
      inHttp(
        `upstream u { server 127.0.0.1; ${lines} } server { listen 81; location / { proxy_pass http://u; } }`,
      );
    const pool = async (lines: string): Promise<Peer['pool'] | undefined> =>
      (await forwardOf(text(lines))).peers.next(exchangeOf(), 0)?.pool;
    expect(await pool('')).to.deep.equal({
      maxIdle: 32,
      idleTimeoutMs: 60_000,
      maxRequests: 1000,
      maxAgeMs: 3_600_000,
    });
    expect(await pool('keepalive 0;')).to.include({ maxIdle: 0 });
    expect(
      await pool('keepalive 5; keepalive_timeout 1; keepalive_requests 2; keepalive_time 3;'),
    ).to.deep.equal({
      maxIdle: 5,
      idleTimeoutMs: 1000,
      maxRequests: 2,
      maxAgeMs: 3000,
    });
  });

  it('local: locations share the balance and its failures, not the idle connections', async () => {
    const text = (keepalive: string): string =>
      inHttp(`upstream u { server 127.0.0.1:1; server 127.0.0.1:2; ${keepalive} }
        server { listen 81; location /a { proxy_pass http://u; } location /b { proxy_pass http://u; } }`);
    for (const [keepalive, areShared] of [
      ['', false],
      ['keepalive 8 local;', false],
      ['keepalive 8;', true],
    ] as const) {
      const { root } = await serverOf(text(keepalive));
      const [a, b] = root.locations.map((location) => (location.action as ForwardPlan).peers);
      const peers = [a, b, a, b].map((source) => source.next(exchangeOf(), 0)) as Peer[];
      expect(
        peers.map((peer) => peer.name),
        'one balance',
      ).to.deep.equal(['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:1', '127.0.0.1:2']);
      expect(peers[0].pool === peers[1].pool, keepalive).to.equal(areShared);
      // A failure that one location saw keeps the other away too.
      b.release(peers[1], true, 1000);
      a.release(peers[0], false, 1000);
      expect([a, a, b, b].map((source) => source.next(exchangeOf(), 1001)?.name)).to.deep.equal(
        Array(4).fill('127.0.0.1:1'),
      );
    }
  });

  it('local: a peer that was tried is not tried again', async () => {
    const { root } = await serverOf(
      inHttp(`upstream u { server 127.0.0.1:1; server 127.0.0.1:2; }
        server { listen 81; location /a { proxy_pass http://u; } location /b { proxy_pass http://u; } }`),
    );
    const { peers } = root.locations[1].action as ForwardPlan;
    const exchange = exchangeOf();
    const first = peers.next(exchange, 0) as Peer;
    exchange.addAttempt(Object.assign(attempt('x:1'), { peer: first }));
    const second = peers.next(exchange, 0) as Peer;
    expect([first.name, second.name]).to.deep.equal(['127.0.0.1:1', '127.0.0.1:2']);
    exchange.addAttempt(Object.assign(attempt('x:1'), { peer: second }));
    expect(peers.next(exchange, 0)).to.equal(undefined);
  });

  it('ask for every name once', async () => {
    const asked: string[] = [];
    await compile(
      inHttp(
        'upstream u { server two.example:1; server two.example:2; }\nserver { listen 81; location / { proxy_pass http://two.example; } }',
      ),
      {
        resolve: (host) => {
          asked.push(host);
          return Promise.resolve(['192.0.2.1']);
        },
      },
    );
    expect(asked).to.deep.equal(['two.example']);
  });
});

describe('config locations', () => {
  it('keep their kind, their order and their nesting', async () => {
    const { root } = await serverOf(
      inServer(`location = /a { return 200; } location ^~ /b { return 200; } location ~ c { return 200; }
        location ~* d { return 200; } location /e { return 200; location /e/f { return 200; } } location =/g { return 200; }`),
    );
    expect(
      root.locations.map(({ match, pattern, locations }) => `${match} ${pattern} ${locations.length}`),
    ).to.deep.equal([
      'exact /a 0',
      'prefix-final /b 0',
      'regex c 0',
      'regex-nocase d 0',
      'prefix /e 1',
      'exact /g 0',
    ]);
  });

  it('without anything to do answer from files, and so does what no location takes', async () => {
    const text = inServer('location / { }\nlocation /a { return 200; location /a/b { root /b; } }');
    const { warnings } = await compile(text);
    expect(warnings.map(show)).to.deep.equal([]);
    const { root } = await serverOf(text);
    const [slash, a] = root.locations;
    const served = [root, slash, a, a.locations[0]].map(({ rules }) => rules?.files !== undefined);
    expect(served).to.deep.equal([true, true, false, true]);
  });

  it("return: nginx's forms", async () => {
    const texts = async (line: string): Promise<[number, string | null, string[]]> => {
      const plan = await answerOf(line);
      const { content } = plan;
      const lines = linesOf(plan.edits).filter((one) => /^(Content-Type|Location):/.test(one));
      return [plan.status, content === null ? null : octetsOf(content, exchangeOf()), lines];
    };
    const html = 'Content-Type: text/html';
    expect(await texts('return 200 "$host$uri";')).to.deep.equal([
      200,
      'example.com/',
      ['Content-Type: text/plain'],
    ]);
    expect(await texts('default_type a/b; return 200 x;')).to.deep.equal([200, 'x', ['Content-Type: a/b']]);
    expect(await texts('return 404;')).to.deep.equal([404, null, [html]]);
    expect(await texts('return 404 x;')).to.deep.equal([404, 'x', ['Content-Type: text/plain']]);
    expect(await texts('return 204;')).to.deep.equal([204, null, []]);
    expect(await texts('return 301 https://a/$host;')).to.deep.equal([
      301,
      null,
      [html, 'Location: https://a/example.com'],
    ]);
    expect(await texts('return 302 /x;')).to.deep.equal([
      302,
      null,
      [html, 'Location: http://example.com:8080/x'],
    ]);
    expect(await texts('return http://a;')).to.deep.equal([302, null, [html, 'Location: http://a']]);
    expect(await texts('return 444;')).to.deep.equal([444, null, [html]]);
    expect((await texts('return 200; return 201;'))[0], 'the first one').to.equal(200);
  });

  it('return comes before proxy_pass, and that of a server before all locations', async () => {
    const server = await serverOf(
      inServer('return 503;\nlocation / { return 200; proxy_pass http://127.0.0.1; }'),
    );
    expect(server.action).to.include({ kind: 'respond', status: 503 });
    expect(server.root.locations[0].action).to.include({ kind: 'respond', status: 200 });
  });

  it('proxy_pass with a URI replaces what the location matched', async () => {
    const target = async (location: string, url: string, path: string): Promise<string | null> => {
      const plan = await forwardOf(inServer(`location ${location} { proxy_pass ${url}; }`));
      const exchange = exchangeOf(`GET ${path} HTTP/1.1\nHost: a`);
      return plan.target === null ? null : octetsOf(plan.target, exchange);
    };
    expect(await target('/a/', 'http://127.0.0.1', '/a/b?c')).to.equal(null);
    expect(await target('/a/', 'http://127.0.0.1/', '/a/b?c')).to.equal('/b?c');
    expect(await target('/a/', 'http://127.0.0.1/x/', '/a/b?c')).to.equal('/x/b?c');
    expect(await target('= /a', 'http://unix:/run/s:/x', '/a?c')).to.equal('/x?c');
  });

  it('what is set, hidden and passed', async () => {
    const plan = await forwardOf(
      inLocation(`proxy_pass http://127.0.0.1; proxy_hide_header X-Powered-By; proxy_pass_header Server;
        proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; add_header X-A "$status-" always;
        proxy_http_version 1.0; proxy_next_upstream error invalid_header; proxy_next_upstream_tries 2;
        proxy_next_upstream_timeout 3; proxy_connect_timeout 4; proxy_read_timeout 5; proxy_send_timeout 6;
        proxy_buffer_size 16k; client_max_body_size 0; proxy_buffering off; proxy_request_buffering off;`),
    );
    expect(linesOf(plan.requestEdits)).to.deep.equal(['Host: example.com', 'X-Real-IP: 192.0.2.1']);
    expect(plan).to.include({
      minorVersion: 0,
      nextOn: NEXT_ERROR | NEXT_INVALID_HEADER,
      nextTries: 2,
      nextTimeoutMs: 3000,
      connectTimeoutMs: 4000,
      readTimeoutMs: 5000,
      sendTimeoutMs: 6000,
      maxResponseHeadOctets: 16384,
    });
    expect(plan.downstream.maxContentOctets).to.equal(0);
  });

  it('heads may be as long as the server says', async () => {
    const { reading, mergeSlashes } = await serverOf(
      inServer(`large_client_header_buffers 2 4k; client_header_buffer_size 16k; max_headers 10;
        client_header_timeout 5; merge_slashes off;`),
    );
    expect(reading).to.deep.equal({
      headTimeoutMs: 5000,
      maxLineOctets: 16384,
      maxHeadOctets: 24576,
      maxFields: 10,
      nameOctets: PLAIN_NAME,
    });
    expect(mergeSlashes).to.equal(false);
  });
});

describe('config proxy_redirect', () => {
  async function rewritten(location: string, lines: string, response: string): Promise<string[]> {
    const plan = await forwardOf(inServer(`location ${location} { ${lines} }`));
    const { drops, rewrites } = plan.responseEdits;
    const [, name, value] = /^(\S+): (.*)$/.exec(response)!;
    const id = FIELD_NAMES.intern(name.toLowerCase());
    return drops[id] === REWRITES ? [`${name}: ${rewrites!.rewrite(id, value, exchangeOf())}`] : [];
  }
  const pass = 'proxy_pass http://127.0.0.1:81;';

  const cases: readonly (readonly [string, string, string, string, readonly string[]])[] = [
    [
      'without a URI, the upstream becomes "/"',
      '/a/',
      pass,
      'Location: http://127.0.0.1:81/x?y',
      ['Location: http://example.com:8080/x?y'],
    ],
    [
      'with a URI, it becomes the location',
      '/a/',
      'proxy_pass http://127.0.0.1:81/b/;',
      'Location: http://127.0.0.1:81/b/x',
      ['Location: http://example.com:8080/a/x'],
    ],
    ['other targets stay', '/a/', pass, 'Location: http://elsewhere/x', ['Location: http://elsewhere/x']],
    [
      'another port is another target',
      '/a/',
      pass,
      'Location: http://127.0.0.1:8181/x',
      ['Location: http://127.0.0.1:8181/x'],
    ],
    ['relative targets stay', '/a/', pass, 'Location: /x', ['Location: /x']],
    ['Refresh too', '/a/', pass, 'Refresh: 5; URL=http://127.0.0.1:81/x', ['Refresh: 5; URL=/x']],
    ['Refresh without a target stays', '/a/', pass, 'Refresh: 5', ['Refresh: 5']],
    ['no line is made up', '/a/', pass, 'X: y', []],
    [
      'off leaves the received line alone',
      '/a/',
      `${pass} proxy_redirect off;`,
      'Location: http://127.0.0.1:81/x',
      [],
    ],
    [
      'default may be said',
      '/a/',
      `${pass} proxy_redirect default;`,
      'Location: http://127.0.0.1:81/x',
      ['Location: http://example.com:8080/x'],
    ],
    [
      'own replacements, the first that fits',
      '/a/',
      `${pass} proxy_redirect http://a/ /b/; proxy_redirect ~^http://(\\w+)/ /$1/; proxy_redirect default;`,
      'Location: http://c/d',
      ['Location: http://example.com:8080/c/'],
    ],
    [
      'a whole target stays one',
      '/a/',
      `${pass} proxy_redirect http://a/ $scheme://$host/b/;`,
      'Location: http://a/d',
      ['Location: http://example.com/b/d'],
    ],
    [
      'absolute_redirect off',
      '/a/',
      `${pass} absolute_redirect off;`,
      'Location: http://127.0.0.1:81/x',
      ['Location: /x'],
    ],
    [
      'port_in_redirect off',
      '/a/',
      `${pass} port_in_redirect off;`,
      'Location: http://127.0.0.1:81/x',
      ['Location: http://example.com/x'],
    ],
  ];
  for (const [name, location, lines, response, expected] of cases) {
    it(name, async () => expect(await rewritten(location, lines, response)).to.deep.equal(expected));
  }

  it('a field that is hidden stays hidden', async () => {
    const hidden = `${pass} proxy_hide_header Location;`;
    expect(await rewritten('/', hidden, 'Location: http://127.0.0.1:81/x')).to.deep.equal([]);
  });
});

describe('config variables', () => {
  const value = async (http: string, text: string, request?: string): Promise<string> => {
    const location = await locationOf(
      inHttp(`${http}\nserver { listen 81; location / { return 200 "${text}"; } }`),
    );
    return octetsOf((location.action as RespondPlan).content as never, exchangeOf(request));
  };

  it('a map may use one that stands behind it', async () => {
    const http = 'map $y $x { b c; } map $host $y { example.com b; }';
    expect(await value(http, '$x')).to.equal('c');
  });

  it('without default, a map is empty; of two with one name the last one holds', async () => {
    expect(await value('map $host $x { a b; }', '<$x>')).to.equal('<>');
    expect(await value('map $host $x { default a; } map $host $x { default b; }', '$x')).to.equal('b');
  });

  it('hostnames, volatile, escapes, expressions with captures, and include', async () => {
    const { config, errors } = await compile(
      inHttp(`map $host $x { hostnames; volatile; *.com masked; include pairs; }
        map $http_a $y { ~^(?<word>[a-z]+)! $word; \\default literal; default other; }
        server { listen 81; location / { return 200 "$x $y"; } }`),
      { more: { '/etc/wirehop/pairs': 'example.org included;' } },
    );
    expect(errors).to.deep.equal([]);
    const plan = config?.listeners[0].model.servers[0].root.locations[0].action as RespondPlan;
    const text = (request: string): string => octetsOf(plan.content as never, exchangeOf(request));
    expect(text('GET / HTTP/1.1\nHost: www.a.com\nA: abc!')).to.equal('masked abc');
    expect(text('GET / HTTP/1.1\nHost: example.org\nA: default')).to.equal('included literal');
    expect(text('GET / HTTP/1.1\nHost: x\nA: ABC!')).to.equal(' other');
  });
});
