/** Every entry point from TypeScript: types that a user names, and each part at work. Prints one line per part. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  ConfigError,
  createProxy,
  ERRORS,
  type ErrorCode,
  loadConfig,
  type Proxy,
  type ProxyOptions,
} from 'wirehop';
import { createProxyServer, type ServerOptions } from 'wirehop/http-proxy';
import { Connection, type Exchange, FieldEdits, type Plan, type Policy, WRITE } from 'wirehop/machine';
import { HEAD_COMPLETE, type Head, type HeadLimits, HeadReader, TYPE_REQUEST } from 'wirehop/wire';

const REQUEST = Buffer.from('GET /here HTTP/1.1\r\nHost: example.org\r\n\r\n');

async function proxied(): Promise<string> {
  const upstream = http.createServer((request, response) => response.end(`upstream saw ${request.url}`));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const options: ProxyOptions = { upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` };
  const proxy: Proxy = createProxy(options);
  const { url } = await proxy.listen(0);
  const answer = await fetch(`${url}/there`);
  const text = await answer.text();
  await proxy.close();
  upstream.close();
  upstream.closeAllConnections();
  return `${answer.status} ${text}`;
}

async function adapted(): Promise<string> {
  const upstream = http.createServer((request, response) =>
    response.end(String(request.headers['x-forwarded-for'])),
  );
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const options: ServerOptions = {
    target: { host: '127.0.0.1', port: (upstream.address() as AddressInfo).port },
  };
  const proxy = createProxyServer({ ...options, xfwd: true });
  const server = http.createServer((request, response) => proxy.web(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const text = await answer.text();
  proxy.close();
  for (const one of [server, upstream]) {
    one.close();
    one.closeAllConnections();
  }
  return text;
}

async function refused(): Promise<string> {
  try {
    await loadConfig('events {} http { no_such_directive; }');
  } catch (error) {
    if (error instanceof ConfigError) return `line ${error.line}: ${error.text}`;
  }
  return 'nothing was refused';
}

function machine(): string {
  const downstream = {
    keepaliveTimeoutMs: 75_000,
    keepaliveRequests: 1000,
    keepaliveTimeMs: 3_600_000,
    bodyTimeoutMs: 60_000,
    sendTimeoutMs: 60_000,
    maxContentOctets: 0,
    lingeringTimeMs: 30_000,
    lingeringTimeoutMs: 5_000,
  };
  const plan: Plan = {
    kind: 'respond',
    downstream,
    status: 204,
    edits: new FieldEdits([], []),
    content: null,
  };
  let outcome = '';
  const policy: Policy = {
    reading: { headTimeoutMs: 60_000, maxLineOctets: 8192, maxHeadOctets: 32768, maxFields: 100 },
    defaults: downstream,
    plan: () => plan,
    failed: () => undefined,
    finished: (exchange: Exchange) => void (outcome = exchange.outcome),
    fault: () => undefined,
  };
  const facts = {
    serial: 1,
    remoteAddress: '192.0.2.1',
    remotePort: 1,
    localAddress: '192.0.2.2',
    localPort: 2,
    secure: false,
    openedAt: 0,
  };
  const connection = new Connection({ policy, facts });
  connection.receive(0, REQUEST, 0, REQUEST.length, 1);
  let sent = '';
  for (let i = 0; i < connection.effects.count; i++) {
    const { kind, buffer, start, end } = connection.effects.at(i);
    if (kind === WRITE && buffer !== null) sent += buffer.toString('latin1', start, end);
  }
  return `${outcome} ${sent.slice(0, sent.indexOf('\r\n'))}`;
}

function wire(): string {
  const reader = new HeadReader(TYPE_REQUEST);
  const limits: HeadLimits = { maxLineOctets: 8192, maxHeadOctets: 32768, maxFields: 100 };
  if (reader.read(REQUEST, 0, REQUEST.length, limits) !== HEAD_COMPLETE)
    return reader.fault satisfies ErrorCode;
  const head: Head = reader.head;
  return `${head.text(head.pathStart, head.pathEnd)} for ${head.text(head.hostStart, head.hostEnd)}`;
}

// No await at the top level: this is bundled as CommonJS too.
async function main(): Promise<void> {
  const code: ErrorCode = 'HEAD_SYNTAX';
  console.log(`proxy: ${await proxied()}`);
  console.log(`http-proxy: ${await adapted()}`);
  console.log(`config: ${await refused()}`);
  console.log(`machine: ${machine()}`);
  console.log(`wire: ${wire()}`);
  console.log(`errors: ${ERRORS[code].status}`);
}

void main();
