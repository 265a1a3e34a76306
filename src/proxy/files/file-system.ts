/**
 * Questions to the disk: is there such a file, and may it be sent. They are asked at once, as nginx asks them without
 * threads: a name that the system knows costs microseconds. What is in a file is read elsewhere, and never waited for
 * (open-file.ts).
 */
import { closeSync, constants, fstatSync, openSync, statSync, type Stats } from 'node:fs';
import { linkFault, type LinkRule, realPathOf, realPathOfOpen } from './symlinks.js';

/** What was found. */
export interface FoundFile {
  readonly isDirectory: boolean;
  readonly isFile: boolean;
  readonly stats: Stats;
}

/** What was opened. Whoever asked for it closes it. */
export interface OpenedFile extends FoundFile {
  readonly descriptor: number;
}

/** Why there is nothing. */
export interface Missing {
  /** A system error code, such as `ENOENT`; `ELOOP` for a symbolic link that is not followed. */
  readonly code: string;
  /** The system call, as nginx's log has it. */
  readonly call: string;
}

/** A FIFO must not be waited for. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** Whether this says that nothing was found. */
export function isMissing(found: FoundFile | Missing): found is Missing {
  return 'code' in found;
}

/** Looks a path up. @param path absolute, Latin-1 */
export function lookUp(path: string, link: LinkRule): FoundFile | Missing {
  const name = Buffer.from(path, 'latin1');
  try {
    const stats = statSync(name, { throwIfNoEntry: false });
    if (stats === undefined) return { code: 'ENOENT', call: 'stat()' };
    const fault = link.mode === 'off' ? '' : linkFault(path, realPathOf(path), link);
    return fault === '' ? foundOf(stats) : { code: fault, call: 'openat()' };
  } catch (error) {
    return { code: codeOf(error), call: 'stat()' };
  }
}

/** Opens a path to be read. A directory is opened and closed again. @param path absolute, Latin-1 */
export function openFile(path: string, link: LinkRule): OpenedFile | Missing {
  let descriptor = -1;
  try {
    descriptor = openSync(Buffer.from(path, 'latin1'), FLAGS);
    const stats = fstatSync(descriptor);
    // Asked of what is open, so that nobody can exchange a name in between.
    const fault = link.mode === 'off' ? '' : linkFault(path, realPathOfOpen(descriptor, path), link);
    if (fault !== '') return { code: fault, call: 'openat()' };
    const found = { ...foundOf(stats), descriptor };
    if (found.isFile) descriptor = -1;
    return found;
  } catch (error) {
    return { code: codeOf(error), call: descriptor < 0 ? 'open()' : 'fstat()' };
  } finally {
    if (descriptor >= 0) closeQuietly(descriptor);
  }
}

/** Closes what may be closed already. */
export function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // Nothing can be done about a file that does not close.
  }
}

function foundOf(stats: Stats): FoundFile {
  return { isDirectory: stats.isDirectory(), isFile: stats.isFile(), stats };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'EIO';
}
