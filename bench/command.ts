/** How the bench's commands end: with an exit code, whatever happens, and with nothing left running. */
import { cleanUp } from '../test/e2e/harness.js';
import { clearProgress } from './progress.js';
import { CheckError } from './suite.js';

/**
 * Runs a command, whose result is the exit code; 1 when it throws. A RangeError and what parseArgs throws are told in
 * their own words, a {@link CheckError} as such, all else with its stack. SIGINT and SIGTERM end what was started.
 */
export function runCommand(main: () => Promise<number>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void cleanUp().finally(() => process.exit(1)));
  }
  main().then(
    (code) => (process.exitCode = code),
    (error: unknown) => {
      clearProgress();
      process.stderr.write(`${explained(error as Error & { code?: string })}\n`);
      process.exitCode = 1;
    },
  );
}

function explained(error: Error & { code?: string }): string {
  const { message, stack, code = '' } = error;
  if (error instanceof CheckError) return `check failed: ${message}`;
  if (error instanceof RangeError || code.startsWith('ERR_PARSE_ARGS')) return message;
  return stack ?? message;
}

/** Writes to stdout; answers the exit code of a command that has nothing else to say. */
export function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
