/**
 * The end-to-end smoke run: one origin, every proxy that is there, the same load through each in turns. Decides how
 * long and in which order; the figures are medians over the rounds, ratios are taken within a round.
 */
import { cleanUp } from '../../test/e2e/harness.js';
import { median, summarize, type Summary } from '../statistics.js';
import { CheckError } from '../suite.js';
import { isPinning, startOwn, type Program } from './children.js';
import { hasProc } from './cpu.js';
import type { LoadJob, LoadResult, OriginReady, Work } from './messages.js';
import { endToEndSubjects, type Running, type Subject } from './subjects.js';

/** How much time goes into the run. */
export interface EndToEndEffort {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Load through each proxy before the first round: code gets optimized, pools fill. */
  readonly settleMs: number;
}

export const FULL_RUN: EndToEndEffort = { rounds: 4, warmUpMs: 150, measureMs: 750, settleMs: 1200 };
export const QUICK_RUN: EndToEndEffort = { rounds: 1, warmUpMs: 200, measureMs: 200, settleMs: 200 };

/** One kind of load. */
export interface WorkKind {
  readonly name: string;
  readonly work: Work;
  readonly connections: number;
  readonly messageOctets: number;
}

export const WORKS: readonly WorkKind[] = [
  { name: 'HTTP keep-alive, 12 B x 64', work: 'http', connections: 64, messageOctets: 0 },
  { name: 'tunnel, 64 B x 64', work: 'tunnel', connections: 64, messageOctets: 64 },
];

/** One work through one subject. */
export interface EndToEndFigures {
  readonly work: string;
  readonly subject: string;
  /** Microseconds of the proxy's CPU time per operation; null without a proxy. */
  readonly cpu: Summary | null;
  /** Share of that spent outside the kernel, 0 to 1; 0 without a proxy. */
  readonly userShare: number;
  /** Operations per second. */
  readonly rate: Summary;
  /** Microseconds. */
  readonly p50: Summary;
  readonly p99: Summary;
  /** The load program's share of its core, 0 to 1. */
  readonly loadShare: number;
  /** CPU per operation against nginx in the same round, median; null where nginx is absent or the subject no proxy. */
  readonly toNginx: number | null;
}

export interface EndToEndReport {
  readonly isPinned: boolean;
  readonly versions: Readonly<Record<string, string>>;
  readonly skipped: readonly { readonly subject: string; readonly reason: string }[];
  readonly figures: readonly EndToEndFigures[];
}

/** A job answers this long after its time is up at the latest. */
const ANSWER_LIMIT_MS = 10_000;
const ORIGIN_LIMIT_MS = 5000;

/**
 * Runs everything. Throws {@link CheckError} when a proxy answers anything but what the origin said. Leaves no process
 * behind, however it ends.
 */
export async function runEndToEnd(
  effort: EndToEndEffort,
  onProgress: (what: string) => void,
): Promise<EndToEndReport> {
  if (!hasProc()) {
    const reason = "CPU time per process is read from Linux's /proc";
    return { isPinned: false, versions: {}, skipped: [{ subject: 'everything', reason }], figures: [] };
  }
  try {
    return await run(effort, onProgress);
  } finally {
    await cleanUp();
  }
}

interface Started {
  readonly subject: Subject;
  readonly running: Running;
}

async function run(effort: EndToEndEffort, onProgress: (what: string) => void): Promise<EndToEndReport> {
  const all = endToEndSubjects();
  const skipped = all.flatMap(({ name, missing }) =>
    missing === null ? [] : [{ subject: name, reason: missing }],
  );
  const { port } = await startOwn('origin').message<OriginReady>('the origin', ORIGIN_LIMIT_MS);
  const load = startOwn('load');
  const started: Started[] = [];
  for (const subject of all.filter(({ missing }) => missing === null)) {
    onProgress(`starting ${subject.name}`);
    started.push({ subject, running: await subject.start(port) });
  }
  for (const one of started) {
    for (const kind of WORKS) {
      onProgress(`settling ${one.subject.name}, ${kind.name}`);
      await apply(load, kind, one, { ...effort, measureMs: effort.settleMs });
    }
  }
  const results = new Map<string, LoadResult[]>();
  for (let round = 0; round < effort.rounds; round++) {
    for (const kind of WORKS) {
      // Each round begins with another subject: none always follows the same one.
      for (let i = 0; i < started.length; i++) {
        const one = started[(i + round) % started.length];
        onProgress(`round ${round + 1} of ${effort.rounds}: ${kind.name}, ${one.subject.name}`);
        const key = keyOf(kind.name, one.subject.name);
        results.set(key, [...(results.get(key) ?? []), await apply(load, kind, one, effort)]);
      }
    }
  }
  const versions = Object.fromEntries(started.map(({ subject }) => [subject.name, subject.version()]));
  const figures = WORKS.flatMap(({ name }) =>
    started.map(({ subject }) => figuresOf(name, subject.name, results)),
  );
  return { isPinned: isPinning(), versions, skipped, figures };
}

/** One turn. */
async function apply(
  load: Program,
  kind: WorkKind,
  { subject, running }: Started,
  { warmUpMs, measureMs }: { readonly warmUpMs: number; readonly measureMs: number },
): Promise<LoadResult> {
  const { work, connections, messageOctets } = kind;
  const job: LoadJob = { work, connections, messageOctets, warmUpMs, measureMs, ...running };
  load.child.send(job);
  const what = `${kind.name} through ${subject.name}`;
  const result = await load.message<LoadResult>(what, warmUpMs + measureMs + ANSWER_LIMIT_MS);
  if (result.failure !== '') throw new CheckError(`${what}: ${result.failure}`);
  return result;
}

function keyOf(work: string, subject: string): string {
  return `${work}/${subject}`;
}

function figuresOf(
  work: string,
  subject: string,
  results: ReadonlyMap<string, readonly LoadResult[]>,
): EndToEndFigures {
  const own = results.get(keyOf(work, subject)) ?? [];
  const nginx = results.get(keyOf(work, 'nginx'));
  const isProxy = subject !== 'no proxy';
  return {
    work,
    subject,
    cpu: isProxy ? summarize(own.map(cpuPerOperation)) : null,
    userShare: isProxy
      ? median(own.map(({ proxyUserMs, proxySystemMs }) => proxyUserMs / (proxyUserMs + proxySystemMs)))
      : 0,
    rate: summarize(own.map(({ operations, elapsedMs }) => (operations * 1000) / elapsedMs)),
    p50: summarize(own.map(({ p50 }) => p50)),
    p99: summarize(own.map(({ p99 }) => p99)),
    loadShare: median(own.map(({ loadCpuMs, elapsedMs }) => loadCpuMs / elapsedMs)),
    toNginx:
      !isProxy || nginx === undefined
        ? null
        : median(own.map((result, round) => cpuPerOperation(result) / cpuPerOperation(nginx[round]))),
  };
}

/** Microseconds. */
function cpuPerOperation({ proxyUserMs, proxySystemMs, operations }: LoadResult): number {
  return ((proxyUserMs + proxySystemMs) * 1000) / operations;
}
