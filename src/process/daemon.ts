/**
 * Going into the background (`daemon on`). Node cannot fork: the command is started once more, in a session of its own,
 * and the first one waits until that serves, so that its exit code says what came of it.
 */
import { spawn } from 'node:child_process';
import { writeStderr } from './logs.js';

/** In the environment of the process that is to be the daemon. */
const MARK = 'WIREHOP_DAEMON';

/** What the daemon tells the process that started it, once. */
interface Outcome {
  /** One line for each; none when it serves. */
  readonly failures: readonly string[];
}

/** This process is the daemon, or becomes it: nobody starts it once more. */
export const isDaemon = process.env[MARK] !== undefined && process.send !== undefined;
// Not for workers, nor for anybody else whom the daemon starts.
delete process.env[MARK];

/**
 * Starts this very command as a daemon. Resolves with the exit code of the command: 0 when the daemon serves.
 * @param keepsStderr the daemon logs to stderr
 */
export function startDaemon(keepsStderr: boolean): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    env: { ...process.env, [MARK]: '1' },
    stdio: ['ignore', 'ignore', keepsStderr ? 'inherit' : 'ignore', 'ipc'],
  });
  return new Promise((resolve) => {
    child.once('message', ({ failures }: Outcome) => {
      for (const failure of failures) writeStderr(`wirehop: [emerg] ${failure}\n`);
      child.disconnect();
      child.unref();
      resolve(failures.length === 0 ? 0 : 1);
    });
    child.once('exit', (code, signal) => {
      writeStderr(`wirehop: [emerg] the daemon ended before it served (${signal ?? `exit code ${code}`})\n`);
      resolve(1);
    });
  });
}

/** The daemon serves, or cannot: tells whoever started it. */
export function reportDaemon(failures: readonly string[]): Promise<void> {
  return new Promise((resolve) =>
    process.send?.({ failures } satisfies Outcome, undefined, {}, () => resolve()),
  );
}
