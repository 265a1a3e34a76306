/**
 * The soak: the real command under mixed load with faults, watched from outside. When the load has ended and every
 * connection is closed, the process must hold the descriptors that it began with, and little more memory.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Prng } from '../simulate/prng.js';
import { Origin } from './origins.js';
import { SCENARIOS, type Soak, type Tally } from './scenarios.js';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Clients at a time. */
  readonly clients: number;
  readonly mostOctets: number;
  readonly report: (line: string) => void;
}

export interface SoakResult {
  readonly violations: readonly string[];
  readonly tally: Tally;
  readonly before: Sample;
  readonly after: Sample;
  /** Most of each while the load ran. */
  readonly most: Sample;
}

/** A process seen from outside. */
export interface Sample {
  readonly rssKb: number;
  readonly descriptors: number;
}

/** How much more memory than at its start a process may hold when everything is over: its heap, grown once, and pools. */
export const MOST_GROWTH_KB = 80 * 1024;
/** How much more heap, collected, it may hold. */
const MOST_HEAP_GROWTH = 8 * 1048576;
/** Makes the process collect its garbage when it is told to: all that is added to the command. */
const COLLECTOR = 'data:text/javascript,process.on("SIGURG",()=>{gc();gc()})';
const START_LIMIT_MS = 10_000;
/** The longest of the configured times, and some. */
const SETTLE_LIMIT_MS = 30_000;
const MOST_VIOLATIONS = 50;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function configuration(listen: number, good: number, wild: number, dead: number): string {
  return `daemon off;
master_process off;
pid proxy.pid;
error_log error.log notice;
events { worker_connections 4096; }
http {
    log_format soak '$status $request_method $uri';
    access_log access.log soak;
    client_header_timeout 3s;
    client_body_timeout 3s;
    send_timeout 3s;
    keepalive_timeout 3s;
    client_max_body_size 1900k;
    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      '';
    }
    upstream good { server 127.0.0.1:${good}; keepalive 16; keepalive_timeout 2s; }
    upstream wild { server 127.0.0.1:${wild} max_fails=0; server 127.0.0.1:${wild} max_fails=0; keepalive 8; keepalive_timeout 2s; }
    server {
        listen 127.0.0.1:${listen};
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_read_timeout 4s;
        proxy_send_timeout 4s;
        location / { proxy_pass http://good; }
        location /wild/ { proxy_pass http://wild; }
        location /dead { proxy_pass http://127.0.0.1:${dead}; }
    }
}
`;
}

