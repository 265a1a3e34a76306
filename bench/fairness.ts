/**
 * How evenly workers share connections that stay: `node dist/bench/fairness.js`. Prints, for each way in which clients
 * come, the share of the worker that got most and of the one that got least, as a multiple of an even share; medians of
 * several rounds, with the worst of them. nginx runs the same configuration beside it, if it is installed.
 */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  cleanUp,
  freePort,
  onCleanUp,
  openRaw,
  pause,
  type RawConnection,
  temporaryFolder,
  until,
} from '../test/e2e/harness.js';
import { configuration } from '../test/process/fleet.js';

const COMMAND = fileURLToPath(new URL('../src/process/main.js', import.meta.url));
const NGINX = '/usr/sbin/nginx';
const CONNECTIONS = 256;
const ROUNDS = 5;

/** How clients come: so many at once, and this long in between. */
const WAYS = [
  { name: 'all at once', atOnce: CONNECTIONS, pauseMs: 0 },
  { name: 'one after the other', atOnce: 1, pauseMs: 0 },
  { name: 'one every 5 ms', atOnce: 1, pauseMs: 5 },
  { name: 'ten every 10 ms', atOnce: 10, pauseMs: 10 },
];

/** Connections by worker, most first. */
async function round(port: number, workers: number, way: (typeof WAYS)[number]): Promise<number[]> {
  const counts = new Map<string, number>();
  const all: RawConnection[] = [];
  while (all.length < CONNECTIONS) {
    const some = await Promise.all(
      Array.from({ length: Math.min(way.atOnce, CONNECTIONS - all.length) }, () => openRaw(port)),
    );
    for (const one of some) one.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    for (const one of some) {
      const pid = /\r\n\r\n(\d+)$/.exec(await one.until(/\r\n\r\n\d+$/, 20_000))?.[1] ?? '';
      counts.set(pid, (counts.get(pid) ?? 0) + 1);
    }
    all.push(...some);
    if (way.pauseMs > 0) await pause(way.pauseMs);
  }
  for (const { socket } of all) socket.destroy();
  await pause(1500);
  const shares = [...counts.values()].sort((a, b) => b - a);
  while (shares.length < workers) shares.push(0);
  return shares;
}

async function measure(
  name: string,
  program: string,
  args: readonly string[],
  workers: number,
): Promise<void> {
  const folder = temporaryFolder();
  const port = await freePort();
  writeFileSync(join(folder, 'nginx.conf'), configuration(port, { workers }).replace('access.log', 'off'));
  const flags = ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'error.log'];
  const child = spawn(program, [...args, ...flags], { cwd: folder, stdio: 'ignore' });
  onCleanUp(() => child.kill('SIGTERM'));
  await until('the pid file', () => existsSync(join(folder, 'wirehop.pid')), 10_000);
  await pause(1500);
  const even = CONNECTIONS / workers;
  for (const way of WAYS) {
    const rounds: number[][] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await round(port, workers, way));
    const most = rounds.map((shares) => shares[0] / even).sort((a, b) => a - b);
    const least = rounds.map((shares) => shares[workers - 1] / even).sort((a, b) => a - b);
    const middle = ROUNDS >> 1;
    const text = `most ${most[middle].toFixed(2)} (worst ${most[ROUNDS - 1].toFixed(2)})`;
    process.stdout.write(
      `${name}, ${workers} workers, ${way.name}: ${text}, least ${least[middle].toFixed(2)} (worst ${least[0].toFixed(2)})\n`,
    );
  }
  await cleanUp();
}

for (const workers of [2, 4]) {
  await measure('wirehop', process.execPath, [COMMAND], workers);
  if (existsSync(NGINX)) await measure('nginx', NGINX, [], workers);
}
