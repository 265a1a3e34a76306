/**
 * One scenario: a proxy, an origin, the well-behaved client and the attacker, each a process of its own. Measures
 * before, during and after the attack. Decides nothing about what is good.
 */
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pause, temporaryFolder } from '../../test/e2e/harness.js';
import { Program } from '../lab/program.js';
import { cpuTime } from '../lab/accounting.js';
import type { AttackCounts, AttackerOrder, AttackerReady, ClientFigures, ClientOrder } from './messages.js';
import type { Scenario } from './scenarios.js';
import { startProxy, type Proxy, type SubjectName } from './subjects.js';

/** How long and how much. */
export interface Effort {
  readonly isSmall: boolean;
  readonly warmUpMs: number;
  /** Before and after the attack. */
  readonly quietMs: number;
  readonly attackMs: number;
  /** Requests a second of the well-behaved client. */
  readonly rate: number;
}

export const WHOLE: Effort = { isSmall: false, warmUpMs: 2000, quietMs: 2000, attackMs: 10_000, rate: 200 };
export const SMALL: Effort = { isSmall: true, warmUpMs: 300, quietMs: 400, attackMs: 2000, rate: 100 };

/** One stretch of a run. */
export interface Stretch {
  readonly client: ClientFigures;
  /** Highest in it. */
  readonly residentKib: number;
  readonly openFiles: number;
  /** CPU time of the proxy as a share of the stretch. */
  readonly load: number;
}

export interface ScenarioFigures {
  readonly scenario: Scenario;
  readonly subject: SubjectName;
  readonly before: Stretch;
  readonly during: Stretch;
  readonly after: Stretch;
  readonly attack: AttackCounts;
  /** What the proxy said where it should say nothing. */
  readonly faults: readonly string[];
}

const ANSWER_LIMIT_MS = 20_000;
const SAMPLE_MS = 200;
/** A small run on a busy machine: until the attack is what it is meant to be. */
const COMPLETE_LIMIT_MS = 15_000;
/** Beside the connections of an attack. */
const OTHER_FILES = 200;

/** Why a scenario cannot be run here, or null. */
export function cannotRun({ connections, name }: Scenario): string | null {
  const limit = Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]);
  // Those that reach the origin cost the proxy two descriptors.
  const needed = connections * (name === 'idle connections' ? 1 : 2) + OTHER_FILES;
  return limit < needed ? `needs ${needed} open files, ${limit} are allowed (ulimit -Hn)` : null;
}

/** Runs one scenario. Everything that was started ends with it. */
export async function runScenario(
  scenario: Scenario,
  subject: SubjectName,
  effort: Effort,
): Promise<ScenarioFigures> {
  const folder = temporaryFolder();
  // nginx's worker is nobody.
  chmodSync(folder, 0o755);
  const path = join(folder, 'origin.sock');
  const origin = startOwn('origin', path);
  const { port: originPort } = await origin.message<{ port: number }>('the origin', ANSWER_LIMIT_MS);
  chmodSync(path, 0o777);
  const proxy = await startProxy(subject, scenario, effort.isSmall, { port: originPort, path });
  const client = startOwn('client');
  const attacker = startOwn('attacker');
  const ready = attacker.message<AttackerReady>('the attacker', ANSWER_LIMIT_MS);
  try {
    const job = { proxyPort: proxy.port, originPort, rate: effort.rate, controlRate: effort.rate / 4 };
    await ready;
    order(client, { begin: job });
    await pause(effort.warmUpMs);
    await report(client);
    const before = await stretch(proxy, client, effort.quietMs);
    const connections = effort.isSmall ? scenario.fewConnections : scenario.connections;
    order(attacker, { begin: { attack: scenario.name, port: proxy.port, path: proxy.path, connections } });
    const during = await stretch(proxy, client, effort.attackMs, async () => {
      return !effort.isSmall || (await count(attacker)).opened >= connections;
    });
    const attack = await count(attacker);
    order(attacker, 'stop');
    await attacker.stop();
    // Its connections end all at once: that is still the attack.
    await quiet(proxy, effort.quietMs);
    await report(client);
    const after = await stretch(proxy, client, effort.quietMs);
    return { scenario, subject, before, during, after, attack, faults: proxy.faults() };
  } finally {
    await Promise.all([attacker.stop(), client.stop()]);
    await proxy.stop();
    await origin.stop();
  }
}

function startOwn(name: 'origin' | 'client' | 'attacker', ...args: readonly string[]): Program {
  const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  // The attacker must not take the core from the client that measures.
  const nice = name === 'attacker' ? ['nice', '-n', '19'] : [];
  const [program, ...rest] = [...nice, process.execPath, file, ...args];
  return new Program('rest', program, rest, { cwd: undefined, ipc: true });
}

function order(program: Program, what: AttackerOrder | ClientOrder): void {
  program.child.send(what);
}

function report(client: Program): Promise<ClientFigures> {
  order(client, 'report');
  return client.message<ClientFigures>('the client', ANSWER_LIMIT_MS);
}

/** Until the proxy's descriptors have not changed for so long; on a busy machine it takes a while to see every end. */
async function quiet(proxy: Proxy, ms: number): Promise<void> {
  const giveUpAt = performance.now() + ms + COMPLETE_LIMIT_MS;
  let last = -1;
  while (performance.now() < giveUpAt && last !== (last = proxy.openFiles())) await pause(ms);
}

function count(attacker: Program): Promise<AttackCounts> {
  order(attacker, 'count');
  return attacker.message<AttackCounts>('the attacker', ANSWER_LIMIT_MS);
}

/** @param isComplete asked when the time is up; what is not by then goes on, up to {@link COMPLETE_LIMIT_MS} more */
async function stretch(
  proxy: Proxy,
  client: Program,
  ms: number,
  isComplete: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<Stretch> {
  const cpuBefore = cpuTime([proxy.pid]);
  const begun = performance.now();
  let residentKib = 0;
  let openFiles = 0;
  const sample = (): void => {
    residentKib = Math.max(residentKib, proxy.residentKib());
    openFiles = Math.max(openFiles, proxy.openFiles());
  };
  const timer = setInterval(sample, SAMPLE_MS);
  await pause(ms);
  while (performance.now() < begun + ms + COMPLETE_LIMIT_MS && !(await isComplete())) await pause(SAMPLE_MS);
  clearInterval(timer);
  sample();
  const cpu = cpuTime([proxy.pid]);
  const spent = cpu.user + cpu.system - cpuBefore.user - cpuBefore.system;
  return { client: await report(client), residentKib, openFiles, load: spent / (performance.now() - begun) };
}
