/**
 * The proxies that the corpus is run against: the real command on either transport; and, to hold the expectations
 * against, nginx and HAProxy where they are installed.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addressOf } from './origin.js';
import { pathOf, poll } from './steps.js';

const COMMAND = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));
const START_LIMIT_MS = 15_000;

export type SubjectName = 'net' | 'handle' | 'nginx' | 'haproxy';

/** One slot's part of the configuration. */
export interface Slot {
  readonly slot: number;
  readonly location: string;
}

/** A running proxy. */
export class Subject {
  output = '';
  hasEnded = false;

  constructor(
    readonly name: SubjectName,
    readonly port: number,
    readonly folder: string,
    private readonly child: ChildProcess,
  ) {
    child.stderr?.setEncoding('latin1').on('data', (text: string) => (this.output += text));
    child.stdout?.setEncoding('latin1').on('data', (text: string) => (this.output += text));
    child.on('exit', () => (this.hasEnded = true));
  }

  get errorLog(): string {
    return this.file('error.log');
  }

  get accessLog(): string {
    return this.file('access.log');
  }

  private file(name: string): string {
    const path = join(this.folder, name);
    return existsSync(path) ? readFileSync(path, 'latin1') : '';
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    if (!(await poll(() => this.hasEnded, 8000))) this.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function startSubject(
  name: SubjectName,
  originPort: number,
  slots: readonly Slot[],
): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), 'hostile-'));
  const port = await freePort();
  const [file, args, configuration] = commandOf(name, folder, port, originPort, slots);
  writeFileSync(join(folder, 'proxy.conf'), configuration);
  const child = spawn(file, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const subject = new Subject(name, port, folder, child);
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await accepts(port))) {
    if (subject.hasEnded || Date.now() > deadline) {
      throw new Error(`${name} did not start: ${subject.output}${subject.errorLog}`);
    }
  }
  return subject;
}

function commandOf(
  name: SubjectName,
  folder: string,
  port: number,
  originPort: number,
  slots: readonly Slot[],
): [string, string[], string] {
  if (name === 'haproxy')
    return ['/usr/sbin/haproxy', ['-q', '-f', 'proxy.conf'], haproxy(port, originPort, slots)];
  const text = nginx(name, port, originPort, slots);
  if (name === 'nginx')
    return ['/usr/sbin/nginx', ['-p', folder, '-c', 'proxy.conf', '-e', 'error.log'], text];
  const args = [COMMAND, '--transport', name, '-p', folder, '-c', 'proxy.conf', '-e', 'error.log'];
  return [process.execPath, args, text];
}

const LOCATION = `proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;`;

function nginx(name: SubjectName, port: number, originPort: number, slots: readonly Slot[]): string {
  const all = [{ slot: 0, location: '' }, ...slots];
  const upstreams = all.map(
    ({ slot }) => `upstream u${slot} { server ${addressOf(slot)}:${originPort} max_fails=0; keepalive 16; }`,
  );
  const locations = all.map(
    ({ slot, location }) => `location ${slot === 0 ? '/' : pathOf(slot)} {
            ${/proxy_pass|return/.test(location) ? '' : `proxy_pass http://u${slot};`}
            ${/proxy_set_header Host/.test(location) ? '' : LOCATION} ${location.replace('@UPSTREAM@', `u${slot}`)}
        }`,
  );
  const own =
    name === 'nginx'
      ? 'daemon off; master_process off; pid nginx.pid;'
      : 'daemon off; master_process off; pid wirehop.pid;';
  return `${own}
error_log error.log info;
events { worker_connections 4096; }
http {
    access_log access.log;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    keepalive_requests 100000;
    client_header_timeout 2s;
    client_body_timeout 2s;
    client_max_body_size 4m;
    proxy_read_timeout 3s;
    proxy_send_timeout 3s;
    proxy_buffering off;
    proxy_request_buffering off;
    ${upstreams.join('\n    ')}
    server {
        listen 127.0.0.1:${port};
        ${locations.join('\n        ')}
    }
}
`;
}

function haproxy(port: number, originPort: number, slots: readonly Slot[]): string {
  const backends = [{ slot: 0 }, ...slots].map(
    ({ slot }) => `backend c${String(slot).padStart(4, '0')}
    server s ${addressOf(slot)}:${originPort}`,
  );
  return `global
    maxconn 4096
defaults
    mode http
    option forwardfor
    option http-keep-alive
    timeout connect 3s
    timeout client 3s
    timeout server 3s
    timeout http-request 2s
    timeout http-keep-alive 60s
frontend f
    bind 127.0.0.1:${port}
    http-request set-header X-Real-IP %[src]
    use_backend %[path,field(2,/)] if { path_reg ^/c[0-9]{4}/ }
    default_backend c0000
${backends.join('\n')}
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => setTimeout(() => resolve(false), 20));
  });
}