/** A port of 127.0.0.1 where nobody listens. */
async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function sample(pid: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const rssKb = Number(/VmRSS:\s*([0-9]+)/.exec(status)?.[1]);
  return { rssKb, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** Octets of heap in use, from a diagnostic report that the process writes when it is told to; 0 if it does not. */
async function heapOf(child: ChildProcess, folder: string): Promise<number> {
  // Collected first: what is left is held by something.
  child.kill('SIGURG');
  await sleep(500);
  child.kill('SIGUSR2');
  for (let tries = 0; tries < 30; tries++) {
    await sleep(100);
    for (const name of readdirSync(folder).filter(
      (file) => file.startsWith('report.') && file.endsWith('.json'),
    )) {
      try {
        const report = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
          javascriptHeap: { usedMemory: number };
        };
        rmSync(join(folder, name));
        return report.javascriptHeap.usedMemory;
      } catch {
        // Not written to its end yet.
      }
    }
  }
  return 0;
}

/** Runs a soak. Loopback only; the child is killed whatever happens. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { seconds, seed, report } = options;
  const violations: string[] = [];
  const complain = (what: string): void => {
    if (violations.length < MOST_VIOLATIONS) violations.push(what);
  };
  const prng = new Prng(seed);
  const folder = mkdtempSync(join(tmpdir(), 'wirehop-soak-'));
  const good = await Origin.start(complain, null);
  const wild = await Origin.start(complain, new Prng(seed + 1));
  const [listen, dead] = [await freePort(), await freePort()];
  writeFileSync(join(folder, 'nginx.conf'), configuration(listen, good.port, wild.port, dead));
  const command = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));
  const flags = [
    '--expose-gc',
    `--import=${COLLECTOR}`,
    '--report-on-signal',
    '--report-signal=SIGUSR2',
    `--report-directory=${folder}`,
  ];
  const child = spawn(
    process.execPath,
    [...flags, command, '-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'error.log'],
    {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let stderr = '';
  child.stderr.setEncoding('latin1').on('data', (text: string) => (stderr += text));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    await started(
      listen,
      () => child.exitCode !== null,
      () => stderr,
    );
    const pid = child.pid!;
    // The first exchange opens what stays open.
    await sleep(500);
    const before = sample(pid);
    const heapBefore = await heapOf(child, folder);
    const tally: Tally = {
      connections: 0,
      good: 0,
      failed: 0,
      tunnels: 0,
      messages: 0,
      octets: 0,
      resets: 0,
      refused: 0,
    };
    let tokens = 0;
    const soak: Soak = {
      port: listen,
      prng,
      tally,
      complain,
      mostOctets: options.mostOctets,
      token: () => `s${(tokens++).toString(36)}`,
    };
    let most = before;
    const endsAt = performance.now() + seconds * 1000;
    const watch = setInterval(() => {
      if (child.exitCode !== null) return;
      const now = sample(pid);
      most = {
        rssKb: Math.max(most.rssKb, now.rssKb),
        descriptors: Math.max(most.descriptors, now.descriptors),
      };
    }, 500);
    const talk = setInterval(() => {
      if (child.exitCode !== null) return;
      const { rssKb, descriptors } = sample(pid);
      report(
        `${tally.connections} connections, ${tally.good} good exchanges, RSS ${Math.round(rssKb / 1024)} MB, ${descriptors} descriptors, ${violations.length} violations`,
      );
    }, 10_000);
    const clients = Array.from({ length: options.clients }, async () => {
      while (performance.now() < endsAt && child.exitCode === null) {
        await prng.pick(SCENARIOS)(soak);
        await sleep(prng.below(20));
      }
    });
    await Promise.all(clients);
    clearInterval(talk);
    const after = await settle(pid, before, child);
    clearInterval(watch);
    const heapAfter = await heapOf(child, folder);
    if (after.descriptors !== before.descriptors)
      complain(`descriptors: ${after.descriptors}, at the start ${before.descriptors}`);
    if (after.rssKb > before.rssKb + MOST_GROWTH_KB)
      complain(`RSS: ${after.rssKb} KB, at the start ${before.rssKb} KB`);
    if (heapAfter > heapBefore + MOST_HEAP_GROWTH)
      complain(`heap: ${heapAfter} octets, at the start ${heapBefore}`);
    report(
      `heap: ${Math.round(heapBefore / 1048576)} MB at the start, ${Math.round(heapAfter / 1048576)} MB at the end`,
    );
    child.kill('SIGTERM');
    const code = await Promise.race([exited, sleep(5000).then(() => -1)]);
    if (code !== 0) complain(`the command ended with ${code}`);
    // The diagnostic reports announce themselves there.
    stderr = stderr.replace(/\n?(?:Writing Node\.js report to file: .*|Node\.js report completed)\n/g, '');
    if (stderr !== '') complain(`stderr: ${stderr.slice(0, 500)}`);
    for (const line of readFileSync(join(folder, 'error.log'), 'latin1').split('\n')) {
      if (/\[(?:alert|emerg|crit)\]|UNEXPECTED_INPUT/.test(line)) complain(line);
    }
    return { violations, tally, before, after, most };
  } finally {
    kill();
    process.removeListener('exit', kill);
    good.stop();
    wild.stop();
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until the port is bound. */
async function started(port: number, isOver: () => boolean, why: () => string): Promise<void> {
  const giveUpAt = performance.now() + START_LIMIT_MS;
  for (;;) {
    if (isOver() || performance.now() > giveUpAt) throw new Error(`the command does not start: ${why()}`);
    const isBound = await new Promise<boolean>((resolve) => {
      const socket = net.connect({ port, host: '127.0.0.1' }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isBound) return;
    await sleep(50);
  }
}

/** Waits until every descriptor of the load is closed, or the time for it is over. */
async function settle(pid: number, before: Sample, child: ChildProcess): Promise<Sample> {
  const giveUpAt = performance.now() + SETTLE_LIMIT_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error('the command has ended by itself');
    const now = sample(pid);
    if (now.descriptors === before.descriptors || performance.now() > giveUpAt) {
      await sleep(500);
      return sample(pid);
    }
    await sleep(200);
  }
}
