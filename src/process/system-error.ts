/**
 * Words for a failed system call, as nginx and strerror(3) put them: `98: Address already in use`. Decides nothing.
 */
import { getSystemErrorMap } from 'node:util';

/** Where libuv's words differ from the C library's, which is what people search for. */
const C_LIBRARY_WORDS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ENOTSOCK: 'Socket operation on non-socket',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  EMFILE: 'Too many open files',
  ENAMETOOLONG: 'File name too long',
};

/** `NUMBER: Words` for an error of Node's, or its message when no errno is behind it. */
export function describeErrno(error: unknown): string {
  const { errno, code, message } = error as NodeJS.ErrnoException;
  if (errno === undefined || code === undefined) return String(message ?? error);
  const words = C_LIBRARY_WORDS[code] ?? getSystemErrorMap().get(errno)?.[1] ?? code;
  return `${Math.abs(errno)}: ${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** `open() "PATH" failed (2: No such file or directory)`. */
export function describeCall(call: string, path: string, error: unknown): string {
  return `${call}() "${path}" failed (${describeErrno(error)})`;
}
