/** The command as it is, with a probe inside or a tracer around it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TransportKind } from '../../src/driver/driver.js';
import { freePorts, onCleanUp, soon, temporaryFolder, until } from '../../test/e2e/harness.js';
import { PID_FILE, proxyConfiguration } from '../configuration.js';
import type { Plant } from '../guard/plants.js';
import type { Probed, ProbeRequest } from './probe.js';

const COMMAND = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));
const START_LIMIT_MS = 20_000;
/** The probe sits in the process that serves. */
const ONE_PROCESS = 'master_process off;';

export interface CountedProxyOptions {
  readonly origin: number;
  readonly transport: TransportKind;
  /** A slowdown that is built in, to see whether it is noticed. */
  readonly plant?: Plant | undefined;
  /** What runs the command, such as a tracer; the command's own words are appended. */
  readonly around?: readonly string[];
}

/** A proxy whose inside is looked at. */
export class CountedProxy {
  private constructor(
    readonly port: number,
    readonly folder: string,
    private readonly child: ChildProcess,
  ) {}

  /** Starts the command with the bench's configuration; ended at the next clean-up at the latest. */
  static async start({ origin, transport, plant, around = [] }: CountedProxyOptions): Promise<CountedProxy> {
    const folder = temporaryFolder();
    const [port] = await freePorts(1);
    writeFileSync(
      join(folder, 'nginx.conf'),
      proxyConfiguration({ listen: port, origin, mainLines: ONE_PROCESS }),
    );
    const inside = [plant === undefined ? '' : '../guard/planting.js', './probe.js'];
    const imports = inside
      .filter((file) => file !== '')
      .flatMap((file) => ['--import', new URL(file, import.meta.url).href]);
    const flags = ['--transport', transport, '-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'error.log'];
    const words = [...around, process.execPath, ...imports, COMMAND, ...flags];
    const child = spawn(words[0], words.slice(1), {
      cwd: folder,
      env: { ...process.env, ...(plant === undefined ? {} : { WIREHOP_PLANT: plant }) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const proxy = new CountedProxy(port, folder, child);
    onCleanUp(() => proxy.stop());
    await until(
      'the proxy to serve',
      () => {
        if (child.exitCode !== null) throw new Error(`the proxy ended: ${stderr}`);
        return existsSync(join(folder, PID_FILE));
      },
      START_LIMIT_MS,
    );
    return proxy;
  }

  /** The proxy's own, even with something around it. */
  private get pid(): number {
    return Number(readFileSync(join(this.folder, PID_FILE), 'latin1'));
  }

  /** What the probe says. */
  async probe(request: ProbeRequest): Promise<Probed> {
    const answer = new Promise<Probed>((resolve) =>
      this.child.once('message', (said) => resolve(said as Probed)),
    );
    this.child.send(request);
    return soon('the probe', answer);
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // A tracer would let go of the proxy and end alone.
    const tell = (signal: NodeJS.Signals): void => void process.kill(this.pid, signal);
    tell('SIGTERM');
    const killer = setTimeout(() => tell('SIGKILL'), 5000);
    await ended;
    clearTimeout(killer);
  }
}
