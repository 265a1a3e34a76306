#!/usr/bin/env node
/**
 * The command. Reads its flags, then checks, signals or serves. Every fault that a person can mend is one clear line
 * on stderr and exit code 1; stdout stays silent while serving.
 */
import { resolve } from 'node:path';
import { type CompiledConfig, knowsDirective } from '../config/compile.js';
import { canShareSockets } from '../driver/bound-socket.js';
import type { ErrorLog } from '../proxy/model.js';
import { HELP, isOneLiner, readCommandLine, SIGNALS, UsageError } from './command-line.js';
import type { CommandLine } from './command-line.js';
import { isDaemon, reportDaemon, startDaemon } from './daemon.js';
import { loadConfiguration, resolvePaths } from './configuration.js';
import type { Loaded, Paths } from './configuration.js';
import { Logs, STDERR, writeStderr } from './logs.js';
import { Master, type Ready } from './master.js';
import { readPid } from './pid-file.js';
import { logConfigError, renderConfigError } from './report.js';
import { chooseTransport, obeySignals, Service } from './serve.js';
import { describeCall, describeErrno } from './system-error.js';
import { runWorker } from './worker.js';
import { WORKER_ARGUMENT } from './worker-process.js';
import { fullVersion, ownVersion, shortVersion } from './version.js';

/** Runs the command. Answers the exit code, or undefined when a service now holds the process. */
async function run(args: readonly string[]): Promise<number | undefined> {
  const line = readCommandLine(args);
  if (line.help) return print(HELP);
  if (line.version === 'plain') return print(`wirehop ${ownVersion()}\n`);
  if (line.version !== '') {
    writeStderr(line.version === 'full' ? fullVersion(knowsDirective) : shortVersion());
    return 0;
  }
  const paths = resolvePaths(line);
  if (line.signal !== '') return sendSignal(line, paths);
  const logs = new Logs();
  const fileLog = openFirstLog(logs, paths);
  // What a file logs to that names no error log: the same, unless that cannot be opened.
  const used: Paths = fileLog === null ? { ...paths, errorLog: STDERR } : paths;
  return line.test === '' ? serve(line, used, logs, fileLog) : check(line, used, logs, fileLog);
}

/** -t and -T: opens the logs, as nginx does, and touches neither ports nor the pid file. */
async function check(line: CommandLine, paths: Paths, logs: Logs, fileLog: ErrorLog | null): Promise<number> {
  const loaded = await loadConfiguration(line, paths, logs);
  report(loaded, fileLog);
  if (loaded.config === undefined) {
    writeStderr(`wirehop: configuration file ${paths.file} test failed\n`);
    return 1;
  }
  if (!line.quiet) {
    for (const advice of loaded.advice) writeStderr(renderConfigError('notice', advice, loaded.sources));
    writeStderr(
      `wirehop: the configuration file ${paths.file} syntax is ok\n` +
        `wirehop: configuration file ${paths.file} test is successful\n`,
    );
  }
  if (line.test === 'dump') {
    for (const { path, text } of loaded.sources) {
      print(`# configuration file ${path}:\n`);
      process.stdout.write(Buffer.from(`${text}\n`, 'latin1'));
    }
  }
  return 0;
}

/** -s: tells the process in the pid file. */
async function sendSignal(line: CommandLine, paths: Paths): Promise<number> {
  if (line.signal === '') return 0;
  const loaded = await loadConfiguration(line, paths, null);
  if (loaded.config === undefined) {
    report(loaded, null);
    return 1;
  }
  const pidFile = resolve(paths.prefix, loaded.config.main.pid);
  let pid: number;
  try {
    pid = readPid(pidFile);
  } catch (error) {
    return fail(error instanceof RangeError ? error.message : describeCall('open', pidFile, error));
  }
  try {
    process.kill(pid, SIGNALS[line.signal]);
    return 0;
  } catch (error) {
    return fail(`kill(${pid}, ${SIGNALS[line.signal]}) failed (${describeErrno(error)})`);
  }
}

