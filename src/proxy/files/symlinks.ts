/**
 * `disable_symlinks`: which symbolic links on the way to a file are followed. wirehop has one mode more than nginx, and it
 * is the default: `inside`, links that stay below the root.
 */
import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';

/** `inside` follows links that end below the root; the others are nginx's. */
export type LinkMode = 'inside' | 'off' | 'on' | 'if_not_owner';

/** What holds for one lookup. */
export interface LinkRule {
  readonly mode: LinkMode;
  /** `root` or `alias` of the path. */
  readonly root: string;
  /** Octets at the beginning of the path in which links are followed in any case (from=). */
  readonly trusted: number;
}

/**
 * Why a path may not be used for the sake of its links, as a system error; '' where it may.
 * @param path as it was asked for, Latin-1
 * @param real where it leads, Latin-1
 */
export function linkFault(path: string, real: string, { mode, root, trusted }: LinkRule): LinkFault {
  if (real === path || real === trimmed(posix.normalize(path))) return '';
  if (mode === 'inside') return isBelow(real, realPathOf(root)) ? '' : 'ELOOP';
  const rest = path.slice(trusted);
  const start = trusted === 0 ? '' : realPathOf(path.slice(0, trusted));
  if (mode === 'if_not_owner') return hasStrangersLink(start, rest) ? 'ELOOP' : '';
  const plain = trimmed(posix.normalize(`${start}/${rest}`));
  if (real === plain) return '';
  // What Linux says where a directory is wanted and a link stands.
  return realPathOf(posix.dirname(plain)) === posix.dirname(plain) ? 'ELOOP' : 'ENOTDIR';
}

export type LinkFault = '' | 'ELOOP' | 'ENOTDIR';

/** Whether a link on the way belongs to somebody else than what it leads to. */
function hasStrangersLink(start: string, rest: string): boolean {
  let at = start;
  for (const part of rest.split('/')) {
    if (part === '' || part === '.') continue;
    at += `/${part}`;
    const name = Buffer.from(at, 'latin1');
    const link = lstatSync(name);
    if (link.isSymbolicLink() && link.uid !== statSync(name).uid) return true;
  }
  return false;
}

function isBelow(real: string, root: string): boolean {
  return real === root || real.startsWith(root === '/' ? '/' : `${root}/`);
}

function trimmed(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Where a path leads. Throws the system's error. */
export function realPathOf(path: string): string {
  return realpathSync.native(Buffer.from(path, 'latin1'), 'buffer').toString('latin1');
}

/** Where an open file stands: Linux tells by its descriptor; elsewhere its path is followed once more. */
export function realPathOfOpen(descriptor: number, path: string): string {
  try {
    const real = readlinkSync(`/proc/self/fd/${descriptor}`, 'buffer').toString('latin1');
    if (real.startsWith('/')) return real;
  } catch {
    // No such file system here.
  }
  return realPathOf(path);
}
