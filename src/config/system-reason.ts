/**
 * The system's errors in the system's words, as nginx prints them.
 */
const WORDS: Readonly<Record<string, string>> = {
  EPERM: '1: Operation not permitted',
  ENOENT: '2: No such file or directory',
  EACCES: '13: Permission denied',
  ENOTDIR: '20: Not a directory',
  EISDIR: '21: Is a directory',
  EMFILE: '24: Too many open files',
  EROFS: '30: Read-only file system',
  ELOOP: '40: Too many levels of symbolic links',
};

/** `2: No such file or directory` for ENOENT; the code itself, or the message, for others. */
export function systemReason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return WORDS[code ?? ''] ?? code ?? message ?? String(error);
}