async function serve(
  line: CommandLine,
  paths: Paths,
  logs: Logs,
  fileLog: ErrorLog | null,
): Promise<number | undefined> {
  let log = fileLog ?? logs.errorLog(STDERR, 'notice');
  catchTheUnforeseen(() => log);
  const loaded = await loadConfiguration(line, paths, logs);
  report(loaded, fileLog);
  if (loaded.config === undefined) {
    if (line.file === '' && !isOneLiner(line)) writeStderr('wirehop: see "wirehop --help"\n');
    return 1;
  }
  if (loaded.config.main.daemon && !isDaemon) return startDaemon(paths.errorLog === STDERR);
  const ready = readyToRun(loaded, loaded.config, paths, logs);
  log = ready.log;
  const failures = await (isOneLiner(line) || !ready.main.masterProcess || !canShareSockets()
    ? serveAlone(line, loaded.config, ready)
    : serveWithWorkers(line, paths, ready));
  for (const failure of failures) {
    writeStderr(`wirehop: [emerg] ${failure}\n`);
    fileLog?.log('emerg', failure);
  }
  if (isDaemon) await reportDaemon(failures);
  return failures.length === 0 ? undefined : 1;
}

/** This process serves. Returns what failed at start. */
async function serveAlone(
  line: CommandLine,
  config: CompiledConfig,
  ready: Ready,
): Promise<readonly string[]> {
  const { log, logs, pidFile } = ready;
  const transport = await chooseTransport(line.transport, log);
  const service = new Service({ config, transport, logs, log, exit: (code) => process.exit(code) });
  obeySignals(service, log);
  return service.start(isOneLiner(line) ? '' : pidFile);
}

/** Workers serve, and this process looks after them. Returns what failed at start. */
async function serveWithWorkers(line: CommandLine, paths: Paths, first: Ready): Promise<readonly string[]> {
  process.title = `wirehop: master process ${process.argv.slice(2).join(' ')}`;
  const master = new Master({
    line,
    paths,
    first,
    load: async (log) => {
      const logs = new Logs();
      const loaded = await loadConfiguration(line, paths, logs);
      for (const warning of loaded.warnings) log.log('warn', logConfigError(warning));
      for (const error of loaded.errors) log.log('emerg', logConfigError(error));
      if (loaded.config !== undefined) return readyToRun(loaded, loaded.config, paths, logs);
      logs.close();
      return null;
    },
    exit: (code) => process.exit(code),
  });
  master.obeySignals();
  return master.start();
}

function readyToRun(loaded: Loaded, config: CompiledConfig, paths: Paths, logs: Logs): Ready {
  const { main } = config;
  return {
    main,
    addresses: config.listeners.map(({ address }) => address),
    snapshot: loaded.snapshot,
    logs,
    log: main.errorLog ?? logs.errorLog(paths.errorLog, 'error'),
    pidFile: resolve(paths.prefix, main.pid),
  };
}

/**
 * The error log that holds until the configuration names others: -e, or logs/error.log. null when it is stderr, by wish
 * or because the file cannot be opened: what happens at start is told there anyway.
 */
function openFirstLog(logs: Logs, paths: Paths): ErrorLog | null {
  if (paths.errorLog === STDERR) return null;
  try {
    return logs.errorLog(paths.errorLog, 'notice');
  } catch (error) {
    const why = describeCall('open', paths.errorLog, error);
    writeStderr(`wirehop: [alert] could not open error log file: ${why}; messages go to stderr\n`);
    return null;
  }
}

/** Every fault of a configuration: for people on stderr, one line each in the file. */
function report(loaded: Loaded, fileLog: ErrorLog | null): void {
  for (const warning of loaded.warnings) {
    writeStderr(renderConfigError('warn', warning, loaded.sources));
    fileLog?.log('warn', logConfigError(warning));
  }
  for (const error of loaded.errors) {
    writeStderr(renderConfigError('emerg', error, loaded.sources));
    fileLog?.log('emerg', logConfigError(error));
  }
}

/** An error that nobody foresaw is a fault of wirehop's: its stack goes to the log, and a supervisor starts anew. */
function catchTheUnforeseen(log: () => ErrorLog): void {
  process.on('uncaughtException', (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log().log('alert', `wirehop ends by an error of its own: ${stack}`);
    process.exit(1);
  });
}

/** On stdout, where nothing is ever written while serving. */
function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function fail(text: string): number {
  writeStderr(`wirehop: [error] ${text}\n`);
  return 1;
}

// A reader that has seen enough (`wirehop -T | head`) is no fault.
process.stdout.on('error', () => process.exit(0));

if (process.argv[2] === WORKER_ARGUMENT && process.send !== undefined) runWorker();
else start();

function start(): void {
  run(process.argv.slice(2)).then(
    (code) => {
      if (code !== undefined) process.exitCode = code;
    },
    (error: unknown) => {
      if (!(error instanceof UsageError)) throw error;
      writeStderr(`wirehop: ${error.message}\n`);
      process.exitCode = 1;
    },
  );
}
