/**
 * How evenly workers share connections that stay, by how clients come; nginx runs the same configuration beside wirehop,
 * where it is installed.
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
} from '../../test/e2e/harness.js';
import { configuration } from '../../test/process/fleet.js';
import { findProgram } from '../peers/commands.js';
import { median } from '../statistics.js';
import type { FairnessFigure } from './figures.js';

const COMMAND = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));
export const CONNECTIONS = 256;
/** What is open ends, and workers tell each other so, before the next round. */
const SETTLING_MS = 1500;

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
  await pause(SETTLING_MS);
  const shares = [...counts.values()].sort((a, b) => b - a);
  while (shares.length < workers) shares.push(0);
  return shares;
}

async function measure(
  peer: string,
  [program, ...args]: readonly string[],
  workers: number,
  rounds: number,
  onProgress: (what: string) => void,
): Promise<FairnessFigure[]> {
  const folder = temporaryFolder();
  const port = await freePort();
  writeFileSync(join(folder, 'nginx.conf'), configuration(port, { workers }).replace('access.log', 'off'));
  const flags = ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'error.log'];
  const child = spawn(program, [...args, ...flags], { cwd: folder, stdio: 'ignore' });
  onCleanUp(() => child.kill('SIGTERM'));
  await until('the pid file', () => existsSync(join(folder, 'wirehop.pid')), 10_000);
  await pause(SETTLING_MS);
  const even = CONNECTIONS / workers;
  const figures: FairnessFigure[] = [];
  for (const way of WAYS) {
    const shares: number[][] = [];
    for (let i = 0; i < rounds; i++) {
      onProgress(`shares of ${workers} workers: ${way.name}, ${peer}, round ${i + 1} of ${rounds}`);
      shares.push(await round(port, workers, way));
    }
    const most = shares.map((own) => own[0] / even);
    const least = shares.map((own) => own[workers - 1] / even);
    figures.push({
      peer,
      workers,
      way: way.name,
      most: median(most),
      worstMost: Math.max(...most),
      least: median(least),
      worstLeast: Math.min(...least),
    });
  }
  await cleanUp();
  return figures;
}

/** With two workers and with four. Ends what it starts, and all else that the harness knows of. */
export async function measureFairness(
  rounds: number,
  onProgress: (what: string) => void,
): Promise<FairnessFigure[]> {
  const nginx = findProgram('nginx');
  const figures: FairnessFigure[] = [];
  for (const workers of [2, 4]) {
    figures.push(...(await measure('wirehop', [process.execPath, COMMAND], workers, rounds, onProgress)));
    if (nginx !== undefined) figures.push(...(await measure('nginx', [nginx], workers, rounds, onProgress)));
  }
  return figures;
}
