/**
 * The laboratory: an origin, a load program, and proxies between them, each a process of its own, the proxy alone on
 * its core. Starts and ends them, and runs one turn of work through one of them. bench/README.md shows how to use it.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import { cleanUp, freePort, temporaryFolder, until } from '../../test/e2e/harness.js';
import { makeCertificate } from '../peers/commands.js';
import type { ExtraLines, Front, Peer } from '../peers/peer.js';
import { CheckError } from '../suite.js';
import { PATHS } from '../traffic.js';
import { familyOf } from './accounting.js';
import type { LoadJob, LoadResult, LoadShape, OriginReady } from './messages.js';
import { allowOpenFiles } from './open-files.js';
import { isPinning, PROXY_CORE, startOwn, type Program } from './program.js';

/** Time of one turn. */
export interface Effort {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** A peer that serves. */
export interface Started {
  readonly peer: Peer;
  readonly front: Front;
  /** Of 127.0.0.1. */
  readonly port: number;
  /** Everything that it consists of. */
  readonly pids: readonly number[];
  /** Folder of its configuration and logs. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Enough for 10,000 tunnels, which are two connections each. */
const WANTED_OPEN_FILES = 25_000;
const START_LIMIT_MS = 10_000;
const ORIGIN_LIMIT_MS = 5000;
/** A turn answers this long after its time is up at the latest. */
const ANSWER_LIMIT_MS = 20_000;
/** Idle connections have to be opened and tried. */
const IDLE_ANSWER_LIMIT_MS = 200_000;

export class Lab {
  private certificate = '';

  private constructor(
    readonly originPort: number,
    private readonly origin: Program,
    private load: Program,
  ) {}

  /** Starts origin and load program. {@link close} ends all that was started. */
  static async open(): Promise<Lab> {
    allowOpenFiles(WANTED_OPEN_FILES);
    const origin = startOwn('origin');
    const { port } = await origin.message<OriginReady>('the origin', ORIGIN_LIMIT_MS);
    return new Lab(port, origin, startOwn('load'));
  }

  async close(): Promise<void> {
    await cleanUp();
  }

  /**
   * Starts a peer and waits until it serves and does the header work of the bench. Throws a {@link CheckError} when it
   * does not, an Error with what it said when it does not come up.
   */
  async start(peer: Peer, front: Front = 'plain', extra: ExtraLines = {}): Promise<Started> {
    const folder = temporaryFolder();
    const listen = await freePort();
    const program = peer.start({
      front,
      listen,
      origin: this.originPort,
      folder,
      certificate: front === 'tls' ? this.certificateFile() : '',
      extra,
    });
    const port = program === null ? this.originPort : listen;
    await until(
      `${peer.name} to listen`,
      () => {
        if (program?.hasEnded) throw new Error(`${peer.name} ended: ${program.stderr}${logOf(folder)}`);
        return accepts(port);
      },
      START_LIMIT_MS,
    );
    if (peer.rewritesHeads) await checkHeaderWork(peer.name, port, front);
    return {
      peer,
      front,
      port,
      pids: program === null ? [] : familyOf(program.pid),
      folder,
      stop: async () => program?.stop(),
    };
  }

  /** One turn. Throws a {@link CheckError} when anything but the right answers came back. */
  async turn(
    shape: LoadShape,
    { peer, port, pids }: Pick<Started, 'peer' | 'port' | 'pids'>,
    effort: Effort,
  ): Promise<LoadResult> {
    const { warmUpMs, measureMs } = effort;
    const proxyCore = isPinning() && pids.length > 0 ? PROXY_CORE : -1;
    const job: LoadJob = { ...shape, warmUpMs, measureMs, port, pids, originPid: this.origin.pid, proxyCore };
    const what = `${shape.kind} through ${peer.name}`;
    const extraMs = shape.kind.startsWith('idle') ? IDLE_ANSWER_LIMIT_MS : ANSWER_LIMIT_MS;
    this.load.child.send(job);
    let result: LoadResult;
    try {
      result = await this.load.message<LoadResult>(what, 2 * warmUpMs + measureMs + extraMs);
    } catch (error) {
      // Whatever it is still doing must not disturb the next turn.
      await this.load.stop();
      this.load = startOwn('load');
      throw error;
    }
    if (result.failure !== '') throw new CheckError(`${what}: ${result.failure}`);
    return result;
  }

  private certificateFile(): string {
    if (this.certificate === '') this.certificate = makeCertificate(temporaryFolder());
    return this.certificate;
  }
}

/** Microseconds of the proxy's CPU time per operation. */
export function cpuPerOperation({ proxyCpuMs, operations }: LoadResult): number {
  return (proxyCpuMs * 1000) / operations;
}

/** Whether somebody listens. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}

/** Fetches the head as the origin got it and looks for the fields that every proxy must set or keep. */
async function checkHeaderWork(name: string, port: number, front: Front): Promise<void> {
  const head = await fetchHead(port, front);
  for (const line of ['host: bench.example', 'x-real-ip: 127.0.0.1', 'x-forwarded-for: 127.0.0.1']) {
    if (!`${head.toLowerCase()}\r\n`.includes(`\r\n${line}\r\n`))
      throw new CheckError(`${name} did not send "${line}" to the origin: ${JSON.stringify(head)}`);
  }
}

function fetchHead(port: number, front: Front): Promise<string> {
  const ask = front === 'tls' ? secureRequest : request;
  return new Promise((resolve, reject) => {
    const headers = { Host: 'bench.example', Connection: 'close' };
    ask(
      { host: '127.0.0.1', port, path: PATHS.head, headers, agent: false, rejectUnauthorized: false },
      (response) => {
        let text = '';
        response.setEncoding('latin1').on('data', (part: string) => (text += part));
        response.on('end', () => resolve(text)).on('error', reject);
      },
    )
      .on('error', reject)
      .end();
  });
}

function logOf(folder: string): string {
  try {
    return readFileSync(`${folder}/error.log`, 'utf8');
  } catch {
    return '';
  }
}
