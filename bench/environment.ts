/** Where and with what a run took place: no figure is worth anything without it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export interface Environment {
  /** UTC, to the second. */
  readonly date: string;
  readonly node: string;
  readonly v8: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly wirehop: string;
  readonly llhttpWasm: string;
  readonly benchmarkJs: string;
}

export function environment(): Environment {
  const require = createRequire(import.meta.url);
  const versionOf = (file: string): string =>
    (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  const installed = (name: string): string => versionOf(require.resolve(`${name}/package.json`));
  return {
    date: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    node: process.version,
    v8: process.versions.v8,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    wirehop: versionOf(new URL('../../package.json', import.meta.url).pathname),
    llhttpWasm: installed('llhttp-wasm'),
    benchmarkJs: installed('benchmark'),
  };
}

/** A few lines to print above the tables. */
export function describeEnvironment(found: Environment): string {
  return [
    `wirehop ${found.wirehop}, ${found.date}`,
    `Node ${found.node} (V8 ${found.v8}), ${found.cores} cores of ${found.cpu}, ${found.memoryGib} GiB, Linux ${found.kernel}`,
    `llhttp-wasm ${found.llhttpWasm}, benchmark.js ${found.benchmarkJs}`,
  ].join('\n');
}
