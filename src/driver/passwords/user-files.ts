/**
 * User files (auth_basic_user_file): who is in them, and with which password. Decides when a file is read: whenever the
 * disk says that it is not the one that was read, so that a change holds from the next request on, as in nginx, which
 * reads it for every request.
 */
import { readFile, stat } from 'node:fs/promises';
import { PasswordChecker, type PasswordVerdict } from './checker.js';

/** Names of files may be made of what clients send, so few are remembered. */
const MOST_FILES = 64;
/**
 * A file that was changed this shortly before it was read may be changed once more in the same tick of the disk's clock,
 * which nobody would see: it is read again. Kernels tick every 1 to 10 ms, network disks up to every 2 s.
 */
const FRESH_MS = 2500;

/** A file as it was when it was read. */
interface UserFile {
  readonly identity: string;
  /** It may have changed without a trace. */
  readonly isFresh: boolean;
  readonly users: ReadonlyMap<string, string>;
}

/** What the file says of a user: a password, or nothing. */
type Found = { readonly stored: string | undefined } | { readonly call: string; readonly code: string };

/** One for a process. */
export class UserFileService {
  private readonly files = new Map<string, UserFile>();
  private readonly checker = new PasswordChecker();

  /** See `UserFiles` in `proxy/access/users.ts`, which this is. */
  async check(
    path: string,
    user: string,
    password: string,
  ): Promise<
    | { kind: PasswordVerdict | 'unknown-user' }
    | { kind: 'unreadable'; readonly call: string; readonly code: string }
  > {
    const found = await this.find(path, user);
    if ('code' in found) return { kind: 'unreadable', ...found };
    if (found.stored === undefined) return { kind: 'unknown-user' };
    return { kind: await this.checker.check(password, found.stored) };
  }

  /** Ends what runs beside. */
  close(): void {
    this.checker.close();
  }

  private async find(path: string, user: string): Promise<Found> {
    try {
      const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
      const identity = [dev, ino, size, mtimeMs, ctimeMs].join();
      const known = this.files.get(path);
      if (known?.identity === identity && !known.isFresh) return { stored: known.users.get(user) };
      const isFresh = Date.now() - Math.max(mtimeMs, ctimeMs) < FRESH_MS;
      const users = readUsers(await readFile(path, 'latin1'));
      this.keep(path, { identity, isFresh, users });
      return { stored: users.get(user) };
    } catch (error) {
      this.files.delete(path);
      const { syscall = 'read', code = 'EIO' } = error as NodeJS.ErrnoException;
      // The calls that nginx would have made.
      return { call: syscall === 'read' ? 'pread' : 'open', code };
    }
  }

  private keep(path: string, file: UserFile): void {
    this.files.delete(path);
    this.files.set(path, file);
    if (this.files.size <= MOST_FILES) return;
    const [oldest] = this.files.keys();
    this.files.delete(oldest);
  }
}

/** `name:password`, or `name:password:comment`, on a line each; the first line of a name holds. */
export function readUsers(text: string): Map<string, string> {
  const users = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 0 || line.startsWith('#')) continue;
    const name = line.slice(0, colon);
    if (!users.has(name)) users.set(name, line.slice(colon + 1).split(/[:\r]/, 1)[0]);
  }
  return users;
}
