/**
 * Proves that `hash`, `hash ... consistent` and `ip_hash` send each key where nginx sends it: the same upstreams, the
 * same keys, nginx itself asked beside the compiled configuration. Nobody listens where the servers should be: nginx
 * says in a field whom it tried.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Policy } from '../../../src/proxy/model.js';
import { compile } from '../../config/compiling.js';
import { exchangeOf } from '../fixtures.js';

const NGINX = '/usr/sbin/nginx';

const SERVERS = [
  '127.0.0.1:1',
  '127.0.0.1:2 weight=3',
  '127.0.0.1:3 down',
  '127.0.0.1:4',
  '127.0.0.2:5 weight=2',
]
  .map((one) => `server ${one} max_fails=0;`)
  .join(' ');
const NAMED = ['localhost:1', '127.0.0.1:2', '127.0.0.1', 'unix:/nowhere/at/all weight=2']
  .map((one) => `server ${one} max_fails=0;`)
  .join(' ');

const METHODS: Readonly<Record<string, string>> = {
  plain: `hash $arg_k; ${SERVERS}`,
  ring: `hash $arg_k consistent; ${SERVERS}`,
  named: `hash k$arg_k consistent; ${NAMED}`,
  address: `ip_hash; ${SERVERS}`,
};

function configuration(port: number): string {
  const upstreams = Object.entries(METHODS).map(([name, text]) => `upstream ${name} { ${text} }`);
  const locations = Object.keys(METHODS).map((name) => `location = /${name} { proxy_pass http://${name}; }`);
  return `error_log stderr crit; pid nginx.pid; daemon off;
events {}
http { access_log off; ${upstreams.join('\n')}
server { listen 127.0.0.1:${port}; proxy_next_upstream off; add_header X-Peer $upstream_addr always;
${locations.join('\n')} } }`;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Whom nginx tried. */
function ask(agent: http.Agent, port: number, path: string, localAddress: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path, localAddress, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(String(response.headers['x-peer'])));
    });
    request.on('error', reject);
  });
}

(existsSync(NGINX) ? describe : describe.skip)('balancer: hashes fall where those of nginx do', function () {
  let folder: string;
  let nginx: ChildProcess;
  let port: number;
  let policy: Policy;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wirehop-balance-'));
    port = await freePort();
    const text = configuration(port);
    writeFileSync(join(folder, 'nginx.conf'), text);
    nginx = spawn(NGINX, ['-p', folder, '-c', 'nginx.conf', '-g', 'master_process off;'], {
      stdio: 'ignore',
    });
    const { config, errors } = await compile(text);
    expect(errors).to.deep.equal([]);
    ({ policy } = config!.listeners[0]);
    for (let tries = 0; tries < 100; tries++) {
      const isUp = await ask(agent, port, '/plain?k=1', '127.0.0.1').then(
        () => true,
        () => false,
      );
      if (isUp) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('nginx does not answer');
  });

  after(() => {
    agent.destroy();
    nginx.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  /** Whom wirehop would try. */
  function choose(target: string, remoteAddress: string): string {
    const exchange = exchangeOf(`GET ${target} HTTP/1.1\nHost: a`, { remoteAddress });
    const plan = policy.plan(exchange, 0);
    if (plan?.kind !== 'forward') throw new Error('not forwarded');
    const peer = plan.peers.next(exchange, 0)!;
    plan.peers.release(peer, false, 0);
    return peer.name;
  }

  for (const method of ['plain', 'ring', 'named']) {
    it(`${method}: 200 keys`, async () => {
      const keys = Array.from({ length: 200 }, (_, i) => `${i * 7919}-key`);
      const theirs = await Promise.all(
        keys.map((key) => ask(agent, port, `/${method}?k=${key}`, '127.0.0.1')),
      );
      const ours = keys.map((key) => choose(`/${method}?k=${key}`, '127.0.0.1'));
      // "localhost" has two addresses, which take turns: each side begins where it likes.
      const same = (name: string): string => name.replace(/^(\[::1\]|127\.0\.0\.1):1$/, 'localhost');
      expect(ours.map(same)).to.deep.equal(theirs.map(same));
      expect(new Set(ours).size).to.be.greaterThan(2);
    });
  }

  it('address: 100 clients', async () => {
    const clients = Array.from({ length: 100 }, (_, i) => `127.${i}.${(i * 37) % 256}.${1 + (i % 9)}`);
    const theirs = await Promise.all(clients.map((client) => ask(agent, port, '/address', client)));
    expect(clients.map((client) => choose('/address', client))).to.deep.equal(theirs);
  });
});
